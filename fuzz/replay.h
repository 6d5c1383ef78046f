/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs in bulk: what /dev/vlab_replay takes and gives, and the same of the
 * replay programs in user space, so that the answers can be compared as bytes.
 * docs/replay.md is the description. All numbers are little-endian.
 *
 * A batch is programs one after the other, each
 *	le32 target		its place in vlab_replay_targets[]; REPLAY_TRACE
 *	le32 length
 *	length bytes
 * The answer is one record of REPLAY_RESULT_SIZE bytes for each,
 *	le32 verdict		0: passed, n: oracle n - 1 fired
 *	le32 step		where; 0 if it passed
 *	le64 digest		of the trace
 * With REPLAY_TRACE a program is alone in its batch, and its trace follows:
 *	le64 told		how many events there were
 *	at most REPLAY_EVENTS_MAX events of REPLAY_EVENT_SIZE bytes, each
 *		le64 kind, le64 a, le64 b, le64 c
 */
#ifndef VLAB_FUZZ_REPLAY_H
#define VLAB_FUZZ_REPLAY_H

#include <vlab/types.h>

struct finding;

#define REPLAY_HEADER_SIZE 8u
#define REPLAY_TRACE 0x80000000u

#define REPLAY_RESULT_SIZE 16u
#define REPLAY_TOLD_SIZE 8u
#define REPLAY_EVENT_SIZE 32u
#define REPLAY_EVENTS_MAX (1u << 18)

/* What one write() may hold, and one program of it. */
#define REPLAY_BATCH_MAX (16u << 20)
#define REPLAY_PROGRAMS_MAX (1u << 16)
#define REPLAY_PROGRAM_MAX (1u << 20)

#define REPLAY_TARGETS 4

/* The names of the targets, in the order of their numbers: by the alphabet. */
extern const char *const vlab_replay_targets[REPLAY_TARGETS];

/**
 * struct replay_program - one program of a batch
 * @data: in the batch
 */
struct replay_program {
	unsigned int target;
	bool traced;
	const u8 *data;
	u32 size;
};

/*
 * The program at *@pos, which then is where the next one begins. 1, or 0 at
 * the end; -EINVAL: what is there is no program. @program and @pos keep their
 * values then.
 */
int vlab_replay_next(const u8 *batch, size_t size, size_t *pos,
		     struct replay_program *program);

/* Write down how an execution ended: REPLAY_RESULT_SIZE bytes. */
void replay_result(u8 *record, const struct finding *found, u64 digest);

/* The same of one event of a trace: REPLAY_EVENT_SIZE bytes. */
void replay_event(u8 *record, unsigned int kind, u64 a, u64 b, u64 c);

#endif /* VLAB_FUZZ_REPLAY_H */
