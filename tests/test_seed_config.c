// SPDX-License-Identifier: GPL-2.0-or-later
/* Errata of the 2007 config fields (docs/seed.md): each test names its row. */
#include "harness.h"

#define TYPE_A 5
#define TYPE_B 6
#define TYPE_MAC 7

static const u8 eight_bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

/* A bound rig with one field. */
static struct rig *rig_field(u8 type, const void *bytes, u8 len)
{
	struct rig *rig = rig_new();

	assert_int_equal(loopback_add_field(&rig->regs, type, bytes, len), 0);
	rig_start(rig);
	assert_true(rig_bound(rig));
	return rig;
}

static void *find(struct rig *rig, u8 type, unsigned int *len)
{
	return rig_vdev(rig)->config->find(rig_vdev(rig), type, len);
}

static int get_field(struct rig *rig, void *field, void *buf, unsigned int len)
{
	return rig_vdev(rig)->config->get(rig_vdev(rig), field, buf, len);
}

static int set_field(struct rig *rig, void *field, const void *buf,
		     unsigned int len)
{
	return rig_vdev(rig)->config->set(rig_vdev(rig), field, buf, len);
}

static void S9_a_token_goes_with_its_own_length_only(void **state)
{
	struct rig *rig = rig_new();
	unsigned int len_a, len_b;
	void *a, *b;
	u8 buf[8] = { 0 };

	(void)state;
	loopback_add_field(&rig->regs, TYPE_A, eight_bytes, 4);
	loopback_add_field(&rig->regs, TYPE_B, eight_bytes, 8);
	rig_start(rig);
	a = find(rig, TYPE_A, &len_a);
	b = find(rig, TYPE_B, &len_b);
	assert_int_equal(get_field(rig, a, buf, len_b), -EINVAL);
	assert_int_equal(set_field(rig, a, buf, len_b), -EINVAL);
	assert_int_equal(get_field(rig, b, buf, len_a), -EINVAL);
	assert_int_equal(virtio_use_bit(rig_vdev(rig), a, len_b, 0), -EINVAL);
	assert_int_equal(get_field(rig, NULL, buf, 4), -EINVAL);
	/* A token is no address: one that was made up names no field. */
	assert_int_equal(get_field(rig, (char *)a + 1, buf, len_a), -EINVAL);
	assert_int_equal(get_field(rig, (char *)a + 1, buf, len_b), -EINVAL);
	assert_int_equal(get_field(rig, &buf, buf, len_a) < 0, true);
	assert_int_equal(get_field(rig, b, buf, len_b), 0);
	assert_memory_equal(buf, eight_bytes, 8);
	rig_end(rig);
}

static void S9_a_token_ends_with_its_binding(void **state)
{
	struct rig *rig = rig_field(TYPE_A, eight_bytes, 4);
	unsigned int len;
	u8 buf[4];
	void *old;

	(void)state;
	old = find(rig, TYPE_A, &len);
	assert_int_equal(get_field(rig, old, buf, len), 0);
	rig_rebind(rig);
	assert_int_equal(get_field(rig, old, buf, len), -ESTALE);
	assert_int_equal(set_field(rig, old, buf, len), -ESTALE);
	assert_int_equal(virtio_use_bit(rig_vdev(rig), old, len, 0), -ESTALE);
	old = find(rig, TYPE_A, &len);
	assert_int_equal(virtio_config_refresh(rig_vdev(rig)), 0);
	assert_int_equal(get_field(rig, old, buf, len), -ESTALE);
	unregister_virtio_device(rig_vdev(rig));
	assert_int_equal(get_field(rig, old, buf, len), -EINVAL);
	rig_end(rig);
}

static void S10a_a_field_of_another_size_stays_findable(void **state)
{
	struct rig *rig = rig_field(TYPE_A, "\x34\x12", 2);
	u32 v32 = 77;
	u16 v16;
	u8 bytes[3];

	(void)state;
	assert_int_equal(virtio_config_val(rig_vdev(rig), TYPE_A, &v32), -EIO);
	assert_int_equal(v32, 77);
	assert_int_equal(virtio_config_bytes(rig_vdev(rig), TYPE_A, bytes, 3),
			 -EIO);
	assert_int_equal(virtio_config_val(rig_vdev(rig), TYPE_A, &v16), 0);
	assert_int_equal(v16, 0x1234);
	assert_int_equal(virtio_config_val(rig_vdev(rig), TYPE_A, &v16),
			 -ENOENT);
	rig_end(rig);
}

static void S10b_nothing_is_set_without_success(void **state)
{
	struct rig *rig = rig_field(TYPE_A, "\x34\x12", 2);
	unsigned int len = 77;
	u64 val = 77;
	u8 buf[4] = { 9, 9, 9, 9 };

	(void)state;
	assert_null(find(rig, TYPE_B, &len));
	assert_int_equal(len, 77);
	assert_int_equal(virtio_config_val(rig_vdev(rig), TYPE_B, &val),
			 -ENOENT);
	assert_int_equal(virtio_config_val(rig_vdev(rig), TYPE_A, &val), -EIO);
	assert_int_equal(__virtio_config_val(rig_vdev(rig), TYPE_A, &val, 3),
			 -EINVAL);
	assert_int_equal(val, 77);
	assert_int_equal(get_field(rig, NULL, buf, 4), -EINVAL);
	assert_int_equal(buf[0], 9);
	rig_end(rig);
}

static void S10c_a_token_is_never_an_error_pointer(void **state)
{
	struct rig *rig = rig_new();
	unsigned int len, count = 0;
	u8 buf[1];
	void *field;

	(void)state;
	/* As many fields as there can be: the last token is the highest. */
	while (!loopback_add_field(&rig->regs, TYPE_A, eight_bytes, 0))
		count++;
	assert_int_equal(count, VIRTIO_CONFIG_SIZE_MAX / 2);
	rig_start(rig);
	while ((field = find(rig, TYPE_A, &len))) {
		assert_false(IS_ERR(field));
		assert_int_equal(get_field(rig, field, buf, 0), 0);
		count--;
	}
	assert_int_equal(count, 0);
	/* And an error pointer is no token. */
	assert_int_equal(get_field(rig, ERR_PTR(-ENOMEM), buf, 0) < 0, true);
	assert_int_equal(virtio_use_bit(rig_vdev(rig), ERR_PTR(-ENOMEM), 2, 0) <
				 0,
			 true);
	/* Where there is no device any more, the answer is NULL too. */
	unregister_virtio_device(rig_vdev(rig));
	assert_null(find(rig, TYPE_A, &len));
	rig_end(rig);
}

static void S11a_the_argument_is_evaluated_once_and_as_it_is_written(
	void **state)
{
	struct rig *rig = rig_new();
	u16 val[3] = { 1, 2, 3 }, *p = val;

	(void)state;
	loopback_add_field(&rig->regs, TYPE_A, "\x34\x12", 2);
	loopback_add_field(&rig->regs, TYPE_A, "\x78\x56", 2);
	rig_start(rig);
	assert_int_equal(virtio_config_val(rig_vdev(rig), TYPE_A, p + 1), 0);
	assert_int_equal(val[0], 1);
	assert_int_equal(val[1], 0x1234);
	assert_int_equal(val[2], 3);
	assert_int_equal(virtio_config_val(rig_vdev(rig), TYPE_A, p++), 0);
	assert_ptr_equal(p, val + 1);
	assert_int_equal(val[0], 0x5678);
	rig_end(rig);
}

static void S11b_the_value_may_lie_anywhere(void **state)
{
	struct rig *rig = rig_new();
	u8 memory[16];
	u64 v64;
	u32 v32;
	u8 v8;

	(void)state;
	loopback_add_field(&rig->regs, TYPE_A, eight_bytes, 8);
	loopback_add_field(&rig->regs, TYPE_A, eight_bytes, 4);
	loopback_add_field(&rig->regs, TYPE_A, eight_bytes, 1);
	rig_start(rig);
	memset(memory, 0xee, sizeof(memory));
	/* What virtio_config_val() makes of a member of a packed struct. */
	assert_int_equal(
		__virtio_config_val(rig_vdev(rig), TYPE_A, memory + 1, 8), 0);
	memcpy(&v64, memory + 1, 8);
	assert_true(v64 == 0x0807060504030201ULL);
	assert_int_equal(
		__virtio_config_val(rig_vdev(rig), TYPE_A, memory + 3, 4), 0);
	memcpy(&v32, memory + 3, 4);
	assert_int_equal(v32, 0x04030201);
	assert_int_equal(virtio_config_val(rig_vdev(rig), TYPE_A, &v8), 0);
	assert_int_equal(v8, 1);
	assert_int_equal(memory[0], 0xee);
	assert_int_equal(memory[9], 0xee);
	rig_end(rig);
}

static void S11c_types_with_the_used_bit_do_not_exist(void **state)
{
	struct rig *rig = rig_new();
	unsigned int len, type;

	(void)state;
	loopback_add_field(&rig->regs, 0x02 | 0x80, eight_bytes, 4);
	rig_start(rig);
	assert_false(rig_bound(rig));
	assert_true(rig_broken(rig, "bad-config"));
	rig_end(rig);
	/* Nor can a used field be found by the mark that it carries. */
	rig = rig_field(TYPE_A, eight_bytes, 4);
	assert_non_null(find(rig, TYPE_A, &len));
	for (type = 0x80; type < 0x100; type++)
		assert_null(find(rig, (u8)type, &len));
	assert_null(find(rig, VIRTIO_CONFIG_F_END, &len));
	rig_end(rig);
}

static void S11d_any_length_can_be_read_as_bytes(void **state)
{
	static const u8 mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
	struct rig *rig = rig_field(TYPE_MAC, mac, sizeof(mac));
	u8 buf[8] = { 0 };

	(void)state;
	assert_int_equal(virtio_config_bytes(rig_vdev(rig), TYPE_MAC, buf, 5),
			 -EIO);
	assert_int_equal(virtio_config_bytes(rig_vdev(rig), TYPE_MAC, buf, 6),
			 0);
	assert_memory_equal(buf, mac, sizeof(mac));
	assert_int_equal(buf[6], 0);
	assert_int_equal(virtio_config_bytes(rig_vdev(rig), TYPE_MAC, buf, 6),
			 -ENOENT);
	rig_end(rig);
}

/* Does a driver get a device with these bytes for its fields? */
static bool accepted(const u8 *bytes, u16 len)
{
	struct rig *rig = rig_new();
	bool bound;

	memcpy(rig->regs.field, bytes, len);
	rig->regs.field_len = cpu_to_le16(len);
	rig_start(rig);
	bound = rig_bound(rig);
	assert_true(bound || rig_broken(rig, "bad-config"));
	rig_end(rig);
	return bound;
}

#define ACCEPTED(...) \
	accepted((const u8[]){ __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ }))

/* The whole rule is docs/config-format.md and test_config_format.c. */
static void S12a_every_open_case_of_the_format_has_a_rule(void **state)
{
	(void)state;
	assert_false(ACCEPTED(TYPE_A)); /* half a header */
	assert_false(ACCEPTED(TYPE_A, 2, 1)); /* past the end */
	assert_true(ACCEPTED(TYPE_A, 0)); /* empty */
	assert_true(ACCEPTED(TYPE_A, 1, 1, 0, 200, 1)); /* 0 ends the fields */
	assert_true(ACCEPTED(TYPE_A, 1, 1, TYPE_A, 1, 2)); /* twice */
	assert_false(ACCEPTED(1, 2, 0, 0, 1, 2, 0, 0)); /* features twice */
	assert_false(ACCEPTED(TYPE_A, 1, 1, TYPE_B)); /* a trailing byte */
}

static void S12b_marks_are_private_and_end_with_the_binding(void **state)
{
	struct rig *rig = rig_field(TYPE_A, eight_bytes, 8);
	u8 before[16];
	u64 val;

	(void)state;
	memcpy(before, rig->regs.field, sizeof(before));
	assert_int_equal(virtio_config_val(rig_vdev(rig), TYPE_A, &val), 0);
	assert_int_equal(virtio_config_val(rig_vdev(rig), TYPE_A, &val),
			 -ENOENT);
	/* The device sees no mark, and cannot clear or set the real one. */
	assert_memory_equal(rig->regs.field, before, sizeof(before));
	rig_rebind(rig);
	rig->regs.field[0] |= 0x80;
	assert_int_equal(virtio_config_val(rig_vdev(rig), TYPE_A, &val), 0);
	assert_true(val == 0x0807060504030201ULL);
	rig->regs.field[0] = TYPE_A;
	assert_int_equal(virtio_config_val(rig_vdev(rig), TYPE_A, &val),
			 -ENOENT);
	rig_end(rig);
}

static void S12c_the_number_of_queues_is_bounded(void **state)
{
	struct rig *rig = rig_new();
	unsigned int i;

	(void)state;
	for (i = 0; i < VIRTIO_CONFIG_QUEUES_MAX; i++)
		loopback_add_queue(&rig->regs, (u16)i, 4);
	rig_start(rig);
	assert_true(rig_bound(rig));
	/* One more: a number above the limit, or one that is there already. */
	loopback_add_queue(&rig->regs, VIRTIO_CONFIG_QUEUES_MAX, 4);
	rig_rebind(rig);
	assert_false(rig_bound(rig));
	assert_true(rig_broken(rig, "bad-config"));
	rig_end(rig);
	rig = rig_new();
	loopback_add_queue(&rig->regs, 3, 4);
	loopback_add_queue(&rig->regs, 3, 4);
	rig_start(rig);
	assert_false(rig_bound(rig));
	rig_end(rig);
}

static void S25_status_and_field_marks_are_apart(void **state)
{
	struct rig *rig = rig_field(TYPE_A, eight_bytes, 4);
	struct virtio_device *vdev = rig_vdev(rig);
	unsigned int len;

	(void)state;
	/* The mark of a used field and S_FAILED are both 0x80. */
	assert_int_equal(
		vdev->config->set_status(vdev, rig->regs.status |
						       VIRTIO_CONFIG_S_FAILED),
		0);
	assert_int_equal(rig->regs.status & VIRTIO_CONFIG_S_FAILED,
			 VIRTIO_CONFIG_S_FAILED);
	assert_non_null(find(rig, TYPE_A, &len));
	rig_rebind(rig);
	assert_non_null(find(rig, TYPE_A, &len));
	assert_null(find(rig, TYPE_A, &len));
	assert_int_equal(vdev->config->get_status(vdev), 0x0f);
	assert_int_equal(rig->regs.status, 0x0f);
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S9_a_token_goes_with_its_own_length_only),
		cmocka_unit_test(S9_a_token_ends_with_its_binding),
		cmocka_unit_test(S10a_a_field_of_another_size_stays_findable),
		cmocka_unit_test(S10b_nothing_is_set_without_success),
		cmocka_unit_test(S10c_a_token_is_never_an_error_pointer),
		cmocka_unit_test(
			S11a_the_argument_is_evaluated_once_and_as_it_is_written),
		cmocka_unit_test(S11b_the_value_may_lie_anywhere),
		cmocka_unit_test(S11c_types_with_the_used_bit_do_not_exist),
		cmocka_unit_test(S11d_any_length_can_be_read_as_bytes),
		cmocka_unit_test(S12a_every_open_case_of_the_format_has_a_rule),
		cmocka_unit_test(
			S12b_marks_are_private_and_end_with_the_binding),
		cmocka_unit_test(S12c_the_number_of_queues_is_bounded),
		cmocka_unit_test(S25_status_and_field_marks_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
