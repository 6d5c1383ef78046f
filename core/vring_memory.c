// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory of a split virtqueue: what is allocated, once, when it is created. */
#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_ring.h>

#include "vring.h"

/*
 * Indirect tables exist for every descriptor from the start, so that adding a
 * buffer never allocates; their size follows from a budget for the queue.
 */
#define TABLES_BYTES (256 * 1024)
#define TABLE_PIECES_MAX 128
#define TABLE_PIECES_MIN 2

static unsigned int table_pieces(unsigned int num)
{
	unsigned int n = TABLES_BYTES / sizeof(struct vring_desc) / num;

	if (n < TABLE_PIECES_MIN)
		return 0;
	return min_t(unsigned int, n, TABLE_PIECES_MAX);
}

static size_t tables_size(const struct vring *vring)
{
	return (size_t)vring->vq.num * vring->indirect_max *
	       sizeof(struct vring_desc);
}

static int create_slots(struct vring *vring)
{
	size_t num = vring->vq.num;

	vring->slot = kmalloc(num * sizeof(*vring->slot), GFP_KERNEL);
	if (!vring->slot)
		return -ENOMEM;
	if (!PORT_MAPS(vring->dma_dev))
		return 0;
	vring->piece = kmalloc(num * sizeof(*vring->piece), GFP_KERNEL);
	if (vring->piece)
		return 0;
	kfree(vring->slot);
	return -ENOMEM;
}

static void destroy_slots(struct vring *vring)
{
	kfree(vring->piece);
	kfree(vring->slot);
}

static int create_tables(struct vring *vring)
{
	struct device *dev = vring->dma_dev;
	void *table;

	vring->indirect_max = table_pieces(vring->vq.num);
	if (!vring->indirect_max)
		return 0;
	table = dma_alloc_coherent(dev, tables_size(vring), &vring->table_addr,
				   GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	vring->table = (struct vring_desc __shared __force *)table;
	if (!PORT_MAPS(dev))
		return 0;
	vring->table_piece =
		kmalloc((size_t)vring->vq.num * vring->indirect_max *
				sizeof(*vring->table_piece),
			GFP_KERNEL);
	if (vring->table_piece)
		return 0;
	dma_free_coherent(dev, tables_size(vring), table, vring->table_addr);
	vring->table = NULL;
	return -ENOMEM;
}

static int create_ring(struct vring *vring)
{
	unsigned int num = vring->vq.num;
	u8 *ring;

	ring = dma_alloc_coherent(vring->dma_dev, vring_total_size(num),
				  &vring->ring_addr, GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	vring->desc = (struct vring_desc __shared __force *)(void *)ring;
	vring->avail =
		(struct vring_avail __shared
			 __force *)(void *)(ring + vring_avail_offset(num));
	vring->used =
		(struct vring_used __shared
			 __force *)(void *)(ring + vring_used_offset(num));
	return 0;
}

static void destroy_ring(struct vring *vring)
{
	dma_free_coherent(vring->dma_dev, vring_total_size(vring->vq.num),
			  (void __force *)vring->desc, vring->ring_addr);
}

/* A driver that only polls shall not be interrupted. */
static void choose_callbacks(struct vring *vring)
{
	if (!vring->vq.callback)
		vring_callback_off(vring);
}

/* As new: the private state and every word of the ring that is read. */
void vring_init_state(struct vring *vring)
{
	unsigned int num = vring->vq.num;

	memset(&vring->state, 0, sizeof(vring->state));
	shared_write16(&vring->avail->flags, 0);
	shared_write16(&vring->avail->idx, 0);
	shared_write16(&vring->avail->ring[num], 0);
	shared_write16(&vring->used->flags, 0);
	shared_write16(&vring->used->idx, 0);
	shared_write16((__le16 __shared *)&vring->used->ring[num], 0);
	choose_callbacks(vring);
}

struct vring *vring_create(struct virtio_device *vdev, unsigned int index,
			   unsigned int num,
			   bool (*callback)(struct virtqueue *vq))
{
	struct vring *vring;
	int err;

	vring = kzalloc(sizeof(*vring), GFP_KERNEL);
	if (!vring)
		return ERR_PTR(-ENOMEM);
	vring->vq.callback = callback;
	vring->vq.vdev = vdev;
	vring->dma_dev = virtio_dma_dev(vdev);
	vring->vq.vq_ops = &vring_split_ops;
	vring->vq.index = index;
	vring->vq.num = num;
	vring->mask = num - 1;
	spin_lock_init(&vring->callback_lock);
	vring->event_idx = virtio_has_feature(vdev, VIRTIO_RING_F_EVENT_IDX);

	err = create_slots(vring);
	if (err)
		goto free_vring;
	err = create_ring(vring);
	if (err)
		goto free_slots;
	if (virtio_has_feature(vdev, VIRTIO_RING_F_INDIRECT_DESC)) {
		err = create_tables(vring);
		if (err)
			goto free_ring;
	}
	/* All else that a new queue starts from was allocated as zeroes. */
	choose_callbacks(vring);
	return vring;

free_ring:
	destroy_ring(vring);
free_slots:
	destroy_slots(vring);
free_vring:
	kfree(vring);
	return ERR_PTR(err);
}

void vring_destroy(struct vring *vring)
{
	if (vring->table)
		dma_free_coherent(vring->dma_dev, tables_size(vring),
				  (void __force *)vring->table,
				  vring->table_addr);
	kfree(vring->table_piece);
	destroy_ring(vring);
	destroy_slots(vring);
	kfree(vring);
}

void virtqueue_stats(const struct virtqueue *vq, struct virtqueue_stats *stats)
{
	const struct vring *vring = container_of(vq, const struct vring, vq);

	stats->clamped = vring->clamped;
	stats->spurious = vring->spurious;
	stats->private_bytes = sizeof(*vring) + vq->num * sizeof(*vring->slot);
	if (vring->piece)
		stats->private_bytes += vq->num * sizeof(*vring->piece);
	if (vring->table_piece)
		stats->private_bytes += (size_t)vq->num * vring->indirect_max *
					sizeof(*vring->table_piece);
	stats->shared_bytes = vring_total_size(vq->num) + tables_size(vring);
}
EXPORT_SYMBOL_GPL(virtqueue_stats);

unsigned int virtqueue_indirect_max(const struct virtqueue *vq)
{
	return container_of(vq, const struct vring, vq)->indirect_max;
}
EXPORT_SYMBOL_GPL(virtqueue_indirect_max);
