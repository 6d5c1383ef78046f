// SPDX-License-Identifier: GPL-2.0-or-later
/* The front end of a driver: who is told what, and when. */
#include "harness.h"

#define ACK VIRTIO_CONFIG_S_ACKNOWLEDGE
#define FAILED VIRTIO_CONFIG_S_FAILED
#define DRIVER_OK VIRTIO_CONFIG_S_DRIVER_OK

static unsigned int bounds, unbinds, changes;
static unsigned int removes_then, changes_then;
static int bound_result;

/* Everything works by now: a buffer goes out and comes back. */
static int front_bound(struct virtio_device *vdev)
{
	struct rig *rig = to_rig(vdev);

	bounds++;
	assert_null(vdev->front);
	vdev->front = &bounds;
	assert_true(rig->regs.status & DRIVER_OK);
	assert_int_equal(add(rig->vq[0], 1, 1, token(1)), 0);
	kick(rig->vq[0]);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_ptr_equal(get(rig->vq[0]), token(1));
	return bound_result;
}

static void front_unbind(struct virtio_device *vdev)
{
	struct rig *rig = to_rig(vdev);

	unbinds++;
	removes_then = rig->removes;
	assert_ptr_equal(vdev->front, &bounds);
	if (virtio_device_broken(vdev))
		return;
	assert_true(rig->regs.status & DRIVER_OK);
	assert_int_equal(add(rig->vq[0], 1, 0, token(2)), 0);
	kick(rig->vq[0]);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_ptr_equal(get(rig->vq[0]), token(2));
}

static void front_changed(struct virtio_device *vdev)
{
	changes++;
	changes_then = to_rig(vdev)->changes;
}

static const struct virtio_front_ops front_ops = {
	.bound = front_bound,
	.unbind = front_unbind,
	.config_changed = front_changed,
};

static struct rig *rig_front(const struct virtio_front_ops *ops)
{
	struct rig *rig = rig_new_registers();

	bounds = 0;
	unbinds = 0;
	changes = 0;
	rig->regs.features[1] = cpu_to_le32(1u << (VIRTIO_F_VERSION_1 - 32));
	rig->regs.num_queues = cpu_to_le16(1);
	rig->regs.queue_size[0] = cpu_to_le16(8);
	rig->queues = 1;
	rig->drv.front = ops;
	rig_start(rig);
	return rig;
}

static void a_front_end_lives_while_the_queues_work(void **state)
{
	struct rig *rig;

	(void)state;
	bound_result = 0;
	rig = rig_front(&front_ops);
	assert_true(rig_bound(rig));
	assert_int_equal(bounds, 1);
	rig_rebind(rig);
	assert_int_equal(unbinds, 1);
	/* Before the driver: this was the first remove of all. */
	assert_int_equal(removes_then, 0);
	assert_int_equal(rig->removes, 1);
	assert_int_equal(bounds, 2);
	unregister_virtio_device(rig_vdev(rig));
	assert_int_equal(unbinds, 2);
	assert_null(rig_vdev(rig)->front);
	rig_end(rig);
}

static void a_front_end_is_let_go_of_a_device_that_vanished(void **state)
{
	struct rig *rig;

	(void)state;
	bound_result = 0;
	rig = rig_front(&front_ops);
	rig->regs.gone = 1;
	virtio_device_gone(rig_vdev(rig));
	unregister_virtio_device(rig_vdev(rig));
	assert_int_equal(unbinds, 1);
	rig_end(rig);
}

static void refuses(int result)
{
	struct rig *rig;

	bound_result = result;
	rig = rig_front(&front_ops);
	assert_int_equal(bounds, 1);
	assert_false(rig_bound(rig));
	assert_int_equal(unbinds, 0);
	assert_int_equal(rig->removes, 1);
	assert_null(rig_vdev(rig)->front);
	assert_int_equal(rig->regs.status, ACK | FAILED);
	rig_end(rig);
}

static void a_device_that_the_front_end_refuses_is_unbound(void **state)
{
	(void)state;
	refuses(-ENOMEM);
	refuses(1);
}

static void a_change_is_told_to_the_driver_and_then_to_its_front_end(
	void **state)
{
	struct rig *rig;

	(void)state;
	bound_result = 0;
	rig = rig_front(&front_ops);
	virtio_config_changed(rig_vdev(rig));
	assert_int_equal(changes, 1);
	assert_int_equal(changes_then, 1);
	/* Also when the change is that the device wants to be reset. */
	rig->regs.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_config_changed(rig_vdev(rig));
	assert_int_equal(changes, 2);
	assert_true(rig_broken(rig, "bad-status"));
	unregister_virtio_device(rig_vdev(rig));
	virtio_config_changed(rig_vdev(rig));
	assert_int_equal(changes, 2);
	rig_end(rig);
}

static void a_front_end_may_leave_out_each_callback(void **state)
{
	static const struct virtio_front_ops nothing;
	struct rig *rig = rig_front(&nothing);

	(void)state;
	assert_true(rig_bound(rig));
	virtio_config_changed(rig_vdev(rig));
	assert_int_equal(rig->changes, 1);
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_front_end_lives_while_the_queues_work),
		cmocka_unit_test(
			a_front_end_is_let_go_of_a_device_that_vanished),
		cmocka_unit_test(
			a_device_that_the_front_end_refuses_is_unbound),
		cmocka_unit_test(
			a_change_is_told_to_the_driver_and_then_to_its_front_end),
		cmocka_unit_test(a_front_end_may_leave_out_each_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
