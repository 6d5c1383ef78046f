// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The model of the block driver: what each request must return, what the device
 * is shown of it, and when it may succeed. Its queues are held against the
 * model of a queue, with a slot of the driver as token.
 */
#include "arena.h"
#include "block_model.h"
#include "bytes.h"
#include "cells.h"
#include "model.h"
#include "watch.h"

/* Requests of one execution. */
#define REQUESTS_MAX 64
#define HEADER_BYTES 16
#define DATA_MAX 8

/**
 * struct request - one that was accepted; the caller's token is its number
 * @token: of the buffer in the ring
 * @data: bytes of it that the device writes
 * @needed: how many it must have written for the request to succeed
 * @wire: its part of the DMA memory
 * @queue: it was submitted to
 * @live: it has not come back
 */
struct request {
	u32 token;
	u32 data;
	u32 needed;
	const u8 *wire;
	u8 queue;
	bool live;
};

static struct request requests[REQUESTS_MAX + 1];

static struct model *selected(void)
{
	return &lab.model[lab_queue_number()];
}

/* What is still out is dropped: its data is the caller's again. */
void block_model_drop_requests(void)
{
	unsigned int i;

	for (i = 0; i <= REQUESTS_MAX; i++)
		requests[i].live = false;
}

static unsigned int in_flight(unsigned int queue)
{
	unsigned int i, n = 0;

	for (i = 1; i <= lab.requests; i++)
		n += requests[i].live && requests[i].queue == queue;
	return n;
}

/* A block is a power of two: the low half of a number tells. */
static bool on_disk(u64 sector, u64 sectors)
{
	const u32 block = block_model.disk.block_size / 512;

	return sector <= block_model.disk.capacity &&
	       sectors <= block_model.disk.capacity - sector &&
	       !((u32)sector % block) && !((u32)sectors % block);
}

/* A transfer of data: 0, or the error; its bytes in *@bytes. */
static int expect_data(u32 type, u64 sector, const struct scatterlist *sg,
		       unsigned int segs, u64 *bytes)
{
	unsigned int i;

	*bytes = 0;
	if (type == VIRTIO_BLK_T_OUT && block_model.disk.read_only)
		return -EROFS;
	if (segs > block_model.disk.segs_max)
		return -EINVAL;
	for (i = 0; i < segs; i++) {
		if (!sg[i].length ||
		    sg[i].length > block_model.disk.seg_size_max)
			return -EINVAL;
		*bytes += sg[i].length;
	}
	/* With the status it is counted in 32 bits. */
	if (!*bytes || *bytes >= 0xffffffff)
		return -EINVAL;
	if (type == VIRTIO_BLK_T_GET_ID)
		return *bytes == VIRTIO_BLK_ID_BYTES ? 0 : -EINVAL;
	return *bytes % 512 || !on_disk(sector, *bytes / 512) ? -EINVAL : 0;
}

static int expect_clear(u32 most, u64 sector, u32 sectors)
{
	if (!most)
		return -EOPNOTSUPP;
	if (block_model.disk.read_only)
		return -EROFS;
	return !sectors || sectors > most || !on_disk(sector, sectors) ? -EINVAL
								       : 0;
}

/* What a request must return; *@total: the pieces in the ring. */
static int expect_submit(u32 type, u64 sector, u32 sectors,
			 const struct scatterlist *sg, unsigned int segs,
			 u64 *bytes, unsigned int *total)
{
	int err = 0;

	*total = segs + 2;
	*bytes = 0;
	if (!block_model.bound)
		return -ENODEV;
	if (lab_queue_number() >= block_model.disk.queues)
		return -EINVAL;
	switch (type) {
	case VIRTIO_BLK_T_FLUSH:
		err = block_model.disk.flush ? 0 : -EOPNOTSUPP;
		break;
	case VIRTIO_BLK_T_DISCARD:
		err = expect_clear(block_model.disk.discard_sectors_max, sector,
				   sectors);
		*total = 3;
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		err = expect_clear(block_model.disk.zeroes_sectors_max, sector,
				   sectors);
		*total = 3;
		break;
	default:
		err = expect_data(type, sector, sg, segs, bytes);
		break;
	}
	if (err)
		return err;
	if (in_flight(lab_queue_number()) >=
	    min(selected()->num, BLOCK_MODEL_SLOTS))
		return -ENOSPC;
	return model_expect_add(selected(), *total);
}

static bool wire_in_use(const u8 *wire)
{
	unsigned int i;

	for (i = 1; i <= lab.requests; i++)
		if (requests[i].live && requests[i].wire == wire)
			return true;
	return false;
}

/* What the device finds first in the buffer that was added last. */
static const u8 *posted_first(const struct model *model)
{
	const struct virtio_vq_setup *setup =
		&lab.lb.queue[model->vq->index].setup;
	const u8 *avail = arena_at(setup->avail, 4);
	u32 head =
		get_unaligned_le16(avail + 4 + 2 * (model->avail % model->num));
	const u8 *desc = arena_at(setup->desc + 16ULL * head, 16);

	if (head < model->num &&
	    get_unaligned_le16(desc + 12) == VRING_DESC_F_INDIRECT)
		desc = arena_at(get_unaligned_le64(desc), 16);
	if (head >= model->num || !desc)
		return NULL;
	return arena_at(get_unaligned_le64(desc), BLOCK_MODEL_WIRE_BYTES);
}

/* A request's own part of the DMA memory, which no other one uses; or NULL. */
static const u8 *posted_wire(void)
{
	const struct cells_wire *area = &cells_wire[lab_queue_number()];
	const u8 *wire = posted_first(selected());
	s64 at = wire ? arena_dma_offset(wire) - area->start : -1;

	if (at >= 0 && at < area->size && !(at % BLOCK_MODEL_WIRE_BYTES) &&
	    !wire_in_use(wire))
		return wire;
	oracle_fire(ORACLE_CHAIN,
		    "a request was posted at %llu of the memory for requests, "
		    "which is not its own",
		    (u64)at, 0);
	return NULL;
}

static bool clears(u32 type)
{
	return type == VIRTIO_BLK_T_DISCARD ||
	       type == VIRTIO_BLK_T_WRITE_ZEROES;
}

/* Header and segment, byte for byte; a status that is no status yet. */
static void check_wire(u32 type, u64 sector, u32 sectors, const u8 *wire)
{
	u8 header[HEADER_BYTES] = { 0 }, segment[HEADER_BYTES] = { 0 };
	u8 status = wire[BLOCK_MODEL_WIRE_STATUS];

	put_unaligned_le32(type, header);
	if (type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_OUT)
		put_unaligned_le64(sector, header + 8);
	oracle_check(bytes_same(wire, header, sizeof(header)), ORACLE_CHAIN,
		     "the header of a request of type %llu, sector %llu, is "
		     "not of it",
		     type, sector);
	put_unaligned_le64(sector, segment);
	put_unaligned_le32(sectors, segment + 8);
	oracle_check(!clears(type) || bytes_same(wire + HEADER_BYTES, segment,
						 sizeof(segment)),
		     ORACLE_CHAIN,
		     "the segment of %llu sectors at %llu is another", sectors,
		     sector);
	oracle_check(status > VIRTIO_BLK_S_UNSUPP, ORACLE_CHAIN,
		     "a request was posted with status %llu", status, 0);
}

static void note_request(u32 type, const struct scatterlist *sg,
			 unsigned int segs, u64 bytes, u32 map, const u8 *wire)
{
	bool reads = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	struct request *request = &requests[++lab.requests];
	u32 data = reads ? (u32)bytes : 0;
	struct scatterlist pieces[DATA_MAX + 2];
	unsigned int total = 0, i;

	sg_set_buf(&pieces[total++], wire, HEADER_BYTES);
	if (clears(type))
		sg_set_buf(&pieces[total++], wire + HEADER_BYTES, HEADER_BYTES);
	for (i = 0; i < segs; i++)
		pieces[total++] = sg[i];
	sg_set_buf(&pieces[total++], wire + BLOCK_MODEL_WIRE_STATUS, 1);
	model_note_posted(selected(), pieces, map, reads ? 1 : total - 1, total,
			  data + 1);
	request->token = lab.tokens;
	request->data = data;
	/* An id may end before its buffer does. */
	request->needed = type == VIRTIO_BLK_T_GET_ID ? 0 : data;
	request->wire = wire;
	request->queue = (u8)lab_queue_number();
	request->live = true;
}

void block_model_submit(u32 type, u64 sector, u32 sectors,
			const struct scatterlist *sg, unsigned int segs)
{
	void *token = (void *)(uintptr_t)(lab.requests + 1);
	struct scatterlist data[DATA_MAX];
	unsigned int total;
	u32 map = arena.maps;
	const u8 *wire;
	u64 bytes;
	int err, want;

	if (lab.requests == REQUESTS_MAX)
		return;
	want = expect_submit(type, sector, sectors, sg, segs, &bytes, &total);
	if (segs)
		bytes_copy(data, sg, segs * sizeof(*sg));
	arena.failed[ARENA_MAP] = false;
	watch_begin(CALL_BLOCK_SUBMIT);
	err = virtio_blk_submit(&lab.lb.vdev, lab_queue_number(), type, sector,
				sectors, segs ? data : NULL, segs, token);
	watch_end((u64)(s64)err);
	if (arena.failed[ARENA_MAP] && !want)
		want = -ENOMEM;
	oracle_check(err == want, ORACLE_RESULT,
		     "virtio_blk_submit returned -%llu, the model has -%llu",
		     (u64)-err, (u64)-want);
	if (err || want)
		return;
	wire = posted_wire();
	if (!wire)
		return;
	note_request(type, sg, segs, bytes, map, wire);
	check_wire(type, sector, sectors, wire);
	model_check(selected());
}

void block_model_kick(void)
{
	unsigned int before = lab.notified, fails = lab.notify_fails;
	bool serves = block_model.bound &&
		      lab_queue_number() < block_model.disk.queues;
	bool work = serves && model_has_work(selected());

	watch_begin(CALL_BLOCK_KICK);
	virtio_blk_kick(&lab.lb.vdev, lab_queue_number());
	watch_end(0);
	if (serves)
		model_kicked(selected(), work, lab.notified - before,
			     lab.notify_fails != fails);
}

/* The request that a token stands for; NULL: it is not in flight. */
static struct request *request_of(const void *token, const char *what)
{
	uintptr_t number = (uintptr_t)token;

	if (number && number <= lab.requests && requests[number].live)
		return &requests[number];
	oracle_fire(ORACLE_TOKEN, what, number, 0);
	return NULL;
}

static void end_request(struct request *request)
{
	request->live = false;
	model_note_returned(selected(), request->token);
}

/* What a request ends with: the device's word, if it wrote all the data. */
static int expect_error(const struct request *request, u32 len, s64 status)
{
	if (status == VIRTIO_BLK_S_UNSUPP)
		return -EOPNOTSUPP;
	return status == VIRTIO_BLK_S_OK && len >= request->needed ? 0 : -EIO;
}

/* One finished request; false: there was none. */
static bool complete(void)
{
	struct model *model = selected();
	u64 copied = arena.copied;
	int got, want = 0, error = 0;
	struct request *request = NULL;
	u32 ring = 0, len = 0;
	void *token = NULL;
	s64 status;

	watch_begin(CALL_BLOCK_COMPLETE);
	got = virtio_blk_complete(&lab.lb.vdev, lab_queue_number(), &token,
				  &error);
	watch_end((u64)(s64)got);
	if (got == 1)
		request = request_of(token, "request %llu finished twice");
	if (!block_model.bound)
		want = -ENODEV;
	else if (lab_queue_number() >= block_model.disk.queues)
		want = -EINVAL;
	else
		ring = model_expect_get(model, &len);
	if (ring)
		want = 1;
	else if (!want && model->broken)
		want = -EIO;
	oracle_check(got == want && (!request || request->token == ring),
		     ORACLE_RESULT,
		     "virtio_blk_complete gave buffer %llu, the model has %llu",
		     request ? request->token : 0, ring);
	if (!request || finding.fired)
		return false;
	end_request(request);
	model->last++;
	status = watch_value(CELL_PAYLOAD, 0, 0);
	want = expect_error(request, len, status);
	oracle_check(error == want, ORACLE_RESULT,
		     "a request ended with error -%llu, the model has -%llu",
		     (u64)-error, (u64)-want);
	/* The status is not: it lies in memory that both sides see. */
	oracle_check(arena.copied - copied == min(len, request->data),
		     ORACLE_MAPPING,
		     "%llu bytes were copied back, %llu were written",
		     arena.copied - copied, len);
	trace(TRACE_VALUE, (u64)(s64)error, (u64)status, 0);
	model_check(model);
	return true;
}

void block_model_poll(void)
{
	unsigned int n = REQUESTS_MAX + 1;

	while (n-- && complete())
		;
}

void block_model_reclaim(void)
{
	bool serves = block_model.bound &&
		      lab_queue_number() < block_model.disk.queues;
	struct model *model = selected();
	unsigned int n = REQUESTS_MAX + 1;
	struct request *request;
	void *token = NULL;
	int got;

	while (n-- && !finding.fired) {
		watch_begin(CALL_BLOCK_RECLAIM);
		got = virtio_blk_reclaim(&lab.lb.vdev, lab_queue_number(),
					 &token);
		watch_end((u64)(s64)got);
		if (got != 1)
			break;
		oracle_check(!serves ||
				     !lab.lb.queue[model->vq->index].enabled ||
				     lab.regs->gone,
			     ORACLE_IN_USE,
			     "a request was reclaimed while the device may "
			     "use it",
			     0, 0);
		request = request_of(token, "request %llu was reclaimed twice");
		if (request)
			end_request(request);
	}
	if (!serves || finding.fired)
		return;
	oracle_check(!model->stopped || lab.regs->gone ||
			     !in_flight(lab_queue_number()),
		     ORACLE_TOKEN,
		     "%llu requests are out after the device stopped",
		     in_flight(lab_queue_number()), 0);
	model_check(model);
}
