// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fences around the memory of an execution, for KASAN: what fuzz/sanitizer.c
 * is for ASan. The arena is static memory, which has a shadow of its own; a
 * byte of it stands for 8 bytes, and 64 bytes are one word. This file is not
 * checked by KASAN, for the shadow has none.
 *
 * Tag-based KASAN has no such shadow: it checks the rest, and no fences.
 */
#include <vlab/port.h>

#include "sanitizer.h"

#ifdef CONFIG_KASAN_GENERIC
#include <linux/kasan.h>

/* What KASAN itself puts around static memory: it names the report. */
#define SHADOW_BYTE 0xf9
#define SHADOW_FENCE 0xf9f9f9f9f9f9f9f9ULL

static u64 *shadow_of(const void *p)
{
	return kasan_mem_to_shadow(p);
}

/* Of 64 bytes the first @open. A shadow byte is how many of its 8 are open. */
static void open_partly(u8 *shadow, size_t open)
{
	size_t i;

	for (i = 0; i < 8; i++, open -= min_t(size_t, open, 8))
		shadow[i] = open >= 8 ? 0 : open ? open : SHADOW_BYTE;
}

void sanitizer_fence(const void *p, size_t size)
{
	u64 *shadow = shadow_of(p);
	size_t i;

	for (i = 0; i < (size + 63) / 64; i++)
		shadow[i] = SHADOW_FENCE;
}

void sanitizer_open(const void *p, size_t size)
{
	u64 *shadow = shadow_of(p);
	size_t i;

	for (i = 0; i < size / 64; i++)
		shadow[i] = 0;
	if (size % 64)
		open_partly((u8 *)(shadow + i), size % 64);
}

#else

void sanitizer_fence(const void *p, size_t size)
{
}

void sanitizer_open(const void *p, size_t size)
{
}

#endif
