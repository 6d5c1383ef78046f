// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The loopback transport: registers in the memory of this process.
 *
 * The registers belong to the device side, which may be hostile: each is read
 * once per operation, through the accessors of the trust boundary, and what it
 * holds never decides how far a copy goes.
 */
#include <vlab/loopback.h>
#include <vlab/port.h>
#include <vlab/virtio_ring.h>

#include "../shared.h"
#include "device_side.h"

static struct loopback *to_loopback(struct virtio_device *vdev)
{
	return container_of(vdev, struct loopback, vdev);
}

/* One load of a register; the device side may write it at any time. */
static u8 read_reg8(const u8 *reg)
{
	return shared_read8((const u8 __shared __force *)reg);
}

static u16 read_reg16(const __le16 *reg)
{
	return shared_read16((const __le16 __shared __force *)reg);
}

static u32 read_reg32(const __le32 *reg)
{
	return shared_read32((const __le32 __shared __force *)reg);
}

static void disable_queues(struct loopback *lb)
{
	unsigned int i;

	for (i = 0; i < LOOPBACK_QUEUES; i++)
		lb->queue[i].enabled = false;
}

/*
 * A device that was taken away reaches no ring any more either. Each operation
 * looks here first: only where somebody waits for that look, or is to know that
 * a device was asked that is gone, it is a read of the register.
 */
static bool loopback_gone(struct loopback *lb)
{
	if (likely(!READ_ONCE(lb->regs->gone)) && !port_shared_awaited())
		return false;
	if (!read_reg8(&lb->regs->gone))
		return false;
	disable_queues(lb);
	return true;
}

static int loopback_get_status(struct virtio_device *vdev)
{
	struct loopback *lb = to_loopback(vdev);

	if (loopback_gone(lb))
		return -ENODEV;
	return read_reg8(&lb->regs->status);
}

static void forget_features(struct loopback_regs *regs)
{
	unsigned int word;

	for (word = 0; word < ARRAY_SIZE(regs->driver_features); word++)
		if (regs->driver_features[word])
			device_write32(&regs->driver_features[word], 0);
}

static int loopback_set_status(struct virtio_device *vdev, u8 status)
{
	struct loopback *lb = to_loopback(vdev);

	if (loopback_gone(lb))
		return -ENODEV;
	if (lb->ops && lb->ops->status && !lb->ops->status(lb, status))
		return 0;
	if (!status) {
		disable_queues(lb);
		forget_features(lb->regs);
	}
	device_write8(&lb->regs->status, status);
	return 0;
}

static int loopback_generation(struct virtio_device *vdev, u32 *generation)
{
	struct loopback *lb = to_loopback(vdev);

	if (loopback_gone(lb))
		return -ENODEV;
	*generation = read_reg32(&lb->regs->generation);
	return 0;
}

/* The bound is the size of the array: a length register may hold anything. */
static int read_array(struct loopback *lb, const u8 *array, unsigned int size,
		      unsigned int offset, void *buf, unsigned int len)
{
	if (offset > size || len > size - offset)
		return -EINVAL;
	if (loopback_gone(lb))
		return -ENODEV;
	shared_read_bytes(buf, (const u8 __shared __force *)array + offset,
			  len);
	return 0;
}

static int write_array(struct loopback *lb, u8 *array, unsigned int size,
		       unsigned int offset, const void *buf, unsigned int len)
{
	if (offset > size || len > size - offset)
		return -EINVAL;
	if (loopback_gone(lb))
		return -ENODEV;
	device_write_bytes(array + offset, buf, len);
	return 0;
}

static int loopback_field_len(struct virtio_device *vdev)
{
	struct loopback *lb = to_loopback(vdev);

	if (loopback_gone(lb))
		return -ENODEV;
	return read_reg16(&lb->regs->field_len);
}

static int loopback_field_read(struct virtio_device *vdev, unsigned int offset,
			       void *buf, unsigned int len)
{
	struct loopback *lb = to_loopback(vdev);

	return read_array(lb, lb->regs->field, sizeof(lb->regs->field), offset,
			  buf, len);
}

static int loopback_field_write(struct virtio_device *vdev, unsigned int offset,
				const void *buf, unsigned int len)
{
	struct loopback *lb = to_loopback(vdev);

	return write_array(lb, lb->regs->field, sizeof(lb->regs->field), offset,
			   buf, len);
}

static int loopback_device_features(struct virtio_device *vdev,
				    unsigned int word, u32 *bits)
{
	struct loopback *lb = to_loopback(vdev);

	if (word >= ARRAY_SIZE(lb->regs->features))
		return -EINVAL;
	if (loopback_gone(lb))
		return -ENODEV;
	*bits = read_reg32(&lb->regs->features[word]);
	return 0;
}

static int loopback_driver_features(struct virtio_device *vdev,
				    unsigned int word, u32 bits)
{
	struct loopback *lb = to_loopback(vdev);

	if (word >= ARRAY_SIZE(lb->regs->driver_features))
		return -EINVAL;
	if (loopback_gone(lb))
		return -ENODEV;
	device_write32(&lb->regs->driver_features[word], bits);
	return 0;
}

static int loopback_num_queues(struct virtio_device *vdev)
{
	struct loopback *lb = to_loopback(vdev);

	if (loopback_gone(lb))
		return -ENODEV;
	return read_reg16(&lb->regs->num_queues);
}

static int loopback_queue_size(struct virtio_device *vdev, unsigned int index)
{
	struct loopback *lb = to_loopback(vdev);

	if (index >= ARRAY_SIZE(lb->regs->queue_size))
		return 0;
	if (loopback_gone(lb))
		return -ENODEV;
	return read_reg16(&lb->regs->queue_size[index]);
}

static int loopback_config_len(struct virtio_device *vdev)
{
	struct loopback *lb = to_loopback(vdev);

	if (loopback_gone(lb))
		return -ENODEV;
	return read_reg16(&lb->regs->config_len);
}

static int loopback_config_read(struct virtio_device *vdev, unsigned int offset,
				void *buf, unsigned int len)
{
	struct loopback *lb = to_loopback(vdev);

	return read_array(lb, lb->regs->config, sizeof(lb->regs->config),
			  offset, buf, len);
}

static int loopback_config_write(struct virtio_device *vdev,
				 unsigned int offset, const void *buf,
				 unsigned int len)
{
	struct loopback *lb = to_loopback(vdev);

	return write_array(lb, lb->regs->config, sizeof(lb->regs->config),
			   offset, buf, len);
}

/* What the honest end of the ring relies on for as long as it is enabled. */
static bool setup_is_sane(const struct virtio_vq_setup *setup)
{
	return setup->num && setup->num <= VRING_NUM_MAX &&
	       !(setup->num & (setup->num - 1)) &&
	       !(setup->desc % VRING_DESC_ALIGN) &&
	       !(setup->avail % VRING_AVAIL_ALIGN) &&
	       !(setup->used % VRING_USED_ALIGN);
}

static int loopback_setup_vq(struct virtio_device *vdev,
			     const struct virtio_vq_setup *setup)
{
	struct loopback *lb = to_loopback(vdev);
	struct loopback_queue *queue;
	int err;

	if (setup->index >= LOOPBACK_QUEUES)
		return -ENOSPC;
	queue = &lb->queue[setup->index];
	/* An address must not move under a device that works on the ring. */
	if (queue->enabled)
		return -EBUSY;
	if (!setup_is_sane(setup))
		return -EINVAL;
	if (lb->ops && lb->ops->setup_vq) {
		err = lb->ops->setup_vq(lb, setup);
		if (err)
			return err;
	}
	queue->setup = *setup;
	queue->notified = false;
	queue->enabled = true;
	return 0;
}

static int loopback_reset_vq(struct virtio_device *vdev, unsigned int index)
{
	struct loopback *lb = to_loopback(vdev);

	if (index >= LOOPBACK_QUEUES)
		return -EINVAL;
	lb->queue[index].enabled = false;
	if (lb->ops && lb->ops->reset_vq)
		lb->ops->reset_vq(lb, index);
	return 0;
}

static int loopback_notify(struct virtio_device *vdev, unsigned int index)
{
	struct loopback *lb = to_loopback(vdev);

	if (index >= LOOPBACK_QUEUES || !lb->queue[index].enabled)
		return -EINVAL;
	lb->queue[index].notified = true;
	if (lb->ops && lb->ops->notify)
		return lb->ops->notify(lb, index);
	return 0;
}

/* After a reset that the device side ignored: it may look at no ring. */
static void loopback_isolate(struct virtio_device *vdev)
{
	disable_queues(to_loopback(vdev));
}

/* Addresses are the port's, and a queue can be taken back alone. */
#define LOOPBACK_FEATURES \
	(1ULL << VIRTIO_F_ACCESS_PLATFORM | 1ULL << VIRTIO_F_RING_RESET)

static const struct virtio_transport_ops loopback_fields_transport = {
	.get_status = loopback_get_status,
	.set_status = loopback_set_status,
	.config_len = loopback_field_len,
	.config_read = loopback_field_read,
	.config_write = loopback_field_write,
	.generation = loopback_generation,
	.setup_vq = loopback_setup_vq,
	.reset_vq = loopback_reset_vq,
	.notify = loopback_notify,
	.isolate = loopback_isolate,
	.features = LOOPBACK_FEATURES,
};

static const struct virtio_register_ops loopback_register_ops = {
	.device_features = loopback_device_features,
	.driver_features = loopback_driver_features,
	.num_queues = loopback_num_queues,
	.queue_size = loopback_queue_size,
	.generation = loopback_generation,
	.config_len = loopback_config_len,
	.config_read = loopback_config_read,
	.config_write = loopback_config_write,
};

static const struct virtio_transport_ops loopback_registers_transport = {
	.get_status = loopback_get_status,
	.set_status = loopback_set_status,
	.regs = &loopback_register_ops,
	.setup_vq = loopback_setup_vq,
	.reset_vq = loopback_reset_vq,
	.notify = loopback_notify,
	.isolate = loopback_isolate,
	.features = LOOPBACK_FEATURES,
};

void loopback_init(struct loopback *lb, enum loopback_kind kind,
		   struct loopback_regs *regs, u32 device, u32 vendor)
{
	memset(lb, 0, sizeof(*lb));
	lb->regs = regs;
	lb->vdev.id.device = device;
	lb->vdev.id.vendor = vendor;
	lb->vdev.config = &virtio_config_fields_ops;
	lb->vdev.transport = kind == LOOPBACK_FIELDS
				     ? &loopback_fields_transport
				     : &loopback_registers_transport;
}

int loopback_add_field(struct loopback_regs *regs, u8 type, const void *bytes,
		       u8 len)
{
	const u8 header[2] = { type, len };
	size_t at = device_read16(&regs->field_len);
	size_t need = sizeof(header) + len;

	if (at > sizeof(regs->field) || need > sizeof(regs->field) - at)
		return -ENOSPC;
	device_write_bytes(&regs->field[at], header, sizeof(header));
	if (len)
		device_write_bytes(&regs->field[at + sizeof(header)], bytes,
				   len);
	device_write16(&regs->field_len, (u16)(at + need));
	return 0;
}

int loopback_add_features(struct loopback_regs *regs, u64 features)
{
	u8 bytes[16] = { 0 };

	put_unaligned_le64(features, bytes);
	return loopback_add_field(regs, VIRTIO_CONFIG_F_VIRTIO, bytes,
				  sizeof(bytes));
}

int loopback_add_queue(struct loopback_regs *regs, u16 index, u16 num)
{
	u8 bytes[4];

	put_unaligned_le16(index, bytes);
	put_unaligned_le16(num, bytes + 2);
	return loopback_add_field(regs, VIRTIO_CONFIG_F_VIRTQUEUE, bytes,
				  sizeof(bytes));
}
