// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the cells of a program are in shared memory; see cells.h. */
#include "cells.h"

#define REGISTER(cell_, member, shift_, again_)                     \
	{                                                           \
		.cell = cell_, .shift = shift_, .again = again_,    \
		.offset = offsetof(struct loopback_regs, member),   \
		.len = sizeof(((struct loopback_regs *)0)->member), \
	}

/*
 * Status, generation and the removal are polled, and what the generation
 * guards is read again when it moved.
 */
const struct register_place cells_registers[CELLS_REGISTERS] = {
	REGISTER(CELL_STATUS, status, 0, true),
	REGISTER(CELL_OTHER, gone, 0, true),
	REGISTER(CELL_FIELD_LEN, field_len, 1, true),
	REGISTER(CELL_GENERATION, generation, 2, true),
	REGISTER(CELL_FEATURES, features, 2, false),
	REGISTER(CELL_OTHER, driver_features, 2, false),
	REGISTER(CELL_NUM_QUEUES, num_queues, 1, false),
	REGISTER(CELL_CONFIG_LEN, config_len, 1, false),
	REGISTER(CELL_QUEUE_SIZE, queue_size, 1, false),
	REGISTER(CELL_CONFIG, config, 0, true),
	REGISTER(CELL_FIELD, field, 0, true),
};

struct cells_wire cells_wire[LAB_QUEUES];
unsigned int cells_wires;
u8 cells_register_at[sizeof(struct loopback_regs)];

/* By cell; NULL: not a register. */
static const struct register_place *register_of[CELLS];

void cells_init(void)
{
	const struct register_place *r;
	u8 i;

	for (i = 0; i < CELLS_REGISTERS; i++) {
		r = &cells_registers[i];
		if (r->cell != CELL_OTHER)
			register_of[r->cell] = r;
		memset(cells_register_at + r->offset, i, r->len);
	}
}

/* Within a ring of the device; false: not there. */
static bool place_in_ring(unsigned int queue, dma_addr_t addr,
			  struct place *place)
{
	const struct virtio_vq_setup *setup = &lab.lb.queue[queue].setup;
	u32 num = setup->num;
	u64 at;

	if (addr < setup->desc || addr >= setup->used + vring_used_size(num))
		return false;
	place->queue = (u8)queue;
	if (addr < setup->used) {
		place->own = true;
		place->index = (u32)(addr - setup->desc);
		return true;
	}
	at = addr - setup->used;
	if (at < 4) {
		place->cell = at < 2 ? CELL_USED_FLAGS : CELL_USED_IDX;
		return true;
	}
	at -= 4;
	if (at >= 8ULL * num) {
		place->cell = CELL_AVAIL_EVENT;
		return true;
	}
	place->cell = at % 8 < 4 ? CELL_USED_ID : CELL_USED_LEN;
	place->index = (u32)(at / 8);
	return true;
}

/* A byte that the device writes for a driver; false: it is not. */
static bool is_payload(s64 offset)
{
	const struct cells_wire *wire;
	s64 at;

	for (wire = cells_wire; wire < cells_wire + cells_wires; wire++) {
		at = offset - wire->start;
		if (wire->size && at >= 0 && at < wire->size)
			return (u32)at % wire->stride == wire->at;
	}
	return false;
}

struct place cells_place(const u8 *p)
{
	struct place place = { .cell = CELL_OTHER };
	s64 offset = arena_dma_offset(p);
	unsigned int i;

	if (offset < 0 || is_payload(offset)) {
		place.cell = CELL_PAYLOAD;
		return place;
	}
	for (i = 0; i < LOOPBACK_QUEUES; i++)
		if (lab.lb.queue[i].setup.num &&
		    place_in_ring(i, ARENA_DMA_BASE + (u64)offset, &place))
			return place;
	/* What is left is the indirect tables and a driver's own. */
	place.own = true;
	place.index = (u32)offset;
	return place;
}

static void *used_cell(enum cell cell, const struct loopback_queue *queue,
		       unsigned int index, unsigned int *size)
{
	dma_addr_t used = queue->setup.used;
	u32 num = queue->setup.num;

	if (!queue->enabled)
		return NULL;
	*size = 2;
	switch (cell) {
	case CELL_USED_FLAGS:
		return arena_at(used, 2);
	case CELL_USED_IDX:
		return arena_at(used + 2, 2);
	case CELL_AVAIL_EVENT:
		return arena_at(used + 4 + 8ULL * num, 2);
	default:
		*size = 4;
		return arena_at(used + 4 + 8ULL * (index % num) +
					(cell == CELL_USED_LEN ? 4 : 0),
				4);
	}
}

void *cells_find(enum cell cell, unsigned int queue, unsigned int index,
		 unsigned int *size)
{
	const struct register_place *r = register_of[cell];

	if (cell <= CELL_AVAIL_EVENT)
		return used_cell(cell, &lab.lb.queue[queue % LOOPBACK_QUEUES],
				 index, size);
	if (!r)
		return NULL;
	*size = 1u << r->shift;
	/* Each has a power of two of elements. */
	return (u8 *)lab.regs + r->offset + (index << r->shift & (r->len - 1u));
}
