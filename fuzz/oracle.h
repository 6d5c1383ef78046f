/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Oracles: what must hold whatever a device does. Each has a name, and a test
 * (tests/test_oracles.c) that shows it firing at a broken double.
 */
#ifndef VLAB_FUZZ_ORACLE_H
#define VLAB_FUZZ_ORACLE_H

#include <vlab/port.h>

enum oracle {
	ORACLE_DOUBLE_FETCH,
	ORACLE_OWN_MEMORY,
	ORACLE_WORK_BUDGET,
	ORACLE_TOKEN,
	ORACLE_LENGTH,
	ORACLE_FREE_COUNT,
	ORACLE_RESULT,
	ORACLE_CHAIN,
	ORACLE_PUBLISH,
	ORACLE_NOTIFY,
	ORACLE_WAKEUP,
	ORACLE_CALLBACK,
	ORACLE_FEATURES,
	ORACLE_STATUS,
	ORACLE_CONFIG_WRITE,
	ORACLE_CONFIG_VALUE,
	ORACLE_IN_USE,
	ORACLE_MAPPING,
	ORACLE_MEMORY,
	ORACLE_PRIVATE_BYTES,
	ORACLE_FRESH,
	ORACLE_HONEST,
	ORACLE_DATA,
	ORACLES
};

struct oracle_info {
	const char *name;
	const char *meaning;
};

extern const struct oracle_info oracles[ORACLES];

/**
 * struct finding - the first oracle that fired in an execution
 * @step: of the program; PROGRAM_STEPS_MAX or more: after its end
 * @call: the call into the core, or NULL between calls
 */
struct finding {
	bool fired;
	enum oracle oracle;
	unsigned int step;
	const char *call;
	const char *what;
	u64 value[2];
};

extern struct finding finding;

/*
 * Record a finding; only the first of an execution counts. @what is a sentence
 * whose numbers are @value0 and @value1.
 */
__cold void oracle_fire(enum oracle oracle, const char *what, u64 value0,
			u64 value1);

/* Fire unless @holds. */
static inline void oracle_check(bool holds, enum oracle oracle,
				const char *what, u64 value0, u64 value1)
{
	if (!holds)
		oracle_fire(oracle, what, value0, value1);
}

/* Called at once when set; the fuzz targets print and abort there. */
extern void (*oracle_fatal)(const struct finding *finding);

#endif /* VLAB_FUZZ_ORACLE_H */
