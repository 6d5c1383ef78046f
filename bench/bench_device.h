/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other side of the ring that is measured: the smallest device that
 * completes every buffer, and that looks at every descriptor of it.
 */
#ifndef VLAB_BENCH_DEVICE_H
#define VLAB_BENCH_DEVICE_H

#include <vlab/loopback.h>
#include <vlab/virtio.h>
#include <vlab/virtio_ring.h>

/**
 * struct bench_device - a loopback device with one queue, bound to a driver
 * @vq: the queue, as the driver found it
 * @sg: the buffers of a batch in the order in which they are added, @out + @in
 *	pieces each; the descriptors must say the same
 * @out, @in: pieces of each buffer
 * @shortest: bytes of the smallest piece
 * @seq: buffers completed
 */
struct bench_device {
	struct loopback loopback;
	struct loopback_regs regs;
	struct virtqueue *vq;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	const struct scatterlist *sg;
	unsigned int num;
	unsigned int out;
	unsigned int in;
	u32 shortest;
	bool indirect;
	u16 last_avail;
	u32 seq;
};

/* Which ring is wanted. */
struct bench_ring_setup {
	unsigned int num;
	bool indirect;
	bool (*callback)(struct virtqueue *vq);
};

/* True when the device is bound and its queue found. */
bool bench_device_start(struct bench_device *dev,
			const struct bench_ring_setup *setup);
void bench_device_stop(struct bench_device *dev);

/* The bytes that the device reports for the buffer with number @seq. */
u32 bench_device_written(const struct bench_device *dev, u32 seq);

/*
 * Complete what was added since the last call, which must be @count buffers.
 * False when they are not what the driver was given.
 */
bool bench_device_run(struct bench_device *dev, unsigned int count);

/* Does the driver want an interrupt for the last run? */
bool bench_device_interrupts(const struct bench_device *dev,
			     unsigned int count);

#endif /* VLAB_BENCH_DEVICE_H */
