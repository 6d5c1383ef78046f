/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio device on a PCI bus (VIRTIO 1.2, 4.1), without the legacy interface:
 * what the files of this transport share.
 *
 *	virtio_pci.c		finding, mapping, removing it
 *	virtio_pci_regs.c	its registers, as the core asks for them
 *	virtio_pci_irq.c	its interrupts
 *	pci_caps.c		where it says that its registers are
 */
#ifndef VLAB_VIRTIO_PCI_H
#define VLAB_VIRTIO_PCI_H

#include <linux/bitmap.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_transport.h>

#include "pci_caps.h"

/* Interrupts for queues: with more queues than these they take turns. */
#define VLAB_PCI_QUEUE_VECTORS 64

/* The common configuration (4.1.4.3), in bytes from its start. */
#define COMMON_DEVICE_FEATURE_SELECT 0
#define COMMON_DEVICE_FEATURE 4
#define COMMON_DRIVER_FEATURE_SELECT 8
#define COMMON_DRIVER_FEATURE 12
#define COMMON_CONFIG_VECTOR 16
#define COMMON_NUM_QUEUES 18
#define COMMON_STATUS 20
#define COMMON_GENERATION 21
#define COMMON_QUEUE_SELECT 22
#define COMMON_QUEUE_SIZE 24
#define COMMON_QUEUE_VECTOR 26
#define COMMON_QUEUE_ENABLE 28
#define COMMON_QUEUE_NOTIFY_OFF 30
#define COMMON_QUEUE_DESC 32
#define COMMON_QUEUE_DRIVER 40
#define COMMON_QUEUE_DEVICE 48
#define COMMON_QUEUE_RESET 58

/**
 * struct vlab_pci_irq - one MSI-X vector for queues
 * @first: it serves this queue, and each one that is a multiple of the number
 *	of vectors away from it
 * @name: shown in /proc/interrupts
 */
struct vlab_pci_irq {
	struct vlab_pci *vp;
	unsigned int first;
	char name[40];
};

/**
 * struct vlab_pci - one device
 * @common, @isr, @device, @notify: the windows of @caps, mapped; @device is
 *	NULL for a device without configuration of its own
 * @lock: held from selecting a queue or a word of features to the last access
 *	to what was selected; taken by whoever may sleep
 * @queues: what num_queues said when the device was found
 * @vectors: MSI-X vectors for queues; 0: one INTx line for everything
 * @config_vector: the device was told the vector for configuration changes
 *	since its last reset
 * @master: the device may access memory
 * @live: queues that the device has. Set before a queue is enabled; read by
 *	interrupts, which find no queue in the core for a bit that is too much
 * @notify_at: where to notify a live queue
 */
struct vlab_pci {
	struct virtio_device vdev;
	struct pci_dev *pdev;
	struct vlab_pci_caps caps;
	void __iomem *common;
	void __iomem *isr;
	void __iomem *device;
	void __iomem *notify;
	struct mutex lock;
	unsigned int queues;
	unsigned int vectors;
	bool config_vector;
	bool master;
	DECLARE_BITMAP(live, VIRTIO_CONFIG_QUEUES_MAX);
	void __iomem *notify_at[VIRTIO_CONFIG_QUEUES_MAX];
	struct vlab_pci_irq irq[VLAB_PCI_QUEUE_VECTORS];
};

static inline struct vlab_pci *to_vlab_pci(struct virtio_device *vdev)
{
	return container_of(vdev, struct vlab_pci, vdev);
}

/* virtio_pci_regs.c */
extern const struct virtio_transport_ops vlab_pci_ops;
/* The same, for a device that has the register to reset a single queue. */
extern const struct virtio_transport_ops vlab_pci_queue_reset_ops;

/* virtio_pci_irq.c: may sleep. */
int vlab_pci_request_irqs(struct vlab_pci *vp);
void vlab_pci_free_irqs(struct vlab_pci *vp);
void vlab_pci_synchronize(struct virtio_device *vdev);

/* The vector of a queue, to tell the device. */
static inline u16 vlab_pci_queue_vector(const struct vlab_pci *vp,
					unsigned int index)
{
	return (u16)(1 + index % vp->vectors);
}

#endif /* VLAB_VIRTIO_PCI_H */
