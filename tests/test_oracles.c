// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every oracle fires at broken doubles of what it watches, and at none of the
 * real things in their place. The doubles are in doubles_*.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "doubles.h"

/* Queues of 8 hold a block request and more. */
#define QUEUE_POWER 3

static const struct double_case *const lists[] = {
	reading_doubles, signal_doubles, life_doubles,	   buffer_doubles,
	device_doubles,	 config_doubles, snapshot_doubles, driver_doubles,
	memory_doubles,	 honest_doubles,
};

/* What stands on the stage now. */
static const struct double_case *current;
static bool with_double;

/* Called where an honest device has taken the attacker's place. */
static void set_stage(void)
{
	const struct step setup = {
		.op = OP_QUEUE,
		.a = QUEUE_POWER,
		.b = current->flags,
	};

	lab_present(&setup);
	if (with_double && current->install)
		current->install();
	lab_need_driver();
	if (with_double && current->install_bound)
		current->install_bound();
	current->work();
}

static void run_case(const struct double_case *c, bool use_double)
{
	const struct target stage = {
		.name = "double",
		.device = c->device ? c->device : LAB_PLAIN,
		.after = set_stage,
	};

	current = c;
	with_double = use_double;
	lab_run(&stage, NULL, 0);
}

static void check_case(const struct double_case *c)
{
	run_case(c, false);
	if (finding.fired)
		fail_msg("%s: the real thing: %s: %s", c->name,
			 oracles[finding.oracle].name, finding.what);
	run_case(c, true);
	if (!finding.fired)
		fail_msg("%s: no oracle fired", c->name);
	if (finding.oracle != c->oracle ||
	    strncmp(finding.what, c->says, strlen(c->says)) != 0)
		fail_msg("%s: not %s but %s: %s", c->name,
			 oracles[c->oracle].name, oracles[finding.oracle].name,
			 finding.what);
}

/* The doubles at which an oracle must fire: there is at least one. */
static void fires(enum oracle oracle)
{
	const struct double_case *c;
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(lists); i++)
		for (c = lists[i]; c->name; c++)
			if (c->oracle == oracle) {
				check_case(c);
				n++;
			}
	assert_true(n);
}

static void double_fetch_fires(void **state)
{
	(void)state;
	fires(ORACLE_DOUBLE_FETCH);
}

static void own_memory_fires(void **state)
{
	(void)state;
	fires(ORACLE_OWN_MEMORY);
}

static void work_budget_fires(void **state)
{
	(void)state;
	fires(ORACLE_WORK_BUDGET);
}

static void token_conservation_fires(void **state)
{
	(void)state;
	fires(ORACLE_TOKEN);
}

static void returned_length_fires(void **state)
{
	(void)state;
	fires(ORACLE_LENGTH);
}

static void free_count_fires(void **state)
{
	(void)state;
	fires(ORACLE_FREE_COUNT);
}

static void wrong_result_fires(void **state)
{
	(void)state;
	fires(ORACLE_RESULT);
}

static void chain_as_posted_fires(void **state)
{
	(void)state;
	fires(ORACLE_CHAIN);
}

static void publish_order_fires(void **state)
{
	(void)state;
	fires(ORACLE_PUBLISH);
}

static void kick_decision_fires(void **state)
{
	(void)state;
	fires(ORACLE_NOTIFY);
}

static void lost_wakeup_fires(void **state)
{
	(void)state;
	fires(ORACLE_WAKEUP);
}

static void callback_window_fires(void **state)
{
	(void)state;
	fires(ORACLE_CALLBACK);
}

static void features_subset_fires(void **state)
{
	(void)state;
	fires(ORACLE_FEATURES);
}

static void status_ladder_fires(void **state)
{
	(void)state;
	fires(ORACLE_STATUS);
}

static void config_write_fires(void **state)
{
	(void)state;
	fires(ORACLE_CONFIG_WRITE);
}

static void config_value_fires(void **state)
{
	(void)state;
	fires(ORACLE_CONFIG_VALUE);
}

static void freed_in_use_fires(void **state)
{
	(void)state;
	fires(ORACLE_IN_USE);
}

static void map_balance_fires(void **state)
{
	(void)state;
	fires(ORACLE_MAPPING);
}

static void memory_balance_fires(void **state)
{
	(void)state;
	fires(ORACLE_MEMORY);
}

static void private_bytes_fires(void **state)
{
	(void)state;
	fires(ORACLE_PRIVATE_BYTES);
}

static void fresh_equals_reset_fires(void **state)
{
	(void)state;
	fires(ORACLE_FRESH);
}

static void honest_served_fires(void **state)
{
	(void)state;
	fires(ORACLE_HONEST);
}

static void data_intact_fires(void **state)
{
	(void)state;
	fires(ORACLE_DATA);
}

/* What follows from the first finding explains nothing. */
static void the_first_finding_counts(void **state)
{
	(void)state;
	run_case(&reading_doubles[0], true);
	assert_true(finding.fired);
	oracle_fire(ORACLE_DATA, "another", 0, 0);
	assert_int_equal(finding.oracle, reading_doubles[0].oracle);
}

static const struct finding *told;

static void note_finding(const struct finding *found)
{
	told = found;
}

/* A fuzzing engine hears of a finding when it is made. */
static void a_finding_is_fatal_where_wanted(void **state)
{
	(void)state;
	oracle_fatal = note_finding;
	told = NULL;
	run_case(&reading_doubles[0], false);
	assert_null(told);
	run_case(&reading_doubles[0], true);
	assert_ptr_equal(told, &finding);
	assert_string_equal(finding.call, "get_buf");
	oracle_fatal = NULL;
}

static void every_oracle_has_a_test_of_its_name(void **state);

/* Indexed by oracle: one that has no test leaves a hole. */
static const struct CMUnitTest tests[] = {
	[ORACLE_DOUBLE_FETCH] = cmocka_unit_test(double_fetch_fires),
	[ORACLE_OWN_MEMORY] = cmocka_unit_test(own_memory_fires),
	[ORACLE_WORK_BUDGET] = cmocka_unit_test(work_budget_fires),
	[ORACLE_TOKEN] = cmocka_unit_test(token_conservation_fires),
	[ORACLE_LENGTH] = cmocka_unit_test(returned_length_fires),
	[ORACLE_FREE_COUNT] = cmocka_unit_test(free_count_fires),
	[ORACLE_RESULT] = cmocka_unit_test(wrong_result_fires),
	[ORACLE_CHAIN] = cmocka_unit_test(chain_as_posted_fires),
	[ORACLE_PUBLISH] = cmocka_unit_test(publish_order_fires),
	[ORACLE_NOTIFY] = cmocka_unit_test(kick_decision_fires),
	[ORACLE_WAKEUP] = cmocka_unit_test(lost_wakeup_fires),
	[ORACLE_CALLBACK] = cmocka_unit_test(callback_window_fires),
	[ORACLE_FEATURES] = cmocka_unit_test(features_subset_fires),
	[ORACLE_STATUS] = cmocka_unit_test(status_ladder_fires),
	[ORACLE_CONFIG_WRITE] = cmocka_unit_test(config_write_fires),
	[ORACLE_CONFIG_VALUE] = cmocka_unit_test(config_value_fires),
	[ORACLE_IN_USE] = cmocka_unit_test(freed_in_use_fires),
	[ORACLE_MAPPING] = cmocka_unit_test(map_balance_fires),
	[ORACLE_MEMORY] = cmocka_unit_test(memory_balance_fires),
	[ORACLE_PRIVATE_BYTES] = cmocka_unit_test(private_bytes_fires),
	[ORACLE_FRESH] = cmocka_unit_test(fresh_equals_reset_fires),
	[ORACLE_HONEST] = cmocka_unit_test(honest_served_fires),
	[ORACLE_DATA] = cmocka_unit_test(data_intact_fires),
	[ORACLES] = cmocka_unit_test(every_oracle_has_a_test_of_its_name),
	cmocka_unit_test(the_first_finding_counts),
	cmocka_unit_test(a_finding_is_fatal_where_wanted),
};

static void every_oracle_has_a_test_of_its_name(void **state)
{
	char name[64];
	unsigned int i;
	char *c;

	(void)state;
	for (i = 0; i < ORACLES; i++) {
		snprintf(name, sizeof(name), "%s_fires", oracles[i].name);
		for (c = name; *c; c++)
			if (*c == '-')
				*c = '_';
		assert_string_equal(tests[i].name, name);
	}
}

int main(void)
{
	unsigned int i;

	/* A hole in the table cannot be run. */
	for (i = 0; i < ORACLES; i++)
		if (!tests[i].name) {
			printf("Bail out! oracle %s has no test\n",
			       oracles[i].name);
			return 1;
		}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
