// SPDX-License-Identifier: GPL-2.0-or-later
/* A transport that fails or lies, and what the core makes of it. */
#include "harness.h"

static int refuse_queue_reset(struct virtio_device *vdev, unsigned int index)
{
	(void)vdev;
	(void)index;
	return -EIO;
}

static void a_queue_that_is_not_reset_stops_with_its_device(void **state)
{
	struct rig *rig = rig_ring(4, RING_RESET);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	rig_override(rig)->reset_vq = refuse_queue_reset;
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	kick(vq);
	vq->vq_ops->shutdown(vq);
	assert_int_equal(rig->regs.status, 0);
	assert_false(rig->lb.queue[0].enabled);
	assert_ptr_equal(vq->vq_ops->detach_buf(vq), token(0));
	assert_int_equal(vq->vq_ops->reset(vq), -EOPNOTSUPP);
	rig_end(rig);
}

static int no_driver_ok(struct virtio_device *vdev, u8 status)
{
	if (status & VIRTIO_CONFIG_S_DRIVER_OK)
		return -ENODEV;
	return to_rig(vdev)->honest->set_status(vdev, status);
}

static int ready_whatever_comes(struct rig *rig)
{
	assert_int_equal(virtio_device_ready(rig_vdev(rig)), -EIO);
	assert_int_equal(virtio_device_ready(rig_vdev(rig)), -EIO);
	return 0;
}

static void a_device_that_went_as_it_started_is_not_bound(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig_override(rig)->set_status = no_driver_ok;
	rig->probe = ready_whatever_comes;
	rig_start(rig);
	assert_false(rig_bound(rig));
	rig_end(rig);
}

static int write_fails(struct virtio_device *vdev, unsigned int offset,
		       const void *buf, unsigned int len)
{
	(void)vdev;
	(void)offset;
	(void)buf;
	(void)len;
	return -EIO;
}

static int bits_fail(struct virtio_device *vdev, unsigned int word, u32 bits)
{
	(void)vdev;
	(void)word;
	(void)bits;
	return -EIO;
}

static void features_that_cannot_be_written_bind_no_driver(void **state)
{
	struct rig *rig = rig_new();
	struct virtio_register_ops regs;

	(void)state;
	loopback_add_features(&rig->regs, 1);
	rig_override(rig)->config_write = write_fails;
	rig_start(rig);
	assert_int_equal(rig->probes, 0);
	assert_false(rig_bound(rig));
	rig_end(rig);

	rig = rig_new_registers();
	rig->regs.features[1] = cpu_to_le32(1);
	regs = *rig->honest->regs;
	regs.driver_features = bits_fail;
	rig_override(rig)->regs = &regs;
	rig_start(rig);
	assert_int_equal(rig->probes, 0);
	assert_false(rig_bound(rig));
	rig_end(rig);
}

static void a_space_that_cannot_be_read_is_no_empty_space(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	loopback_add_features(&rig->regs, 1);
	rig_override(rig)->config_read = rig_read_fails;
	rig->ops.generation = NULL;
	rig_start(rig);
	assert_int_equal(rig->probes, 0);
	assert_true(rig_broken(rig, "bad-config"));
	rig_end(rig);
}

static int low_word_only(struct virtio_device *vdev, unsigned int word,
			 u32 *bits)
{
	(void)vdev;
	if (!word)
		*bits = 0xff;
	else
		*bits |= 1;
	return 0;
}

/* What there was in memory is not the device's word; MSan and ASan see it. */
static void registers_that_were_not_read_are_zero(void **state)
{
	struct rig *rig = rig_new_registers();
	struct virtio_register_ops regs;
	struct virtio_device *vdev = rig_vdev(rig);
	u8 bytes[64], zero[64] = { 0 };
	unsigned int len;
	void *field;

	(void)state;
	regs = *rig->honest->regs;
	regs.config_read = rig_read_nothing;
	regs.device_features = low_word_only;
	rig->regs.config_len = cpu_to_le16(64);
	rig_override(rig)->regs = &regs;
	rig_start(rig);
	assert_true(rig_bound(rig));
	assert_int_equal(virtio_device_config(vdev, 0, bytes, 64), 0);
	assert_memory_equal(bytes, zero, 64);
	field = vdev->config->find(vdev, VIRTIO_CONFIG_F_VIRTIO, &len);
	assert_int_equal(vdev->config->get(vdev, field, bytes, len), 0);
	assert_int_equal(get_unaligned_le32(bytes + 4), 1);
	rig_end(rig);
}

static int wide(struct virtio_device *vdev)
{
	(void)vdev;
	return 0x100;
}

static void a_status_that_is_no_byte_is_of_no_device(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig_start(rig);
	rig_override(rig)->get_status = wide;
	assert_int_equal(rig_vdev(rig)->config->get_status(rig_vdev(rig)),
			 -ENODEV);
	virtio_config_changed(rig_vdev(rig));
	assert_true(rig_broken(rig, "device-gone"));
	rig_end(rig);
}

static void a_device_on_no_bus_can_be_asked(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	virtio_device_gone(rig_vdev(rig));
	assert_int_equal(virtio_device_broken(rig_vdev(rig)), 0);
	assert_false(virtio_has_feature(rig_vdev(rig), 3));
	rig_end(rig);
}

static int leave_priv(struct rig *rig)
{
	rig_vdev(rig)->priv = rig;
	return -ENODEV;
}

static void nothing_of_a_driver_that_fails_is_left(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig->probe = leave_priv;
	rig_start(rig);
	assert_null(rig_vdev(rig)->priv);
	rig_end(rig);
}

static void strict_can_be_taken_back(void **state)
{
	struct rig *rig = rig_ring(4, 0);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	virtqueue_set_strict(vq, true);
	virtqueue_set_strict(vq, false);
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	kick(vq);
	device_use(rig, 0, 0, 1000);
	assert_ptr_equal(get(vq), token(0));
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_queue_that_is_not_reset_stops_with_its_device),
		cmocka_unit_test(a_device_that_went_as_it_started_is_not_bound),
		cmocka_unit_test(
			features_that_cannot_be_written_bind_no_driver),
		cmocka_unit_test(a_space_that_cannot_be_read_is_no_empty_space),
		cmocka_unit_test(registers_that_were_not_read_are_zero),
		cmocka_unit_test(a_status_that_is_no_byte_is_of_no_device),
		cmocka_unit_test(a_device_on_no_bus_can_be_asked),
		cmocka_unit_test(nothing_of_a_driver_that_fails_is_left),
		cmocka_unit_test(strict_can_be_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
