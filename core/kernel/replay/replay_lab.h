/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the two halves of the replay module. Behind this header is the
 * laboratory, whose struct device and kmalloc() are its own (port_replay.h);
 * before it is the kernel. No file is of both.
 *
 * The laboratory's state is static: a caller sees to it that there is one
 * execution at a time.
 */
#ifndef VLAB_REPLAY_LAB_H
#define VLAB_REPLAY_LAB_H

#include <linux/types.h>

struct replay_program;

/**
 * struct vlab_replay_trace - where the events of one execution go
 * @told: how many there were
 * @max: how many @events has room for; what comes later is only counted
 */
struct vlab_replay_trace {
	u64 told;
	u32 max;
	u8 *events;
};

/*
 * Run a program, whose bytes nothing lies behind, and write its record. @trace
 * may be NULL.
 */
void vlab_replay_run(const struct replay_program *program, u8 *record,
		     struct vlab_replay_trace *trace);

/*
 * Do what a bug in the core would do, for the test that KASAN sees it: 0, or
 * -EINVAL if there is no bug of that name.
 */
int vlab_replay_plant(const char *bug);

#endif /* VLAB_REPLAY_LAB_H */
