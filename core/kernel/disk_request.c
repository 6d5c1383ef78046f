// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests between the block layer and the block driver of the core.
 *
 * Nothing of the device is seen here: the core has checked who completed what
 * and with how many bytes, and gives one errno for each request.
 *
 * Contexts. The block layer calls queue_rq(), queue_rqs() and commit_rqs() on
 * any processor, disk_notify() runs in the interrupt; the core's lock of the
 * queue orders them. timeout() runs in a worker of the block layer. What ends
 * all requests at once, disk_end_all(), runs alone: see there.
 */
#include <linux/ctype.h>
#include <linux/slab.h>

#include "disk.h"
#include "port_block.h"

static blk_status_t disk_status(int error)
{
	switch (error) {
	case 0:
		return BLK_STS_OK;
	case -EOPNOTSUPP:
		return BLK_STS_NOTSUPP;
	default:
		return BLK_STS_IOERR;
	}
}

/* Why a request was not posted, for the block layer: again, or never? */
static blk_status_t refused(struct disk *disk, int err)
{
	switch (err) {
	case -ENOSPC:
		/* What is in flight on this queue makes room and runs it. */
		return BLK_STS_DEV_RESOURCE;
	case -ENOMEM:
		/* Room for mappings is shared with other devices. */
		return BLK_STS_RESOURCE;
	case -EIO:
		disk_fail(disk, "a queue is broken");
		return BLK_STS_IOERR;
	default:
		/* Past an end that has moved, mostly. */
		return disk_status(err);
	}
}

static bool is_short(blk_status_t status)
{
	return status == BLK_STS_RESOURCE || status == BLK_STS_DEV_RESOURCE;
}

/* The parts of a request that the core wants to know. */
struct parts {
	u32 type;
	u64 sector;
	u32 sectors;
	unsigned int segs;
};

static bool take_apart(struct request *rq, struct parts *parts)
{
	struct disk_request *dr = blk_mq_rq_to_pdu(rq);

	switch (req_op(rq)) {
	case REQ_OP_READ:
		parts->type = VIRTIO_BLK_T_IN;
		break;
	case REQ_OP_WRITE:
		parts->type = VIRTIO_BLK_T_OUT;
		break;
	case REQ_OP_FLUSH:
		parts->type = VIRTIO_BLK_T_FLUSH;
		return true;
	case REQ_OP_DISCARD:
		parts->type = VIRTIO_BLK_T_DISCARD;
		parts->sector = blk_rq_pos(rq);
		parts->sectors = blk_rq_sectors(rq);
		return true;
	case REQ_OP_WRITE_ZEROES:
		parts->type = VIRTIO_BLK_T_WRITE_ZEROES;
		parts->sector = blk_rq_pos(rq);
		parts->sectors = blk_rq_sectors(rq);
		return true;
	case REQ_OP_DRV_IN:
		parts->type = VIRTIO_BLK_T_GET_ID;
		parts->segs = blk_rq_map_sg(rq->q, rq, dr->sg);
		return true;
	default:
		return false;
	}
	parts->sector = blk_rq_pos(rq);
	parts->segs = blk_rq_map_sg(rq->q, rq, dr->sg);
	return true;
}

static blk_status_t disk_post(struct request *rq)
{
	struct disk *disk = rq->q->queuedata;
	struct disk_request *dr = blk_mq_rq_to_pdu(rq);
	struct parts parts = { 0 };
	int err;

	if (unlikely(test_bit(DISK_FAILED, &disk->state))) {
		/* The one warning has been given. */
		rq->rq_flags |= RQF_QUIET;
		return BLK_STS_IOERR;
	}
	if (unlikely(!take_apart(rq, &parts)))
		return BLK_STS_NOTSUPP;
	/* Before it is posted: from then on it may complete. */
	blk_mq_start_request(rq);
	err = virtio_blk_submit(disk->vdev, rq->mq_hctx->queue_num, parts.type,
				parts.sector, parts.sectors,
				parts.segs ? dr->sg : NULL, parts.segs, rq);
	return likely(!err) ? BLK_STS_OK : refused(disk, err);
}

static void disk_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	struct disk *disk = hctx->queue->queuedata;

	virtio_blk_kick(disk->vdev, hctx->queue_num);
}

static blk_status_t disk_queue_rq(struct blk_mq_hw_ctx *hctx,
				  const struct blk_mq_queue_data *bd)
{
	blk_status_t status = disk_post(bd->rq);

	/* Also on an error: it may be the last of a batch that was posted. */
	if (bd->last || unlikely(status))
		disk_commit_rqs(hctx);
	return status;
}

/*
 * All that a process has plugged, with one notification of each queue. What is
 * left in the list when there is no room comes again by queue_rq().
 */
static void disk_queue_rqs(PORT_RQ_LIST *list)
{
	struct blk_mq_hw_ctx *hctx = NULL;
	struct request *rq;
	blk_status_t status;

	while ((rq = rq_list_pop(list))) {
		if (hctx && unlikely(rq->mq_hctx != hctx))
			disk_commit_rqs(hctx);
		hctx = rq->mq_hctx;
		port_take_request(rq);
		status = disk_post(rq);
		if (unlikely(is_short(status))) {
			blk_mq_requeue_request(rq, true);
			break;
		}
		if (unlikely(status))
			blk_mq_end_request(rq, status);
	}
	if (hctx)
		disk_commit_rqs(hctx);
}

static void disk_complete_rq(struct request *rq)
{
	struct disk_request *dr = blk_mq_rq_to_pdu(rq);

	blk_mq_end_request(rq, disk_status(dr->error));
}

static void end_request(struct request *rq, struct io_comp_batch *batch)
{
	struct disk_request *dr = blk_mq_rq_to_pdu(rq);

	if (blk_mq_complete_request_remote(rq))
		return;
	if (!blk_mq_add_to_batch(rq, batch, dr->error,
				 blk_mq_end_request_batch))
		disk_complete_rq(rq);
}

/*
 * What ends well on this processor ends together: the tags of many are given
 * back at once. The last one ends alone and after the others, for only then the
 * block layer looks for a request that waits for room in the queue.
 */
void disk_notify(struct virtio_device *vdev, unsigned int queue)
{
	struct request *rq, *last = NULL;
	DEFINE_IO_COMP_BATCH(batch);
	struct disk_request *dr;
	int ret, error;
	void *token;

	while ((ret = virtio_blk_complete(vdev, queue, &token, &error)) == 1) {
		rq = token;
		dr = blk_mq_rq_to_pdu(rq);
		dr->error = error;
		if (unlikely(blk_should_fake_timeout(rq->q)))
			continue;
		if (last)
			end_request(last, &batch);
		last = rq;
	}
	if (batch.complete)
		batch.complete(&batch);
	if (last)
		blk_mq_complete_request(last);
	if (unlikely(ret < 0))
		disk_fail(vdev->front, "a queue is broken");
}

/*
 * An interrupt may have been lost, by an honest host too: then the answer is
 * there. Otherwise the device has stopped, and no request can be taken from it
 * alone, because it still owns the memory: disk_fail() resets it and ends them
 * all, this one too. The timer runs on until that has happened.
 */
static enum blk_eh_timer_return disk_timeout(struct request *rq)
{
	struct disk *disk = rq->q->queuedata;

	disk_notify(disk->vdev, rq->mq_hctx->queue_num);
	/* Completed, or already free again, but for the caller's reference. */
	if (blk_mq_rq_state(rq) != MQ_RQ_IN_FLIGHT)
		return BLK_EH_DONE;
	disk_fail(disk, "it does not answer");
	return BLK_EH_RESET_TIMER;
}

static int disk_init_request(struct blk_mq_tag_set *tags, struct request *rq,
			     unsigned int hctx, unsigned int node)
{
	struct disk *disk = tags->driver_data;
	struct disk_request *dr = blk_mq_rq_to_pdu(rq);

	sg_init_table(dr->sg, disk->limits.segs_max);
	return 0;
}

const struct blk_mq_ops disk_mq_ops = {
	.queue_rq = disk_queue_rq,
	.queue_rqs = disk_queue_rqs,
	.commit_rqs = disk_commit_rqs,
	.complete = disk_complete_rq,
	.timeout = disk_timeout,
	.init_request = disk_init_request,
};

static bool end_one(struct request *rq, void *data)
{
	struct disk_request *dr = blk_mq_rq_to_pdu(rq);

	if (blk_mq_request_completed(rq))
		return true;
	rq->rq_flags |= RQF_QUIET;
	dr->error = -EIO;
	blk_mq_complete_request(rq);
	return true;
}

/*
 * Reset the device and end every request that it still has. DISK_FAILED is set,
 * and the queue is quiesced here: so nobody is in queue_rq() or queue_rqs(),
 * and nobody comes there who would post. Who runs disk_notify() is waited for,
 * or a request that it has just taken would end here too: the interrupt by the
 * reset, the timeout by blk_sync_queue(); later ones find halted queues. All of
 * it is bounded: the reset by its own limit, the rest by what was posted.
 *
 * A request that is ended may still have a flush to come, which starts when the
 * queue runs again, and fails: nobody may wait for it before.
 */
void disk_end_all(struct disk *disk)
{
	struct request_queue *q = disk->gd->queue;
	unsigned int i;
	void *token;

	blk_mq_quiesce_queue(q);
	virtio_reset_device(disk->vdev);
	blk_sync_queue(q);
	for (i = 0; i < disk->limits.queues; i++)
		while (virtio_blk_reclaim(disk->vdev, i, &token))
			;
	blk_mq_tagset_busy_iter(&disk->tags, end_one, NULL);
	blk_mq_unquiesce_queue(q);
}

/* The name is for people and for udev's rules: no control characters. */
static void take_serial(struct disk *disk, const char *id)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_BLK_ID_BYTES && id[i]; i++)
		disk->serial[i] =
			isascii(id[i]) && isprint(id[i]) ? id[i] : '?';
}

/*
 * Ask the device once for its name, while nobody else uses the queue: those
 * who read the attribute later wait for nobody. 0, also when it has none, or
 * an error when no disk can be made of the device.
 */
int disk_identify(struct disk *disk)
{
	struct request_queue *q = disk->gd->queue;
	struct request *rq;
	char *id;
	int err;

	id = kzalloc(VIRTIO_BLK_ID_BYTES, GFP_KERNEL);
	if (!id)
		return -ENOMEM;
	/* Nobody else has a tag: to wait is for a disk that has failed. */
	rq = blk_mq_alloc_request(q, REQ_OP_DRV_IN, BLK_MQ_REQ_NOWAIT);
	if (IS_ERR(rq)) {
		err = PTR_ERR(rq);
		goto free_id;
	}
	err = blk_rq_map_kern(q, rq, id, VIRTIO_BLK_ID_BYTES, GFP_KERNEL);
	if (!err && blk_execute_rq(rq, false) == BLK_STS_OK)
		take_serial(disk, id);
	blk_mq_free_request(rq);
	if (!err && test_bit(DISK_FAILED, &disk->state))
		err = -EIO;
free_id:
	kfree(id);
	return err;
}
