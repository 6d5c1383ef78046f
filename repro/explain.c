// SPDX-License-Identifier: GPL-2.0-or-later
/* The trace of an execution, told to a person as it happens. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "explain.h"
#include "fuzz.h"
#include "lab.h"
#include "text.h"
#include "virtio_core.h"
#include "vring.h"
#include "watch.h"

static const u8 *program;
static unsigned int told; /* steps announced so far */
static unsigned int phase;
static unsigned int stores; /* of the device, in this step */

/* More of them than anyone reads are counted instead. */
#define STORES_SHOWN 8

static const char *result_name(s64 result)
{
	switch (result) {
	case -EPERM:
		return " (EPERM)";
	case -ENOENT:
		return " (ENOENT)";
	case -EIO:
		return " (EIO)";
	case -EAGAIN:
		return " (EAGAIN)";
	case -ENOMEM:
		return " (ENOMEM)";
	case -EBUSY:
		return " (EBUSY)";
	case -ENODEV:
		return " (ENODEV)";
	case -EINVAL:
		return " (EINVAL)";
	case -ENOSPC:
		return " (ENOSPC)";
	case -EROFS:
		return " (EROFS)";
	case -EMSGSIZE:
		return " (EMSGSIZE)";
	case -EOPNOTSUPP:
		return " (EOPNOTSUPP)";
	case -ESTALE:
		return " (ESTALE)";
	default:
		return "";
	}
}

static void print_ring(const struct model *model)
{
	const struct vring *vring = to_vring(model->vq);
	const struct vring_state *state = &vring->state;

	printf("       queue %u: %u of %u descriptors in flight, added %u, "
	       "published %u, taken back %u",
	       model->vq->index, vring_taken(vring), model->vq->num,
	       state->avail_idx, state->published, state->last_used);
	if (vring->broken)
		printf(", broken: %s",
		       virtio_broken_name((enum virtio_broken)vring->broken));
	else if (vring->halted)
		printf(", shut down");
	if (vring->clamped)
		printf(", %" PRIu64 " lengths clamped",
		       (uint64_t)vring->clamped);
	putchar('\n');
}

/* The state that the step before this one left. */
static void end_step(void)
{
	unsigned int i;

	if (told && stores > STORES_SHOWN)
		printf("       ... and %u stores more\n",
		       stores - STORES_SHOWN);
	stores = 0;
	if (!told || phase)
		return;
	for (i = 0; i < LAB_QUEUES; i++)
		if (lab.model[i].vq)
			print_ring(&lab.model[i]);
}

static void tell_step(u64 index)
{
	struct step step = program_step(program, (unsigned int)index);
	char line[TEXT_LINE_MAX + 1];

	end_step();
	told++;
	step_print(&step, line, sizeof(line));
	printf("%3" PRIu64 "  %s\n       # %s\n", (uint64_t)index + 1, line,
	       operations[step.op % OPS].help);
}

static void tell_phase(u64 number)
{
	static const char *const names[] = {
		"attack",
		"the attack is over: reset, and an honest device",
		"the honest device is bound",
		"the end: everything is given back",
	};

	end_step();
	phase = (unsigned int)number;
	printf("  -- %s\n", names[number % 4]);
}

static void tell_cell(const char *verb, u64 cell, u64 index, u64 value)
{
	const char *name = cell_names[cell % CELLS];

	printf("       %s %s", verb, name);
	switch ((enum cell)cell) {
	case CELL_USED_ID:
	case CELL_USED_LEN:
	case CELL_FEATURES:
	case CELL_QUEUE_SIZE:
	case CELL_FIELD:
	case CELL_CONFIG:
		printf("[%" PRIu64 "]", (uint64_t)index);
		break;
	default:
		break;
	}
	printf("  %" PRIu64, (uint64_t)value);
	if (value > 9)
		printf(" (0x%" PRIx64 ")", (uint64_t)value);
	putchar('\n');
}

static void tell_return(u64 call, u64 result)
{
	s64 value = (s64)result;

	printf("     %s -> %" PRId64 "%s\n", calls[call % CALLS].name,
	       (int64_t)value, result_name(value));
}

static void tell_store(u64 cell, u64 index, u64 value)
{
	if (phase)
		return;
	if (stores++ < STORES_SHOWN)
		tell_cell("device stores", cell, index, value);
}

static void tell(enum trace_kind kind, u64 a, u64 b, u64 c)
{
	static const char *const requests[] = { "an allocation",
						"a DMA allocation",
						"a mapping" };

	switch (kind) {
	case TRACE_STEP:
		tell_step(a);
		break;
	case TRACE_PHASE:
		tell_phase(a);
		break;
	case TRACE_CALL:
		printf("     %s()\n", calls[a % CALLS].name);
		break;
	case TRACE_RETURN:
		tell_return(a, b);
		break;
	case TRACE_READ:
		tell_cell("  reads", a, b, c);
		break;
	case TRACE_CHANGE:
		tell_cell("  DURING the call the device changes", a, b, c);
		break;
	case TRACE_DEVICE:
		tell_store(a, b, c);
		break;
	case TRACE_STATUS:
		printf("         status := 0x%" PRIx64 "\n", (uint64_t)a);
		break;
	case TRACE_NOTIFY:
		printf("         the device is notified of queue %" PRIu64 "\n",
		       (uint64_t)a);
		break;
	case TRACE_CALLBACK:
		printf("         callback of queue %" PRIu64 ", %s\n",
		       (uint64_t)a, b ? "wants more" : "wants no more");
		break;
	case TRACE_FAIL:
		printf("         %s fails, as the program asked\n",
		       requests[a % 3]);
		break;
	case TRACE_FINDING:
		printf("  !! oracle %s\n", oracles[a % ORACLES].name);
		break;
	default:
		break;
	}
}

void explain_begin(const char *path, const u8 *data, size_t size)
{
	printf("%s: %u steps against %s\n", path, program_steps(size),
	       fuzz_target.name);
	program = data;
	told = 0;
	phase = 0;
	stores = STORES_SHOWN;
	trace_sink = tell;
}

void explain_end(void)
{
	trace_sink = NULL;
}
