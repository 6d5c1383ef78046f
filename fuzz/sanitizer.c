// SPDX-License-Identifier: GPL-2.0-or-later
/* Fences for ASan, uninitialised memory for MSan; see sanitizer.h. */
#include <vlab/port.h>

#include "sanitizer.h"

#ifdef VLAB_MSAN
#include <sanitizer/msan_interface.h>
#endif

#define UNCHECKED __attribute__((no_sanitize("address", "undefined")))

#ifdef VLAB_ASAN
#include <sanitizer/asan_interface.h>

/*
 * ASan's shadow has a byte for 8 of memory, here written a word for 64 at once:
 * 0 is open, 0xf7 what a user poisoned, 1 to 7 open in its first bytes only.
 */
#define SHADOW_SCALE 3
#define SHADOW_OPEN 0
#define SHADOW_FENCE 0xf7f7f7f7f7f7f7f7ULL

/*
 * ASan's own functions for this take any address, and are slow: blocks come and
 * go many times in an execution. The stores are volatile, or they would become
 * a memset() that ASan checks.
 */
static UNCHECKED volatile u64 *shadow_of(const void *p)
{
	static uintptr_t offset;
	size_t scale;

	/* With another scale sanitizer_fences() finds no fence. */
	if (unlikely(!offset))
		__asan_get_shadow_mapping(&scale, &offset);
	return (volatile u64 *)(((uintptr_t)p >> SHADOW_SCALE) + offset);
}

/* Of 64 bytes the first @open; ASan knows little-endian machines only. */
static UNCHECKED u64 partly_open(size_t open)
{
	unsigned int bits = (unsigned int)(open & ~(size_t)7);
	u64 word = SHADOW_FENCE << bits;

	if (open % 8)
		word ^= (u64)(0xf7 ^ (open % 8)) << bits;
	return word;
}
#endif

UNCHECKED void sanitizer_fence(const void *p, size_t size)
{
#ifdef VLAB_ASAN
	volatile u64 *shadow = shadow_of(p);
	size_t i;

	for (i = 0; i < (size + 63) / 64; i++)
		shadow[i] = SHADOW_FENCE;
#else
	(void)p;
	(void)size;
#endif
}

UNCHECKED void sanitizer_open(const void *p, size_t size)
{
#ifdef VLAB_ASAN
	volatile u64 *shadow = shadow_of(p);
	size_t i;

	for (i = 0; i < size / 64; i++)
		shadow[i] = SHADOW_OPEN;
	if (size % 64)
		shadow[i] = partly_open(size % 64);
#else
	(void)p;
	(void)size;
#endif
}

bool sanitizer_fences(void)
{
#ifdef VLAB_ASAN
	static _Alignas(64) u64 word[8];
	bool fenced;

	sanitizer_fence(word, sizeof(word));
	fenced = __asan_address_is_poisoned(word);
	sanitizer_open(word, sizeof(word));
	return fenced;
#else
	return false;
#endif
}

#ifdef VLAB_MSAN
void sanitizer_forget(const void *p, size_t size)
{
	__msan_allocated_memory(p, size);
}

void sanitizer_check_initialised(const void *p, size_t size)
{
	__msan_check_mem_is_initialized(p, size);
}
#endif
