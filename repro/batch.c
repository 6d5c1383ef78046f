// SPDX-License-Identifier: GPL-2.0-or-later
/* Batches of programs; see batch.h, and fuzz/replay.h for the format. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "fuzz.h"
#include "replay.h"

#define CHUNK (1u << 20)

struct bytes {
	u8 *data;
	size_t size;
};

static struct bytes events;
static size_t events_room;
static u64 told;

static int complain(const char *path, const char *why)
{
	fprintf(stderr, "repro_%s: %s: %s\n", fuzz_target.name, path, why);
	return 2;
}

static void no_memory(void)
{
	fprintf(stderr, "repro_%s: there is no memory left\n",
		fuzz_target.name);
	exit(2);
}

/* All of an open file, or NULL. */
static u8 *read_stream(FILE *in, size_t *size)
{
	u8 *data = NULL, *more;
	size_t got;

	*size = 0;
	do {
		more = realloc(data, *size + CHUNK);
		if (!more) {
			free(data);
			return NULL;
		}
		data = more;
		got = fread(data + *size, 1, CHUNK, in);
		*size += got;
	} while (got);
	if (ferror(in)) {
		free(data);
		return NULL;
	}
	return data;
}

static u8 *read_file(const char *path, size_t *size)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "rb") : stdin;
	u8 *data;

	if (!in)
		return NULL;
	data = read_stream(in, size);
	if (in != stdin)
		fclose(in);
	return data;
}

static void keep_event(enum trace_kind kind, u64 a, u64 b, u64 c)
{
	size_t room = events_room ? 2 * events_room : CHUNK;
	u8 *more;

	if (told++ >= REPLAY_EVENTS_MAX)
		return;
	if (events_room - events.size < REPLAY_EVENT_SIZE) {
		more = realloc(events.data, room);
		if (!more)
			no_memory();
		events.data = more;
		events_room = room;
	}
	replay_event(events.data + events.size, kind, a, b, c);
	events.size += REPLAY_EVENT_SIZE;
}

static void run_one(const struct replay_program *program, FILE *out)
{
	u8 record[REPLAY_RESULT_SIZE], count[REPLAY_TOLD_SIZE];
	u8 *copy = malloc(program->size ? program->size : 1);

	if (!copy)
		no_memory();
	/* In memory of its own size: ASan sees the first byte past its end. */
	memcpy(copy, program->data, program->size);
	told = 0;
	events.size = 0;
	trace_sink = program->traced ? keep_event : NULL;
	lab_run(&fuzz_target, copy, program->size);
	trace_sink = NULL;
	free(copy);
	replay_result(record, &finding, trace_digest);
	fwrite(record, 1, sizeof(record), out);
	if (!program->traced)
		return;
	put_unaligned_le64(told, count);
	fwrite(count, 1, sizeof(count), out);
	fwrite(events.data, 1, events.size, out);
}

int batch_run(const char *path, FILE *out)
{
	struct replay_program program;
	size_t size, pos = 0;
	u8 *batch = read_file(path, &size);
	const char *why = NULL;
	int more;

	if (!batch)
		return complain(path, strerror(errno));
	while ((more = vlab_replay_next(batch, size, &pos, &program)) > 0) {
		if (strcmp(vlab_replay_targets[program.target],
			   fuzz_target.name)) {
			why = "a program of the batch is for another target";
			break;
		}
		run_one(&program, out);
	}
	if (more < 0)
		why = "it is no batch of programs";
	free(batch);
	free(events.data);
	return why ? complain(path, why) : 0;
}
