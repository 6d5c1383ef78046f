// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /sys/kernel/debug/vlab/<device>/: why a device or a queue stopped, and what
 * its queues counted. Of the core's own words; the device is not asked.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include <vlab/port.h>
#include <vlab/virtio.h>

#include "../virtio_core.h"
#include "../vring.h"
#include "debugfs.h"

static struct dentry *root;

static int broken_show(struct seq_file *out, void *unused)
{
	const struct virtio_device *vdev = out->private;

	seq_printf(out, "%s\n", virtio_broken_name(virtio_device_broken(vdev)));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(broken);

static void show_queue(struct seq_file *out, struct vring *vring)
{
	struct virtqueue_stats stats;

	virtqueue_stats(&vring->vq, &stats);
	seq_printf(out,
		   "queue %u: num %u in-flight %u clamped %llu spurious %llu "
		   "private-bytes %zu shared-bytes %zu broken %s\n",
		   vring->vq.index, vring->vq.num, vring_taken(vring),
		   stats.clamped, stats.spurious, stats.private_bytes,
		   stats.shared_bytes,
		   virtio_broken_name(virtqueue_broken(&vring->vq)));
}

static int queues_show(struct seq_file *out, void *unused)
{
	struct virtio_device *vdev = out->private;
	struct vring *vring;

	/* Queues come and go in probe and remove only. */
	port_device_lock(&vdev->dev);
	for (vring = vdev->core->vqs; vring; vring = vring->next)
		show_queue(out, vring);
	port_device_unlock(&vdev->dev);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queues);

void vlab_debugfs_add_device(struct virtio_device *vdev)
{
	struct dentry *folder;

	folder = debugfs_create_dir(dev_name(&vdev->dev), root);
	debugfs_create_file("broken", 0400, folder, vdev, &broken_fops);
	debugfs_create_file("queues", 0400, folder, vdev, &queues_fops);
}

void vlab_debugfs_del_device(struct virtio_device *vdev)
{
	debugfs_lookup_and_remove(dev_name(&vdev->dev), root);
}

void vlab_debugfs_init(void)
{
	root = debugfs_create_dir("vlab", NULL);
}

void vlab_debugfs_exit(void)
{
	debugfs_remove(root);
}
