/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queues and reasons of a device under debugfs. */
#ifndef VLAB_DEBUGFS_H
#define VLAB_DEBUGFS_H

struct virtio_device;

#ifdef CONFIG_DEBUG_FS

void vlab_debugfs_init(void);
void vlab_debugfs_exit(void);

/* May sleep; not under the device's lock. */
void vlab_debugfs_add_device(struct virtio_device *vdev);
void vlab_debugfs_del_device(struct virtio_device *vdev);

#else

static inline void vlab_debugfs_init(void)
{
}

static inline void vlab_debugfs_exit(void)
{
}

static inline void vlab_debugfs_add_device(struct virtio_device *vdev)
{
}

static inline void vlab_debugfs_del_device(struct virtio_device *vdev)
{
}

#endif /* CONFIG_DEBUG_FS */

#endif /* VLAB_DEBUGFS_H */
