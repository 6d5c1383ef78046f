// SPDX-License-Identifier: GPL-2.0-or-later
/* The features that are agreed, by the rules of VIRTIO 1.2 alone. */
#include <vlab/virtio_blk.h>

#include "config_look.h"

#include "lab.h"

#define FEATURE(n) (1ULL << (n))

/* Bits 24 to 49 are the ring's and the transport's; these are carried out. */
#define OF_DEVICES (0xffffffULL | ~0ULL << 50)
#define CARRIED                                                           \
	(FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |                           \
	 FEATURE(VIRTIO_RING_F_EVENT_IDX) | FEATURE(VIRTIO_F_VERSION_1) | \
	 FEATURE(VIRTIO_F_ACCESS_PLATFORM) | FEATURE(VIRTIO_F_RING_RESET))

#define NET 1
#define GPU 16
#define CRYPTO 20

/* A feature of a device that means nothing without one of others. */
static const struct {
	u8 device;
	u8 bit;
	u64 one_of;
} needs[] = {
	/* 5.1.3.1: what a guest takes needs GUEST_CSUM, ... */
	{ NET, 7, FEATURE(1) },
	{ NET, 8, FEATURE(1) },
	{ NET, 10, FEATURE(1) },
	{ NET, 54, FEATURE(1) },
	{ NET, 55, FEATURE(1) },
	/* ... what a host takes needs CSUM, ... */
	{ NET, 11, FEATURE(0) },
	{ NET, 12, FEATURE(0) },
	{ NET, 14, FEATURE(0) },
	{ NET, 56, FEATURE(0) },
	/* ... congestion and coalescing some segmentation, ... */
	{ NET, 9, FEATURE(7) | FEATURE(8) },
	{ NET, 13, FEATURE(11) | FEATURE(12) },
	{ NET, 61, FEATURE(11) | FEATURE(12) },
	/* ... and commands the control queue. */
	{ NET, 18, FEATURE(17) },
	{ NET, 19, FEATURE(17) },
	{ NET, 21, FEATURE(17) },
	{ NET, 22, FEATURE(17) },
	{ NET, 23, FEATURE(17) },
	{ NET, 53, FEATURE(17) },
	{ NET, 57, FEATURE(17) },
	{ NET, 60, FEATURE(17) },
	/* 5.7.3 */
	{ GPU, 4, FEATURE(0) },
	/* 5.9.3.1 */
	{ CRYPTO, 1, FEATURE(0) },
	{ CRYPTO, 2, FEATURE(0) },
	{ CRYPTO, 3, FEATURE(0) },
	{ CRYPTO, 4, FEATURE(0) },
};

/* The first bit that lacks what it needs, or 64. */
static unsigned int unmet(u64 features)
{
	u32 device = lab.lb.vdev.id.device;
	unsigned int i;

	/* Most devices have no such features. */
	if (device != NET && device != GPU && device != CRYPTO)
		return 64;
	for (i = 0; i < ARRAY_SIZE(needs); i++)
		if (needs[i].device == device &&
		    features & FEATURE(needs[i].bit) &&
		    !(features & needs[i].one_of))
			return needs[i].bit;
	return 64;
}

/* Without GEOMETRY and CONFIG_WCE, which the block driver has no use for. */
#define OF_BLOCK                                                          \
	(FEATURE(VIRTIO_BLK_F_SIZE_MAX) | FEATURE(VIRTIO_BLK_F_SEG_MAX) | \
	 FEATURE(VIRTIO_BLK_F_RO) | FEATURE(VIRTIO_BLK_F_BLK_SIZE) |      \
	 FEATURE(VIRTIO_BLK_F_FLUSH) | FEATURE(VIRTIO_BLK_F_TOPOLOGY) |   \
	 FEATURE(VIRTIO_BLK_F_MQ) | FEATURE(VIRTIO_BLK_F_DISCARD) |       \
	 FEATURE(VIRTIO_BLK_F_WRITE_ZEROES))

/* What the driver of the device can do with it. */
static u64 of_driver(void)
{
	if (lab.device == LAB_BLOCK)
		return OF_BLOCK;
	if (lab.device == LAB_ENTROPY)
		return 0;
	return plain_feature_bits() & OF_DEVICES;
}

u64 features_model_taken(u64 offered)
{
	u64 taken = (CARRIED | of_driver()) & offered;
	unsigned int bit;

	while ((bit = unmet(taken)) < 64)
		taken &= ~FEATURE(bit);
	return taken;
}

bool features_model_may_use(u64 features, unsigned int bit)
{
	return bit < 64 && FEATURE(bit) & (CARRIED | OF_DEVICES) &&
	       unmet(features | FEATURE(bit)) == 64;
}
