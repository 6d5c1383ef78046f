// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupts that run beside other work, on another processor: what they may
 * still find, and what waits for them.
 */
#include <pthread.h>

#include "harness.h"

static unsigned int spurious(const struct virtqueue *vq)
{
	struct virtqueue_stats stats;

	virtqueue_stats(vq, &stats);
	return (unsigned int)stats.spurious;
}

/* The last chance of an interrupt: a halted queue, then none at all. */
static void interrupt_at_last(struct virtio_device *vdev)
{
	struct rig *rig = to_rig(vdev);

	rig->count++;
	assert_false(virtqueue_interrupt(vdev, 0));
	assert_int_equal(spurious(rig->vq[0]), 1);
}

static void a_queue_is_off_the_list_before_it_is_freed(void **state)
{
	struct rig *rig = rig_ring(4, RING_RESET);

	(void)state;
	rig_override(rig)->synchronize = interrupt_at_last;
	rig_vdev(rig)->config->del_vq(rig->vq[0]);
	assert_int_equal(rig->count, 2);
	assert_int_equal(rig->queue_resets, 1);
	rig_override(rig)->synchronize = NULL;
	rig_end(rig);
}

static pthread_barrier_t callback_runs, callback_may_end;

static void stay_in_callback(struct rig *rig, struct virtqueue *vq)
{
	pthread_barrier_wait(&callback_runs);
	pthread_barrier_wait(&callback_may_end);
	assert_null(get(vq));
	rig->value = 1;
}

static void *other_processor(void *data)
{
	device_interrupt((struct rig *)data, 0);
	return NULL;
}

static void wait_for_callback(struct virtio_device *vdev)
{
	struct rig *rig = to_rig(vdev);

	if (rig->count++)
		return;
	pthread_barrier_wait(&callback_may_end);
	pthread_join(*(pthread_t *)rig_vdev(rig)->transport_priv, NULL);
}

static void a_queue_whose_callback_runs_elsewhere_is_deleted_after_it(
	void **state)
{
	struct rig *rig = rig_ring(4, RING_RESET);
	pthread_t thread;

	(void)state;
	pthread_barrier_init(&callback_runs, NULL, 2);
	pthread_barrier_init(&callback_may_end, NULL, 2);
	rig_override(rig)->synchronize = wait_for_callback;
	rig->in_callback = stay_in_callback;
	rig_vdev(rig)->transport_priv = &thread;
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	kick(rig->vq[0]);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_int_equal(pthread_create(&thread, NULL, other_processor, rig),
			 0);
	pthread_barrier_wait(&callback_runs);
	rig_vdev(rig)->config->del_vq(rig->vq[0]);
	/* It was deleted, not left to the bus: its field is free again. */
	assert_int_equal(rig->value, 1);
	rig->in_callback = NULL;
	assert_int_equal(rig_find_queues(rig), 0);
	rig_end(rig);
	pthread_barrier_destroy(&callback_runs);
	pthread_barrier_destroy(&callback_may_end);
}

/* As a worker on another processor does while the callback still returns. */
static void restart_meanwhile(struct rig *rig, struct virtqueue *vq)
{
	(void)rig;
	while (get(vq))
		;
	assert_true(vq->vq_ops->restart(vq));
}

static void callbacks_stay_on(u64 features)
{
	struct rig *rig = rig_ring(4, features);
	struct virtqueue *vq = rig->vq[0];
	unsigned int i;

	rig->in_callback = restart_meanwhile;
	rig->again = false;
	for (i = 0; i < 3; i++) {
		assert_int_equal(add(vq, 0, 1, token(i)), 0);
		kick(vq);
		assert_int_equal(device_serve(rig, 0), 1);
		assert_true(device_interrupt(rig, 0));
		assert_int_equal(rig->callbacks, i + 1);
	}
	assert_int_equal(le16_to_cpu(device_avail(rig, 0)->flags), 0);
	rig_end(rig);
}

static void a_restart_beside_the_end_of_a_callback_is_kept(void **state)
{
	(void)state;
	callbacks_stay_on(0);
	callbacks_stay_on(EVENT_IDX);
}

static bool interrupt_before_driver_ok(struct rig *rig, u8 status)
{
	if (status & VIRTIO_CONFIG_S_DRIVER_OK)
		virtio_config_changed(rig_vdev(rig));
	return true;
}

/* Its status has all bits but the one that is being written. */
static void a_change_while_driver_ok_is_written_breaks_nothing(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig->on_status = interrupt_before_driver_ok;
	rig_start(rig);
	assert_true(rig_bound(rig));
	assert_int_equal(rig->changes, 1);
	assert_true(rig_broken(rig, "not-broken"));
	/* From then on the bit may not be missing. */
	rig->regs.status &= (u8)~VIRTIO_CONFIG_S_DRIVER_OK;
	virtio_config_changed(rig_vdev(rig));
	assert_true(rig_broken(rig, "bad-status"));
	rig_end(rig);
}

/* What the first binding knew of its DRIVER_OK is forgotten. */
static void a_change_while_driver_ok_is_written_again_breaks_nothing(
	void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig->on_status = interrupt_before_driver_ok;
	rig_start(rig);
	rig_rebind(rig);
	assert_true(rig_bound(rig));
	assert_true(rig_broken(rig, "not-broken"));
	rig_end(rig);
}

static bool change_before_driver_ok(struct rig *rig, u8 status)
{
	if (status == (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		       VIRTIO_CONFIG_S_FEATURES_OK))
		virtio_config_changed(rig_vdev(rig));
	return true;
}

/* The snapshot is older, and nobody would look again. */
static void a_change_before_driver_ok_is_told_after_it(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig->on_status = change_before_driver_ok;
	rig_start(rig);
	assert_true(rig_bound(rig));
	assert_int_equal(rig->changes, 1);
	rig->on_status = NULL;
	rig_rebind(rig);
	assert_int_equal(rig->changes, 1);
	rig_end(rig);
}

static void a_change_before_the_snapshot_is_in_it(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	assert_int_equal(register_virtio_device(rig_vdev(rig)), 0);
	virtio_config_changed(rig_vdev(rig));
	assert_int_equal(register_virtio_driver(&rig->drv), 0);
	assert_true(rig_bound(rig));
	assert_int_equal(rig->changes, 0);
	rig_end(rig);
}

static bool needs_reset_before_driver_ok(struct rig *rig, u8 status)
{
	if (!(status & VIRTIO_CONFIG_S_DRIVER_OK))
		return true;
	rig->regs.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_config_changed(rig_vdev(rig));
	return false;
}

static void a_failure_while_driver_ok_is_written_is_noticed(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig->on_status = needs_reset_before_driver_ok;
	rig_start(rig);
	assert_true(rig_broken(rig, "bad-status"));
	rig->on_status = NULL;
	rig_end(rig);
}

static int go_while_set_up(struct virtio_device *vdev,
			   const struct virtio_vq_setup *setup)
{
	int err = to_rig(vdev)->honest->setup_vq(vdev, setup);

	virtio_device_gone(vdev);
	return err;
}

static void a_queue_is_not_mended_on_a_device_that_broke_meanwhile(void **state)
{
	struct rig *rig = rig_ring(4, RING_RESET);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	vq->vq_ops->shutdown(vq);
	rig_override(rig)->setup_vq = go_while_set_up;
	assert_int_equal(vq->vq_ops->reset(vq), -EIO);
	assert_int_not_equal(virtqueue_broken(vq), VIRTIO_NOT_BROKEN);
	assert_int_equal(add(vq, 0, 1, token(0)), -EIO);
	rig_end(rig);
}

static bool ignore_reset(struct rig *rig, u8 status)
{
	(void)rig;
	return status;
}

static void interrupt_when_refused(struct virtio_device *vdev)
{
	assert_false(virtqueue_interrupt(vdev, 0));
	virtio_config_changed(vdev);
	to_rig(vdev)->count++;
}

static void a_refused_device_is_let_go_after_its_interrupts(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig->on_status = ignore_reset;
	rig->regs.status = VIRTIO_CONFIG_S_DRIVER_OK;
	rig_override(rig)->synchronize = interrupt_when_refused;
	assert_int_equal(register_virtio_device(rig_vdev(rig)), -EIO);
	assert_int_equal(rig->count, 1);
	assert_null(rig_vdev(rig)->core);
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_is_off_the_list_before_it_is_freed),
		cmocka_unit_test(
			a_queue_whose_callback_runs_elsewhere_is_deleted_after_it),
		cmocka_unit_test(
			a_restart_beside_the_end_of_a_callback_is_kept),
		cmocka_unit_test(
			a_change_while_driver_ok_is_written_breaks_nothing),
		cmocka_unit_test(
			a_change_while_driver_ok_is_written_again_breaks_nothing),
		cmocka_unit_test(a_change_before_driver_ok_is_told_after_it),
		cmocka_unit_test(a_change_before_the_snapshot_is_in_it),
		cmocka_unit_test(
			a_failure_while_driver_ok_is_written_is_noticed),
		cmocka_unit_test(
			a_queue_is_not_mended_on_a_device_that_broke_meanwhile),
		cmocka_unit_test(
			a_refused_device_is_let_go_after_its_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
