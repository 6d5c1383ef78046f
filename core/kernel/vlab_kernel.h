/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts that the module is made of, in the order in which they start. Each
 * init may sleep and returns 0 or a negative errno; each exit undoes it.
 */
#ifndef VLAB_KERNEL_H
#define VLAB_KERNEL_H

/* What user space finds a driver's module by: device id, vendor id. */
#define VLAB_MODALIAS "vlab:d%08Xv%08X"

#endif /* VLAB_KERNEL_H */
