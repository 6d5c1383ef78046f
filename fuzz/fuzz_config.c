// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attacked: the parser of the [type][len][bytes] fields, its snapshot and the
 * registers that are presented as fields. The device writes any bytes, any
 * lengths, and changes them and their generation while they are read.
 *
 * Held: what is accepted is what docs/config-format.md accepts; no field is
 * found twice or read as another; only the driver's bytes are written;
 * afterwards an honest configuration reads as it was written.
 */
#include "fuzz.h"

const struct target fuzz_target = {
	.name = "config",
	.device = LAB_PLAIN,
	.after = honest_fields,
};
