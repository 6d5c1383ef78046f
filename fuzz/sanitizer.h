/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Telling the sanitizers, where there are any, what memory means.
 *
 * These are functions of a library of their own: the laboratory may be built
 * without the sanitizers that its core is built with.
 */
#ifndef VLAB_FUZZ_SANITIZER_H
#define VLAB_FUZZ_SANITIZER_H

#include <vlab/types.h>

/* What this file is compiled with. */
#if defined(__SANITIZE_ADDRESS__)
#define VLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VLAB_ASAN 1
#endif
#if __has_feature(memory_sanitizer)
#define VLAB_MSAN 1
#endif
#endif

/*
 * Nobody may touch this memory; @p is aligned to 64. So is what follows up to
 * the next multiple.
 */
void sanitizer_fence(const void *p, size_t size);

/*
 * This memory is in use; @p is aligned to 64. What follows up to the next
 * multiple is fenced.
 */
void sanitizer_open(const void *p, size_t size);

/* Does ASan know of a fence? */
bool sanitizer_fences(void);

#ifdef VLAB_MSAN

/* Whatever this memory holds, nobody wrote it. */
void sanitizer_forget(const void *p, size_t size);

/* MSan reports the first byte that was never written. */
void sanitizer_check_initialised(const void *p, size_t size);

#else

static inline void sanitizer_forget(const void *p, size_t size)
{
	(void)p;
	(void)size;
}

static inline void sanitizer_check_initialised(const void *p, size_t size)
{
	(void)p;
	(void)size;
}

#endif /* VLAB_MSAN */

#endif /* VLAB_FUZZ_SANITIZER_H */
