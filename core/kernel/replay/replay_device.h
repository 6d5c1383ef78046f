/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the test of replay_kunit.c has in common with /dev/vlab_replay. */
#ifndef VLAB_REPLAY_DEVICE_H
#define VLAB_REPLAY_DEVICE_H

#include <linux/types.h>

/*
 * Run a batch: 0, and the answer, for kvfree(). -EINVAL: it is none; -E2BIG:
 * too many programs; -ENOMEM; -EINTR: the task is being killed. May sleep.
 */
int vlab_replay_batch(const u8 *batch, size_t size, u8 **answer,
		      size_t *answer_size);

#endif /* VLAB_REPLAY_DEVICE_H */
