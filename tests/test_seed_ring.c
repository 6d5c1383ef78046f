// SPDX-License-Identifier: GPL-2.0-or-later
/* Errata of the 2007 virtqueue (docs/seed.md): each test names its row. */
#include "harness.h"

static void S24a_a_null_token_is_refused(void **state)
{
	struct rig *rig = rig_ring(4, 0);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	assert_int_equal(add(vq, 0, 1, NULL), -EINVAL);
	assert_null(get(vq));
	/* One token in flight twice is the caller's matter: both come back. */
	assert_int_equal(add(vq, 0, 1, token(5)), 0);
	assert_int_equal(add(vq, 1, 0, token(5)), 0);
	kick(vq);
	assert_int_equal(device_serve(rig, 0), 2);
	assert_ptr_equal(get(vq), token(5));
	assert_ptr_equal(get(vq), token(5));
	assert_null(get(vq));
	rig_end(rig);
}

/* None of these is read past its one entry. */
static void refuses_wrong_counts(struct virtqueue *vq, struct scatterlist *sg)
{
	static const unsigned int counts[][2] = {
		{ 0, 0 },
		{ 0xffffffff, 1 },
		{ 1, 0xffffffff },
		{ 0xffffffff, 2 },
		{ 2, 0xffffffff },
		{ 0x80000000, 0x80000000 },
		{ 0x80000000, 0x80000001 },
		{ 0xffffffff, 0xffffffff },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		assert_int_equal(vq->vq_ops->add_buf(vq, sg, counts[i][0],
						     counts[i][1], token(0)),
				 -EINVAL);
	assert_int_equal(vq->vq_ops->add_buf(vq, sg, 0xffffffff, 0, token(0)),
			 -EMSGSIZE);
	assert_int_equal(vq->vq_ops->add_buf(vq, sg, 2, 3, token(0)),
			 -EMSGSIZE);
}

static void S24b_the_sum_of_the_counts_is_checked(void **state)
{
	struct rig *rig = rig_ring(4, 0);
	struct virtqueue *vq = rig->vq[0];
	struct scatterlist sg[1];

	(void)state;
	sg_init_one(sg, piece_memory(), PIECE_BYTES);
	refuses_wrong_counts(vq, sg);
	/* And with descriptors that came back. */
	assert_int_equal(add(vq, 2, 2, token(0)), 0);
	kick(vq);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_ptr_equal(get(vq), token(0));
	refuses_wrong_counts(vq, sg);
	assert_int_equal(vq->vq_ops->add_buf(vq, sg, 1, 0, token(0)), 0);
	rig_end(rig);
}

/* What a driver sees when the device says that it wrote @reported bytes. */
static u32 returned_length(unsigned int out, unsigned int in, u32 reported)
{
	struct rig *rig = rig_ring(4, 0);
	unsigned int len = 0;
	void *data;

	assert_int_equal(add(rig->vq[0], out, in, token(0)), 0);
	kick(rig->vq[0]);
	device_use(rig, 0, 0, reported);
	data = rig->vq[0]->vq_ops->get_buf(rig->vq[0], &len);
	assert_ptr_equal(data, token(0));
	rig_end(rig);
	return len;
}

static void S24c_the_length_is_within_what_was_writable(void **state)
{
	(void)state;
	assert_int_equal(returned_length(1, 1, 0), 0);
	assert_int_equal(returned_length(1, 1, PIECE_BYTES), PIECE_BYTES);
	assert_int_equal(returned_length(1, 1, PIECE_BYTES + 1), PIECE_BYTES);
	assert_int_equal(returned_length(1, 2, 0xffffffff), 2 * PIECE_BYTES);
	assert_int_equal(returned_length(3, 0, 1), 0);
}

static void S24c_strict_mode_refuses_instead(void **state)
{
	struct rig *rig = rig_ring(4, 0);
	struct virtqueue *vq = rig->vq[0];
	unsigned int len = 77;

	(void)state;
	virtqueue_set_strict(vq, true);
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	assert_int_equal(add(vq, 0, 1, token(1)), 0);
	kick(vq);
	device_use(rig, 0, 0, PIECE_BYTES);
	device_use(rig, 0, 1, PIECE_BYTES + 1);
	assert_ptr_equal(vq->vq_ops->get_buf(vq, &len), token(0));
	len = 77;
	assert_null(vq->vq_ops->get_buf(vq, &len));
	assert_int_equal(len, 77);
	assert_true(vq_broken(vq, "used-len-too-large"));
	rig_end(rig);
}

/* After shutdown: each token that is in @left once, and no other. */
static void detach_exactly(struct virtqueue *vq, u32 left)
{
	void *data;
	u32 bit;

	while ((data = vq->vq_ops->detach_buf(vq))) {
		bit = 1u << ((uintptr_t)data - 1);
		assert_true(left & bit);
		left &= ~bit;
	}
	assert_int_equal(left, 0);
	assert_null(vq->vq_ops->detach_buf(vq));
}

static void shutdown_with_buffers(u64 features)
{
	struct rig *rig = rig_ring(8, features);
	struct virtqueue *vq = rig->vq[0];

	assert_int_equal(add(vq, 1, 1, token(0)), 0);
	assert_int_equal(add(vq, 0, 1, token(1)), 0);
	kick(vq);
	assert_int_equal(device_serve(rig, 0), 2);
	assert_ptr_equal(get(vq), token(0));
	assert_int_equal(add(vq, 1, 2, token(2)), 0);
	kick(vq);
	assert_int_equal(add(vq, 0, 1, token(3)), 0);
	/* The device may still write to all of them: nothing comes back. */
	assert_null(vq->vq_ops->detach_buf(vq));
	vq->vq_ops->shutdown(vq);
	assert_false(rig->lb.queue[0].enabled);
	assert_null(get(vq));
	assert_int_equal(add(vq, 0, 1, token(4)), -EIO);
	/* Used but not fetched, published, never published. */
	detach_exactly(vq, 1u << 1 | 1u << 2 | 1u << 3);
	/* Once more changes nothing. */
	vq->vq_ops->shutdown(vq);
	detach_exactly(vq, 0);
	rig_end(rig);
}

static void S24d_shutdown_gives_each_token_back_after_the_reset(void **state)
{
	(void)state;
	shutdown_with_buffers(0);
	shutdown_with_buffers(RING_RESET);
	shutdown_with_buffers(RING_RESET | EVENT_IDX | INDIRECT);
}

/* The callback has returned false; the device uses a buffer after that. */
static void use_in_the_gap(u64 features)
{
	struct rig *rig = rig_ring(8, features);
	struct virtqueue *vq = rig->vq[0];

	rig->again = false;
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	assert_int_equal(add(vq, 0, 1, token(1)), 0);
	kick(vq);
	device_use(rig, 0, 0, 0);
	assert_true(device_interrupt(rig, 0));
	assert_int_equal(rig->callbacks, 1);
	assert_ptr_equal(get(vq), token(0));
	assert_null(get(vq));
	/* In the gap: nobody is told of this one. */
	device_use(rig, 0, 1, 0);
	device_interrupt(rig, 0);
	assert_int_equal(rig->callbacks, 1);
	/* So restart() says so, and leaves the callback off. */
	assert_false(vq->vq_ops->restart(vq));
	device_interrupt(rig, 0);
	assert_int_equal(rig->callbacks, 1);
	assert_ptr_equal(get(vq), token(1));
	assert_true(vq->vq_ops->restart(vq));
	/* From now on the device's next buffer is heard of. */
	assert_int_equal(add(vq, 0, 1, token(2)), 0);
	kick(vq);
	assert_int_equal(le16_to_cpu(device_avail(rig, 0)->flags), 0);
	assert_true(!(features & EVENT_IDX) ||
		    vring_need_event(le16_to_cpu(*device_used_event(rig, 0)), 3,
				     2));
	device_use(rig, 0, le16_to_cpu(device_avail(rig, 0)->ring[2]), 0);
	assert_true(device_interrupt(rig, 0));
	assert_int_equal(rig->callbacks, 2);
	rig_end(rig);
}

static void S24e_a_buffer_that_is_used_before_restart_is_not_lost(void **state)
{
	(void)state;
	use_in_the_gap(0);
	use_in_the_gap(EVENT_IDX);
}

/* All that never sleeps, from the callback: the driver's lock is held. */
static void work_in_callback(struct rig *rig, struct virtqueue *vq)
{
	assert_ptr_equal(get(vq), token(0));
	assert_null(get(vq));
	assert_int_equal(add(vq, 0, 1, token(1)), 0);
	kick(vq);
	assert_true(vq->vq_ops->restart(vq));
	rig->count++;
}

static void S24f_the_callback_may_use_its_queue(void **state)
{
	struct rig *rig = rig_ring(4, EVENT_IDX);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	rig->in_callback = work_in_callback;
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	kick(vq);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_true(device_interrupt(rig, 0));
	assert_int_equal(rig->count, 1);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_ptr_equal(get(vq), token(1));
	rig_end(rig);
}

static void delete_in_callback(struct rig *rig, struct virtqueue *vq)
{
	rig_vdev(rig)->config->del_vq(vq);
	assert_null(get(vq));
	assert_int_equal(add(vq, 0, 1, token(1)), -EIO);
}

static void S24g_a_queue_is_not_freed_under_its_own_callback(void **state)
{
	struct rig *rig = rig_ring(4, RING_RESET);
	struct virtio_device *vdev = rig_vdev(rig);

	(void)state;
	rig->in_callback = delete_in_callback;
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	kick(rig->vq[0]);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_true(device_interrupt(rig, 0));
	/* Only its memory had to wait. */
	assert_int_equal(rig->queue_resets, 1);
	assert_false(device_interrupt(rig, 0));
	assert_int_equal(rig_find_queues(rig), 0);
	assert_ptr_equal(vdev->config->find_vq(vdev, NULL), ERR_PTR(-ENOENT));
	rig_end(rig);
}

static void leave_in_callback(struct rig *rig, struct virtqueue *vq)
{
	(void)vq;
	unregister_virtio_driver(&rig->drv);
}

/* Its queue's field was kept, and marked in the next, shorter configuration. */
static void S24g_nothing_is_left_of_a_driver_that_goes_in_its_callback(
	void **state)
{
	struct rig *rig = rig_ring(4, RING_RESET);

	(void)state;
	rig->in_callback = leave_in_callback;
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	kick(rig->vq[0]);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_true(device_interrupt(rig, 0));
	assert_int_equal(rig->removes, 1);
	assert_false(rig_bound(rig));
	rig->regs.field_len = 0;
	rig->queues = 0;
	assert_int_equal(register_virtio_driver(&rig->drv), 0);
	assert_true(rig_bound(rig));
	rig_end(rig);
}

static void S24g_del_vq_stops_the_queue_and_its_field_is_found_again(
	void **state)
{
	struct rig *rig = rig_ring(4, RING_RESET);
	struct virtio_device *vdev = rig_vdev(rig);

	(void)state;
	/* Without a shutdown, and with a buffer that nobody detached. */
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	kick(rig->vq[0]);
	vdev->config->del_vq(rig->vq[0]);
	assert_int_equal(rig->queue_resets, 1);
	assert_false(rig->lb.queue[0].enabled);
	assert_int_equal(rig_find_queues(rig), 0);
	assert_true(rig->lb.queue[0].enabled);
	assert_int_equal(add(rig->vq[0], 0, 1, token(1)), 0);
	kick(rig->vq[0]);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_ptr_equal(get(rig->vq[0]), token(1));
	/* What is no queue is ignored, as after a failed find_vq(). */
	vdev->config->del_vq(NULL);
	vdev->config->del_vq((struct virtqueue *)ERR_PTR(-ENOENT));
	assert_ptr_equal(vdev->config->find_vq(vdev, NULL), ERR_PTR(-ENOENT));
	rig_end(rig);
}

static int probe_finds_twice(struct rig *rig)
{
	int err = rig_find_queues(rig);

	if (err)
		return err;
	rig_vdev(rig)->config->del_vq(rig->vq[0]);
	return rig_find_queues(rig);
}

static void S24g_find_del_find_in_probe(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	loopback_add_features(&rig->regs, RING_RESET);
	loopback_add_queue(&rig->regs, 0, 4);
	rig->queues = 1;
	rig->probe = probe_finds_twice;
	rig_start(rig);
	assert_true(rig_bound(rig));
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(S24a_a_null_token_is_refused),
		cmocka_unit_test(S24b_the_sum_of_the_counts_is_checked),
		cmocka_unit_test(S24c_the_length_is_within_what_was_writable),
		cmocka_unit_test(S24c_strict_mode_refuses_instead),
		cmocka_unit_test(
			S24d_shutdown_gives_each_token_back_after_the_reset),
		cmocka_unit_test(
			S24e_a_buffer_that_is_used_before_restart_is_not_lost),
		cmocka_unit_test(S24f_the_callback_may_use_its_queue),
		cmocka_unit_test(
			S24g_a_queue_is_not_freed_under_its_own_callback),
		cmocka_unit_test(
			S24g_nothing_is_left_of_a_driver_that_goes_in_its_callback),
		cmocka_unit_test(
			S24g_del_vq_stops_the_queue_and_its_field_is_found_again),
		cmocka_unit_test(S24g_find_del_find_in_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
