// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio devices on a PCI bus: found, mapped, registered, removed.
 *
 * A device is given to this driver by name:
 *	echo vlab > /sys/bus/pci/devices/ADDRESS/driver_override
 * so that it takes none from the drivers of the kernel. A kernel without those
 * can have it claim all virtio devices: CONFIG_VLAB_PCI_CLAIM.
 *
 * The kernel calls everything here with the PCI device's lock held; it may
 * sleep.
 */
#include <linux/module.h>
#include <linux/pm.h>

#include "transport.h"
#include "virtio_pci.h"
#include "vlab_kernel.h"

#define VIRTIO_VENDOR 0x1af4
/* Ids up to here are of transitional devices, from here on of modern ones. */
#define FIRST_ID 0x1000
#define MODERN_ID 0x1040
#define LAST_ID 0x107f

/* What kind of device it is (4.1.2.1), or 0: none of ours. */
static u32 device_type(const struct pci_dev *pdev)
{
	if (pdev->vendor != VIRTIO_VENDOR || pdev->device < FIRST_ID ||
	    pdev->device > LAST_ID)
		return 0;
	if (pdev->device < MODERN_ID)
		return pdev->subsystem_device;
	return pdev->device - MODERN_ID;
}

static int read_dword(void *context, unsigned int offset, u32 *value)
{
	return pci_read_config_dword(context, (int)offset, value) ? -EIO : 0;
}

/* Memory that the kernel has given the device, and nothing that it wishes. */
static u64 usable_bar(struct pci_dev *pdev, int bar)
{
	unsigned long flags = pci_resource_flags(pdev, bar);

	if (!(flags & IORESOURCE_MEM) || flags & IORESOURCE_UNSET)
		return 0;
	return pci_resource_len(pdev, bar);
}

static int find_windows(struct vlab_pci *vp)
{
	struct vlab_pci_source source = {
		.read = read_dword,
		.context = vp->pdev,
	};
	const char *reason;
	int bar, err;

	for (bar = 0; bar < VLAB_PCI_BARS; bar++)
		source.bar_len[bar] = usable_bar(vp->pdev, bar);
	err = vlab_pci_caps_find(&source, &vp->caps, &reason);
	if (err)
		dev_warn_ratelimited(&vp->pdev->dev, "refused: %s\n", reason);
	return err;
}

/* A bit for each BAR in use. */
static int used_bars(const struct vlab_pci_caps *caps)
{
	unsigned int bars = BIT(caps->common.bar) | BIT(caps->notify.bar) |
			    BIT(caps->isr.bar);

	if (caps->device.length)
		bars |= BIT(caps->device.bar);
	return (int)bars;
}

/* Exactly the window, although a page is the least that can be mapped. */
static void __iomem *map_window(struct vlab_pci *vp,
				const struct vlab_pci_window *window)
{
	return pci_iomap_range(vp->pdev, (int)window->bar, window->offset,
			       window->length);
}

static void unmap_windows(struct vlab_pci *vp)
{
	if (vp->common)
		pci_iounmap(vp->pdev, vp->common);
	if (vp->notify)
		pci_iounmap(vp->pdev, vp->notify);
	if (vp->isr)
		pci_iounmap(vp->pdev, vp->isr);
	if (vp->device)
		pci_iounmap(vp->pdev, vp->device);
}

static int map_windows(struct vlab_pci *vp)
{
	vp->common = map_window(vp, &vp->caps.common);
	vp->notify = map_window(vp, &vp->caps.notify);
	vp->isr = map_window(vp, &vp->caps.isr);
	if (vp->caps.device.length)
		vp->device = map_window(vp, &vp->caps.device);
	if (vp->common && vp->notify && vp->isr &&
	    (vp->device || !vp->caps.device.length))
		return 0;
	unmap_windows(vp);
	return -ENOMEM;
}

/* The last reference is gone, and remove() long before it. */
static void release(struct virtio_device *vdev)
{
	kfree(to_vlab_pci(vdev));
}

static void init_device(struct vlab_pci *vp, struct pci_dev *pdev)
{
	vp->pdev = pdev;
	mutex_init(&vp->lock);
	vp->vdev.id.device = device_type(pdev);
	vp->vdev.id.vendor = pdev->subsystem_vendor;
	vp->vdev.config = &virtio_config_fields_ops;
	vp->vdev.release = release;
	vp->vdev.dev.parent = &pdev->dev;
	/* What a warning calls it until the bus names it. */
	vp->vdev.dev.init_name = pci_name(pdev);
}

/* With the registers mapped. */
static int start_device(struct vlab_pci *vp)
{
	int err;

	/* Queue reset is a register of VIRTIO 1.2. */
	vp->vdev.transport = vp->caps.common.length < COMMON_QUEUE_RESET + 2
				     ? &vlab_pci_ops
				     : &vlab_pci_queue_reset_ops;
	err = vlab_check_translation(&vp->vdev);
	if (err)
		return err;
	vp->queues = ioread16(vp->common + COMMON_NUM_QUEUES);
	err = vlab_pci_request_irqs(vp);
	if (err)
		return err;
	err = register_virtio_device(&vp->vdev);
	if (err)
		vlab_pci_free_irqs(vp);
	return err;
}

static int open_device(struct vlab_pci *vp)
{
	struct pci_dev *pdev = vp->pdev;
	int err;

	err = find_windows(vp);
	if (err)
		return err;
	err = vlab_set_dma_mask(&pdev->dev);
	if (err)
		return err;
	err = pci_request_selected_regions(pdev, used_bars(&vp->caps), "vlab");
	if (err)
		return err;
	err = map_windows(vp);
	if (err)
		goto release_regions;
	err = start_device(vp);
	if (err)
		goto unmap;
	return 0;

unmap:
	unmap_windows(vp);
release_regions:
	pci_release_selected_regions(pdev, used_bars(&vp->caps));
	return err;
}

static int vlab_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vlab_pci *vp;
	int err;

	if (!device_type(pdev))
		return -ENODEV;
	vp = kzalloc(sizeof(*vp), GFP_KERNEL);
	if (!vp)
		return -ENOMEM;
	init_device(vp, pdev);
	err = pci_enable_device_mem(pdev);
	if (err)
		goto free;
	/* Firmware may have left it: see setup_vq(). */
	pci_clear_master(pdev);
	err = open_device(vp);
	if (err)
		goto disable;
	pci_set_drvdata(pdev, vp);
	return 0;

disable:
	pci_disable_device(pdev);
free:
	kfree(vp);
	return port_probe_result(&pdev->dev, err);
}

/* Nobody binds or unbinds a driver meanwhile. */
static void mark_gone(struct vlab_pci *vp)
{
	port_device_lock(&vp->vdev.dev);
	virtio_device_gone(&vp->vdev);
	port_device_unlock(&vp->vdev.dev);
}

static void vlab_pci_remove(struct pci_dev *pdev)
{
	struct vlab_pci *vp = pci_get_drvdata(pdev);

	/* Pulled out: the driver learns it before it waits for an answer. */
	if (!pci_device_is_present(pdev))
		mark_gone(vp);
	/* Its interrupts use what the last reference frees. */
	get_device(&vp->vdev.dev);
	unregister_virtio_device(&vp->vdev);
	vlab_pci_free_irqs(vp);
	unmap_windows(vp);
	pci_release_selected_regions(pdev, used_bars(&vp->caps));
	/* Ends bus mastering too. */
	pci_disable_device(pdev);
	pci_set_drvdata(pdev, NULL);
	put_device(&vp->vdev.dev);
}

static void vlab_pci_shutdown(struct pci_dev *pdev)
{
	struct vlab_pci *vp = pci_get_drvdata(pdev);

	vlab_shut_down(&vp->vdev);
	pci_clear_master(pdev);
	vp->master = false;
}

#ifdef CONFIG_VLAB_PCI_CLAIM
/* All kinds: the probe knows which ids there are. */
static const struct pci_device_id vlab_pci_ids[] = {
	{ PCI_DEVICE(VIRTIO_VENDOR, PCI_ANY_ID) }, { 0 }
};
MODULE_DEVICE_TABLE(pci, vlab_pci_ids);
#endif

static struct pci_driver vlab_pci_driver = {
	.name = "vlab",
#ifdef CONFIG_VLAB_PCI_CLAIM
	.id_table = vlab_pci_ids,
#endif
	.probe = vlab_pci_probe,
	.remove = vlab_pci_remove,
	.shutdown = vlab_pci_shutdown,
	.driver.pm = pm_sleep_ptr(&vlab_transport_pm),
};

int __init vlab_pci_init(void)
{
	return pci_register_driver(&vlab_pci_driver);
}

void vlab_pci_exit(void)
{
	pci_unregister_driver(&vlab_pci_driver);
}
