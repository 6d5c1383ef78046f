/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of the block driver share (block.c, block_request.c). */
#ifndef VLAB_BLOCK_H
#define VLAB_BLOCK_H

#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_blk.h>

/* The header of a request (VIRTIO 1.2, 5.2.6); every byte is written. */
struct blk_header {
	__le32 type;
	__le32 reserved;
	__le64 sector;
};

/* The one segment of a discard or write zeroes request. */
struct blk_segment {
	__le64 sector;
	__le32 sectors;
	__le32 flags;
};

/**
 * struct blk_wire - the part of a request that the device sees
 *
 * DMA memory of its own holds these and nothing else, so that a device which
 * reaches the whole page finds no private word to read or change, and so that
 * nothing has to be mapped for each request but its data; one cache line each.
 */
struct blk_wire {
	struct blk_header header;
	struct blk_segment segment;
	u8 status;
	u8 unused[31];
};

/**
 * struct blk_slot - the private part of a request; the token in the queue
 * @token: the caller's, while the request is in flight
 * @written: bytes that the device must have written to report success
 * @free: entry of the stack of free slots, not about this slot
 */
struct blk_slot {
	void *token;
	u32 written;
	u16 free;
};

/**
 * struct blk_queue - one queue and its requests
 * @lock: held around every operation of @vq but those that may sleep, and for
 *	everything below
 * @capacity: copy of the limit, so that submitting takes one lock
 * @index: the driver's number of the queue; the device's may be another
 * @free_count: entries on the stack of free slots
 * @count: requests
 * @wire: @count of them
 * @wire_addr: where the device has them
 * @slot: beside each of @wire
 */
struct blk_queue {
	spinlock_t lock;
	struct virtqueue *vq;
	struct virtio_blk *blk;
	u64 capacity;
	unsigned int index;
	unsigned int free_count;
	unsigned int count;
	struct blk_wire __shared *wire;
	dma_addr_t wire_addr;
	struct blk_slot slot[];
};

/**
 * struct virtio_blk - one bound device
 * @lock: for limits.capacity; the other limits never change
 * @notify: the caller's; read and written as a whole
 * @queue: limits.queues of them
 */
struct virtio_blk {
	spinlock_t lock;
	struct virtio_device *vdev;
	struct virtio_blk_limits limits;
	void (*notify)(struct virtio_device *vdev, unsigned int queue);
	struct blk_queue *queue[VIRTIO_BLK_QUEUES_MAX];
};

static inline struct virtio_blk *to_blk(struct virtio_device *vdev)
{
	if (unlikely(!vdev || vdev->dev.driver != &virtio_blk_driver.driver))
		return NULL;
	return vdev->priv;
}

/* block_request.c */
int virtio_blk_open_queue(struct virtio_blk *blk, unsigned int index);
void virtio_blk_close_queue(struct blk_queue *queue);

#endif /* VLAB_BLOCK_H */
