// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The split ring against a device that lies. A test that begins with DS or NI
 * shows that a known bug of that family is not here.
 */
#include "harness.h"

static u16 next_head(struct rig *rig, u16 position)
{
	const struct vring_avail *avail = device_avail(rig, 0);

	return le16_to_cpu(avail->ring[position % rig->vq[0]->num]);
}

/* Broken for this reason, and every operation fails without harm. */
static void is_broken(struct rig *rig, const char *reason)
{
	struct virtqueue *vq = rig->vq[0];
	unsigned int len = 77, notifies = rig->notifies;
	u16 idx = le16_to_cpu(device_avail(rig, 0)->idx);

	assert_true(vq_broken(vq, reason));
	assert_null(vq->vq_ops->get_buf(vq, &len));
	assert_int_equal(len, 77);
	assert_int_equal(add(vq, 0, 1, token(9)), -EIO);
	kick(vq);
	assert_int_equal(rig->notifies, notifies);
	assert_int_equal(le16_to_cpu(device_avail(rig, 0)->idx), idx);
	assert_true(vq->vq_ops->restart(vq));
	assert_false(device_interrupt(rig, 0));
	assert_int_equal(rig->callbacks, 0);
	assert_null(vq->vq_ops->detach_buf(vq));
	/* It stays so, and the reason with it, whatever comes next. */
	device_used(rig, 0)->idx = cpu_to_le16(0x7fff);
	assert_null(get(vq));
	assert_true(vq_broken(vq, reason));
}

/* Shut down a broken queue, count what comes back, and serve it honestly. */
static void is_served_after_reset(struct rig *rig, unsigned int left)
{
	struct virtqueue *vq = rig->vq[0];
	unsigned int i;

	vq->vq_ops->shutdown(vq);
	assert_int_equal(vq->vq_ops->reset(vq), left ? -EBUSY : 0);
	while (left--)
		assert_non_null(vq->vq_ops->detach_buf(vq));
	assert_null(vq->vq_ops->detach_buf(vq));
	if (virtqueue_broken(vq) || !rig->lb.queue[0].enabled)
		assert_int_equal(vq->vq_ops->reset(vq), 0);
	assert_int_equal(virtqueue_broken(vq), VIRTIO_NOT_BROKEN);
	loopback_ring_init(&rig->ring[0], &rig->lb.queue[0],
			   rig->ring[0].features);
	for (i = 0; i < vq->num; i++)
		assert_int_equal(add(vq, 0, 1, token(i)), 0);
	assert_int_equal(add(vq, 0, 1, token(i)), -ENOSPC);
	kick(vq);
	assert_int_equal(device_serve(rig, 0), vq->num);
	for (i = 0; i < vq->num; i++)
		assert_ptr_equal(get(vq), token(i));
	assert_null(get(vq));
}

static void DS1_a_used_id_past_the_table_is_refused_in_all_32_bits(void **state)
{
	static const u32 ids[] = { 8,	    9,		0xffff,	   0x10000,
				   0x10001, 0x80000000, 0xffffffff };
	struct rig *rig;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		rig = rig_ring(8, RING_RESET);
		assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
		assert_int_equal(add(rig->vq[0], 0, 1, token(1)), 0);
		kick(rig->vq[0]);
		device_use(rig, 0, ids[i], 0);
		assert_null(get(rig->vq[0]));
		is_broken(rig, "used-id-out-of-range");
		is_served_after_reset(rig, 2);
		rig_end(rig);
	}
}

static void DS2_a_used_id_that_is_not_in_flight_is_refused(void **state)
{
	static const u32 ids[] = { 1, 2, 3, 7 };
	struct rig *rig;
	unsigned int i;

	(void)state;
	/* The middle and the end of a chain, a descriptor never in use. */
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		rig = rig_ring(8, RING_RESET);
		assert_int_equal(add(rig->vq[0], 2, 1, token(0)), 0);
		kick(rig->vq[0]);
		assert_int_equal(next_head(rig, 0), 0);
		device_use(rig, 0, ids[i], 0);
		assert_null(get(rig->vq[0]));
		is_broken(rig, "used-id-not-in-flight");
		is_served_after_reset(rig, 1);
		rig_end(rig);
	}
}

static void DS2_a_buffer_is_used_once(void **state)
{
	struct rig *rig = rig_ring(8, RING_RESET);

	(void)state;
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	assert_int_equal(add(rig->vq[0], 0, 1, token(1)), 0);
	kick(rig->vq[0]);
	device_use(rig, 0, 1, 0);
	device_use(rig, 0, 1, 0);
	assert_ptr_equal(get(rig->vq[0]), token(1));
	assert_null(get(rig->vq[0]));
	is_broken(rig, "used-id-not-in-flight");
	is_served_after_reset(rig, 1);
	rig_end(rig);
}

static void a_used_index_ahead_of_what_was_published_is_refused(void **state)
{
	static const u16 ahead[] = { 3, 8, 0x7fff, 0x8000, 0xffff };
	struct rig *rig;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ahead); i++) {
		rig = rig_ring(8, RING_RESET | EVENT_IDX);
		assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
		assert_int_equal(add(rig->vq[0], 0, 1, token(1)), 0);
		kick(rig->vq[0]);
		/* Added but not published: the device cannot have seen it. */
		assert_int_equal(add(rig->vq[0], 0, 1, token(2)), 0);
		device_used(rig, 0)->idx = cpu_to_le16(ahead[i]);
		assert_null(get(rig->vq[0]));
		is_broken(rig, "used-idx-ahead");
		is_served_after_reset(rig, 3);
		rig_end(rig);
	}
}

static void a_used_index_that_goes_back_is_refused(void **state)
{
	struct rig *rig = rig_ring(8, RING_RESET);

	(void)state;
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	assert_int_equal(add(rig->vq[0], 0, 1, token(1)), 0);
	kick(rig->vq[0]);
	device_use(rig, 0, 0, 0);
	assert_ptr_equal(get(rig->vq[0]), token(0));
	device_used(rig, 0)->idx = cpu_to_le16(0);
	assert_null(get(rig->vq[0]));
	is_broken(rig, "used-idx-ahead");
	is_served_after_reset(rig, 1);
	rig_end(rig);
}

static void DS4_a_used_length_is_clamped_and_counted(void **state)
{
	struct rig *rig = rig_ring(8, 0);
	struct virtqueue *vq = rig->vq[0];
	struct virtqueue_stats stats;
	unsigned int len;

	(void)state;
	assert_int_equal(add(vq, 1, 2, token(0)), 0);
	assert_int_equal(add(vq, 1, 0, token(1)), 0);
	assert_int_equal(add(vq, 0, 1, token(2)), 0);
	kick(vq);
	device_use(rig, 0, next_head(rig, 0), 2 * PIECE_BYTES + 1);
	device_use(rig, 0, next_head(rig, 1), 0xffffffff);
	device_use(rig, 0, next_head(rig, 2), PIECE_BYTES);
	assert_ptr_equal(vq->vq_ops->get_buf(vq, &len), token(0));
	assert_int_equal(len, 2 * PIECE_BYTES);
	assert_ptr_equal(vq->vq_ops->get_buf(vq, &len), token(1));
	assert_int_equal(len, 0);
	assert_ptr_equal(vq->vq_ops->get_buf(vq, &len), token(2));
	assert_int_equal(len, PIECE_BYTES);
	virtqueue_stats(vq, &stats);
	assert_int_equal(stats.clamped, 2);
	assert_int_equal(virtqueue_broken(vq), VIRTIO_NOT_BROKEN);
	rig_end(rig);
}

/* The device owns the ring's bytes: every one of them, after each step. */
static void scribble(struct rig *rig, unsigned int how)
{
	static const u8 with[] = { 0x00, 0xff, 0x01, 0x07 };
	unsigned int num = rig->vq[0]->num;
	struct vring_used *used = device_used(rig, 0);
	u16 idx = le16_to_cpu(used->idx);

	memset(device_desc(rig, 0), with[how], vring_desc_size(num));
	memset(device_avail(rig, 0), with[how], vring_avail_size(num));
	memset(used, with[how], vring_used_size(num));
	used->idx = cpu_to_le16(idx);
}

/* DS7, DS8, DS10: nothing that the driver wrote is read back. */
static void survives_scribbling(u64 features, unsigned int how)
{
	struct rig *rig = rig_ring(8, features);
	struct virtqueue *vq = rig->vq[0];
	unsigned int i, len;
	u16 heads[3];

	for (i = 0; i < 3; i++)
		assert_int_equal(add(vq, 1, 1, token(i)), 0);
	kick(vq);
	for (i = 0; i < 3; i++)
		heads[i] = next_head(rig, (u16)i);
	scribble(rig, how);
	for (i = 3; i > 0; i--) {
		device_use(rig, 0, heads[i - 1], 3);
		assert_ptr_equal(vq->vq_ops->get_buf(vq, &len), token(i - 1));
		assert_int_equal(len, 3);
		scribble(rig, how);
	}
	assert_null(get(vq));
	assert_int_equal(virtqueue_broken(vq), VIRTIO_NOT_BROKEN);
	/* All eight descriptors are free, and the index is where it was. */
	for (i = 0; i < 8; i++)
		assert_int_equal(add(vq, 0, 1, token(i)), 0);
	assert_int_equal(add(vq, 0, 1, token(i)), -ENOSPC);
	kick(vq);
	assert_int_equal(le16_to_cpu(device_avail(rig, 0)->idx), 11);
	rig_end(rig);
}

static void DS7_DS8_DS10_the_ring_is_written_and_not_read_back(void **state)
{
	unsigned int how;

	(void)state;
	for (how = 0; how < 4; how++) {
		survives_scribbling(0, how);
		survives_scribbling(EVENT_IDX, how);
		survives_scribbling(INDIRECT, how);
	}
}

static void DS8_a_next_flag_on_the_tail_frees_one_descriptor(void **state)
{
	struct rig *rig = rig_ring(8, 0);
	struct virtqueue *vq = rig->vq[0];
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++)
		assert_int_equal(add(vq, 0, 1, token(i)), 0);
	kick(vq);
	for (i = 0; i < 8; i++) {
		device_desc(rig, 0)[i].flags = cpu_to_le16(VRING_DESC_F_NEXT);
		device_desc(rig, 0)[i].next = cpu_to_le16((u16)i);
	}
	device_use(rig, 0, 3, 0);
	assert_ptr_equal(get(vq), token(3));
	assert_int_equal(add(vq, 0, 1, token(8)), 0);
	assert_int_equal(add(vq, 0, 1, token(9)), -ENOSPC);
	rig_end(rig);
}

static void DS12_room_is_counted_in_descriptors(void **state)
{
	struct rig *rig = rig_ring(4, 0);
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(add(rig->vq[0], 0, 1, token(i)), 0);
	assert_int_equal(add(rig->vq[0], 2, 1, token(3)), -ENOSPC);
	assert_int_equal(add(rig->vq[0], 1, 1, token(3)), -ENOSPC);
	assert_int_equal(add(rig->vq[0], 0, 1, token(3)), 0);
	rig_end(rig);
}

static void DS14_a_chain_is_published_once(void **state)
{
	struct rig *rig = rig_ring(8, 0);

	(void)state;
	assert_int_equal(add(rig->vq[0], 2, 2, token(0)), 0);
	assert_int_equal(add(rig->vq[0], 1, 0, token(1)), 0);
	kick(rig->vq[0]);
	assert_int_equal(le16_to_cpu(device_avail(rig, 0)->idx), 2);
	assert_int_equal(next_head(rig, 0), 0);
	assert_int_equal(next_head(rig, 1), 4);
	assert_int_equal(next_head(rig, 2), 0);
	rig_end(rig);
}

static void DS15_a_shut_down_queue_starts_again_as_new(void **state)
{
	struct rig *rig = rig_ring(8, RING_RESET);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	assert_int_equal(vq->vq_ops->reset(vq), -EBUSY);
	assert_int_equal(add(vq, 1, 1, token(0)), 0);
	kick(vq);
	is_served_after_reset(rig, 1);
	assert_int_equal(le16_to_cpu(device_avail(rig, 0)->idx), 8);
	rig_end(rig);
}

static void DS16_a_buffer_of_nothing_is_refused(void **state)
{
	struct rig *rig = rig_ring(8, 0);
	struct scatterlist sg[2];

	(void)state;
	assert_int_equal(add(rig->vq[0], 1, 1, token(0)), 0);
	assert_int_equal(rig->vq[0]->vq_ops->add_buf(rig->vq[0], NULL, 0, 0,
						     token(1)),
			 -EINVAL);
	sg_init_table(sg, 2);
	assert_int_equal(rig->vq[0]->vq_ops->add_buf(rig->vq[0], sg, 1, 1,
						     token(1)),
			 -EINVAL);
	/* The chain before it is whole, and nothing was leaked. */
	kick(rig->vq[0]);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_ptr_equal(get(rig->vq[0]), token(0));
	assert_int_equal(add(rig->vq[0], 4, 4, token(1)), 0);
	rig_end(rig);
}

static void DS23_the_last_slots_do_not_overlap_the_event_words(void **state)
{
	struct rig *rig = rig_ring(4, EVENT_IDX);
	struct virtqueue *vq = rig->vq[0];
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(add(vq, 0, 1, token(i)), 0);
	kick(vq);
	*device_avail_event(rig, 0) = cpu_to_le16(0xffff);
	for (i = 0; i < 4; i++)
		device_use(rig, 0, i, 0);
	for (i = 0; i < 4; i++)
		assert_ptr_equal(get(vq), token(i));
	assert_null(get(vq));
	/* used_event was written with 4, and the avail ring is untouched. */
	assert_int_equal(le16_to_cpu(*device_used_event(rig, 0)), 4);
	for (i = 0; i < 4; i++)
		assert_int_equal(next_head(rig, (u16)i), i);
	assert_int_equal(le16_to_cpu(device_used(rig, 0)->idx), 4);
	rig_end(rig);
}

static void a_failed_notification_breaks_the_queue(void **state)
{
	struct rig *rig = rig_ring(8, RING_RESET);

	(void)state;
	rig->notify_error = -EIO;
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	kick(rig->vq[0]);
	is_broken(rig, "notify-failed");
	rig->notify_error = 0;
	is_served_after_reset(rig, 1);
	rig_end(rig);
}

static void a_queue_is_not_restarted_while_buffers_are_out(void **state)
{
	struct rig *rig = rig_ring(8, 0);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	kick(vq);
	vq->vq_ops->shutdown(vq);
	assert_int_equal(vq->vq_ops->reset(vq), -EBUSY);
	assert_ptr_equal(vq->vq_ops->detach_buf(vq), token(0));
	/* This device cannot reset one queue: it was reset as a whole. */
	assert_int_equal(rig->regs.status, 0);
	assert_int_equal(vq->vq_ops->reset(vq), -EOPNOTSUPP);
	assert_int_equal(add(vq, 0, 1, token(1)), -EIO);
	rig_rebind(rig);
	assert_true(rig_bound(rig));
	assert_int_equal(add(rig->vq[0], 0, 1, token(1)), 0);
	rig_end(rig);
}

static int setup_fails(struct virtio_device *vdev,
		       const struct virtio_vq_setup *setup)
{
	(void)vdev;
	(void)setup;
	return -EIO;
}

static void a_reset_that_the_device_refuses_leaves_the_queue_down(void **state)
{
	struct rig *rig = rig_ring(8, RING_RESET);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	vq->vq_ops->shutdown(vq);
	rig_override(rig)->setup_vq = setup_fails;
	assert_int_equal(vq->vq_ops->reset(vq), -EIO);
	assert_int_equal(add(vq, 0, 1, token(1)), -EIO);
	rig->ops.setup_vq = rig->honest->setup_vq;
	assert_int_equal(vq->vq_ops->reset(vq), 0);
	assert_int_equal(add(vq, 0, 1, token(1)), 0);
	rig_end(rig);
}

/* DS24: the second queue cannot be set up; the first one goes with it. */
static void DS24_a_queue_that_fails_leaves_no_trace(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	loopback_add_features(&rig->regs, RING_RESET | INDIRECT);
	loopback_add_queue(&rig->regs, 0, 8);
	loopback_add_queue(&rig->regs, LOOPBACK_QUEUES, 8);
	rig->queues = 2;
	rig_start(rig);
	assert_false(rig_bound(rig));
	assert_false(rig->lb.queue[0].enabled);
	assert_int_equal(rig->regs.status,
			 VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_FAILED);
	rig->queues = 1;
	rig_rebind(rig);
	assert_true(rig_bound(rig));
	rig_end(rig);
}

static void removal_breaks_every_queue_and_gives_the_tokens_back(void **state)
{
	struct rig *rig = rig_ring(8, RING_RESET);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	kick(vq);
	virtio_device_gone(rig_vdev(rig));
	assert_true(vq_broken(vq, "device-gone"));
	assert_int_equal(add(vq, 0, 1, token(1)), -EIO);
	assert_null(get(vq));
	vq->vq_ops->shutdown(vq);
	assert_int_equal(rig->queue_resets, 0);
	assert_ptr_equal(vq->vq_ops->detach_buf(vq), token(0));
	assert_null(vq->vq_ops->detach_buf(vq));
	assert_int_equal(vq->vq_ops->reset(vq), -EIO);
	rig_end(rig);
}

static void the_first_reason_stays(void **state)
{
	struct rig *rig = rig_ring(8, 0);

	(void)state;
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	kick(rig->vq[0]);
	device_use(rig, 0, 99, 0);
	assert_null(get(rig->vq[0]));
	rig->regs.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_config_changed(rig_vdev(rig));
	virtio_device_gone(rig_vdev(rig));
	assert_true(vq_broken(rig->vq[0], "used-id-out-of-range"));
	assert_true(rig_broken(rig, "bad-status"));
	assert_string_equal(virtio_broken_name(VIRTIO_BROKEN_REASONS),
			    "unknown");
	rig_end(rig);
}

static void a_device_that_needs_a_reset_breaks_its_queues(void **state)
{
	struct rig *rig = rig_ring(8, 0);

	(void)state;
	rig->regs.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_config_changed(rig_vdev(rig));
	assert_true(rig_broken(rig, "bad-status"));
	assert_true(vq_broken(rig->vq[0], "device-broken"));
	assert_int_equal(add(rig->vq[0], 0, 1, token(1)), -EIO);
	/* And a new binding clears it. */
	rig->regs.status = 0;
	rig_rebind(rig);
	assert_true(rig_bound(rig));
	assert_int_equal(virtio_device_broken(rig_vdev(rig)),
			 VIRTIO_NOT_BROKEN);
	assert_int_equal(add(rig->vq[0], 0, 1, token(1)), 0);
	rig_end(rig);
}

/* The same work on a fresh ring and on one after a reset: the same bytes. */
static void work(struct rig *rig, u8 *ring, size_t size)
{
	struct virtqueue *vq = rig->vq[0];
	unsigned int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(add(vq, 1, 1, token(i)), 0);
	kick(vq);
	device_use(rig, 0, next_head(rig, 1), 1);
	assert_ptr_equal(get(vq), token(1));
	assert_null(get(vq));
	for (i = 0; i < 4; i++)
		assert_int_equal(add(vq, 0, 1, token(10 + i)), 0);
	kick(vq);
	/* The last slot of the avail ring, so that all of it was written. */
	device_use(rig, 0, next_head(rig, 3), 1);
	assert_ptr_equal(get(vq), token(10));
	assert_null(get(vq));
	assert_int_equal(add(vq, 0, 1, token(14)), 0);
	kick(vq);
	memcpy(ring, device_desc(rig, 0), size);
}

static void fresh_equals_reset(void **state)
{
	enum { SIZE = 512 };
	u8 fresh[SIZE], reset[SIZE];
	struct rig *rig = rig_ring(8, RING_RESET | EVENT_IDX);
	struct virtqueue *vq = rig->vq[0];
	size_t size = vring_used_offset(8);

	(void)state;
	assert_true(size <= SIZE);
	work(rig, fresh, size);
	rig->again = false;
	device_interrupt(rig, 0);
	device_use(rig, 0, 0xffffffff, 0);
	get(vq);
	scribble(rig, 1);
	vq->vq_ops->shutdown(vq);
	while (vq->vq_ops->detach_buf(vq))
		;
	assert_int_equal(vq->vq_ops->reset(vq), 0);
	/* All that one side reads of the other is 0 before the first buffer. */
	assert_int_equal(device_avail(rig, 0)->flags, 0);
	assert_int_equal(device_avail(rig, 0)->idx, 0);
	assert_int_equal(*device_used_event(rig, 0), 0);
	assert_int_equal(device_used(rig, 0)->flags, 0);
	assert_int_equal(device_used(rig, 0)->idx, 0);
	assert_int_equal(*device_avail_event(rig, 0), 0);
	work(rig, reset, size);
	assert_memory_equal(fresh, reset, size);
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			DS1_a_used_id_past_the_table_is_refused_in_all_32_bits),
		cmocka_unit_test(
			DS2_a_used_id_that_is_not_in_flight_is_refused),
		cmocka_unit_test(DS2_a_buffer_is_used_once),
		cmocka_unit_test(
			a_used_index_ahead_of_what_was_published_is_refused),
		cmocka_unit_test(a_used_index_that_goes_back_is_refused),
		cmocka_unit_test(DS4_a_used_length_is_clamped_and_counted),
		cmocka_unit_test(
			DS7_DS8_DS10_the_ring_is_written_and_not_read_back),
		cmocka_unit_test(
			DS8_a_next_flag_on_the_tail_frees_one_descriptor),
		cmocka_unit_test(DS12_room_is_counted_in_descriptors),
		cmocka_unit_test(DS14_a_chain_is_published_once),
		cmocka_unit_test(DS15_a_shut_down_queue_starts_again_as_new),
		cmocka_unit_test(DS16_a_buffer_of_nothing_is_refused),
		cmocka_unit_test(
			DS23_the_last_slots_do_not_overlap_the_event_words),
		cmocka_unit_test(a_failed_notification_breaks_the_queue),
		cmocka_unit_test(
			a_queue_is_not_restarted_while_buffers_are_out),
		cmocka_unit_test(
			a_reset_that_the_device_refuses_leaves_the_queue_down),
		cmocka_unit_test(DS24_a_queue_that_fails_leaves_no_trace),
		cmocka_unit_test(
			removal_breaks_every_queue_and_gives_the_tokens_back),
		cmocka_unit_test(the_first_reason_stays),
		cmocka_unit_test(a_device_that_needs_a_reset_breaks_its_queues),
		cmocka_unit_test(fresh_equals_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
