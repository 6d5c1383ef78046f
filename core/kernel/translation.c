// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whose addresses a device uses.
 *
 * Those that the core gives out come from the DMA API. Behind an IOMMU they are
 * the IOMMU's, and a device that does not offer VIRTIO_F_ACCESS_PLATFORM takes
 * them for physical ones (VIRTIO 1.2, 6.1): it would read and write whatever
 * memory happens to have that number.
 */
#include <linux/dma-mapping.h>
#include <linux/iommu.h>

#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_transport.h>

#include "vlab_kernel.h"

/*
 * -EINVAL, and a warning, for a device that would. One that offers the feature
 * and bypasses the IOMMU all the same is no more than any hostile device.
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
