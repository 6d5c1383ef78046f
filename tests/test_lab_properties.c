// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What holds of every program: it ends in bounded work, it always does the
 * same, it attacks the core, and the core withstands it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "lab.h"
#include "text.h"
#include "watch.h"

/* An emulated machine may do with fewer. */
#ifndef ROUNDS
#define ROUNDS 5000
#endif
#define BYTES_MAX (PROGRAM_STEPS_MAX * PROGRAM_STEP_SIZE)
#define REMEMBERED 256

/* As in fuzz_*.c, of which a program can have one only. */
static const struct target targets[] = {
	{ .name = "config", .device = LAB_PLAIN, .after = honest_fields },
	{
		.name = "features",
		.device = LAB_PLAIN,
		.after = honest_negotiation,
	},
	{ .name = "vring", .device = LAB_PLAIN, .after = honest_queues },
	{ .name = "session", .device = LAB_ENTROPY, .after = honest_session },
};

/*
 * The bounds of an execution. A step fills a ring with 64 buffers at most, and
 * each is taken back by one call; nothing makes more calls. No call reads more
 * than one that waits in vain for a reset, or binds a device of 256 queues. A
 * call writes a few words, and a descriptor for each mapping that it made.
 */
#define PHASES 4 /* the program, the honest device, and their ends */
#define CALLS_MAX (2 * 66 * (PROGRAM_STEPS_MAX + PHASES))
#define READS_MAX (1024 * (PROGRAM_STEPS_MAX + PHASES))
#define WRITES_MAX (8 * CALLS_MAX + 4 * ARENA_MAPS_MAX)
#define EVENTS_MAX (READS_MAX + WRITES_MAX + 4 * CALLS_MAX)

/* xorshift64: the same numbers everywhere. */
static u64 random_state;

static u32 random_below(u32 limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (u32)(random_state >> 32) % limit;
}

struct program {
	size_t size;
	u8 bytes[BYTES_MAX];
};

/*
 * Two in three have small operands, which mean something more often; of these
 * every other one begins as programs do, with what there is to be attacked.
 */
static void random_program(struct program *program)
{
	unsigned int kind = random_below(3);
	u8 *step;
	size_t i;

	program->size = random_below(random_below(8) ? 256 : BYTES_MAX + 1);
	for (i = 0; i < program->size; i++)
		program->bytes[i] = (u8)random_below(256);
	if (!kind)
		return;
	for (i = 0; i + PROGRAM_STEP_SIZE <= program->size;
	     i += PROGRAM_STEP_SIZE) {
		step = program->bytes + i;
		step[1] &= 0x33;
		step[2] &= 0x3f;
		step[3] &= random_below(8) ? 0 : 0xff;
		step[5] &= 3;
		step[6] = 0;
		step[7] &= random_below(8) ? 0 : 0xff;
	}
	if (kind == 2 && program->size >= PROGRAM_STEP_SIZE)
		program->bytes[0] = OP_QUEUE;
}

static u64 seen[TRACE_VALUE + 1], events;

static void count_event(enum trace_kind kind, u64 a, u64 b, u64 c)
{
	(void)a;
	(void)b;
	(void)c;
	seen[kind]++;
	events++;
}

static void check_bounds(void)
{
	assert_true(seen[TRACE_CALL] <= CALLS_MAX);
	assert_true(seen[TRACE_READ] <= READS_MAX);
	assert_true(seen[TRACE_WRITE] <= WRITES_MAX);
	assert_true(events <= EVENTS_MAX);
	assert_int_equal(seen[TRACE_CALL], seen[TRACE_RETURN]);
	assert_in_range(seen[TRACE_STEP], 0, PROGRAM_STEPS_MAX);
}

/* Run it with every property watched; its digest. */
static u64 run(const struct target *target, const u8 *bytes, size_t size)
{
	memset(seen, 0, sizeof(seen));
	events = 0;
	trace_sink = count_event;
	lab_run(target, bytes, size);
	trace_sink = NULL;
	if (finding.fired || !lab.reached_core) {
		program_disassemble(bytes, size, stderr);
		fail_msg("%s: %s", target->name,
			 finding.fired ? finding.what : "the core was missed");
	}
	check_bounds();
	return trace_digest;
}

static void random_programs_end_without_a_finding(void **state)
{
	struct program program;
	unsigned int i, t;
	u64 digest;

	(void)state;
	random_state = 0x9e3779b97f4a7c15;
	for (i = 0; i < ROUNDS; i++)
		for (t = 0; t < ARRAY_SIZE(targets); t++) {
			random_program(&program);
			digest = run(&targets[t], program.bytes, program.size);
			assert_true(run(&targets[t], program.bytes,
					program.size) == digest);
		}
}

/* Nothing that one execution leaves behind is seen by another. */
static void the_order_of_executions_does_not_matter(void **state)
{
	static struct program programs[REMEMBERED];
	static u64 digest[REMEMBERED];
	unsigned int i, round, at;

	(void)state;
	random_state = 0xd1b54a32d192ed03;
	for (i = 0; i < REMEMBERED; i++) {
		random_program(&programs[i]);
		digest[i] = run(&targets[i % ARRAY_SIZE(targets)],
				programs[i].bytes, programs[i].size);
	}
	for (round = 0; round < 4; round++)
		for (i = 0; i < REMEMBERED; i++) {
			at = random_below(REMEMBERED);
			assert_true(run(&targets[at % ARRAY_SIZE(targets)],
					programs[at].bytes,
					programs[at].size) == digest[at]);
		}
}

static void the_empty_program_reaches_the_core(void **state)
{
	unsigned int t;

	(void)state;
	for (t = 0; t < ARRAY_SIZE(targets); t++) {
		run(&targets[t], NULL, 0);
		assert_true(lab.reached_core);
		assert_true(seen[TRACE_CALL] >= 4);
		assert_int_equal(seen[TRACE_STEP], 0);
	}
}

/* Each operation alone, and each after another: none is a reject. */
static void every_pair_of_operations_reaches_the_core(void **state)
{
	u8 bytes[2 * PROGRAM_STEP_SIZE] = { 0 };
	unsigned int first, second;

	(void)state;
	for (first = 0; first < OPS; first++)
		for (second = 0; second < OPS; second++) {
			bytes[0] = (u8)first;
			bytes[PROGRAM_STEP_SIZE] = (u8)second;
			run(&targets[(first + second) % ARRAY_SIZE(targets)],
			    bytes, sizeof(bytes));
		}
}

/* What follows the last whole step, or the last one that counts, is nothing. */
static void bytes_that_never_run_change_nothing(void **state)
{
	static u8 bytes[BYTES_MAX + 64];
	struct program program;
	unsigned int i;
	u64 digest;

	(void)state;
	random_state = 0x2545f4914f6cdd1d;
	for (i = 0; i < 32; i++) {
		random_program(&program);
		program.size -= program.size % PROGRAM_STEP_SIZE;
		memset(bytes, 0xa7, sizeof(bytes));
		memcpy(bytes, program.bytes, program.size);
		digest = run(&targets[i % 4], bytes, program.size);
		assert_true(run(&targets[i % 4], bytes,
				program.size + PROGRAM_STEP_SIZE - 1) ==
			    digest);
	}
	for (i = 0; i < BYTES_MAX; i++)
		bytes[i] = (u8)(i % 8 ? 1 : OP_DRIVER_ADD + i / 8 % 8);
	digest = run(&targets[2], bytes, BYTES_MAX);
	assert_true(run(&targets[2], bytes, sizeof(bytes)) == digest);
}

/* A step of each of these, again and again, to the end of the program. */
static void repeat(const struct step *setup, const struct step *steps,
		   unsigned int count, const struct target *target)
{
	u8 bytes[BYTES_MAX];
	unsigned int i;

	for (i = 0; i < PROGRAM_STEPS_MAX; i++) {
		const struct step *step = i ? &steps[(i - 1) % count] : setup;
		u8 *at = bytes + i * PROGRAM_STEP_SIZE;

		at[0] = step->op;
		at[1] = step->a;
		put_unaligned_le16(step->b, at + 2);
		put_unaligned_le32(step->c, at + 4);
	}
	run(target, bytes, sizeof(bytes));
}

/* Rings of each size, filled, emptied, and filled again. */
static void full_rings_are_bounded_work(void **state)
{
	static const struct step steps[] = {
		{ .op = OP_DRIVER_FILL },
		{ .op = OP_DRIVER_KICK },
		{ .op = OP_DEVICE_SERVE, .a = 255 },
		{ .op = OP_DRIVER_DRAIN },
		{ .op = OP_DRIVER_FILL, .a = 1 },
		{ .op = OP_DRIVER_CHAIN, .b = 0x7fff, .c = 1 },
		{ .op = OP_DEVICE_USED_ADD, .b = 0x7fff },
		{ .op = OP_DRIVER_RESTART },
		{ .op = OP_DEVICE_INTERRUPT },
		{ .op = OP_DRIVER_SHUTDOWN },
		{ .op = OP_DRIVER_DETACH },
		{ .op = OP_DRIVER_RESET_QUEUE },
	};
	struct step setup = { .op = OP_QUEUE };
	unsigned int size, flags, n;

	(void)state;
	for (size = 0; size < 16; size++)
		for (flags = 0; flags < 4; flags++)
			for (n = 1; n <= ARRAY_SIZE(steps); n++) {
				setup.a = (u8)(size | 0x30);
				setup.b = (u16)(flags | 0x10);
				repeat(&setup, steps, n, &targets[2]);
			}
}

/* A device of many queues, bound again and again, that obeys no reset. */
static void a_device_that_stalls_is_bounded_work(void **state)
{
	static const struct step steps[] = {
		{ .op = OP_DEVICE_HOLD_RESET, .b = 0xffff },
		{ .op = OP_BUS_UNBIND },
		{ .op = OP_CONFIG_CHURN, .a = 255 },
		{ .op = OP_BUS_BIND },
		{ .op = OP_BUS_REMOVE },
		{ .op = OP_CONFIG_QUEUES, .b = 0xffff },
		{ .op = OP_BUS_ADD },
		{ .op = OP_DRIVER_REFRESH },
		{ .op = OP_DRIVER_RESET_DEVICE },
	};
	struct step setup = { .op = OP_QUEUE, .a = 3 };
	unsigned int flags, n, t;

	(void)state;
	for (flags = 0; flags < 32; flags++)
		for (n = 1; n <= ARRAY_SIZE(steps); n++)
			for (t = 0; t < ARRAY_SIZE(targets); t++) {
				setup.b = (u16)flags;
				repeat(&setup, steps, n, &targets[t]);
				repeat(&setup, steps + ARRAY_SIZE(steps) - n, n,
				       &targets[t]);
			}
}

/* Nothing of what lies fenced between, before and behind the blocks. */
static void a_device_reaches_what_was_allocated_only(void **state)
{
	dma_addr_t one, other;
	void *block, *next;

	(void)state;
	arena_reset();
	lab.regs = arena_registers();
	block = vlab_port_dma_alloc(100, &one);
	next = vlab_port_dma_alloc(300, &other);
	assert_ptr_equal(arena_ring_at(NULL, one, 100), block);
	assert_ptr_equal(arena_ring_at(NULL, other + 299, 1), (u8 *)next + 299);
	assert_null(arena_ring_at(NULL, one, 101));
	assert_null(arena_ring_at(NULL, one - 1, 1));
	assert_null(arena_ring_at(NULL, one, other + 300 - one));
	assert_null(arena_ring_at(NULL, other, 4 << 20));
	vlab_port_dma_free(100, block, one);
	assert_null(arena_ring_at(NULL, one, 1));
	assert_ptr_equal(arena_ring_at(NULL, other, 300), next);
	vlab_port_dma_free(300, next, other);
	assert_null(arena_ring_at(NULL, other, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_empty_program_reaches_the_core),
		cmocka_unit_test(random_programs_end_without_a_finding),
		cmocka_unit_test(the_order_of_executions_does_not_matter),
		cmocka_unit_test(every_pair_of_operations_reaches_the_core),
		cmocka_unit_test(bytes_that_never_run_change_nothing),
		cmocka_unit_test(full_rings_are_bounded_work),
		cmocka_unit_test(a_device_that_stalls_is_bounded_work),
		cmocka_unit_test(a_device_reaches_what_was_allocated_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
