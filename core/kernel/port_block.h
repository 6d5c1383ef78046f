/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the block layer that differs between kernel versions. */
#ifndef VLAB_PORT_BLOCK_H
#define VLAB_PORT_BLOCK_H

#include <linux/blk-mq.h>

#include <vlab/virtio_blk.h>

/**
 * port_alloc_disk - a disk with limits, that nobody can see yet
 * @tags: its requests
 * @limits: fitted to what the block layer can keep to
 * @bytes_max: that one request may carry, at least a page
 * @data: the queue's queuedata
 *
 * May sleep. The caller owns it: put_disk(). ERR_PTR(-ENOMEM), or -EINVAL for
 * limits that the block layer refuses.
 */
struct gendisk *port_alloc_disk(struct blk_mq_tag_set *tags,
				const struct virtio_blk_limits *limits,
				u32 bytes_max, void *data);

#endif /* VLAB_PORT_BLOCK_H */
