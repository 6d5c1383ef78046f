// SPDX-License-Identifier: GPL-2.0-or-later
/* A device for the ring's benchmark; nothing that it does is counted. */
#include <string.h>

#include <vlab/port.h>

#include "bench_device.h"

#define BENCH_DEVICE_ID 42

/* What probe() needs and cannot be handed: the core calls it. */
static const struct bench_ring_setup *starting;

static int bench_probe(struct virtio_device *vdev)
{
	struct bench_device *dev =
		container_of(container_of(vdev, struct loopback, vdev),
			     struct bench_device, loopback);
	struct virtqueue *vq;

	vq = vdev->config->find_vq(vdev, starting->callback);
	if (IS_ERR(vq))
		return (int)PTR_ERR(vq);
	dev->vq = vq;
	return 0;
}

static const struct virtio_device_id bench_ids[] = {
	{ BENCH_DEVICE_ID, VIRTIO_DEV_ANY_ID },
};

static struct virtio_driver bench_driver = {
	.driver.name = "bench",
	.id_table = bench_ids,
	.id_count = 1,
	.probe = bench_probe,
};

static void *pointer(dma_addr_t addr)
{
	return (void *)(uintptr_t)addr;
}

bool bench_device_start(struct bench_device *dev,
			const struct bench_ring_setup *setup)
{
	u64 features =
		1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_EVENT_IDX;
	const struct virtio_vq_setup *vq;

	if (setup->indirect)
		features |= 1ULL << VIRTIO_RING_F_INDIRECT_DESC;
	memset(dev, 0, sizeof(*dev));
	loopback_init(&dev->loopback, LOOPBACK_FIELDS, &dev->regs,
		      BENCH_DEVICE_ID, 0);
	if (loopback_add_features(&dev->regs, features) ||
	    loopback_add_queue(&dev->regs, 0, (u16)setup->num))
		return false;
	starting = setup;
	if (register_virtio_driver(&bench_driver))
		return false;
	if (register_virtio_device(&dev->loopback.vdev))
		return false;
	if (!dev->vq ||
	    !virtio_has_feature(&dev->loopback.vdev, VIRTIO_RING_F_EVENT_IDX))
		return false;
	vq = &dev->loopback.queue[0].setup;
	dev->desc = pointer(vq->desc);
	dev->avail = pointer(vq->avail);
	dev->used = pointer(vq->used);
	dev->num = setup->num;
	dev->indirect = setup->indirect;
	return true;
}

void bench_device_stop(struct bench_device *dev)
{
	unregister_virtio_device(&dev->loopback.vdev);
	unregister_virtio_driver(&bench_driver);
}

u32 bench_device_written(const struct bench_device *dev, u32 seq)
{
	/* Other than that of the buffers around it. */
	return dev->in ? seq % dev->shortest + 1 : 0;
}

/* Are these the pieces of buffer @sg, in order, with the right flags? */
static bool same_pieces(const struct bench_device *dev,
			const struct vring_desc *table, unsigned int at,
			unsigned int num, const struct scatterlist *sg)
{
	unsigned int i, total = dev->out + dev->in;
	u16 flags;

	for (i = 0; i < total; i++) {
		flags = i < dev->out ? 0 : VRING_DESC_F_WRITE;
		flags |= i + 1 < total ? VRING_DESC_F_NEXT : 0;
		if (at >= num ||
		    le64_to_cpu(table[at].addr) != (uintptr_t)sg[i].addr ||
		    le32_to_cpu(table[at].len) != sg[i].length ||
		    le16_to_cpu(table[at].flags) != flags)
			return false;
		at = le16_to_cpu(table[at].next);
	}
	return true;
}

static bool same_buffer(const struct bench_device *dev, u16 head,
			const struct scatterlist *sg)
{
	const struct vring_desc *desc;
	unsigned int total = dev->out + dev->in;

	if (head >= dev->num)
		return false;
	if (!dev->indirect || total == 1)
		return same_pieces(dev, dev->desc, head, dev->num, sg);
	desc = &dev->desc[head];
	if (le16_to_cpu(desc->flags) != VRING_DESC_F_INDIRECT ||
	    le32_to_cpu(desc->len) != total * sizeof(struct vring_desc))
		return false;
	return same_pieces(dev, pointer(le64_to_cpu(desc->addr)), 0, total, sg);
}

bool bench_device_run(struct bench_device *dev, unsigned int count)
{
	u16 idx = le16_to_cpu(READ_ONCE(dev->avail->idx));
	struct vring_used_elem *elem;
	unsigned int i;
	u16 head;

	/* The driver kicked, and the index says how much it added. */
	if (!dev->loopback.queue[0].notified ||
	    (u16)(idx - dev->last_avail) != count)
		return false;
	dev->loopback.queue[0].notified = false;
	virt_rmb();
	for (i = 0; i < count; i++) {
		head = le16_to_cpu(
			dev->avail->ring[dev->last_avail % dev->num]);
		if (!same_buffer(dev, head, &dev->sg[i * (dev->out + dev->in)]))
			return false;
		elem = &dev->used->ring[dev->last_avail++ % dev->num];
		elem->id = cpu_to_le32(head);
		elem->len = cpu_to_le32(bench_device_written(dev, dev->seq++));
	}
	/* The event word lies where element @num would: notify us next time. */
	WRITE_ONCE(*(__le16 *)(void *)&dev->used->ring[dev->num],
		   cpu_to_le16(dev->last_avail));
	virt_wmb();
	WRITE_ONCE(dev->used->idx, cpu_to_le16(dev->last_avail));
	virt_mb();
	return true;
}

bool bench_device_interrupts(const struct bench_device *dev, unsigned int count)
{
	u16 event = le16_to_cpu(READ_ONCE(dev->avail->ring[dev->num]));

	return vring_need_event(event, dev->last_avail,
				(u16)(dev->last_avail - count));
}
