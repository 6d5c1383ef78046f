// SPDX-License-Identifier: GPL-2.0-or-later
/* Block requests: what is posted, and what is made of the device's answer. */
#include "block_rig.h"

static unsigned int notified_queue;

static void test_read_and_write(void **state)
{
	u8 data[1024], back[1024];
	void *token;

	(void)state;
	prepare(0, 1, 8);
	assert_true(plug());
	memset(data, 0xc3, sizeof(data));
	assert_int_equal(submit(VIRTIO_BLK_T_OUT, 5, data, 1024), 0);
	assert_int_equal(complete(&token), -EAGAIN);
	serve(0, 1);
	assert_int_equal(complete(&token), 0);
	assert_ptr_equal(token, data);
	assert_memory_equal(&medium[5 * 512], data, 1024);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 62, back, 1024), 0);
	assert_int_equal(finish(), 0);
	assert_memory_equal(back, &medium[62 * 512], 1024);
	assert_int_equal(complete(&token), -EAGAIN);
}

static void test_many_pieces(void **state)
{
	struct virtio_blk_limits limits;
	struct scatterlist sg[6];
	u8 data[6][256];
	void *token;
	unsigned int i;

	(void)state;
	prepare(F(SEG_MAX), 1, 8);
	assert_true(plug());
	limits_of(&limits);
	/* 16 were offered; header and status need two of the ring's 8. */
	assert_int_equal(limits.segs_max, 6);
	for (i = 0; i < 6; i++)
		sg_set_buf(&sg[i], data[i], 256);
	assert_int_equal(virtio_blk_submit(&peer.lb.vdev, 0, VIRTIO_BLK_T_IN, 1,
					   0, sg, 6, data),
			 0);
	virtio_blk_kick(&peer.lb.vdev, 0);
	serve(0, 1);
	assert_int_equal(complete(&token), 0);
	assert_memory_equal(data, &medium[512], sizeof(data));
	assert_int_equal(virtio_blk_submit(&peer.lb.vdev, 0, VIRTIO_BLK_T_IN, 1,
					   0, sg, 7, data),
			 -EINVAL);
}

/* What the device can do to a request's readable bytes at any time. */
static void scribble(unsigned int head)
{
	struct vring_desc *desc = peer_at(peer.ring[0].queue->setup.desc);
	unsigned int i;

	desc = peer_at(le64_to_cpu(desc[head].addr));
	for (i = 0; i < 2; i++)
		memset(peer_at(le64_to_cpu(desc[i].addr)), 0xee, 16);
}

/* DM8: header and segment hold what 5.2.6 says, and nothing else. */
static void test_bytes_on_the_wire(void **state)
{
	static const u8 flush[16] = { VIRTIO_BLK_T_FLUSH };
	u8 expect[32] = { VIRTIO_BLK_T_WRITE_ZEROES, [16] = 3, [24] = 5 };
	struct loopback_chain chain;
	u8 wire[33], status = VIRTIO_BLK_S_OK;
	unsigned int i;
	void *token;

	(void)state;
	prepare(F(FLUSH) | F(WRITE_ZEROES), 1, 8);
	assert_true(plug());
	for (i = 0; i < 2; i++) {
		assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, 3, 5), 0);
		chain = peer_pop(&peer, 0);
		assert_int_equal(chain.out_len, 32);
		assert_int_equal(chain.in_len, 1);
		loopback_chain_read(&chain, 0, wire, sizeof(wire));
		assert_memory_equal(wire, expect, 32);
		scribble(chain.head);
		loopback_chain_write(&chain, 0, &status, 1);
		loopback_ring_push(&peer.ring[0], chain.head, 1);
		assert_int_equal(complete(&token), 0);
	}
	/* The slot is used again: nothing of the last request shows. */
	assert_int_equal(submit(VIRTIO_BLK_T_FLUSH, 99, NULL, 0), 0);
	chain = peer_pop(&peer, 0);
	assert_int_equal(chain.out_len, 16);
	loopback_chain_read(&chain, 0, wire, 16);
	assert_memory_equal(wire, flush, 16);
}

static void test_other_requests(void **state)
{
	u8 zero[2048] = { 0 };
	u8 id[VIRTIO_BLK_ID_BYTES] = { 0 };

	(void)state;
	prepare(F(FLUSH) | F(DISCARD) | F(WRITE_ZEROES), 1, 8);
	assert_true(plug());
	assert_int_equal(submit(VIRTIO_BLK_T_FLUSH, 0, NULL, 0), 0);
	assert_int_equal(finish(), 0);
	assert_int_equal(submit(VIRTIO_BLK_T_GET_ID, 0, id, sizeof(id)), 0);
	assert_int_equal(finish(), 0);
	assert_string_equal((char *)id, "vlab-loopback-disk");
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, 8, 4), 0);
	assert_int_equal(finish(), 0);
	assert_memory_equal(&medium[8 * 512], zero, sizeof(zero));
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, 60, 4), 0);
	assert_int_equal(finish(), 0);
	assert_memory_equal(&medium[60 * 512], zero, sizeof(zero));
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, 0, 33), -EINVAL);
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 17), -EINVAL);
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, 0, 0), -EINVAL);
	assert_int_equal(submit(VIRTIO_BLK_T_FLUSH, 0, id, 20), -EINVAL);
	assert_int_equal(submit(VIRTIO_BLK_T_DISCARD, 0, zero, 512), -EINVAL);
	assert_int_equal(submit(VIRTIO_BLK_T_GET_ID, 0, id, 19), -EINVAL);
}

static void test_not_offered(void **state)
{
	u8 data[512] = { 0 };

	(void)state;
	prepare(F(RO) | F(WRITE_ZEROES), 1, 8);
	assert_true(plug());
	assert_int_equal(submit(VIRTIO_BLK_T_FLUSH, 0, NULL, 0), -EOPNOTSUPP);
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, 0, 1), -EOPNOTSUPP);
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 1), -EROFS);
	assert_int_equal(submit(VIRTIO_BLK_T_OUT, 0, data, 512), -EROFS);
	assert_int_equal(submit(77, 0, data, 512), -EOPNOTSUPP);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data, 512), 0);
	assert_int_equal(finish(), 0);
}

/* VS61: the start is compared before the length, and nothing wraps. */
static void test_range_of_the_disk(void **state)
{
	static u8 data[1024];

	(void)state;
	prepare(F(WRITE_ZEROES), 1, 8);
	assert_true(plug());
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 63, data, 512), 0);
	assert_int_equal(finish(), 0);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 63, data, 1024), -EINVAL);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 64, data, 512), -EINVAL);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 65, data, 512), -EINVAL);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, ~0ULL, data, 1024), -EINVAL);
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, ~0ULL, 2), -EINVAL);
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, 1, ~0U), -EINVAL);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data, 511), -EINVAL);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data, 0), -EINVAL);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, NULL, 0), -EINVAL);
	assert_int_equal(submit_on(0, VIRTIO_BLK_T_IN, 0, 0, data, 512, NULL),
			 -EINVAL);
	assert_int_equal(submit_on(1, VIRTIO_BLK_T_IN, 0, 0, data, 512, data),
			 -EINVAL);
}

static void test_whole_blocks(void **state)
{
	static u8 data[8192];

	(void)state;
	prepare(F(BLK_SIZE) | F(SIZE_MAX) | F(WRITE_ZEROES), 1, 8);
	config_le32(20, 4096);
	assert_true(plug());
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 8, data, 4096), 0);
	assert_int_equal(finish(), 0);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 8, data, 512), -EINVAL);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 1, data, 4096), -EINVAL);
	assert_int_equal(clear(VIRTIO_BLK_T_WRITE_ZEROES, 8, 1), -EINVAL);
	/* size_max is 4096. */
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data, 8192), -EINVAL);
}

/* The device answers with this status and this used length. */
static int answer(u32 type, u8 status, u32 len)
{
	static u8 data[512];
	struct loopback_chain chain;
	void *token;

	assert_int_equal(submit(type, 0, data, sizeof(data)), 0);
	chain = peer_pop(&peer, 0);
	loopback_chain_write(&chain, chain.in_len - 1, &status, 1);
	loopback_ring_push(&peer.ring[0], chain.head, len);
	return complete(&token);
}

/*
 * DS5, DS27: success counts only with every byte of data that it stands for. A
 * status that is there was written, also where a device does not count it.
 */
static void test_answers(void **state)
{
	(void)state;
	prepare(0, 1, 8);
	assert_true(plug());
	assert_int_equal(answer(VIRTIO_BLK_T_IN, VIRTIO_BLK_S_OK, 513), 0);
	assert_int_equal(answer(VIRTIO_BLK_T_IN, VIRTIO_BLK_S_OK, ~0U), 0);
	assert_int_equal(answer(VIRTIO_BLK_T_IN, VIRTIO_BLK_S_OK, 512), 0);
	assert_int_equal(answer(VIRTIO_BLK_T_IN, VIRTIO_BLK_S_OK, 511), -EIO);
	assert_int_equal(answer(VIRTIO_BLK_T_IN, VIRTIO_BLK_S_OK, 1), -EIO);
	assert_int_equal(answer(VIRTIO_BLK_T_IN, VIRTIO_BLK_S_OK, 0), -EIO);
	assert_int_equal(answer(VIRTIO_BLK_T_OUT, VIRTIO_BLK_S_OK, 1), 0);
	assert_int_equal(answer(VIRTIO_BLK_T_OUT, VIRTIO_BLK_S_OK, 0), 0);
	assert_int_equal(answer(VIRTIO_BLK_T_OUT, 0xff, 0), -EIO);
	assert_int_equal(answer(VIRTIO_BLK_T_IN, VIRTIO_BLK_S_IOERR, 513),
			 -EIO);
	assert_int_equal(answer(VIRTIO_BLK_T_IN, VIRTIO_BLK_S_UNSUPP, 513),
			 -EOPNOTSUPP);
	assert_int_equal(answer(VIRTIO_BLK_T_IN, 3, 513), -EIO);
	assert_int_equal(answer(VIRTIO_BLK_T_IN, 0xff, 513), -EIO);
}

/* A status of an earlier request never stands in for one not written. */
static void test_status_not_written(void **state)
{
	static u8 data[512];
	struct loopback_chain chain;
	unsigned int i;
	void *token;

	(void)state;
	prepare(0, 1, 8);
	assert_true(plug());
	assert_int_equal(answer(VIRTIO_BLK_T_IN, VIRTIO_BLK_S_OK, 513), 0);
	for (i = 0; i < 8; i++) {
		assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data, 512), 0);
		chain = peer_pop(&peer, 0);
		loopback_ring_push(&peer.ring[0], chain.head, 513);
		assert_int_equal(complete(&token), -EIO);
		assert_ptr_equal(token, data);
	}
}

static void test_room(void **state)
{
	static u8 data[9][512];
	unsigned int i, count = 0;
	void *token;

	(void)state;
	prepare(0, 1, 8);
	assert_true(plug());
	while (!submit(VIRTIO_BLK_T_IN, count, data[count], 512))
		count++;
	/* One descriptor each with indirect tables. */
	assert_int_equal(count, 8);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data[8], 512), -ENOSPC);
	serve(0, (int)count);
	for (i = 0; i < count; i++) {
		assert_int_equal(complete(&token), 0);
		assert_ptr_equal(token, data[i]);
		assert_memory_equal(data[i], &medium[i * 512], 512);
	}
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data[8], 512), 0);
}

/* Requests finish in any order, and each slot is free once. */
static void test_any_order(void **state)
{
	static u8 data[4][512];
	struct loopback_chain chain[3];
	unsigned int i, seen = 0;
	void *token;

	(void)state;
	prepare(0, 1, 8);
	assert_true(plug());
	for (i = 0; i < 3; i++) {
		assert_int_equal(submit(VIRTIO_BLK_T_IN, i, data[i], 512), 0);
		chain[i] = peer_pop(&peer, 0);
	}
	loopback_ring_push(&peer.ring[0], chain[0].head, 513);
	assert_int_equal(complete(&token), -EIO);
	assert_ptr_equal(token, data[0]);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 3, data[3], 512), 0);
	loopback_ring_push(&peer.ring[0], chain[2].head, 513);
	loopback_ring_push(&peer.ring[0], chain[1].head, 513);
	serve(0, 1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(complete(&token), i < 2 ? -EIO : 0);
		seen += 1U << ((u8(*)[512])token - data) * 4;
	}
	assert_int_equal(seen, 0x1110);
}

static void test_large_ring(void **state)
{
	static u8 data[512];
	unsigned int i;

	(void)state;
	prepare(0, 1, 1024);
	assert_true(plug());
	for (i = 0; i < VIRTIO_BLK_REQUESTS_MAX; i++)
		assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data, 512), 0);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data, 512), -ENOSPC);
}

static void note_queue(struct virtio_device *vdev, unsigned int queue)
{
	assert_ptr_equal(vdev, &peer.lb.vdev);
	notified_queue = queue;
}

/* NI9: the callback names the queue whose requests finished. */
static void test_two_queues(void **state)
{
	struct virtio_blk_limits limits;
	static u8 data[512];
	unsigned int i;
	void *token;
	int error;

	(void)state;
	prepare(F(MQ), 2, 8);
	assert_true(plug());
	limits_of(&limits);
	assert_int_equal(limits.queues, 2);
	virtio_blk_notify(&peer.lb.vdev, note_queue);
	for (i = 0; i < 2; i++) {
		notified_queue = 99;
		assert_int_equal(submit_on(i, VIRTIO_BLK_T_IN, i, 0, data, 512,
					   &medium[i]),
				 0);
		serve(1 - i, 0);
		serve(i, 1);
		assert_true(loopback_ring_signal(&peer.ring[i]));
		virtqueue_interrupt(&peer.lb.vdev, i);
		assert_int_equal(notified_queue, i);
		assert_int_equal(virtio_blk_complete(&peer.lb.vdev, 1 - i,
						     &token, &error),
				 0);
		assert_int_equal(virtio_blk_complete(&peer.lb.vdev, i, &token,
						     &error),
				 1);
		assert_int_equal(error, 0);
		assert_ptr_equal(token, &medium[i]);
	}
	notified_queue = 99;
	virtio_blk_notify(&peer.lb.vdev, NULL);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data, 512), 0);
	serve(0, 1);
	virtqueue_interrupt(&peer.lb.vdev, 0);
	assert_int_equal(notified_queue, 99);
}

/* After a reset every token comes back once, and the device serves again. */
static void test_reclaim(void **state)
{
	static u8 data[3][512];
	unsigned int i, seen = 0;
	void *token;

	(void)state;
	prepare(0, 1, 8);
	assert_true(plug());
	for (i = 0; i < 3; i++)
		assert_int_equal(submit(VIRTIO_BLK_T_IN, i, data[i], 512), 0);
	assert_int_equal(virtio_blk_reclaim(&peer.lb.vdev, 0, &token), 0);
	assert_int_equal(virtio_reset_device(&peer.lb.vdev), 0);
	while (virtio_blk_reclaim(&peer.lb.vdev, 0, &token)) {
		for (i = 0; i < 3; i++)
			if (token == data[i])
				seen += 1U << (8 * i);
	}
	assert_int_equal(seen, 0x010101);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data[0], 512), -EIO);
	peer_unplug(&peer);

	prepare(0, 1, 8);
	assert_true(plug());
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 7, data[0], 512), 0);
	assert_int_equal(finish(), 0);
	assert_memory_equal(data[0], &medium[7 * 512], 512);
}

static void test_broken_queue(void **state)
{
	static u8 data[512];
	void *token;

	(void)state;
	prepare(0, 1, 8);
	assert_true(plug());
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data, 512), 0);
	peer_use(&peer, 0, 0x10000, 513);
	assert_int_equal(complete(&token), -EIO);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data, 512), -EIO);
}

static void test_unbound(void **state)
{
	static u8 data[512];
	struct virtio_blk_limits limits;
	void *token;

	(void)state;
	prepare(0, 1, 8);
	assert_true(plug());
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data, 512), 0);
	unregister_virtio_driver(&virtio_blk_driver);
	assert_int_equal(complete(&token), -ENODEV);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, data, 512), -ENODEV);
	assert_int_equal(virtio_blk_limits(&peer.lb.vdev, &limits), -ENODEV);
	assert_int_equal(virtio_blk_revalidate(&peer.lb.vdev), -ENODEV);
	assert_int_equal(virtio_blk_reclaim(&peer.lb.vdev, 0, &token), 0);
	virtio_blk_kick(&peer.lb.vdev, 0);
	virtio_blk_notify(&peer.lb.vdev, note_queue);
	assert_int_equal(register_virtio_driver(&virtio_blk_driver), 0);
	assert_non_null(peer.lb.vdev.dev.driver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read_and_write),     TEST(test_many_pieces),
		TEST(test_bytes_on_the_wire),  TEST(test_other_requests),
		TEST(test_not_offered),	       TEST(test_range_of_the_disk),
		TEST(test_whole_blocks),       TEST(test_answers),
		TEST(test_status_not_written), TEST(test_room),
		TEST(test_any_order),	       TEST(test_large_ring),
		TEST(test_two_queues),	       TEST(test_reclaim),
		TEST(test_broken_queue),       TEST(test_unbound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
