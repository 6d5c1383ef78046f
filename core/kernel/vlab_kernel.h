/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts that the module is made of, in the order in which they start. Each
 * init may sleep and returns 0 or a negative errno; each exit undoes it.
 */
#ifndef VLAB_KERNEL_H
#define VLAB_KERNEL_H

/* What user space finds a driver's module by: device id, vendor id. */
#define VLAB_MODALIAS "vlab:d%08Xv%08X"

/* The fronts of the core's drivers; a transport's devices come after them. */
int vlab_hwrng_init(void);
void vlab_hwrng_exit(void);
int vlab_disk_init(void);
void vlab_disk_exit(void);

#ifdef CONFIG_PCI
int vlab_pci_init(void);
void vlab_pci_exit(void);
#else
static inline int vlab_pci_init(void)
{
	return 0;
}

static inline void vlab_pci_exit(void)
{
}
#endif

#ifdef CONFIG_HAS_IOMEM
int vlab_mmio_init(void);
void vlab_mmio_exit(void);
#else
static inline int vlab_mmio_init(void)
{
	return 0;
}

static inline void vlab_mmio_exit(void)
{
}
#endif

#endif /* VLAB_KERNEL_H */
