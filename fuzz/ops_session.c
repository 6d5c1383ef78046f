// SPDX-License-Identifier: GPL-2.0-or-later
/* Steps of the users of the two drivers: entropy and block. */
#include <vlab/virtio_blk.h>
#include <vlab/virtio_entropy.h>

#include "arena.h"
#include "lab.h"
#include "watch.h"

/* Requests of one execution; each has a bit that says: in flight. */
#define REQUESTS_MAX 64
#define PIECE_SIZE 512

static unsigned int block_queue(void)
{
	return lab.select % LAB_QUEUES;
}

static void entropy_read(unsigned int len)
{
	u8 buf[128];
	int got;

	len %= sizeof(buf) + 1;
	memset(buf, 0x5a, sizeof(buf));
	watch_begin(CALL_ENTROPY_READ);
	got = virtio_entropy_read(&lab.lb.vdev, buf, len);
	watch_end((u64)(s64)got);
	oracle_check(got <= (int)len, ORACLE_LENGTH,
		     "virtio_entropy_read gave %llu bytes of %llu",
		     (u64)(s64)got, len);
	trace(TRACE_VALUE, got > 0 ? buf[0] : 0, got > 0 ? buf[got - 1] : 0, 0);
}

static void entropy_told(struct virtio_device *vdev)
{
	(void)vdev;
	entropy_read(lab.notify_len);
}

static void entropy_notify(unsigned int len)
{
	lab.notify_len = len;
	watch_begin(CALL_ENTROPY_NOTIFY);
	virtio_entropy_notify(&lab.lb.vdev, len ? entropy_told : NULL);
	watch_end(0);
}

static int submit(u32 type, u64 sector, u32 sectors, struct scatterlist *sg,
		  unsigned int segs)
{
	void *token = (void *)(uintptr_t)(lab.requests + 1);
	int err;

	if (lab.requests == REQUESTS_MAX)
		return -ENOSPC;
	arena.failed[ARENA_MAP] = false;
	watch_begin(CALL_BLOCK_SUBMIT);
	err = virtio_blk_submit(&lab.lb.vdev, block_queue(), type, sector,
				sectors, sg, segs, token);
	watch_end((u64)(s64)err);
	if (err)
		return err;
	lab.requests_live |= 1ULL << lab.requests;
	lab.requests++;
	return 0;
}

static void check_range(int err, u64 sector, u64 sectors)
{
	struct virtio_blk_limits limits;

	if (err || virtio_blk_limits(&lab.lb.vdev, &limits))
		return;
	oracle_check(sector <= limits.capacity &&
			     sectors <= limits.capacity - sector,
		     ORACLE_RESULT,
		     "sector %llu of a disk of %llu was accepted", sector,
		     limits.capacity);
}

static void transfer(u32 type, const struct step *step)
{
	unsigned int i, pieces = (step->a >> 4 & 7) + 1u;
	u32 blocks = (step->a & 15) + 1u, odd = step->b >> 1;
	u64 sector = step->c;
	struct scatterlist sg[8];
	u32 len;
	int err;

	if (step->b & 1)
		sector |= 0xffffffff00000000ULL;
	for (i = 0; i < pieces; i++) {
		len = blocks * PIECE_SIZE + (i ? 0 : odd);
		sg_set_buf(&sg[i], arena_payload + i * 16 * PIECE_SIZE, len);
	}
	err = submit(type, sector, 0, sg, pieces);
	check_range(err, sector, (u64)blocks * pieces);
}

static void take_request(void *token, const char *what)
{
	uintptr_t number = (uintptr_t)token - 1;

	if (number >= REQUESTS_MAX || !(lab.requests_live >> number & 1)) {
		oracle_fire(ORACLE_TOKEN, what, number, 0);
		return;
	}
	lab.requests_live &= ~(1ULL << number);
}

static void poll(unsigned int queue)
{
	unsigned int n = REQUESTS_MAX + 1;
	void *token = NULL;
	int got, error = 0;
	s64 status;

	while (n-- && !finding.fired) {
		watch_begin(CALL_BLOCK_COMPLETE);
		got = virtio_blk_complete(&lab.lb.vdev, queue, &token, &error);
		watch_end((u64)(s64)got);
		if (got != 1)
			return;
		take_request(token, "request %llu finished twice");
		status = watch_value(CELL_PAYLOAD, 0, 0);
		oracle_check(error || status == VIRTIO_BLK_S_OK, ORACLE_RESULT,
			     "a request succeeded with status %llu",
			     (u64)status, 0);
		trace(TRACE_VALUE, (u64)(s64)error, (u64)status, 0);
	}
	oracle_check(finding.fired, ORACLE_TOKEN,
		     "more requests finished than were made", 0, 0);
}

static void block_told(struct virtio_device *vdev, unsigned int queue)
{
	(void)vdev;
	poll(queue);
}

static void block_notify(bool polls)
{
	watch_begin(CALL_BLOCK_NOTIFY);
	virtio_blk_notify(&lab.lb.vdev, polls ? block_told : NULL);
	watch_end(0);
}

static void reclaim(void)
{
	unsigned int n = REQUESTS_MAX + 1;
	void *token = NULL;
	int got;

	while (n-- && !finding.fired) {
		watch_begin(CALL_BLOCK_RECLAIM);
		got = virtio_blk_reclaim(&lab.lb.vdev, block_queue(), &token);
		watch_end((u64)(s64)got);
		if (got != 1)
			return;
		oracle_check(!lab.lb.queue[block_queue()].enabled ||
				     lab.regs->gone || lab.reset_ignored,
			     ORACLE_IN_USE,
			     "a request was reclaimed while the device may "
			     "use it",
			     0, 0);
		take_request(token, "request %llu was reclaimed twice");
	}
}

static void ranged(u32 type, const struct step *step)
{
	int err = submit(type, step->c, step->b, NULL, 0);

	check_range(err, step->c, step->b);
}

static void get_id(unsigned int len)
{
	struct scatterlist sg;

	sg_set_buf(&sg, arena_payload, len);
	submit(VIRTIO_BLK_T_GET_ID, 0, 0, &sg, 1);
}

static void limits(void)
{
	struct virtio_blk_limits l;
	int err;

	watch_begin(CALL_BLOCK_LIMITS);
	err = virtio_blk_limits(&lab.lb.vdev, &l);
	watch_end((u64)(s64)err);
	if (err)
		return;
	oracle_check(l.block_size >= 512 && l.block_size <= 4096 &&
			     !(l.block_size & (l.block_size - 1)) &&
			     l.segs_max && l.segs_max <= VIRTIO_BLK_SEGS_MAX &&
			     l.seg_size_max >= 512 && l.queues &&
			     l.queues <= VIRTIO_BLK_QUEUES_MAX &&
			     l.capacity <= 1ULL << 54,
		     ORACLE_RESULT, "limits: block %llu, capacity %llu",
		     l.block_size, l.capacity);
	trace(TRACE_VALUE, l.capacity, l.block_size, l.segs_max);
}

static void revalidate(void)
{
	u32 before = config_model_generation();
	int err;

	watch_begin(CALL_BLOCK_REVALIDATE);
	err = virtio_blk_revalidate(&lab.lb.vdev);
	watch_end((u64)(s64)err);
	/* It may also refresh, and fail because of what it finds then. */
	if (config_model_generation() != before)
		config_model_refreshed();
}

static void kick(void)
{
	watch_begin(CALL_BLOCK_KICK);
	virtio_blk_kick(&lab.lb.vdev, block_queue());
	watch_end(0);
}

void lab_step_session(const struct step *step)
{
	lab_need_driver();
	switch ((enum op)step->op) {
	case OP_ENTROPY_READ:
		entropy_read(step->b);
		break;
	case OP_BLOCK_READ:
		transfer(VIRTIO_BLK_T_IN, step);
		break;
	case OP_BLOCK_WRITE:
		transfer(VIRTIO_BLK_T_OUT, step);
		break;
	case OP_BLOCK_FLUSH:
		submit(VIRTIO_BLK_T_FLUSH, 0, 0, NULL, 0);
		break;
	case OP_BLOCK_DISCARD:
		ranged(VIRTIO_BLK_T_DISCARD, step);
		break;
	case OP_BLOCK_ZEROES:
		ranged(VIRTIO_BLK_T_WRITE_ZEROES, step);
		break;
	case OP_BLOCK_ID:
		get_id(step->a);
		break;
	case OP_BLOCK_KICK:
		kick();
		break;
	case OP_BLOCK_POLL:
		poll(block_queue());
		break;
	case OP_BLOCK_REVALIDATE:
		revalidate();
		break;
	case OP_BLOCK_RECLAIM:
		reclaim();
		break;
	case OP_ENTROPY_NOTIFY:
		entropy_notify(step->b);
		break;
	case OP_BLOCK_NOTIFY:
		block_notify(step->a & 1);
		break;
	default:
		limits();
		break;
	}
}
