// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The block driver's life, and what it believes of the device's configuration
 * (VIRTIO 1.2, 5.2.4 and 5.2.5).
 *
 * A field is read only if its feature was agreed, and only if the device's
 * configuration is long enough to hold it: a device that offers the one
 * without the other is refused. Then every value is checked. One that honest
 * devices are known to give, or that is a hint, is replaced by a safe one; one
 * that no request could be made for is refused.
 */
#include "block.h"

/* Offsets in the device configuration. */
#define CONFIG_CAPACITY 0
#define CONFIG_SIZE_MAX 8
#define CONFIG_SEG_MAX 12
#define CONFIG_BLK_SIZE 20
#define CONFIG_TOPOLOGY 24
#define CONFIG_TOPOLOGY_LEN 8
#define CONFIG_NUM_QUEUES 34
#define CONFIG_DISCARD_SECTORS 36
#define CONFIG_DISCARD_ALIGNMENT 44
#define CONFIG_ZEROES_SECTORS 48

/* So that an offset in bytes, also of the end, fits 64 bits with a sign. */
#define CAPACITY_MAX (1ULL << 54)
#define BLOCK_SIZE_MAX 4096
/* 4096 << 16 is 256 MiB: more than any medium, and no overflow. */
#define PHYSICAL_EXP_MAX 16
#define U32_LIMIT (~(u32)0)

static int config_le32(struct virtio_device *vdev, unsigned int offset,
		       u32 *val)
{
	u8 bytes[4];

	if (virtio_device_config(vdev, offset, bytes, sizeof(bytes)))
		return -EINVAL;
	*val = get_unaligned_le32(bytes);
	return 0;
}

static int read_capacity(struct virtio_device *vdev, u64 *capacity)
{
	u8 bytes[8];
	u64 sectors;

	if (virtio_device_config(vdev, CONFIG_CAPACITY, bytes, sizeof(bytes)))
		return -EINVAL;
	sectors = get_unaligned_le64(bytes);
	/* 0 is a drive without a medium; above the limit bytes would wrap. */
	if (sectors > CAPACITY_MAX) {
		dev_warn_ratelimited(&vdev->dev, "capacity too large\n");
		return -EINVAL;
	}
	*capacity = sectors;
	return 0;
}

/*
 * 0 and 513 divide badly, 1 << 31 wraps when it is multiplied. Nothing else
 * can be used in its place: requests must be in whole blocks of the device.
 */
static int read_block_size(struct virtio_device *vdev,
			   struct virtio_blk_limits *limits)
{
	u32 size;

	limits->block_size = VIRTIO_BLK_SECTOR_SIZE;
	if (!virtio_has_feature(vdev, VIRTIO_BLK_F_BLK_SIZE))
		return 0;
	if (config_le32(vdev, CONFIG_BLK_SIZE, &size))
		return -EINVAL;
	if (size < VIRTIO_BLK_SECTOR_SIZE || size > BLOCK_SIZE_MAX ||
	    size & (size - 1)) {
		dev_warn_ratelimited(&vdev->dev, "block size %u\n", size);
		return -EINVAL;
	}
	limits->block_size = size;
	return 0;
}

static int read_segments(struct virtio_device *vdev,
			 struct virtio_blk_limits *limits)
{
	u32 segs = 1; /* a device that names no limit gets one piece */
	u32 size = U32_LIMIT;

	if (virtio_has_feature(vdev, VIRTIO_BLK_F_SIZE_MAX) &&
	    config_le32(vdev, CONFIG_SIZE_MAX, &size))
		return -EINVAL;
	/* Pieces of no byte carry nothing, and of few bytes no sector. */
	if (size < VIRTIO_BLK_SECTOR_SIZE) {
		dev_warn_ratelimited(&vdev->dev, "size_max %u\n", size);
		return -EINVAL;
	}
	if (virtio_has_feature(vdev, VIRTIO_BLK_F_SEG_MAX) &&
	    config_le32(vdev, CONFIG_SEG_MAX, &segs))
		return -EINVAL;
	/* Honest devices were seen to say 0; one piece is always needed. */
	if (!segs) {
		dev_warn_ratelimited(&vdev->dev, "seg_max 0, using 1\n");
		segs = 1;
	}
	limits->seg_size_max = size;
	limits->segs_max = min_t(u32, segs, VIRTIO_BLK_SEGS_MAX);
	return 0;
}

/* Only hints: what does not make sense is as if it had not been said. */
static int read_topology(struct virtio_device *vdev,
			 struct virtio_blk_limits *limits)
{
	u32 size = limits->block_size;
	u8 bytes[CONFIG_TOPOLOGY_LEN];
	u32 opt;

	limits->physical_block_size = size;
	limits->io_min = size;
	if (!virtio_has_feature(vdev, VIRTIO_BLK_F_TOPOLOGY))
		return 0;
	if (virtio_device_config(vdev, CONFIG_TOPOLOGY, bytes, sizeof(bytes)))
		return -EINVAL;
	/* A shift by 32 or more is undefined, by less it may cut to 0. */
	if (bytes[0] <= PHYSICAL_EXP_MAX)
		limits->physical_block_size = size << bytes[0];
	else
		dev_warn_ratelimited(&vdev->dev, "physical block exponent %u\n",
				     bytes[0]);
	if (bytes[1] * size < limits->physical_block_size)
		limits->alignment_offset = bytes[1] * size;
	/* 16 bits times 4096 fits; 32 bits times it need not. */
	if (get_unaligned_le16(bytes + 2))
		limits->io_min = get_unaligned_le16(bytes + 2) * size;
	opt = get_unaligned_le32(bytes + 4);
	if (opt <= U32_LIMIT / size)
		limits->io_opt = opt * size;
	return 0;
}

/*
 * max_discard_seg and max_write_zeroes_seg are not looked at: a request of
 * this driver has one segment, and honest devices give 0 for "no matter".
 */
static int read_discard(struct virtio_device *vdev,
			struct virtio_blk_limits *limits)
{
	u32 alignment;

	limits->discard_alignment = limits->block_size / VIRTIO_BLK_SECTOR_SIZE;
	if (!virtio_has_feature(vdev, VIRTIO_BLK_F_DISCARD))
		return 0;
	if (config_le32(vdev, CONFIG_DISCARD_SECTORS,
			&limits->discard_sectors_max) ||
	    config_le32(vdev, CONFIG_DISCARD_ALIGNMENT, &alignment))
		return -EINVAL;
	/* A hint, and one that must not wrap when it is turned into bytes. */
	if (alignment && alignment <= U32_LIMIT / VIRTIO_BLK_SECTOR_SIZE)
		limits->discard_alignment = alignment;
	return 0;
}

static int read_zeroes(struct virtio_device *vdev,
		       struct virtio_blk_limits *limits)
{
	if (!virtio_has_feature(vdev, VIRTIO_BLK_F_WRITE_ZEROES))
		return 0;
	return config_le32(vdev, CONFIG_ZEROES_SECTORS,
			   &limits->zeroes_sectors_max);
}

static int read_queues(struct virtio_device *vdev,
		       struct virtio_blk_limits *limits)
{
	u8 bytes[2];
	u16 num;

	limits->queues = 1;
	limits->requests_max = VIRTIO_BLK_REQUESTS_MAX;
	if (!virtio_has_feature(vdev, VIRTIO_BLK_F_MQ))
		return 0;
	if (virtio_device_config(vdev, CONFIG_NUM_QUEUES, bytes, sizeof(bytes)))
		return -EINVAL;
	num = get_unaligned_le16(bytes);
	/* Without a queue there is nobody to divide the requests among. */
	if (!num) {
		dev_warn_ratelimited(&vdev->dev, "several queues, but none\n");
		return -EINVAL;
	}
	limits->queues = min_t(unsigned int, num, VIRTIO_BLK_QUEUES_MAX);
	return 0;
}

static int read_limits(struct virtio_device *vdev,
		       struct virtio_blk_limits *limits)
{
	int err;

	limits->read_only = virtio_has_feature(vdev, VIRTIO_BLK_F_RO);
	limits->flush = virtio_has_feature(vdev, VIRTIO_BLK_F_FLUSH);
	err = read_capacity(vdev, &limits->capacity);
	if (err)
		return err;
	err = read_block_size(vdev, limits);
	if (err)
		return err;
	err = read_segments(vdev, limits);
	if (err)
		return err;
	err = read_topology(vdev, limits);
	if (err)
		return err;
	err = read_discard(vdev, limits);
	if (err)
		return err;
	err = read_zeroes(vdev, limits);
	if (err)
		return err;
	return read_queues(vdev, limits);
}

static void close_queues(struct virtio_blk *blk, unsigned int count)
{
	while (count--)
		virtio_blk_close_queue(blk->queue[count]);
}

static int open_queues(struct virtio_blk *blk)
{
	unsigned int wanted = blk->limits.queues;
	unsigned int i;
	int err;

	for (i = 0; i < wanted; i++) {
		err = virtio_blk_open_queue(blk, i);
		/* Fewer than it said: those that are there do. */
		if (err == -ENOENT && i)
			break;
		if (err)
			goto close;
	}
	if (i < wanted)
		dev_warn_ratelimited(&blk->vdev->dev, "%u of %u queues\n", i,
				     wanted);
	blk->limits.queues = i;
	/* Not one block in the largest request: nothing could be read. */
	if ((u64)blk->limits.segs_max * blk->limits.seg_size_max >=
	    blk->limits.block_size)
		return 0;
	dev_warn_ratelimited(&blk->vdev->dev,
			     "%u segments of %u bytes hold no block\n",
			     blk->limits.segs_max, blk->limits.seg_size_max);
	err = -EINVAL;

close:
	close_queues(blk, i);
	return err;
}

static int blk_probe(struct virtio_device *vdev)
{
	struct virtio_blk *blk;
	int err;

	blk = kzalloc(sizeof(*blk), GFP_KERNEL);
	if (!blk)
		return -ENOMEM;
	spin_lock_init(&blk->lock);
	blk->vdev = vdev;
	err = read_limits(vdev, &blk->limits);
	if (err)
		goto free_blk;
	err = open_queues(blk);
	if (err)
		goto free_blk;
	vdev->priv = blk;
	return 0;

free_blk:
	kfree(blk);
	return err;
}

static void blk_remove(struct virtio_device *vdev)
{
	struct virtio_blk *blk = vdev->priv;
	unsigned int i;

	/* All stop before the memory of the first goes. */
	for (i = 0; i < blk->limits.queues; i++)
		blk->queue[i]->vq->vq_ops->shutdown(blk->queue[i]->vq);
	vdev->priv = NULL;
	close_queues(blk, blk->limits.queues);
	kfree(blk);
}

int virtio_blk_limits(struct virtio_device *vdev,
		      struct virtio_blk_limits *limits)
{
	struct virtio_blk *blk = to_blk(vdev);
	unsigned long flags;

	if (!blk)
		return -ENODEV;
	spin_lock_irqsave(&blk->lock, flags);
	*limits = blk->limits;
	spin_unlock_irqrestore(&blk->lock, flags);
	return 0;
}
EXPORT_SYMBOL_GPL(virtio_blk_limits);

/*
 * Only the capacity may change, both ways. What is in flight was within the
 * old one; the device answers for what it can no longer serve.
 */
int virtio_blk_revalidate(struct virtio_device *vdev)
{
	struct virtio_blk *blk = to_blk(vdev);
	unsigned long flags;
	unsigned int i;
	u64 capacity;
	int err;

	if (!blk)
		return -ENODEV;
	err = virtio_config_refresh(vdev);
	if (err)
		return err;
	if (read_capacity(vdev, &capacity))
		return -EIO;
	spin_lock_irqsave(&blk->lock, flags);
	blk->limits.capacity = capacity;
	spin_unlock_irqrestore(&blk->lock, flags);
	for (i = 0; i < blk->limits.queues; i++) {
		spin_lock_irqsave(&blk->queue[i]->lock, flags);
		blk->queue[i]->capacity = capacity;
		spin_unlock_irqrestore(&blk->queue[i]->lock, flags);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(virtio_blk_revalidate);

void virtio_blk_notify(struct virtio_device *vdev,
		       void (*fn)(struct virtio_device *vdev,
				  unsigned int queue))
{
	struct virtio_blk *blk = to_blk(vdev);

	if (blk)
		WRITE_ONCE(blk->notify, fn);
}
EXPORT_SYMBOL_GPL(virtio_blk_notify);

static const struct virtio_device_id blk_ids[] = {
	{ VIRTIO_ID_BLOCK, VIRTIO_DEV_ANY_ID },
};

/* Nothing that this driver does not carry out: no geometry, no CONFIG_WCE. */
static const unsigned int blk_features[] = {
	VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_RO,
	VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_FLUSH,   VIRTIO_BLK_F_TOPOLOGY,
	VIRTIO_BLK_F_MQ,       VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES,
};

struct virtio_driver virtio_blk_driver = {
	.driver = { .name = "virtio_blk" },
	.id_table = blk_ids,
	.id_count = ARRAY_SIZE(blk_ids),
	.feature_table = blk_features,
	.feature_count = ARRAY_SIZE(blk_features),
	.probe = blk_probe,
	.remove = blk_remove,
};
EXPORT_SYMBOL_GPL(virtio_blk_driver);
