// SPDX-License-Identifier: GPL-2.0-or-later
/* The rig of harness.h. */
#include <stdlib.h>

#include "harness.h"

static u8 memory[PIECE_BYTES];

int rig_read_nothing(struct virtio_device *vdev, unsigned int offset, void *buf,
		     unsigned int len)
{
	(void)vdev;
	(void)offset;
	(void)buf;
	(void)len;
	return 0;
}

int rig_read_fails(struct virtio_device *vdev, unsigned int offset, void *buf,
		   unsigned int len)
{
	(void)vdev;
	(void)offset;
	memset(buf, 1, len);
	return -EIO;
}

struct rig *to_rig(struct virtio_device *vdev)
{
	return (struct rig *)(void *)vdev;
}

static bool rig_callback(struct virtqueue *vq)
{
	struct rig *rig = to_rig(vq->vdev);

	rig->callbacks++;
	if (rig->in_callback)
		rig->in_callback(rig, vq);
	return rig->again;
}

/* The ring features that the honest device has to know about. */
static u64 ring_features(const struct virtio_device *vdev)
{
	u64 features = INDIRECT;

	if (virtio_has_feature(vdev, VIRTIO_RING_F_EVENT_IDX))
		features |= EVENT_IDX;
	return features;
}

int rig_find_queues(struct rig *rig)
{
	struct virtio_device *vdev = rig_vdev(rig);
	struct virtqueue *vq;
	unsigned int i;

	for (i = 0; i < rig->queues; i++) {
		vq = vdev->config->find_vq(vdev,
					   rig->polled ? NULL : rig_callback);
		if (IS_ERR(vq))
			return (int)PTR_ERR(vq);
		rig->vq[i] = vq;
		loopback_ring_init(&rig->ring[i], &rig->lb.queue[vq->index],
				   ring_features(vdev));
	}
	return 0;
}

static int driver_probe(struct virtio_device *vdev)
{
	struct rig *rig = to_rig(vdev);

	rig->probes++;
	return rig->probe(rig);
}

static void driver_remove(struct virtio_device *vdev)
{
	struct rig *rig = to_rig(vdev);

	rig->removes++;
	if (rig->remove)
		rig->remove(rig);
}

static void driver_changed(struct virtio_device *vdev)
{
	to_rig(vdev)->changes++;
}

static void device_release(struct virtio_device *vdev)
{
	to_rig(vdev)->releases++;
}

static bool device_status(struct loopback *lb, u8 status)
{
	struct rig *rig = (struct rig *)(void *)lb;

	if (rig->writes < RIG_LOG)
		rig->status[rig->writes++] = status;
	return !rig->on_status || rig->on_status(rig, status);
}

static int device_notify(struct loopback *lb, unsigned int index)
{
	struct rig *rig = (struct rig *)(void *)lb;

	(void)index;
	rig->notifies++;
	return rig->notify_error;
}

static void device_reset_vq(struct loopback *lb, unsigned int index)
{
	(void)index;
	((struct rig *)(void *)lb)->queue_resets++;
}

static const struct loopback_ops device_ops = {
	.status = device_status,
	.notify = device_notify,
	.reset_vq = device_reset_vq,
};

static struct rig *new_rig(enum loopback_kind kind)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	if (!rig)
		abort();
	loopback_init(&rig->lb, kind, &rig->regs, RIG_DEVICE, RIG_VENDOR);
	rig->lb.ops = &device_ops;
	rig->lb.vdev.release = device_release;
	rig->honest = rig->lb.vdev.transport;
	rig->id.device = RIG_DEVICE;
	rig->id.vendor = RIG_VENDOR;
	rig->drv.driver.name = "rig";
	rig->drv.id_table = &rig->id;
	rig->drv.id_count = 1;
	rig->drv.probe = driver_probe;
	rig->drv.remove = driver_remove;
	rig->drv.config_changed = driver_changed;
	rig->probe = rig_find_queues;
	rig->again = true;
	return rig;
}

struct rig *rig_new(void)
{
	return new_rig(LOOPBACK_FIELDS);
}

struct rig *rig_new_registers(void)
{
	return new_rig(LOOPBACK_REGISTERS);
}

struct virtio_transport_ops *rig_override(struct rig *rig)
{
	rig->ops = *rig->honest;
	rig->lb.vdev.transport = &rig->ops;
	return &rig->ops;
}

void rig_start(struct rig *rig)
{
	assert_int_equal(register_virtio_driver(&rig->drv), 0);
	assert_int_equal(register_virtio_device(rig_vdev(rig)), 0);
}

void rig_end(struct rig *rig)
{
	unregister_virtio_device(rig_vdev(rig));
	unregister_virtio_driver(&rig->drv);
	free(rig);
}

void rig_rebind(struct rig *rig)
{
	unregister_virtio_driver(&rig->drv);
	assert_int_equal(register_virtio_driver(&rig->drv), 0);
}

struct rig *rig_ring(unsigned int num, u64 features)
{
	struct rig *rig = rig_new();

	assert_int_equal(loopback_add_features(&rig->regs, features), 0);
	assert_int_equal(loopback_add_queue(&rig->regs, 0, (u16)num), 0);
	rig->queues = 1;
	rig_start(rig);
	assert_true(rig_bound(rig));
	return rig;
}

u8 *piece_memory(void)
{
	return memory;
}

int add(struct virtqueue *vq, unsigned int out, unsigned int in, void *data)
{
	static struct scatterlist sg[VRING_NUM_MAX + 1];
	unsigned int i;

	assert_true(out + in <= ARRAY_SIZE(sg));
	for (i = 0; i < out + in; i++)
		sg_set_buf(&sg[i], memory, PIECE_BYTES);
	return vq->vq_ops->add_buf(vq, sg, out, in, data);
}

void *get(struct virtqueue *vq)
{
	unsigned int len;

	return vq->vq_ops->get_buf(vq, &len);
}

static void *at(dma_addr_t addr)
{
	return (void *)(uintptr_t)addr;
}

struct vring_desc *device_desc(struct rig *rig, unsigned int index)
{
	return (struct vring_desc *)at(rig->lb.queue[index].setup.desc);
}

struct vring_avail *device_avail(struct rig *rig, unsigned int index)
{
	return (struct vring_avail *)at(rig->lb.queue[index].setup.avail);
}

struct vring_used *device_used(struct rig *rig, unsigned int index)
{
	return (struct vring_used *)at(rig->lb.queue[index].setup.used);
}

__le16 *device_used_event(struct rig *rig, unsigned int index)
{
	return &device_avail(rig, index)->ring[rig->lb.queue[index].setup.num];
}

__le16 *device_avail_event(struct rig *rig, unsigned int index)
{
	unsigned int num = rig->lb.queue[index].setup.num;

	return (__le16 *)(void *)&device_used(rig, index)->ring[num];
}

void device_use(struct rig *rig, unsigned int index, u32 id, u32 len)
{
	struct vring_used *used = device_used(rig, index);
	unsigned int num = rig->lb.queue[index].setup.num;
	u16 idx = le16_to_cpu(used->idx);

	used->ring[idx % num].id = cpu_to_le32(id);
	used->ring[idx % num].len = cpu_to_le32(len);
	used->idx = cpu_to_le16((u16)(idx + 1));
}

unsigned int device_serve(struct rig *rig, unsigned int index)
{
	struct loopback_chain chain;
	unsigned int count = 0;

	while (loopback_ring_pop(&rig->ring[index], &chain) == 1) {
		loopback_ring_push(&rig->ring[index], chain.head,
				   (u32)chain.in_len);
		count++;
	}
	return count;
}
