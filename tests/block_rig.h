/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk, its driver, and the requests that the block tests are made of. */
#ifndef VLAB_TESTS_BLOCK_RIG_H
#define VLAB_TESTS_BLOCK_RIG_H

#include "helper.h"

#include <vlab/virtio_blk.h>

#define SECTORS 64

#define F(bit) (1ULL << VIRTIO_BLK_F_##bit)

static struct peer peer;
static u8 medium[SECTORS * 512];
static struct loopback_disk disk;

static inline void config_le32(unsigned int offset, u32 val)
{
	put_unaligned_le32(val, &peer.regs.config[offset]);
}

static inline void config_le64(unsigned int offset, u64 val)
{
	put_unaligned_le64(val, &peer.regs.config[offset]);
}

/* A sane device configuration for @features; tests spoil it afterwards. */
static inline void prepare(u64 features, unsigned int queues, u16 num)
{
	unsigned int i;

	peer_init(&peer, VIRTIO_ID_BLOCK, features, queues, num);
	peer.regs.config_len = cpu_to_le16(60);
	config_le64(0, SECTORS);
	config_le32(8, 4096);
	config_le32(12, 16);
	config_le32(20, 512);
	put_unaligned_le16((u16)queues, &peer.regs.config[34]);
	config_le32(36, 32);
	config_le32(44, 8);
	config_le32(48, 16);
	for (i = 0; i < sizeof(medium); i++)
		medium[i] = (u8)(i / 512 + i);
	disk = (struct loopback_disk){ medium, SECTORS, features };
}

/* Plug the device in; the result of probe as bound or not. */
static inline bool plug(void)
{
	peer_plug(&peer);
	return peer.lb.vdev.dev.driver;
}

static inline void serve(unsigned int queue, int requests)
{
	assert_int_equal(loopback_disk_run(&peer.ring[queue], &disk), requests);
}

static inline int submit_on(unsigned int queue, u32 type, u64 sector,
			    u32 sectors, void *buf, size_t len, void *token)
{
	struct scatterlist sg;
	int err;

	sg_init_one(&sg, buf, len);
	err = virtio_blk_submit(&peer.lb.vdev, queue, type, sector, sectors,
				buf ? &sg : NULL, buf ? 1 : 0, token);
	if (!err)
		virtio_blk_kick(&peer.lb.vdev, queue);
	return err;
}

static inline int submit(u32 type, u64 sector, void *buf, size_t len)
{
	return submit_on(0, type, sector, 0, buf, len, buf ? buf : &disk);
}

static inline int clear(u32 type, u64 sector, u32 sectors)
{
	return submit_on(0, type, sector, sectors, NULL, 0, &disk);
}

static inline int complete(void **token)
{
	int error = 1;
	int ret;

	*token = NULL;
	ret = virtio_blk_complete(&peer.lb.vdev, 0, token, &error);
	return ret == 1 ? error : ret ? ret : -EAGAIN;
}

/* Complete the only request in flight; its result. */
static inline int finish(void)
{
	void *token;

	serve(0, 1);
	return complete(&token);
}

static inline int setup(void **state)
{
	(void)state;
	return register_virtio_driver(&virtio_blk_driver);
}

static inline int teardown(void **state)
{
	(void)state;
	unregister_virtio_device(&peer.lb.vdev);
	unregister_virtio_driver(&virtio_blk_driver);
	return 0;
}

static inline void limits_of(struct virtio_blk_limits *limits)
{
	assert_int_equal(virtio_blk_limits(&peer.lb.vdev, limits), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif /* VLAB_TESTS_BLOCK_RIG_H */
