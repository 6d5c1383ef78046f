// SPDX-License-Identifier: GPL-2.0-or-later
/* The port of the fuzz and replay builds: memory and mappings. */
#include "arena.h"
#include "bytes.h"
#include "lab.h"
#include "sanitizer.h"
#include "watch.h"

#define BLOCKS_MAX 8192u
/* What an attacker cannot use up. */
#define RESERVE (512u << 10)
#define RESERVE_BLOCKS 256u
#define RESERVE_MAPS 512u
#define DIRTY ARENA_DIRTY
/* The registers of the device come first and are no block. */
#define REGISTERS_SIZE sizeof(struct loopback_regs)

/*
 * A pool hands memory out front to back, never twice in an execution. Small
 * blocks lie in its first part, which is fenced but for the blocks in use. For
 * the large ones, rings of thousands, that would cost more than all the rest
 * of an execution: they lie in open memory, with a fence behind each, and one
 * at the beginning of each that was freed.
 */
#define SMALL_SIZE (2u << 20)
#define LARGE_BLOCK (2u << 10)
#define FENCE 64u
#define FREED_FENCE 512u

/* How much of uninitialised memory shows it, and is looked at. */
#define POISON_SHOWN 64u

enum kind { SMALL, LARGE };

/**
 * struct pool - memory of one sort
 * @memory: @size bytes
 * @size: of all of it
 * @align: of a block
 * @live: blocks that are not freed
 * @top: where the next block of each kind goes
 * @end: no block may begin or end behind; the last fence fits too
 * @block_at: by the offset of a small block in pieces of 64 bytes, which of
 *	blocks[] it is; what earlier executions left there is not valid
 */
struct pool {
	u8 *memory;
	u32 size;
	u32 align;
	u32 top[2];
	u32 end[2];
	u32 live;
	u16 *block_at;
};

struct block {
	struct pool *pool;
	u32 offset;
	u32 size;
	bool live;
};

struct arena arena;
u8 arena_dma_memory[ARENA_DMA_SIZE] __attribute__((aligned(4096)));
u64 arena_dirty_pieces[ARENA_DMA_SIZE / ARENA_DIRTY / 64];
u8 arena_payload[ARENA_PAYLOAD_SIZE] __attribute__((aligned(64)));

static u8 private_memory[ARENA_PRIVATE_SIZE] __attribute__((aligned(4096)));
static u16 private_block_at[SMALL_SIZE / 64];
static u16 dma_block_at[SMALL_SIZE / 64];
static struct pool private_pool = {
	.memory = private_memory,
	.size = ARENA_PRIVATE_SIZE,
	.align = 64,
	.block_at = private_block_at,
};
static struct pool dma_pool = {
	.memory = arena_dma_memory,
	.size = ARENA_DMA_SIZE,
	.align = DIRTY,
	.block_at = dma_block_at,
};
static struct block blocks[BLOCKS_MAX];
static u16 large_blocks[BLOCKS_MAX]; /* which of them are */
static struct arena_map maps[ARENA_MAPS_MAX];

static u32 align_up(size_t n, u32 align)
{
	return (u32)((n + align - 1) & ~(size_t)(align - 1));
}

static enum kind kind_of(size_t size)
{
	return size > LARGE_BLOCK ? LARGE : SMALL;
}

static void pool_limit(struct pool *pool, u32 reserve)
{
	pool->end[SMALL] = SMALL_SIZE - reserve - FENCE - pool->align;
	pool->end[LARGE] = pool->size - reserve - FENCE - pool->align;
}

static void pool_reset(struct pool *pool, size_t own)
{
	pool->top[SMALL] = align_up(own + FENCE, pool->align);
	pool->top[LARGE] = SMALL_SIZE;
	pool->live = 0;
}

void arena_reserve(bool reserve)
{
	arena.reserve = reserve;
	arena.blocks_end = BLOCKS_MAX - (reserve ? RESERVE_BLOCKS : 0);
	arena.maps_end = ARENA_MAPS_MAX - (reserve ? RESERVE_MAPS : 0);
	pool_limit(&private_pool, reserve ? RESERVE : 0);
	pool_limit(&dma_pool, reserve ? RESERVE : 0);
}

/* Where the last, not quite full 64 bytes of a block begin. */
static u8 *tail(const struct block *block)
{
	return block->pool->memory + block->offset + (block->size & ~63u);
}

static void fence_large(const struct block *block)
{
	sanitizer_open(tail(block), block->size % 64);
	sanitizer_fence(tail(block) + align_up(block->size % 64, 64), FENCE);
}

/* The fences of the last execution's large blocks. */
static void open_large(void)
{
	const struct block *block;
	u32 i;

	for (i = 0; i < arena.large; i++) {
		block = &blocks[large_blocks[i]];
		sanitizer_open(block->pool->memory + block->offset,
			       FREED_FENCE);
		sanitizer_open(tail(block), 64 + FENCE);
	}
}

void arena_reset(void)
{
	static bool fenced;

	if (!fenced) {
		sanitizer_fence(private_memory, SMALL_SIZE);
		sanitizer_fence(arena_dma_memory, SMALL_SIZE);
		sanitizer_open(arena_dma_memory, REGISTERS_SIZE);
		fenced = true;
	}
	open_large();
	bytes_fill(&arena, 0, sizeof(arena));
	pool_reset(&private_pool, 0);
	pool_reset(&dma_pool, REGISTERS_SIZE);
	arena_reserve(false);
}

void arena_fail(enum arena_request kind, unsigned int k)
{
	arena.fail_in[kind] = k;
}

static inline bool must_fail(enum arena_request kind)
{
	if (likely(!arena.fail_in[kind]) || --arena.fail_in[kind])
		return false;
	arena.failed[kind] = true;
	trace(TRACE_FAIL, kind, 0, 0);
	return true;
}

static inline bool is_block(const struct block *block, const struct pool *pool,
			    uintptr_t offset)
{
	return block->offset == offset && block->pool == pool && block->live;
}

/* The live block that starts at a pointer; large ones are few. */
static inline struct block *find_block(const struct pool *pool, const void *ptr)
{
	uintptr_t offset = (uintptr_t)ptr - (uintptr_t)pool->memory;
	struct block *block;
	u32 i;

	if (offset < SMALL_SIZE) {
		i = pool->block_at[offset / 64];
		block = &blocks[i];
		return i < arena.blocks && is_block(block, pool, offset) ? block
									 : NULL;
	}
	for (i = arena.large; i--;) {
		block = &blocks[large_blocks[i]];
		if (is_block(block, pool, offset))
			return block;
	}
	return NULL;
}

/* Fenced memory behind all other of its kind, or NULL. */
static inline struct block *pool_take(struct pool *pool, size_t size,
				      enum arena_request request)
{
	enum kind kind = kind_of(size);
	u32 offset = pool->top[kind], end = pool->end[kind];
	struct block *block;

	if (must_fail(request))
		return NULL;
	if (unlikely(!size || offset > end || size > end - offset ||
		     arena.blocks >= arena.blocks_end)) {
		/* It would pass for memory that ran out. */
		oracle_check(size, ORACLE_MEMORY, "an allocation of no bytes",
			     0, 0);
		arena.failed[request] = true;
		return NULL;
	}
	pool->top[kind] = offset + align_up(size + FENCE, pool->align);
	pool->live++;
	block = &blocks[arena.blocks++];
	block->pool = pool;
	block->offset = offset;
	block->size = (u32)size;
	block->live = true;
	if (kind == SMALL) {
		pool->block_at[offset / 64] = (u16)(block - blocks);
		sanitizer_open(pool->memory + offset, size);
		return block;
	}
	large_blocks[arena.large++] = (u16)(block - blocks);
	fence_large(block);
	return block;
}

static void pool_give(struct block *block)
{
	block->live = false;
	block->pool->live--;
	sanitizer_fence(block->pool->memory + block->offset,
			kind_of(block->size) == LARGE ? FREED_FENCE
						      : block->size);
}

static u8 *private_alloc(size_t size)
{
	struct block *block = pool_take(&private_pool, size, ARENA_ALLOC);

	return block ? private_memory + block->offset : NULL;
}

void *vlab_port_zalloc(size_t size)
{
	u8 *p = private_alloc(size);

	if (p)
		bytes_fill(p, 0, size);
	return p;
}

/* MSan tells uninitialised bytes itself; else a pattern shows the first. */
void *vlab_port_alloc(size_t size)
{
	u8 *p = private_alloc(size);

	if (!p)
		return NULL;
	if (size >= POISON_SHOWN)
		bytes_fill(p, ARENA_POISON, POISON_SHOWN);
	else
		bytes_fill(p, ARENA_POISON, size);
	sanitizer_forget(p, size);
	return p;
}

/* Nothing that the device may still reach lies in what is freed. */
static void check_unmapped(const struct block *block)
{
	const u8 *start = private_memory + block->offset;
	u32 i;

	if (likely(!arena.live_maps))
		return;
	for (i = arena.maps; i--;)
		if (maps[i].live && maps[i].ptr >= start &&
		    maps[i].ptr < start + block->size)
			oracle_fire(ORACLE_IN_USE,
				    "memory was freed that is mapped for the "
				    "device, as mapping %llu",
				    i, 0);
}

void vlab_port_free(const void *ptr)
{
	struct block *block;

	if (!ptr)
		return;
	block = find_block(&private_pool, ptr);
	if (!block) {
		oracle_fire(ORACLE_MEMORY, "kfree() of no allocation", 0, 0);
		return;
	}
	check_unmapped(block);
	pool_give(block);
}

/*
 * Zero the dirty pieces of one word of the map, up to @end. A last piece that
 * is the block's only in part stays dirty: a longer block may come to lie
 * there.
 */
static noinline void clean_word(size_t word, u64 mask, size_t end)
{
	u64 dirty = arena_dirty_pieces[word] & mask, bit;
	size_t at;

	for (; dirty; dirty &= dirty - 1) {
		bit = dirty & -dirty;
		at = (word * 64 + (unsigned int)__builtin_ctzll(dirty)) * DIRTY;
		if (at + DIRTY <= end) {
			bytes_fill(arena_dma_memory + at, 0, DIRTY);
			arena_dirty_pieces[word] &= ~bit;
		} else {
			bytes_fill(arena_dma_memory + at, 0, end - at);
		}
	}
}

/* Zero what an earlier execution left of a block, and only that. */
static void clean(u32 offset, size_t size)
{
	size_t first = offset / DIRTY, last = (offset + size - 1) / DIRTY;
	size_t word = first / 64;
	u64 mask = ~0ULL << (first % 64);

	for (; word < last / 64; word++, mask = ~0ULL)
		if (arena_dirty_pieces[word] & mask)
			clean_word(word, mask, offset + size);
	mask &= ~0ULL >> (63 - last % 64);
	if (arena_dirty_pieces[word] & mask)
		clean_word(word, mask, offset + size);
}

struct loopback_regs *arena_registers(void)
{
	clean(0, REGISTERS_SIZE);
	return (struct loopback_regs *)(void *)arena_dma_memory;
}

void *vlab_port_dma_alloc(size_t size, dma_addr_t *addr)
{
	struct block *block = pool_take(&dma_pool, size, ARENA_DMA);

	if (!block)
		return NULL;
	clean(block->offset, size);
	*addr = ARENA_DMA_BASE + block->offset;
	return arena_dma_memory + block->offset;
}

/* No queue that the device still serves may lie in what is freed. */
static void check_unused(u32 offset, size_t size)
{
	dma_addr_t start = ARENA_DMA_BASE + offset;
	unsigned int i;

	if (lab.regs->gone)
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
	struct block *block = find_block(&dma_pool, ptr);

	if (!block || block->size != size ||
	    addr != ARENA_DMA_BASE + block->offset) {
		oracle_fire(ORACLE_MEMORY,
			    "DMA memory was not freed as it was allocated", 0,
			    0);
		return;
	}
	check_unused(block->offset, size);
	pool_give(block);
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
	for (i = 0; i < len && i < POISON_SHOWN; i++) {
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

dma_addr_t port_map_sg(struct device *dev, struct scatterlist *sg, bool write)
{
	struct arena_map *map;

	(void)dev;
	if (must_fail(ARENA_MAP))
		return PORT_UNMAPPED;
	if (arena.maps >= arena.maps_end) {
		arena.failed[ARENA_MAP] = true;
		return PORT_UNMAPPED;
	}
	/* Also where it will write: a bounce buffer shows what is there. */
	check_initialised(sg->addr, sg->length);
	map = &maps[arena.maps];
	map->ptr = sg->addr;
	map->len = sg->length;
	map->write = write;
	map->live = true;
	arena.live_maps++;
	return ARENA_MAP_BASE + ((u64)arena.maps++ << 32);
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
	arena.copied += written;
}

void *arena_at_map(dma_addr_t addr, size_t len)
{
	struct arena_map *map;
	u64 index, offset;

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

static inline bool holds(const struct block *block, u64 offset, size_t len)
{
	return block->live && block->pool == &dma_pool &&
	       offset >= block->offset &&
	       offset - block->offset <= block->size &&
	       len <= block->size - (offset - block->offset);
}

bool arena_is_allocated(dma_addr_t addr, size_t len)
{
	static const struct block *last = blocks;
	u64 offset = addr - ARENA_DMA_BASE;
	const struct block *block;

	/* Mostly the one that was asked for before, or one of the newest. */
	if (holds(last, offset, len))
		return true;
	for (block = blocks + arena.blocks; block-- > blocks;)
		if (holds(block, offset, len)) {
			last = block;
			return true;
		}
	return false;
}

/* A device reaches what was allocated or mapped for it, and nothing else. */
void *arena_ring_at(void *priv, dma_addr_t addr, size_t len)
{
	(void)priv;
	if (addr - ARENA_DMA_BASE >= ARENA_DMA_SIZE)
		return arena_at_map(addr, len);
	return arena_is_allocated(addr, len) ? arena_at(addr, len) : NULL;
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
	oracle_check(!private_pool.live, ORACLE_MEMORY,
		     "%llu allocations were leaked", private_pool.live, 0);
	oracle_check(!dma_pool.live, ORACLE_MEMORY,
		     "%llu DMA allocations were leaked", dma_pool.live, 0);
	oracle_check(!arena.live_maps, ORACLE_MAPPING,
		     "%llu mappings were leaked", arena.live_maps, 0);
}

void vlab_port_sleep(unsigned int us)
{
	(void)us;
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
