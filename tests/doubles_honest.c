// SPDX-License-Identifier: GPL-2.0-or-later
/* Doubles that refuse an honest device, or spoil what it delivers. */
#include "doubles.h"

static int refuse_device(struct virtio_device *vdev)
{
	(void)vdev;
	return -ENODEV;
}

static void install_probe_refuses(void)
{
	lab.plain.probe = refuse_device;
}

static int find_nothing(struct virtio_device *vdev)
{
	(void)vdev;
	return 0;
}

static void install_finds_no_queue(void)
{
	lab.plain.probe = find_nothing;
}

/* Damage of the private copy: the bytes of the first field of a type. */
static u8 *private_bytes_of(u8 type)
{
	u8 *config = lab.lb.vdev.core->config;

	while (config[0] != type)
		config += 2 + config[1];
	return config + 2;
}

static void install_changes_bytes(void)
{
	private_bytes_of(0x41)[5] = 0;
}

static void install_changes_value(void)
{
	private_bytes_of(0x42)[1] = 0;
}

static void install_changes_registers(void)
{
	private_bytes_of(VIRTIO_CONFIG_F_DEVICE)[5] ^= 0xff;
}

static void install_forgets_feature(void)
{
	lab.lb.vdev.core->features &= ~(1ULL << VIRTIO_RING_F_EVENT_IDX);
}

static int add_fails(struct virtqueue *vq, struct scatterlist sg[],
		     unsigned int out_num, unsigned int in_num, void *data)
{
	(void)vq;
	(void)sg;
	(void)out_num;
	(void)in_num;
	(void)data;
	return -EIO;
}

static void install_add_fails(void)
{
	double_queue()->add_buf = add_fails;
}

static int add_framed_fails(struct virtqueue *vq,
			    const struct virtqueue_frame *frame,
			    struct scatterlist sg[], unsigned int num,
			    bool write, void *data)
{
	(void)vq;
	(void)frame;
	(void)sg;
	(void)num;
	(void)write;
	(void)data;
	return -EIO;
}

static void install_add_framed_fails(void)
{
	double_queue()->add_framed = add_framed_fails;
}

/* The first piece of the last buffer that the device was to write. */
static u8 *posted_in;

static int add_notes(struct virtqueue *vq, struct scatterlist sg[],
		     unsigned int out_num, unsigned int in_num, void *data)
{
	posted_in = sg[out_num].addr;
	return vring_split_ops.add_buf(vq, sg, out_num, in_num, data);
}

static int add_framed_notes(struct virtqueue *vq,
			    const struct virtqueue_frame *frame,
			    struct scatterlist sg[], unsigned int num,
			    bool write, void *data)
{
	posted_in = sg[0].addr;
	return vring_split_ops.add_framed(vq, frame, sg, num, write, data);
}

static void *get_spoils(struct virtqueue *vq, unsigned int *len)
{
	void *token = vring_split_ops.get_buf(vq, len);

	/* One byte is the status of a block request: it stays. */
	if (token && *len > 1)
		*posted_in ^= 0xff;
	return token;
}

static void install_get_spoils(void)
{
	struct virtqueue_ops *ops = double_queue();

	ops->add_buf = add_notes;
	ops->add_framed = add_framed_notes;
	ops->get_buf = get_spoils;
}

const struct double_case honest_doubles[] = {
	{
		.name = "probe refuses an honest device",
		.oracle = ORACLE_HONEST,
		.says = "the driver was not bound",
		.install = install_probe_refuses,
		.work = honest_queues,
	},
	{
		.name = "an honest device's queues are not looked for",
		.oracle = ORACLE_HONEST,
		.says = "no queue was found",
		.install = install_finds_no_queue,
		.work = honest_queues,
	},
	{
		.name = "bytes of an honest field are changed",
		.oracle = ORACLE_HONEST,
		.says = "the bytes of a field",
		.install_bound = install_changes_bytes,
		.work = honest_fields,
	},
	{
		.name = "an honest value is changed",
		.oracle = ORACLE_HONEST,
		.says = "a 16-bit field",
		.install_bound = install_changes_value,
		.work = honest_fields,
	},
	{
		.name = "an honest register is changed",
		.oracle = ORACLE_HONEST,
		.says = "the device configuration",
		.flags = WITH_REGISTERS,
		.install_bound = install_changes_registers,
		.work = honest_fields,
	},
	{
		.name = "a feature of an honest device is forgotten",
		.oracle = ORACLE_HONEST,
		.says = "the features are",
		.flags = WITH_EVENT_IDX | WITH_INDIRECT,
		.install_bound = install_forgets_feature,
		.work = honest_negotiation,
	},
	{
		.name = "random bytes are never taken",
		.oracle = ORACLE_HONEST,
		.says = "no random bytes came",
		.device = LAB_ENTROPY,
		.install_bound = install_get_is_blind,
		.work = honest_session,
	},
	{
		.name = "a block request never ends",
		.oracle = ORACLE_HONEST,
		.says = "an honest request ended",
		.device = LAB_BLOCK,
		.install_bound = install_get_is_blind,
		.work = honest_session,
	},
	{
		.name = "random bytes are not asked for",
		.oracle = ORACLE_HONEST,
		.says = "virtio_entropy_read failed",
		.device = LAB_ENTROPY,
		.install_bound = install_add_fails,
		.work = honest_session,
	},
	{
		.name = "a block request is not passed on",
		.oracle = ORACLE_HONEST,
		.says = "an honest request was refused",
		.device = LAB_BLOCK,
		.install_bound = install_add_framed_fails,
		.work = honest_session,
	},
	{
		.name = "random bytes are spoilt",
		.oracle = ORACLE_DATA,
		.says = "random byte %llu",
		.device = LAB_ENTROPY,
		.install_bound = install_get_spoils,
		.work = honest_session,
	},
	{
		.name = "a block is spoilt",
		.oracle = ORACLE_DATA,
		.says = "a block came back",
		.device = LAB_BLOCK,
		.install_bound = install_get_spoils,
		.work = honest_session,
	},
	{ .name = NULL },
};
