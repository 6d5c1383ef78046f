// SPDX-License-Identifier: GPL-2.0-or-later
/* The port of the fuzz and replay builds: memory and mappings. */
#include "arena.h"
#include "lab.h"
#include "sanitizer.h"
#include "watch.h"

#define FENCE 32u
#define BLOCKS_MAX 8192u
#define DIRTY ARENA_DIRTY

struct block {
	u32 offset;
	u32 size;
	bool live;
	bool dma;
};

struct arena arena;
u8 arena_dma_memory[ARENA_DMA_SIZE] __attribute__((aligned(4096)));
u64 arena_dirty_pieces[ARENA_DMA_SIZE / ARENA_DIRTY / 64];
u8 arena_payload[ARENA_PAYLOAD_SIZE] __attribute__((aligned(64)));

static u8 private_memory[ARENA_PRIVATE_SIZE] __attribute__((aligned(4096)));
static struct block blocks[BLOCKS_MAX];
static struct arena_map maps[ARENA_MAPS_MAX];
static bool fenced;

void arena_reset(void)
{
	if (!fenced) {
		sanitizer_fence(private_memory, sizeof(private_memory));
		sanitizer_fence(arena_dma_memory, sizeof(arena_dma_memory));
		fenced = true;
	}
	memset(&arena, 0, sizeof(arena));
}

void arena_fail(enum arena_request kind, unsigned int k)
{
	arena.fail_in[kind] = k;
}

static bool must_fail(enum arena_request kind)
{
	if (!arena.fail_in[kind] || --arena.fail_in[kind])
		return false;
	arena.failed[kind] = true;
	trace(TRACE_FAIL, kind, 0, 0);
	return true;
}

static struct block *new_block(u32 offset, size_t size, bool is_dma)
{
	struct block *block = &blocks[arena.blocks++];

	block->offset = offset;
	block->size = (u32)size;
	block->live = true;
	block->dma = is_dma;
	return block;
}

/* The live block that starts at an offset; recent ones are freed first. */
static struct block *find_block(u32 offset, bool is_dma)
{
	u32 i;

	for (i = arena.blocks; i--;)
		if (blocks[i].live && blocks[i].dma == is_dma &&
		    blocks[i].offset == offset)
			return &blocks[i];
	return NULL;
}

static u8 *private_alloc(size_t size)
{
	u32 offset = arena.private_top;

	if (must_fail(ARENA_ALLOC))
		return NULL;
	if (!size || size > ARENA_PRIVATE_SIZE - FENCE - offset ||
	    arena.blocks == BLOCKS_MAX) {
		arena.failed[ARENA_ALLOC] = true;
		return NULL;
	}
	arena.private_top = (u32)((offset + size + FENCE + 15) & ~15u);
	new_block(offset, size, false);
	arena.live_blocks++;
	sanitizer_open(private_memory + offset, size);
	return private_memory + offset;
}

void *vlab_port_zalloc(size_t size)
{
	u8 *p = private_alloc(size);

	if (p)
		memset(p, 0, size);
	return p;
}

/* MSan tells uninitialised bytes itself; else a pattern shows the first. */
void *vlab_port_alloc(size_t size)
{
	u8 *p = private_alloc(size);

	if (p)
		sanitizer_poison(p, min_t(size_t, size, 512), size,
				 ARENA_POISON);
	return p;
}

void vlab_port_free(const void *ptr)
{
	const u8 *p = ptr;
	struct block *block;

	if (!p)
		return;
	block = p >= private_memory && p < private_memory + ARENA_PRIVATE_SIZE
			? find_block((u32)(p - private_memory), false)
			: NULL;
	if (!block) {
		oracle_fire(ORACLE_MEMORY, "kfree() of no allocation", 0, 0);
		return;
	}
	block->live = false;
	arena.live_blocks--;
	sanitizer_fence(private_memory + block->offset, block->size);
}

/* Zero what an earlier execution left of a range, and only that. */
static void clean(u32 offset, size_t size)
{
	size_t i, end = (offset + size + DIRTY - 1) / DIRTY;

	for (i = offset / DIRTY; i < end; i++) {
		if (i % 64 == 0 && !arena_dirty_pieces[i / 64] &&
		    i + 64 <= end) {
			i += 63;
			continue;
		}
		if (!(arena_dirty_pieces[i / 64] >> (i % 64) & 1))
			continue;
		memset(arena_dma_memory + i * DIRTY, 0, DIRTY);
		arena_dirty_pieces[i / 64] &= ~(1ULL << (i % 64));
	}
}

void *vlab_port_dma_alloc(size_t size, dma_addr_t *addr)
{
	u32 offset = arena.dma_top;
	size_t room = (size + DIRTY - 1) / DIRTY * DIRTY;

	if (must_fail(ARENA_DMA))
		return NULL;
	if (!size || room > ARENA_DMA_SIZE - DIRTY - offset ||
	    arena.blocks == BLOCKS_MAX) {
		arena.failed[ARENA_DMA] = true;
		return NULL;
	}
	arena.dma_top = offset + (u32)room + DIRTY;
	new_block(offset, size, true);
	arena.live_dma++;
	sanitizer_open(arena_dma_memory + offset, room);
	clean(offset, room);
	sanitizer_fence(arena_dma_memory + offset + size, room - size);
	*addr = ARENA_DMA_BASE + offset;
	return arena_dma_memory + offset;
}

/* No queue that the device still serves may lie in what is freed. */
static void check_unused(u32 offset, size_t size)
{
	dma_addr_t start = ARENA_DMA_BASE + offset;
	unsigned int i;

	if (lab.reset_ignored || lab.regs->gone)
		return;
	for (i = 0; i < LOOPBACK_QUEUES; i++) {
		const struct loopback_queue *queue = &lab.lb.queue[i];

		if (queue->enabled && queue->setup.desc >= start &&
		    queue->setup.desc < start + size)
			oracle_fire(ORACLE_IN_USE,
				    "the ring of queue %llu was freed while "
				    "the device serves it",
				    i, 0);
	}
}

void vlab_port_dma_free(size_t size, void *ptr, dma_addr_t addr)
{
	s64 offset = arena_dma_offset(ptr);
	struct block *block = offset < 0 ? NULL : find_block((u32)offset, true);

	if (!block || block->size != size ||
	    addr != ARENA_DMA_BASE + (u32)offset) {
		oracle_fire(ORACLE_MEMORY,
			    "DMA memory was not freed as it was allocated", 0,
			    0);
		return;
	}
	check_unused(block->offset, size);
	block->live = false;
	arena.live_dma--;
	sanitizer_fence(arena_dma_memory + block->offset, block->size);
}

static bool in_private_memory(const u8 *p, size_t len)
{
	if (p >= private_memory && p < private_memory + ARENA_PRIVATE_SIZE)
		return len <= (size_t)(private_memory + ARENA_PRIVATE_SIZE - p);
	return p >= arena_payload && p < arena_payload + ARENA_PAYLOAD_SIZE &&
	       len <= (size_t)(arena_payload + ARENA_PAYLOAD_SIZE - p);
}

/* Private memory that goes to the device must have been written by somebody. */
static void check_initialised(const u8 *p, u32 len)
{
	u32 i, run = 0;

	if (p < private_memory || p >= private_memory + ARENA_PRIVATE_SIZE ||
	    !in_private_memory(p, len))
		return;
	sanitizer_check_initialised(p, len);
	for (i = 0; i < len && i < 64; i++) {
		run = p[i] == ARENA_POISON ? run + 1 : 0;
		if (run == 2) {
			oracle_fire(ORACLE_PRIVATE_BYTES,
				    "byte %llu of %llu that the device may "
				    "read was never written",
				    i, len);
			return;
		}
	}
}

int port_map_sg(struct device *dev, struct scatterlist *sg, bool write,
		dma_addr_t *addr)
{
	struct arena_map *map;

	(void)dev;
	if (must_fail(ARENA_MAP))
		return -ENOMEM;
	if (arena.maps == ARENA_MAPS_MAX) {
		arena.failed[ARENA_MAP] = true;
		return -ENOMEM;
	}
	if (!write)
		check_initialised(sg->addr, sg->length);
	map = &maps[arena.maps];
	map->ptr = sg->addr;
	map->len = sg->length;
	map->write = write;
	map->live = true;
	*addr = ARENA_MAP_BASE + ((u64)arena.maps << 32);
	arena.maps++;
	arena.live_maps++;
	return 0;
}

void port_unmap(struct device *dev, dma_addr_t addr, u32 len, bool write,
		u32 written)
{
	u64 index = (addr - ARENA_MAP_BASE) >> 32;
	struct arena_map *map = &maps[index % ARENA_MAPS_MAX];

	(void)dev;
	if (index >= arena.maps || (u32)addr || !map->live || map->len != len ||
	    map->write != write) {
		oracle_fire(ORACLE_MAPPING,
			    "unmapped address %#llx, %llu bytes, which is not "
			    "a live mapping like that",
			    addr, len);
		return;
	}
	if (written > len || (written && !write))
		oracle_fire(ORACLE_MAPPING,
			    "%llu bytes copied back from a mapping of %llu",
			    written, write ? len : 0);
	map->live = false;
	arena.live_maps--;
}

void *arena_at(dma_addr_t addr, size_t len)
{
	struct arena_map *map;
	u64 index, offset;

	if (addr >= ARENA_DMA_BASE && addr < ARENA_DMA_BASE + ARENA_DMA_SIZE) {
		offset = addr - ARENA_DMA_BASE;
		return len <= ARENA_DMA_SIZE - offset
			       ? arena_dma_memory + offset
			       : NULL;
	}
	if (addr < ARENA_MAP_BASE)
		return NULL;
	index = (addr - ARENA_MAP_BASE) >> 32;
	offset = (u32)addr;
	if (index >= arena.maps)
		return NULL;
	map = &maps[index];
	if (!map->live || offset > map->len || len > map->len - offset ||
	    !in_private_memory(map->ptr, offset + len))
		return NULL;
	return map->ptr + offset;
}

void *arena_ring_at(void *priv, dma_addr_t addr, size_t len)
{
	(void)priv;
	return arena_at(addr, len);
}

const struct arena_map *arena_find_map(const void *p)
{
	const u8 *byte = p;
	u32 i;

	for (i = arena.maps; i--;)
		if (maps[i].live && byte >= maps[i].ptr &&
		    byte < maps[i].ptr + maps[i].len)
			return &maps[i];
	return NULL;
}

void arena_check_empty(void)
{
	oracle_check(!arena.live_blocks, ORACLE_MEMORY,
		     "%llu allocations were leaked", arena.live_blocks, 0);
	/* The registers of the device are the laboratory's own. */
	oracle_check(arena.live_dma == 1, ORACLE_MEMORY,
		     "%llu DMA allocations are left, 1 is the lab's",
		     arena.live_dma, 0);
	oracle_check(!arena.live_maps, ORACLE_MAPPING,
		     "%llu mappings were leaked", arena.live_maps, 0);
}

void vlab_port_sleep(void)
{
}

void vlab_port_lock(void)
{
}

void vlab_port_unlock(void)
{
}

void vlab_port_warn(struct device *dev, const char *fmt, ...)
{
	(void)dev;
	(void)fmt;
}
