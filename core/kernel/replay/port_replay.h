/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract of port.h for the replay module: the core once more, with the
 * hook, on the laboratory's device model and memory instead of the kernel's,
 * so that a program does in the kernel what it does everywhere.
 */
#ifndef VLAB_PORT_REPLAY_H
#define VLAB_PORT_REPLAY_H

#include "../port_linux.h"

/* Of two copies of the core in one kernel, none but vlab.ko's is called. */
#undef EXPORT_SYMBOL_GPL
#define EXPORT_SYMBOL_GPL(sym) _Static_assert(sizeof(&(sym)) != 0, #sym)

#undef GFP_KERNEL
#undef dev_warn_ratelimited
#include <vlab/port_model.h>

#endif /* VLAB_PORT_REPLAY_H */
