// SPDX-License-Identifier: GPL-2.0-or-later
/* The model of a queue: buffers on their way back, and callbacks. */
#include "arena.h"
#include "model.h"
#include "watch.h"

/* Take note of used.idx as the core read it: are there used elements? */
static bool used_waiting(struct model *model)
{
	s64 idx;

	if (model->cached != model->last)
		return true;
	idx = watch_value(CELL_USED_IDX, model->vq->index, 0);
	if (idx < 0) {
		oracle_fire(ORACLE_RESULT,
			    "used.idx of queue %llu was not read once",
			    model->vq->index, 0);
		return false;
	}
	if ((u16)idx == model->last)
		return false;
	if ((u16)(idx - model->last) > (u16)(model->published - model->last)) {
		model->broken = VIRTIO_BROKEN_USED_IDX;
		return false;
	}
	model->cached = (u16)idx;
	return true;
}

/* What get_buf() must return for what it read; 0: NULL. */
u32 model_expect_get(struct model *model, u32 *len)
{
	unsigned int q = model->vq->index, pos;
	s64 id, written;
	u32 token;

	if (model_halted(model) || !used_waiting(model))
		return 0;
	pos = model->last & (model->num - 1);
	id = watch_value(CELL_USED_ID, q, pos);
	written = watch_value(CELL_USED_LEN, q, pos);
	if (id < 0) {
		oracle_fire(ORACLE_RESULT, "used element %llu was not read",
			    pos, 0);
		return 0;
	}
	if (id >= model->num) {
		model->broken = VIRTIO_BROKEN_USED_ID_RANGE;
		return 0;
	}
	token = model_token_at(model, (u32)id);
	if (!token) {
		model->broken = VIRTIO_BROKEN_USED_ID_HEAD;
		return 0;
	}
	if (written > model_tokens[token].in_len) {
		if (model->strict) {
			model->broken = VIRTIO_BROKEN_USED_LEN;
			return 0;
		}
		written = model_tokens[token].in_len;
		model->clamped++;
	}
	*len = (u32)written;
	return token;
}

/* A NULL re-arms the callback: the device was told where to interrupt. */
static void check_rearmed(const struct model *model)
{
	if (model_halted(model) || !model->callbacks)
		return;
	if (model->event_idx)
		oracle_check(model->event_told == model->last, ORACLE_WAKEUP,
			     "used_event is %llu, %llu elements were taken",
			     model->event_told, model->last);
	else
		oracle_check(!(model->flags_told & VRING_AVAIL_F_NO_INTERRUPT),
			     ORACLE_WAKEUP,
			     "interrupts of queue %llu are suppressed",
			     model->vq->index, 0);
}

/* Callbacks are off: the device was told to interrupt as late as it can. */
static void check_silenced(const struct model *model)
{
	if (model->event_idx)
		oracle_check(model->event_told == (u16)(model->last - 1),
			     ORACLE_WAKEUP,
			     "callbacks are off and used_event is %llu, after "
			     "%llu elements",
			     model->event_told, model->last);
	else
		oracle_check(model->flags_told & VRING_AVAIL_F_NO_INTERRUPT,
			     ORACLE_WAKEUP,
			     "callbacks of queue %llu are off, its interrupts "
			     "are not",
			     model->vq->index, 0);
}

void *model_get(struct model *model, u32 *len)
{
	u32 got = 0xdeadbeef, want_len = 0, want;
	u16 event = model->event_told, flags = model->flags_told;
	u64 copied = arena.copied;
	void *data;

	watch_begin(CALL_GET_BUF);
	data = model->vq->vq_ops->get_buf(model->vq, &got);
	watch_end((u64)(uintptr_t)data);
	want = model_expect_get(model, &want_len);
	if (data)
		model_note_returned(model, (u32)(uintptr_t)data);
	oracle_check((uintptr_t)data == want, ORACLE_RESULT,
		     "get_buf returned token %llu, the model has %llu",
		     (uintptr_t)data, want);
	if (data) {
		model->last++;
		oracle_check(got <= model_tokens[want].in_len, ORACLE_LENGTH,
			     "length %llu, the buffer has %llu writable", got,
			     model_tokens[want].in_len);
		oracle_check(got == want_len, ORACLE_RESULT,
			     "length %llu, the model has %llu", got, want_len);
		oracle_check(arena.copied - copied == got, ORACLE_MAPPING,
			     "%llu bytes were copied back, %llu were written",
			     arena.copied - copied, got);
		*len = got;
	} else {
		oracle_check(got == 0xdeadbeef, ORACLE_RESULT,
			     "a length of %llu came with NULL", got, 0);
		check_rearmed(model);
	}
	oracle_check(model->callbacks || (model->event_told == event &&
					  model->flags_told == flags),
		     ORACLE_WAKEUP,
		     "callbacks are off, but the device was told to interrupt "
		     "at %llu",
		     model->event_told, 0);
	trace(TRACE_VALUE, got, 0, 0);
	model_check(model);
	return data;
}

void model_stats(struct model *model)
{
	struct virtqueue_stats stats;

	watch_begin(CALL_STATS);
	virtqueue_stats(model->vq, &stats);
	watch_end(stats.spurious);
	oracle_check(stats.clamped == model->clamped, ORACLE_RESULT,
		     "%llu lengths were clamped, the model has %llu",
		     stats.clamped, model->clamped);
}

unsigned int model_drain(struct model *model, unsigned int most)
{
	unsigned int n = 0;
	u32 len;

	while (n < most && model_get(model, &len))
		n++;
	return n;
}

bool model_restart(struct model *model)
{
	unsigned int q = model->vq->index;
	bool ok, want = true;
	s64 idx;

	if (!model_halted(model))
		model->callbacks = true;
	watch_begin(CALL_RESTART);
	ok = model->vq->vq_ops->restart(model->vq);
	watch_end(ok);
	if (!model_halted(model) && model->cached != model->last) {
		want = false;
	} else if (!model_halted(model)) {
		idx = watch_value(CELL_USED_IDX, q, 0);
		want = idx == model->last;
		oracle_check(idx >= 0, ORACLE_WAKEUP,
			     "restart did not look at used.idx of queue %llu",
			     q, 0);
	}
	oracle_check(ok == want, ORACLE_RESULT,
		     "restart returned %llu, the model has %llu", ok, want);
	if (ok) {
		check_rearmed(model);
	} else {
		model->callbacks = false;
		check_silenced(model);
	}
	model_check(model);
	return ok;
}

static struct model *model_of_queue(unsigned int queue)
{
	unsigned int i;

	for (i = 0; i < LAB_QUEUES; i++)
		if (lab.model[i].vq && lab.model[i].vq->index == queue)
			return &lab.model[i];
	return NULL;
}

void model_interrupt(unsigned int queue)
{
	unsigned int before = lab.callbacks, stops = lab.callbacks_stopped;
	struct model *model = model_of_queue(queue);
	bool handled, work = false, waiting = false, called = false;
	u16 last = 0;
	s64 idx;

	if (model) {
		work = !model_halted(model) && model_is_ready();
		waiting = model->cached != model->last;
		called = model->callbacks && model->vq->callback;
		last = model->last;
	}
	watch_begin(CALL_INTERRUPT);
	handled = virtqueue_interrupt(&lab.lb.vdev, queue);
	watch_end(lab.callbacks - before);
	oracle_check(model || !handled || lab.lb.queue[queue].enabled,
		     ORACLE_CALLBACK,
		     "an interrupt of queue %llu, which is not there, had work",
		     queue, 0);
	if (!model || !model->vq)
		return;
	if (work && !waiting) {
		idx = watch_value(CELL_USED_IDX, queue, 0);
		work = idx >= 0 && idx != last;
	}
	called &= work;
	oracle_check(lab.callbacks - before == called, ORACLE_CALLBACK,
		     "an interrupt made %llu callbacks, %llu wanted",
		     lab.callbacks - before, called);
	oracle_check(handled == work, ORACLE_CALLBACK,
		     "there was work for an interrupt: %llu, it was told: %llu",
		     work, handled);
	if (lab.callbacks_stopped != stops && !model_halted(model)) {
		model->callbacks = false;
		check_silenced(model);
	}
	model_check(model);
}
