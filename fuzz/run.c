// SPDX-License-Identifier: GPL-2.0-or-later
/* One execution: the attack, a reset, an honest device, and nothing left. */
#include "arena.h"
#include "bytes.h"
#include "cells.h"
#include "lab.h"
#include "watch.h"

/* The bits of OP_QUEUE that say what kind of device it is. */
#define SETUP_DEVICE 0xc0

struct lab lab;

/* Operations that were added later, at the end of the list. */
static void run_later_step(const struct step *step)
{
	switch ((enum op)step->op) {
	case OP_CONFIG_ID:
		lab_step_config(step);
		break;
	case OP_BUS_TAKES:
		lab_step_bus(step);
		break;
	case OP_DRIVER_GET_STATUS:
		lab_step_driver(step);
		break;
	case OP_DRIVER_STATS:
		lab_step_ring(step);
		break;
	default:
		lab_step_device(step);
		break;
	}
}

static void run_step(struct step *step)
{
	step->op %= OPS;
	trace_tell(TRACE_STEP, lab.step, step->op, 0);
	if (step->op == OP_QUEUE)
		lab_present(step);
	else if (step->op == OP_SELECT)
		lab.select = step->a;
	else if (step->op <= OP_CONFIG_CHURN)
		lab_step_config(step);
	else if (step->op <= OP_BUS_PROBE)
		lab_step_bus(step);
	else if (step->op <= OP_DRIVER_STATUS)
		lab_step_driver(step);
	else if (step->op <= OP_DRIVER_CALLBACK)
		lab_step_ring(step);
	else if (step->op <= OP_DURING)
		lab_step_device(step);
	else if (step->op <= OP_BLOCK_LIMITS)
		lab_step_session(step);
	else
		run_later_step(step);
}

/* What a program gets that never says "queue". */
static const struct step default_setup = { .op = OP_QUEUE, .a = 3, .b = 3 };

static void begin(const struct target *target)
{
	static bool initialised;

	if (!initialised) {
		cells_init();
		initialised = true;
	}

	finding.fired = false;
	bytes_fill(&lab, 0, sizeof(lab));
	trace_reset();
	watch_reset();
	config_model_reset();
	block_model_reset();
	entropy_model_unbind();
	arena_reset();
	lab.target = target;
	lab.regs = arena_registers();
	plain_init();
	arena_reserve(true);
}

/*
 * The attacker is gone: the same device, reset, with an honest configuration.
 * The program's own queue sizes would make every execution as slow as the
 * largest; a small ring shows as much.
 */
static void serve_honestly(void)
{
	struct step setup = lab.setup;

	trace_tell(TRACE_PHASE, 1, 0, 0);
	lab.step = PROGRAM_STEPS_MAX;
	lab.in_honest = true;
	watch_disarm();
	bytes_fill(arena.fail_in, 0, sizeof(arena.fail_in));
	arena_reserve(false);
	lab.probe = PROBE_OK;
	lab.takes = 0;
	lab.probe_extra = (struct step){ 0 };
	lab.callback_plan = CALLBACK_KEEP;
	lab_unbind();
	if (finding.fired)
		return;
	setup.a = min_t(u8, setup.a & 15, 1);
	/* A block request is three descriptors: less is no honest device. */
	if (lab.device == LAB_BLOCK)
		setup.a = 2;
	/* A target with one kind of device looks for that kind at its end. */
	if (lab.target->device == LAB_PLAIN)
		setup.b &= (u16)~SETUP_DEVICE;
	if (setup.b == lab.setup.b && lab.added && !lab.regs->gone &&
	    !lab.disguised)
		lab_represent(&setup);
	else
		lab_present(&setup);
	trace_tell(TRACE_PHASE, 2, 0, 0);
	lab_need_driver();
	if (!finding.fired)
		lab.target->after();
}

static void end(void)
{
	trace_tell(TRACE_PHASE, 3, 0, 0);
	lab.step = PROGRAM_STEPS_MAX + 1;
	lab_unbind();
	lab_remove();
	if (!finding.fired)
		arena_check_empty();
}

void lab_run(const struct target *target, const u8 *data, size_t size)
{
	unsigned int steps = program_steps(size);
	struct step step;

	begin(target);
	/* Most programs begin with the device that they want. */
	if (!steps || program_step(data, 0).op % OPS != OP_QUEUE)
		lab_present(&default_setup);
	for (lab.step = 0; lab.step < steps && !finding.fired; lab.step++) {
		step = program_step(data, lab.step);
		run_step(&step);
	}
	if (!finding.fired)
		serve_honestly();
	end();
}
