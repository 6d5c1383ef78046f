/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two files of the virtio-mmio transport share. */
#ifndef VLAB_VIRTIO_MMIO_H
#define VLAB_VIRTIO_MMIO_H

/* The driver's name, and that of the devices from the command line. */
#define VLAB_MMIO_NAME "vlab-mmio"

/* Bytes of registers; the device configuration follows them. */
#define VLAB_MMIO_REGISTERS 0x100

/*
 * Create the devices that the command line names, and remove them. One that
 * cannot be created is warned of and left out. May sleep.
 */
void vlab_mmio_add_named(void);
void vlab_mmio_remove_named(void);

#endif /* VLAB_VIRTIO_MMIO_H */
