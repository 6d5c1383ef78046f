// SPDX-License-Identifier: GPL-2.0-or-later
/* What every transport does in the same way; see transport.h. */
#include <linux/bitmap.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>

#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_transport.h>

#include "transport.h"

/*
 * Addresses that the core gives out come from the DMA API. Behind an IOMMU they
 * are the IOMMU's, and a device that does not offer VIRTIO_F_ACCESS_PLATFORM
 * takes them for physical ones (VIRTIO 1.2, 6.1): it would read and write
 * whatever memory happens to have that number. One that offers the feature and
 * bypasses the IOMMU all the same is no more than any hostile device.
 */
int vlab_check_translation(struct virtio_device *vdev)
{
	struct device *dev = vdev->dev.parent;
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	u32 bits;
	int err;

	if (!domain || domain->type == IOMMU_DOMAIN_IDENTITY)
		return 0;
	err = vdev->transport->regs->device_features(
		vdev, VIRTIO_F_ACCESS_PLATFORM / 32, &bits);
	if (err)
		return err;
	if (bits & BIT(VIRTIO_F_ACCESS_PLATFORM % 32))
		return 0;
	dev_warn_ratelimited(dev, "refused: it is behind an IOMMU and does "
				  "not offer ACCESS_PLATFORM\n");
	return -EINVAL;
}

int vlab_set_dma_mask(struct device *dev)
{
	int err = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));

	if (err)
		err = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(32));
	if (!err)
		/* One descriptor holds any length of 32 bits. */
		dma_set_max_seg_size(dev, UINT_MAX);
	return err;
}

/* One by one: an interrupt may be looking. */
void vlab_forget_queues(unsigned long *live)
{
	unsigned int index;

	for_each_set_bit(index, live, VIRTIO_CONFIG_QUEUES_MAX)
		clear_bit(index, live);
}

void vlab_shut_down(struct virtio_device *vdev)
{
	port_device_lock(&vdev->dev);
	virtio_reset_device(vdev);
	port_device_unlock(&vdev->dev);
}

/*
 * Sleep may take the device's state with it, queues and all, and what was in
 * flight would be lost in silence: the system stays awake.
 */
static int refuse_sleep(struct device *dev)
{
	dev_warn_ratelimited(dev,
			     "vlab devices cannot sleep: unbind it first\n");
	return -EBUSY;
}

const struct dev_pm_ops vlab_transport_pm = {
	.suspend = refuse_sleep,
	.freeze = refuse_sleep,
};
