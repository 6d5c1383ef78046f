// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The load of ./lab kernel bench, in the guest: two devices of one kind, the
 * one with the driver of the kernel, the other with ours, in turns.
 *
 *	kernel_load disks A B read|write random|sequential DEPTH REQUESTS ROUNDS
 *	kernel_load entropy A B BYTES ROUNDS
 *	kernel_load count-disk DISK read|write random|sequential DEPTH REQUESTS
 *	kernel_load count-entropy SOURCE READS
 *
 * The first two print a line for each round, "round NS_A NS_B". The others ask
 * the host to log every instruction, and do their work between two calls of a
 * function that the host finds in that log, and whose instructions it knows.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096
#define DEPTH_MAX 64
#define CURRENT "/sys/class/misc/hw_random/rng_current"
#define ENTROPY_READ 64

/* Of known_loop(), 2 instructions each; tools/lab/kernel_count.py knows it. */
#define KNOWN_ITERATIONS 1000
/* The host has to see the request to count, and to act. */
#define HOST_SECONDS 2

struct load {
	const char *path;
	bool write;
	bool sequential;
	unsigned int depth;
	unsigned long requests;
	int fd;
	uint64_t blocks;
	uint64_t next;
	uint64_t random;
	aio_context_t ctx;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!*text || *end || !value) {
		fprintf(stderr, "'%s' is no number above 0\n", text);
		exit(2);
	}
	return value;
}

static bool either(const char *text, const char *yes, const char *no)
{
	if (!strcmp(text, yes))
		return true;
	if (strcmp(text, no)) {
		fprintf(stderr, "'%s' is not %s or %s\n", text, yes, no);
		exit(2);
	}
	return false;
}

/* Disks. */

/*
 * For both disks the same pages: how many of them lie one behind the other
 * makes a merged request of many pieces or of few.
 */
static char *buffers;

static void alloc_buffers(void)
{
	buffers = mmap(NULL, DEPTH_MAX * BLOCK, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (buffers == MAP_FAILED)
		die("mmap");
}

static void open_disk(struct load *load)
{
	uint64_t bytes;

	load->fd =
		open(load->path, (load->write ? O_RDWR : O_RDONLY) | O_DIRECT);
	if (load->fd < 0 || ioctl(load->fd, BLKGETSIZE64, &bytes))
		die(load->path);
	load->blocks = bytes / BLOCK;
	load->random = 88172645463325252u;
	/* Once: its end waits for a grace period, longer than a turn takes. */
	if (syscall(SYS_io_setup, DEPTH_MAX, &load->ctx))
		die("io_setup");
}

static uint64_t next_block(struct load *load)
{
	if (load->sequential)
		return load->next++ % load->blocks;
	load->random ^= load->random << 13;
	load->random ^= load->random >> 7;
	load->random ^= load->random << 17;
	return load->random % load->blocks;
}

static void prepare(struct load *load, struct iocb *iocb)
{
	iocb->aio_offset = (int64_t)(next_block(load) * BLOCK);
}

static void submit(aio_context_t ctx, struct iocb **list, long count)
{
	long done;

	for (; count; list += done, count -= done) {
		done = syscall(SYS_io_submit, ctx, count, list);
		if (done <= 0)
			die("io_submit");
	}
}

/* Keep @depth requests in flight until all are done. */
static void run_disk(struct load *load)
{
	struct iocb iocbs[DEPTH_MAX], *list[DEPTH_MAX];
	struct io_event events[DEPTH_MAX];
	unsigned long left = load->requests, flying = 0;
	long i, count = 0;

	memset(iocbs, 0, sizeof(iocbs));
	for (i = 0; i < (long)load->depth; i++) {
		iocbs[i].aio_fildes = (uint32_t)load->fd;
		iocbs[i].aio_lio_opcode =
			load->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
		iocbs[i].aio_buf = (uint64_t)(buffers + i * BLOCK);
		iocbs[i].aio_nbytes = BLOCK;
		list[count++] = &iocbs[i];
	}
	do {
		if ((unsigned long)count > left)
			count = (long)left;
		for (i = 0; i < count; i++)
			prepare(load, list[i]);
		submit(load->ctx, list, count);
		left -= (unsigned long)count;
		flying += (unsigned long)count;
		count = syscall(SYS_io_getevents, load->ctx, 1, DEPTH_MAX,
				events, NULL);
		if (count < 1)
			die("io_getevents");
		for (i = 0; i < count; i++) {
			if (events[i].res != BLOCK) {
				fprintf(stderr,
					"%s: a request ended with %lld\n",
					load->path, (long long)events[i].res);
				exit(1);
			}
			list[i] = (struct iocb *)events[i].obj;
		}
		flying -= (unsigned long)count;
	} while (left || flying);
}

static void take_disk(struct load *load, char **argv)
{
	load->write = either(argv[0], "write", "read");
	load->sequential = either(argv[1], "sequential", "random");
	load->depth = (unsigned int)number(argv[2]);
	load->requests = number(argv[3]);
	if (load->depth > DEPTH_MAX) {
		fprintf(stderr, "at most %d requests at a time\n", DEPTH_MAX);
		exit(2);
	}
	open_disk(load);
	run_disk(load);
}

/* Entropy. */

static void choose_source(const char *name)
{
	int fd = open(CURRENT, O_WRONLY);
	size_t length = strlen(name);

	if (fd < 0 || write(fd, name, length) != (ssize_t)length)
		die(name);
	close(fd);
}

static int open_source(void)
{
	int fd = open("/dev/hwrng", O_RDONLY);

	if (fd < 0)
		die("/dev/hwrng");
	return fd;
}

static void read_entropy(int fd, unsigned long reads)
{
	char buffer[ENTROPY_READ];
	ssize_t n;

	while (reads--) {
		n = read(fd, buffer, sizeof(buffer));
		if (n != sizeof(buffer))
			die("/dev/hwrng");
	}
}

/* Turns. */

typedef void turn_fn(void *context, int which);

static uint64_t timed(turn_fn *turn, void *context, int which)
{
	uint64_t start = now_ns();

	turn(context, which);
	return now_ns() - start;
}

/* Who comes first changes with each round. */
static void take_turns(turn_fn *turn, void *context, unsigned long rounds)
{
	unsigned long i;
	uint64_t ns[2];
	int first;

	for (i = 0; i < rounds; i++) {
		first = (int)(i & 1);
		ns[first] = timed(turn, context, first);
		ns[!first] = timed(turn, context, !first);
		printf("round %llu %llu\n", (unsigned long long)ns[0],
		       (unsigned long long)ns[1]);
	}
}

static void disk_turn(void *context, int which)
{
	run_disk((struct load *)context + which);
}

static void disks(char **argv)
{
	struct load loads[2] = { { .path = argv[0] }, { .path = argv[1] } };

	alloc_buffers();
	take_disk(&loads[0], argv + 2);
	take_disk(&loads[1], argv + 2);
	take_turns(disk_turn, loads, number(argv[6]));
}

struct sources {
	const char *name[2];
	unsigned long reads;
};

/* Choosing is not timed: it waits for bytes of the new source. */
static void entropy(char **argv)
{
	unsigned long reads = number(argv[2]) / ENTROPY_READ;
	unsigned long rounds = number(argv[3]), i;
	uint64_t ns[2], start;
	int fd, turn, which;

	for (i = 0; i < rounds; i++) {
		for (turn = 0; turn < 2; turn++) {
			which = turn ^ (int)(i & 1);
			choose_source(argv[which]);
			fd = open_source();
			read_entropy(fd, 4);
			start = now_ns();
			read_entropy(fd, reads);
			ns[which] = now_ns() - start;
			close(fd);
		}
		printf("round %llu %llu\n", (unsigned long long)ns[0],
		       (unsigned long long)ns[1]);
	}
}

/* Counting. */

/* Found by its symbol. */
__attribute__((noipa)) void known_loop(void)
{
	uint32_t left = KNOWN_ITERATIONS;

	__asm__ volatile("1: decl %0\n\tjnz 1b" : "+r"(left) : : "cc");
}

static void ask_host(const char *what)
{
	printf("vlab-host: %s\n", what);
	fflush(stdout);
}

static void count_disk(char **argv)
{
	struct load load = { .path = argv[0] };

	alloc_buffers();
	take_disk(&load, argv + 1);
	ask_host("count");
	sleep(HOST_SECONDS);
	known_loop();
	run_disk(&load);
	known_loop();
	ask_host("counted");
}

static void count_entropy(char **argv)
{
	unsigned long reads = number(argv[1]);
	int fd;

	choose_source(argv[0]);
	fd = open_source();
	read_entropy(fd, 4);
	ask_host("count");
	sleep(HOST_SECONDS);
	known_loop();
	read_entropy(fd, reads);
	known_loop();
	ask_host("counted");
}

static const struct {
	const char *name;
	int words;
	void (*run)(char **argv);
} COMMANDS[] = {
	{ "disks", 7, disks },
	{ "entropy", 4, entropy },
	{ "count-disk", 5, count_disk },
	{ "count-entropy", 2, count_entropy },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
		if (!strcmp(argv[1], COMMANDS[i].name) &&
		    argc == 2 + COMMANDS[i].words) {
			COMMANDS[i].run(argv + 2);
			return 0;
		}
	fprintf(stderr, "see bench/kernel_load.c for how it is called\n");
	return 2;
}
