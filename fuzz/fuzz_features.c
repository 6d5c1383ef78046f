// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attacked: the negotiation of features and the status ladder. The device
 * offers anything, changes its offer, shows acknowledgements of its own,
 * refuses FEATURES_OK, and flips its status.
 *
 * Held: what is agreed was offered and is understood, with its dependencies,
 * and never changes afterwards; the status is climbed step by step from the
 * driver's own copy; afterwards an honest offer is taken in full.
 */
#include "fuzz.h"

const struct target fuzz_target = {
	.name = "features",
	.device = LAB_PLAIN,
	.after = honest_negotiation,
};
