/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The block driver (VIRTIO 1.2, section 5.2): requests and their checks. */
#ifndef VLAB_VIRTIO_BLK_H
#define VLAB_VIRTIO_BLK_H

#include <vlab/virtio.h>

VLAB_BEGIN_DECLS

#define VIRTIO_ID_BLOCK 2
#define VIRTIO_BLK_SECTOR_SIZE 512

#define VIRTIO_BLK_F_SIZE_MAX 1
#define VIRTIO_BLK_F_SEG_MAX 2
#define VIRTIO_BLK_F_GEOMETRY 4
#define VIRTIO_BLK_F_RO 5
#define VIRTIO_BLK_F_BLK_SIZE 6
#define VIRTIO_BLK_F_FLUSH 9
#define VIRTIO_BLK_F_TOPOLOGY 10
#define VIRTIO_BLK_F_CONFIG_WCE 11
#define VIRTIO_BLK_F_MQ 12
#define VIRTIO_BLK_F_DISCARD 13
#define VIRTIO_BLK_F_WRITE_ZEROES 14

#define VIRTIO_BLK_T_IN 0
#define VIRTIO_BLK_T_OUT 1
#define VIRTIO_BLK_T_FLUSH 4
#define VIRTIO_BLK_T_GET_ID 8
#define VIRTIO_BLK_T_DISCARD 11
#define VIRTIO_BLK_T_WRITE_ZEROES 13

#define VIRTIO_BLK_S_OK 0
#define VIRTIO_BLK_S_IOERR 1
#define VIRTIO_BLK_S_UNSUPP 2

#define VIRTIO_BLK_ID_BYTES 20

/* Queues that the driver uses at most, and pieces of data in a request. */
#define VIRTIO_BLK_QUEUES_MAX 16
#define VIRTIO_BLK_SEGS_MAX 128
/* Requests in flight on one queue at most. */
#define VIRTIO_BLK_REQUESTS_MAX 128

/* Register it with register_virtio_driver(); it may be registered once. */
extern VLAB_API struct virtio_driver virtio_blk_driver;

/**
 * struct virtio_blk_limits - the disk, as validated when the driver was bound
 * @capacity: sectors of 512 bytes; at most 2^54, so that bytes fit 64 bits
 * @block_size: logical block, a power of two from 512 to 4096
 * @segs_max: pieces of data in one request, 1 to VIRTIO_BLK_SEGS_MAX
 * @seg_size_max: bytes in one piece, at least 512
 * @physical_block_size, @alignment_offset, @io_min, @io_opt: bytes, hints only
 * @discard_sectors_max, @zeroes_sectors_max: 0 where not offered
 * @discard_alignment: sectors
 * @queues: at least 1
 * @requests_max: requests with one piece of data that fit in each queue at the
 *	same time, 1 to VIRTIO_BLK_REQUESTS_MAX; fewer if they have many pieces
 * @read_only: writes are refused
 * @flush: VIRTIO_BLK_T_FLUSH is understood
 */
struct virtio_blk_limits {
	u64 capacity;
	u32 block_size;
	u32 segs_max;
	u32 seg_size_max;
	u32 physical_block_size;
	u32 alignment_offset;
	u32 io_min;
	u32 io_opt;
	u32 discard_sectors_max;
	u32 discard_alignment;
	u32 zeroes_sectors_max;
	unsigned int queues;
	unsigned int requests_max;
	bool read_only;
	bool flush;
};

/* 0, or -ENODEV when @vdev is not bound to this driver. Any context. */
VLAB_API int virtio_blk_limits(struct virtio_device *vdev,
			       struct virtio_blk_limits *limits);

/*
 * Read a changed capacity after config_changed. 0, -EAGAIN, -ENOMEM, -EIO (it
 * cannot be read or is not valid: the old one stays), -ENODEV. May sleep.
 */
VLAB_API int virtio_blk_revalidate(struct virtio_device *vdev);

/**
 * virtio_blk_submit - post one request; publish with virtio_blk_kick()
 * @queue: 0 to limits.queues - 1
 * @type: VIRTIO_BLK_T_*
 * @sector: first sector (IN, OUT, DISCARD, WRITE_ZEROES), else 0
 * @sectors: their number (DISCARD, WRITE_ZEROES), else 0: the data tells
 * @data, @segs: the data's pieces (IN, OUT, GET_ID), else NULL and 0. GET_ID
 *	wants VIRTIO_BLK_ID_BYTES, zeroed: devices may stop writing at a NUL.
 * @token: comes back from virtio_blk_complete(); not NULL
 *
 * 0, -EINVAL (empty, not in whole blocks, too many or too large pieces, out of
 * range of the disk), -EROFS, -EOPNOTSUPP, -ENOSPC (no room now), -ENOMEM,
 * -EIO (queue broken), -ENODEV. On error nothing is posted. The data stays the
 * caller's and must live until the token is back. One queue's calls are
 * serialised by the driver's own irq-safe lock. Any context.
 */
VLAB_API int virtio_blk_submit(struct virtio_device *vdev, unsigned int queue,
			       u32 type, u64 sector, u32 sectors,
			       struct scatterlist *data, unsigned int segs,
			       void *token);

VLAB_API void virtio_blk_kick(struct virtio_device *vdev, unsigned int queue);

/**
 * virtio_blk_complete - take one finished request
 * @token: set to the request's token
 *
 * Returns 1 and sets *@token and *@error (0, or -EIO, -EOPNOTSUPP as the
 * device reported it; -EIO also when it wrote no status, or reported success
 * without having written all of the data, of which an id may have less); 0 when
 * none is finished; -EIO when the queue is broken, -EINVAL (@queue), -ENODEV.
 * Any context.
 */
VLAB_API int virtio_blk_complete(struct virtio_device *vdev, unsigned int queue,
				 void **token, int *error);

/**
 * virtio_blk_notify - call @fn when requests of @queue may have finished
 *
 * In the context of the transport's interrupt; NULL turns it off.
 */
VLAB_API void virtio_blk_notify(struct virtio_device *vdev,
				void (*fn)(struct virtio_device *vdev,
					   unsigned int queue));

/**
 * virtio_blk_reclaim - after virtio_reset_device(): take back a token
 *
 * Returns 1 with *@token of a request that never finished, or 0. May sleep.
 * Tokens that are still out when the driver is unbound are dropped; by then
 * the device was reset, and their data is the caller's again.
 */
VLAB_API int virtio_blk_reclaim(struct virtio_device *vdev, unsigned int queue,
				void **token);

VLAB_END_DECLS

#endif /* VLAB_VIRTIO_BLK_H */
