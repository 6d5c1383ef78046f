// SPDX-License-Identifier: GPL-2.0-or-later
/* Errata of the 2007 status ladder (docs/seed.md): each test names its row. */
#include <pthread.h>

#include "harness.h"

#define ACK VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER VIRTIO_CONFIG_S_DRIVER
#define DRIVER_OK VIRTIO_CONFIG_S_DRIVER_OK
#define FEATURES_OK VIRTIO_CONFIG_S_FEATURES_OK
#define NEEDS_RESET VIRTIO_CONFIG_S_NEEDS_RESET
#define FAILED VIRTIO_CONFIG_S_FAILED
#define RUNNING (ACK | DRIVER | FEATURES_OK | DRIVER_OK)

/* Does as asked when reset, and claims to be everything at once otherwise. */
static bool claim_all(struct rig *rig, u8 status)
{
	if (!status)
		return true;
	rig->regs.status = 0xff;
	return false;
}

/* Shows its old status for ever. */
static bool ignore_all(struct rig *rig, u8 status)
{
	(void)rig;
	(void)status;
	return false;
}

static void S16a_what_the_device_shows_is_never_written_back(void **state)
{
	static const u8 climbed[] = {
		0,
		ACK, /* registered */
		ACK | DRIVER,
		ACK | DRIVER | FEATURES_OK, /* bound */
		0,
		ACK | FAILED, /* its status is nonsense */
	};
	struct rig *rig = rig_new();

	(void)state;
	rig->on_status = claim_all;
	rig_start(rig);
	assert_false(rig_bound(rig));
	assert_int_equal(rig->writes, sizeof(climbed));
	assert_memory_equal(rig->status, climbed, sizeof(climbed));
	rig_end(rig);
}

static int wide_status(struct virtio_device *vdev)
{
	struct rig *rig = to_rig(vdev);

	return 0x100 | rig->honest->get_status(vdev);
}

static void S16b_a_status_above_a_byte_is_not_narrowed(void **state)
{
	struct rig *rig = rig_new();
	struct virtio_transport_ops *ops = rig_override(rig);

	(void)state;
	rig_start(rig);
	assert_true(rig_bound(rig));
	ops->get_status = wide_status;
	rig_rebind(rig);
	assert_false(rig_bound(rig));
	assert_true(rig_broken(rig, "device-gone"));
	rig_end(rig);
}

/* A device that cannot do FEATURES_OK, or only seems to take DRIVER. */
static bool drop_driver(struct rig *rig, u8 status)
{
	rig->regs.status = status & (u8)~DRIVER;
	return false;
}

static void S16b_the_status_is_read_back(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig->on_status = drop_driver;
	rig_start(rig);
	assert_int_equal(rig->probes, 1);
	assert_false(rig_bound(rig));
	assert_int_equal(rig->status[rig->writes - 1], ACK | FAILED);
	rig_end(rig);
}

#define ROUNDS 200

static void *plug_and_unplug(void *data)
{
	struct rig *rig = (struct rig *)data;
	uintptr_t errors = 0;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		errors += register_virtio_device(rig_vdev(rig)) != 0;
		unregister_virtio_device(rig_vdev(rig));
	}
	return (void *)errors;
}

/* A driver comes and goes here while its device does in another thread. */
static void S16b_two_threads_climb_the_ladder_at_once(void **state)
{
	struct rig *rig = rig_new();
	unsigned int i, errors = 0;
	pthread_t thread;
	void *others;

	(void)state;
	loopback_add_queue(&rig->regs, 0, 4);
	rig->queues = 1;
	assert_int_equal(pthread_create(&thread, NULL, plug_and_unplug, rig),
			 0);
	for (i = 0; i < ROUNDS; i++) {
		errors += register_virtio_driver(&rig->drv) != 0;
		unregister_virtio_driver(&rig->drv);
	}
	assert_int_equal(pthread_join(thread, &others), 0);
	assert_null(others);
	assert_int_equal(errors, 0);
	/* Each binding was undone, and the device is back at 0. */
	assert_int_equal(rig->probes, rig->removes);
	assert_int_equal(rig->releases, ROUNDS);
	assert_int_equal(rig->regs.status, 0);
	rig_end(rig);
}

static u8 status_in_probe;

static int probe_with_status(struct rig *rig)
{
	int err = rig_find_queues(rig);

	rig->regs.status = status_in_probe;
	return err;
}

static void S17a_a_device_that_fails_in_probe_is_not_started(void **state)
{
	static const u8 shown[] = {
		0,
		ACK | DRIVER | FEATURES_OK | FAILED,
		ACK | DRIVER | FEATURES_OK | NEEDS_RESET,
		ACK | DRIVER,
		0xff,
	};
	struct rig *rig;
	unsigned int i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(shown); i++) {
		rig = rig_new();
		loopback_add_queue(&rig->regs, 0, 4);
		rig->queues = 1;
		rig->probe = probe_with_status;
		status_in_probe = shown[i];
		rig_start(rig);
		assert_false(rig_bound(rig));
		assert_int_equal(rig->probes, 1);
		assert_int_equal(rig->removes, 1);
		for (j = 0; j < rig->writes; j++)
			assert_false(rig->status[j] & DRIVER_OK);
		rig_end(rig);
	}
}

static int probe_gives_up(struct rig *rig)
{
	struct virtio_device *vdev = rig_vdev(rig);

	assert_int_equal(
		vdev->config->set_status(vdev, rig->regs.status | FAILED), 0);
	assert_int_equal(virtio_device_ready(vdev), -EIO);
	return 0;
}

static void S17a_a_driver_that_gave_up_is_not_started(void **state)
{
	struct rig *rig = rig_new();
	unsigned int i;

	(void)state;
	rig->probe = probe_gives_up;
	rig_start(rig);
	assert_false(rig_bound(rig));
	for (i = 0; i < rig->writes; i++)
		assert_false(rig->status[i] & DRIVER_OK);
	rig_end(rig);
}

static int probe_fails(struct rig *rig)
{
	rig_find_queues(rig);
	return -ENODEV;
}

static void S17b_a_failed_probe_leaves_nothing_to_the_next_driver(void **state)
{
	struct rig *rig = rig_new();
	unsigned int writes;

	(void)state;
	loopback_add_queue(&rig->regs, 0, 4);
	rig->queues = 1;
	rig->probe = probe_fails;
	rig_start(rig);
	assert_false(rig_bound(rig));
	assert_int_equal(rig->regs.status, ACK | FAILED);
	assert_int_equal(rig->removes, 0);
	assert_false(rig->lb.queue[0].enabled);
	/* The next driver finds the queue, and no FAILED. */
	writes = rig->writes;
	rig->probe = rig_find_queues;
	rig_rebind(rig);
	assert_true(rig_bound(rig));
	assert_int_equal(rig->status[writes], 0);
	assert_int_equal(rig->regs.status, RUNNING);
	rig_end(rig);
}

/* The driver is eager and the device more so. */
static int probe_uses_queue(struct rig *rig)
{
	int err = rig_find_queues(rig);

	if (err)
		return err;
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	kick(rig->vq[0]);
	assert_int_equal(rig->notifies, 0);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_false(device_interrupt(rig, 0));
	assert_int_equal(rig->callbacks, 0);
	return rig->count ? virtio_device_ready(rig_vdev(rig)) : 0;
}

static void S17c_queues_are_silent_before_driver_ok(void **state)
{
	struct rig *rig;
	unsigned int early;

	(void)state;
	for (early = 0; early < 2; early++) {
		rig = rig_new();
		loopback_add_queue(&rig->regs, 0, 4);
		rig->queues = 1;
		rig->count = early;
		rig->probe = probe_uses_queue;
		rig_start(rig);
		assert_true(rig_bound(rig));
		/* The notification that had to wait came exactly once. */
		assert_int_equal(rig->notifies, 1);
		assert_true(device_interrupt(rig, 0));
		assert_int_equal(rig->callbacks, 1);
		assert_ptr_equal(get(rig->vq[0]), token(0));
		rig_end(rig);
	}
}

static int probe_returns_1(struct rig *rig)
{
	(void)rig;
	return 1;
}

static void S17d_probe_is_required_and_returns_an_errno(void **state)
{
	struct rig *rig = rig_new();
	int (*probe)(struct virtio_device * dev) = rig->drv.probe;

	(void)state;
	rig->drv.probe = NULL;
	assert_int_equal(register_virtio_driver(&rig->drv), -EINVAL);
	rig->drv.probe = probe;
	rig->probe = probe_returns_1;
	rig_start(rig);
	assert_int_equal(rig->probes, 1);
	assert_false(rig_bound(rig));
	assert_int_equal(rig->regs.status, ACK | FAILED);
	rig_end(rig);
}

/* remove() may still use the queue: the device is reset after it. */
static void remove_uses_queue(struct rig *rig)
{
	assert_int_equal(rig->regs.status, RUNNING);
	assert_int_equal(add(rig->vq[0], 0, 1, token(1)), 0);
}

static void S18_unregistering_a_driver_stops_its_devices(void **state)
{
	struct rig *rig = rig_ring(4, 0);
	unsigned int writes = rig->writes;

	(void)state;
	rig->remove = remove_uses_queue;
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	kick(rig->vq[0]);
	unregister_virtio_driver(&rig->drv);
	assert_int_equal(rig->removes, 1);
	assert_false(rig_bound(rig));
	/* Reset, then its queue and the memory of it may go. */
	assert_int_equal(rig->status[writes], 0);
	assert_int_equal(rig->regs.status, ACK);
	assert_false(rig->lb.queue[0].enabled);
	assert_false(device_interrupt(rig, 0));
	assert_int_equal(rig->callbacks, 0);
	rig_end(rig);
}

static void S18_a_driver_without_remove_is_cleaned_up_after(void **state)
{
	struct rig *rig = rig_ring(4, 0);

	(void)state;
	rig->drv.remove = NULL;
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	rig_rebind(rig);
	assert_true(rig_bound(rig));
	assert_null(get(rig->vq[0]));
	rig_end(rig);
}

static void count_isolation(struct virtio_device *vdev)
{
	to_rig(vdev)->value++;
}

static int counted_status(struct virtio_device *vdev)
{
	struct rig *rig = to_rig(vdev);

	rig->count++;
	return rig->honest->get_status(vdev);
}

static void S19_reset_is_an_operation_with_a_bounded_wait(void **state)
{
	struct rig *rig = rig_ring(4, 0);
	struct virtio_transport_ops *ops = rig_override(rig);

	(void)state;
	ops->get_status = counted_status;
	ops->isolate = count_isolation;
	rig->on_status = ignore_all;
	assert_int_equal(virtio_reset_device(rig_vdev(rig)), -EIO);
	assert_true(rig_broken(rig, "reset-timeout"));
	assert_in_range(rig->count, 1, 1000);
	/* A device that goes on regardless is cut off from memory. */
	assert_int_equal(rig->value, 1);
	rig->on_status = NULL;
	rig_end(rig);
}

/* It would lose its access to memory for good. */
static void S19_a_device_that_obeys_its_reset_is_not_isolated(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig_override(rig)->isolate = count_isolation;
	rig_start(rig);
	rig_rebind(rig);
	assert_int_equal(virtio_reset_device(rig_vdev(rig)), 0);
	assert_int_equal(rig->value, 0);
	rig_end(rig);
}

static int absent_status(struct virtio_device *vdev)
{
	(void)vdev;
	return -ENODEV;
}

/* For a moment it answers nothing; it still has the ring. */
static void S19_a_device_that_claims_to_be_gone_is_cut_off(void **state)
{
	struct rig *rig = rig_ring(4, 0);
	struct virtio_transport_ops *ops = rig_override(rig);

	(void)state;
	ops->get_status = absent_status;
	ops->isolate = count_isolation;
	rig->vq[0]->vq_ops->shutdown(rig->vq[0]);
	assert_true(rig_broken(rig, "device-gone"));
	assert_int_equal(rig->value, 1);
	ops->get_status = rig->honest->get_status;
	rig_end(rig);
}

/* Takes its time: busy for the first answers. */
static int slow_status(struct virtio_device *vdev)
{
	struct rig *rig = to_rig(vdev);
	int status = rig->honest->get_status(vdev);

	return !status && rig->count++ < 10 ? 0x4f : status;
}

static void S19_a_slow_reset_is_waited_for(void **state)
{
	struct rig *rig = rig_ring(4, 0);
	struct virtio_transport_ops *ops = rig_override(rig);

	(void)state;
	ops->get_status = slow_status;
	assert_int_equal(virtio_reset_device(rig_vdev(rig)), 0);
	assert_int_equal(rig->count, 11);
	assert_int_equal(rig->regs.status, 0);
	rig_end(rig);
}

static void S20_no_callback_runs_after_unregister(void **state)
{
	struct rig *rig = rig_ring(4, 0);

	(void)state;
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	kick(rig->vq[0]);
	assert_int_equal(device_serve(rig, 0), 1);
	unregister_virtio_device(rig_vdev(rig));
	assert_int_equal(rig->removes, 1);
	assert_int_equal(rig->regs.status, 0);
	assert_false(device_interrupt(rig, 0));
	virtio_config_changed(rig_vdev(rig));
	assert_int_equal(rig->callbacks, 0);
	assert_int_equal(rig->changes, 0);
	rig_end(rig);
}

/* Another CPU's interrupt comes now: it must find nothing to call. */
static void wait_for_interrupts(struct virtio_device *vdev)
{
	struct rig *rig = to_rig(vdev);

	rig->count++;
	/* The third wait is for the queue's memory, after the reset. */
	if (rig->count <= 2)
		rig->value = rig->regs.status;
	assert_false(virtqueue_interrupt(vdev, 0));
}

/* A queue alone while the device goes on, then the device with its driver. */
static void S20_interrupts_are_waited_for_before_the_device_stops(void **state)
{
	struct rig *rig = rig_ring(4, RING_RESET);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	rig_override(rig)->synchronize = wait_for_interrupts;
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	kick(vq);
	assert_int_equal(device_serve(rig, 0), 1);
	vq->vq_ops->shutdown(vq);
	assert_int_equal(rig->count, 1);
	assert_int_equal(rig->queue_resets, 1);
	assert_int_equal(rig->value, RUNNING);
	unregister_virtio_driver(&rig->drv);
	assert_int_equal(rig->count, 3);
	assert_int_equal(rig->value, RUNNING);
	virtio_config_changed(rig_vdev(rig));
	assert_int_equal(rig->callbacks, 0);
	assert_int_equal(rig->changes, 0);
	rig_end(rig);
}

/* Nothing to remove, but a device to clean up after. */
static bool refuse_features_ok(struct rig *rig, u8 status)
{
	(void)rig;
	return !(status & VIRTIO_CONFIG_S_FEATURES_OK);
}

static void S18_a_driver_without_remove_may_meet_a_device_that_fails(
	void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig->drv.remove = NULL;
	rig->on_status = refuse_features_ok;
	rig_start(rig);
	assert_false(rig_bound(rig));
	rig->on_status = NULL;
	rig_rebind(rig);
	assert_true(rig_bound(rig));
	rig_end(rig);
}

static void S23_a_vanished_device_has_no_status(void **state)
{
	struct rig *rig = rig_ring(4, 0);
	struct virtio_device *vdev = rig_vdev(rig);
	unsigned int writes;

	(void)state;
	assert_int_equal(vdev->config->get_status(vdev), RUNNING);
	rig->regs.gone = 1;
	rig->regs.status = 0xff;
	assert_int_equal(vdev->config->get_status(vdev), -ENODEV);
	virtio_config_changed(vdev);
	assert_true(rig_broken(rig, "device-gone"));
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), -EIO);
	/* From then on it is not touched any more. */
	rig->regs.gone = 0;
	writes = rig->writes;
	assert_int_equal(vdev->config->get_status(vdev), -ENODEV);
	rig_rebind(rig);
	assert_false(rig_bound(rig));
	assert_int_equal(rig->writes, writes);
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			S16a_what_the_device_shows_is_never_written_back),
		cmocka_unit_test(S16b_a_status_above_a_byte_is_not_narrowed),
		cmocka_unit_test(S16b_the_status_is_read_back),
		cmocka_unit_test(S16b_two_threads_climb_the_ladder_at_once),
		cmocka_unit_test(
			S17a_a_device_that_fails_in_probe_is_not_started),
		cmocka_unit_test(S17a_a_driver_that_gave_up_is_not_started),
		cmocka_unit_test(
			S17b_a_failed_probe_leaves_nothing_to_the_next_driver),
		cmocka_unit_test(S17c_queues_are_silent_before_driver_ok),
		cmocka_unit_test(S17d_probe_is_required_and_returns_an_errno),
		cmocka_unit_test(S18_unregistering_a_driver_stops_its_devices),
		cmocka_unit_test(
			S18_a_driver_without_remove_is_cleaned_up_after),
		cmocka_unit_test(S19_reset_is_an_operation_with_a_bounded_wait),
		cmocka_unit_test(
			S19_a_device_that_obeys_its_reset_is_not_isolated),
		cmocka_unit_test(
			S19_a_device_that_claims_to_be_gone_is_cut_off),
		cmocka_unit_test(S19_a_slow_reset_is_waited_for),
		cmocka_unit_test(
			S18_a_driver_without_remove_may_meet_a_device_that_fails),
		cmocka_unit_test(S20_no_callback_runs_after_unregister),
		cmocka_unit_test(
			S20_interrupts_are_waited_for_before_the_device_stops),
		cmocka_unit_test(S23_a_vanished_device_has_no_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
