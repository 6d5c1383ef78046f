// SPDX-License-Identifier: GPL-2.0-or-later
/* Between a fuzzing engine and the laboratory. */
#include <stdio.h>
#include <stdlib.h>

#include "finding.h"
#include "fuzz.h"
#include "sanitizer.h"

/* The engine sees a crash; the line tells two crashes apart. */
static void report_and_abort(const struct finding *found)
{
	const struct oracle_info *oracle = &oracles[found->oracle];

	fprintf(stderr, "vlab: oracle %s: %s: ", oracle->name, oracle->meaning);
	finding_print(found, stderr);
	fputc('\n', stderr);
	abort();
}

bool fuzz_reached_core(void)
{
	return lab.reached_core;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
#ifdef VLAB_ASAN
	/* Without fences an overflow in the core would go unseen. */
	if (!sanitizer_fences()) {
		fputs("vlab: ASan is on, but nothing is fenced for it\n",
		      stderr);
		exit(1);
	}
#endif
	oracle_fatal = report_and_abort;
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	lab_run(&fuzz_target, data, size);
	return 0;
}
