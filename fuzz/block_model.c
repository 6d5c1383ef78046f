// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The block driver as include/vlab/virtio_blk.h has it: what each request must
 * return, what the device is shown of it, and when it may succeed. Its queues
 * are held against the model of a queue, with a slot of the driver as token.
 */
#include "block_model.h"

#include "arena.h"
#include "block.h"
#include "bytes.h"
#include "cells.h"
#include "config_look.h"
#include "model.h"
#include "virtio_core.h"
#include "vring.h"
#include "watch.h"

/* Requests of one execution. */
#define REQUESTS_MAX 64
#define HEADER_BYTES 16
/* What a request has in DMA memory: header, segment, and then the status. */
#define WIRE_BYTES 64u
#define WIRE_STATUS 32u
#define DATA_MAX 8
#define REQUEST_SLOTS 128u
/* The largest queue whose tables hold three pieces or more. */
#define INDIRECT_OF_THREE_MAX 4096

/**
 * struct request - one that was accepted; the caller's token is its number
 * @token: of the buffer in the ring
 * @written: bytes that the device must write for it to succeed
 * @wire: its part of the DMA memory
 * @queue: it was submitted to
 * @live: it has not come back
 */
struct request {
	u32 token;
	u32 written;
	const u8 *wire;
	u8 queue;
	bool live;
};

static struct request requests[REQUESTS_MAX + 1];
static struct virtio_blk_limits disk;
static bool bound;

static void forget_wires(void)
{
	memset(cells_wire, 0, sizeof(cells_wire));
}

void block_model_reset(void)
{
	bound = false;
	forget_wires();
}

static struct model *selected(void)
{
	return &lab.model[lab_queue_number()];
}

/* Where the requests of a queue are: the watch knows it by nothing else. */
static void note_wire(unsigned int queue, const struct blk_queue *q)
{
	cells_wire[queue] = (struct cells_wire){
		.start = arena_dma_offset((const void __force *)q->wire),
		.size = min(lab.model[queue].num, REQUEST_SLOTS) * WIRE_BYTES,
		.stride = WIRE_BYTES,
		.at = WIRE_STATUS,
	};
}

/* The queues of the driver, the first one first. */
static unsigned int start_queues(void)
{
	struct vring *vring = lab.lb.vdev.core->vqs;
	unsigned int i, n = 0;

	for (; vring; vring = vring->next)
		n++;
	for (vring = lab.lb.vdev.core->vqs, i = n; i--; vring = vring->next)
		if (i < LAB_QUEUES) {
			model_start(&lab.model[i], &vring->vq);
			note_wire(i, vring->vq.priv);
		}
	return n;
}

/* Requests of three pieces that a ring holds, which may be in tables. */
static unsigned int requests_of(unsigned int num)
{
	if (config_model.agreed >> VIRTIO_RING_F_INDIRECT_DESC & 1 &&
	    num <= INDIRECT_OF_THREE_MAX)
		return num;
	return num / 3;
}

/* How many of the queues there are can serve; it limits the pieces. */
static bool expect_queues(struct virtio_blk_limits *limits)
{
	unsigned int i, index, num;
	int err = 0;

	for (i = 0; i < limits->queues; i++) {
		err = config_model_queue(i, &index, &num);
		if (err || num <= 2 || index >= LOOPBACK_QUEUES)
			break;
		limits->segs_max = min(limits->segs_max, (u32)num - 2);
		limits->requests_max =
			min(limits->requests_max, requests_of(num));
	}
	if (i < limits->queues && (err != -ENOENT || !i))
		return false;
	limits->queues = i;
	return true;
}

static void check_limits(const struct virtio_blk_limits *got)
{
	const u64 values[][2] = {
		{ got->capacity, disk.capacity },
		{ got->block_size, disk.block_size },
		{ got->segs_max, disk.segs_max },
		{ got->seg_size_max, disk.seg_size_max },
		{ got->physical_block_size, disk.physical_block_size },
		{ got->alignment_offset, disk.alignment_offset },
		{ got->io_min, disk.io_min },
		{ got->io_opt, disk.io_opt },
		{ got->discard_sectors_max, disk.discard_sectors_max },
		{ got->discard_alignment, disk.discard_alignment },
		{ got->zeroes_sectors_max, disk.zeroes_sectors_max },
		{ got->queues, disk.queues },
		{ got->requests_max, disk.requests_max },
		{ got->read_only, disk.read_only },
		{ got->flush, disk.flush },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++)
		oracle_check(values[i][0] == values[i][1], ORACLE_RESULT,
			     "a limit of the disk is %llu, the model has %llu",
			     values[i][0], values[i][1]);
}

static unsigned int notices[VIRTIO_BLK_QUEUES_MAX];

static void note_finished(struct virtio_device *vdev, unsigned int queue)
{
	(void)vdev;
	notices[queue % VIRTIO_BLK_QUEUES_MAX]++;
}

/* The caller hears of it if a request of that queue may have finished. */
void block_model_interrupt(unsigned int index)
{
	struct model *model = NULL;
	unsigned int i, before = 0;
	bool work = false;
	u16 last = 0;

	for (i = 0; i < LAB_QUEUES && !model; i++)
		if (bound && lab.model[i].vq && lab.model[i].vq->index == index)
			model = &lab.model[i];
	if (model) {
		before = notices[--i];
		last = model->last;
		work = model_is_ready() && !model_halted(model);
	}
	watch_begin(CALL_INTERRUPT);
	virtqueue_interrupt(&lab.lb.vdev, index);
	watch_end(0);
	if (!model)
		return;
	if (work && model->cached == last)
		work = watch_value(CELL_USED_IDX, index, 0) != last;
	oracle_check(notices[i] - before == work, ORACLE_CALLBACK,
		     "an interrupt of queue %llu was told %llu times", index,
		     notices[i] - before);
}

/* A driver was to be bound: was it, if and only if the disk makes sense? */
void block_model_bound(void)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	const struct virtio_core *core = vdev->core;
	u8 config[VIRTIO_CONFIG_DEVICE_MAX];
	bool sane, ready = core && core->ready;

	if (lab.device != LAB_BLOCK || bound)
		return;
	sane = block_limits_expected(config, config_model_device(config),
				     config_model.agreed, &disk) &&
	       expect_queues(&disk);
	oracle_check(!ready || sane, ORACLE_RESULT,
		     "a disk of %llu sectors, block size %llu, was taken",
		     disk.capacity, disk.block_size);
	/* What may end a probe beside the disk. */
	oracle_check(ready || !sane || virtio_device_broken(vdev) ||
			     lab.regs->gone || lab.setup_failed ||
			     arena.failed[ARENA_ALLOC] ||
			     arena.failed[ARENA_DMA],
		     ORACLE_RESULT,
		     "a disk of %llu sectors, block size %llu, was refused",
		     disk.capacity, disk.block_size);
	if (!ready || finding.fired)
		return;
	bound = true;
	oracle_check(start_queues() == disk.queues, ORACLE_RESULT,
		     "the driver does not use the %llu queues of the disk",
		     disk.queues, 0);
	virtio_blk_notify(vdev, note_finished);
	block_model_limits();
}

void block_model_unbind(void)
{
	unsigned int i;

	if (!bound)
		return;
	bound = false;
	forget_wires();
	/* What is still out is dropped: its data is the caller's again. */
	for (i = 0; i <= REQUESTS_MAX; i++)
		requests[i].live = false;
	for (i = 0; i < LAB_QUEUES; i++)
		lab.model[i].vq = NULL;
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
	const u32 block = disk.block_size / 512;

	return sector <= disk.capacity && sectors <= disk.capacity - sector &&
	       !((u32)sector % block) && !((u32)sectors % block);
}

/* A transfer of data: 0, or the error; its bytes in *@bytes. */
static int expect_data(u32 type, u64 sector, const struct scatterlist *sg,
		       unsigned int segs, u64 *bytes)
{
	unsigned int i;

	*bytes = 0;
	if (type == VIRTIO_BLK_T_OUT && disk.read_only)
		return -EROFS;
	if (segs > disk.segs_max)
		return -EINVAL;
	for (i = 0; i < segs; i++) {
		if (!sg[i].length || sg[i].length > disk.seg_size_max)
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
	if (disk.read_only)
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
	if (!bound)
		return -ENODEV;
	if (lab_queue_number() >= disk.queues)
		return -EINVAL;
	switch (type) {
	case VIRTIO_BLK_T_FLUSH:
		err = disk.flush ? 0 : -EOPNOTSUPP;
		break;
	case VIRTIO_BLK_T_DISCARD:
		err = expect_clear(disk.discard_sectors_max, sector, sectors);
		*total = 3;
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		err = expect_clear(disk.zeroes_sectors_max, sector, sectors);
		*total = 3;
		break;
	default:
		err = expect_data(type, sector, sg, segs, bytes);
		break;
	}
	if (err)
		return err;
	if (in_flight(lab_queue_number()) >=
	    min(selected()->num, REQUEST_SLOTS))
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
	return arena_at(get_unaligned_le64(desc), WIRE_BYTES);
}

/* A request's own part of the DMA memory, which no other one uses; or NULL. */
static const u8 *posted_wire(void)
{
	const struct cells_wire *area = &cells_wire[lab_queue_number()];
	const u8 *wire = posted_first(selected());
	s64 at = wire ? arena_dma_offset(wire) - area->start : -1;

	if (at >= 0 && at < area->size && !(at % WIRE_BYTES) &&
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
	u8 status = wire[WIRE_STATUS];

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
	u32 written = 1 + (reads ? (u32)bytes : 0);
	struct scatterlist pieces[DATA_MAX + 2];
	unsigned int total = 0, i;

	sg_set_buf(&pieces[total++], wire, HEADER_BYTES);
	if (clears(type))
		sg_set_buf(&pieces[total++], wire + HEADER_BYTES, HEADER_BYTES);
	for (i = 0; i < segs; i++)
		pieces[total++] = sg[i];
	sg_set_buf(&pieces[total++], wire + WIRE_STATUS, 1);
	model_note_posted(selected(), pieces, map, reads ? 1 : total - 1, total,
			  written);
	request->token = lab.tokens;
	request->written = written;
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
	bool serves = bound && lab_queue_number() < disk.queues;
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

/* What a request ends with: the device's word, if it wrote all that it had to.
 */
static int expect_error(const struct request *request, u32 len, s64 status)
{
	if (status == VIRTIO_BLK_S_UNSUPP)
		return -EOPNOTSUPP;
	return status == VIRTIO_BLK_S_OK && len >= request->written ? 0 : -EIO;
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
	if (!bound)
		want = -ENODEV;
	else if (lab_queue_number() >= disk.queues)
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
	oracle_check(arena.copied - copied == min(len, request->written - 1),
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
	bool serves = bound && lab_queue_number() < disk.queues;
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

void block_model_limits(void)
{
	struct virtio_blk_limits limits;
	int err;

	watch_begin(CALL_BLOCK_LIMITS);
	err = virtio_blk_limits(&lab.lb.vdev, &limits);
	watch_end((u64)(s64)err);
	oracle_check(err == (bound ? 0 : -ENODEV), ORACLE_RESULT,
		     "virtio_blk_limits returned -%llu", (u64)-err, 0);
	if (err || !bound)
		return;
	check_limits(&limits);
	trace(TRACE_VALUE, limits.capacity, limits.block_size, limits.segs_max);
}

/* A capacity that cannot be: the old one stays. */
void block_model_revalidate(void)
{
	u8 config[VIRTIO_CONFIG_DEVICE_MAX];
	u64 capacity;
	int err, want;

	if (!bound) {
		watch_begin(CALL_BLOCK_REVALIDATE);
		err = virtio_blk_revalidate(&lab.lb.vdev);
		watch_end((u64)(s64)err);
		oracle_check(err == -ENODEV, ORACLE_RESULT,
			     "virtio_blk_revalidate returned -%llu", (u64)-err,
			     0);
		return;
	}
	err = config_model_refresh(CALL_BLOCK_REVALIDATE, virtio_blk_revalidate,
				   &want);
	if (!want) {
		if (block_capacity_expected(config, config_model_device(config),
					    &capacity))
			disk.capacity = capacity;
		else
			want = -EIO;
	}
	oracle_check(err == want, ORACLE_RESULT,
		     "virtio_blk_revalidate returned -%llu, the model has "
		     "-%llu",
		     (u64)-err, (u64)-want);
	block_model_limits();
}
