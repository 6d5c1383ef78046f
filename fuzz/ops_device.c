// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Steps of the malicious device. It sees what a real one sees: its registers,
 * the addresses of the queues, and the memory behind them.
 */
#include <vlab/loopback.h>
#include <vlab/port.h>
#include <vlab/virtio_ring.h>

#include "arena.h"
#include "cells.h"
#include "lab.h"
#include "watch.h"

static const struct loopback_queue *queue(void)
{
	return &lab.lb.queue[lab_queue_number()];
}

static u16 load_used_idx(void)
{
	unsigned int size;
	const u8 *p = cells_find(CELL_USED_IDX, lab_queue_number(), 0, &size);

	return p ? get_unaligned_le16(p) : 0;
}

/* Store where the driver side alone should write. */
static void store_at(dma_addr_t addr, unsigned int size, u64 value)
{
	u8 *p = arena_at(addr, size);

	if (p)
		watch_store(CELL_OTHER, 0, p, size, value);
}

static void use_element(u32 id, u32 len)
{
	u16 idx = load_used_idx();

	watch_store_cell(CELL_USED_ID, idx, id);
	watch_store_cell(CELL_USED_LEN, idx, len);
	watch_store_cell(CELL_USED_IDX, 0, (u16)(idx + 1));
}

static const struct {
	u8 offset;
	u8 size;
} desc_fields[] = { { 0, 8 }, { 8, 4 }, { 12, 2 }, { 14, 2 } };

static void overwrite_desc(dma_addr_t desc, unsigned int field, u32 value)
{
	store_at(desc + desc_fields[field].offset, desc_fields[field].size,
		 value);
}

static void overwrite_table(const struct step *step)
{
	dma_addr_t desc =
		queue()->setup.desc + 16ULL * (step->b % queue()->setup.num);
	const u8 *p = arena_at(desc, 16);

	if (p && get_unaligned_le16(p + 12) == VRING_DESC_F_INDIRECT)
		overwrite_desc(get_unaligned_le64(p) + 16ULL * (step->a >> 2),
			       step->a & 3, step->c);
}

static void overwrite_avail(u64 offset, u16 value)
{
	store_at(queue()->setup.avail + offset, 2, value);
}

/* The piece that the device may write, of the n-th available buffer. */
static void write_payload(const struct step *step)
{
	const struct virtio_vq_setup *setup = &queue()->setup;
	const u8 *avail = arena_at(setup->avail, 4 + 2ULL * setup->num);
	u32 id, n = setup->num;
	const u8 *desc;
	u16 flags;
	u8 *p;

	id = get_unaligned_le16(avail + 4 + 2 * (step->b % setup->num));
	while (n-- && id < setup->num) {
		desc = arena_at(setup->desc + 16ULL * id, 16);
		flags = get_unaligned_le16(desc + 12);
		if (flags & VRING_DESC_F_INDIRECT)
			return;
		p = arena_at(get_unaligned_le64(desc) + step->c, 1);
		if (flags & VRING_DESC_F_WRITE && p &&
		    step->c < get_unaligned_le32(desc + 8))
			watch_store(CELL_PAYLOAD, 0, p, 1, step->a);
		if (!(flags & VRING_DESC_F_NEXT))
			return;
		id = get_unaligned_le16(desc + 14);
	}
}

static void interrupt(unsigned int number)
{
	if (lab.driver == &lab.plain) {
		model_interrupt(number);
		return;
	}
	if (lab.device == LAB_BLOCK)
		block_model_interrupt(number);
	else
		entropy_model_interrupt(number);
}

static void config_change(void)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	bool running = lab.added && lab.bound &&
		       lab.status & VIRTIO_CONFIG_S_DRIVER_OK &&
		       !virtio_device_broken(vdev);
	unsigned int before = lab.changes;
	s64 shown;

	watch_begin(CALL_CONFIG_CHANGED);
	virtio_config_changed(vdev);
	watch_end(0);
	model_sync();
	if (lab.driver == &lab.plain)
		oracle_check(lab.changes - before == running, ORACLE_CALLBACK,
			     "a change was told %llu times, %llu wanted",
			     lab.changes - before, running);
	if (!running || lab.regs->gone)
		return;
	/* A device may say in this way that it needs a reset. */
	shown = watch_value(CELL_STATUS, 0, 0);
	oracle_check(shown >= 0 && (shown != lab.status) ==
					   !!virtio_device_broken(vdev),
		     ORACLE_STATUS,
		     "after a change the device shows %llu, %llu was set",
		     (u64)shown, lab.status);
}

/* Steps that need a queue that the device was told of. */
static void step_on_ring(const struct step *step)
{
	const struct virtio_vq_setup *setup = &queue()->setup;

	switch ((enum op)step->op) {
	case OP_DEVICE_SERVE:
		honest_serve(lab_queue_number(), step->a + 1u, step->b,
			     step->c);
		break;
	case OP_DEVICE_USED:
		use_element(step->b, step->c);
		break;
	case OP_DEVICE_USED_RAW:
		use_element(step->c, step->b);
		break;
	case OP_DEVICE_USED_IDX:
		watch_store_cell(CELL_USED_IDX, 0, step->b);
		break;
	case OP_DEVICE_USED_ADD:
		watch_store_cell(CELL_USED_IDX, 0,
				 (u16)(load_used_idx() + step->b));
		break;
	case OP_DEVICE_ELEMENT:
		watch_store_cell(CELL_USED_ID, step->b, step->c);
		break;
	case OP_DEVICE_LENGTH:
		watch_store_cell(CELL_USED_LEN, step->b, step->c);
		break;
	case OP_DEVICE_DESC:
		overwrite_desc(setup->desc + 16ULL * (step->b % setup->num),
			       step->a & 3, step->c);
		break;
	case OP_DEVICE_TABLE:
		overwrite_table(step);
		break;
	case OP_DEVICE_AVAIL:
		overwrite_avail(4 + 2ULL * (step->b % setup->num),
				(u16)step->c);
		break;
	case OP_DEVICE_AVAIL_IDX:
		overwrite_avail(2, step->b);
		break;
	case OP_DEVICE_AVAIL_FLAGS:
		overwrite_avail(0, step->b);
		break;
	case OP_DEVICE_USED_EVENT:
		overwrite_avail(4 + 2ULL * setup->num, step->b);
		break;
	case OP_DEVICE_AVAIL_EVENT:
		watch_store_cell(CELL_AVAIL_EVENT, 0, step->b);
		break;
	case OP_DEVICE_USED_FLAGS:
		watch_store_cell(CELL_USED_FLAGS, 0, step->b);
		break;
	default:
		write_payload(step);
		break;
	}
}

void lab_step_device(const struct step *step)
{
	switch ((enum op)step->op) {
	case OP_DEVICE_INTERRUPT:
		lab_need_driver();
		interrupt(step->a % LAB_QUEUES);
		break;
	case OP_DEVICE_CONFIG_CHANGE:
		lab_need_driver();
		config_change();
		break;
	case OP_DEVICE_STATUS:
		watch_store_cell(CELL_STATUS, 0, step->a);
		break;
	case OP_DEVICE_HOLD_RESET:
		lab.hold_reset = step->b;
		break;
	case OP_DEVICE_REFUSE:
		lab.refuse = step->a;
		break;
	case OP_DEVICE_LEAVES:
		lab.leave_in = step->a + 1u;
		break;
	case OP_DEVICE_NOTIFY_FAILS:
		lab.notify_fails = step->a + 1u;
		break;
	case OP_DEVICE_SETUP_FAILS:
		lab.setup_fails = step->a + 1u;
		break;
	case OP_FAIL_ALLOC:
		arena_fail(ARENA_ALLOC, step->a + 1u);
		break;
	case OP_FAIL_DMA:
		arena_fail(ARENA_DMA, step->a + 1u);
		break;
	case OP_FAIL_MAP:
		arena_fail(ARENA_MAP, step->a + 1u);
		break;
	case OP_DURING:
		watch_arm((enum cell)(step->a & 15), lab_queue_number(),
			  step->b, (step->a >> 4) + 1u, step->c);
		break;
	default:
		lab_need_driver();
		if (queue()->enabled)
			step_on_ring(step);
		break;
	}
}
