// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attacked: the driver side of the split virtqueue. The device forges used
 * elements and indices, rewrites descriptors, changes memory in the middle of
 * a call, and lets allocations and mappings fail.
 *
 * Held: every result of add_buf, kick, get_buf and restart is the model's;
 * tokens and descriptors are conserved; nothing is read twice or read back;
 * afterwards an honest device has a whole ring of buffers served.
 */
#include "fuzz.h"

const struct target fuzz_target = {
	.name = "vring",
	.device = LAB_PLAIN,
	.after = honest_queues,
};
