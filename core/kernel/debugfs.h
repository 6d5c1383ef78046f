/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queues and reasons of a device under debugfs. */
#ifndef VLAB_DEBUGFS_H
#define VLAB_DEBUGFS_H

struct virtio_device;

void vlab_debugfs_init(void);
void vlab_debugfs_exit(void);

/* May sleep; not under the device's lock. */
void vlab_debugfs_add_device(struct virtio_device *vdev);
void vlab_debugfs_del_device(struct virtio_device *vdev);

#endif /* VLAB_DEBUGFS_H */
