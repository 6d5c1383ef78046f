/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few types that the public headers are written in: the kernel's own in a
 * kernel build, the same names for a program in user space.
 *
 * Errors are 0 or a negative errno; a function that returns a pointer returns
 * NULL for "none" and, where it says so, ERR_PTR() for an error.
 */
#ifndef VLAB_TYPES_H
#define VLAB_TYPES_H

#ifdef __KERNEL__

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/types.h>

#ifdef VLAB_PORT_HOOK
/* The laboratory's addresses have 64 bits, also where those of DMA have 32. */
#define dma_addr_t u64
#else
#include <linux/device.h>
#include <linux/mod_devicetable.h>
#include <linux/scatterlist.h>

#include <vlab/names_kernel.h>
#endif

#define VLAB_API
#define VLAB_BEGIN_DECLS
#define VLAB_END_DECLS

#else /* user space */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#define VLAB_API __attribute__((visibility("default")))
#ifdef __cplusplus
#define VLAB_BEGIN_DECLS extern "C" {
#define VLAB_END_DECLS }
#else
#define VLAB_BEGIN_DECLS
#define VLAB_END_DECLS
#endif

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;
typedef u64 dma_addr_t;

#define MAX_ERRNO 4095

static inline void *ERR_PTR(long error)
{
	return (void *)(intptr_t)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)(intptr_t)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return (uintptr_t)ptr >= (uintptr_t)-MAX_ERRNO;
}

#endif /* user space */

/* No kernel's device model below: the library, and every build with the hook.
 */
#if !defined(__KERNEL__) || defined(VLAB_PORT_HOOK)

VLAB_BEGIN_DECLS

/**
 * struct scatterlist - one piece of a buffer in the memory of this process
 * @addr: first byte
 * @length: bytes; 0 marks a piece that add_buf refuses
 */
struct scatterlist {
	void *addr;
	u32 length;
};

/**
 * sg_set_buf - let one entry name a piece of memory
 *
 * A length that 32 bits cannot hold becomes 0, which add_buf refuses: cut to
 * its low half it would name another buffer than the caller meant.
 */
static inline void sg_set_buf(struct scatterlist *sg, const void *buf,
			      size_t length)
{
	sg->addr = (void *)(uintptr_t)buf;
	sg->length = length > 0xffffffffUL ? 0 : (u32)length;
}

static inline void sg_init_table(struct scatterlist *sgl, unsigned int nents)
{
	unsigned int i;

	for (i = 0; i < nents; i++)
		sg_set_buf(&sgl[i], NULL, 0);
}

static inline void sg_init_one(struct scatterlist *sg, const void *buf,
			       size_t length)
{
	sg_set_buf(sg, buf, length);
}

struct device_driver;

/**
 * struct device - the part of the kernel's struct device that vlab relies on
 * @parent: the device whose DMA rules apply; may be NULL
 * @driver: the bound driver, or NULL; written by the bus only
 * @release: called after the last reference is gone; set by the core
 * @next, @order, @added, @busy: the bus's; private
 */
struct device {
	struct device *parent;
	struct device_driver *driver;
	void (*release)(struct device *dev);
	struct device *next;
	char name[24];
	unsigned int refs;
	unsigned int warnings;
	u64 order;
	bool added;
	bool busy;
};

/**
 * struct device_driver - the part of the kernel's that vlab relies on
 * @name: shown in messages
 * @next, @order, @added: the bus's; private
 */
struct device_driver {
	const char *name;
	struct device_driver *next;
	u64 order;
	bool added;
};

/**
 * struct virtio_device_id - what a driver serves; VIRTIO_DEV_ANY_ID in either
 * member matches every value. Device id 0 is reserved and matches nothing.
 */
struct virtio_device_id {
	__u32 device;
	__u32 vendor;
};
#define VIRTIO_DEV_ANY_ID 0xffffffff

VLAB_END_DECLS

#endif /* no kernel's device model */
#endif /* VLAB_TYPES_H */
