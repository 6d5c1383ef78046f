// SPDX-License-Identifier: GPL-2.0-or-later
/* See port_block.h: limits are given to a queue, or with it from Linux 6.11. */
#include "port_block.h"

static u32 discard_granularity(const struct virtio_blk_limits *limits)
{
	if (!limits->discard_sectors_max)
		return 0;
	return limits->discard_alignment << SECTOR_SHIFT;
}

/*
 * A block that begins anywhere in a page may take two segments. Where a request
 * has one only, the block layer could not split it: a BUG().
 */
static u32 dma_alignment(const struct virtio_blk_limits *limits)
{
	return limits->block_size - 1;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)

struct gendisk *port_alloc_disk(struct blk_mq_tag_set *tags,
				const struct virtio_blk_limits *limits,
				u32 bytes_max, void *data)
{
	struct queue_limits lim = {
		.features = BLK_FEAT_ROTATIONAL,
		.logical_block_size = limits->block_size,
		.physical_block_size = limits->physical_block_size,
		.alignment_offset = limits->alignment_offset,
		.io_min = limits->io_min,
		.io_opt = limits->io_opt,
		.dma_alignment = dma_alignment(limits),
		.max_segments = limits->segs_max,
		.max_segment_size = limits->seg_size_max,
		.max_hw_sectors = bytes_max >> SECTOR_SHIFT,
		.max_write_zeroes_sectors = limits->zeroes_sectors_max,
		.max_hw_discard_sectors = limits->discard_sectors_max,
		.discard_granularity = discard_granularity(limits),
	};

	if (limits->flush)
		lim.features |= BLK_FEAT_WRITE_CACHE;
	return blk_mq_alloc_disk(tags, &lim, data);
}

#else

struct gendisk *port_alloc_disk(struct blk_mq_tag_set *tags,
				const struct virtio_blk_limits *limits,
				u32 bytes_max, void *data)
{
	struct request_queue *q;
	struct gendisk *gd;

	gd = blk_mq_alloc_disk(tags, data);
	if (IS_ERR(gd))
		return gd;
	q = gd->queue;
	blk_queue_logical_block_size(q, limits->block_size);
	blk_queue_physical_block_size(q, limits->physical_block_size);
	blk_queue_alignment_offset(q, limits->alignment_offset);
	blk_queue_io_min(q, limits->io_min);
	blk_queue_io_opt(q, limits->io_opt);
	blk_queue_dma_alignment(q, dma_alignment(limits));
	blk_queue_max_segments(q, limits->segs_max);
	blk_queue_max_segment_size(q, limits->seg_size_max);
	blk_queue_max_hw_sectors(q, bytes_max >> SECTOR_SHIFT);
	blk_queue_write_cache(q, limits->flush, false);
	blk_queue_max_write_zeroes_sectors(q, limits->zeroes_sectors_max);
	blk_queue_max_discard_sectors(q, limits->discard_sectors_max);
	q->limits.discard_granularity = discard_granularity(limits);
	return gd;
}

#endif
