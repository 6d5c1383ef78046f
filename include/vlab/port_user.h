/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port's contract (port.h) for a program in user space. */
#ifndef VLAB_PORT_USER_H
#define VLAB_PORT_USER_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vlab/types.h>

#if defined(__CHECKER__)
#define __shared __attribute__((noderef, address_space(1)))
#define __force __attribute__((force))
#elif defined(__clang__)
#define __shared __attribute__((noderef))
#define __force
#else
#define __shared
#define __force
#endif

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define __must_check __attribute__((warn_unused_result))
#define noinline __attribute__((__noinline__))
#define __cold __attribute__((__cold__))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BUILD_BUG_ON(cond) _Static_assert(!(cond), #cond)
#define EXPORT_SYMBOL_GPL(sym) _Static_assert(sizeof(&(sym)) != 0, #sym)
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define min_t(type, a, b) min((type)(a), (type)(b))
#define check_add_overflow(a, b, sum) __builtin_add_overflow(a, b, sum)

#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)(void *)&(x) = (v))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define vlab_le16(x) ((u16)(x))
#define vlab_le32(x) ((u32)(x))
#define vlab_le64(x) ((u64)(x))
#else
#define vlab_le16(x) __builtin_bswap16(x)
#define vlab_le32(x) __builtin_bswap32(x)
#define vlab_le64(x) __builtin_bswap64(x)
#endif

static inline __le16 cpu_to_le16(u16 v)
{
	return (__force __le16)vlab_le16(v);
}

static inline __le32 cpu_to_le32(u32 v)
{
	return (__force __le32)vlab_le32(v);
}

static inline __le64 cpu_to_le64(u64 v)
{
	return (__force __le64)vlab_le64(v);
}

static inline u16 le16_to_cpu(__le16 v)
{
	return vlab_le16((__force u16)v);
}

static inline u32 le32_to_cpu(__le32 v)
{
	return vlab_le32((__force u32)v);
}

static inline u64 le64_to_cpu(__le64 v)
{
	return vlab_le64((__force u64)v);
}

/* Of a size that is known a memcpy() is one load or store, checked once. */
static inline u16 get_unaligned_le16(const void *p)
{
	__le16 v;

	memcpy(&v, p, sizeof(v));
	return le16_to_cpu(v);
}

static inline u32 get_unaligned_le32(const void *p)
{
	__le32 v;

	memcpy(&v, p, sizeof(v));
	return le32_to_cpu(v);
}

static inline u64 get_unaligned_le64(const void *p)
{
	__le64 v;

	memcpy(&v, p, sizeof(v));
	return le64_to_cpu(v);
}

static inline void put_unaligned_le16(u16 v, void *p)
{
	const __le16 le = cpu_to_le16(v);

	memcpy(p, &le, sizeof(le));
}

static inline void put_unaligned_le32(u32 v, void *p)
{
	const __le32 le = cpu_to_le32(v);

	memcpy(p, &le, sizeof(le));
}

static inline void put_unaligned_le64(u64 v, void *p)
{
	const __le64 le = cpu_to_le64(v);

	memcpy(p, &le, sizeof(le));
}

#define virt_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define virt_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define virt_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

static inline int scnprintf(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Like snprintf(), but returns what was really written. */
static inline int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	if (!size)
		return 0;
	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	if (n < 0)
		return 0;
	return (size_t)n < size ? n : (int)(size - 1);
}

/* A program has no interrupts: "irqsave" keeps other threads out. */
typedef struct {
	int locked;
} spinlock_t;

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->locked = 0;
}

static inline void vlab_spin_lock(spinlock_t *lock)
{
	while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
		;
}

#define spin_lock_irqsave(lock, flags) ((flags) = 0, vlab_spin_lock(lock))
#define spin_unlock_irqrestore(lock, flags) \
	((void)(flags), __atomic_store_n(&(lock)->locked, 0, __ATOMIC_RELEASE))

#include <vlab/port_model.h>

#endif /* VLAB_PORT_USER_H */
