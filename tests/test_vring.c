// SPDX-License-Identifier: GPL-2.0-or-later
/* The driver side of the split ring with a device that keeps to the rules. */
#include "harness.h"

static unsigned int token_number(const void *data)
{
	assert_non_null(data);
	return (unsigned int)(uintptr_t)data - 1;
}

/* Fill the ring, use everything in the other order, take it back. */
static void fill_and_drain(struct rig *rig, unsigned int num)
{
	struct virtqueue *vq = rig->vq[0];
	unsigned int i, len;
	u16 first = le16_to_cpu(device_avail(rig, 0)->idx);
	u16 head;

	for (i = 0; i < num; i++)
		assert_int_equal(add(vq, 0, 1, token(i)), 0);
	assert_int_equal(add(vq, 0, 1, token(i)), -ENOSPC);
	kick(vq);
	assert_int_equal((u16)(le16_to_cpu(device_avail(rig, 0)->idx) - first),
			 num);
	for (i = num; i > 0; i--) {
		head = le16_to_cpu(
			device_avail(rig, 0)->ring[(u16)(first + i - 1) % num]);
		device_use(rig, 0, head, i % 16);
	}
	for (i = num; i > 0; i--) {
		assert_ptr_equal(vq->vq_ops->get_buf(vq, &len), token(i - 1));
		assert_int_equal(len, i % 16);
	}
	assert_null(get(vq));
}

static void every_size_can_be_filled_and_drained(void **state)
{
	struct rig *rig;
	unsigned int num;

	(void)state;
	for (num = 1; num <= VRING_NUM_MAX; num *= 2) {
		rig = rig_ring(num, num % 3 == 1 ? EVENT_IDX : INDIRECT);
		assert_int_equal(rig->vq[0]->num, num);
		fill_and_drain(rig, num);
		fill_and_drain(rig, num);
		rig_end(rig);
	}
}

static void the_parts_of_a_ring_do_not_overlap(void **state)
{
	u32 num, avail_end, used_end;

	(void)state;
	for (num = 1; num <= VRING_NUM_MAX; num *= 2) {
		/* The event word of each ring is one more 16-bit word. */
		avail_end = vring_avail_offset(num) + 4 + 2 * num + 2;
		used_end = vring_used_offset(num) + 4 + 8 * num + 2;
		assert_int_equal(vring_avail_offset(num), 16 * num);
		assert_int_equal(vring_used_offset(num) % VRING_USED_ALIGN, 0);
		assert_true(vring_used_offset(num) >= avail_end);
		assert_true(vring_total_size(num) >= used_end);
	}
}

/* What the device is told lies where the driver side writes. */
static void the_device_is_told_aligned_addresses(void **state)
{
	const struct virtio_vq_setup *setup;
	struct rig *rig;
	unsigned int num;

	(void)state;
	for (num = 1; num <= VRING_NUM_MAX; num *= 2) {
		rig = rig_ring(num, EVENT_IDX);
		setup = &rig->lb.queue[0].setup;
		assert_int_equal(setup->num, num);
		assert_int_equal(setup->desc % VRING_DESC_ALIGN, 0);
		assert_true(setup->avail == setup->desc + 16 * num);
		assert_true(setup->used ==
			    setup->desc + vring_used_offset(num));
		rig_end(rig);
	}
}

static void run_past_the_wrap(unsigned int num, u64 features)
{
	struct rig *rig = rig_ring(num, features);
	struct virtqueue *vq = rig->vq[0];
	unsigned int added = 0, taken = 0, served, in = num > 1 ? 1 : 0;

	while (taken < 70000) {
		while (!add(vq, 1, in, token(added & 0xffff)))
			added++;
		kick(vq);
		served = device_serve(rig, 0);
		assert_true(served);
		assert_true(loopback_ring_signal(&rig->ring[0]));
		assert_true(device_interrupt(rig, 0));
		while (served--)
			assert_int_equal(token_number(get(vq)),
					 taken++ & 0xffff);
		assert_null(get(vq));
	}
	assert_int_equal(added, taken);
	assert_int_equal(virtqueue_broken(vq), VIRTIO_NOT_BROKEN);
	rig_end(rig);
}

static void indices_wrap_at_65536(void **state)
{
	(void)state;
	run_past_the_wrap(1, 0);
	run_past_the_wrap(4, 0);
	run_past_the_wrap(4, EVENT_IDX);
	run_past_the_wrap(64, EVENT_IDX | INDIRECT);
	run_past_the_wrap(32768, EVENT_IDX);
}

/* A device that sees @segments pieces in the one buffer that is available. */
static void one_chain(struct rig *rig, unsigned int out, unsigned int in)
{
	struct virtqueue *vq = rig->vq[0];
	struct loopback_chain chain;
	unsigned int len = 0;

	assert_int_equal(add(vq, out, in, token(3)), 0);
	kick(vq);
	assert_int_equal(loopback_ring_pop(&rig->ring[0], &chain), 1);
	assert_int_equal(chain.out, out);
	assert_int_equal(chain.in, in);
	assert_true(chain.out_len == (u64)out * PIECE_BYTES);
	assert_true(chain.in_len == (u64)in * PIECE_BYTES);
	assert_int_equal(loopback_ring_pop(&rig->ring[0], &chain), 0);
	loopback_ring_push(&rig->ring[0], chain.head, (u32)chain.in_len);
	assert_ptr_equal(vq->vq_ops->get_buf(vq, &len), token(3));
	assert_int_equal(len, in * PIECE_BYTES);
}

static void a_chain_may_take_the_whole_ring(void **state)
{
	static const unsigned int sizes[] = { 1, 2, 8, 256, 32768 };
	unsigned int i, num;
	struct rig *rig;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		num = sizes[i];
		rig = rig_ring(num, 0);
		one_chain(rig, num, 0);
		one_chain(rig, 0, num);
		one_chain(rig, num / 2, num - num / 2);
		/* And it gives every descriptor back. */
		fill_and_drain(rig, num);
		rig_end(rig);
	}
}

static void no_room_now_and_no_room_ever_are_told_apart(void **state)
{
	struct rig *rig = rig_ring(8, 0);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	assert_int_equal(add(vq, 4, 5, token(0)), -EMSGSIZE);
	assert_int_equal(add(vq, 3, 3, token(0)), 0);
	assert_int_equal(add(vq, 4, 5, token(1)), -EMSGSIZE);
	assert_int_equal(add(vq, 2, 1, token(1)), -ENOSPC);
	assert_int_equal(add(vq, 1, 1, token(1)), 0);
	assert_int_equal(add(vq, 0, 1, token(2)), -ENOSPC);
	kick(vq);
	assert_int_equal(device_serve(rig, 0), 2);
	assert_ptr_equal(get(vq), token(0));
	/* Six are free again. */
	assert_int_equal(add(vq, 4, 3, token(2)), -ENOSPC);
	assert_int_equal(add(vq, 3, 3, token(2)), 0);
	rig_end(rig);
}

static void an_indirect_buffer_takes_one_descriptor(void **state)
{
	struct rig *rig = rig_ring(4, INDIRECT);
	struct virtqueue *vq = rig->vq[0];
	const struct vring_desc *desc = device_desc(rig, 0);
	unsigned int i;

	(void)state;
	assert_in_range(virtqueue_indirect_max(vq), 4, 128);
	for (i = 0; i < 4; i++)
		assert_int_equal(add(vq, 2, 2, token(i)), 0);
	assert_int_equal(add(vq, 2, 2, token(4)), -ENOSPC);
	/* A table longer than the ring is not allowed either (2.7.5.3.1). */
	assert_int_equal(add(vq, 3, 2, token(4)), -EMSGSIZE);
	kick(vq);
	for (i = 0; i < 4; i++) {
		assert_int_equal(le16_to_cpu(desc[i].flags),
				 VRING_DESC_F_INDIRECT);
		assert_int_equal(le32_to_cpu(desc[i].len),
				 4 * sizeof(struct vring_desc));
	}
	assert_int_equal(device_serve(rig, 0), 4);
	for (i = 0; i < 4; i++)
		assert_ptr_equal(get(vq), token(i));
	rig_end(rig);
}

static void a_single_piece_needs_no_table(void **state)
{
	struct rig *rig = rig_ring(4, INDIRECT);

	(void)state;
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	assert_int_equal(le16_to_cpu(device_desc(rig, 0)[0].flags),
			 VRING_DESC_F_WRITE);
	rig_end(rig);
}

/* More pieces than a table holds: in the ring itself. */
static void a_buffer_too_large_for_a_table_goes_into_the_ring(void **state)
{
	static const unsigned int sizes[] = { 512, 8192, 32768 };
	unsigned int i, most;
	struct rig *rig;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		rig = rig_ring(sizes[i], INDIRECT);
		most = virtqueue_indirect_max(rig->vq[0]);
		assert_true(most < sizes[i]);
		if (most)
			one_chain(rig, most, 0);
		one_chain(rig, 1, most + 1);
		one_chain(rig, 0, sizes[i]);
		fill_and_drain(rig, sizes[i]);
		rig_end(rig);
	}
}

static void kinds_of_buffers_mix_in_one_ring(void **state)
{
	struct rig *rig = rig_ring(256, INDIRECT | EVENT_IDX);
	struct virtqueue *vq = rig->vq[0];
	unsigned int round, i, pieces;

	(void)state;
	for (round = 0; round < 50; round++) {
		for (i = 0, pieces = 1; pieces <= 200; i++, pieces *= 2)
			assert_int_equal(add(vq, pieces / 2,
					     pieces - pieces / 2, token(i)),
					 0);
		kick(vq);
		assert_int_equal(device_serve(rig, 0), i);
		while (i--)
			assert_non_null(get(vq));
		assert_null(get(vq));
	}
	fill_and_drain(rig, 256);
	rig_end(rig);
}

static void pieces_keep_their_order_direction_and_length(void **state)
{
	static u8 out_a[3] = "abc", out_b[1] = "d", in_a[2], in_b[5];
	struct scatterlist sg[4];
	struct loopback_chain chain;
	unsigned int indirect, len;
	struct rig *rig;
	u8 text[8];

	(void)state;
	for (indirect = 0; indirect < 2; indirect++) {
		rig = rig_ring(4, indirect ? INDIRECT : 0);
		sg_set_buf(&sg[0], out_a, 3);
		sg_set_buf(&sg[1], out_b, 1);
		sg_set_buf(&sg[2], in_a, 2);
		sg_set_buf(&sg[3], in_b, 5);
		assert_int_equal(rig->vq[0]->vq_ops->add_buf(rig->vq[0], sg, 2,
							     2, token(0)),
				 0);
		kick(rig->vq[0]);
		assert_int_equal(loopback_ring_pop(&rig->ring[0], &chain), 1);
		assert_int_equal(loopback_chain_read(&chain, 0, text, 8), 4);
		assert_memory_equal(text, "abcd", 4);
		assert_int_equal(loopback_chain_write(&chain, 0, "1234567", 7),
				 7);
		loopback_ring_push(&rig->ring[0], chain.head, 7);
		assert_ptr_equal(rig->vq[0]->vq_ops->get_buf(rig->vq[0], &len),
				 token(0));
		assert_int_equal(len, 7);
		assert_memory_equal(in_a, "12", 2);
		assert_memory_equal(in_b, "34567", 5);
		rig_end(rig);
	}
}

static int add_lengths(struct virtqueue *vq, unsigned int out, unsigned int in,
		       const u64 *lengths)
{
	struct scatterlist sg[4];
	unsigned int i;

	for (i = 0; i < out + in; i++)
		sg_set_buf(&sg[i], piece_memory(), (size_t)lengths[i]);
	return vq->vq_ops->add_buf(vq, sg, out, in, token(0));
}

#define LENGTHS(...) ((const u64[]){ __VA_ARGS__ })

/* No byte of these buffers is touched: only their lengths count. */
static void lengths_are_checked_in_their_full_width(u64 features)
{
	struct rig *rig = rig_ring(4, features);
	struct virtqueue *vq = rig->vq[0];

	assert_int_equal(add_lengths(vq, 0, 1, LENGTHS(0)), -EINVAL);
	assert_int_equal(add_lengths(vq, 2, 1, LENGTHS(4, 0, 4)), -EINVAL);
	assert_int_equal(add_lengths(vq, 1, 2, LENGTHS(4, 4, 0)), -EINVAL);
	if (SIZE_MAX > UINT32_MAX) {
		/* Cut to 32 bits this would be a buffer of 16 bytes. */
		assert_int_equal(add_lengths(vq, 0, 1, LENGTHS(0x100000010)),
				 -EINVAL);
		assert_int_equal(add_lengths(vq, 0, 1, LENGTHS(0x100000000)),
				 -EINVAL);
	}
	/* The used length has 32 bits, and so has a whole chain (2.7.5.2). */
	assert_int_equal(add_lengths(vq, 0, 2, LENGTHS(0xffffffff, 1)),
			 -EINVAL);
	assert_int_equal(add_lengths(vq, 0, 3,
				     LENGTHS(0x80000000, 0x7fffffff, 1)),
			 -EINVAL);
	assert_int_equal(add_lengths(vq, 2, 0, LENGTHS(0xffffffff, 1)),
			 -EINVAL);
	assert_int_equal(add_lengths(vq, 1, 1, LENGTHS(0xffffffff, 1)),
			 -EINVAL);
	assert_int_equal(add_lengths(vq, 3, 0,
				     LENGTHS(0xffffffff, 0xffffffff, 2)),
			 -EINVAL);
	/* A refused buffer leaves nothing behind. */
	assert_int_equal(le16_to_cpu(device_avail(rig, 0)->idx), 0);
	assert_int_equal(add_lengths(vq, 0, 2, LENGTHS(0xfffffffe, 1)), 0);
	assert_int_equal(add_lengths(vq, 1, 1, LENGTHS(0xfffffffe, 1)), 0);
	kick(vq);
	device_use(rig, 0, 0, 0xffffffff);
	assert_ptr_equal(get(vq), token(0));
	rig_end(rig);
}

static void lengths_direct(void **state)
{
	(void)state;
	lengths_are_checked_in_their_full_width(0);
}

static void lengths_indirect(void **state)
{
	(void)state;
	lengths_are_checked_in_their_full_width(INDIRECT);
}

static void nothing_is_visible_before_a_kick(void **state)
{
	struct rig *rig = rig_ring(4, 0);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	assert_int_equal(add(vq, 0, 1, token(1)), 0);
	assert_int_equal(le16_to_cpu(device_avail(rig, 0)->idx), 0);
	assert_int_equal(rig->notifies, 0);
	kick(vq);
	assert_int_equal(le16_to_cpu(device_avail(rig, 0)->idx), 2);
	assert_int_equal(rig->notifies, 1);
	/* Nothing new: nothing to tell. */
	kick(vq);
	assert_int_equal(rig->notifies, 1);
	rig_end(rig);
}

static void a_device_that_polls_is_not_notified(void **state)
{
	struct rig *rig = rig_ring(4, 0);

	(void)state;
	device_used(rig, 0)->flags = cpu_to_le16(VRING_USED_F_NO_NOTIFY);
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	kick(rig->vq[0]);
	assert_int_equal(rig->notifies, 0);
	/* Only its lowest bit means that. */
	device_used(rig, 0)->flags = cpu_to_le16(0xfffe);
	assert_int_equal(add(rig->vq[0], 0, 1, token(1)), 0);
	kick(rig->vq[0]);
	assert_int_equal(rig->notifies, 1);
	rig_end(rig);
}

/* Every queue of a device has its own ring, callback and notification. */
static void queues_of_a_device_are_apart(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	loopback_add_features(&rig->regs, 0);
	loopback_add_queue(&rig->regs, 5, 4);
	loopback_add_queue(&rig->regs, 1, 8);
	rig->queues = 2;
	rig_start(rig);
	assert_int_equal(rig->vq[0]->index, 5);
	assert_int_equal(rig->vq[1]->index, 1);
	assert_int_equal(add(rig->vq[1], 0, 1, token(9)), 0);
	kick(rig->vq[1]);
	assert_true(rig->lb.queue[1].notified);
	assert_false(rig->lb.queue[5].notified);
	assert_int_equal(device_serve(rig, 1), 1);
	/* An interrupt for a queue without work, or for none, is nobody's. */
	assert_false(device_interrupt(rig, 5));
	assert_false(device_interrupt(rig, 0));
	assert_false(device_interrupt(rig, 0xffffffff));
	assert_int_equal(rig->callbacks, 0);
	assert_true(device_interrupt(rig, 1));
	assert_int_equal(rig->callbacks, 1);
	assert_null(get(rig->vq[0]));
	assert_ptr_equal(get(rig->vq[1]), token(9));
	rig_end(rig);
}

static void memory_stays_within_the_budget(void **state)
{
	struct virtqueue_stats stats;
	struct rig *rig;
	unsigned int num;

	(void)state;
	for (num = 256; num <= VRING_NUM_MAX; num *= 2) {
		rig = rig_ring(num, INDIRECT);
		virtqueue_stats(rig->vq[0], &stats);
		assert_true(stats.private_bytes <= 32 * num + 256);
		assert_true(stats.shared_bytes >= vring_total_size(num));
		rig_end(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_can_be_filled_and_drained),
		cmocka_unit_test(the_parts_of_a_ring_do_not_overlap),
		cmocka_unit_test(the_device_is_told_aligned_addresses),
		cmocka_unit_test(indices_wrap_at_65536),
		cmocka_unit_test(a_chain_may_take_the_whole_ring),
		cmocka_unit_test(no_room_now_and_no_room_ever_are_told_apart),
		cmocka_unit_test(an_indirect_buffer_takes_one_descriptor),
		cmocka_unit_test(a_single_piece_needs_no_table),
		cmocka_unit_test(
			a_buffer_too_large_for_a_table_goes_into_the_ring),
		cmocka_unit_test(kinds_of_buffers_mix_in_one_ring),
		cmocka_unit_test(pieces_keep_their_order_direction_and_length),
		cmocka_unit_test(lengths_direct),
		cmocka_unit_test(lengths_indirect),
		cmocka_unit_test(nothing_is_visible_before_a_kick),
		cmocka_unit_test(a_device_that_polls_is_not_notified),
		cmocka_unit_test(queues_of_a_device_are_apart),
		cmocka_unit_test(memory_stays_within_the_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
