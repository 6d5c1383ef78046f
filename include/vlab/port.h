/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract between the core and the world that it runs in.
 *
 * Need:
 *  - fixed-width types, errno values, ERR_PTR()	(types.h)
 *  - READ_ONCE(), WRITE_ONCE(), barrier-free
 *  - cpu_to_le16/32/64(), le16/32/64_to_cpu(),
 *    get_unaligned_le16/32/64(), put_unaligned_le16/32/64()
 *  - virt_mb(), virt_rmb(), virt_wmb(): order accesses to memory that a device
 *    on another processor sees, also on a uniprocessor build
 *  - kzalloc(), kmalloc(), kfree() with GFP_KERNEL; NULL on failure
 *  - dma_alloc_coherent() (zeroed) and dma_free_coherent(): memory that the
 *    device sees; the address for it comes back in a dma_addr_t
 *  - PORT_MAPS(dev), port_map_sg(), port_unmap(): make one piece of a buffer
 *    visible to the device; see below
 *  - struct device, struct device_driver		(types.h)
 *  - port_bus_register(), port_bus_unregister(), port_device_add(),
 *    port_device_del(), port_device_put(), port_driver_register(),
 *    port_driver_unregister(): the device model; see below
 *  - struct ida, DEFINE_IDA(), ida_alloc(), ida_free()
 *  - spinlock_t, spin_lock_init(), spin_lock_irqsave(),
 *    spin_unlock_irqrestore()
 *  - usleep_range()
 *  - dev_warn_ratelimited()
 *  - memcpy(), memmove(), memset(), memcmp(), strcmp(), scnprintf()
 *  - container_of(), likely(), unlikely(), ARRAY_SIZE(), min(), min_t(),
 *    BUILD_BUG_ON(), check_add_overflow(), EXPORT_SYMBOL_GPL(), __must_check,
 *    noinline, __cold
 *  - __shared, __force: annotate pointers to memory that the peer writes
 *  - port_shared_read(), port_shared_wrote(): called before a load from such
 *    memory and after a store to it. Empty, unless VLAB_PORT_HOOK is defined:
 *    only the fuzz and replay builds define it. For the loopback transport
 *    port_shared_awaited() says whether somebody waits for a read.
 *
 * Mapping. PORT_MAPS(dev) is a constant false where a buffer's address is what
 * the device uses, and nothing has to be undone. Where it may be true:
 *	dma_addr_t port_map_sg(struct device *dev, struct scatterlist *sg,
 *			       bool write);
 *	bool port_map_failed(struct device *dev, dma_addr_t addr);
 *	void port_unmap(struct device *dev, dma_addr_t addr, u32 len,
 *			bool write, u32 written);
 * @write: the device writes this piece. @written: how many of its bytes the
 * device is believed to have written; a port that bounces copies back these
 * and no more. Neither sleeps.
 *
 * Device model. One bus; it calls the core back:
 *	struct port_bus_ops { match, probe, remove }
 * Adding a device or a driver matches and probes at once. The port serialises
 * probe and remove of one device and never calls either for a device after
 * port_device_del() returned. Each may sleep.
 */
#ifndef VLAB_PORT_H
#define VLAB_PORT_H

#include <vlab/types.h>

struct port_bus_ops {
	bool (*match)(struct device *dev, struct device_driver *drv);
	int (*probe)(struct device *dev);
	void (*remove)(struct device *dev);
};

#if defined(__KERNEL__) && defined(VLAB_PORT_HOOK)
#include "kernel/replay/port_replay.h"
#elif defined(__KERNEL__)
#include "kernel/port_kernel.h"
#else
#include <vlab/port_user.h>
#endif

/* Registers the bus on first use; -ENOMEM and the like later, never a panic. */
int port_bus_register(const struct port_bus_ops *ops);
void port_bus_unregister(void);

/* Add a device under a unique name. On error nothing was kept. */
int port_device_add(struct device *dev, const char *prefix, int index);
/* Unbind and take off the bus. The caller's reference remains. */
void port_device_del(struct device *dev);
/* Drop the caller's reference; dev->release() runs after the last one. */
void port_device_put(struct device *dev);
/* Hold the device still against probe and remove, for a status change. */
void port_device_lock(struct device *dev);
void port_device_unlock(struct device *dev);

int port_driver_register(struct device_driver *drv);
void port_driver_unregister(struct device_driver *drv);

#endif /* VLAB_PORT_H */
