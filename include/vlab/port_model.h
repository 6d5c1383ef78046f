/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the ports without a kernel's device model have in common: memory and
 * warnings by a few functions, and positions on a bus. That is the library's
 * port and, with the hook, the laboratory's in both worlds.
 */
#ifndef VLAB_PORT_MODEL_H
#define VLAB_PORT_MODEL_H

#include <vlab/types.h>

#define GFP_KERNEL 0

void *vlab_port_alloc(size_t size);
void *vlab_port_zalloc(size_t size);
void vlab_port_free(const void *ptr);
void *vlab_port_dma_alloc(size_t size, dma_addr_t *addr);
void vlab_port_dma_free(size_t size, void *ptr, dma_addr_t addr);
void vlab_port_sleep(unsigned int us);
/* One recursive lock: it keeps other threads off the bus. */
void vlab_port_lock(void);
void vlab_port_unlock(void);
void vlab_port_warn(struct device *dev, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static inline void *kmalloc(size_t size, int gfp)
{
	(void)gfp;
	return vlab_port_alloc(size);
}

static inline void *kzalloc(size_t size, int gfp)
{
	(void)gfp;
	return vlab_port_zalloc(size);
}

static inline void kfree(const void *ptr)
{
	vlab_port_free(ptr);
}

static inline void *dma_alloc_coherent(struct device *dev, size_t size,
				       dma_addr_t *addr, int gfp)
{
	(void)dev;
	(void)gfp;
	return vlab_port_dma_alloc(size, addr);
}

static inline void dma_free_coherent(struct device *dev, size_t size, void *ptr,
				     dma_addr_t addr)
{
	(void)dev;
	vlab_port_dma_free(size, ptr, addr);
}

static inline void usleep_range(unsigned long min_us, unsigned long max_us)
{
	(void)max_us;
	vlab_port_sleep((unsigned int)min_us);
}

#define dev_warn_ratelimited(dev, ...) vlab_port_warn(dev, __VA_ARGS__)

/* Positions on the bus: the lowest free one, at most this many. */
#define VLAB_IDA_MAX 1024

struct ida {
	u64 used[VLAB_IDA_MAX / 64];
};

#define DEFINE_IDA(name) struct ida name

int ida_alloc(struct ida *ida, int gfp);
void ida_free(struct ida *ida, unsigned int id);

#ifdef VLAB_PORT_HOOK

/* The fuzz and replay builds: the adversary watches, and maps are counted. */
void port_shared_read(const void *p, size_t size);
void port_shared_wrote(const void *p, size_t size);

/* So many reads the adversary waits for, to change what they find. */
extern unsigned int port_shared_triggers;

static inline bool port_shared_awaited(void)
{
	return port_shared_triggers;
}

#define PORT_MAPS(dev) ((void)(dev), true)
#define PORT_UNMAPPED ((dma_addr_t)~0ULL)
dma_addr_t port_map_sg(struct device *dev, struct scatterlist *sg, bool write);
void port_unmap(struct device *dev, dma_addr_t addr, u32 len, bool write,
		u32 written);

static inline bool port_map_failed(struct device *dev, dma_addr_t addr)
{
	(void)dev;
	return addr == PORT_UNMAPPED;
}

#else

static inline void port_shared_read(const void *p, size_t size)
{
	(void)p;
	(void)size;
}

static inline void port_shared_wrote(const void *p, size_t size)
{
	(void)p;
	(void)size;
}

static inline bool port_shared_awaited(void)
{
	return false;
}

#define PORT_MAPS(dev) ((void)(dev), false)

static inline dma_addr_t port_map_sg(struct device *dev, struct scatterlist *sg,
				     bool write)
{
	(void)dev;
	(void)write;
	return (dma_addr_t)(uintptr_t)sg->addr;
}

static inline bool port_map_failed(struct device *dev, dma_addr_t addr)
{
	(void)dev;
	(void)addr;
	return false;
}

static inline void port_unmap(struct device *dev, dma_addr_t addr, u32 len,
			      bool write, u32 written)
{
	(void)dev;
	(void)addr;
	(void)len;
	(void)write;
	(void)written;
}

#endif /* VLAB_PORT_HOOK */
#endif /* VLAB_PORT_MODEL_H */
