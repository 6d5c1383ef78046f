/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two ports to the kernel have in common: that of the module, and that
 * of the replay module. Only headers that define no struct device, no
 * scatterlist and no kmalloc(): there those names are the laboratory's.
 */
#ifndef VLAB_PORT_LINUX_H
#define VLAB_PORT_LINUX_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/container_of.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/version.h>
#include <asm/barrier.h>
#include <asm/byteorder.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#if defined(__CHECKER__)
#define __shared __attribute__((noderef, address_space(__shared)))
#elif defined(__clang__)
#define __shared __attribute__((noderef))
#else
#define __shared
#endif

#endif /* VLAB_PORT_LINUX_H */
