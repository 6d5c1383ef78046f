// SPDX-License-Identifier: GPL-2.0-or-later
/* The loopback transport: the bounds of its registers, and its queues. */
#include "helper.h"

static struct loopback_regs regs;
static struct loopback lb;

static int loopback_open(void **state)
{
	(void)state;
	memset(&regs, 0, sizeof(regs));
	loopback_init(&lb, LOOPBACK_FIELDS, &regs, 1, 2);
	return 0;
}

static void test_bounds_of_arrays(void **state)
{
	static const unsigned int offsets[] = { VIRTIO_CONFIG_DEVICE_MAX,
						VIRTIO_CONFIG_DEVICE_MAX + 1,
						VIRTIO_CONFIG_SIZE_MAX, ~0U };
	const struct virtio_transport_ops *ops = lb.vdev.transport;
	const unsigned int size = VIRTIO_CONFIG_SIZE_MAX;
	const unsigned int end = VIRTIO_CONFIG_DEVICE_MAX;
	const struct virtio_register_ops *r;
	unsigned int i;
	u8 buf[8];
	u32 bits;

	(void)state;
	assert_int_equal(ops->config_read(&lb.vdev, size - 8, buf, 8), 0);
	assert_int_equal(ops->config_read(&lb.vdev, size - 7, buf, 8), -EINVAL);
	assert_int_equal(ops->config_write(&lb.vdev, size - 8, buf, 8), 0);
	assert_int_equal(ops->config_write(&lb.vdev, size, buf, 1), -EINVAL);
	assert_int_equal(ops->config_read(&lb.vdev, ~0U, buf, 8), -EINVAL);
	loopback_init(&lb, LOOPBACK_REGISTERS, &regs, 1, 2);
	r = lb.vdev.transport->regs;
	assert_int_equal(r->config_read(&lb.vdev, end - 8, buf, 8), 0);
	assert_int_equal(r->config_read(&lb.vdev, end - 7, buf, 8), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		assert_int_equal(r->config_read(&lb.vdev, offsets[i], buf, 1),
				 -EINVAL);
		assert_int_equal(r->config_write(&lb.vdev, offsets[i], buf, 1),
				 -EINVAL);
	}
	assert_int_equal(r->device_features(&lb.vdev, 2, &bits), -EINVAL);
	assert_int_equal(r->driver_features(&lb.vdev, 2, 0), -EINVAL);
	assert_int_equal(r->queue_size(&lb.vdev, VIRTIO_CONFIG_QUEUES_MAX), 0);
}

static void test_gone(void **state)
{
	const struct virtio_transport_ops *ops = lb.vdev.transport;
	u8 buf[1];
	u32 gen;

	(void)state;
	lb.queue[3].enabled = true;
	regs.status = 0xff;
	assert_int_equal(ops->get_status(&lb.vdev), 0xff);
	regs.gone = 1;
	assert_int_equal(ops->get_status(&lb.vdev), -ENODEV);
	assert_false(lb.queue[3].enabled);
	assert_int_equal(ops->set_status(&lb.vdev, 0), -ENODEV);
	assert_int_equal(ops->config_len(&lb.vdev), -ENODEV);
	assert_int_equal(ops->config_read(&lb.vdev, 0, buf, 1), -ENODEV);
	assert_int_equal(ops->generation(&lb.vdev, &gen), -ENODEV);
}

static bool ignore_status(struct loopback *lb_, u8 status)
{
	(void)lb_;
	(void)status;
	return false;
}

static void test_status_and_queues(void **state)
{
	static const struct loopback_ops deaf = { .status = ignore_status };
	const struct virtio_transport_ops *ops = lb.vdev.transport;
	struct virtio_vq_setup setup = {
		.index = 7,
		.num = 8,
		.desc = 64,
		.avail = 64,
		.used = 64,
	};

	(void)state;
	assert_int_equal(ops->set_status(&lb.vdev, 3), 0);
	assert_int_equal(regs.status, 3);
	assert_int_equal(ops->notify(&lb.vdev, 7), -EINVAL);
	assert_int_equal(ops->setup_vq(&lb.vdev, &setup), 0);
	/* VS38: a ring in use stays where it is. */
	assert_int_equal(ops->setup_vq(&lb.vdev, &setup), -EBUSY);
	assert_int_equal(ops->notify(&lb.vdev, 7), 0);
	assert_true(lb.queue[7].notified);
	assert_int_equal(ops->notify(&lb.vdev, 8), -EINVAL);
	lb.ops = &deaf;
	assert_int_equal(ops->set_status(&lb.vdev, 0), 0);
	assert_int_equal(regs.status, 3);
	assert_true(lb.queue[7].enabled);
	ops->isolate(&lb.vdev);
	assert_false(lb.queue[7].enabled);
	lb.ops = NULL;
	assert_int_equal(ops->setup_vq(&lb.vdev, &setup), 0);
	assert_int_equal(ops->reset_vq(&lb.vdev, 7), 0);
	assert_false(lb.queue[7].enabled);
	assert_int_equal(ops->reset_vq(&lb.vdev, 8), -EINVAL);
	assert_int_equal(ops->setup_vq(&lb.vdev, &setup), 0);
	assert_int_equal(ops->set_status(&lb.vdev, 0), 0);
	assert_false(lb.queue[7].enabled);
}

/* CF19, CF21, VS36: sizes and alignments that a ring cannot have. */
static void test_setup_refused(void **state)
{
	static const struct virtio_vq_setup bad[] = {
		{ 8, 8, 64, 64, 64 },	  { 0, 0, 64, 64, 64 },
		{ 0, 3, 64, 64, 64 },	  { 0, 65536, 64, 64, 64 },
		{ 0, 32769, 64, 64, 64 }, { 0, 8, 8, 64, 64 },
		{ 0, 8, 64, 63, 64 },	  { 0, 8, 64, 64, 66 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(lb.vdev.transport->setup_vq(&lb.vdev, &bad[i]) < 0);
}

static void test_field_space(void **state)
{
	static const u8 space[] = { 1, 16, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0,
				    0, 0,  0, 0, 0, 2, 4, 3, 0, 0, 2, 9, 0 };
	u8 bytes[255] = { 0 };
	unsigned int i;

	(void)state;
	assert_int_equal(loopback_add_features(&regs, 0x0807060504030201), 0);
	assert_int_equal(loopback_add_queue(&regs, 3, 512), 0);
	assert_int_equal(loopback_add_field(&regs, 9, NULL, 0), 0);
	assert_int_equal(le16_to_cpu(regs.field_len), sizeof(space));
	assert_memory_equal(regs.field, space, sizeof(space));
	for (i = 0; i < 15; i++)
		assert_int_equal(loopback_add_field(&regs, 5, bytes, 255), 0);
	assert_int_equal(loopback_add_field(&regs, 5, bytes, 255), -ENOSPC);
	assert_int_equal(loopback_add_field(&regs, 5, bytes, 213), 0);
	assert_int_equal(le16_to_cpu(regs.field_len), 4096);
	assert_int_equal(loopback_add_field(&regs, 5, bytes, 0), -ENOSPC);
	regs.field_len = cpu_to_le16(0xffff);
	assert_int_equal(loopback_add_field(&regs, 5, bytes, 0), -ENOSPC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, loopback_open, NULL)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bounds_of_arrays),  TEST(test_gone),
		TEST(test_status_and_queues), TEST(test_setup_refused),
		TEST(test_field_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
