/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watch over one call into the core: every read and write of shared memory
 * passes here, where a program's "during" changes memory just in time, and
 * where the oracles about reads stand.
 */
#ifndef VLAB_FUZZ_WATCH_H
#define VLAB_FUZZ_WATCH_H

#include <vlab/port.h>

#include "program.h"

/* The calls that are watched. */
enum call {
	CALL_REGISTER_DEVICE,
	CALL_UNREGISTER_DEVICE,
	CALL_REGISTER_DRIVER,
	CALL_UNREGISTER_DRIVER,
	CALL_GONE,
	CALL_SHOW,
	CALL_FIND,
	CALL_READ,
	CALL_WRITE,
	CALL_VAL,
	CALL_BYTES,
	CALL_USE_BIT,
	CALL_AGREE,
	CALL_REFRESH,
	CALL_DEVICE_CONFIG,
	CALL_READY,
	CALL_STATUS,
	CALL_FIND_VQ,
	CALL_DEL_VQ,
	CALL_ADD_BUF,
	CALL_KICK,
	CALL_GET_BUF,
	CALL_RESTART,
	CALL_SHUTDOWN,
	CALL_DETACH,
	CALL_RESET_QUEUE,
	CALL_RESET_DEVICE,
	CALL_INTERRUPT,
	CALL_CONFIG_CHANGED,
	CALL_ENTROPY_READ,
	CALL_BLOCK_SUBMIT,
	CALL_BLOCK_KICK,
	CALL_BLOCK_COMPLETE,
	CALL_BLOCK_LIMITS,
	CALL_BLOCK_REVALIDATE,
	CALL_BLOCK_RECLAIM,
	CALL_GET_STATUS,
	CALL_STATS,
	CALLS
};

/**
 * struct call_info - a call of the public interface
 * @name: of the function
 * @budget: shared reads that it may make
 */
struct call_info {
	const char *name;
	unsigned int budget;
};

extern const struct call_info calls[CALLS];

/* Begin and end of a call; calls nest where a callback makes them. */
void watch_begin(enum call call);
void watch_end(u64 result);

/* The innermost call, or NULL. */
const char *watch_call_name(void);

/*
 * What the call that just ended (or still runs) read from a cell; -1: it did
 * not, -2: more than once.
 */
s64 watch_value(enum cell cell, unsigned int queue, unsigned int index);

/* Change a cell just before its k-th read from now. */
void watch_arm(enum cell cell, unsigned int queue, unsigned int index,
	       unsigned int k, u32 value);

void watch_reset(void);

/* Forget what is armed, but go on. */
void watch_disarm(void);

/* Device-side store of the low @size bytes of @value at @p. */
void watch_store(enum cell cell, unsigned int index, void *p, unsigned int size,
		 u64 value);

/* The same to a cell, of the queue that is selected, if it is there now. */
void watch_store_cell(enum cell cell, unsigned int index, u64 value);

/* May the core write bytes [@offset, @offset + @len) of the field space now? */
void watch_allow_fields(unsigned int offset, unsigned int len);

#endif /* VLAB_FUZZ_WATCH_H */
