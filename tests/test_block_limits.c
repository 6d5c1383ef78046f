// SPDX-License-Identifier: GPL-2.0-or-later
/* The block driver's configuration: what it believes, replaces and refuses. */
#include "block_rig.h"

/* More queues promised than there are: those that are there are used. */
static void test_fewer_queues(void **state)
{
	struct virtio_blk_limits limits;

	(void)state;
	prepare(F(MQ), 2, 8);
	put_unaligned_le16(0xffff, &peer.regs.config[34]);
	assert_true(plug());
	limits_of(&limits);
	assert_int_equal(limits.queues, 2);
}

static int take_any_queue(struct virtio_device *vdev,
			  const struct virtio_vq_setup *setup)
{
	(void)vdev;
	(void)setup;
	return 0;
}

/* CF14, DPDK 7cc4f260bf: more queues than the driver keeps. */
static void test_too_many_queues(void **state)
{
	struct virtio_transport_ops ops;
	struct virtio_blk_limits limits;

	(void)state;
	prepare(F(MQ), 40, 8);
	ops = *peer.lb.vdev.transport;
	ops.setup_vq = take_any_queue;
	peer.lb.vdev.transport = &ops;
	assert_true(plug());
	limits_of(&limits);
	assert_int_equal(limits.queues, VIRTIO_BLK_QUEUES_MAX);
	peer_unplug(&peer);
}

static bool bound_with(u64 features, unsigned int offset, u64 val,
		       unsigned int len)
{
	u8 bytes[8];
	bool bound;

	prepare(features, 1, 8);
	put_unaligned_le64(val, bytes);
	memcpy(&peer.regs.config[offset], bytes, len);
	bound = plug();
	if (!bound)
		peer_unplug(&peer);
	return bound;
}

/* CF14: values that no request could be made for are refused. */
static void test_config_refused(void **state)
{
	static const u32 block_sizes[] = { 0,	 1,    256,	 513,
					   1000, 8192, 1U << 31, ~0U };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(block_sizes); i++)
		assert_false(bound_with(F(BLK_SIZE), 20, block_sizes[i], 4));
	assert_false(bound_with(F(SIZE_MAX), 8, 0, 4));
	assert_false(bound_with(F(SIZE_MAX), 8, 511, 4));
	assert_false(bound_with(F(MQ), 34, 0, 2));
	assert_false(bound_with(0, 0, (1ULL << 54) + 1, 8));
	assert_false(bound_with(0, 0, ~0ULL, 8));
	/* Without its feature the same field is not looked at. */
	prepare(0, 1, 8);
	memset(&peer.regs.config[8], 0, 52);
	assert_true(plug());
}

/* DPDK 6d7740e2c1: a feature whose field the device does not have. */
static void test_config_too_short(void **state)
{
	static const struct {
		u64 feature;
		u16 end;
	} fields[] = {
		{ 0, 8 },
		{ F(SIZE_MAX), 12 },
		{ F(SEG_MAX), 16 },
		{ F(BLK_SIZE), 24 },
		{ F(TOPOLOGY), 32 },
		{ F(MQ), 36 },
		{ F(DISCARD), 48 },
		{ F(WRITE_ZEROES), 52 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		prepare(fields[i].feature, 1, 8);
		peer.regs.config_len = cpu_to_le16((u16)(fields[i].end - 1));
		assert_false(plug());
		peer_unplug(&peer);
		prepare(fields[i].feature, 1, 8);
		peer.regs.config_len = cpu_to_le16(fields[i].end);
		assert_true(plug());
		peer_unplug(&peer);
	}
}

static void test_config_replaced(void **state)
{
	struct virtio_blk_limits limits;

	(void)state;
	assert_true(bound_with(F(SEG_MAX), 12, 0, 4));
	limits_of(&limits);
	assert_int_equal(limits.segs_max, 1);
	assert_int_equal(limits.seg_size_max, ~0U);
	assert_int_equal(limits.io_min, 512);
	peer_unplug(&peer);

	prepare(F(SEG_MAX), 1, 1024);
	config_le32(12, ~0U);
	assert_true(plug());
	limits_of(&limits);
	assert_int_equal(limits.segs_max, VIRTIO_BLK_SEGS_MAX);
	peer_unplug(&peer);

	assert_true(bound_with(F(DISCARD), 44, ~0U, 4));
	limits_of(&limits);
	assert_int_equal(limits.discard_alignment, 1);
	assert_int_equal(limits.discard_sectors_max, 32);
	peer_unplug(&peer);

	assert_true(bound_with(F(DISCARD), 44, 0, 4));
	limits_of(&limits);
	assert_int_equal(limits.discard_alignment, 1);
	peer_unplug(&peer);

	/* No sector at a time is the same as not at all. */
	assert_true(bound_with(F(DISCARD), 36, 0, 4));
	assert_int_equal(clear(VIRTIO_BLK_T_DISCARD, 0, 1), -EOPNOTSUPP);
	peer_unplug(&peer);

	assert_true(bound_with(0, 0, 0, 8));
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 0, medium, 512), -EINVAL);
	peer_unplug(&peer);

	assert_true(bound_with(0, 0, 1ULL << 54, 8));
	limits_of(&limits);
	assert_true(limits.capacity == 1ULL << 54);
}

/* VS58: the exponent is compared before it shifts. */
static void test_topology(void **state)
{
	static const struct {
		u64 bytes;
		u32 physical, offset, min, opt;
	} cases[] = {
		{ 0, 4096, 0, 4096, 0 },
		{ 0x0000000800020103, 32768, 4096, 8192, 32768 },
		{ 0x0000000000000010, 4096U << 16, 0, 4096, 0 },
		{ 0x0000000000000011, 4096, 0, 4096, 0 },
		{ 0x000000000000001f, 4096, 0, 4096, 0 },
		{ 0x00000000000000ff, 4096, 0, 4096, 0 },
		{ 0x000000000000ff03, 32768, 0, 4096, 0 },
		{ 0x000fffffffff0000, 4096, 0, 0xffff * 4096U, 0xfffff000 },
		{ 0x0010000000000000, 4096, 0, 4096, 0 },
		{ 0xffffffff00000000, 4096, 0, 4096, 0 },
	};
	struct virtio_blk_limits limits;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		prepare(F(BLK_SIZE) | F(TOPOLOGY), 1, 8);
		config_le32(20, 4096);
		config_le64(24, cases[i].bytes);
		assert_true(plug());
		limits_of(&limits);
		assert_int_equal(limits.physical_block_size, cases[i].physical);
		assert_int_equal(limits.alignment_offset, cases[i].offset);
		assert_int_equal(limits.io_min, cases[i].min);
		assert_int_equal(limits.io_opt, cases[i].opt);
		peer_unplug(&peer);
	}
}

static void test_ring_too_small(void **state)
{
	(void)state;
	prepare(0, 1, 2);
	assert_false(plug());
	peer_unplug(&peer);
	prepare(0, 1, 4);
	assert_true(plug());
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 1, medium, 512), 0);
	assert_int_equal(finish(), 0);
}

/* As many as that can be posted at the same time, and not one more. */
static void fits(u16 num, u64 ring_features, unsigned int most)
{
	static u8 data[512];
	struct virtio_blk_limits limits;
	unsigned int i;

	prepare(0, 1, num);
	peer.regs.features[0] = cpu_to_le32((u32)ring_features);
	assert_true(plug());
	limits_of(&limits);
	assert_int_equal(limits.requests_max, most);
	for (i = 0; i < most; i++)
		assert_int_equal(submit(VIRTIO_BLK_T_IN, 1, data, 512), 0);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 1, data, 512), -ENOSPC);
	peer_unplug(&peer);
}

static void test_requests_max(void **state)
{
	const u64 indirect = 1ULL << VIRTIO_RING_F_INDIRECT_DESC;

	(void)state;
	fits(4, 0, 1);
	fits(64, 0, 21);
	fits(1024, 0, VIRTIO_BLK_REQUESTS_MAX);
	fits(4, indirect, 4);
	fits(128, indirect, 128);
	fits(256, indirect, VIRTIO_BLK_REQUESTS_MAX);
	/* Tables of two pieces only: requests lie in the ring. */
	fits(8192, indirect, VIRTIO_BLK_REQUESTS_MAX);
}

static void test_revalidate(void **state)
{
	static u8 data[512];
	struct virtio_blk_limits limits;

	(void)state;
	prepare(0, 1, 8);
	assert_true(plug());
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 40, data, 512), 0);
	config_le64(0, 10);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 40, data, 512), 0);
	peer.regs.generation = cpu_to_le32(1);
	assert_int_equal(virtio_blk_revalidate(&peer.lb.vdev), 0);
	limits_of(&limits);
	assert_int_equal(limits.capacity, 10);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 10, data, 512), -EINVAL);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 9, data, 512), 0);
	config_le64(0, ~0ULL);
	assert_int_equal(virtio_blk_revalidate(&peer.lb.vdev), -EIO);
	limits_of(&limits);
	assert_int_equal(limits.capacity, 10);
	config_le64(0, SECTORS);
	assert_int_equal(virtio_blk_revalidate(&peer.lb.vdev), 0);
	assert_int_equal(submit(VIRTIO_BLK_T_IN, 63, data, 512), 0);
	serve(0, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fewer_queues),    TEST(test_too_many_queues),
		TEST(test_config_refused),  TEST(test_config_too_short),
		TEST(test_config_replaced), TEST(test_topology),
		TEST(test_ring_too_small),  TEST(test_requests_max),
		TEST(test_revalidate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
