/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trace of an execution: every step, call, shared read and write, and what
 * came of it, as numbers. Its digest is equal wherever the program runs; it is
 * made of what the core read and wrote, what became of it, and results.
 */
#ifndef VLAB_FUZZ_TRACE_H
#define VLAB_FUZZ_TRACE_H

#include <vlab/port.h>

enum trace_kind {
	TRACE_STEP, /* index, op */
	TRACE_CALL, /* enum call */
	TRACE_RETURN, /* enum call, result */
	TRACE_READ, /* cell, index, value */
	TRACE_WRITE, /* cell, index, value */
	TRACE_CHANGE, /* cell, index, new value: by a "during" */
	TRACE_STATUS, /* written by the driver side */
	TRACE_NOTIFY, /* queue */
	TRACE_SETUP, /* queue, num */
	TRACE_CALLBACK, /* queue, returned */
	TRACE_BROKEN, /* queue, reason */
	TRACE_DEVICE, /* cell, index, value: by the device, between calls */
	TRACE_FAIL, /* 0 alloc, 1 dma, 2 map */
	TRACE_PHASE, /* 0 attack, 1 reset, 2 honest, 3 end */
	TRACE_FINDING, /* oracle, values */
	TRACE_VALUE /* anything else that is compared */
};

/* The digest so far. */
extern u64 trace_digest;

/* Also told of each event, for an explanation; NULL: nobody. */
extern void (*trace_sink)(enum trace_kind kind, u64 a, u64 b, u64 c);

void trace_reset(void);

/* Somebody listens: off the path of what a fuzzer runs. */
__cold void trace_sunk(enum trace_kind kind, u64 a, u64 b, u64 c);

/*
 * Told, but not part of the digest: what follows from the program, or what the
 * oracles compare anyway. A digest is a chain, and each link costs time.
 */
static inline void trace_tell(enum trace_kind kind, u64 a, u64 b, u64 c)
{
	if (unlikely(trace_sink))
		trace_sunk(kind, a, b, c);
}

/* The next link of the digest, which nobody is told of. */
static inline void trace_link(enum trace_kind kind, u64 a, u64 b, u64 c)
{
	u64 event = ((u64)kind << 56 ^ a << 40 ^ b << 20 ^ c) + 1;
	u64 digest = trace_digest ^ event;

	trace_digest = (digest << 27 | digest >> 37) * 0x9e3779b97f4a7c15ULL;
}

/* Both; a function, as most events are rare and their code need not be hot. */
void trace(enum trace_kind kind, u64 a, u64 b, u64 c);

#endif /* VLAB_FUZZ_TRACE_H */
