/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a virtio PCI device says that its registers are (VIRTIO 1.2, 4.1.4).
 *
 * No part of it touches the device: configuration space is read through a
 * function, and what comes out names windows that lie within the BARs. So it
 * compiles in user space too, where tests/test_pci_caps.c feeds it lies.
 */
#ifndef VLAB_PCI_CAPS_H
#define VLAB_PCI_CAPS_H

#include <vlab/port.h>

#define VLAB_PCI_BARS 6

/* Bytes of the common configuration: VIRTIO 1.0, and with queue_reset. */
#define VLAB_PCI_COMMON_MIN 56
#define VLAB_PCI_COMMON_MAX 60
/* Of device configuration and of notifications no more than this is mapped. */
#define VLAB_PCI_DEVICE_MAX 4096
#define VLAB_PCI_NOTIFY_MAX (16u << 20)

/**
 * struct vlab_pci_source - what is known of a PCI device
 * @read: the aligned dword at @offset, below 256; 0 or a negative errno
 * @context: for @read
 * @bar_len: bytes of each memory BAR; 0: no such BAR, or one of I/O ports
 */
struct vlab_pci_source {
	int (*read)(void *context, unsigned int offset, u32 *value);
	void *context;
	u64 bar_len[VLAB_PCI_BARS];
};

/* @length bytes of @bar from @offset on; of no bytes: there is none. */
struct vlab_pci_window {
	unsigned int bar;
	u32 offset;
	u32 length;
};

/**
 * struct vlab_pci_caps - the windows to use, each within its BAR
 * @device: may be of no bytes; the others have what the driver side needs
 * @notify_multiplier: 0 or a power of two from 2 on
 */
struct vlab_pci_caps {
	struct vlab_pci_window common;
	struct vlab_pci_window notify;
	struct vlab_pci_window isr;
	struct vlab_pci_window device;
	u32 notify_multiplier;
};

/*
 * Walk the capability list of @source once. 0, -ENODEV (no virtio device of
 * version 1, or none that answers) or -EINVAL (it lies); then *@reason says
 * which, and *@caps is not touched.
 */
int vlab_pci_caps_find(const struct vlab_pci_source *source,
		       struct vlab_pci_caps *caps, const char **reason);

/*
 * Where within the notify window the queue with this queue_notify_off is told.
 * 0, or -EINVAL when two bytes there are not within the window.
 */
int vlab_pci_notify_offset(const struct vlab_pci_caps *caps, u16 notify_off,
			   u32 *offset);

#endif /* VLAB_PCI_CAPS_H */
