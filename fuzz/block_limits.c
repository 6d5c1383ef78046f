// SPDX-License-Identifier: GPL-2.0-or-later
/* A disk by its configuration: VIRTIO 1.2, 5.2.4, and
 * include/vlab/virtio_blk.h. */
#include <vlab/port.h>

#include "block_model.h"
#include "bytes.h"

#define SECTOR 512u
#define U32_MAX_ 0xffffffffULL

/* Read where the configuration is long enough, else take note. */
struct source {
	const u8 *config;
	unsigned int len;
	bool missing;
};

static u64 field(struct source *source, unsigned int at, unsigned int size)
{
	u64 value = 0;

	if (at + size > source->len) {
		source->missing = true;
		return 0;
	}
	while (size--)
		value = value << 8 | source->config[at + size];
	return value;
}

static bool has(u64 features, unsigned int bit)
{
	return features >> bit & 1;
}

static bool block_size_valid(u32 size)
{
	return size == 512 || size == 1024 || size == 2048 || size == 4096;
}

bool block_capacity_expected(const u8 *config, unsigned int len, u64 *capacity)
{
	struct source source = { config, len, false };

	*capacity = field(&source, 0, 8);
	return !source.missing && *capacity <= 1ULL << 54;
}

/* Hints: what does not make sense is as if it had not been said. */
static void topology(struct source *source, struct virtio_blk_limits *limits)
{
	u64 exponent = field(source, 24, 1), offset = field(source, 25, 1);
	u64 io_min = field(source, 26, 2), io_opt = field(source, 28, 4);
	u64 block = limits->block_size;

	if (exponent <= 16)
		limits->physical_block_size = (u32)(block << exponent);
	if (offset * block < limits->physical_block_size)
		limits->alignment_offset = (u32)(offset * block);
	if (io_min)
		limits->io_min = (u32)(io_min * block);
	if (io_opt * block <= U32_MAX_)
		limits->io_opt = (u32)(io_opt * block);
}

static void discard(struct source *source, struct virtio_blk_limits *limits)
{
	u64 alignment = field(source, 44, 4);

	limits->discard_sectors_max = (u32)field(source, 36, 4);
	if (alignment && alignment * SECTOR <= U32_MAX_)
		limits->discard_alignment = (u32)alignment;
}

bool block_limits_expected(const u8 *config, unsigned int len, u64 features,
			   struct virtio_blk_limits *limits)
{
	struct source source = { config, len, false };
	u64 segs = 1, queues = 1;

	bytes_fill(limits, 0, sizeof(*limits));
	if (!block_capacity_expected(config, len, &limits->capacity))
		return false;
	limits->read_only = has(features, VIRTIO_BLK_F_RO);
	limits->flush = has(features, VIRTIO_BLK_F_FLUSH);
	limits->block_size = SECTOR;
	if (has(features, VIRTIO_BLK_F_BLK_SIZE))
		limits->block_size = (u32)field(&source, 20, 4);
	limits->seg_size_max = U32_MAX_;
	if (has(features, VIRTIO_BLK_F_SIZE_MAX))
		limits->seg_size_max = (u32)field(&source, 8, 4);
	if (has(features, VIRTIO_BLK_F_SEG_MAX))
		segs = field(&source, 12, 4);
	if (has(features, VIRTIO_BLK_F_MQ))
		queues = field(&source, 34, 2);
	if (!block_size_valid(limits->block_size) ||
	    limits->seg_size_max < SECTOR || !queues)
		return false;
	limits->segs_max = !segs ? 1 : (u32)min(segs, (u64)VIRTIO_BLK_SEGS_MAX);
	limits->queues = (u32)min(queues, (u64)VIRTIO_BLK_QUEUES_MAX);
	limits->requests_max = VIRTIO_BLK_REQUESTS_MAX;
	limits->physical_block_size = limits->block_size;
	limits->io_min = limits->block_size;
	limits->discard_alignment = limits->block_size / SECTOR;
	if (has(features, VIRTIO_BLK_F_TOPOLOGY))
		topology(&source, limits);
	if (has(features, VIRTIO_BLK_F_DISCARD))
		discard(&source, limits);
	if (has(features, VIRTIO_BLK_F_WRITE_ZEROES))
		limits->zeroes_sectors_max = (u32)field(&source, 48, 4);
	return !source.missing;
}
