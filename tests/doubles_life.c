// SPDX-License-Identifier: GPL-2.0-or-later
/* Doubles that do not look where they must, or go on where they must not. */
#include "doubles.h"

/* The status of these is their own word for what the device shows. */
static u8 blind_from;

static int look_at_shadow(struct virtio_device *vdev)
{
	if (vdev->core->status < blind_from)
		return real_transport->get_status(vdev);
	return vdev->core->status;
}

static void install_never_looks(void)
{
	blind_from = 0;
	double_transport()->get_status = look_at_shadow;
}

#define BEFORE_DRIVER_OK                                        \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
	 VIRTIO_CONFIG_S_FEATURES_OK)

/* It looks once when the features are settled, and not again. */
static int look_until_setup(struct virtio_device *vdev)
{
	if (vdev->core->vqs)
		return vdev->core->status;
	return real_transport->get_status(vdev);
}

static void install_does_not_look_again(void)
{
	double_transport()->get_status = look_until_setup;
}

static void install_does_not_look_at_changes(void)
{
	blind_from = BEFORE_DRIVER_OK | VIRTIO_CONFIG_S_DRIVER_OK;
	double_transport()->get_status = look_at_shadow;
}

static int ask_on(struct virtio_device *vdev)
{
	int i, status = -ENODEV;

	for (i = 0; i < 20 && status < 0; i++)
		status = real_transport->get_status(vdev);
	return status;
}

static int look_twice(struct virtio_device *vdev)
{
	(void)real_transport->get_status(vdev);
	return real_transport->get_status(vdev);
}

static void install_looks_twice(void)
{
	double_transport()->get_status = look_twice;
}

static void install_asks_on(void)
{
	double_transport()->get_status = ask_on;
}

static int probe_says_ready_twice(struct virtio_device *vdev)
{
	int err = virtio_device_ready(vdev);

	vdev->core->ready = false;
	return err;
}

static void install_ready_twice(void)
{
	lab.plain.probe = probe_says_ready_twice;
}

/* The notification that waits for DRIVER_OK is forgotten. */
static void kick_forgets(struct virtqueue *vq)
{
	vring_split_ops.kick(vq);
	to_vring(vq)->state.notify_pending = false;
}

static void change_kick(struct vring *vring)
{
	(void)vring;
	double_queue()->kick = kick_forgets;
}

static void install_kick_forgets(void)
{
	double_found(change_kick);
}

static void *get_arms_anyway(struct virtqueue *vq, unsigned int *len)
{
	struct vring *vring = to_vring(vq);
	void *token = vring_split_ops.get_buf(vq, len);

	shared_write16(&vring->avail->ring[vq->num], vring->state.last_used);
	return token;
}

static void install_get_arms_anyway(void)
{
	double_queue()->get_buf = get_arms_anyway;
}

/* Off, but with an event that is reached at once; or with no word at all. */
static bool restart_leaves_event(struct virtqueue *vq)
{
	struct vring *vring = to_vring(vq);
	bool again = vring_split_ops.restart(vq);

	if (vring->event_idx)
		shared_write16(&vring->avail->ring[vq->num],
			       vring->state.last_used);
	else
		shared_write16(&vring->avail->flags, 0);
	return again;
}

static void install_restart_leaves_event(void)
{
	double_queue()->restart = restart_leaves_event;
}

/* Private state that says: something was used. */
static void kick_sees_work(struct virtqueue *vq)
{
	vring_split_ops.kick(vq);
	to_vring(vq)->state.callback_off = true;
	to_vring(vq)->state.used_idx++;
}

static void install_kick_sees_work(void)
{
	double_queue()->kick = kick_sees_work;
}

/* A driver that is bound although its probe failed, and one that nobody told
 * the device of.
 */
static int probe_fails_and_is_ready(struct virtio_device *vdev)
{
	lab.probe_result = -ENOMEM;
	return virtio_device_ready(vdev);
}

static void install_ready_after_failure(void)
{
	lab.plain.probe = probe_fails_and_is_ready;
}

static int set_no_driver_ok(struct virtio_device *vdev, u8 status)
{
	if (status & VIRTIO_CONFIG_S_DRIVER_OK)
		return 0;
	return real_transport->set_status(vdev, status);
}

static void install_sets_no_driver_ok(void)
{
	double_transport()->set_status = set_no_driver_ok;
}

/* The core is told that a device is broken by another reason, later. */
static int ask_and_break(struct virtio_device *vdev)
{
	if (vdev->core->broken)
		vdev->core->broken = VIRTIO_BROKEN_CONFIG;
	return real_transport->get_status(vdev);
}

static void install_breaks_anew(void)
{
	double_transport()->get_status = ask_and_break;
}

static int set_no_failed(struct virtio_device *vdev, u8 status)
{
	return real_transport->set_status(vdev,
					  status & (u8)~VIRTIO_CONFIG_S_FAILED);
}

static void install_hides_failure(void)
{
	double_transport()->set_status = set_no_failed;
	lab.probe = PROBE_FAILS;
}

static int set_no_reset(struct virtio_device *vdev, u8 status)
{
	if (!status && lab.status == VIRTIO_CONFIG_S_ACKNOWLEDGE)
		return 0;
	return real_transport->set_status(vdev, status);
}

static void install_resets_never(void)
{
	double_transport()->set_status = set_no_reset;
}

static int set_any_status(struct virtio_device *vdev, u8 status)
{
	(void)vdev;
	(void)status;
	return 0;
}

static void install_sets_any_status(void)
{
	double_config()->set_status = set_any_status;
}

static int reset_without_asking(struct virtqueue *vq)
{
	vq->vdev->transport->reset_vq(vq->vdev, vq->index);
	return vring_split_ops.reset(vq);
}

static void install_resets_without_asking(void)
{
	double_queue()->reset = reset_without_asking;
}

static void kick_though_broken(struct virtqueue *vq)
{
	vring_split_ops.kick(vq);
	if (to_vring(vq)->broken)
		vring_notify(to_vring(vq));
}

static void install_kicks_though_broken(void)
{
	double_queue()->kick = kick_though_broken;
}

/* Attributes that are not there, or are others. */
static void install_hides_core(void)
{
	lab.lb.vdev.id.vendor = 7;
	lab.added = false;
}

static void install_other_features(void)
{
	lab.lb.vdev.core->features ^= 1;
}

static int skip_alone(struct virtio_device *vdev, u8 status)
{
	if (status == VIRTIO_CONFIG_S_ACKNOWLEDGE)
		return 0;
	return real_transport->set_status(vdev, status);
}

static void install_adds_in_silence(void)
{
	double_transport()->set_status = skip_alone;
}

static int skip_driver(struct virtio_device *vdev, u8 status)
{
	if (status == (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER))
		return 0;
	return real_transport->set_status(vdev, status);
}

static void install_skips_driver(void)
{
	double_transport()->set_status = skip_driver;
}

/* Private state that says: the driver gave up. */
static void install_has_failed(void)
{
	lab.lb.vdev.core->ready = false;
	lab.lb.vdev.core->status = VIRTIO_CONFIG_S_FAILED;
}

static void install_hears_of_no_change(void)
{
	lab.plain.config_changed = NULL;
}

static void work_nothing(void)
{
}

static void work_ready(void)
{
	const struct step ready = { .op = OP_DRIVER_READY };

	lab_step_driver(&ready);
}

static void work_agree(void)
{
	const struct step agree = { .op = OP_DRIVER_AGREE };

	lab_step_driver(&agree);
}

static void work_change(void)
{
	const struct step change = { .op = OP_DEVICE_CONFIG_CHANGE };

	lab_step_device(&change);
}

static void work_show(void)
{
	const struct step show = { .op = OP_BUS_SHOW, .a = 3 };

	lab_step_bus(&show);
	lab.added = true;
}

static void work_set_status(void)
{
	const struct step set = { .op = OP_DRIVER_STATUS, .a = 0x40 };

	lab_step_driver(&set);
}

static void work_break_twice(void)
{
	const struct step show = { .op = OP_DEVICE_STATUS, .a = 0x4f };
	const struct step change = { .op = OP_DEVICE_CONFIG_CHANGE };

	lab_step_device(&show);
	lab_step_device(&change);
	lab_unbind();
}

static void work_remove(void)
{
	lab_unbind();
	lab_remove();
}

static void work_reset_queue(void)
{
	model_shutdown(first_queue());
	model_reset_queue(first_queue());
}

static void work_kick_broken(void)
{
	const struct step forged = { .op = OP_DEVICE_USED, .b = 100 };
	u32 len;

	model_add(first_queue(), 0, 1, 0, 32);
	model_kick(first_queue());
	lab_step_device(&forged);
	model_get(first_queue(), &len);
	model_kick(first_queue());
}

static void work_config_change(void)
{
	const struct step show = { .op = OP_DEVICE_STATUS, .a = 0x4f };
	const struct step change = { .op = OP_DEVICE_CONFIG_CHANGE };

	lab_step_device(&show);
	lab_step_device(&change);
}

static void work_slow_reset(void)
{
	const struct step reset = { .op = OP_DRIVER_STATUS, .a = 0 };

	lab.hold_reset = 1000;
	lab_step_driver(&reset);
}

static void work_gone(void)
{
	const struct step change = { .op = OP_DEVICE_CONFIG_CHANGE };

	lab.regs->gone = 1;
	lab_step_device(&change);
}

/* A driver that kicks before its probe returns. */
static void work_kick_in_probe(void)
{
	lab_unbind();
	lab.probe = PROBE_EARLY;
	lab_bind();
}

/* There was something when callbacks were to be turned on: they are off. */
static void work_restart_in_vain(void)
{
	work_used();
	model_restart(first_queue());
}

static void work_get_while_off(void)
{
	u32 len;

	work_restart_in_vain();
	model_get(first_queue(), &len);
}

static void work_interrupt_without_callback(void)
{
	struct model *model = first_queue();

	model_add(model, 0, 1, 0, 32);
	model_kick(model);
	model->callbacks = false;
	model_interrupt(0);
}

const struct double_case life_doubles[] = {
	{
		.name = "a reset is not waited for at registration",
		.oracle = ORACLE_STATUS,
		.says = "a device is registered that",
		.install = install_never_looks,
		.work = work_nothing,
	},
	{
		.name = "a reset is not waited for",
		.oracle = ORACLE_STATUS,
		.says = "a driver came before",
		.install_bound = install_never_looks,
		.work = work_rebind,
	},
	{
		.name = "the status is not looked at again after probe",
		.oracle = ORACLE_STATUS,
		.says = "DRIVER_OK was set while",
		.install = install_does_not_look_again,
		.work = work_nothing,
	},
	{
		.name = "a change is not looked at",
		.oracle = ORACLE_STATUS,
		.says = "after a change the device shows",
		.install = install_does_not_look_at_changes,
		.work = work_config_change,
	},
	{
		.name = "DRIVER_OK is set twice",
		.oracle = ORACLE_STATUS,
		.says = "status %llu was followed by",
		.install = install_ready_twice,
		.work = work_nothing,
	},
	{
		.name = "a driver whose probe failed is bound",
		.oracle = ORACLE_STATUS,
		.says = "a driver was bound whose probe",
		.install = install_ready_after_failure,
		.work = work_nothing,
	},
	{
		.name = "a driver is bound and the device is not told",
		.oracle = ORACLE_STATUS,
		.says = "a driver was bound at status",
		.install = install_sets_no_driver_ok,
		.work = work_nothing,
	},
	{
		.name = "a device is added and not told",
		.oracle = ORACLE_STATUS,
		.says = "a device was added with",
		.install = install_adds_in_silence,
		.work = work_nothing,
	},
	{
		.name = "a driver probes before the device knows",
		.oracle = ORACLE_STATUS,
		.says = "a driver probes at status",
		.install = install_skips_driver,
		.work = work_nothing,
	},
	{
		.name = "a device that is ready is not",
		.oracle = ORACLE_STATUS,
		.says = "virtio_device_ready returned",
		.install_bound = install_has_failed,
		.work = work_ready,
	},
	{
		.name = "features that are agreed are not",
		.oracle = ORACLE_STATUS,
		.says = "virtio_features_agree returned",
		.install_bound = install_has_failed,
		.work = work_agree,
	},
	{
		.name = "a driver does not hear of a change",
		.oracle = ORACLE_CALLBACK,
		.says = "a change was told",
		.install = install_hears_of_no_change,
		.work = work_change,
	},
	{
		.name = "a driver that failed hides it",
		.oracle = ORACLE_STATUS,
		.says = "a driver that failed left",
		.install = install_hides_failure,
		.work = work_nothing,
	},
	{
		.name = "a device is removed as it was",
		.oracle = ORACLE_STATUS,
		.says = "a device was removed",
		.install_bound = install_resets_never,
		.work = work_remove,
	},
	{
		.name = "a driver sets any status",
		.oracle = ORACLE_STATUS,
		.says = "a driver set status",
		.install = install_sets_any_status,
		.work = work_set_status,
	},
	{
		.name = "a device is broken for another reason",
		.oracle = ORACLE_RESULT,
		.says = "the device is broken for reason",
		.install_bound = install_breaks_anew,
		.work = work_break_twice,
	},
	{
		.name = "an attribute of no device is read",
		.oracle = ORACLE_RESULT,
		.says = "attribute %llu has",
		.install_bound = install_hides_core,
		.work = work_show,
	},
	{
		.name = "an attribute is another",
		.oracle = ORACLE_RESULT,
		.says = "attribute %llu reads",
		.install_bound = install_other_features,
		.work = work_show,
	},
	{
		.name = "a queue is reset by a feature that is not agreed",
		.oracle = ORACLE_FEATURES,
		.says = "queue %llu was reset",
		.install_bound = install_resets_without_asking,
		.work = work_reset_queue,
	},
	{
		.name = "a broken queue is notified",
		.oracle = ORACLE_NOTIFY,
		.says = "queue %llu is broken",
		.install_bound = install_kicks_though_broken,
		.work = work_kick_broken,
	},
	{
		.name = "a reset is waited for twice as long",
		.oracle = ORACLE_WORK_BUDGET,
		.says = "a reset was waited for",
		.install_bound = install_looks_twice,
		.work = work_slow_reset,
	},
	{
		.name = "a device that is gone is asked on and on",
		.oracle = ORACLE_WORK_BUDGET,
		.says = "a device that is gone",
		.install = install_asks_on,
		.work = work_gone,
	},
	{
		.name = "a notification is lost at DRIVER_OK",
		.oracle = ORACLE_NOTIFY,
		.says = "queue %llu was kicked before",
		.install = install_kick_forgets,
		.work = work_kick_in_probe,
	},
	{
		.name = "get_buf arms the event while callbacks are off",
		.oracle = ORACLE_WAKEUP,
		.says = "callbacks are off, but",
		.flags = WITH_EVENT_IDX,
		.install_bound = install_get_arms_anyway,
		.work = work_get_while_off,
	},
	{
		.name = "callbacks are turned off by half, by event",
		.oracle = ORACLE_WAKEUP,
		.says = "callbacks are off and used_event",
		.flags = WITH_EVENT_IDX,
		.install_bound = install_restart_leaves_event,
		.work = work_restart_in_vain,
	},
	{
		.name = "callbacks are turned off by half, by flag",
		.oracle = ORACLE_WAKEUP,
		.says = "callbacks of queue %llu are off",
		.install_bound = install_restart_leaves_event,
		.work = work_restart_in_vain,
	},
	{
		.name = "an interrupt is said to have had work",
		.oracle = ORACLE_CALLBACK,
		.says = "there was work for an interrupt",
		.install_bound = install_kick_sees_work,
		.work = work_interrupt_without_callback,
	},
	{ .name = NULL },
};
