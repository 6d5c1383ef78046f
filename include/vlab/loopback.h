/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loopback transport: a device in the same process as its driver.
 *
 * The device side is a block of registers in memory, which the owner of the
 * loopback (an honest device model, or a fuzzer) writes as it likes, and the
 * queues that the driver set up. The driver side trusts none of it.
 */
#ifndef VLAB_LOOPBACK_H
#define VLAB_LOOPBACK_H

#include <vlab/types.h>
#include <vlab/virtio.h>
#include <vlab/virtio_transport.h>

VLAB_BEGIN_DECLS

/**
 * struct loopback_regs - registers, little-endian, written by the device side
 *
 * LOOPBACK_FIELDS: @field_len and @field are the 2007 field space.
 * LOOPBACK_REGISTERS: the members from @features on are VIRTIO 1.x registers.
 * @status and @generation serve both.
 */
struct loopback_regs {
	u8 status;
	u8 gone; /* reads fail with -ENODEV */
	__le16 field_len;
	__le32 generation;
	__le32 features[2];
	__le32 driver_features[2];
	__le16 num_queues;
	__le16 config_len;
	__le16 queue_size[VIRTIO_CONFIG_QUEUES_MAX];
	u8 config[VIRTIO_CONFIG_DEVICE_MAX];
	u8 field[VIRTIO_CONFIG_SIZE_MAX];
};

enum loopback_kind { LOOPBACK_FIELDS, LOOPBACK_REGISTERS };

/* Queues that one loopback keeps; setting up a higher one is refused. */
#define LOOPBACK_QUEUES 8

struct loopback_queue {
	struct virtio_vq_setup setup;
	bool enabled;
	bool notified; /* since the owner last cleared it */
};

struct loopback;

/**
 * struct loopback_ops - what the owner is told; each may be NULL
 * @status: the driver writes @status; the register is not yet changed. Return
 *	true to let the transport store it, false to ignore the write.
 * @notify: the driver notified queue @index. Return a negative errno to fail
 *	it. The queue must not be worked on from here: this is inside kick().
 * @setup_vq: the driver sets a queue up. Return a negative errno to refuse it.
 * @reset_vq: the driver took queue @index back.
 *
 * Storing status 0 disables all queues.
 */
struct loopback_ops {
	bool (*status)(struct loopback *lb, u8 status);
	int (*notify)(struct loopback *lb, unsigned int index);
	int (*setup_vq)(struct loopback *lb,
			const struct virtio_vq_setup *setup);
	void (*reset_vq)(struct loopback *lb, unsigned int index);
};

/**
 * struct loopback - one device and its transport
 * @vdev: the device as the driver side knows it; register it with
 *	register_virtio_device()
 * @regs: provided by the owner, zeroed, aligned to 8; outlives the loopback
 * @ops, @priv: the owner's
 */
struct loopback {
	struct virtio_device vdev;
	struct loopback_regs *regs;
	const struct loopback_ops *ops;
	void *priv;
	struct loopback_queue queue[LOOPBACK_QUEUES];
};

/**
 * loopback_init - prepare a loopback; nothing is registered yet
 * @device: virtio device id
 * @vendor: vendor id
 */
VLAB_API void loopback_init(struct loopback *lb, enum loopback_kind kind,
			    struct loopback_regs *regs, u32 device, u32 vendor);

/* Append one field to the field space of @regs. 0, or -ENOSPC. */
VLAB_API int loopback_add_field(struct loopback_regs *regs, u8 type,
				const void *bytes, u8 len);

/* Append an F_VIRTIO field with 64 offered bits. 0, or -ENOSPC. */
VLAB_API int loopback_add_features(struct loopback_regs *regs, u64 features);

/* Append an F_VIRTQUEUE field. 0, or -ENOSPC. */
VLAB_API int loopback_add_queue(struct loopback_regs *regs, u16 index, u16 num);

/*
 * The honest device's end of a split ring. Addresses in the ring are turned
 * into pointers by @at (NULL: an address is a pointer in this process), which
 * returns NULL for a range that is not the driver's.
 */
struct loopback_ring {
	struct loopback_queue *queue;
	void *(*at)(void *priv, dma_addr_t addr, size_t len);
	void *priv;
	u64 features; /* agreed: EVENT_IDX, INDIRECT_DESC */
	u16 last_avail;
	u16 used;
	u16 signalled; /* used index when an interrupt was last considered */
};

/**
 * struct loopback_chain - one buffer as the device sees it
 * @head: what loopback_ring_push() gives back
 * @out, @in: counts of readable pieces, and of writable ones after them
 * @out_len, @in_len: their bytes
 *
 * The pieces stay in the ring and are walked again by each copy: a chain may
 * have as many as the ring has descriptors.
 */
struct loopback_chain {
	const struct loopback_ring *ring;
	u16 head;
	unsigned int out;
	unsigned int in;
	u64 out_len;
	u64 in_len;
};

/* Once per set-up of the queue: indices begin at 0 there. */
VLAB_API void loopback_ring_init(struct loopback_ring *ring,
				 struct loopback_queue *queue, u64 features);

/*
 * 1: @chain was filled; 0: nothing available; -EINVAL: the ring is not sane.
 * After a 0 the driver notifies of what it adds next.
 */
VLAB_API int loopback_ring_pop(struct loopback_ring *ring,
			       struct loopback_chain *chain);

/* Give a buffer back with @written bytes. */
VLAB_API void loopback_ring_push(struct loopback_ring *ring, u16 head,
				 u32 written);

/*
 * Must the driver be interrupted for what was pushed since the last call? Ask
 * after each run: the answer is made of 16-bit indices.
 */
VLAB_API bool loopback_ring_signal(struct loopback_ring *ring);

/*
 * Copy between a chain's readable or writable bytes, from @offset on, and flat
 * memory. Returns how many were copied: less than @len where the chain ends.
 */
VLAB_API u32 loopback_chain_read(const struct loopback_chain *chain, u64 offset,
				 void *buf, u32 len);
VLAB_API u32 loopback_chain_write(const struct loopback_chain *chain,
				  u64 offset, const void *buf, u32 len);

/*
 * Honest devices. Each handles every buffer that is available on @ring and
 * returns how many, or -EINVAL for a ring that is not sane.
 *
 * Entropy: byte i of the whole stream is (seed + i) & 0xff, so a test can tell
 * each byte from memory that was never written.
 */
VLAB_API int loopback_entropy_run(struct loopback_ring *ring, u8 *next);

/**
 * struct loopback_disk - an honest block device over @data
 * @sectors: capacity in units of 512 bytes
 * @features: agreed device features (read-only, flush, discard, zeroes)
 */
struct loopback_disk {
	u8 *data;
	u64 sectors;
	u64 features;
};

VLAB_API int loopback_disk_run(struct loopback_ring *ring,
			       struct loopback_disk *disk);

VLAB_END_DECLS

#endif /* VLAB_LOOPBACK_H */
