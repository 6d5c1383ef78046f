// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VIRTIO 1.x registers as fields (docs/config-format.md, "Registers"), and the
 * negotiation that is the same for both.
 */
#include "harness.h"

#define VERSION_1 FEATURE(VIRTIO_F_VERSION_1)

/* A register device with these features, and a driver for some of them. */
static struct rig *rig_features(u64 offered, const unsigned int *table,
				unsigned int count)
{
	struct rig *rig = rig_new_registers();

	rig->regs.features[0] = cpu_to_le32((u32)offered);
	rig->regs.features[1] = cpu_to_le32((u32)(offered >> 32));
	rig->drv.feature_table = table;
	rig->drv.feature_count = count;
	rig_start(rig);
	return rig;
}

static u64 acknowledged(const struct rig *rig)
{
	return le32_to_cpu(rig->regs.driver_features[0]) |
	       (u64)le32_to_cpu(rig->regs.driver_features[1]) << 32;
}

static void features_become_one_field_of_two_64_bit_halves(void **state)
{
	static const unsigned int table[] = { 3, 5, 55 };
	u64 offered = VERSION_1 | FEATURE(3) | FEATURE(4) | FEATURE(55);
	struct rig *rig = rig_features(offered, table, 3);
	struct virtio_device *vdev = rig_vdev(rig);
	unsigned int len;
	u8 bytes[16];
	void *field;

	(void)state;
	assert_true(rig_bound(rig));
	field = vdev->config->find(vdev, VIRTIO_CONFIG_F_VIRTIO, &len);
	assert_int_equal(len, 16);
	assert_int_equal(vdev->config->get(vdev, field, bytes, len), 0);
	assert_true(get_unaligned_le64(bytes) == offered);
	/* Both words were written, and nothing that was not offered. */
	assert_true(acknowledged(rig) ==
		    (VERSION_1 | FEATURE(3) | FEATURE(55)));
	assert_true(get_unaligned_le64(bytes + 8) == acknowledged(rig));
	assert_true(virtio_has_feature(vdev, 55));
	assert_false(virtio_has_feature(vdev, 4));
	assert_false(virtio_has_feature(vdev, 5));
	assert_false(virtio_has_feature(vdev, 64 + 3));
	rig_end(rig);
}

static void version_1_is_mandatory(void **state)
{
	struct rig *rig = rig_features(FEATURE(3), NULL, 0);

	(void)state;
	assert_int_equal(rig->probes, 1);
	assert_false(rig_bound(rig));
	assert_true(rig_broken(rig, "features-refused"));
	rig_end(rig);
}

static void access_platform_may_not_be_declined(void **state)
{
	struct rig *rig = rig_new_registers();

	(void)state;
	/* A transport that hands out its own pointers cannot translate. */
	rig_override(rig)->features = 0;
	rig->regs.features[1] = cpu_to_le32(3);
	rig_start(rig);
	assert_true(rig_bound(rig));
	assert_true(
		virtio_has_feature(rig_vdev(rig), VIRTIO_F_ACCESS_PLATFORM));
	rig_end(rig);
}

/* A driver cannot vouch for what the ring and the transport have to do. */
static void an_offer_that_nobody_carries_out_is_not_taken(void **state)
{
	static const unsigned int table[] = {
		VIRTIO_F_RING_PACKED,
		VIRTIO_F_IN_ORDER,
		VIRTIO_F_SR_IOV,
		VIRTIO_F_NOTIFICATION_DATA,
		24,
		49,
		64,
		1000,
		0xffffffff,
	};
	struct rig *rig = rig_features(~0ULL, table, ARRAY_SIZE(table));

	(void)state;
	assert_true(rig_bound(rig));
	assert_true(acknowledged(rig) ==
		    (VERSION_1 | INDIRECT | EVENT_IDX | RING_RESET |
		     FEATURE(VIRTIO_F_ACCESS_PLATFORM)));
	rig_end(rig);
}

static int use_unsupported(struct rig *rig)
{
	struct virtio_device *vdev = rig_vdev(rig);
	unsigned int len;
	void *field = vdev->config->find(vdev, VIRTIO_CONFIG_F_VIRTIO, &len);

	assert_int_equal(virtio_use_bit(vdev, field, len, VIRTIO_F_RING_PACKED),
			 -EOPNOTSUPP);
	assert_int_equal(virtio_use_bit(vdev, field, len, VIRTIO_F_RING_RESET),
			 -EOPNOTSUPP);
	assert_int_equal(virtio_use_bit(vdev, field, len, 3), 1);
	assert_int_equal(virtio_use_bit(vdev, field, len, 64), 0);
	return 0;
}

static void nor_by_use_bit(void **state)
{
	struct rig *rig = rig_new_registers();

	(void)state;
	rig_override(rig)->reset_vq = NULL;
	rig->regs.features[0] = cpu_to_le32(0xffffffff);
	rig->regs.features[1] = cpu_to_le32(0xffffffff);
	rig->probe = use_unsupported;
	rig_start(rig);
	assert_true(rig_bound(rig));
	assert_false(acknowledged(rig) & RING_RESET);
	assert_true(acknowledged(rig) & FEATURE(3));
	rig_end(rig);
}

/* A reserved word of F_VIRTIO: it is wider than the bits that are defined. */
static int use_bit_64(struct rig *rig)
{
	struct virtio_device *vdev = rig_vdev(rig);
	unsigned int len;
	void *field = vdev->config->find(vdev, VIRTIO_CONFIG_F_VIRTIO, &len);

	assert_int_equal(virtio_use_bit(vdev, field, len, 63), 1);
	assert_int_equal(virtio_use_bit(vdev, field, len, 64), -EOPNOTSUPP);
	assert_int_equal(virtio_use_bit(vdev, field, len, 79), -EOPNOTSUPP);
	assert_int_equal(virtio_use_bit(vdev, field, len, 80), 0);
	return 0;
}

static void bits_above_63_are_not_defined(void **state)
{
	struct rig *rig = rig_new();
	u8 bytes[20];

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	loopback_add_field(&rig->regs, VIRTIO_CONFIG_F_VIRTIO, bytes, 20);
	rig->probe = use_bit_64;
	rig_start(rig);
	assert_true(rig_bound(rig));
	rig_end(rig);
}

static void queues_that_exist_become_fields(void **state)
{
	struct rig *rig = rig_new_registers();
	struct virtio_device *vdev = rig_vdev(rig);
	unsigned int len;
	u8 bytes[4];
	void *field;

	(void)state;
	rig->regs.features[1] = cpu_to_le32(1);
	rig->regs.num_queues = cpu_to_le16(4);
	rig->regs.queue_size[0] = cpu_to_le16(256);
	rig->regs.queue_size[2] = cpu_to_le16(32768);
	rig->regs.queue_size[4] = cpu_to_le16(8); /* past num_queues */
	rig_start(rig);
	field = vdev->config->find(vdev, VIRTIO_CONFIG_F_VIRTQUEUE, &len);
	assert_int_equal(vdev->config->get(vdev, field, bytes, len), 0);
	assert_memory_equal(bytes, "\0\0\0\1", 4);
	field = vdev->config->find(vdev, VIRTIO_CONFIG_F_VIRTQUEUE, &len);
	assert_int_equal(vdev->config->get(vdev, field, bytes, len), 0);
	assert_memory_equal(bytes, "\2\0\0\200", 4);
	assert_null(vdev->config->find(vdev, VIRTIO_CONFIG_F_VIRTQUEUE, &len));
	rig_end(rig);
}

static void refuse_registers(struct rig *rig)
{
	rig->regs.features[1] = cpu_to_le32(1);
	rig_start(rig);
	assert_int_equal(rig->probes, 0);
	assert_true(rig_broken(rig, "bad-config"));
	rig_end(rig);
}

/* QEMU's disk has a queue for each processor, of which there may be many. */
static void of_many_queues_the_first_256_are_seen(void **state)
{
	struct rig *rig = rig_new_registers();
	struct virtio_device *vdev = rig_vdev(rig);
	unsigned int i, len, count = 0;

	(void)state;
	rig->regs.features[1] = cpu_to_le32(1);
	rig->regs.num_queues = cpu_to_le16(65535);
	for (i = 0; i < VIRTIO_CONFIG_QUEUES_MAX; i++)
		rig->regs.queue_size[i] = cpu_to_le16(8);
	rig_start(rig);
	assert_int_equal(rig->probes, 1);
	while (vdev->config->find(vdev, VIRTIO_CONFIG_F_VIRTQUEUE, &len))
		count++;
	assert_int_equal(count, VIRTIO_CONFIG_QUEUES_MAX);
	rig_end(rig);
}

static void too_large_queues_are_refused(void **state)
{
	struct rig *rig = rig_new_registers();

	(void)state;
	rig->regs.num_queues = cpu_to_le16(1);
	rig->regs.queue_size[0] = cpu_to_le16(32769);
	refuse_registers(rig);
}

static void fill_config(struct rig *rig, u16 len)
{
	unsigned int i;

	rig->regs.features[1] = cpu_to_le32(1);
	rig->regs.config_len = cpu_to_le16(len);
	for (i = 0; i < VIRTIO_CONFIG_DEVICE_MAX; i++)
		rig->regs.config[i] = (u8)(i * 7);
}

static void device_configuration_is_split_at_252_bytes(void **state)
{
	struct rig *rig = rig_new_registers();
	struct virtio_device *vdev = rig_vdev(rig);
	u8 bytes[VIRTIO_CONFIG_DEVICE_MAX];
	unsigned int first, second;
	void *field;

	(void)state;
	fill_config(rig, 256);
	rig_start(rig);
	assert_int_equal(virtio_device_config(vdev, 0, bytes, 256), 0);
	assert_memory_equal(bytes, rig->regs.config, 256);
	assert_non_null(
		vdev->config->find(vdev, VIRTIO_CONFIG_F_DEVICE, &first));
	field = vdev->config->find(vdev, VIRTIO_CONFIG_F_DEVICE, &second);
	assert_int_equal(first, 252);
	assert_int_equal(second, 4);
	/* A write of the second piece goes to where it came from. */
	assert_int_equal(vdev->config->set(vdev, field, "\1\2\3\4", 4), 0);
	assert_memory_equal(rig->regs.config + 252, "\1\2\3\4", 4);
	assert_int_equal(virtio_device_config(vdev, 254, bytes, 2), 0);
	assert_memory_equal(bytes, "\3\4", 2);
	rig_end(rig);
}

static void of_a_larger_window_the_first_256_bytes_are_read(void **state)
{
	struct rig *rig = rig_new_registers();
	u8 bytes[VIRTIO_CONFIG_DEVICE_MAX];

	(void)state;
	fill_config(rig, 4096);
	rig_start(rig);
	assert_true(rig_bound(rig));
	assert_int_equal(virtio_device_config(rig_vdev(rig), 0, bytes, 256), 0);
	assert_int_equal(virtio_device_config(rig_vdev(rig), 256, bytes, 1),
			 -ENOENT);
	rig_end(rig);
}

static struct virtio_register_ops register_ops;

/* Moves the generation in the middle of the first @value reads. */
static int torn_read(struct virtio_device *vdev, unsigned int offset, void *buf,
		     unsigned int len)
{
	struct rig *rig = to_rig(vdev);
	int err = rig->honest->regs->config_read(vdev, offset, buf, len);

	if (rig->count++ < rig->value) {
		rig->regs.generation =
			cpu_to_le32(le32_to_cpu(rig->regs.generation) + 1);
		rig->regs.config[0]++;
	}
	return err;
}

static struct rig *torn_registers(unsigned int times)
{
	struct rig *rig = rig_new_registers();

	register_ops = *rig->honest->regs;
	register_ops.config_read = torn_read;
	rig_override(rig)->regs = &register_ops;
	rig->value = times;
	fill_config(rig, 8);
	rig_start(rig);
	return rig;
}

static void torn_device_configuration_is_read_again(void **state)
{
	struct rig *rig = torn_registers(VIRTIO_CONFIG_RETRIES - 1);
	u8 byte;

	(void)state;
	assert_true(rig_bound(rig));
	assert_int_equal(virtio_device_config(rig_vdev(rig), 0, &byte, 1), 0);
	assert_int_equal(byte, VIRTIO_CONFIG_RETRIES - 1);
	rig->count = 0;
	rig->value = 1000;
	assert_int_equal(virtio_config_refresh(rig_vdev(rig)), -EAGAIN);
	assert_int_equal(rig->count, VIRTIO_CONFIG_RETRIES);
	rig_end(rig);
	rig = torn_registers(1000);
	assert_false(rig_bound(rig));
	rig_end(rig);
}

static int fail_int(struct virtio_device *vdev)
{
	(void)vdev;
	return -EIO;
}

static int fail_word(struct virtio_device *vdev, unsigned int word, u32 *bits)
{
	(void)vdev;
	*bits = 0xffffffff;
	return word ? -EIO : 0;
}

static int fail_index(struct virtio_device *vdev, unsigned int index)
{
	(void)vdev;
	(void)index;
	return -EIO;
}

static int fail_generation(struct virtio_device *vdev, u32 *generation)
{
	*generation = 0;
	/* The one before the bytes works; the one after them does not. */
	return to_rig(vdev)->count++ % 2 ? -EIO : 0;
}

static int fail_read(struct virtio_device *vdev, unsigned int offset, void *buf,
		     unsigned int len)
{
	(void)vdev;
	(void)offset;
	(void)buf;
	(void)len;
	return -EIO;
}

static void a_register_that_cannot_be_read_fails_the_snapshot(void **state)
{
	struct virtio_register_ops *regs = &register_ops;
	struct rig *rig;
	unsigned int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		rig = rig_new_registers();
		*regs = *rig->honest->regs;
		rig_override(rig)->regs = regs;
		if (i == 0)
			regs->device_features = fail_word;
		if (i == 1)
			regs->num_queues = fail_int;
		if (i == 2)
			regs->queue_size = fail_index;
		if (i == 3)
			regs->config_len = fail_int;
		if (i == 4)
			regs->generation = fail_generation;
		if (i == 5)
			regs->config_read = fail_read;
		rig->regs.num_queues = cpu_to_le16(1);
		rig->regs.config_len = cpu_to_le16(8);
		refuse_registers(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			features_become_one_field_of_two_64_bit_halves),
		cmocka_unit_test(version_1_is_mandatory),
		cmocka_unit_test(access_platform_may_not_be_declined),
		cmocka_unit_test(an_offer_that_nobody_carries_out_is_not_taken),
		cmocka_unit_test(nor_by_use_bit),
		cmocka_unit_test(bits_above_63_are_not_defined),
		cmocka_unit_test(queues_that_exist_become_fields),
		cmocka_unit_test(of_many_queues_the_first_256_are_seen),
		cmocka_unit_test(too_large_queues_are_refused),
		cmocka_unit_test(device_configuration_is_split_at_252_bytes),
		cmocka_unit_test(
			of_a_larger_window_the_first_256_bytes_are_read),
		cmocka_unit_test(torn_device_configuration_is_read_again),
		cmocka_unit_test(
			a_register_that_cannot_be_read_fails_the_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
