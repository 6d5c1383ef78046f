// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Block requests (VIRTIO 1.2, 5.2.6): header, data, one byte of status.
 *
 * Of a request the device is shown a struct blk_wire and the caller's data.
 * What the driver needs again at completion is in the private struct blk_slot;
 * the status byte is the only thing that is read back, and it is read once.
 */
#include "block.h"
#include "shared.h"
#include "virtio_core.h"

/* Never a status of the device: still there, the device did not write one. */
#define STATUS_NONE 0xff
#define STATUS_BYTES 1

/* What lies around the data. */
#define PIECES_AROUND 2

/* The device's answer counts data and status in 32 bits. */
#define DATA_BYTES_MAX (~(u32)0 - STATUS_BYTES)

/**
 * struct blk_request - one request between the checks and the queue
 * @type: VIRTIO_BLK_T_*
 * @sector: first of the range
 * @sectors: their number, where there is no data
 * @data: the pieces of data, the caller's
 * @pieces: how many
 * @written: bytes that the device must have written to report success. Not
 *	the status: that it is there shows that, and some devices do not count
 *	it (a used length may say less than was written, 2.7.8.2).
 * @to_driver: the device writes the data
 * @segment: the segment of the request's wire part is used
 */
struct blk_request {
	u32 type;
	u64 sector;
	u32 sectors;
	struct scatterlist *data;
	unsigned int pieces;
	u32 written;
	bool to_driver;
	bool segment;
};

static bool request_callback(struct virtqueue *vq)
{
	struct blk_queue *queue = vq->priv;
	struct virtio_blk *blk = queue->blk;
	void (*notify)(struct virtio_device * vdev, unsigned int index);

	notify = READ_ONCE(blk->notify);
	if (notify)
		notify(blk->vdev, queue->index);
	return true;
}

static size_t wire_size(const struct blk_queue *queue)
{
	return queue->count * sizeof(struct blk_wire);
}

static int alloc_requests(struct blk_queue *queue)
{
	struct device *dev = virtio_dma_dev(queue->vq->vdev);
	unsigned int i;
	void *wire;

	/* Zeroed: a device that reaches the page reads no private bytes. */
	wire = dma_alloc_coherent(dev, wire_size(queue), &queue->wire_addr,
				  GFP_KERNEL);
	if (!wire)
		return -ENOMEM;
	queue->wire = (struct blk_wire __shared __force *)wire;
	for (i = 0; i < queue->count; i++)
		queue->slot[i].free = (u16)(queue->count - 1 - i);
	queue->free_count = queue->count;
	return 0;
}

/* Requests with one piece of data that the ring holds at the same time. */
static unsigned int requests_fit(const struct virtqueue *vq)
{
	if (virtqueue_indirect_max(vq) > PIECES_AROUND)
		return vq->num;
	return vq->num / (PIECES_AROUND + 1);
}

int virtio_blk_open_queue(struct virtio_blk *blk, unsigned int index)
{
	struct virtio_device *vdev = blk->vdev;
	unsigned int count, segs;
	struct blk_queue *queue;
	struct virtqueue *vq;
	int err;

	BUILD_BUG_ON(sizeof(struct blk_wire) != 64);
	BUILD_BUG_ON(offsetof(struct blk_wire, segment) !=
		     sizeof(struct blk_header));
	vq = vdev->config->find_vq(vdev, request_callback);
	if (IS_ERR(vq))
		return (int)PTR_ERR(vq);
	/* A chain is never longer than the ring, so no data would fit. */
	err = -EINVAL;
	if (vq->num <= PIECES_AROUND)
		goto del_vq;
	segs = min_t(u32, blk->limits.segs_max, vq->num - PIECES_AROUND);
	count = min_t(unsigned int, vq->num, VIRTIO_BLK_REQUESTS_MAX);
	err = -ENOMEM;
	queue = kzalloc(sizeof(*queue) + count * sizeof(queue->slot[0]),
			GFP_KERNEL);
	if (!queue)
		goto del_vq;
	queue->vq = vq;
	queue->count = count;
	err = alloc_requests(queue);
	if (err)
		goto free_queue;
	spin_lock_init(&queue->lock);
	queue->blk = blk;
	queue->capacity = blk->limits.capacity;
	queue->index = index;
	vq->priv = queue;
	blk->queue[index] = queue;
	blk->limits.segs_max = segs;
	blk->limits.requests_max =
		min(blk->limits.requests_max, requests_fit(vq));
	return 0;

free_queue:
	kfree(queue);
del_vq:
	vdev->config->del_vq(vq);
	return err;
}

void virtio_blk_close_queue(struct blk_queue *queue)
{
	struct virtqueue *vq = queue->vq;
	struct device *dev;

	/* The caller had the chance to reclaim; the device has none of it. */
	while (vq->vq_ops->detach_buf(vq))
		;
	dev = virtio_dma_dev(vq->vdev);
	vq->vdev->config->del_vq(vq);
	dma_free_coherent(dev, wire_size(queue), (void __force *)queue->wire,
			  queue->wire_addr);
	kfree(queue);
}

/*
 * Add up the caller's pieces. Bytes, or 0 for pieces that no request can be
 * made of.
 */
static u32 count_data(const struct virtio_blk_limits *limits,
		      const struct scatterlist *data, unsigned int segs)
{
	u64 bytes = 0;
	unsigned int i;

	if (unlikely(!data || segs > limits->segs_max))
		return 0;
	for (i = 0; i < segs; i++) {
		if (unlikely(!data[i].length ||
			     data[i].length > limits->seg_size_max))
			return 0;
		bytes += data[i].length;
	}
	/* Cut to 32 bits it would pass for a smaller request. */
	return likely(bytes <= DATA_BYTES_MAX) ? (u32)bytes : 0;
}

/*
 * Within the disk. The start is compared first: with only the end, or with
 * start and length added up, a sector past the end wraps.
 */
static bool on_disk(const struct blk_queue *queue, u64 sector, u32 sectors)
{
	return likely(sector <= queue->capacity &&
		      sectors <= queue->capacity - sector);
}

static bool in_blocks(const struct virtio_blk_limits *limits, u64 sector,
		      u32 sectors)
{
	u32 block = limits->block_size / VIRTIO_BLK_SECTOR_SIZE;

	return likely(!((sector | sectors) & (block - 1)));
}

static int check_data(const struct virtio_blk_limits *limits,
		      const struct blk_queue *queue, struct blk_request *req)
{
	u32 bytes, sectors;

	if (unlikely(req->type == VIRTIO_BLK_T_OUT && limits->read_only))
		return -EROFS;
	bytes = count_data(limits, req->data, req->pieces);
	if (unlikely(!bytes))
		return -EINVAL;
	if (req->type != VIRTIO_BLK_T_OUT) {
		req->to_driver = true;
		req->written = bytes;
	}
	if (unlikely(req->type == VIRTIO_BLK_T_GET_ID)) {
		/* Devices stop at its NUL, or do not count it. */
		req->written = 0;
		return bytes == VIRTIO_BLK_ID_BYTES ? 0 : -EINVAL;
	}
	sectors = bytes / VIRTIO_BLK_SECTOR_SIZE;
	if (unlikely(bytes % VIRTIO_BLK_SECTOR_SIZE ||
		     !in_blocks(limits, req->sector, sectors) ||
		     !on_disk(queue, req->sector, sectors)))
		return -EINVAL;
	return 0;
}

/* @most: sectors that the device takes at a time; 0: it takes none. */
static int check_clear(const struct virtio_blk_limits *limits,
		       const struct blk_queue *queue, u64 sector, u32 sectors,
		       u32 most)
{
	if (!most)
		return -EOPNOTSUPP;
	if (limits->read_only)
		return -EROFS;
	if (!sectors || sectors > most || !in_blocks(limits, sector, sectors) ||
	    !on_disk(queue, sector, sectors))
		return -EINVAL;
	return 0;
}

static int check_request(const struct virtio_blk_limits *limits,
			 const struct blk_queue *queue, struct blk_request *req)
{
	u32 most;

	if (likely(req->type == VIRTIO_BLK_T_IN ||
		   req->type == VIRTIO_BLK_T_OUT ||
		   req->type == VIRTIO_BLK_T_GET_ID))
		return check_data(limits, queue, req);
	switch (req->type) {
	case VIRTIO_BLK_T_FLUSH:
		if (!limits->flush)
			return -EOPNOTSUPP;
		return req->pieces ? -EINVAL : 0;
	case VIRTIO_BLK_T_DISCARD:
		most = limits->discard_sectors_max;
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		most = limits->zeroes_sectors_max;
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (req->pieces)
		return -EINVAL;
	req->segment = true;
	return check_clear(limits, queue, req->sector, req->sectors, most);
}

/* Each byte of header and segment: what was there is of another request. */
static void write_wire(struct blk_wire __shared *wire,
		       const struct blk_request *req)
{
	bool transfer =
		req->type == VIRTIO_BLK_T_IN || req->type == VIRTIO_BLK_T_OUT;

	shared_write32(&wire->header.type, req->type);
	shared_write32(&wire->header.reserved, 0);
	shared_write64(&wire->header.sector, transfer ? req->sector : 0);
	shared_write8(&wire->status, STATUS_NONE);
	if (!req->segment)
		return;
	shared_write64(&wire->segment.sector, req->sector);
	shared_write32(&wire->segment.sectors, req->sectors);
	shared_write32(&wire->segment.flags, 0);
}

static int post_request(struct blk_queue *queue, const struct blk_request *req,
			void *token)
{
	struct virtqueue_frame frame = {
		.lead_len = sizeof(struct blk_header),
		.more_len = req->segment ? sizeof(struct blk_segment) : 0,
		.tail_len = STATUS_BYTES,
	};
	struct virtqueue *vq = queue->vq;
	struct blk_slot *slot;
	unsigned int id;
	int err;

	if (unlikely(!queue->free_count))
		return -ENOSPC;
	id = queue->slot[queue->free_count - 1].free;
	slot = &queue->slot[id];
	write_wire(&queue->wire[id], req);
	frame.lead = queue->wire_addr + id * sizeof(struct blk_wire);
	frame.tail = frame.lead + offsetof(struct blk_wire, status);
	err = vq->vq_ops->add_framed(vq, &frame, req->data, req->pieces,
				     req->to_driver, slot);
	if (unlikely(err))
		return err;
	queue->free_count--;
	slot->token = token;
	slot->written = req->written;
	return 0;
}

int virtio_blk_submit(struct virtio_device *vdev, unsigned int queue, u32 type,
		      u64 sector, u32 sectors, struct scatterlist *data,
		      unsigned int segs, void *token)
{
	struct blk_request req = {
		.type = type,
		.sector = sector,
		.sectors = sectors,
		.data = data,
		.pieces = segs,
	};
	struct virtio_blk *blk = to_blk(vdev);
	struct blk_queue *q;
	unsigned long flags;
	int err;

	if (unlikely(!blk))
		return -ENODEV;
	if (unlikely(!token || queue >= blk->limits.queues))
		return -EINVAL;
	q = blk->queue[queue];
	spin_lock_irqsave(&q->lock, flags);
	err = check_request(&blk->limits, q, &req);
	if (likely(!err))
		err = post_request(q, &req, token);
	spin_unlock_irqrestore(&q->lock, flags);
	return err;
}
EXPORT_SYMBOL_GPL(virtio_blk_submit);

void virtio_blk_kick(struct virtio_device *vdev, unsigned int queue)
{
	struct virtio_blk *blk = to_blk(vdev);
	struct blk_queue *q;
	unsigned long flags;

	if (!blk || queue >= blk->limits.queues)
		return;
	q = blk->queue[queue];
	spin_lock_irqsave(&q->lock, flags);
	q->vq->vq_ops->kick(q->vq);
	spin_unlock_irqrestore(&q->lock, flags);
}
EXPORT_SYMBOL_GPL(virtio_blk_kick);

/*
 * What became of a request. @len is bounded by what was posted; that it is
 * enough is checked here: the caller must not take old bytes of its buffer for
 * data that was read.
 */
static int request_error(struct blk_queue *queue, const struct blk_slot *slot,
			 unsigned int len)
{
	size_t id = (size_t)(slot - queue->slot);

	switch (shared_read8(&queue->wire[id].status)) {
	case VIRTIO_BLK_S_OK:
		if (likely(len >= slot->written))
			return 0;
		dev_warn_ratelimited(&queue->vq->vdev->dev,
				     "success with %u of %u bytes\n", len,
				     slot->written);
		return -EIO;
	case VIRTIO_BLK_S_UNSUPP:
		return -EOPNOTSUPP;
	default:
		/* IOERR, none, or a status that does not exist. */
		return -EIO;
	}
}

static void *free_slot(struct blk_queue *queue, struct blk_slot *slot)
{
	void *token = slot->token;

	slot->token = NULL;
	queue->slot[queue->free_count++].free = (u16)(slot - queue->slot);
	return token;
}

int virtio_blk_complete(struct virtio_device *vdev, unsigned int queue,
			void **token, int *error)
{
	struct virtio_blk *blk = to_blk(vdev);
	struct blk_slot *slot;
	struct blk_queue *q;
	unsigned long flags;
	unsigned int len;
	int ret = 1;

	if (unlikely(!blk))
		return -ENODEV;
	if (unlikely(queue >= blk->limits.queues))
		return -EINVAL;
	q = blk->queue[queue];
	spin_lock_irqsave(&q->lock, flags);
	slot = q->vq->vq_ops->get_buf(q->vq, &len);
	if (likely(slot)) {
		*error = request_error(q, slot, len);
		*token = free_slot(q, slot);
	} else {
		ret = virtqueue_broken(q->vq) ? -EIO : 0;
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return ret;
}
EXPORT_SYMBOL_GPL(virtio_blk_complete);

int virtio_blk_reclaim(struct virtio_device *vdev, unsigned int queue,
		       void **token)
{
	struct virtio_blk *blk = to_blk(vdev);
	struct blk_slot *slot;
	struct blk_queue *q;
	unsigned long flags;
	int ret = 0;

	if (!blk || queue >= blk->limits.queues)
		return 0;
	q = blk->queue[queue];
	/* A request that was half posted or half completed at the reset. */
	spin_lock_irqsave(&q->lock, flags);
	slot = q->vq->vq_ops->detach_buf(q->vq);
	if (slot) {
		*token = free_slot(q, slot);
		ret = 1;
	}
	spin_unlock_irqrestore(&q->lock, flags);
	return ret;
}
EXPORT_SYMBOL_GPL(virtio_blk_reclaim);
