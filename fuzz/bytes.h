/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memcpy() and its kin for a few bytes of the laboratory's own.
 *
 * In a program with ASan the functions of the C library ask about every byte,
 * also when who calls them is built without it; of the few bytes that the
 * laboratory moves at a time that is most of the cost. These are loops, and
 * BYTES_HIDE() keeps the compiler from making calls of them again.
 */
#ifndef VLAB_FUZZ_BYTES_H
#define VLAB_FUZZ_BYTES_H

#include <vlab/types.h>

#define BYTES_HIDE(p) __asm__("" : "+r"(p))

/* Words at any address, of memory of any type. */
#ifdef __CHECKER__ /* sparse has no vectors */
typedef struct {
	u64 low, high;
} bytes_16;
#else
typedef u64 bytes_16 __attribute__((vector_size(16), aligned(1), may_alias));
#endif
typedef u64 bytes_8 __attribute__((aligned(1), may_alias));
typedef u32 bytes_4 __attribute__((aligned(1), may_alias));

/* Of each size the last word ends with the bytes, and may overlap the others.
 */
static inline void bytes_copy(void *to, const void *from, size_t n)
{
	const u8 *f = (const u8 *)from, *last;
	u8 *t = (u8 *)to;

	if (n >= 16) {
		for (last = f + n - 16; f < last; f += 16, t += 16) {
			*(bytes_16 *)t = *(const bytes_16 *)f;
			BYTES_HIDE(t);
		}
		*(bytes_16 *)(t - (f - last)) = *(const bytes_16 *)last;
	} else if (n >= 8) {
		*(bytes_8 *)t = *(const bytes_8 *)f;
		*(bytes_8 *)(t + n - 8) = *(const bytes_8 *)(f + n - 8);
	} else if (n >= 4) {
		*(bytes_4 *)t = *(const bytes_4 *)f;
		*(bytes_4 *)(t + n - 4) = *(const bytes_4 *)(f + n - 4);
	} else if (n) {
		t[0] = f[0];
		t[n / 2] = f[n / 2];
		t[n - 1] = f[n - 1];
	}
}

static inline void bytes_fill(void *to, u8 value, size_t n)
{
	const u64 wide = value * 0x0101010101010101ULL;
	const bytes_16 pair = { wide, wide };
	u8 *t = (u8 *)to, *end = t + n;

	for (; n >= 64; n -= 64, t += 64) {
		((bytes_16 *)t)[0] = pair;
		((bytes_16 *)t)[1] = pair;
		((bytes_16 *)t)[2] = pair;
		((bytes_16 *)t)[3] = pair;
		BYTES_HIDE(t);
	}
	for (; n >= 16; n -= 16, t += 16) {
		*(bytes_16 *)t = pair;
		BYTES_HIDE(t);
	}
	if (n >= 8) {
		*(bytes_8 *)t = wide;
		*(bytes_8 *)(end - 8) = wide;
	} else if (n >= 4) {
		*(bytes_4 *)t = (u32)(wide & 0xffffffff);
		*(bytes_4 *)(end - 4) = (u32)(wide & 0xffffffff);
	} else if (n) {
		t[0] = value;
		t[n / 2] = value;
		t[n - 1] = value;
	}
}

static inline bool bytes_same(const void *one, const void *other, size_t n)
{
	const u8 *a = (const u8 *)one, *b = (const u8 *)other, *last;

	if (n >= 8) {
		for (last = a + n - 8; a < last; a += 8, b += 8)
			if (*(const bytes_8 *)a != *(const bytes_8 *)b)
				return false;
		return *(const bytes_8 *)last ==
		       *(const bytes_8 *)(b - (a - last));
	}
	if (n >= 4)
		return *(const bytes_4 *)a == *(const bytes_4 *)b &&
		       *(const bytes_4 *)(a + n - 4) ==
			       *(const bytes_4 *)(b + n - 4);
	return !n ||
	       (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
}

/* Do all bytes have this value? */
static inline bool bytes_are(const void *p, u8 value, size_t n)
{
	const u64 wide = value * 0x0101010101010101ULL;
	const u8 *a = (const u8 *)p;
	u64 other = 0;

	for (; n >= 8; n -= 8, a += 8)
		other |= *(const bytes_8 *)a ^ wide;
	for (; n; n--)
		other |= *a++ ^ (u64)value;
	return !other;
}

#endif /* VLAB_FUZZ_BYTES_H */
