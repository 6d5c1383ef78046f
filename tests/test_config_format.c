// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules of docs/config-format.md, one test for each numbered rule: what is
 * parsed, what is refused, and how a snapshot is taken.
 */
#include "harness.h"

#define TYPE_A 5
#define TYPE_B 6

static struct rig *start_bytes(const u8 *bytes, u16 len)
{
	struct rig *rig = rig_new();

	memcpy(rig->regs.field, bytes, len);
	rig->regs.field_len = cpu_to_le16(len);
	rig_start(rig);
	return rig;
}

static bool accepted(const u8 *bytes, u16 len)
{
	struct rig *rig = start_bytes(bytes, len);
	bool bound = rig_bound(rig);

	/* Refused means: no driver sees any of it, and the reason is named. */
	assert_int_equal(rig->probes, bound);
	assert_true(bound || rig_broken(rig, "bad-config"));
	rig_end(rig);
	return bound;
}

#define BYTES(...) (const u8[]){ __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ })
#define ACCEPTED(...) accepted(BYTES(__VA_ARGS__))

static void *find(struct rig *rig, u8 type, unsigned int *len)
{
	return rig_vdev(rig)->config->find(rig_vdev(rig), type, len);
}

/* Finds the next field of @type and compares its bytes. */
static bool next_is(struct rig *rig, u8 type, const u8 *bytes, unsigned int n)
{
	unsigned int len;
	u8 buf[255];
	void *field = find(rig, type, &len);

	return field && len == n &&
	       !rig_vdev(rig)->config->get(rig_vdev(rig), field, buf, len) &&
	       !memcmp(buf, bytes, n);
}

#define NEXT_IS(rig, type, ...) next_is(rig, type, BYTES(__VA_ARGS__))

static void rule_1_the_space_has_at_most_4096_bytes(void **state)
{
	struct rig *rig = rig_new();
	u8 zeroes[255] = { 0 };
	unsigned int i;

	(void)state;
	/* 15 full fields of 257 bytes and one that fills 4096 to the end. */
	for (i = 0; i < 15; i++)
		loopback_add_field(&rig->regs, TYPE_A, zeroes, 255);
	loopback_add_field(&rig->regs, TYPE_B, zeroes, 4096 - 15 * 257 - 2);
	assert_int_equal(le16_to_cpu(rig->regs.field_len), 4096);
	rig_start(rig);
	assert_true(rig_bound(rig));
	rig->regs.field_len = cpu_to_le16(4097);
	rig_rebind(rig);
	assert_false(rig_bound(rig));
	assert_true(rig_broken(rig, "bad-config"));
	rig->regs.field_len = cpu_to_le16(0);
	rig_rebind(rig);
	assert_true(rig_bound(rig));
	rig_end(rig);
}

static int claimed_length(struct virtio_device *vdev)
{
	return (int)to_rig(vdev)->value;
}

static int bounded_read(struct virtio_device *vdev, unsigned int offset,
			void *buf, unsigned int len)
{
	(void)vdev;
	assert_true(offset + len <= VIRTIO_CONFIG_SIZE_MAX);
	memset(buf, 0, len);
	return 0;
}

static void rule_1_the_length_is_checked_before_anything_is_read(void **state)
{
	static const int claims[] = { 4097, 65535, 0x7fffffff, -5,
				      -2147483647 };
	struct rig *rig = rig_new();
	unsigned int i;

	(void)state;
	rig_override(rig)->config_len = claimed_length;
	rig->ops.config_read = bounded_read;
	rig->value = 4096;
	rig_start(rig);
	assert_true(rig_bound(rig));
	for (i = 0; i < ARRAY_SIZE(claims); i++) {
		rig->value = (u64)claims[i];
		rig_rebind(rig);
		assert_false(rig_bound(rig));
		assert_true(rig_broken(rig, "bad-config"));
	}
	rig_end(rig);
}

static void rule_2_a_header_is_two_bytes(void **state)
{
	(void)state;
	assert_true(ACCEPTED(TYPE_A, 0));
	assert_false(ACCEPTED(TYPE_A));
	assert_false(ACCEPTED(TYPE_A, 1, 9, TYPE_B));
}

static void rule_3_a_length_stays_inside_the_space(void **state)
{
	(void)state;
	assert_true(ACCEPTED(TYPE_A, 1, 9));
	assert_false(ACCEPTED(TYPE_A, 1));
	assert_false(ACCEPTED(TYPE_A, 2, 9));
	assert_false(ACCEPTED(TYPE_A, 255, 9));
	assert_false(ACCEPTED(TYPE_A, 1, 9, TYPE_B, 1));
}

static void rule_4_a_field_may_be_empty(void **state)
{
	struct rig *rig = start_bytes(BYTES(TYPE_A, 0, TYPE_B, 1, 9));
	unsigned int len = 77;
	void *field;
	u8 buf = 3;

	(void)state;
	field = find(rig, TYPE_A, &len);
	assert_non_null(field);
	assert_int_equal(len, 0);
	assert_int_equal(
		rig_vdev(rig)->config->get(rig_vdev(rig), field, &buf, 0), 0);
	assert_int_equal(buf, 3);
	assert_int_equal(virtio_use_bit(rig_vdev(rig), field, 0, 0), -EINVAL);
	assert_true(NEXT_IS(rig, TYPE_B, 9));
	rig_end(rig);
	assert_false(ACCEPTED(VIRTIO_CONFIG_F_VIRTIO, 0));
	assert_false(ACCEPTED(VIRTIO_CONFIG_F_VIRTQUEUE, 0));
	assert_true(ACCEPTED(VIRTIO_CONFIG_F_DEVICE, 0));
}

static void rule_5_type_0_ends_the_fields(void **state)
{
	struct rig *rig = start_bytes(BYTES(TYPE_A, 1, 9, 0));
	unsigned int len;

	(void)state;
	assert_true(rig_bound(rig));
	assert_null(find(rig, 0, &len));
	rig_end(rig);
	/* What follows is not looked at, whatever it is. */
	assert_true(ACCEPTED(0));
	assert_true(ACCEPTED(0, 255, 0x82, 7));
	rig = start_bytes(BYTES(TYPE_A, 1, 9, 0, 1, 9, TYPE_A, 1, 8));
	assert_true(NEXT_IS(rig, TYPE_A, 9));
	assert_null(find(rig, TYPE_A, &len));
	rig_end(rig);
}

static void rule_6_types_above_0x7f_are_refused(void **state)
{
	(void)state;
	assert_true(ACCEPTED(0x7f, 1, 9));
	assert_false(ACCEPTED(0x80, 1, 9));
	assert_false(ACCEPTED(0x82, 4, 0, 0, 4, 0));
	assert_false(ACCEPTED(0xff, 0));
	/* Also as the last byte, which could not be a field anyway. */
	assert_false(ACCEPTED(TYPE_A, 0, 0x80));
}

static void rule_7_fields_of_one_type_come_in_their_order(void **state)
{
	struct rig *rig = start_bytes(
		BYTES(TYPE_A, 1, 1, TYPE_B, 1, 7, TYPE_A, 2, 2, 3, TYPE_A, 0));
	unsigned int len;

	(void)state;
	assert_true(NEXT_IS(rig, TYPE_A, 1));
	assert_true(NEXT_IS(rig, TYPE_A, 2, 3));
	assert_true(NEXT_IS(rig, TYPE_B, 7));
	assert_non_null(find(rig, TYPE_A, &len));
	assert_int_equal(len, 0);
	assert_null(find(rig, TYPE_A, &len));
	rig_end(rig);
}

static void rule_8_one_feature_field_in_two_halves(void **state)
{
	(void)state;
	assert_true(ACCEPTED(1, 2, 0xff, 0xff));
	assert_false(ACCEPTED(1, 1, 0xff));
	assert_false(ACCEPTED(1, 3, 0xff, 0, 0));
	assert_false(ACCEPTED(1, 2, 0, 0, 1, 2, 0, 0));
	assert_false(ACCEPTED(1, 2, 0, 0, TYPE_A, 0, 1, 4, 0, 0, 0, 0));
}

static void rule_8_acknowledgements_of_the_device_are_not_taken(void **state)
{
	struct rig *rig = start_bytes(BYTES(1, 2, 0x0f, 0xff));
	const u8 none[] = { 0x0f, 0x00 };

	(void)state;
	assert_false(virtio_has_feature(rig_vdev(rig), 0));
	assert_memory_equal(rig->regs.field + 2, none, 2);
	assert_true(next_is(rig, 1, none, 2));
	rig_end(rig);
}

static void rule_9_a_queue_field_has_four_bytes_and_its_own_index(void **state)
{
	(void)state;
	assert_true(ACCEPTED(2, 4, 0, 0, 4, 0));
	assert_false(ACCEPTED(2, 3, 0, 0, 4));
	assert_false(ACCEPTED(2, 5, 0, 0, 4, 0, 0));
	assert_true(ACCEPTED(2, 4, 255, 0, 4, 0));
	assert_false(ACCEPTED(2, 4, 0, 1, 4, 0));
	assert_false(ACCEPTED(2, 4, 255, 255, 4, 0));
	assert_false(ACCEPTED(2, 4, 1, 0, 4, 0, 2, 4, 1, 0, 8, 0));
	/* A size is looked at when the queue is found: it is no rule here. */
	assert_true(ACCEPTED(2, 4, 0, 0, 3, 0));
	assert_true(ACCEPTED(2, 4, 0, 0, 0, 0));
}

static void rule_9_a_size_that_no_ring_can_have_is_refused_when_found(
	void **state)
{
	static const u16 sizes[] = { 0, 3, 6, 127, 32767, 32769, 49152, 65535 };
	struct virtio_device *vdev;
	struct rig *rig;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		rig = rig_new();
		vdev = rig_vdev(rig);
		loopback_add_queue(&rig->regs, 0, sizes[i]);
		rig_start(rig);
		assert_ptr_equal(vdev->config->find_vq(vdev, NULL),
				 ERR_PTR(-EINVAL));
		assert_false(rig->lb.queue[0].enabled);
		rig_end(rig);
	}
}

static void rule_10_device_fields_are_at_most_256_bytes_together(void **state)
{
	struct rig *rig = rig_new();
	u8 bytes[255] = { 0 }, buf[8];

	(void)state;
	bytes[251] = 1;
	bytes[252] = 2;
	loopback_add_field(&rig->regs, VIRTIO_CONFIG_F_DEVICE, bytes, 253);
	loopback_add_field(&rig->regs, TYPE_A, bytes, 0);
	loopback_add_field(&rig->regs, VIRTIO_CONFIG_F_DEVICE, "\3\4\5", 3);
	rig_start(rig);
	/* Read as one, across the pieces and what lies between them. */
	assert_int_equal(virtio_device_config(rig_vdev(rig), 251, buf, 5), 0);
	assert_memory_equal(buf, "\1\2\3\4\5", 5);
	assert_int_equal(virtio_device_config(rig_vdev(rig), 256, buf, 0), 0);
	assert_int_equal(virtio_device_config(rig_vdev(rig), 252, buf, 5),
			 -ENOENT);
	assert_int_equal(virtio_device_config(rig_vdev(rig), 257, buf, 0),
			 -ENOENT);
	assert_int_equal(virtio_device_config(rig_vdev(rig), 0xffffffff, buf,
					      4),
			 -ENOENT);
	assert_int_equal(virtio_device_config(rig_vdev(rig), 4, buf,
					      0xfffffffe),
			 -ENOENT);
	loopback_add_field(&rig->regs, VIRTIO_CONFIG_F_DEVICE, "\6", 1);
	rig_rebind(rig);
	assert_false(rig_bound(rig));
	rig_end(rig);
}

static void rule_11_features_and_queues_are_not_written_by_set(void **state)
{
	struct rig *rig = start_bytes(
		BYTES(1, 2, 0, 0, 2, 4, 0, 0, 4, 0, 3, 1, 9, TYPE_A, 1, 8));
	struct virtio_device *vdev = rig_vdev(rig);
	u8 bytes[4] = { 7, 7, 7, 7 };
	unsigned int len;
	void *field;

	(void)state;
	field = find(rig, VIRTIO_CONFIG_F_VIRTIO, &len);
	assert_int_equal(vdev->config->set(vdev, field, bytes, len), -EPERM);
	field = find(rig, VIRTIO_CONFIG_F_VIRTQUEUE, &len);
	assert_int_equal(vdev->config->set(vdev, field, bytes, len), -EPERM);
	field = find(rig, VIRTIO_CONFIG_F_DEVICE, &len);
	assert_int_equal(vdev->config->set(vdev, field, bytes, len), 0);
	assert_int_equal(rig->regs.field[12], 7);
	field = find(rig, TYPE_A, &len);
	assert_int_equal(vdev->config->set(vdev, field, bytes, len), 0);
	assert_int_equal(rig->regs.field[15], 7);
	/* What was written is what a later get() returns. */
	assert_int_equal(vdev->config->get(vdev, field, bytes + 1, 1), 0);
	assert_int_equal(bytes[1], 7);
	rig_end(rig);
}

/* Moves the generation in the middle of the first @value reads. */
static int torn_read(struct virtio_device *vdev, unsigned int offset, void *buf,
		     unsigned int len)
{
	struct rig *rig = to_rig(vdev);
	int err = rig->honest->config_read(vdev, offset, buf, len);
	u32 generation = le32_to_cpu(rig->regs.generation);

	rig->count++;
	if (rig->count > rig->value)
		return err;
	rig->regs.generation = cpu_to_le32(generation + 1);
	rig->regs.field[2]++;
	return err;
}

static struct rig *torn_rig(unsigned int times)
{
	struct rig *rig = rig_new();

	loopback_add_field(&rig->regs, TYPE_A, "\1", 1);
	rig_override(rig)->config_read = torn_read;
	rig->value = times;
	rig_start(rig);
	return rig;
}

static void rule_12_a_torn_snapshot_is_taken_again(void **state)
{
	struct rig *rig = torn_rig(VIRTIO_CONFIG_RETRIES - 1);

	(void)state;
	assert_true(rig_bound(rig));
	assert_int_equal(rig->count, VIRTIO_CONFIG_RETRIES);
	/* The bytes are those of the last generation. */
	assert_true(NEXT_IS(rig, TYPE_A, VIRTIO_CONFIG_RETRIES));
	rig_end(rig);
}

static void rule_12_not_for_ever(void **state)
{
	struct rig *rig = torn_rig(1000);

	(void)state;
	assert_false(rig_bound(rig));
	assert_int_equal(rig->count, VIRTIO_CONFIG_RETRIES);
	assert_true(rig_broken(rig, "bad-config"));
	rig_end(rig);
}

static void rule_12_a_device_without_generations_is_read_once(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	loopback_add_field(&rig->regs, TYPE_A, "\1", 1);
	rig_override(rig)->config_read = torn_read;
	rig->ops.generation = NULL;
	rig_start(rig);
	assert_true(rig_bound(rig));
	assert_int_equal(rig->count, 1);
	rig_end(rig);
}

static void rule_13_a_refresh_takes_new_bytes_and_keeps_what_was_agreed(
	void **state)
{
	struct rig *rig = start_bytes(
		BYTES(1, 2, 0, 0, TYPE_A, 1, 8, 2, 4, 0, 0, 4, 0, 3, 1, 9));
	struct virtio_device *vdev = rig_vdev(rig);
	struct virtqueue *vq;
	u8 byte;

	(void)state;
	assert_true(NEXT_IS(rig, TYPE_A, 8));
	rig->regs.field[2] = 0xff; /* features */
	rig->regs.field[6] = 88; /* TYPE_A */
	rig->regs.field[11] = 8; /* the queue's size */
	rig->regs.field[15] = 99; /* device configuration */
	/* Nothing is seen of it before the driver asks. */
	assert_int_equal(virtio_device_config(vdev, 0, &byte, 1), 0);
	assert_int_equal(byte, 9);
	assert_int_equal(virtio_config_refresh(vdev), 0);
	assert_int_equal(virtio_device_config(vdev, 0, &byte, 1), 0);
	assert_int_equal(byte, 99);
	assert_true(NEXT_IS(rig, TYPE_A, 88));
	assert_true(NEXT_IS(rig, VIRTIO_CONFIG_F_VIRTIO, 0, 0));
	vq = vdev->config->find_vq(vdev, NULL);
	assert_false(IS_ERR(vq));
	assert_int_equal(vq->num, 4);
	rig_end(rig);
}

static void rule_13_a_refresh_that_fails_changes_nothing(void **state)
{
	struct rig *rig = start_bytes(BYTES(TYPE_A, 1, 8, 3, 1, 9));
	u8 byte;

	(void)state;
	rig->regs.field[1] = 2; /* another layout, and it is malformed */
	assert_int_equal(virtio_config_refresh(rig_vdev(rig)), -EIO);
	rig->regs.field[1] = 0; /* well formed, but it ends elsewhere */
	rig->regs.field[2] = 0;
	assert_int_equal(virtio_config_refresh(rig_vdev(rig)), -EIO);
	rig->regs.field[1] = 1; /* the same fields as far as they go */
	rig->regs.field[3] = 0;
	assert_int_equal(virtio_config_refresh(rig_vdev(rig)), -EIO);
	rig->regs.field[3] = 3; /* and one more after them */
	rig->regs.field[6] = TYPE_B;
	rig->regs.field_len = cpu_to_le16(8);
	assert_int_equal(virtio_config_refresh(rig_vdev(rig)), -EIO);
	rig->regs.field_len = cpu_to_le16(6);
	rig->regs.field[0] = 3; /* the same lengths, other types */
	rig->regs.field[2] = 1;
	rig->regs.field[3] = TYPE_A;
	assert_int_equal(virtio_config_refresh(rig_vdev(rig)), -EIO);
	rig->ops = *rig->honest;
	rig->ops.config_read = torn_read;
	rig->value = 1000;
	rig_vdev(rig)->transport = &rig->ops;
	assert_int_equal(virtio_config_refresh(rig_vdev(rig)), -EAGAIN);
	/* The old snapshot is still there, and the device still works. */
	assert_true(NEXT_IS(rig, TYPE_A, 8));
	assert_int_equal(virtio_device_config(rig_vdev(rig), 0, &byte, 1), 0);
	assert_int_equal(byte, 9);
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_1_the_space_has_at_most_4096_bytes),
		cmocka_unit_test(
			rule_1_the_length_is_checked_before_anything_is_read),
		cmocka_unit_test(rule_2_a_header_is_two_bytes),
		cmocka_unit_test(rule_3_a_length_stays_inside_the_space),
		cmocka_unit_test(rule_4_a_field_may_be_empty),
		cmocka_unit_test(rule_5_type_0_ends_the_fields),
		cmocka_unit_test(rule_6_types_above_0x7f_are_refused),
		cmocka_unit_test(rule_7_fields_of_one_type_come_in_their_order),
		cmocka_unit_test(rule_8_one_feature_field_in_two_halves),
		cmocka_unit_test(
			rule_8_acknowledgements_of_the_device_are_not_taken),
		cmocka_unit_test(
			rule_9_a_queue_field_has_four_bytes_and_its_own_index),
		cmocka_unit_test(
			rule_9_a_size_that_no_ring_can_have_is_refused_when_found),
		cmocka_unit_test(
			rule_10_device_fields_are_at_most_256_bytes_together),
		cmocka_unit_test(
			rule_11_features_and_queues_are_not_written_by_set),
		cmocka_unit_test(rule_12_a_torn_snapshot_is_taken_again),
		cmocka_unit_test(rule_12_not_for_ever),
		cmocka_unit_test(
			rule_12_a_device_without_generations_is_read_once),
		cmocka_unit_test(
			rule_13_a_refresh_takes_new_bytes_and_keeps_what_was_agreed),
		cmocka_unit_test(rule_13_a_refresh_that_fails_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
