/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract of port.h for the replay module: the core once more, with the
 * hook, on the laboratory's device model and memory instead of the kernel's,
 * so that a program does in the kernel what it does everywhere.
 *
 * Only headers that define no struct device, no scatterlist and no kmalloc():
 * here those names are the laboratory's.
 */
#ifndef VLAB_PORT_REPLAY_H
#define VLAB_PORT_REPLAY_H

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

/* Of two copies of the core in one kernel, none but vlab.ko's is called. */
#undef EXPORT_SYMBOL_GPL
#define EXPORT_SYMBOL_GPL(sym) _Static_assert(sizeof(&(sym)) != 0, #sym)

#undef GFP_KERNEL
#undef dev_warn_ratelimited
#include <vlab/port_model.h>

#endif /* VLAB_PORT_REPLAY_H */
