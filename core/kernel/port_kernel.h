/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract of port.h, kept by the Linux kernel.
 *
 * Most of it the kernel has under the same name. What differs between kernel
 * versions is here, in port_linux.h and in port_block.[ch], and nowhere else.
 */
#ifndef VLAB_PORT_KERNEL_H
#define VLAB_PORT_KERNEL_H

#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/idr.h>
#include <linux/jump_label.h>
#include <linux/slab.h>

#include "port_linux.h"

/* What bus_type.match() and .uevent() get. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define PORT_MATCH_DRIVER const struct device_driver
#else
#define PORT_MATCH_DRIVER struct device_driver
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define PORT_UEVENT_DEVICE const struct device
#else
#define PORT_UEVENT_DEVICE struct device
#endif

/* What a hwrng says that is credited with no entropy; 0 came to mean all. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define PORT_HWRNG_QUALITY_NONE 1
#else
#define PORT_HWRNG_QUALITY_NONE 0
#endif

/* What platform_driver.remove() returns; @name becomes one that calls @fn. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define PORT_PLATFORM_REMOVE(name, fn)                \
	static void name(struct platform_device *dev) \
	{                                             \
		fn(dev);                              \
	}
#else
#define PORT_PLATFORM_REMOVE(name, fn)               \
	static int name(struct platform_device *dev) \
	{                                            \
		fn(dev);                             \
		return 0;                            \
	}
#endif

/* The module that people load has no adversary: nothing is told. */
static inline void port_shared_read(const void *p, size_t size)
{
}

static inline void port_shared_wrote(const void *p, size_t size)
{
}

#define PORT_MAPS(dev) true

/*
 * Bounce mode: see bounce.c. Off, it costs one instruction that does nothing.
 */
DECLARE_STATIC_KEY_FALSE(vlab_bounces);
dma_addr_t vlab_bounce_map(struct device *dev, const struct scatterlist *sg,
			   bool write);
void vlab_bounce_unmap(struct device *dev, dma_addr_t addr, u32 len, bool write,
		       u32 written);

static inline enum dma_data_direction port_direction(bool write)
{
	return write ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

static inline dma_addr_t port_map_sg(struct device *dev, struct scatterlist *sg,
				     bool write)
{
	if (static_branch_unlikely(&vlab_bounces))
		return vlab_bounce_map(dev, sg, write);
	return dma_map_page(dev, sg_page(sg), sg->offset, sg->length,
			    port_direction(write));
}

static inline bool port_map_failed(struct device *dev, dma_addr_t addr)
{
	return dma_mapping_error(dev, addr);
}

static inline void port_unmap(struct device *dev, dma_addr_t addr, u32 len,
			      bool write, u32 written)
{
	if (static_branch_unlikely(&vlab_bounces)) {
		vlab_bounce_unmap(dev, addr, len, write, written);
		return;
	}
	dma_unmap_page(dev, addr, len, port_direction(write));
}

/* Bytes that one piece of a buffer may have. */
size_t port_map_size_max(struct device *dev);
/* Bytes of one buffer that can be mapped for sure while nothing else is. */
size_t port_map_total_max(struct device *dev);

/*
 * What a probe returns for @err, after a warning. Of a device that is refused
 * the driver core says nothing more when that is -ENODEV; any other number is,
 * from Linux 6.8 on, an error in the log, and a hostile host writes none there.
 */
int port_probe_result(struct device *dev, int err);

#endif /* VLAB_PORT_KERNEL_H */
