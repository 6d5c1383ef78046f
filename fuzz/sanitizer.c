// SPDX-License-Identifier: GPL-2.0-or-later
/* Fences for ASan, uninitialised memory for MSan; see sanitizer.h. */
#include <vlab/port.h>

#include "sanitizer.h"

#ifdef VLAB_MSAN
#include <sanitizer/msan_interface.h>
#endif

#ifdef VLAB_ASAN
#include <sanitizer/asan_interface.h>

/* ASan's shadow: a byte for 8; what the user poisoned, and what is open. */
#define SHADOW_FENCE 0xf7
#define SHADOW_OPEN 0
#define UNCHECKED __attribute__((no_sanitize("address", "undefined")))

/*
 * ASan's own functions for this work under a lock and on any address. Blocks
 * come and go many times in an execution, and begin where a shadow byte does.
 * The stores are volatile: as a memset() they would be checked by ASan.
 */
static volatile u8 *shadow_of(const void *p)
{
	static size_t scale, offset;

	if (!scale)
		__asan_get_shadow_mapping(&scale, &offset);
	return (volatile u8 *)(((uintptr_t)p >> scale) + offset);
}

static UNCHECKED void set_shadow(volatile u8 *shadow, u8 value, size_t count)
{
	u64 wide = value * 0x0101010101010101ULL;

	for (; count && (uintptr_t)shadow % 8; count--)
		*shadow++ = value;
	for (; count >= 8; count -= 8, shadow += 8)
		*(volatile u64 *)shadow = wide;
	while (count--)
		*shadow++ = value;
}
#endif

void sanitizer_fence(const void *p, size_t size)
{
#ifdef VLAB_ASAN
	set_shadow(shadow_of(p), SHADOW_FENCE, (size + 7) / 8);
#else
	(void)p;
	(void)size;
#endif
}

void sanitizer_open(const void *p, size_t size)
{
#ifdef VLAB_ASAN
	set_shadow(shadow_of(p), SHADOW_OPEN, size / 8);
	/* Of the last eight bytes only the first ones. */
	if (size % 8)
		set_shadow(shadow_of(p) + size / 8, size % 8, 1);
#else
	(void)p;
	(void)size;
#endif
}

bool sanitizer_fences(void)
{
#ifdef VLAB_ASAN
	static u64 word[2];
	bool fenced;

	sanitizer_fence(word, sizeof(word));
	fenced = __asan_address_is_poisoned(word);
	sanitizer_open(word, sizeof(word));
	return fenced;
#else
	return false;
#endif
}

void sanitizer_forget(const void *p, size_t size)
{
#ifdef VLAB_MSAN
	__msan_allocated_memory(p, size);
#else
	(void)p;
	(void)size;
#endif
}

void sanitizer_check_initialised(const void *p, size_t size)
{
#ifdef VLAB_MSAN
	__msan_check_mem_is_initialized(p, size);
#else
	(void)p;
	(void)size;
#endif
}
