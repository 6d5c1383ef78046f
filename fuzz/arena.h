/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of an execution, and the failures that a program asks for.
 *
 * Private memory is what kmalloc() gives; DMA memory is what both sides see,
 * and the only memory that the device's code touches. Both are fixed, handed
 * out front to back, never twice in an execution, and fenced for ASan.
 */
#ifndef VLAB_FUZZ_ARENA_H
#define VLAB_FUZZ_ARENA_H

#include <vlab/port.h>

#define ARENA_PRIVATE_SIZE (8u << 20)
#define ARENA_DMA_SIZE (8u << 20)
#define ARENA_PAYLOAD_SIZE (64u << 10)

/* Device addresses: DMA memory, and the mappings of private memory. */
#define ARENA_DMA_BASE 0x100000000ULL
#define ARENA_MAP_BASE 0x4000000000000000ULL
#define ARENA_MAPS_MAX 2048

/* What freshly allocated private memory holds where it is not zeroed. */
#define ARENA_POISON 0xa5

struct loopback_regs;

enum arena_request { ARENA_ALLOC, ARENA_DMA, ARENA_MAP };

/* One mapping; the k-th of an execution has address MAP_BASE + (k << 32). */
struct arena_map {
	u8 *ptr;
	u32 len;
	bool write;
	bool live;
};

/**
 * struct arena - counts of one execution
 * @copied: bytes copied back from mappings
 * @large: blocks that are large
 * @reserve: the last part of everything is kept for the honest device ...
 * @blocks_end, @maps_end: ... so that there are so many
 * @fail_in: a request of that kind fails when this counts down to 0
 * @failed: one failed since the caller last cleared it
 */
struct arena {
	u32 blocks;
	u32 maps;
	u32 live_maps;
	u64 copied;
	u32 large;
	bool reserve;
	u32 blocks_end;
	u32 maps_end;
	u32 fail_in[3];
	bool failed[3];
};

extern struct arena arena;
extern u8 arena_payload[ARENA_PAYLOAD_SIZE];

/* Forget the last execution. */
void arena_reset(void);

/* The registers of the device, as the last execution never had them. */
struct loopback_regs *arena_registers(void);

/* Keep the last part of everything, or no longer. */
void arena_reserve(bool reserve);

/* Have the k-th request of a kind, from now, fail. */
void arena_fail(enum arena_request kind, unsigned int k);

/* DMA memory is remembered as dirty in pieces of this size. */
#define ARENA_DIRTY 256u

extern u8 arena_dma_memory[ARENA_DMA_SIZE];
extern u64 arena_dirty_pieces[ARENA_DMA_SIZE / ARENA_DIRTY / 64];

/* Offset of a pointer in DMA memory, or -1. */
static inline s64 arena_dma_offset(const void *p)
{
	uintptr_t offset = (uintptr_t)p - (uintptr_t)arena_dma_memory;

	return offset < ARENA_DMA_SIZE ? (s64)offset : -1;
}

/* Memory at a device address as the device may use it, or NULL. */
void *arena_at_map(dma_addr_t addr, size_t len);

static inline void *arena_at(dma_addr_t addr, size_t len)
{
	u64 offset = addr - ARENA_DMA_BASE;

	if (offset >= ARENA_DMA_SIZE)
		return arena_at_map(addr, len);
	return len <= ARENA_DMA_SIZE - offset ? arena_dma_memory + offset
					      : NULL;
}

/* Is all of a range in one live block of DMA memory? */
bool arena_is_allocated(dma_addr_t addr, size_t len);

/* For struct loopback_ring. */
void *arena_ring_at(void *priv, dma_addr_t addr, size_t len);

/* The mapping that holds a pointer to private memory; NULL: not mapped. */
const struct arena_map *arena_find_map(const void *p);

/* Bytes of DMA memory changed: they are cleared before they are reused. */
static inline void arena_dirty(s64 offset, size_t len)
{
	size_t first = (size_t)offset / ARENA_DIRTY;
	size_t last = ((size_t)offset + len - 1) / ARENA_DIRTY;

	arena_dirty_pieces[first / 64] |= 1ULL << (first % 64);
	while (unlikely(first < last)) {
		first++;
		arena_dirty_pieces[first / 64] |= 1ULL << (first % 64);
	}
}

/* Nothing may be left: fires oracles. */
void arena_check_empty(void);

#endif /* VLAB_FUZZ_ARENA_H */
