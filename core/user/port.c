// SPDX-License-Identifier: GPL-2.0-or-later
/* The port (port.h) for a program: memory, sleep, the lock, warnings. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP */
#endif
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <vlab/port.h>

/* A ring begins a cache line of its own; more than VIRTIO 2.7 asks for. */
#define DMA_ALIGN 64

/* What one device may say: a peer that errs for ever must not fill a disk. */
#define WARNINGS_MAX 10
#define WARNING_BYTES 256

static pthread_mutex_t bus_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

void vlab_port_lock(void)
{
	pthread_mutex_lock(&bus_lock);
}

void vlab_port_unlock(void)
{
	pthread_mutex_unlock(&bus_lock);
}

void *vlab_port_alloc(size_t size)
{
	return malloc(size ? size : 1);
}

void *vlab_port_zalloc(size_t size)
{
	return calloc(1, size ? size : 1);
}

void vlab_port_free(const void *ptr)
{
	free((void *)(uintptr_t)ptr);
}

/* Zeroed: the peer reads this memory, and nothing of ours may be left in it. */
void *vlab_port_dma_alloc(size_t size, dma_addr_t *addr)
{
	void *ptr;

	if (posix_memalign(&ptr, DMA_ALIGN, size ? size : 1))
		return NULL;
	memset(ptr, 0, size);
	*addr = (dma_addr_t)(uintptr_t)ptr;
	return ptr;
}

void vlab_port_dma_free(size_t size, void *ptr, dma_addr_t addr)
{
	(void)size;
	(void)addr;
	free(ptr);
}

void vlab_port_sleep(unsigned int us)
{
	const struct timespec pause = {
		.tv_sec = us / 1000000,
		.tv_nsec = us % 1000000 * 1000,
	};

	nanosleep(&pause, NULL);
}

/*
 * Takes no lock: a driver warns while it holds one of its own. Two threads
 * that warn at once may both count past the limit by one; nothing wraps.
 */
void vlab_port_warn(struct device *dev, const char *fmt, ...)
{
	char text[WARNING_BYTES];
	unsigned int shown;
	va_list args;

	if (__atomic_load_n(&dev->warnings, __ATOMIC_RELAXED) > WARNINGS_MAX)
		return;
	shown = __atomic_fetch_add(&dev->warnings, 1, __ATOMIC_RELAXED);
	if (shown > WARNINGS_MAX)
		return;
	if (shown == WARNINGS_MAX) {
		fprintf(stderr,
			"vlab: %s: further warnings of this device are not "
			"shown\n",
			dev->name);
		return;
	}
	va_start(args, fmt);
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	/* The kernel's way is a newline in the text; one is enough. */
	text[strcspn(text, "\n")] = '\0';
	fprintf(stderr, "vlab: %s: %s\n", dev->name, text);
}
