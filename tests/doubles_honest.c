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

static int refuse_queue(struct virtio_device *vdev,
			const struct virtio_vq_setup *setup)
{
	(void)vdev;
	(void)setup;
	return -EIO;
}

static void install_refuses_queues(void)
{
	double_transport()->setup_vq = refuse_queue;
}

/* Where in the field space the field of a type has its bytes. */
static u8 *bytes_of(u8 *config, unsigned int len, u8 type)
{
	unsigned int pos;

	for (pos = 0; pos + 2 < len; pos += 2u + config[pos + 1])
		if (config[pos] == type)
			return config + pos + 2;
	return config;
}

static u8 changed_type;
static unsigned int changed_byte;

static int read_changed(struct virtio_device *vdev, unsigned int offset,
			void *buf, unsigned int len)
{
	int err = real_transport->config_read(vdev, offset, buf, len);

	bytes_of(buf, len, changed_type)[changed_byte] = 0;
	return err;
}

static void install_changes_bytes(void)
{
	changed_type = 0x41;
	changed_byte = 5;
	double_transport()->config_read = read_changed;
}

static void install_changes_value(void)
{
	changed_type = 0x42;
	changed_byte = 1;
	double_transport()->config_read = read_changed;
}

/* Bits 24 to 31 are offered by the device, and not seen by the core. */
static void install_overlooks_features(void)
{
	changed_type = VIRTIO_CONFIG_F_VIRTIO;
	changed_byte = 3;
	double_transport()->config_read = read_changed;
}

static int read_other_registers(struct virtio_device *vdev, unsigned int offset,
				void *buf, unsigned int len)
{
	int err = real_transport->regs->config_read(vdev, offset, buf, len);

	((u8 *)buf)[5] ^= 0xff;
	return err;
}

static void install_changes_registers(void)
{
	double_registers()->config_read = read_other_registers;
}

static void *get_is_blind(struct virtqueue *vq, unsigned int *len)
{
	(void)vq;
	(void)len;
	return NULL;
}

static void install_get_is_blind(void)
{
	double_queue()->get_buf = get_is_blind;
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

/* The first piece of the last buffer that the device was to write. */
static u8 *posted_in;

static int add_notes(struct virtqueue *vq, struct scatterlist sg[],
		     unsigned int out_num, unsigned int in_num, void *data)
{
	posted_in = sg[out_num].addr;
	return vring_split_ops.add_buf(vq, sg, out_num, in_num, data);
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
		.name = "an honest device's queues are not set up",
		.oracle = ORACLE_HONEST,
		.says = "no queue was found",
		.install = install_refuses_queues,
		.work = honest_queues,
	},
	{
		.name = "bytes of an honest field are changed",
		.oracle = ORACLE_HONEST,
		.says = "the bytes of a field",
		.install = install_changes_bytes,
		.work = honest_fields,
	},
	{
		.name = "an honest value is changed",
		.oracle = ORACLE_HONEST,
		.says = "a 16-bit field",
		.install = install_changes_value,
		.work = honest_fields,
	},
	{
		.name = "an honest register is changed",
		.oracle = ORACLE_HONEST,
		.says = "the device configuration",
		.flags = WITH_REGISTERS,
		.install = install_changes_registers,
		.work = honest_fields,
	},
	{
		.name = "an honest offer is overlooked",
		.oracle = ORACLE_HONEST,
		.says = "the features are",
		.flags = WITH_EVENT_IDX | WITH_INDIRECT,
		.install = install_overlooks_features,
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
		.install_bound = install_add_fails,
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
