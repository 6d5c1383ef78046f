// SPDX-License-Identifier: GPL-2.0-or-later
/* The laboratory's half of the replay module; see replay_lab.h. */
#include <vlab/port.h>

#include "fuzz.h"
#include "replay.h"
#include "replay_lab.h"

/* Each fuzz_<name>.c is compiled with its own name for fuzz_target. */
extern const struct target fuzz_target_config;
extern const struct target fuzz_target_features;
extern const struct target fuzz_target_session;
extern const struct target fuzz_target_vring;

static const struct target *const targets[REPLAY_TARGETS] = {
	&fuzz_target_config,
	&fuzz_target_features,
	&fuzz_target_session,
	&fuzz_target_vring,
};

static struct vlab_replay_trace *sink;

/* What the compiler must not know, or it would see the bugs too. */
static volatile size_t one_past;
static bool reads_past_program;

static void keep_event(enum trace_kind kind, u64 a, u64 b, u64 c)
{
	if (sink->told < sink->max)
		replay_event(sink->events + sink->told * REPLAY_EVENT_SIZE,
			     kind, a, b, c);
	sink->told++;
}

void vlab_replay_run(const struct replay_program *program, u8 *record,
		     struct vlab_replay_trace *trace)
{
	if (reads_past_program)
		READ_ONCE(program->data[program->size]);
	sink = trace;
	trace_sink = trace ? keep_event : NULL;
	lab_run(targets[program->target], program->data, program->size);
	trace_sink = NULL;
	sink = NULL;
	replay_result(record, &finding, trace_digest);
}

static int overrun(size_t size)
{
	u8 *p = kmalloc(size, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	one_past = size;
	READ_ONCE(p[one_past]);
	kfree(p);
	return 0;
}

static int write_past_ring(void)
{
	const size_t size = 100;
	dma_addr_t addr;
	u8 *p = dma_alloc_coherent(NULL, size, &addr, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	one_past = size;
	WRITE_ONCE(p[one_past], 1);
	dma_free_coherent(NULL, size, p, addr);
	return 0;
}

static int use_freed(size_t size)
{
	u8 *p = kmalloc(size, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	kfree(p);
	READ_ONCE(*p);
	return 0;
}

int vlab_replay_plant(const char *bug)
{
	lab_run(targets[0], NULL, 0);
	if (!strcmp(bug, "overrun"))
		return overrun(21);
	if (!strcmp(bug, "overrun-large"))
		return overrun(5000);
	if (!strcmp(bug, "overrun-ring"))
		return write_past_ring();
	if (!strcmp(bug, "freed"))
		return use_freed(24);
	if (!strcmp(bug, "freed-large"))
		return use_freed(5000);
	if (strcmp(bug, "overrun-program"))
		return -EINVAL;
	reads_past_program = true;
	return 0;
}
