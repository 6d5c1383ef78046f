/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the drivers share: a device, honest until it is not. */
#ifndef VLAB_TESTS_HELPER_H
#define VLAB_TESTS_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <vlab/loopback.h>
#include <vlab/port.h>
#include <vlab/virtio_ring.h>

#define PEER_RING_FEATURES \
	(1ULL << VIRTIO_RING_F_EVENT_IDX | 1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define PEER_FEATURES (PEER_RING_FEATURES | 1ULL << VIRTIO_F_VERSION_1)

/**
 * struct peer - a device with the honest end of up to two queues
 */
struct peer {
	struct loopback_regs regs;
	struct loopback lb;
	struct loopback_ring ring[2];
};

/* The registers are filled by the caller afterwards, before peer_plug(). */
static inline void peer_init(struct peer *peer, u32 device, u64 features,
			     unsigned int queues, u16 num)
{
	unsigned int i;

	memset(peer, 0, sizeof(*peer));
	loopback_init(&peer->lb, LOOPBACK_REGISTERS, &peer->regs, device, 7);
	features |= PEER_FEATURES;
	peer->regs.features[0] = cpu_to_le32((u32)features);
	peer->regs.features[1] = cpu_to_le32((u32)(features >> 32));
	peer->regs.num_queues = cpu_to_le16((u16)queues);
	for (i = 0; i < queues; i++)
		peer->regs.queue_size[i] = cpu_to_le16(num);
	for (i = 0; i < ARRAY_SIZE(peer->ring); i++)
		loopback_ring_init(&peer->ring[i], &peer->lb.queue[i],
				   PEER_RING_FEATURES);
}

static inline void peer_plug(struct peer *peer)
{
	assert_int_equal(register_virtio_device(&peer->lb.vdev), 0);
}

static inline void peer_unplug(struct peer *peer)
{
	unregister_virtio_device(&peer->lb.vdev);
	assert_null(peer->lb.vdev.core);
}

static inline void *peer_at(dma_addr_t addr)
{
	return (void *)(uintptr_t)addr;
}

/* Take the next buffer as the device does; there must be one. */
static inline struct loopback_chain peer_pop(struct peer *peer,
					     unsigned int queue)
{
	struct loopback_chain chain;

	assert_int_equal(loopback_ring_pop(&peer->ring[queue], &chain), 1);
	return chain;
}

/* A hostile used element: any id, any length. */
static inline void peer_use(struct peer *peer, unsigned int queue, u32 id,
			    u32 len)
{
	struct loopback_ring *ring = &peer->ring[queue];
	struct vring_used *used = peer_at(ring->queue->setup.used);

	used->ring[ring->used % ring->queue->setup.num] =
		(struct vring_used_elem){ cpu_to_le32(id), cpu_to_le32(len) };
	used->idx = cpu_to_le16(++ring->used);
}

#endif /* VLAB_TESTS_HELPER_H */
