// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The block driver as include/vlab/virtio_blk.h has it: of which devices it
 * makes a disk, with what limits, and when its user hears of the device.
 * block_model_request.c: the requests.
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

/* The largest queue whose tables hold three pieces or more. */
#define INDIRECT_OF_THREE_MAX 4096

struct block_model block_model;

static void forget_wires(void)
{
	memset(cells_wire, 0, cells_wires * sizeof(cells_wire[0]));
	cells_wires = 0;
}

void block_model_reset(void)
{
	block_model.bound = false;
	forget_wires();
}

/* Where the requests of a queue are: the watch knows it by nothing else. */
static void note_wire(unsigned int queue, const struct blk_queue *q)
{
	cells_wire[queue] = (struct cells_wire){
		.start = arena_dma_offset((const void __force *)q->wire),
		.size = min(lab.model[queue].num, BLOCK_MODEL_SLOTS) *
			BLOCK_MODEL_WIRE_BYTES,
		.stride = BLOCK_MODEL_WIRE_BYTES,
		.at = BLOCK_MODEL_WIRE_STATUS,
	};
	if (cells_wires <= queue)
		cells_wires = queue + 1;
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
	/* A request can have a whole block. */
	return (u64)limits->segs_max * limits->seg_size_max >=
	       limits->block_size;
}

static void check_limits(const struct virtio_blk_limits *got)
{
	const u64 values[][2] = {
		{ got->capacity, block_model.disk.capacity },
		{ got->block_size, block_model.disk.block_size },
		{ got->segs_max, block_model.disk.segs_max },
		{ got->seg_size_max, block_model.disk.seg_size_max },
		{ got->physical_block_size,
		  block_model.disk.physical_block_size },
		{ got->alignment_offset, block_model.disk.alignment_offset },
		{ got->io_min, block_model.disk.io_min },
		{ got->io_opt, block_model.disk.io_opt },
		{ got->discard_sectors_max,
		  block_model.disk.discard_sectors_max },
		{ got->discard_alignment, block_model.disk.discard_alignment },
		{ got->zeroes_sectors_max,
		  block_model.disk.zeroes_sectors_max },
		{ got->queues, block_model.disk.queues },
		{ got->requests_max, block_model.disk.requests_max },
		{ got->read_only, block_model.disk.read_only },
		{ got->flush, block_model.disk.flush },
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
		if (block_model.bound && lab.model[i].vq &&
		    lab.model[i].vq->index == index)
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

	if (lab.device != LAB_BLOCK || block_model.bound)
		return;
	sane = block_limits_expected(config, config_model_device(config),
				     config_model.agreed, &block_model.disk) &&
	       expect_queues(&block_model.disk);
	oracle_check(!ready || sane, ORACLE_RESULT,
		     "a disk of %llu sectors, block size %llu, was taken",
		     block_model.disk.capacity, block_model.disk.block_size);
	/* What may end a probe beside the disk. */
	oracle_check(ready || !sane || virtio_device_broken(vdev) ||
			     lab.regs->gone || lab.setup_failed ||
			     arena.failed[ARENA_ALLOC] ||
			     arena.failed[ARENA_DMA],
		     ORACLE_RESULT,
		     "a disk of %llu sectors, block size %llu, was refused",
		     block_model.disk.capacity, block_model.disk.block_size);
	if (!ready || finding.fired)
		return;
	block_model.bound = true;
	oracle_check(start_queues() == block_model.disk.queues, ORACLE_RESULT,
		     "the driver does not use the %llu queues of the disk",
		     block_model.disk.queues, 0);
	virtio_blk_notify(vdev, note_finished);
	block_model_limits();
}

void block_model_unbind(void)
{
	unsigned int i;

	if (!block_model.bound)
		return;
	block_model.bound = false;
	forget_wires();
	block_model_drop_requests();
	for (i = 0; i < LAB_QUEUES; i++)
		lab.model[i].vq = NULL;
}

void block_model_limits(void)
{
	struct virtio_blk_limits limits;
	int err;

	watch_begin(CALL_BLOCK_LIMITS);
	err = virtio_blk_limits(&lab.lb.vdev, &limits);
	watch_end((u64)(s64)err);
	oracle_check(err == (block_model.bound ? 0 : -ENODEV), ORACLE_RESULT,
		     "virtio_blk_limits returned -%llu", (u64)-err, 0);
	if (err || !block_model.bound)
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

	if (!block_model.bound) {
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
			block_model.disk.capacity = capacity;
		else
			want = -EIO;
	}
	oracle_check(err == want, ORACLE_RESULT,
		     "virtio_blk_revalidate returned -%llu, the model has "
		     "-%llu",
		     (u64)-err, (u64)-want);
	block_model_limits();
}
