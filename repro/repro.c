// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replay programs against one target: what the fuzzer saw, without a fuzzer.
 *
 * Exit status: 0 all passed, 1 a finding, 2 something could not be read.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "explain.h"
#include "finding.h"
#include "fuzz.h"
#include "input.h"
#include "watch.h"

struct options {
	bool explain;
	bool digest;
	bool quiet;
	bool batch;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: repro_%s [--explain] [--digest] [--quiet] "
		"[--batch] FILE...\n"
		"\n"
		"Runs each program (text if its name ends in .vlab, else "
		"bytes) against the\n"
		"target \"%s\" and says whether an oracle fired.\n"
		"\n"
		"  --explain  every step in words, with the state of the ring\n"
		"  --digest   the digest of the trace, equal on every machine\n"
		"  --quiet    only findings\n"
		"  --batch    each FILE is a batch (docs/replay.md), and so is "
		"the output\n"
		"\n"
		"exit status: 0 passed, 1 a finding, 2 a file that cannot be "
		"read\n",
		fuzz_target.name, fuzz_target.name);
}

static void print_place(const struct finding *found)
{
	if (found->step < PROGRAM_STEPS_MAX)
		printf("  at:     step %u", found->step + 1);
	else if (found->step == PROGRAM_STEPS_MAX)
		printf("  at:     after the attack, with an honest device");
	else
		printf("  at:     the end, when everything is given back");
	if (found->call)
		printf(", in %s()", found->call);
	putchar('\n');
}

static void print_finding(const char *path, const struct finding *found)
{
	const struct oracle_info *oracle = &oracles[found->oracle];

	printf("%s: FINDING %s\n  oracle: %s\n  what:   ", path, oracle->name,
	       oracle->meaning);
	finding_print(found, stdout);
	putchar('\n');
	print_place(found);
}

/* A sanitizer that ends the process loses what is still in a buffer. */
static int replay(const char *path, const struct options *options)
{
	struct text_error error = { 0 };
	u8 *data;
	size_t size;

	if (program_load(path, &data, &size, &error)) {
		text_error_print(stderr, path, &error);
		return 2;
	}
	if (options->explain)
		explain_begin(path, data, size);
	lab_run(&fuzz_target, data, size);
	if (options->explain)
		explain_end();
	free(data);
	if (finding.fired)
		print_finding(path, &finding);
	else if (options->digest)
		printf("%016" PRIx64 "  %s\n", (uint64_t)trace_digest, path);
	else if (!options->quiet)
		printf("%s: pass\n", path);
	fflush(stdout);
	return finding.fired ? 1 : 0;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "explain", no_argument, NULL, 'e' },
		{ "digest", no_argument, NULL, 'd' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "batch", no_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "edqbh", names, NULL)) != -1) {
		switch (c) {
		case 'e':
			options->explain = true;
			break;
		case 'd':
			options->digest = true;
			break;
		case 'q':
			options->quiet = true;
			break;
		case 'b':
			options->batch = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	int i, ret, worst = 0;

	if (!parse_options(argc, argv, &options))
		return 2;
	if (optind == argc) {
		fprintf(stderr, "repro_%s: expected a FILE; see --help\n",
			fuzz_target.name);
		return 2;
	}
	for (i = optind; i < argc; i++) {
		ret = options.batch ? batch_run(argv[i], stdout)
				    : replay(argv[i], &options);
		if (ret > worst)
			worst = ret;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "repro_%s: cannot write the output\n",
			fuzz_target.name);
		return 2;
	}
	return worst;
}
