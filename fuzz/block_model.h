/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the model of the block driver knows of the disk. */
#ifndef VLAB_FUZZ_BLOCK_MODEL_H
#define VLAB_FUZZ_BLOCK_MODEL_H

#include <vlab/virtio_blk.h>

/*
 * The limits that follow from a device configuration and the features that
 * were agreed (VIRTIO 1.2, 5.2.4); false: no driver may take such a disk.
 */
bool block_limits_expected(const u8 *config, unsigned int len, u64 features,
			   struct virtio_blk_limits *limits);

/* The capacity alone. */
bool block_capacity_expected(const u8 *config, unsigned int len, u64 *capacity);

#endif /* VLAB_FUZZ_BLOCK_MODEL_H */
