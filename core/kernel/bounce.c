// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bounce mode: the device sees buffers that hold payload and nothing else.
 *
 * With the DMA API alone a device that is kept to pages still sees all of a
 * page of which a request uses a part, and it goes on writing to the request's
 * memory while the guest already uses it. Here every piece is copied into
 * memory that was allocated for this device. What comes back is copied once,
 * after the checks, and not a byte more than the device is believed to have
 * written: what it writes later changes nothing.
 *
 * A confidential guest needs no more than these pages and the rings to be
 * visible to its host.
 */
#include <linux/bitmap.h>
#include <linux/bsearch.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/xarray.h>

#include <vlab/port.h>

#include "bounce.h"

/* Whole disk sectors: a device may want its data aligned to them. */
#define SLOT_SIZE 512u
#define CHUNK_SLOTS (BOUNCE_PIECE_MAX / SLOT_SIZE)

#define POOL_KIB_MIN 64u
#define POOL_KIB_MAX (256u * 1024)

static bool bounce;
module_param(bounce, bool, 0444);
MODULE_PARM_DESC(bounce, "copy every payload through buffers of the device");

static unsigned int bounce_kib = 4096;
module_param(bounce_kib, uint, 0444);
MODULE_PARM_DESC(bounce_kib, "KiB of bounce buffers for each device");

DEFINE_STATIC_KEY_FALSE(vlab_bounces);

/* Pools by the address of their device. */
static DEFINE_XARRAY(pools);

/**
 * struct bounce_piece - what was mapped at a slot; private
 * @page: of the caller's memory; NULL: no piece begins here
 * @offset: from the start of @page; may pass its end
 * @len: bytes
 */
struct bounce_piece {
	struct page *page;
	u32 offset;
	u32 len;
};

/**
 * struct bounce_chunk - memory of one piece at most
 * @mem: as the guest sees it
 * @addr: as the device does
 * @used: which slots are taken
 * @piece: what is in each slot
 */
struct bounce_chunk {
	u8 *mem;
	dma_addr_t addr;
	DECLARE_BITMAP(used, CHUNK_SLOTS);
	struct bounce_piece piece[CHUNK_SLOTS];
};

/**
 * struct bounce_pool - the buffers of one device
 * @lock: for @used and @piece of the chunks, and @next; taken in interrupts
 * @next: the chunk that is tried first
 * @count: of chunks
 * @chunks: sorted by their address
 */
struct bounce_pool {
	spinlock_t lock;
	unsigned int next;
	unsigned int count;
	struct bounce_chunk *chunks[];
};

bool vlab_bounce_enabled(void)
{
	return bounce;
}

static unsigned int chunks_wanted(void)
{
	unsigned int kib = clamp(bounce_kib, POOL_KIB_MIN, POOL_KIB_MAX);

	return kib * 1024 / BOUNCE_PIECE_MAX;
}

size_t vlab_bounce_size(void)
{
	return (size_t)chunks_wanted() * BOUNCE_PIECE_MAX;
}

static unsigned int slots_for(u32 len)
{
	return DIV_ROUND_UP(len, SLOT_SIZE);
}

/* Copy between a piece, which may cover several pages, and its buffer. */
static void copy_piece(const struct bounce_piece *piece, u8 *mem, u32 len,
		       bool to_piece)
{
	u32 offset = offset_in_page(piece->offset), n;
	struct page *page = piece->page + (piece->offset >> PAGE_SHIFT);

	for (; len; len -= n, mem += n, page++, offset = 0) {
		n = min_t(u32, len, PAGE_SIZE - offset);
		if (to_piece)
			memcpy_to_page(page, offset, mem, n);
		else
			memcpy_from_page(mem, page, offset, n);
	}
}

static int take_slots(struct bounce_pool *pool, const struct bounce_piece *want,
		      struct bounce_chunk **found, unsigned int *slot)
{
	unsigned int n = slots_for(want->len), i, at, pos;
	struct bounce_chunk *chunk;
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	for (i = 0; i < pool->count; i++) {
		at = (pool->next + i) % pool->count;
		chunk = pool->chunks[at];
		pos = bitmap_find_next_zero_area(chunk->used, CHUNK_SLOTS, 0, n,
						 0);
		if (pos >= CHUNK_SLOTS)
			continue;
		bitmap_set(chunk->used, pos, n);
		chunk->piece[pos] = *want;
		pool->next = at;
		spin_unlock_irqrestore(&pool->lock, flags);
		*found = chunk;
		*slot = pos;
		return 0;
	}
	spin_unlock_irqrestore(&pool->lock, flags);
	return -ENOMEM;
}

dma_addr_t vlab_bounce_map(struct device *dev, const struct scatterlist *sg,
			   bool write)
{
	struct bounce_pool *pool = xa_load(&pools, (unsigned long)dev);
	const struct bounce_piece piece = {
		.page = sg_page((struct scatterlist *)sg),
		.offset = sg->offset,
		.len = sg->length,
	};
	struct bounce_chunk *chunk;
	unsigned int slot;
	u8 *mem;

	if (unlikely(!pool || piece.len > BOUNCE_PIECE_MAX))
		return DMA_MAPPING_ERROR;
	if (take_slots(pool, &piece, &chunk, &slot))
		return DMA_MAPPING_ERROR;
	mem = chunk->mem + slot * SLOT_SIZE;
	/*
	 * A device that claims to have written, and did not, must not have the
	 * bytes of another request copied back.
	 */
	if (write)
		memset(mem, 0, piece.len);
	else
		copy_piece(&piece, mem, piece.len, false);
	return chunk->addr + slot * SLOT_SIZE;
}

static int compare_key(const void *key, const void *element)
{
	const struct bounce_chunk *chunk =
		*(const struct bounce_chunk *const *)element;
	dma_addr_t addr = *(const dma_addr_t *)key;

	if (addr < chunk->addr)
		return -1;
	return addr - chunk->addr >= BOUNCE_PIECE_MAX;
}

void vlab_bounce_unmap(struct device *dev, dma_addr_t addr, u32 len, bool write,
		       u32 written)
{
	struct bounce_pool *pool = xa_load(&pools, (unsigned long)dev);
	struct bounce_chunk **found, *chunk;
	struct bounce_piece piece;
	unsigned long flags;
	unsigned int slot;

	if (WARN_ON_ONCE(!pool))
		return;
	found = bsearch(&addr, pool->chunks, pool->count,
			sizeof(pool->chunks[0]), compare_key);
	if (WARN_ON_ONCE(!found))
		return;
	chunk = *found;
	slot = (unsigned int)(addr - chunk->addr) / SLOT_SIZE;
	piece = chunk->piece[slot];
	if (WARN_ON_ONCE(!piece.page || piece.len != len))
		return;
	if (write)
		copy_piece(&piece, chunk->mem + slot * SLOT_SIZE,
			   min(written, len), true);
	spin_lock_irqsave(&pool->lock, flags);
	chunk->piece[slot].page = NULL;
	bitmap_clear(chunk->used, slot, slots_for(len));
	spin_unlock_irqrestore(&pool->lock, flags);
}

static int compare_chunks(const void *a, const void *b)
{
	const struct bounce_chunk *left =
		*(const struct bounce_chunk *const *)a;
	const struct bounce_chunk *right =
		*(const struct bounce_chunk *const *)b;

	return left->addr < right->addr ? -1 : left->addr > right->addr;
}

static void free_pool(struct device *dev, struct bounce_pool *pool)
{
	while (pool->count) {
		struct bounce_chunk *chunk = pool->chunks[--pool->count];

		dma_free_coherent(dev, BOUNCE_PIECE_MAX, chunk->mem,
				  chunk->addr);
		kfree(chunk);
	}
	kfree(pool);
}

static struct bounce_chunk *alloc_chunk(struct device *dev)
{
	struct bounce_chunk *chunk = kzalloc(sizeof(*chunk), GFP_KERNEL);

	if (!chunk)
		return NULL;
	chunk->mem = dma_alloc_coherent(dev, BOUNCE_PIECE_MAX, &chunk->addr,
					GFP_KERNEL);
	if (chunk->mem)
		return chunk;
	kfree(chunk);
	return NULL;
}

int vlab_bounce_add_device(struct device *dev)
{
	unsigned int count = chunks_wanted();
	struct bounce_pool *pool;
	int err;

	if (!bounce)
		return 0;
	pool = kzalloc(struct_size(pool, chunks, count), GFP_KERNEL);
	if (!pool)
		return -ENOMEM;
	spin_lock_init(&pool->lock);
	for (; pool->count < count; pool->count++) {
		pool->chunks[pool->count] = alloc_chunk(dev);
		if (!pool->chunks[pool->count]) {
			err = -ENOMEM;
			goto fail;
		}
	}
	sort(pool->chunks, count, sizeof(pool->chunks[0]), compare_chunks,
	     NULL);
	err = xa_insert(&pools, (unsigned long)dev, pool, GFP_KERNEL);
	if (err)
		goto fail;
	return 0;

fail:
	free_pool(dev, pool);
	return err;
}

void vlab_bounce_del_device(struct device *dev)
{
	struct bounce_pool *pool = xa_erase(&pools, (unsigned long)dev);

	if (pool)
		free_pool(dev, pool);
}

void vlab_bounce_init(void)
{
	if (bounce)
		static_branch_enable(&vlab_bounces);
}

void vlab_bounce_exit(void)
{
	xa_destroy(&pools);
}
