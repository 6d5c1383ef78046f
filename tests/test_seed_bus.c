// SPDX-License-Identifier: GPL-2.0-or-later
/* Errata of the 2007 bus (docs/seed.md): each test names its row. */
#include <stdlib.h>

#include "harness.h"

/* Does a driver for this id get a device 42 of vendor 7? */
static bool served(u32 device, u32 vendor)
{
	struct rig *rig = rig_new();
	bool bound;

	rig->id.device = device;
	rig->id.vendor = vendor;
	rig_start(rig);
	bound = rig_bound(rig);
	rig_end(rig);
	return bound;
}

static void S1_equal_vendor_or_any_matches(void **state)
{
	(void)state;
	assert_true(served(RIG_DEVICE, RIG_VENDOR));
	assert_true(served(RIG_DEVICE, VIRTIO_DEV_ANY_ID));
	assert_false(served(RIG_DEVICE, RIG_VENDOR + 1));
	assert_false(served(RIG_DEVICE + 1, RIG_VENDOR));
}

static void S2a_id_table_is_counted_and_required(void **state)
{
	struct rig *rig = rig_new();
	struct virtio_device_id *exact = malloc(sizeof(*exact));

	(void)state;
	assert_non_null(exact);
	rig->drv.id_table = NULL;
	assert_int_equal(register_virtio_driver(&rig->drv), -EINVAL);
	/* One entry and no terminator: ASan sees a step past it. */
	exact->device = RIG_DEVICE + 1;
	exact->vendor = VIRTIO_DEV_ANY_ID;
	rig->drv.id_table = exact;
	rig->drv.id_count = 0;
	assert_int_equal(register_virtio_driver(&rig->drv), -EINVAL);
	rig->drv.id_count = 1;
	rig_start(rig);
	assert_false(rig_bound(rig));
	rig_end(rig);
	free(exact);
}

static void S2a_entry_0_ends_no_table_and_matches_nothing(void **state)
{
	const struct virtio_device_id ids[] = {
		{ 0, VIRTIO_DEV_ANY_ID },
		{ RIG_DEVICE, RIG_VENDOR },
	};
	struct rig *rig = rig_new();

	(void)state;
	rig->drv.id_table = ids;
	rig->drv.id_count = 2;
	rig_start(rig);
	assert_true(rig_bound(rig));
	rig_end(rig);
}

static void S2b_device_id_0_is_reserved(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig_vdev(rig)->id.device = 0;
	assert_int_equal(register_virtio_device(rig_vdev(rig)), -EINVAL);
	assert_int_equal(rig->writes, 0);
	assert_null(rig_vdev(rig)->core);
	rig_end(rig);
}

static void S2c_any_is_a_wildcard_for_device_and_vendor(void **state)
{
	(void)state;
	assert_true(served(VIRTIO_DEV_ANY_ID, VIRTIO_DEV_ANY_ID));
	assert_true(served(VIRTIO_DEV_ANY_ID, RIG_VENDOR));
	assert_false(served(VIRTIO_DEV_ANY_ID, RIG_VENDOR + 1));
}

static void S13a_ids_are_shown_in_all_their_bits(void **state)
{
	struct rig *rig = rig_new();
	char text[32];

	(void)state;
	rig_vdev(rig)->id.device = 0x10001;
	rig_vdev(rig)->id.vendor = 0xfffffffe;
	assert_int_equal(register_virtio_device(rig_vdev(rig)), 0);
	assert_int_equal(virtio_device_show(rig_vdev(rig), "device", text,
					    sizeof(text)),
			 6);
	assert_string_equal(text, "65537\n");
	assert_int_equal(virtio_device_show(rig_vdev(rig), "vendor", text,
					    sizeof(text)),
			 11);
	assert_string_equal(text, "4294967294\n");
	rig_end(rig);
}

static void S13b_attributes_are_bounded_and_end_with_a_newline(void **state)
{
	static const char *const names[] = { "device", "vendor", "status",
					     "features" };
	struct rig *rig = rig_ring(4, 0);
	char text[80], small[80];
	unsigned int i;
	int len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		len = virtio_device_show(rig_vdev(rig), names[i], text,
					 sizeof(text));
		assert_in_range(len, 2, sizeof(text) - 1);
		assert_int_equal(text[len], 0);
		assert_int_equal(text[len - 1], '\n');
		memset(small, '#', sizeof(small));
		assert_int_equal(virtio_device_show(rig_vdev(rig), names[i],
						    small, (size_t)len),
				 -ENOSPC);
		assert_int_equal(small[len], '#');
	}
	assert_int_equal(virtio_device_show(rig_vdev(rig), "driver", text,
					    sizeof(text)),
			 -ENOENT);
	rig_end(rig);
}

static int no_status(struct virtio_device *vdev)
{
	(void)vdev;
	fail_msg("the device was asked for its status");
	return 0;
}

static void S13b_status_is_shown_without_asking_the_device(void **state)
{
	struct rig *rig = rig_new();
	struct virtio_transport_ops *ops = rig_override(rig);
	int (*honest)(struct virtio_device * vdev) = ops->get_status;
	char text[16];

	(void)state;
	rig_start(rig);
	ops->get_status = no_status;
	assert_int_equal(virtio_device_show(rig_vdev(rig), "status", text,
					    sizeof(text)),
			 11);
	assert_string_equal(text, "0x0000000f\n");
	/* Also after removal, when there is nobody left to ask. */
	virtio_device_gone(rig_vdev(rig));
	assert_int_equal(virtio_device_show(rig_vdev(rig), "status", text,
					    sizeof(text)),
			 11);
	ops->get_status = honest;
	rig_end(rig);
}

static void S14_bus_allocates_the_index(void **state)
{
	struct rig *first = rig_new(), *second = rig_new(), *third = rig_new();
	int index;

	(void)state;
	rig_vdev(first)->index = 0;
	rig_vdev(second)->index = 0;
	rig_vdev(third)->index = -1;
	assert_int_equal(register_virtio_device(rig_vdev(first)), 0);
	assert_int_equal(register_virtio_device(rig_vdev(second)), 0);
	assert_int_not_equal(rig_vdev(first)->index, rig_vdev(second)->index);
	assert_true(
		strcmp(rig_vdev(first)->dev.name, rig_vdev(second)->dev.name));
	/* A free one is used again; one in use is not. */
	index = rig_vdev(first)->index;
	unregister_virtio_device(rig_vdev(first));
	assert_int_equal(register_virtio_device(rig_vdev(third)), 0);
	assert_int_equal(rig_vdev(third)->index, index);
	assert_int_equal(register_virtio_device(rig_vdev(third)), -EBUSY);
	rig_end(third);
	rig_end(second);
	rig_end(first);
}

static void S21_a_driver_is_registered_once(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	assert_int_equal(register_virtio_driver(NULL), -EINVAL);
	rig_start(rig);
	assert_int_equal(register_virtio_driver(&rig->drv), -EBUSY);
	assert_true(rig_bound(rig));
	assert_int_equal(rig->probes, 1);
	unregister_virtio_driver(&rig->drv);
	assert_int_equal(rig->removes, 1);
	unregister_virtio_driver(&rig->drv);
	assert_int_equal(rig->removes, 1);
	rig_end(rig);
}

static void S14_a_device_for_which_no_index_is_left_is_refused(void **state)
{
	struct loopback *lb = calloc(VLAB_IDA_MAX, sizeof(*lb));
	struct rig *rig = rig_new();
	unsigned int i;

	(void)state;
	assert_non_null(lb);
	for (i = 0; i < VLAB_IDA_MAX; i++) {
		loopback_init(&lb[i], LOOPBACK_FIELDS, &rig->regs, RIG_DEVICE,
			      RIG_VENDOR);
		assert_int_equal(register_virtio_device(&lb[i].vdev), 0);
	}
	assert_int_equal(register_virtio_device(rig_vdev(rig)), -ENOSPC);
	assert_int_equal(rig->writes, 0);
	assert_null(rig_vdev(rig)->core);
	for (i = 0; i < VLAB_IDA_MAX; i++)
		unregister_virtio_device(&lb[i].vdev);
	rig_start(rig);
	assert_true(rig_bound(rig));
	rig_end(rig);
	free(lb);
}

static void S14_a_device_that_the_bus_refuses_is_left_failed(void **state)
{
	struct virtio_device other = { 0 };
	struct rig *rig = rig_new();

	(void)state;
	/* A device that somebody else named like the first of ours. */
	assert_int_equal(register_virtio_driver(&rig->drv), 0);
	assert_int_equal(port_device_add(&other.dev, "virtio", 0), 0);
	assert_int_equal(register_virtio_device(rig_vdev(rig)), -EEXIST);
	assert_int_equal(rig->regs.status,
			 VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_FAILED);
	assert_null(rig_vdev(rig)->core);
	port_device_del(&other.dev);
	port_device_put(&other.dev);
	assert_int_equal(register_virtio_device(rig_vdev(rig)), 0);
	assert_true(rig_bound(rig));
	assert_int_equal(rig_vdev(rig)->index, 0);
	rig_end(rig);
}

static void S22_a_bus_that_cannot_register_is_an_error(void **state)
{
	static const struct port_bus_ops other;
	struct rig *rig = rig_new();

	(void)state;
	/* The port has room for one bus, and another one was first. */
	port_bus_unregister();
	assert_int_equal(port_bus_register(&other), 0);
	assert_int_equal(register_virtio_driver(&rig->drv), -EBUSY);
	assert_int_equal(register_virtio_device(rig_vdev(rig)), -EBUSY);
	assert_int_equal(rig->writes, 0);
	port_bus_unregister();
	/* The next try is not spoilt by the earlier ones. */
	rig_start(rig);
	assert_true(rig_bound(rig));
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S22_a_bus_that_cannot_register_is_an_error),
		cmocka_unit_test(S1_equal_vendor_or_any_matches),
		cmocka_unit_test(S2a_id_table_is_counted_and_required),
		cmocka_unit_test(S2a_entry_0_ends_no_table_and_matches_nothing),
		cmocka_unit_test(S2b_device_id_0_is_reserved),
		cmocka_unit_test(S2c_any_is_a_wildcard_for_device_and_vendor),
		cmocka_unit_test(S13a_ids_are_shown_in_all_their_bits),
		cmocka_unit_test(
			S13b_attributes_are_bounded_and_end_with_a_newline),
		cmocka_unit_test(
			S13b_status_is_shown_without_asking_the_device),
		cmocka_unit_test(S14_bus_allocates_the_index),
		cmocka_unit_test(
			S14_a_device_for_which_no_index_is_left_is_refused),
		cmocka_unit_test(
			S14_a_device_that_the_bus_refuses_is_left_failed),
		cmocka_unit_test(S21_a_driver_is_registered_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
