/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every transport does in the same way. All may sleep but
 * vlab_forget_queues().
 */
#ifndef VLAB_TRANSPORT_H
#define VLAB_TRANSPORT_H

#include <linux/pm.h>
#include <linux/types.h>

#include <vlab/virtio.h>

/*
 * Before a device is registered: -EINVAL, and a warning, for one that would
 * not have its addresses translated where they have to be. Its parent and its
 * transport are set.
 */
int vlab_check_translation(struct virtio_device *vdev);

/* 0, or a negative errno for a device that reaches no memory of this machine.
 */
int vlab_set_dma_mask(struct device *dev);

/* A transport's bitmap of VIRTIO_CONFIG_QUEUES_MAX queues: it has none. */
void vlab_forget_queues(unsigned long *live);

/* Halt, reboot, kexec: the next kernel's memory is not for this device. */
void vlab_shut_down(struct virtio_device *vdev);

/* For the driver of a bus: the system does not sleep over a bound device. */
extern const struct dev_pm_ops vlab_transport_pm;

#endif /* VLAB_TRANSPORT_H */
