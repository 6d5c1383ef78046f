/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the block layer that differs between kernel versions. */
#ifndef VLAB_PORT_BLOCK_H
#define VLAB_PORT_BLOCK_H

#include <linux/blk-mq.h>
#include <linux/version.h>

#include <vlab/virtio_blk.h>

/*
 * What queue_rqs() gets. It became a type of its own in Linux 6.13 and in some
 * 6.12, and with it what takes from it a function.
 */
#ifdef rq_list_pop
#define PORT_RQ_LIST struct request *
#else
#define PORT_RQ_LIST struct rq_list
#endif

/*
 * Before a request of that list is started: from then on its timer can find it.
 * With Linux 6.7 the block layer began to see to it.
 */
static inline void port_take_request(struct request *rq)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	rq->mq_hctx->tags->rqs[rq->tag] = rq;
#endif
}

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
