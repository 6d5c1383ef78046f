// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A block device as a disk of the kernel: /dev/vlaba and on.
 *
 * The core's block driver has validated the device's configuration and checks
 * every request and every completion. Here is the disk's life.
 *
 * Locking. bound() and unbind() are called by the bus, which holds the device
 * still. config_changed() and disk_notify() come from interrupts, and only
 * set a bit and queue the work. The work is the only place besides bound() and
 * unbind() that calls what may sleep of the core; unbind() and a bound() that
 * fails wait for it before they go on, so no two of these run at a time.
 */
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include <vlab/port.h>

#include "disk.h"
#include "port_block.h"
#include "vlab_kernel.h"

/* A larger optimal size would only inflate the readahead of every reader. */
#define IO_OPT_MAX (16u << 20)

static unsigned int disk_timeout = 30;
module_param(disk_timeout, uint, 0444);
MODULE_PARM_DESC(disk_timeout, "seconds for a request, 1 to 3600");

/* The letters of the names that are in use. */
static DEFINE_IDA(disk_indices);
static struct workqueue_struct *disk_workqueue;

/* From any context, the first counts: from here on every request fails. */
void disk_fail(struct disk *disk, const char *why)
{
	if (cmpxchg(&disk->why, NULL, why))
		return;
	set_bit(DISK_FAILED, &disk->state);
	queue_work(disk_workqueue, &disk->work);
}

/* Whole blocks, and an end whose offset in bytes has a sign. */
static void disk_set_capacity(struct disk *disk, u64 capacity)
{
	u64 most = LLONG_MAX >> SECTOR_SHIFT;

	capacity = min(capacity, most);
	capacity =
		round_down(capacity, disk->limits.block_size >> SECTOR_SHIFT);
	set_capacity_and_notify(disk->gd, capacity);
}

/* What cannot be read leaves the old capacity; requests are checked anyway. */
static void disk_resize(struct disk *disk)
{
	struct virtio_blk_limits limits;

	if (virtio_blk_revalidate(disk->vdev) ||
	    virtio_blk_limits(disk->vdev, &limits))
		return;
	disk_set_capacity(disk, limits.capacity);
}

static void disk_give_up(struct disk *disk)
{
	dev_warn_ratelimited(&disk->vdev->dev,
			     "%s: %s: all I/O fails from now on\n",
			     disk->gd->disk_name, disk->why);
	/*
	 * Requests first: what marks a disk as dead waits, since Linux 6.5, for
	 * a file system on it, and that may be waiting for one of them.
	 */
	disk_end_all(disk);
	blk_mark_disk_dead(disk->gd);
}

static void do_work(struct disk *disk)
{
	if (test_bit(DISK_STOPPED, &disk->state))
		return;
	if (test_bit(DISK_FAILED, &disk->state)) {
		if (!test_and_set_bit(DISK_DEAD, &disk->state))
			disk_give_up(disk);
		return;
	}
	if (test_and_clear_bit(DISK_CHANGED, &disk->state) &&
	    !test_bit(DISK_REMOVED, &disk->state))
		disk_resize(disk);
}

/*
 * Memory that a resize asks for must not wait for I/O of this disk: only this
 * work ends that when the device is silent.
 */
static void disk_work(struct work_struct *work)
{
	unsigned int flags = memalloc_noio_save();

	do_work(container_of(work, struct disk, work));
	memalloc_noio_restore(flags);
}

/* As the kernel has it for sd: a to z, aa to zz, aaa and on. */
static void disk_name(struct gendisk *gd, unsigned int index)
{
	char letters[8];
	unsigned int at = sizeof(letters) - 1;

	letters[at] = '\0';
	/* 26 to the 7th is more than an index can be. */
	for (index++; index; index = (index - 1) / 26)
		letters[--at] = 'a' + (index - 1) % 26;
	snprintf(gd->disk_name, sizeof(gd->disk_name), "vlab%s", letters + at);
}

/*
 * Fit what the device offers to what the block layer can keep to; -EINVAL if
 * that is impossible. The segments of a request are then what the core takes.
 */
static int fit_limits(struct disk *disk)
{
	struct device *dma = disk->vdev->dev.parent;
	struct virtio_blk_limits *limits = &disk->limits;
	const u32 most = UINT_MAX >> SECTOR_SHIFT;
	u32 block = limits->block_size >> SECTOR_SHIFT;

	limits->seg_size_max =
		min_t(size_t, limits->seg_size_max, port_map_size_max(dma));
	limits->seg_size_max =
		round_down(limits->seg_size_max, limits->block_size);
	/* The block layer cannot split a page. */
	if (limits->seg_size_max < PAGE_SIZE) {
		dev_warn_ratelimited(&disk->vdev->dev,
				     "segments below a page: no disk\n");
		return -EINVAL;
	}
	/* The block layer counts their bytes in 32 bits, and does not look. */
	limits->discard_sectors_max =
		round_down(min(limits->discard_sectors_max, most), block);
	limits->zeroes_sectors_max =
		round_down(min(limits->zeroes_sectors_max, most), block);
	/* A hint; what does not divide a request is none. */
	if (!is_power_of_2(limits->discard_alignment) ||
	    limits->discard_alignment < block ||
	    limits->discard_alignment > limits->discard_sectors_max)
		limits->discard_alignment = block;
	if (limits->io_opt > IO_OPT_MAX)
		limits->io_opt = 0;
	limits->queues = min(limits->queues, nr_cpu_ids);
	return 0;
}

static u32 request_bytes_max(const struct disk *disk)
{
	u64 bytes = (u64)disk->limits.segs_max * disk->limits.seg_size_max;

	bytes = min_t(u64, bytes, port_map_total_max(disk->vdev->dev.parent));
	return (u32)min_t(u64, bytes, UINT_MAX);
}

static ssize_t serial_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct disk *disk = dev_to_disk(dev)->private_data;

	return sysfs_emit(buf, "%s\n", disk->serial);
}
static DEVICE_ATTR_RO(serial);

static struct attribute *disk_attrs[] = {
	&dev_attr_serial.attr,
	NULL,
};
ATTRIBUTE_GROUPS(disk);

static const struct block_device_operations disk_fops = {
	.owner = THIS_MODULE,
};

static int alloc_tags(struct disk *disk)
{
	struct blk_mq_tag_set *tags = &disk->tags;

	tags->ops = &disk_mq_ops;
	tags->driver_data = disk;
	tags->nr_hw_queues = disk->limits.queues;
	tags->queue_depth = disk->limits.requests_max;
	tags->numa_node = dev_to_node(disk->vdev->dev.parent);
	/* The host has a scheduler for what is behind its disk. */
	tags->flags = BLK_MQ_F_SHOULD_MERGE | BLK_MQ_F_NO_SCHED_BY_DEFAULT;
	tags->timeout = clamp(disk_timeout, 1u, 3600u) * HZ;
	tags->cmd_size = struct_size((struct disk_request *)NULL, sg,
				     disk->limits.segs_max);
	return blk_mq_alloc_tag_set(tags);
}

static int alloc_disk_parts(struct disk *disk)
{
	struct gendisk *gd;
	int err;

	disk->index = ida_alloc(&disk_indices, GFP_KERNEL);
	if (disk->index < 0)
		return disk->index;
	err = alloc_tags(disk);
	if (err)
		goto free_index;
	gd = port_alloc_disk(&disk->tags, &disk->limits,
			     request_bytes_max(disk), disk);
	if (IS_ERR(gd)) {
		err = PTR_ERR(gd);
		goto free_tags;
	}
	gd->fops = &disk_fops;
	gd->private_data = disk;
	disk_name(gd, disk->index);
	set_disk_ro(gd, disk->limits.read_only);
	disk->gd = gd;
	return 0;

free_tags:
	blk_mq_free_tag_set(&disk->tags);
free_index:
	ida_free(&disk_indices, disk->index);
	return err;
}

static void free_disk_parts(struct disk *disk)
{
	put_disk(disk->gd);
	blk_mq_free_tag_set(&disk->tags);
	ida_free(&disk_indices, disk->index);
	kfree(disk);
}

/*
 * No request is in flight. Wait for the work, then for the interrupts that may
 * queue it, then for what they queued: it finds that there is nothing to do.
 */
static void disk_stop(struct disk *disk)
{
	set_bit(DISK_STOPPED, &disk->state);
	cancel_work_sync(&disk->work);
	virtio_reset_device(disk->vdev);
	/* A timer of what was asked before there was a disk. */
	blk_sync_queue(disk->gd->queue);
	cancel_work_sync(&disk->work);
}

static int disk_bound(struct virtio_device *vdev)
{
	struct disk *disk;
	int err;

	disk = kzalloc(sizeof(*disk), GFP_KERNEL);
	if (!disk)
		return -ENOMEM;
	INIT_WORK(&disk->work, disk_work);
	disk->vdev = vdev;
	err = virtio_blk_limits(vdev, &disk->limits);
	if (err)
		goto free_disk;
	err = fit_limits(disk);
	if (err)
		goto free_disk;
	err = alloc_disk_parts(disk);
	if (err)
		goto free_disk;
	disk_set_capacity(disk, disk->limits.capacity);
	/* Pairs with the acquire in disk_config_changed(). */
	smp_store_release(&vdev->front, disk);
	virtio_blk_notify(vdev, disk_notify);
	err = disk_identify(disk);
	if (err)
		goto stop;
	/* Reads the partition table: the queues are at work. */
	err = device_add_disk(&vdev->dev, disk->gd, disk_groups);
	if (err)
		goto stop;
	/* A change before vdev->front was set has been told to nobody. */
	set_bit(DISK_CHANGED, &disk->state);
	queue_work(disk_workqueue, &disk->work);
	return 0;

stop:
	disk_stop(disk);
	free_disk_parts(disk);
	return err;
free_disk:
	kfree(disk);
	return err;
}

static void fail_if_broken(struct disk *disk)
{
	enum virtio_broken reason = virtio_device_broken(disk->vdev);

	if (reason)
		disk_fail(disk, virtio_broken_name(reason));
}

static void disk_unbind(struct virtio_device *vdev)
{
	struct disk *disk = vdev->front;

	set_bit(DISK_REMOVED, &disk->state);
	/* One that is gone answers nothing: nobody shall wait for it. */
	fail_if_broken(disk);
	flush_work(&disk->work);
	/*
	 * Writes what is dirty and waits for what is in flight; if the device
	 * stops now, the timeout ends that.
	 */
	del_gendisk(disk->gd);
	disk_stop(disk);
	free_disk_parts(disk);
}

static void disk_config_changed(struct virtio_device *vdev)
{
	struct disk *disk;

	/* Pairs with the release in disk_bound(): all of it, or nothing. */
	disk = smp_load_acquire(&vdev->front);
	if (!disk)
		return;
	set_bit(DISK_CHANGED, &disk->state);
	fail_if_broken(disk);
	queue_work(disk_workqueue, &disk->work);
}

static const struct virtio_front_ops disk_front = {
	.bound = disk_bound,
	.unbind = disk_unbind,
	.config_changed = disk_config_changed,
};

int __init vlab_disk_init(void)
{
	int err;

	/* Ends I/O that memory may be waiting for. */
	disk_workqueue =
		alloc_workqueue("vlab_disk", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!disk_workqueue)
		return -ENOMEM;
	virtio_blk_driver.front = &disk_front;
	virtio_blk_driver.driver.owner = THIS_MODULE;
	err = register_virtio_driver(&virtio_blk_driver);
	if (err)
		destroy_workqueue(disk_workqueue);
	return err;
}

void vlab_disk_exit(void)
{
	unregister_virtio_driver(&virtio_blk_driver);
	destroy_workqueue(disk_workqueue);
}
