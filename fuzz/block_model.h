/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the model of the block driver knows of the disk. */
#ifndef VLAB_FUZZ_BLOCK_MODEL_H
#define VLAB_FUZZ_BLOCK_MODEL_H

#include <vlab/virtio_blk.h>

/* What a request has in DMA memory: header, segment, and then the status. */
#define BLOCK_MODEL_WIRE_BYTES 64u
#define BLOCK_MODEL_WIRE_STATUS 32u
/* Of one queue. */
#define BLOCK_MODEL_SLOTS 128u

/**
 * struct block_model - the driver, as it must be
 * @bound: to a device ...
 * @disk: ... with these limits
 */
struct block_model {
	struct virtio_blk_limits disk;
	bool bound;
};

extern struct block_model block_model;

/* The driver is unbound: nobody owes an answer. */
void block_model_drop_requests(void);

/*
 * The limits that follow from a device configuration and the features that
 * were agreed (VIRTIO 1.2, 5.2.4); false: no driver may take such a disk.
 */
bool block_limits_expected(const u8 *config, unsigned int len, u64 features,
			   struct virtio_blk_limits *limits);

/* The capacity alone. */
bool block_capacity_expected(const u8 *config, unsigned int len, u64 *capacity);

#endif /* VLAB_FUZZ_BLOCK_MODEL_H */
