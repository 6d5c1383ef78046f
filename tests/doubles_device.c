// SPDX-License-Identifier: GPL-2.0-or-later
/* Doubles that negotiate features or climb the status ladder as they like. */
#include "doubles.h"

#define BIT(n) (1ULL << (n))
#define DRIVER_OK                                               \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
	 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

/* The acknowledged bits on their way to the device. */
static u64 bits_set, bits_cleared;

static int write_other_bits(struct virtio_device *vdev, unsigned int word,
			    u32 bits)
{
	bits |= (u32)(bits_set >> (32 * word));
	bits &= (u32) ~(bits_cleared >> (32 * word));
	return real_transport->regs->driver_features(vdev, word, bits);
}

static void install_acks_unoffered(void)
{
	bits_set = BIT(VIRTIO_F_RING_RESET);
	bits_cleared = 0;
	double_registers()->driver_features = write_other_bits;
}

static void install_acks_less(void)
{
	bits_set = 0;
	bits_cleared = BIT(VIRTIO_RING_F_EVENT_IDX);
	double_registers()->driver_features = write_other_bits;
}

/* A core that gives a bit up, at the device and for itself. */
static u64 bits_declined;

static int decline_bits(struct virtio_device *vdev, u8 status)
{
	struct virtio_core *core = vdev->core;

	if (status & VIRTIO_CONFIG_S_FEATURES_OK && !core->features_ok) {
		core->features &= ~bits_declined;
		real_transport->regs->driver_features(
			vdev, 1, (u32)(core->features >> 32));
	}
	return real_transport->set_status(vdev, status);
}

static void install_declines_version_1(void)
{
	bits_declined = BIT(VIRTIO_F_VERSION_1);
	double_transport()->set_status = decline_bits;
}

static void install_declines_platform(void)
{
	bits_declined = BIT(VIRTIO_F_ACCESS_PLATFORM);
	double_transport()->set_status = decline_bits;
}

static void change_event_idx(struct vring *vring)
{
	vring->event_idx = !vring->event_idx;
}

static void install_other_event_idx(void)
{
	double_found(change_event_idx);
}

static int skip_acknowledge(struct virtio_device *vdev, u8 status)
{
	if (status == VIRTIO_CONFIG_S_ACKNOWLEDGE)
		return 0;
	return real_transport->set_status(vdev, status);
}

static void install_skips_acknowledge(void)
{
	double_transport()->set_status = skip_acknowledge;
}

static int skip_features_ok(struct virtio_device *vdev, u8 status)
{
	if (status == (DRIVER_OK & ~VIRTIO_CONFIG_S_DRIVER_OK))
		return 0;
	return real_transport->set_status(vdev, status);
}

/* A device that shows what was not written: else the core gives up itself. */
static int show_shadow(struct virtio_device *vdev)
{
	(void)real_transport->get_status(vdev);
	return vdev->core->status;
}

static void install_skips_features_ok(void)
{
	struct virtio_transport_ops *transport = double_transport();

	transport->set_status = skip_features_ok;
	transport->get_status = show_shadow;
}

static int step_back(struct virtio_device *vdev, u8 status)
{
	int err = real_transport->set_status(vdev, status);

	if (status == DRIVER_OK)
		real_transport->set_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	return err;
}

static void install_steps_back(void)
{
	double_transport()->set_status = step_back;
}

static struct virtqueue *find_too_early(struct virtio_device *vdev,
					bool (*callback)(struct virtqueue *vq))
{
	vdev->core->features_ok = true;
	return virtio_config_fields_ops.find_vq(vdev, callback);
}

static void install_finds_too_early(void)
{
	double_config()->find_vq = find_too_early;
}

static void work_nothing(void)
{
}

static void work_offer_platform(void)
{
	const struct step offer = { .op = OP_CONFIG_FEATURES, .a = 1, .c = 3 };

	lab_unbind();
	lab_step_config(&offer);
	lab_bind();
}

const struct double_case device_doubles[] = {
	{
		.name = "bits are acknowledged that were not offered",
		.oracle = ORACLE_FEATURES,
		.says = "bits %#llx are acknowledged",
		.flags = WITH_REGISTERS,
		.install = install_acks_unoffered,
		.work = work_nothing,
	},
	{
		.name = "the device is told of fewer features",
		.oracle = ORACLE_FEATURES,
		.says = "the driver goes by",
		.flags = WITH_REGISTERS | WITH_EVENT_IDX,
		.install = install_acks_less,
		.work = work_nothing,
	},
	{
		.name = "VERSION_1 is declined",
		.oracle = ORACLE_FEATURES,
		.says = "VERSION_1 is not agreed",
		.flags = WITH_REGISTERS,
		.install = install_declines_version_1,
		.work = work_nothing,
	},
	{
		.name = "ACCESS_PLATFORM is declined",
		.oracle = ORACLE_FEATURES,
		.says = "ACCESS_PLATFORM was declined",
		.flags = WITH_REGISTERS,
		.install = install_declines_platform,
		.work = work_offer_platform,
	},
	{
		.name = "a queue has another ring than was agreed",
		.oracle = ORACLE_FEATURES,
		.says = "the event index of queue",
		.flags = WITH_EVENT_IDX,
		.install = install_other_event_idx,
		.work = work_nothing,
	},
	{
		.name = "ACKNOWLEDGE is skipped",
		.oracle = ORACLE_STATUS,
		.says = "status %llu was followed by",
		.install_bound = install_skips_acknowledge,
		.work = work_rebind,
	},
	{
		.name = "FEATURES_OK comes with DRIVER_OK",
		.oracle = ORACLE_STATUS,
		.says = "queue %llu was set up though",
		.install = install_skips_features_ok,
		.work = work_nothing,
	},
	{
		.name = "the ladder is climbed down",
		.oracle = ORACLE_STATUS,
		.says = "status %llu was followed by",
		.install = install_steps_back,
		.work = work_nothing,
	},
	{
		.name = "queues are set up before the features are agreed",
		.oracle = ORACLE_STATUS,
		.says = "queue %llu was set up though",
		.install = install_finds_too_early,
		.work = work_nothing,
	},
	{ .name = NULL },
};
