/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cells: the names that a program has for shared memory, and where they are.
 */
#ifndef VLAB_FUZZ_CELLS_H
#define VLAB_FUZZ_CELLS_H

#include "arena.h"
#include "lab.h"

/**
 * struct place - what a piece of shared memory is
 * @own: only the driver side writes it
 */
struct place {
	enum cell cell;
	u32 index;
	u8 queue;
	bool own;
};

/**
 * struct register_place - one member of struct loopback_regs
 * @shift: its elements are of 2 to the power of this many bytes
 * @again: a call may read it as often as its protocol wants
 */
struct register_place {
	u8 cell;
	u8 shift;
	bool again;
	u16 offset;
	u16 len;
};

#define CELLS_REGISTERS 11

extern const struct register_place cells_registers[CELLS_REGISTERS];
/* By byte of the registers: which of them that is. */
extern u8 cells_register_at[sizeof(struct loopback_regs)];

/* Once, before anything else. */
void cells_init(void);

/* Offset of a pointer in the registers; of no register: at least their size. */
static inline uintptr_t cells_register_offset(const void *p)
{
	return (uintptr_t)p - (uintptr_t)lab.regs;
}

/**
 * struct cells_wire - DMA memory of a driver, as an array
 * @start: offset in DMA memory
 * @size: bytes of all elements; 0: there is none
 * @stride: bytes of one
 * @at: the byte of each that the device writes and the driver reads
 */
struct cells_wire {
	s64 start;
	u32 size;
	u32 stride;
	u32 at;
};

/* By queue; of those from the first so many there may be some. */
extern struct cells_wire cells_wire[LAB_QUEUES];
extern unsigned int cells_wires;

/* Memory that is no register. */
struct place cells_place(const u8 *p);

/* Where a cell is, and its size; NULL when there is none now. */
void *cells_find(enum cell cell, unsigned int queue, unsigned int index,
		 unsigned int *size);

#endif /* VLAB_FUZZ_CELLS_H */
