// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast one fuzz target runs, without an engine around it.
 *
 *	bench_fuzz_TARGET corpus DIR SECONDS
 *		runs all programs of a folder, over and over
 *	bench_fuzz_TARGET rounds DIR COUNT
 *		runs all programs of a folder so many times, for a profile
 *	bench_fuzz_TARGET random COUNT
 *		runs inputs as an engine makes them that has no corpus
 *
 * Prints the executions and what was asked of them: the seconds of processor
 * time that they took, nothing, or how many of them called the core.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "finding.h"
#include "fuzz.h"
#include "input.h"

/* Executions between two looks at the clock, which costs about one. */
#define CLOCK_EVERY 1000
#define RANDOM_BYTES_MAX 512
#define RANDOM_COUNT_MAX 100000000
#define ROUNDS_MAX 1000000
#define SECONDS_MAX 3600

struct input {
	u8 *data;
	size_t size;
};

struct corpus {
	struct input *input;
	size_t count;
};

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "bench_fuzz: %s: %s\n", what, why);
	return 1;
}

static int skip_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool load(struct corpus *corpus, const char *folder, const char *name)
{
	struct input *input = &corpus->input[corpus->count];
	struct text_error err;
	char path[4096];
	int len;

	len = snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (len < 0 || (size_t)len >= sizeof(path)) {
		complain(folder, "the name of a file in it is too long");
		return false;
	}
	if (program_load(path, &input->data, &input->size, &err)) {
		text_error_print(stderr, path, &err);
		return false;
	}
	corpus->count++;
	return true;
}

/* All programs of a folder, text or bytes, in the order of their names. */
static bool load_all(struct corpus *corpus, const char *folder)
{
	struct dirent **entries;
	bool good = true;
	int i, count;

	count = scandir(folder, &entries, skip_hidden, alphasort);
	if (count < 0) {
		complain(folder, strerror(errno));
		return false;
	}
	corpus->input = calloc((size_t)count + 1, sizeof(*corpus->input));
	for (i = 0; i < count; i++) {
		good = good && corpus->input &&
		       load(corpus, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (good && !corpus->count) {
		complain(folder, "there is no program in it");
		return false;
	}
	return good;
}

static void unload(struct corpus *corpus)
{
	size_t i;

	for (i = 0; i < corpus->count; i++)
		free(corpus->input[i].data);
	free(corpus->input);
}

/* Of this process alone: what else the machine does costs nothing here. */
static double processor_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_rounds(const struct corpus *corpus, unsigned long rounds)
{
	size_t i;

	for (; rounds; rounds--)
		for (i = 0; i < corpus->count; i++)
			LLVMFuzzerTestOneInput(corpus->input[i].data,
					       corpus->input[i].size);
}

static int bench_corpus(const char *folder, double seconds)
{
	struct corpus corpus = { NULL, 0 };
	unsigned long rounds = 0, more;
	double begin, spent;

	if (!load_all(&corpus, folder)) {
		unload(&corpus);
		return 1;
	}
	/* The first round pays for pages and caches. */
	run_rounds(&corpus, 1);
	more = 1 + CLOCK_EVERY / corpus.count;
	begin = processor_seconds();
	do {
		run_rounds(&corpus, more);
		rounds += more;
		spent = processor_seconds() - begin;
	} while (spent < seconds);
	printf("%lu %.6f\n", rounds * (unsigned long)corpus.count, spent);
	unload(&corpus);
	return 0;
}

/* Always the same work, however fast the machine. */
static int run_for_profile(const char *folder, unsigned long rounds)
{
	struct corpus corpus = { NULL, 0 };
	bool good = load_all(&corpus, folder);

	if (good) {
		run_rounds(&corpus, rounds);
		printf("%lu\n", rounds * (unsigned long)corpus.count);
	}
	unload(&corpus);
	return good ? 0 : 1;
}

/* xorshift64: the same inputs on every machine. */
static u64 next_random(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int bench_random(unsigned long count)
{
	u8 data[RANDOM_BYTES_MAX];
	u64 state = 88172645463325252ULL;
	unsigned long i, reached = 0;
	size_t j, size;

	for (i = 0; i < count; i++) {
		size = next_random(&state) % (RANDOM_BYTES_MAX + 1);
		for (j = 0; j < size; j++)
			data[j] = (u8)(next_random(&state) >> 24);
		LLVMFuzzerTestOneInput(data, size);
		reached += fuzz_reached_core();
	}
	printf("%lu %lu\n", count, reached);
	return 0;
}

/* A whole positive number of at most @most; 0: it is not. */
static unsigned long number(const char *text, unsigned long most)
{
	unsigned long value;
	char *end;

	value = strtoul(text, &end, 10);
	return *text == '-' || *end || value > most ? 0 : value;
}

int main(int argc, char **argv)
{
	unsigned long value;

	LLVMFuzzerInitialize(&argc, &argv);
	if (argc == 4 && !strcmp(argv[1], "corpus")) {
		value = number(argv[3], SECONDS_MAX);
		if (value)
			return bench_corpus(argv[2], (double)value);
	}
	if (argc == 4 && !strcmp(argv[1], "rounds")) {
		value = number(argv[3], ROUNDS_MAX);
		if (value)
			return run_for_profile(argv[2], value);
	}
	if (argc == 3 && !strcmp(argv[1], "random")) {
		value = number(argv[2], RANDOM_COUNT_MAX);
		if (value)
			return bench_random(value);
	}
	fprintf(stderr,
		"usage: bench_fuzz corpus DIR SECONDS | rounds DIR COUNT | "
		"random COUNT\n");
	return 2;
}
