// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vlab-feed: give batches of programs to /dev/vlab_replay of this machine, and
 * compare the answers with those of another world.
 *
 *	vlab-feed PROGRAMS EXPECTED
 *
 * PROGRAMS is a batch of any length, EXPECTED the records of its programs, as
 * "repro_TARGET --batch" writes them; fuzz/replay.h has the format. It runs in
 * a guest that has nothing else, whose console is slow: it prints one line for
 * each target, and the whole trace only of the first programs that differ.
 *
 *	target NAME programs N differ N found N digest HEX
 *	differs INDEX verdict N step N digest HEX
 *	event INDEX KIND A B C
 *	done N SECONDS	programs that were compared, the time they took
 *
 * The digest of a target is of all its records, so that whoever reads the line
 * need not believe the comparison. Exit status: 0 all equal, 1 not, 2 it could
 * not run.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <vlab/port.h>

#include "replay.h"

#define DEVICE "/dev/vlab_replay"
#define MINORS "/proc/misc"
#define NODE "/vlab_replay.node"
#define MISC_MAJOR 10

/* Small enough for a guest of little memory. */
#define BATCH_BYTES (1u << 20)
#define BATCH_PROGRAMS 16384u

/* The programs whose difference is shown in full, and how much of it. */
#define SHOWN 4u
#define SHOWN_EVENTS 100000u

struct tally {
	unsigned int programs;
	unsigned int differ;
	unsigned int found;
	u64 digest;
};

struct file {
	u8 *data;
	size_t size;
};

static struct tally tallies[REPLAY_TARGETS];
static unsigned int compared, shown;
static int device;

static void give_up(const char *what, const char *why)
{
	printf("vlab-feed: %s: %s\n", what, why);
	exit(2);
}

static void *allocate(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		give_up("memory", "there is none left");
	return p;
}

static struct file read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct file file;
	struct stat info;
	size_t done = 0;
	ssize_t got;

	if (fd < 0 || fstat(fd, &info))
		give_up(path, strerror(errno));
	file.size = (size_t)info.st_size;
	file.data = allocate(file.size);
	while (done < file.size) {
		got = read(fd, file.data + done, file.size - done);
		if (got <= 0)
			give_up(path, got ? strerror(errno) : "it is cut off");
		done += (size_t)got;
	}
	close(fd);
	return file;
}

/* Where nobody makes device nodes. */
static bool make_node(void)
{
	char line[128], name[64];
	unsigned int number;
	bool made = false;
	FILE *minors = fopen(MINORS, "re");

	if (!minors)
		return false;
	while (!made && fgets(line, sizeof(line), minors))
		if (sscanf(line, "%u %63s", &number, name) == 2 &&
		    !strcmp(name, "vlab_replay"))
			made = !mknod(NODE, S_IFCHR | 0600,
				      makedev(MISC_MAJOR, number));
	fclose(minors);
	return made;
}

static void open_device(void)
{
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0 && make_node())
		device = open(NODE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		give_up(DEVICE, strerror(errno));
}

/* The answer to one batch, at most @room bytes of it. */
static size_t ask(const u8 *batch, size_t size, u8 *answer, size_t room)
{
	ssize_t got = write(device, batch, size);
	size_t done = 0;

	if (got < 0 || (size_t)got != size)
		give_up(DEVICE, got < 0 ? strerror(errno) : "a short write");
	do {
		got = read(device, answer + done, room - done);
		if (got < 0)
			give_up(DEVICE, strerror(errno));
		done += (size_t)got;
	} while (got && done < room);
	return done;
}

/* The program once more, alone, and told of each event. */
static void show_trace(unsigned int index, const u8 *header, size_t size)
{
	const size_t room = REPLAY_RESULT_SIZE + REPLAY_TOLD_SIZE +
			    (size_t)REPLAY_EVENTS_MAX * REPLAY_EVENT_SIZE;
	u8 *answer = allocate(room), *batch = allocate(size);
	const u8 *at = answer + REPLAY_RESULT_SIZE + REPLAY_TOLD_SIZE;
	unsigned int i;
	size_t got;

	memcpy(batch, header, size);
	put_unaligned_le32(get_unaligned_le32(batch) | REPLAY_TRACE, batch);
	got = ask(batch, size, answer, room);
	for (i = 0; i < SHOWN_EVENTS && at + REPLAY_EVENT_SIZE <= answer + got;
	     i++, at += REPLAY_EVENT_SIZE)
		printf("event %u %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64
		       "\n",
		       index, (uint64_t)get_unaligned_le64(at),
		       (uint64_t)get_unaligned_le64(at + 8),
		       (uint64_t)get_unaligned_le64(at + 16),
		       (uint64_t)get_unaligned_le64(at + 24));
	free(batch);
	free(answer);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static u64 mix(u64 digest, const u8 *record)
{
	unsigned int i;

	for (i = 0; i < REPLAY_RESULT_SIZE; i++)
		digest = (digest ^ record[i]) * 0x100000001b3ULL;
	return digest;
}

static void compare(const struct replay_program *program, const u8 *got,
		    const u8 *want)
{
	struct tally *tally = &tallies[program->target];

	tally->programs++;
	tally->found += get_unaligned_le32(got) != 0;
	tally->digest = mix(tally->digest, got);
	if (memcmp(got, want, REPLAY_RESULT_SIZE)) {
		tally->differ++;
		printf("differs %u verdict %u step %u digest %016" PRIx64 "\n",
		       compared, get_unaligned_le32(got),
		       get_unaligned_le32(got + 4),
		       (uint64_t)get_unaligned_le64(got + 8));
		if (shown++ < SHOWN)
			show_trace(compared, program->data - REPLAY_HEADER_SIZE,
				   REPLAY_HEADER_SIZE + program->size);
	}
	compared++;
}

/* Where the batch that begins at @pos ends: between two programs. */
static size_t batch_end(const struct file *programs, size_t pos)
{
	struct replay_program program;
	unsigned int count = 0;
	size_t end = pos, next = pos;
	int more;

	while ((more = vlab_replay_next(programs->data, programs->size, &next,
					&program)) > 0) {
		if (count && next - pos > BATCH_BYTES)
			break;
		end = next;
		if (++count == BATCH_PROGRAMS)
			break;
	}
	if (more < 0)
		give_up("the programs", "they are no batch");
	return end;
}

static void feed(const struct file *programs, const struct file *expected)
{
	const size_t room = BATCH_PROGRAMS * REPLAY_RESULT_SIZE;
	u8 *answer = allocate(room);
	struct replay_program program;
	size_t pos = 0, end, got, done;

	while ((end = batch_end(programs, pos)) > pos) {
		got = ask(programs->data + pos, end - pos, answer, room);
		for (done = 0;
		     vlab_replay_next(programs->data, end, &pos, &program) > 0;
		     done += REPLAY_RESULT_SIZE) {
			if (done + REPLAY_RESULT_SIZE > got)
				give_up(DEVICE, "its answer is cut off");
			if ((size_t)(compared + 1) * REPLAY_RESULT_SIZE >
			    expected->size)
				give_up("the expected records",
					"they are too few");
			compare(&program, answer + done,
				expected->data +
					(size_t)compared * REPLAY_RESULT_SIZE);
		}
	}
	free(answer);
}

int main(int argc, char **argv)
{
	struct file programs, expected;
	unsigned int i, differ = 0;
	double began;

	if (argc != 3)
		give_up("arguments", "expected PROGRAMS EXPECTED");
	setvbuf(stdout, NULL, _IOLBF, 0);
	programs = read_file(argv[1]);
	expected = read_file(argv[2]);
	for (i = 0; i < REPLAY_TARGETS; i++)
		tallies[i].digest = 0xcbf29ce484222325ULL;
	open_device();
	began = seconds();
	feed(&programs, &expected);
	for (i = 0; i < REPLAY_TARGETS; i++) {
		differ += tallies[i].differ;
		printf("target %s programs %u differ %u found %u digest "
		       "%016" PRIx64 "\n",
		       vlab_replay_targets[i], tallies[i].programs,
		       tallies[i].differ, tallies[i].found,
		       (uint64_t)tallies[i].digest);
	}
	printf("done %u %.3f\n", compared, seconds() - began);
	return differ ? 1 : 0;
}
