// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VIRTIO 1.x registers as the [type][len][bytes] fields of the 2007 interface:
 * one parser, one negotiation and one set of fuzz targets serve both.
 *
 * The fields, in order: one F_VIRTIO with 64 bits in each half, one
 * F_VIRTQUEUE for each queue that exists, and the device configuration in
 * F_DEVICE fields of up to 252 bytes (a length is one byte).
 */
#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_ring.h>
#include <vlab/virtio_transport.h>

#include "virtio_core.h"

#define FEATURE_BYTES 8
#define DEVICE_FIELD_MAX 252

/* What the fields take, headers included. */
#define FEATURES_FIELD (2 + 2 * FEATURE_BYTES)
#define QUEUE_FIELD (2 + 4)

/* All that the largest device can make of the limits. */
#define REGISTERS_FIELDS_MAX                                       \
	(FEATURES_FIELD + QUEUE_FIELD * VIRTIO_CONFIG_QUEUES_MAX + \
	 VIRTIO_CONFIG_DEVICE_MAX +                                \
	 2 * (VIRTIO_CONFIG_DEVICE_MAX / DEVICE_FIELD_MAX + 1))

static unsigned int put_header(u8 *buf, unsigned int pos, u8 type, u8 len)
{
	buf[pos] = type;
	buf[pos + 1] = len;
	return pos + 2;
}

static int put_feature_bits(struct virtio_device *vdev, u8 *buf,
			    unsigned int pos)
{
	const struct virtio_register_ops *regs = vdev->transport->regs;
	unsigned int word;
	u32 bits;
	int err;

	pos = put_header(buf, pos, VIRTIO_CONFIG_F_VIRTIO, 2 * FEATURE_BYTES);
	for (word = 0; word < FEATURE_BYTES / 4; word++) {
		bits = 0;
		err = regs->device_features(vdev, word, &bits);
		if (err)
			return err;
		put_unaligned_le32(bits, buf + pos);
		pos += 4;
	}
	/* The acknowledge half is zero. */
	return (int)(pos + FEATURE_BYTES);
}

static int put_queues(struct virtio_device *vdev, u8 *buf, unsigned int pos,
		      unsigned int queues)
{
	const struct virtio_register_ops *regs = vdev->transport->regs;
	unsigned int index;
	int size;

	for (index = 0; index < queues; index++) {
		size = regs->queue_size(vdev, index);
		if (size < 0)
			return size;
		if (!size)
			continue;
		/* The field holds 16 bits; 65536 must not become "none". */
		if (size > VRING_NUM_MAX)
			return -EINVAL;
		pos = put_header(buf, pos, VIRTIO_CONFIG_F_VIRTQUEUE, 4);
		put_unaligned_le16((u16)index, buf + pos);
		put_unaligned_le16((u16)size, buf + pos + 2);
		pos += 4;
	}
	return (int)pos;
}

/* Read the whole device configuration between two equal generations. */
static int read_device(struct virtio_device *vdev, u8 *bytes, unsigned int len)
{
	const struct virtio_register_ops *regs = vdev->transport->regs;
	u32 before = 0, after = 0;
	int i, err;

	for (i = 0; i < VIRTIO_CONFIG_RETRIES; i++) {
		err = regs->generation(vdev, &before);
		if (err)
			return err;
		err = regs->config_read(vdev, 0, bytes, len);
		if (err)
			return err;
		err = regs->generation(vdev, &after);
		if (err)
			return err;
		if (before == after)
			return 0;
	}
	return -EAGAIN;
}

static unsigned int device_pieces(unsigned int len)
{
	return (len + DEVICE_FIELD_MAX - 1) / DEVICE_FIELD_MAX;
}

/*
 * The bytes are read where the last of them ends up, and move to the front of
 * it piece by piece: a header goes in before each.
 */
static int put_device_config(struct virtio_device *vdev, u8 *buf,
			     unsigned int pos, unsigned int len)
{
	unsigned int n, pieces = device_pieces(len);
	u8 *bytes = buf + pos + 2 * pieces;
	int err;

	if (!len)
		return (int)pos;
	err = read_device(vdev, bytes, len);
	if (err)
		return err;
	for (; pieces; pieces--, bytes += n, len -= n) {
		n = min_t(unsigned int, len, DEVICE_FIELD_MAX);
		pos = put_header(buf, pos, VIRTIO_CONFIG_F_DEVICE, (u8)n);
		/* Of the last piece the bytes are in place already. */
		if (buf + pos != bytes)
			memmove(buf + pos, bytes, n);
		pos += n;
	}
	return (int)pos;
}

static int put_fields(struct virtio_device *vdev, u8 *buf, unsigned int queues,
		      unsigned int len)
{
	int pos;

	pos = put_feature_bits(vdev, buf, 0);
	if (pos < 0)
		return pos;
	pos = put_queues(vdev, buf, (unsigned int)pos, queues);
	if (pos < 0)
		return pos;
	return put_device_config(vdev, buf, (unsigned int)pos, len);
}

/* The fields in *@config, for the caller to free; returns their length. */
int virtio_registers_snapshot(struct virtio_device *vdev, u8 **config)
{
	const struct virtio_register_ops *regs = vdev->transport->regs;
	int queues, len, pos;
	u8 *buf;

	BUILD_BUG_ON(REGISTERS_FIELDS_MAX > VIRTIO_CONFIG_SIZE_MAX);
	queues = regs->num_queues(vdev);
	if (queues < 0)
		return queues;
	len = regs->config_len(vdev);
	if (len < 0)
		return len;
	/* A device may have more queues: no driver here asks for the others. */
	queues = min(queues, VIRTIO_CONFIG_QUEUES_MAX);
	/* A window is larger than its content: PCI devices offer 4096. */
	len = min(len, VIRTIO_CONFIG_DEVICE_MAX);
	/* Zeroes: a transport that copies less leaves no bytes of others. */
	buf = kzalloc(FEATURES_FIELD + QUEUE_FIELD * (size_t)queues +
			      2 * device_pieces((unsigned int)len) +
			      (size_t)len,
		      GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	pos = put_fields(vdev, buf, (unsigned int)queues, (unsigned int)len);
	if (pos < 0)
		kfree(buf);
	else
		*config = buf;
	return pos;
}

/* Write field bytes back to the register that they came from. */
int virtio_registers_write(struct virtio_device *vdev, u8 type,
			   unsigned int offset, const u8 *bytes,
			   unsigned int len)
{
	const struct virtio_register_ops *regs = vdev->transport->regs;
	unsigned int word;
	int err;

	if (type == VIRTIO_CONFIG_F_DEVICE)
		return regs->config_write(vdev, offset, bytes, len);
	/* The rest is the acknowledge half of the features, always whole. */
	for (word = 0; word < len / 4; word++) {
		err = regs->driver_features(
			vdev, word, get_unaligned_le32(bytes + 4 * word));
		if (err)
			return err;
	}
	return 0;
}
