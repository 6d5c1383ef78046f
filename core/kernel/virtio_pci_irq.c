// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupts of a virtio PCI device.
 *
 * How many queues a driver will use is not known before it asks for them, so
 * vectors are taken for all that the device has, up to a limit: vector 0 for
 * configuration changes, and n more, of which queue i has number 1 + i % n.
 * With fewer than two the device gets its INTx line, and says in a register
 * what an interrupt is about.
 *
 * Each queue has one interrupt, and the kernel does not run the handler of one
 * interrupt on two processors at a time: so no queue's callback runs twice at
 * a time, however often the device interrupts. A device may send any of its
 * vectors at any time; the core drops what comes before DRIVER_OK.
 */
#include "virtio_pci.h"

/* ISR status (4.1.4.5). */
#define ISR_QUEUE 1
#define ISR_CONFIG 2

static void interrupt_queues(struct vlab_pci *vp, unsigned int first,
			     unsigned int step)
{
	unsigned int end =
		min_t(unsigned int, vp->queues, VIRTIO_CONFIG_QUEUES_MAX);
	unsigned int index;

	for (index = first; index < end; index += step)
		if (test_bit(index, vp->live))
			virtqueue_interrupt(&vp->vdev, index);
}

static irqreturn_t queue_interrupt(int irq, void *data)
{
	const struct vlab_pci_irq *vector = data;

	interrupt_queues(vector->vp, vector->first, vector->vp->vectors);
	return IRQ_HANDLED;
}

static irqreturn_t config_interrupt(int irq, void *data)
{
	struct vlab_pci *vp = data;

	virtio_config_changed(&vp->vdev);
	return IRQ_HANDLED;
}

/*
 * A shared line: no bit in the register means that another device meant it.
 * To claim it all the same would let a device that holds the line for ever
 * keep a processor; so the kernel counts, and turns the line off. Against one
 * that shows a bit each time nothing helps but MSI-X.
 */
static irqreturn_t line_interrupt(int irq, void *data)
{
	struct vlab_pci *vp = data;
	u8 isr = ioread8(vp->isr);

	if (!isr)
		return IRQ_NONE;
	/* All ones are also what is read of a device that was pulled out. */
	if (isr == 0xff && !pci_device_is_present(vp->pdev)) {
		virtio_device_gone(&vp->vdev);
		return IRQ_NONE;
	}
	if (isr & ISR_CONFIG)
		virtio_config_changed(&vp->vdev);
	if (isr & ISR_QUEUE)
		interrupt_queues(vp, 0, 1);
	return isr & (ISR_CONFIG | ISR_QUEUE) ? IRQ_HANDLED : IRQ_NONE;
}

/*
 * Queues of a driver that has one for each processor are used by them in order:
 * their interrupts begin there. It is a start that an administrator may change,
 * and a processor that goes offline hands its interrupts on.
 */
static void place_queue_irq(struct vlab_pci *vp, unsigned int i)
{
	int node = dev_to_node(&vp->pdev->dev);

	if (vp->vectors > 1)
		irq_set_affinity_and_hint(
			pci_irq_vector(vp->pdev, 1 + i),
			cpumask_of(cpumask_local_spread(i, node)));
}

static void free_queue_irqs(struct vlab_pci *vp, unsigned int count)
{
	while (count--) {
		irq_update_affinity_hint(pci_irq_vector(vp->pdev, 1 + count),
					 NULL);
		free_irq(pci_irq_vector(vp->pdev, 1 + count), &vp->irq[count]);
	}
}

static int request_queue_irqs(struct vlab_pci *vp)
{
	struct vlab_pci_irq *vector;
	unsigned int i;
	int err;

	for (i = 0; i < vp->vectors; i++) {
		vector = &vp->irq[i];
		vector->vp = vp;
		vector->first = i;
		scnprintf(vector->name, sizeof(vector->name), "vlab-queue%u@%s",
			  i, pci_name(vp->pdev));
		err = request_irq(pci_irq_vector(vp->pdev, 1 + i),
				  queue_interrupt, 0, vector->name, vector);
		if (err) {
			free_queue_irqs(vp, i);
			return err;
		}
		place_queue_irq(vp, i);
	}
	return 0;
}

static int request_vectors(struct vlab_pci *vp)
{
	/* More than two for each processor serve nobody. */
	unsigned int most = min3(vp->queues, 2 * num_possible_cpus(),
				 (unsigned int)VLAB_PCI_QUEUE_VECTORS);
	int err, got;

	got = pci_alloc_irq_vectors(vp->pdev, 2, 1 + max(most, 1u),
				    PCI_IRQ_MSIX);
	if (got < 0)
		return got;
	vp->vectors = (unsigned int)got - 1;
	err = request_irq(pci_irq_vector(vp->pdev, 0), config_interrupt, 0,
			  pci_name(vp->pdev), vp);
	if (err)
		goto free_vectors;
	err = request_queue_irqs(vp);
	if (err)
		goto free_config;
	return 0;

free_config:
	free_irq(pci_irq_vector(vp->pdev, 0), vp);
free_vectors:
	pci_free_irq_vectors(vp->pdev);
	vp->vectors = 0;
	return err;
}

int vlab_pci_request_irqs(struct vlab_pci *vp)
{
	if (!request_vectors(vp))
		return 0;
	if (!vp->pdev->irq) {
		dev_warn_ratelimited(
			&vp->pdev->dev,
			"refused: fewer than two vectors, and no line\n");
		return -ENODEV;
	}
	pci_intx(vp->pdev, 1);
	return request_irq(vp->pdev->irq, line_interrupt, IRQF_SHARED,
			   pci_name(vp->pdev), vp);
}

/* No handler runs when it returns. */
void vlab_pci_free_irqs(struct vlab_pci *vp)
{
	if (!vp->vectors) {
		free_irq(vp->pdev->irq, vp);
		return;
	}
	free_queue_irqs(vp, vp->vectors);
	free_irq(pci_irq_vector(vp->pdev, 0), vp);
	pci_free_irq_vectors(vp->pdev);
}

/* virtio_transport_ops.synchronize; may sleep, and is not for a handler. */
void vlab_pci_synchronize(struct virtio_device *vdev)
{
	struct vlab_pci *vp = to_vlab_pci(vdev);
	unsigned int i;

	if (!vp->vectors) {
		synchronize_irq(vp->pdev->irq);
		return;
	}
	for (i = 0; i <= vp->vectors; i++)
		synchronize_irq(pci_irq_vector(vp->pdev, i));
}
