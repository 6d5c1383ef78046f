// SPDX-License-Identifier: GPL-2.0-or-later
/* The state of the trace; see trace.h. */
#include "trace.h"

u64 trace_digest;
void (*trace_sink)(enum trace_kind kind, u64 a, u64 b, u64 c);

noinline void trace_sunk(enum trace_kind kind, u64 a, u64 b, u64 c)
{
	trace_sink(kind, a, b, c);
}

void trace(enum trace_kind kind, u64 a, u64 b, u64 c)
{
	trace_link(kind, a, b, c);
	trace_tell(kind, a, b, c);
}

void trace_reset(void)
{
	trace_digest = 0x766c61622d747263ULL;
}
