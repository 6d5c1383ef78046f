// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is told what and when: callbacks, restart, the event index. */
#include "harness.h"

static void need_event_is_computed_in_16_bits(void **state)
{
	static const struct {
		u16 event, new_idx, old_idx;
		bool need;
	} cases[] = {
		/* told when the index passes the event: event in [old, new) */
		{ 0, 1, 0, true },
		{ 1, 1, 0, false },
		{ 0, 0, 0, false },
		{ 4, 8, 4, true },
		{ 7, 8, 4, true },
		{ 8, 8, 4, false },
		{ 3, 8, 4, false },
		/* around the wrap */
		{ 0xffff, 0, 0xffff, true },
		{ 0, 0, 0xffff, false },
		{ 0xfffe, 0, 0xffff, false },
		{ 0xffff, 0xffff, 0xfffe, false },
		{ 0xfffe, 0xffff, 0xfffe, true },
		{ 0xfffe, 2, 0xfffe, true },
		{ 1, 2, 0xfffe, true },
		{ 2, 2, 0xfffe, false },
		{ 0xfffd, 2, 0xfffe, false },
		{ 0x8000, 2, 0xfffe, false },
		/* a whole ring of 32768 at once */
		{ 0, 32768, 0, true },
		{ 32767, 32768, 0, true },
		{ 32768, 32768, 0, false },
		{ 0xffff, 32768, 0, false },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (vring_need_event(cases[i].event, cases[i].new_idx,
				     cases[i].old_idx) != cases[i].need)
			fail_msg("case %u", i);
}

/* Bring the ring's indices to @idx; everything is taken back. */
static void advance(struct rig *rig, u16 idx)
{
	struct virtqueue *vq = rig->vq[0];

	while (le16_to_cpu(device_avail(rig, 0)->idx) != idx) {
		assert_int_equal(add(vq, 0, 1, token(0)), 0);
		kick(vq);
		assert_int_equal(device_serve(rig, 0), 1);
		assert_ptr_equal(get(vq), token(0));
	}
}

/* Does a kick from @old with @count new buffers notify for @event? */
static bool notified(struct rig *rig, u16 old, unsigned int count, u16 event)
{
	struct virtqueue *vq = rig->vq[0];
	unsigned int i, before;

	advance(rig, old);
	before = rig->notifies;
	*device_avail_event(rig, 0) = cpu_to_le16(event);
	for (i = 0; i < count; i++)
		assert_int_equal(add(vq, 0, 1, token(i)), 0);
	kick(vq);
	before = rig->notifies - before;
	assert_int_equal(device_serve(rig, 0), count);
	while (get(vq))
		;
	assert_true(before <= 1);
	return before;
}

static void NI4_a_kick_notifies_when_it_passes_the_event(void **state)
{
	struct rig *rig = rig_ring(8, EVENT_IDX);

	(void)state;
	/* The flag of the other way says nothing here. */
	device_used(rig, 0)->flags = cpu_to_le16(VRING_USED_F_NO_NOTIFY);
	assert_true(notified(rig, 10, 1, 10));
	assert_false(notified(rig, 20, 1, 21));
	assert_false(notified(rig, 30, 1, 29));
	assert_true(notified(rig, 40, 3, 40));
	assert_true(notified(rig, 45, 3, 47));
	assert_false(notified(rig, 50, 3, 53));
	assert_true(notified(rig, 0xffff, 1, 0xffff));
	assert_false(notified(rig, 0xffff, 1, 0));
	assert_true(notified(rig, 0xfffe, 4, 0xfffe));
	assert_true(notified(rig, 0xfffe, 4, 1));
	assert_false(notified(rig, 0xfffe, 4, 2));
	rig_end(rig);
}

static void NI7_the_event_follows_what_was_taken(void **state)
{
	struct rig *rig = rig_ring(8, EVENT_IDX);
	struct virtqueue *vq = rig->vq[0];
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(add(vq, 0, 1, token(i)), 0);
	kick(vq);
	assert_int_equal(device_serve(rig, 0), 4);
	assert_true(loopback_ring_signal(&rig->ring[0]));
	/* Not at each buffer: the device would interrupt for each. */
	assert_non_null(get(vq));
	assert_non_null(get(vq));
	assert_true(le16_to_cpu(*device_used_event(rig, 0)) < 4);
	assert_non_null(get(vq));
	assert_non_null(get(vq));
	assert_null(get(vq));
	/* But when all are taken: the next one interrupts. */
	assert_int_equal(le16_to_cpu(*device_used_event(rig, 0)), 4);
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	kick(vq);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_true(loopback_ring_signal(&rig->ring[0]));
	rig_end(rig);
}

static void NI7_the_event_stays_while_callbacks_are_off(void **state)
{
	struct rig *rig = rig_ring(8, EVENT_IDX);
	struct virtqueue *vq = rig->vq[0];
	unsigned int i;
	u16 event;

	(void)state;
	rig->again = false;
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	kick(vq);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_true(loopback_ring_signal(&rig->ring[0]));
	assert_true(device_interrupt(rig, 0));
	event = le16_to_cpu(*device_used_event(rig, 0));
	for (i = 0; i < 20; i++) {
		while (get(vq))
			;
		assert_int_equal(add(vq, 0, 1, token(0)), 0);
		kick(vq);
		assert_int_equal(device_serve(rig, 0), 1);
		assert_false(loopback_ring_signal(&rig->ring[0]));
		assert_int_equal(le16_to_cpu(*device_used_event(rig, 0)),
				 event);
	}
	assert_non_null(get(vq));
	assert_true(vq->vq_ops->restart(vq));
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	kick(vq);
	assert_int_equal(device_serve(rig, 0), 1);
	assert_true(loopback_ring_signal(&rig->ring[0]));
	rig_end(rig);
}

/* One buffer there and back; does the honest device interrupt for it? */
static bool interrupts(struct rig *rig)
{
	bool wanted;

	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	kick(rig->vq[0]);
	assert_int_equal(device_serve(rig, 0), 1);
	wanted = loopback_ring_signal(&rig->ring[0]);
	if (wanted)
		assert_true(device_interrupt(rig, 0));
	while (get(rig->vq[0]))
		;
	return wanted;
}

static void callback_contract(u64 features)
{
	struct rig *rig = rig_ring(8, features);
	unsigned int i;

	/* true: called for each. */
	for (i = 0; i < 3; i++)
		assert_true(interrupts(rig));
	assert_int_equal(rig->callbacks, 3);
	/* false: this one still, then no more until restart(). */
	rig->again = false;
	assert_true(interrupts(rig));
	for (i = 0; i < 3; i++)
		assert_false(interrupts(rig));
	assert_int_equal(rig->callbacks, 4);
	assert_true(rig->vq[0]->vq_ops->restart(rig->vq[0]));
	rig->again = true;
	for (i = 0; i < 3; i++)
		assert_true(interrupts(rig));
	assert_int_equal(rig->callbacks, 7);
	/* restart() of what is on does no harm. */
	assert_true(rig->vq[0]->vq_ops->restart(rig->vq[0]));
	assert_true(interrupts(rig));
	rig_end(rig);
}

static void a_callback_that_returns_false_is_off_until_restart(void **state)
{
	(void)state;
	callback_contract(0);
	callback_contract(EVENT_IDX);
}

static void a_device_that_interrupts_anyway_calls_nobody(void **state)
{
	struct rig *rig = rig_ring(8, 0);
	struct virtqueue_stats stats;

	(void)state;
	rig->again = false;
	assert_true(interrupts(rig));
	assert_false(interrupts(rig));
	/* With work but off: handled, and the callback stays away. */
	assert_int_equal(add(rig->vq[0], 0, 1, token(0)), 0);
	kick(rig->vq[0]);
	device_serve(rig, 0);
	assert_true(device_interrupt(rig, 0));
	assert_int_equal(rig->callbacks, 1);
	/* NI19: with nothing used it is spurious, and counted. */
	assert_non_null(get(rig->vq[0]));
	assert_false(device_interrupt(rig, 0));
	virtqueue_stats(rig->vq[0], &stats);
	assert_int_equal(stats.spurious, 1);
	rig_end(rig);
}

static void a_queue_without_callback_asks_for_no_interrupt(void **state)
{
	struct rig *rig;
	unsigned int i, event_idx;

	(void)state;
	for (event_idx = 0; event_idx < 2; event_idx++) {
		rig = rig_new();
		loopback_add_features(&rig->regs, event_idx ? EVENT_IDX : 0);
		loopback_add_queue(&rig->regs, 0, 8);
		rig->queues = 1;
		rig->polled = true;
		rig_start(rig);
		for (i = 0; i < 20; i++)
			assert_false(interrupts(rig));
		rig_end(rig);
	}
}

/* NI3: the buffer that was used before the callback came on is not lost. */
static void NI3_restart_looks_after_it_has_asked(u64 features, u16 start)
{
	struct rig *rig = rig_ring(8, features);
	struct virtqueue *vq = rig->vq[0];
	unsigned int i;

	advance(rig, start);
	rig->again = false;
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	kick(vq);
	device_serve(rig, 0);
	assert_true(device_interrupt(rig, 0));
	for (i = 1; i < 8; i++)
		assert_int_equal(add(vq, 0, 1, token(i)), 0);
	kick(vq);
	/* Between get_buf() and restart() the device uses one more each time.
	 */
	for (i = 0; i < 8; i++) {
		assert_false(vq->vq_ops->restart(vq));
		assert_non_null(get(vq));
		if (i < 7)
			device_use(rig, 0,
				   le16_to_cpu(
					   device_avail(rig, 0)
						   ->ring[(u16)(start + 1 + i) %
							  8]),
				   0);
	}
	assert_null(get(vq));
	assert_true(vq->vq_ops->restart(vq));
	rig_end(rig);
}

static void NI3_a_wake_up_is_not_lost(void **state)
{
	(void)state;
	NI3_restart_looks_after_it_has_asked(0, 0);
	NI3_restart_looks_after_it_has_asked(EVENT_IDX, 0);
	NI3_restart_looks_after_it_has_asked(EVENT_IDX, 0xfffc);
}

/* NI18: each side has its own word to ask in. */
static void the_driver_writes_only_its_own_wishes(void **state)
{
	struct rig *rig = rig_ring(8, EVENT_IDX);
	struct virtqueue *vq = rig->vq[0];

	(void)state;
	*device_avail_event(rig, 0) = cpu_to_le16(0x1234);
	device_used(rig, 0)->flags = cpu_to_le16(0x5678);
	rig->again = false;
	assert_int_equal(add(vq, 0, 1, token(0)), 0);
	kick(vq);
	device_use(rig, 0, 0, 0);
	device_interrupt(rig, 0);
	assert_non_null(get(vq));
	assert_null(get(vq));
	assert_true(vq->vq_ops->restart(vq));
	assert_int_equal(le16_to_cpu(*device_avail_event(rig, 0)), 0x1234);
	assert_int_equal(le16_to_cpu(device_used(rig, 0)->flags), 0x5678);
	assert_int_equal(le16_to_cpu(device_avail(rig, 0)->flags), 0);
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(need_event_is_computed_in_16_bits),
		cmocka_unit_test(NI4_a_kick_notifies_when_it_passes_the_event),
		cmocka_unit_test(NI7_the_event_follows_what_was_taken),
		cmocka_unit_test(NI7_the_event_stays_while_callbacks_are_off),
		cmocka_unit_test(
			a_callback_that_returns_false_is_off_until_restart),
		cmocka_unit_test(a_device_that_interrupts_anyway_calls_nobody),
		cmocka_unit_test(
			a_queue_without_callback_asks_for_no_interrupt),
		cmocka_unit_test(NI3_a_wake_up_is_not_lost),
		cmocka_unit_test(the_driver_writes_only_its_own_wishes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
