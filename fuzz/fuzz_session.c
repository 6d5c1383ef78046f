// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attacked: the life of a device from registration to surprise removal, with
 * the entropy and the block driver at work on it. The device lies about its
 * disk, its completions and its status bytes, and comes and goes.
 *
 * Held: no request is lost or finished twice, none succeeds that the device
 * did not finish, none reaches past the disk; nothing leaks; afterwards an
 * honest device delivers random bytes, or a block that reads as written.
 */
#include "fuzz.h"

const struct target fuzz_target = {
	.name = "session",
	.device = LAB_ENTROPY,
	.after = honest_session,
};
