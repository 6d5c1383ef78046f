/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling the sanitizers, where there are any, what memory means. */
#ifndef VLAB_FUZZ_SANITIZER_H
#define VLAB_FUZZ_SANITIZER_H

#include <vlab/port.h>

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

#ifdef VLAB_ASAN
#include <sanitizer/asan_interface.h>
#endif
#ifdef VLAB_MSAN
#include <sanitizer/msan_interface.h>
#endif

/* Nobody may touch this memory. */
static inline void sanitizer_fence(void *p, size_t size)
{
#ifdef VLAB_ASAN
	ASAN_POISON_MEMORY_REGION(p, size);
#else
	(void)p;
	(void)size;
#endif
}

/* This memory is in use. */
static inline void sanitizer_open(void *p, size_t size)
{
#ifdef VLAB_ASAN
	ASAN_UNPOISON_MEMORY_REGION(p, size);
#else
	(void)p;
	(void)size;
#endif
}

/* This memory was never written: MSan knows, or the first bytes show it. */
static inline void sanitizer_poison(void *p, size_t shown, size_t size,
				    int pattern)
{
#ifdef VLAB_MSAN
	(void)shown;
	(void)pattern;
	__msan_allocated_memory(p, size);
#else
	(void)size;
	memset(p, pattern, shown);
#endif
}

static inline void sanitizer_check_initialised(const void *p, size_t size)
{
#ifdef VLAB_MSAN
	__msan_check_mem_is_initialized(p, size);
#else
	(void)p;
	(void)size;
#endif
}

#endif /* VLAB_FUZZ_SANITIZER_H */
