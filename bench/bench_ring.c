// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the driver side of a split ring costs: add_buf, kick and get_buf.
 *
 *	bench_ring list			names of the rows
 *	bench_ring run ROW ROUNDS	work, for a tool that counts
 *instructions bench_ring time ROW		nanoseconds per buffer
 *	bench_ring memory		private bytes per ring entry
 *
 * Only ring_add() and ring_get() are measured: callgrind counts what runs
 * inside them, and the clock is read around them. The device works in between.
 * Each token and each length that comes back is compared with what was added,
 * so nothing but a ring that works can be measured.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vlab/loopback.h>
#include <vlab/virtio.h>

#include "bench_device.h"

#define RING_NUM 256
#define BATCH 32
#define SEGMENTS_MAX 8
/* Pieces differ in length, and so do the lengths that come back. */
#define PIECE_BYTES 512
#define PIECE_STEPS 7
#define REPETITIONS 41
#define TIMED_ROUNDS 500
#define ROUNDS_MAX 10000000

/* Kept out of line, and as they are written: they are found by their names. */
#if defined(__clang__)
#define MEASURED __attribute__((noinline))
#else
#define MEASURED __attribute__((noipa))
#endif

struct row {
	const char *name;
	unsigned int out;
	unsigned int in;
	unsigned int batch;
	bool indirect;
	bool callbacks;
};

static const struct row rows[] = {
	{ "1", 0, 1, BATCH, false, false },
	{ "2", 1, 1, BATCH, false, false },
	{ "8", 1, 7, BATCH, false, false },
	{ "2-indirect", 1, 1, BATCH, true, false },
	{ "8-indirect", 1, 7, BATCH, true, false },
	{ "1-single", 0, 1, 1, false, false },
	{ "1-callbacks", 0, 1, BATCH, false, true },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/**
 * struct run - a row at work
 * @token: their addresses are the tokens; never read
 * @got, @len: what get_buf() returned, @taken of them
 */
struct run {
	const struct row *row;
	struct bench_device dev;
	struct scatterlist sg[BATCH * SEGMENTS_MAX];
	u8 token[BATCH];
	void *got[RING_NUM];
	unsigned int len[RING_NUM];
	unsigned int taken;
};

static struct run run;
static u8 memory[BATCH * SEGMENTS_MAX][PIECE_BYTES];

void ring_add(struct virtqueue *vq, struct run *r);
void ring_get(struct virtqueue *vq, struct run *r);

/* Add a batch and kick. */
MEASURED void ring_add(struct virtqueue *vq, struct run *r)
{
	unsigned int out = r->row->out, in = r->row->in, n = r->row->batch, i;
	struct scatterlist *sg = r->sg;

	for (i = 0; i < n; i++, sg += out + in)
		if (vq->vq_ops->add_buf(vq, sg, out, in, &r->token[i]))
			break;
	vq->vq_ops->kick(vq);
}

static void take(struct virtqueue *vq, struct run *r)
{
	unsigned int n;

	for (n = 0; n < RING_NUM; n++) {
		r->got[n] = vq->vq_ops->get_buf(vq, &r->len[n]);
		if (!r->got[n])
			break;
	}
	r->taken = n;
}

/* Take what was used, until there is no more. */
MEASURED void ring_get(struct virtqueue *vq, struct run *r)
{
	if (r->row->callbacks)
		virtqueue_interrupt(vq->vdev, vq->index);
	else
		take(vq, r);
}

static bool taken_by_callback(struct virtqueue *vq)
{
	take(vq, &run);
	return true;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_ring: row %s: %s\n",
		run.row ? run.row->name : "-", what);
	exit(1);
}

/* Everything came back, in order, with the length that the device reported. */
static void check_taken(u32 first)
{
	unsigned int i;

	if (run.taken != run.row->batch)
		fail("not every buffer came back");
	for (i = 0; i < run.taken; i++) {
		if (run.got[i] != &run.token[i])
			fail("another token came back");
		if (run.len[i] != bench_device_written(&run.dev, first + i))
			fail("another length came back");
	}
	run.taken = 0;
}

/* The device's part of a round, between adding and taking. */
static void complete(void)
{
	unsigned int batch = run.row->batch;

	if (!bench_device_run(&run.dev, batch))
		fail("the ring does not hold what was added");
	if (run.row->callbacks && !bench_device_interrupts(&run.dev, batch))
		fail("the driver does not want an interrupt");
}

static void start(const struct row *row)
{
	struct bench_ring_setup setup = {
		.num = RING_NUM,
		.indirect = row->indirect,
		.callback = row->callbacks ? taken_by_callback : NULL,
	};
	unsigned int i;

	run.row = row;
	for (i = 0; i < BATCH * SEGMENTS_MAX; i++)
		sg_set_buf(&run.sg[i], memory[i],
			   PIECE_BYTES - i % PIECE_STEPS);
	if (!bench_device_start(&run.dev, &setup))
		fail("cannot set the device up");
	run.dev.sg = run.sg;
	run.dev.out = row->out;
	run.dev.in = row->in;
	run.dev.shortest = PIECE_BYTES - PIECE_STEPS + 1;
}

static void run_rounds(unsigned long rounds)
{
	u32 first;

	while (rounds--) {
		first = run.dev.seq;
		ring_add(run.dev.vq, &run);
		complete();
		ring_get(run.dev.vq, &run);
		check_taken(first);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

/* One repetition: nanoseconds inside the measured functions, clock included. */
static double time_rounds(void)
{
	double total = 0, t;
	unsigned int i;
	u32 first;

	for (i = 0; i < TIMED_ROUNDS; i++) {
		first = run.dev.seq;
		t = now();
		ring_add(run.dev.vq, &run);
		total += now() - t;
		complete();
		t = now();
		ring_get(run.dev.vq, &run);
		total += now() - t;
		check_taken(first);
	}
	return total;
}

/* What reading the clock as above costs by itself. */
static double time_clock(void)
{
	double total = 0, t;
	unsigned int i;

	for (i = 0; i < 2 * TIMED_ROUNDS; i++) {
		t = now();
		total += now() - t;
	}
	return total;
}

static double time_row(void)
{
	double work[REPETITIONS], clock[REPETITIONS];
	unsigned int i;

	for (i = 0; i < REPETITIONS; i++) {
		work[i] = time_rounds();
		clock[i] = time_clock();
	}
	return (median(work, REPETITIONS) - median(clock, REPETITIONS)) /
	       (TIMED_ROUNDS * run.row->batch);
}

static size_t private_bytes(unsigned int num)
{
	struct bench_ring_setup setup = { .num = num };
	struct virtqueue_stats stats;

	if (!bench_device_start(&run.dev, &setup))
		fail("cannot set the device up");
	virtqueue_stats(run.dev.vq, &stats);
	bench_device_stop(&run.dev);
	return stats.private_bytes;
}

static const struct row *find_row(const char *name)
{
	unsigned int i;

	for (i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static int usage(void)
{
	fprintf(stderr, "usage: bench_ring list | run ROW ROUNDS | time ROW | "
			"memory\n");
	return 2;
}

static int measure(const struct row *row, unsigned long rounds)
{
	start(row);
	if (rounds)
		run_rounds(rounds);
	else
		printf("%.2f\n", time_row());
	bench_device_stop(&run.dev);
	return 0;
}

int main(int argc, char **argv)
{
	const struct row *row = argc > 2 ? find_row(argv[2]) : NULL;
	unsigned long rounds;
	unsigned int i;

	if (argc == 2 && !strcmp(argv[1], "list")) {
		for (i = 0; i < ROWS; i++)
			printf("%s %u\n", rows[i].name, rows[i].batch);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "memory")) {
		printf("%.3f\n",
		       (double)(private_bytes(1024) - private_bytes(512)) /
			       512);
		return 0;
	}
	if (argc == 3 && row && !strcmp(argv[1], "time"))
		return measure(row, 0);
	if (argc == 4 && row && !strcmp(argv[1], "run")) {
		rounds = strtoul(argv[3], NULL, 10);
		if (rounds && rounds <= ROUNDS_MAX)
			return measure(row, rounds);
	}
	return usage();
}
