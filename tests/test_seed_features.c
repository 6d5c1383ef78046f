// SPDX-License-Identifier: GPL-2.0-or-later
/* Errata of virtio_use_bit() (docs/seed.md): each test names its row. */
#include "harness.h"

/* A feature field of a driver's own; F_VIRTIO ends at bit 63. */
#define TYPE_BITS 5

/* Where the bytes of the first field lie in the device's memory. */
#define FIELD 2

/*
 * A negotiation runs in probe: each test is the probe of its rig, and what it
 * asserts there fails the test.
 */
static void negotiate(struct rig *rig, int (*probe)(struct rig *rig))
{
	rig->probe = probe;
	rig_start(rig);
	assert_int_equal(rig->probes, 1);
	rig_end(rig);
}

/* A rig whose first field has @len bytes: the first half is @offered. */
static struct rig *rig_bits(u8 type, u8 len, u8 offered)
{
	struct rig *rig = rig_new();
	u8 bytes[255] = { 0 };

	memset(bytes, offered, len / 2);
	assert_int_equal(loopback_add_field(&rig->regs, type, bytes, len), 0);
	return rig;
}

static void *find_bits(struct rig *rig, u8 type, unsigned int *len)
{
	void *field = rig_vdev(rig)->config->find(rig_vdev(rig), type, len);

	assert_non_null(field);
	return field;
}

static int use(struct rig *rig, void *field, unsigned int len,
	       unsigned int bitnum)
{
	return virtio_use_bit(rig_vdev(rig), field, len, bitnum);
}

static int use_each_bit_of_the_half(struct rig *rig)
{
	unsigned int len, bit;
	void *field = find_bits(rig, rig->regs.field[0], &len);
	unsigned int bits = len / 2 * 8;

	for (bit = 0; bit < bits; bit++)
		assert_int_equal(use(rig, field, len, bit), 1);
	for (; bit < bits + 64; bit++)
		assert_int_equal(use(rig, field, len, bit), 0);
	for (bit = 0; bit < len / 2; bit++)
		assert_int_equal(rig->regs.field[FIELD + len / 2 + bit], 0xff);
	/* The half that is the device's, and what follows, is as it was. */
	for (bit = 0; bit < len / 2; bit++)
		assert_int_equal(rig->regs.field[FIELD + bit], 0xff);
	assert_int_equal(rig->regs.field[FIELD + len], 0);
	return 0;
}

static void S3a_bits_counted_in_bytes_of_the_half(void **state)
{
	static const u8 lengths[] = { 2, 4, 16, 18, 64, 128 };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		negotiate(rig_bits(TYPE_BITS, lengths[i], 0xff),
			  use_each_bit_of_the_half);
	/* Up to bit 23: above lie the transport's, which nobody may just use.
	 */
	negotiate(rig_bits(VIRTIO_CONFIG_F_VIRTIO, 2, 0xff),
		  use_each_bit_of_the_half);
	negotiate(rig_bits(VIRTIO_CONFIG_F_VIRTIO, 6, 0xff),
		  use_each_bit_of_the_half);
}

static int use_bits_that_wrap(struct rig *rig)
{
	static const unsigned int far_bits[] = {
		0x20000000, 0x1fffffff, 0x40000000, 0x80000000,
		0x80000001, 0xe0000000, 0xffffffff,
	};
	unsigned int len, i;
	void *field = find_bits(rig, TYPE_BITS, &len);

	for (i = 0; i < ARRAY_SIZE(far_bits); i++)
		assert_int_equal(use(rig, field, len, far_bits[i]), 0);
	assert_int_equal(rig->regs.field[FIELD + len / 2], 0);
	return 0;
}

static void S3b_a_large_bit_number_does_not_wrap(void **state)
{
	(void)state;
	negotiate(rig_bits(TYPE_BITS, 8, 0xff), use_bits_that_wrap);
	negotiate(rig_bits(TYPE_BITS, 254, 0xff), use_bits_that_wrap);
}

static void S4_a_length_that_the_device_chose_stops_nobody(void **state)
{
	static const u8 lengths[] = { 66, 128, 130, 200, 254 };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		negotiate(rig_bits(TYPE_BITS, lengths[i], 0xff),
			  use_each_bit_of_the_half);
}

static int write_unexpected(struct virtio_device *vdev, unsigned int offset,
			    const void *buf, unsigned int len)
{
	(void)vdev;
	(void)offset;
	(void)buf;
	(void)len;
	fail_msg("something was written to the device");
	return 0;
}

static int find_no_bits(struct rig *rig)
{
	unsigned int len;

	assert_null(
		rig_vdev(rig)->config->find(rig_vdev(rig), TYPE_BITS, &len));
	return 0;
}

static void S5_bytes_that_were_not_read_are_zero(void **state)
{
	struct rig *rig = rig_bits(TYPE_BITS, 8, 0xff);

	(void)state;
	rig_override(rig)->config_read = rig_read_nothing;
	rig->ops.config_write = write_unexpected;
	negotiate(rig, find_no_bits);
	rig = rig_bits(TYPE_BITS, 8, 0xff);
	rig_override(rig)->config_read = rig_read_fails;
	rig->ops.config_write = write_unexpected;
	rig_start(rig);
	assert_int_equal(rig->probes, 0);
	assert_true(rig_broken(rig, "bad-config"));
	rig_end(rig);
}

static int use_bits_0_9_18(struct rig *rig)
{
	static const u8 acknowledged[] = { 0x01, 0x02, 0x04, 0x00 };
	unsigned int len;
	void *field = find_bits(rig, TYPE_BITS, &len);

	assert_int_equal(use(rig, field, len, 0), 1);
	assert_int_equal(use(rig, field, len, 9), 1);
	assert_int_equal(use(rig, field, len, 18), 1);
	assert_int_equal(use(rig, field, len, 24), 0);
	assert_memory_equal(rig->regs.field + FIELD + 4, acknowledged, 4);
	return 0;
}

static void S6_bits_are_numbered_in_bytes_on_every_machine(void **state)
{
	static const u8 bytes[8] = { 0x81, 0x02, 0x04, 0x00 };
	struct rig *rig = rig_new();

	(void)state;
	loopback_add_field(&rig->regs, TYPE_BITS, bytes, sizeof(bytes));
	negotiate(rig, use_bits_0_9_18);
}

static int use_bit_of_odd_field(struct rig *rig)
{
	unsigned int len;
	void *field = find_bits(rig, TYPE_BITS, &len);

	assert_int_equal(use(rig, field, len, 0), -EINVAL);
	return 0;
}

static void S7_an_odd_field_has_no_halves(void **state)
{
	static const u8 refused[] = { 0, 1, 3, 15 };
	struct rig *rig;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		rig = rig_bits(VIRTIO_CONFIG_F_VIRTIO, refused[i], 0xff);
		rig_start(rig);
		assert_int_equal(rig->probes, 0);
		assert_true(rig_broken(rig, "bad-config"));
		rig_end(rig);
		/* Another field may well have such a length: no bits then. */
		negotiate(rig_bits(TYPE_BITS, refused[i], 0xff),
			  use_bit_of_odd_field);
	}
}

static int use_bit_of_queue(struct rig *rig)
{
	unsigned int len;
	void *field = find_bits(rig, VIRTIO_CONFIG_F_VIRTQUEUE, &len);

	assert_int_equal(use(rig, field, len, 3), -EPERM);
	return 0;
}

static void S8_no_bit_is_written_over_the_size_of_a_queue(void **state)
{
	struct rig *rig = rig_bits(TYPE_BITS, 2, 0xff);

	(void)state;
	loopback_add_queue(&rig->regs, 8, 8);
	negotiate(rig, use_bit_of_queue);
}

static int watched_write(struct virtio_device *vdev, unsigned int offset,
			 const void *buf, unsigned int len)
{
	struct rig *rig = to_rig(vdev);

	/* Only the second half of the one field, whatever is written. */
	assert_int_equal(offset, rig->value);
	assert_int_equal(len, rig->value - FIELD);
	rig->count++;
	return rig->honest->config_write(vdev, offset, buf, len);
}

static int use_bits_while_the_device_changes_its_half(struct rig *rig)
{
	u8 type = rig->regs.field[0];
	unsigned int len, half;
	void *field = find_bits(rig, type, &len);

	half = len / 2;
	/* It offers something else now, and shows acks that are not ours. */
	memset(rig->regs.field + FIELD, 0x50, half);
	memset(rig->regs.field + FIELD + half, 0xff, half);
	assert_int_equal(use(rig, field, len, 3), 1);
	assert_int_equal(rig->regs.field[FIELD], 0x50);
	assert_int_equal(rig->regs.field[FIELD + half], 0x08);
	assert_int_equal(rig->regs.field[FIELD + half + 1], 0x00);
	return 0;
}

static void S8a_only_the_acknowledge_half_is_written_and_from_private_bytes(
	void **state)
{
	static const u8 types[] = { VIRTIO_CONFIG_F_VIRTIO, TYPE_BITS };
	struct rig *rig;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		rig = rig_bits(types[i], 8, 0xff);
		/* Acks of somebody else, from before this driver. */
		memset(rig->regs.field + FIELD + 4, 0x21, 4);
		rig_override(rig)->config_write = watched_write;
		rig->value = FIELD + 4;
		negotiate(rig, use_bits_while_the_device_changes_its_half);
	}
}

static int agree_then_use(struct rig *rig)
{
	struct virtio_device *vdev = rig_vdev(rig);
	unsigned int len;
	void *field = find_bits(rig, VIRTIO_CONFIG_F_VIRTIO, &len);
	u8 before[16];

	assert_int_equal(use(rig, field, len, 1), 1);
	assert_int_equal(virtio_features_agree(vdev), 0);
	assert_int_equal(virtio_features_agree(vdev), 0);
	memcpy(before, rig->regs.field + FIELD, sizeof(before));
	assert_int_equal(use(rig, field, len, 2), -EPERM);
	assert_memory_equal(rig->regs.field + FIELD, before, sizeof(before));
	assert_true(virtio_has_feature(vdev, 1));
	assert_false(virtio_has_feature(vdev, 2));
	/* A reset takes the ladder back to before DRIVER. */
	assert_int_equal(virtio_reset_device(vdev), 0);
	assert_int_equal(use(rig, field, len, 2), -EPERM);
	assert_memory_equal(rig->regs.field + FIELD, before, sizeof(before));
	assert_int_equal(virtio_features_agree(vdev), -EIO);
	return -ENODEV;
}

static void S8b_bits_are_used_before_features_ok_only(void **state)
{
	(void)state;
	negotiate(rig_bits(VIRTIO_CONFIG_F_VIRTIO, 16, 0x0f), agree_then_use);
}

/* Refuses the features: stores the status without FEATURES_OK. */
static bool refuse_features(struct rig *rig, u8 status)
{
	rig->regs.status = status & (u8)~VIRTIO_CONFIG_S_FEATURES_OK;
	return false;
}

static int agree_in_vain(struct rig *rig)
{
	assert_int_equal(virtio_features_agree(rig_vdev(rig)), -EIO);
	assert_true(rig_broken(rig, "features-refused"));
	assert_int_equal(rig_find_queues(rig), -EIO);
	assert_false(rig->lb.queue[0].enabled);
	return 0;
}

static void S8b_the_device_must_confirm(void **state)
{
	struct rig *rig = rig_bits(VIRTIO_CONFIG_F_VIRTIO, 16, 0x0f);
	unsigned int i;

	(void)state;
	loopback_add_queue(&rig->regs, 0, 4);
	rig->queues = 1;
	rig->probe = agree_in_vain;
	rig->on_status = refuse_features;
	rig_start(rig);
	assert_int_equal(rig->probes, 1);
	assert_false(rig_bound(rig));
	for (i = 0; i < rig->writes; i++)
		assert_false(rig->status[i] & VIRTIO_CONFIG_S_DRIVER_OK);
	rig_end(rig);
}

static int write_refused(struct virtio_device *vdev, unsigned int offset,
			 const void *buf, unsigned int len)
{
	struct rig *rig = to_rig(vdev);

	/* All but the second: the first is the set that a binding begins with.
	 */
	if (rig->count++ == 1)
		return -EIO;
	return rig->honest->config_write(vdev, offset, buf, len);
}

static int use_bit_that_cannot_be_written(struct rig *rig)
{
	unsigned int len;
	void *field = find_bits(rig, VIRTIO_CONFIG_F_VIRTIO, &len);

	assert_int_equal(use(rig, field, len, 1), -EIO);
	assert_false(virtio_has_feature(rig_vdev(rig), 1));
	/* Nor does the next write. */
	assert_int_equal(use(rig, field, len, 2), 1);
	assert_int_equal(rig->regs.field[FIELD + 8], 0x04);
	return 0;
}

static void S8b_a_failed_write_acknowledges_nothing(void **state)
{
	struct rig *rig = rig_bits(VIRTIO_CONFIG_F_VIRTIO, 16, 0x0f);

	(void)state;
	rig_override(rig)->config_write = write_refused;
	negotiate(rig, use_bit_that_cannot_be_written);
}

static int use_bits_while_the_offer_flips(struct rig *rig)
{
	unsigned int len;
	void *field = find_bits(rig, VIRTIO_CONFIG_F_VIRTIO, &len);

	assert_int_equal(use(rig, field, len, 1), 1);
	/* From here on the device claims the opposite. */
	rig->regs.field[FIELD] = 0xf0;
	assert_int_equal(use(rig, field, len, 1), 1);
	assert_int_equal(use(rig, field, len, 2), 1);
	assert_int_equal(use(rig, field, len, 5), 0);
	assert_true(virtio_has_feature(rig_vdev(rig), 1));
	assert_false(virtio_has_feature(rig_vdev(rig), 5));
	return 0;
}

static void S8c_one_snapshot_serves_a_whole_negotiation(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	loopback_add_features(&rig->regs, 0x0f);
	negotiate(rig, use_bits_while_the_offer_flips);
}

#define NET_ID 1
#define NET_F_CSUM 0
#define NET_F_GUEST_CSUM 1
#define NET_F_GUEST_TSO4 7
#define NET_F_GUEST_ECN 9
#define NET_F_HOST_UFO 14

static int use_dependent_bits(struct rig *rig)
{
	unsigned int len;
	void *field = find_bits(rig, VIRTIO_CONFIG_F_VIRTIO, &len);

	assert_int_equal(use(rig, field, len, NET_F_GUEST_ECN), -EOPNOTSUPP);
	assert_int_equal(use(rig, field, len, NET_F_GUEST_TSO4), -EOPNOTSUPP);
	assert_int_equal(use(rig, field, len, NET_F_GUEST_CSUM), 1);
	assert_int_equal(use(rig, field, len, NET_F_GUEST_TSO4), 1);
	assert_int_equal(use(rig, field, len, NET_F_GUEST_ECN), 1);
	assert_int_equal(use(rig, field, len, NET_F_HOST_UFO), -EOPNOTSUPP);
	assert_false(virtio_has_feature(rig_vdev(rig), NET_F_HOST_UFO));
	return 0;
}

static void S8c_a_bit_waits_for_the_one_that_it_needs(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig_vdev(rig)->id.device = NET_ID;
	rig->id.device = NET_ID;
	loopback_add_features(&rig->regs, ~0ULL & ~FEATURE(NET_F_CSUM));
	negotiate(rig, use_dependent_bits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S3a_bits_counted_in_bytes_of_the_half),
		cmocka_unit_test(S3b_a_large_bit_number_does_not_wrap),
		cmocka_unit_test(
			S4_a_length_that_the_device_chose_stops_nobody),
		cmocka_unit_test(S5_bytes_that_were_not_read_are_zero),
		cmocka_unit_test(
			S6_bits_are_numbered_in_bytes_on_every_machine),
		cmocka_unit_test(S7_an_odd_field_has_no_halves),
		cmocka_unit_test(S8_no_bit_is_written_over_the_size_of_a_queue),
		cmocka_unit_test(
			S8a_only_the_acknowledge_half_is_written_and_from_private_bytes),
		cmocka_unit_test(S8b_bits_are_used_before_features_ok_only),
		cmocka_unit_test(S8b_the_device_must_confirm),
		cmocka_unit_test(S8b_a_failed_write_acknowledges_nothing),
		cmocka_unit_test(S8c_one_snapshot_serves_a_whole_negotiation),
		cmocka_unit_test(S8c_a_bit_waits_for_the_one_that_it_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
