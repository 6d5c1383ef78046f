// SPDX-License-Identifier: GPL-2.0-or-later
/* Errata of 2007's registration (docs/seed.md): each test names its row. */
#include "harness.h"

#define ACK VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER VIRTIO_CONFIG_S_DRIVER
#define DRIVER_OK VIRTIO_CONFIG_S_DRIVER_OK
#define FAILED VIRTIO_CONFIG_S_FAILED

static void S15a_reset_comes_before_acknowledge(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	/* What a driver before a crash left. */
	rig->regs.status = ACK | DRIVER | DRIVER_OK;
	assert_int_equal(register_virtio_device(rig_vdev(rig)), 0);
	assert_int_equal(rig->writes, 2);
	assert_int_equal(rig->status[0], 0);
	assert_int_equal(rig->status[1], ACK);
	assert_int_equal(rig->regs.status, ACK);
	rig_end(rig);
}

/* Registration without the operation at @offset of @ops. */
static void refuses_without(struct rig *rig, void *ops, size_t offset)
{
	void *slot = (char *)ops + offset;
	u8 kept[sizeof(void *)];

	memcpy(kept, slot, sizeof(kept));
	memset(slot, 0, sizeof(kept));
	assert_int_equal(register_virtio_device(rig_vdev(rig)), -EINVAL);
	assert_int_equal(rig->writes, 0);
	memcpy(slot, kept, sizeof(kept));
}

static void S15b_an_incomplete_ops_table_is_refused(void **state)
{
	static const size_t needed[] = {
		offsetof(struct virtio_transport_ops, get_status),
		offsetof(struct virtio_transport_ops, set_status),
		offsetof(struct virtio_transport_ops, config_len),
		offsetof(struct virtio_transport_ops, config_read),
		offsetof(struct virtio_transport_ops, config_write),
		offsetof(struct virtio_transport_ops, setup_vq),
		offsetof(struct virtio_transport_ops, notify),
	};
	struct rig *rig = rig_new();
	struct virtio_transport_ops *ops = rig_override(rig);
	struct virtio_config_ops config = virtio_config_fields_ops;
	size_t i;

	(void)state;
	assert_int_equal(register_virtio_device(NULL), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(needed); i++)
		refuses_without(rig, ops, needed[i]);
	rig_vdev(rig)->config = &config;
	for (i = 0; i < sizeof(config); i += sizeof(void *))
		refuses_without(rig, &config, i);
	rig_vdev(rig)->config = NULL;
	assert_int_equal(register_virtio_device(rig_vdev(rig)), -EINVAL);
	rig_vdev(rig)->config = &config;
	rig_vdev(rig)->transport = NULL;
	assert_int_equal(register_virtio_device(rig_vdev(rig)), -EINVAL);
	rig_vdev(rig)->transport = ops;
	assert_int_equal(register_virtio_device(rig_vdev(rig)), 0);
	rig_end(rig);
}

static void S15b_an_incomplete_register_table_is_refused(void **state)
{
	struct rig *rig = rig_new_registers();
	struct virtio_transport_ops *ops = rig_override(rig);
	struct virtio_register_ops regs = *rig->honest->regs;
	size_t i;

	(void)state;
	ops->regs = &regs;
	for (i = 0; i < sizeof(regs); i += sizeof(void *))
		refuses_without(rig, &regs, i);
	assert_int_equal(register_virtio_device(rig_vdev(rig)), 0);
	rig_end(rig);
}

/* Shows its old status for ever. */
static bool ignore_all(struct rig *rig, u8 status)
{
	(void)rig;
	(void)status;
	return false;
}

static void S15c_a_failed_registration_leaves_the_device_to_its_owner(
	void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig->regs.status = FAILED;
	rig->on_status = ignore_all;
	assert_int_equal(register_virtio_device(rig_vdev(rig)), -EIO);
	assert_int_equal(rig->releases, 0);
	assert_null(rig_vdev(rig)->core);
	/* It may try again, and release() comes once, after the last use. */
	rig->on_status = NULL;
	rig_start(rig);
	assert_true(rig_bound(rig));
	unregister_virtio_device(rig_vdev(rig));
	assert_int_equal(rig->releases, 1);
	unregister_virtio_device(rig_vdev(rig));
	assert_int_equal(rig->releases, 1);
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S15a_reset_comes_before_acknowledge),
		cmocka_unit_test(S15b_an_incomplete_ops_table_is_refused),
		cmocka_unit_test(S15b_an_incomplete_register_table_is_refused),
		cmocka_unit_test(
			S15c_a_failed_registration_leaves_the_device_to_its_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
