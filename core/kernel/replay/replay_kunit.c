// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replays the programs of the initramfs and compares each with the record that
 * user space had of it: /vlab/programs is a batch, /vlab/expected the answer.
 *
 * What is printed is what vlab-feed prints (repro/vlab_feed.c), for
 * "./lab kernel replay".
 *
 * KASAN and lockdep report without failing a test: boot with
 * kasan.fault=panic, and look at the log.
 */
#include <kunit/test.h>
#include <linux/fs.h>
#include <linux/initrd.h>
#include <linux/kernel_read_file.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "replay.h"
#include "replay_device.h"
#include "replay_lab.h"

#define PROGRAMS "/vlab/programs"
#define EXPECTED "/vlab/expected"

/* The programs whose difference is shown in full, and how much of it. */
#define SHOWN 4
#define SHOWN_EVENTS 20000

struct contents {
	void *data;
	size_t size;
};

static struct contents programs, expected;

static int read_file(const char *path, struct contents *file)
{
	void *data = NULL;
	ssize_t size;

	size = kernel_read_file_from_path(path, 0, &data, INT_MAX, NULL,
					  READING_UNKNOWN);
	if (size < 0)
		return size;
	file->data = data;
	file->size = size;
	return 0;
}

static int replay_suite_init(struct kunit_suite *suite)
{
	wait_for_initramfs();
	/* Without them the cases that need them are skipped. */
	if (read_file(PROGRAMS, &programs) || read_file(EXPECTED, &expected))
		pr_info("vlab_replay: no %s and %s to replay\n", PROGRAMS,
			EXPECTED);
	return 0;
}

static void replay_suite_exit(struct kunit_suite *suite)
{
	vfree(programs.data);
	vfree(expected.data);
	programs = (struct contents){};
	expected = (struct contents){};
}

/**
 * struct tally - of the programs of one target
 * @digest: of all their records (FNV-1a), for whoever compares from outside
 */
struct tally {
	unsigned int programs;
	unsigned int differ;
	unsigned int found;
	u64 digest;
};

/* One program of the initramfs; @index is its place there. */
struct one {
	const u8 *batch;
	size_t size;
	size_t index;
};

/* Once more, and told of each event: the lines are those of vlab-feed. */
static void show_trace(struct kunit *test, const struct one *one)
{
	u8 *batch = kunit_kmalloc(test, one->size, GFP_KERNEL), *answer;
	size_t size, at = REPLAY_RESULT_SIZE + REPLAY_TOLD_SIZE;
	__le32 target;
	__le64 event[4];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, batch);
	memcpy(batch, one->batch, one->size);
	memcpy(&target, batch, sizeof(target));
	target |= cpu_to_le32(REPLAY_TRACE);
	memcpy(batch, &target, sizeof(target));
	KUNIT_ASSERT_EQ(test,
			vlab_replay_batch(batch, one->size, &answer, &size), 0);
	for (i = 0; i < SHOWN_EVENTS && at + REPLAY_EVENT_SIZE <= size; i++) {
		memcpy(event, answer + at, sizeof(event));
		at += REPLAY_EVENT_SIZE;
		pr_info("event %zu %llx %llx %llx %llx\n", one->index,
			le64_to_cpu(event[0]), le64_to_cpu(event[1]),
			le64_to_cpu(event[2]), le64_to_cpu(event[3]));
		cond_resched();
	}
	kvfree(answer);
}

static void show_difference(struct kunit *test, const struct one *one,
			    const u8 *record, bool whole)
{
	__le32 word[2];
	__le64 digest;

	memcpy(word, record, sizeof(word));
	memcpy(&digest, record + sizeof(word), sizeof(digest));
	pr_info("differs %zu verdict %u step %u digest %016llx\n", one->index,
		le32_to_cpu(word[0]), le32_to_cpu(word[1]),
		le64_to_cpu(digest));
	if (whole)
		show_trace(test, one);
}

static void count_record(struct tally *tally, const u8 *record)
{
	unsigned int i;

	tally->programs++;
	tally->found += !!memchr_inv(record, 0, sizeof(__le32));
	for (i = 0; i < REPLAY_RESULT_SIZE; i++)
		tally->digest = (tally->digest ^ record[i]) * 0x100000001b3ULL;
}

static void replay_one(struct kunit *test, const struct one *one,
		       struct tally *tally)
{
	const u8 *want = expected.data + one->index * REPLAY_RESULT_SIZE;
	u8 record[REPLAY_RESULT_SIZE], *answer;
	size_t size;

	KUNIT_ASSERT_LE(test, (one->index + 1) * REPLAY_RESULT_SIZE,
			expected.size);
	KUNIT_ASSERT_EQ(
		test, vlab_replay_batch(one->batch, one->size, &answer, &size),
		0);
	memset(record, 0xff, sizeof(record));
	memcpy(record, answer, min(size, sizeof(record)));
	kvfree(answer);
	KUNIT_EXPECT_EQ(test, size, sizeof(record));
	count_record(tally, record);
	if (memcmp(record, want, sizeof(record)))
		show_difference(test, one, record, tally->differ++ < SHOWN);
}

static void replays_initramfs(struct kunit *test)
{
	const char *const *name = test->param_value;
	unsigned int target = name - vlab_replay_targets;
	struct tally tally = { .digest = 0xcbf29ce484222325ULL };
	struct one one = { .batch = programs.data };
	struct replay_program program;
	size_t pos = 0;
	int more;

	if (!programs.data || !expected.data)
		kunit_skip(test, "there is no " PROGRAMS " and " EXPECTED);
	while ((more = vlab_replay_next(programs.data, programs.size, &pos,
					&program)) > 0) {
		one.size = programs.data + pos - (const void *)one.batch;
		if (program.target == target)
			replay_one(test, &one, &tally);
		one.batch = programs.data + pos;
		one.index++;
		cond_resched();
	}
	pr_info("target %s programs %u differ %u found %u digest %016llx\n",
		*name, tally.programs, tally.differ, tally.found, tally.digest);
	KUNIT_EXPECT_EQ(test, more, 0);
	KUNIT_EXPECT_EQ(test, tally.differ, 0);
}

static const void *next_target(const void *before, char *desc)
{
	const char *const *name =
		before ? before + sizeof(*name) : vlab_replay_targets;

	if (name == vlab_replay_targets + REPLAY_TARGETS)
		return NULL;
	strscpy(desc, *name, KUNIT_PARAM_DESC_SIZE);
	return name;
}

/* "queue", one "select" and "driver reset_device" of any device: three steps.
 */
static const u8 some_program[] = { 0, 3, 3, 0, 0,  0, 0, 0, 1, 1, 0, 0,
				   0, 0, 0, 0, 41, 0, 0, 0, 0, 0, 0, 0 };
#define SOME_SIZE (REPLAY_HEADER_SIZE + sizeof(some_program))

/* Header and bytes of some_program, with a length that may be a lie. */
static void put_program(u8 *at, u32 target, u32 length)
{
	__le32 header[2] = { cpu_to_le32(target), cpu_to_le32(length) };

	memcpy(at, header, sizeof(header));
	memcpy(at + REPLAY_HEADER_SIZE, some_program, sizeof(some_program));
}

static int error_of(const u8 *batch, size_t size)
{
	size_t answer_size;
	u8 *answer;
	int err = vlab_replay_batch(batch, size, &answer, &answer_size);

	if (!err)
		kvfree(answer);
	return err;
}

static void refuses_what_is_no_batch(struct kunit *test)
{
	const u32 length = sizeof(some_program);
	u8 batch[2 * SOME_SIZE];
	size_t size;

	put_program(batch, 0, length);
	for (size = 1; size < SOME_SIZE; size++)
		KUNIT_EXPECT_EQ(test, error_of(batch, size), -EINVAL);
	KUNIT_EXPECT_EQ(test, error_of(batch, SOME_SIZE), 0);

	put_program(batch, 0, length + 1);
	KUNIT_EXPECT_EQ(test, error_of(batch, SOME_SIZE), -EINVAL);
	/* Header and length add up to less than the batch has, in 32 bits. */
	put_program(batch, 0, U32_MAX - REPLAY_HEADER_SIZE + 1);
	KUNIT_EXPECT_EQ(test, error_of(batch, SOME_SIZE), -EINVAL);
	put_program(batch, REPLAY_TARGETS, length);
	KUNIT_EXPECT_EQ(test, error_of(batch, SOME_SIZE), -EINVAL);

	put_program(batch, REPLAY_TRACE, length);
	put_program(batch + SOME_SIZE, 0, length);
	KUNIT_EXPECT_EQ(test, error_of(batch, 2 * SOME_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, error_of(batch, SOME_SIZE), 0);
}

static void refuses_too_much(struct kunit *test)
{
	const size_t size = (REPLAY_PROGRAMS_MAX + 1) * REPLAY_HEADER_SIZE;
	const size_t long_size = REPLAY_HEADER_SIZE + REPLAY_PROGRAM_MAX + 1;
	u8 *batch = vzalloc(max(size, long_size));

	KUNIT_ASSERT_NOT_NULL(test, batch);
	/* Programs of no bytes; one byte less is no batch at all. */
	KUNIT_EXPECT_EQ(test, error_of(batch, size), -E2BIG);
	KUNIT_EXPECT_EQ(test, error_of(batch, size - 1), -EINVAL);

	put_program(batch, 0, REPLAY_PROGRAM_MAX + 1);
	KUNIT_EXPECT_EQ(test, error_of(batch, long_size), -EINVAL);
	put_program(batch, 0, REPLAY_PROGRAM_MAX);
	KUNIT_EXPECT_EQ(test, error_of(batch, long_size - 1), 0);
	vfree(batch);
}

static void answers_nothing_with_nothing(struct kunit *test)
{
	size_t answer_size = 1;
	u8 *answer;

	KUNIT_ASSERT_EQ(test, vlab_replay_batch(NULL, 0, &answer, &answer_size),
			0);
	KUNIT_EXPECT_EQ(test, answer_size, 0);
	kvfree(answer);
}

/* An execution leaves nothing behind that a later one could see. */
static void repeats_itself(struct kunit *test)
{
	u8 batch[3 * SOME_SIZE], *answer;
	size_t answer_size;
	unsigned int i;

	for (i = 0; i < 3; i++)
		put_program(batch + i * SOME_SIZE, i == 1 ? 3 : 2,
			    sizeof(some_program));
	KUNIT_ASSERT_EQ(test,
			vlab_replay_batch(batch, sizeof(batch), &answer,
					  &answer_size),
			0);
	KUNIT_EXPECT_EQ(test, answer_size, 3 * REPLAY_RESULT_SIZE);
	KUNIT_EXPECT_EQ(test,
			memcmp(answer, answer + 2 * REPLAY_RESULT_SIZE,
			       REPLAY_RESULT_SIZE),
			0);
	KUNIT_EXPECT_NE(test,
			memcmp(answer, answer + REPLAY_RESULT_SIZE,
			       REPLAY_RESULT_SIZE),
			0);
	kvfree(answer);
}

static void traces_one_program(struct kunit *test)
{
	u8 batch[SOME_SIZE], *plain, *traced;
	size_t plain_size, traced_size;
	__le64 told;

	put_program(batch, 2, sizeof(some_program));
	KUNIT_ASSERT_EQ(test,
			vlab_replay_batch(batch, sizeof(batch), &plain,
					  &plain_size),
			0);
	put_program(batch, 2 | REPLAY_TRACE, sizeof(some_program));
	KUNIT_ASSERT_EQ(test,
			vlab_replay_batch(batch, sizeof(batch), &traced,
					  &traced_size),
			0);
	/* That somebody listens changes nothing. */
	KUNIT_EXPECT_EQ(test, memcmp(plain, traced, REPLAY_RESULT_SIZE), 0);
	memcpy(&told, traced + REPLAY_RESULT_SIZE, sizeof(told));
	KUNIT_EXPECT_GT(test, le64_to_cpu(told), 3ULL);
	KUNIT_EXPECT_EQ(test, (u64)traced_size,
			REPLAY_RESULT_SIZE + REPLAY_TOLD_SIZE +
				le64_to_cpu(told) * REPLAY_EVENT_SIZE);
	kvfree(plain);
	kvfree(traced);
}

static struct kunit_case replay_cases[] = {
	KUNIT_CASE(refuses_what_is_no_batch),
	KUNIT_CASE(refuses_too_much),
	KUNIT_CASE(answers_nothing_with_nothing),
	KUNIT_CASE(repeats_itself),
	KUNIT_CASE(traces_one_program),
	KUNIT_CASE_PARAM(replays_initramfs, next_target),
	{},
};

static struct kunit_suite replay_suite = {
	.name = "vlab_replay",
	.suite_init = replay_suite_init,
	.suite_exit = replay_suite_exit,
	.test_cases = replay_cases,
};

kunit_test_suite(replay_suite);
