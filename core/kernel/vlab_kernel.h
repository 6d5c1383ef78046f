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

#endif /* VLAB_KERNEL_H */
