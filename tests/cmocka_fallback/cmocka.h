/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of cmocka that the unit tests use, for builds whose platform has no
 * package of it (the cross builds) or needs it instrumented (MSan). A build
 * that finds cmocka never sees this file. Output is TAP.
 */
#ifndef VLAB_CMOCKA_FALLBACK_H
#define VLAB_CMOCKA_FALLBACK_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*test)(void **state);
	int (*setup)(void **state);
	int (*teardown)(void **state);
	void *initial_state;
};

static struct {
	jmp_buf end;
	bool skipped;
} cmocka_now;

static inline void cmocka_fail(const char *file, int line, const char *what)
{
	printf("# %s:%d: %s\n", file, line, what);
	longjmp(cmocka_now.end, 1);
}

static inline void cmocka_skip(void)
{
	cmocka_now.skipped = true;
	longjmp(cmocka_now.end, 1);
}

static inline void cmocka_compare(uintmax_t a, uintmax_t b, bool want_equal,
				  const char *what, const char *file, int line)
{
	if ((a == b) == want_equal)
		return;
	printf("# 0x%" PRIxMAX ", 0x%" PRIxMAX "\n", a, b);
	cmocka_fail(file, line, what);
}

static inline void cmocka_compare_strings(const char *a, const char *b,
					  const char *what, const char *file,
					  int line)
{
	if (!strcmp(a, b))
		return;
	printf("# '%s', '%s'\n", a, b);
	cmocka_fail(file, line, what);
}

#define CMOCKA_WHERE __FILE__, __LINE__

#define fail_msg(...)                                            \
	do {                                                     \
		printf("# " __VA_ARGS__);                        \
		printf("\n");                                    \
		cmocka_fail(__FILE__, __LINE__, "a test's own"); \
	} while (0)
#define skip() cmocka_skip()

#define assert_true(c) \
	cmocka_compare(!!(c), 0, false, "assert_true(" #c ")", CMOCKA_WHERE)
#define assert_false(c) \
	cmocka_compare(!!(c), 0, true, "assert_false(" #c ")", CMOCKA_WHERE)
#define assert_int_equal(a, b)                                             \
	cmocka_compare((uintmax_t)(a), (uintmax_t)(b), true, #a " == " #b, \
		       CMOCKA_WHERE)
#define assert_int_not_equal(a, b)                                          \
	cmocka_compare((uintmax_t)(a), (uintmax_t)(b), false, #a " != " #b, \
		       CMOCKA_WHERE)
#define assert_ptr_equal(a, b)                                             \
	cmocka_compare((uintptr_t)(a), (uintptr_t)(b), true, #a " == " #b, \
		       CMOCKA_WHERE)
#define assert_ptr_not_equal(a, b)                                          \
	cmocka_compare((uintptr_t)(a), (uintptr_t)(b), false, #a " != " #b, \
		       CMOCKA_WHERE)
#define assert_null(p) \
	cmocka_compare((uintptr_t)(p), 0, true, #p " is NULL", CMOCKA_WHERE)
#define assert_non_null(p)                                          \
	cmocka_compare((uintptr_t)(p), 0, false, #p " is not NULL", \
		       CMOCKA_WHERE)
#define assert_in_range(v, low, high)                               \
	cmocka_compare((uintmax_t)(v) >= (uintmax_t)(low) &&        \
			       (uintmax_t)(v) <= (uintmax_t)(high), \
		       0, false, #v " in " #low " to " #high, CMOCKA_WHERE)
#define assert_string_equal(a, b) \
	cmocka_compare_strings(a, b, #a " == " #b, CMOCKA_WHERE)
#define assert_memory_equal(a, b, n)                                       \
	cmocka_compare(!memcmp(a, b, n), 0, false, #a " == " #b " in " #n, \
		       CMOCKA_WHERE)
#define assert_memory_not_equal(a, b, n)                                  \
	cmocka_compare(!memcmp(a, b, n), 0, true, #a " != " #b " in " #n, \
		       CMOCKA_WHERE)

#define cmocka_unit_test(f)             \
	{                               \
#f, f, NULL, NULL, NULL \
	}
#define cmocka_unit_test_setup_teardown(f, setup, teardown) \
	{                                                   \
#f, f, setup, teardown, NULL                \
	}
#define cmocka_unit_test_prestate(f, state) \
	{                                   \
#f, f, NULL, NULL, state    \
	}

static inline bool cmocka_run_one(const struct CMUnitTest *test)
{
	void *state = test->initial_state;
	volatile bool good = false;

	cmocka_now.skipped = false;
	if (test->setup && test->setup(&state))
		return false;
	if (!setjmp(cmocka_now.end)) {
		test->test(&state);
		good = true;
	}
	if (test->teardown && test->teardown(&state))
		return false;
	return good || cmocka_now.skipped;
}

static inline int cmocka_run_all(const struct CMUnitTest *tests, size_t count)
{
	int failed = 0;
	size_t i;
	bool good;

	printf("1..%zu\n", count);
	for (i = 0; i < count; i++) {
		good = cmocka_run_one(&tests[i]);
		failed += !good;
		printf("%sok %zu - %s%s\n", good ? "" : "not ", i + 1,
		       tests[i].name, cmocka_now.skipped ? " # SKIP" : "");
		fflush(stdout);
	}
	return failed;
}

/* Fixtures of a whole group are not offered: a test that names one stops. */
#define cmocka_run_group_tests(tests, setup, teardown) \
	((setup) || (teardown)                         \
		 ? 1                                   \
		 : cmocka_run_all(tests, sizeof(tests) / sizeof((tests)[0])))

#endif /* VLAB_CMOCKA_FALLBACK_H */
