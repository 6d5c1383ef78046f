// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs in bulk and what came of them, as bytes; see replay.h. */
#include <vlab/port.h>

#include "oracle.h"
#include "replay.h"

const char *const vlab_replay_targets[REPLAY_TARGETS] = { "config", "features",
							  "session", "vring" };

int vlab_replay_next(const u8 *batch, size_t size, size_t *pos,
		     struct replay_program *program)
{
	size_t left = size - *pos;
	const u8 *at = batch + *pos;
	u32 target, length;

	if (!left)
		return 0;
	if (left < REPLAY_HEADER_SIZE)
		return -EINVAL;
	target = get_unaligned_le32(at);
	length = get_unaligned_le32(at + 4);
	/* Of the rest, never added up: a length near 2^32 would wrap. */
	if ((target & ~REPLAY_TRACE) >= REPLAY_TARGETS ||
	    length > REPLAY_PROGRAM_MAX || length > left - REPLAY_HEADER_SIZE)
		return -EINVAL;
	program->target = target & ~REPLAY_TRACE;
	program->traced = target & REPLAY_TRACE;
	program->data = at + REPLAY_HEADER_SIZE;
	program->size = length;
	*pos += REPLAY_HEADER_SIZE + length;
	return 1;
}

void replay_result(u8 *record, const struct finding *found, u64 digest)
{
	put_unaligned_le32(found->fired ? found->oracle + 1u : 0, record);
	put_unaligned_le32(found->fired ? found->step : 0, record + 4);
	put_unaligned_le64(digest, record + 8);
}

void replay_event(u8 *record, unsigned int kind, u64 a, u64 b, u64 c)
{
	put_unaligned_le64(kind, record);
	put_unaligned_le64(a, record + 8);
	put_unaligned_le64(b, record + 16);
	put_unaligned_le64(c, record + 24);
}
