// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replays the programs of the initramfs and compares each with the record that
 * user space had of it: /vlab/programs is a batch, /vlab/expected the answer.
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

/* Of so many the difference is told; all are counted. */
#define TOLD 8

struct file {
	void *data;
	size_t size;
};

static struct file programs, expected;

static int read_file(const char *path, struct file *file)
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
	programs = (struct file){};
	expected = (struct file){};
}

/* One program of the initramfs; @at is where its header is. */
static bool is_as_expected(struct kunit *test, const u8 *at, size_t size,
			   size_t index, bool tell)
{
	const u8 *want = expected.data + index * REPLAY_RESULT_SIZE;
	size_t answer_size;
	bool equal = false;
	u8 *answer;

	KUNIT_ASSERT_LE(test, (index + 1) * REPLAY_RESULT_SIZE, expected.size);
	KUNIT_ASSERT_EQ(test,
			vlab_replay_batch(at, size, &answer, &answer_size), 0);
	if (answer_size == REPLAY_RESULT_SIZE)
		equal = !memcmp(answer, want, REPLAY_RESULT_SIZE);
	if (!equal && tell)
		kunit_info(test, "program %zu: %*ph instead of %*ph", index,
			   (int)answer_size, answer, (int)REPLAY_RESULT_SIZE,
			   want);
	kvfree(answer);
	return equal;
}

static void replays_initramfs(struct kunit *test)
{
	const char *const *name = test->param_value;
	unsigned int target = name - vlab_replay_targets;
	unsigned int ran = 0, different = 0;
	struct replay_program program;
	size_t pos = 0, from = 0, index = 0;
	int more;

	if (!programs.data || !expected.data)
		kunit_skip(test, "there is no " PROGRAMS " and " EXPECTED);
	while ((more = vlab_replay_next(programs.data, programs.size, &pos,
					&program)) > 0) {
		if (program.target == target) {
			different += !is_as_expected(test, programs.data + from,
						     pos - from, index,
						     different < TOLD);
			ran++;
		}
		from = pos;
		index++;
		cond_resched();
	}
	kunit_info(test, "%s: %u programs, %u differ", *name, ran, different);
	KUNIT_EXPECT_EQ(test, more, 0);
	KUNIT_EXPECT_GT(test, ran, 0);
	KUNIT_EXPECT_EQ(test, different, 0);
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
	KUNIT_EXPECT_MEMEQ(test, answer, answer + 2 * REPLAY_RESULT_SIZE,
			   REPLAY_RESULT_SIZE);
	KUNIT_EXPECT_MEMNEQ(test, answer, answer + REPLAY_RESULT_SIZE,
			    REPLAY_RESULT_SIZE);
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
	KUNIT_EXPECT_MEMEQ(test, plain, traced, REPLAY_RESULT_SIZE);
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
