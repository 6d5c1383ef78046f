// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A queue as the specification has it, and every call into the core held
 * against it. The model uses what the core read from shared memory (the watch
 * tells it), so the two agree on every hostile value, or one of them is wrong.
 */
#include "arena.h"
#include "lab.h"
#include "vring.h"
#include "watch.h"

#define PIECES_MAX (VRING_NUM_MAX + 1)

static struct token tokens[LAB_TOKENS_MAX + 1]; /* by token; 0 is none */
static u16 head_token[LAB_QUEUES][VRING_NUM_MAX];
static struct scatterlist pieces[PIECES_MAX];

static unsigned int model_index(const struct model *model)
{
	return (unsigned int)(model - lab.model);
}

/* The buffer whose chain starts at a descriptor; 0: none. */
static u32 token_at(const struct model *model, u32 id)
{
	u32 token;

	if (id >= model->num)
		return 0;
	token = head_token[model_index(model)][id];
	if (token < model->first_token || token > lab.tokens ||
	    !tokens[token].in_flight ||
	    tokens[token].queue != model_index(model) ||
	    tokens[token].head != id)
		return 0;
	return token;
}

static bool is_ready(void)
{
	return lab.status & VIRTIO_CONFIG_S_DRIVER_OK;
}

static bool halted(const struct model *model)
{
	return model->broken || model->stopped;
}

/* What only a look into the core shows. */
void model_check(struct model *model)
{
	const struct vring *vring = to_vring(model->vq);

	oracle_check(vring_taken(vring) == model->taken, ORACLE_FREE_COUNT,
		     "%llu descriptors in flight, the model has %llu",
		     vring_taken(vring), model->taken);
	oracle_check(virtqueue_broken(model->vq) == model->broken,
		     ORACLE_RESULT, "broken reason %llu, the model has %llu",
		     virtqueue_broken(model->vq), model->broken);
}

/* Each word of the ring and the state that a new queue starts from. */
static void check_fresh(const struct model *model)
{
	const struct vring *vring = to_vring(model->vq);
	const struct loopback_queue *q = &lab.lb.queue[model->vq->index];
	const struct vring_state fresh = {
		.callback_off = !model->callbacks,
		.event = model->callbacks || !model->event_idx ? 0 : 0xffff,
	};
	const u8 *avail = arena_at(q->setup.avail, 4);
	const u8 *used = arena_at(q->setup.used, 4);

	oracle_check(!memcmp(&vring->state, &fresh,
			     offsetof(struct vring_state, notify_pending)),
		     ORACLE_FRESH, "the private state of queue %llu differs",
		     model->vq->index, 0);
	oracle_check(!vring->halted && !vring->broken && !vring->quiesced,
		     ORACLE_FRESH, "queue %llu does not run", model->vq->index,
		     0);
	oracle_check(avail && used && !get_unaligned_le16(avail + 2) &&
			     !get_unaligned_le32(used),
		     ORACLE_FRESH, "queue %llu starts at other indices",
		     model->vq->index, 0);
}

void model_start(struct model *model, struct virtqueue *vq)
{
	const struct vring *vring = to_vring(vq);
	const struct virtio_vq_setup *setup = &lab.lb.queue[vq->index].setup;
	bool strict = model->strict && model->vq == vq;

	memset(model, 0, sizeof(*model));
	model->vq = vq;
	model->num = vq->num;
	model->strict = strict;
	model->indirect_max = virtqueue_indirect_max(vq);
	model->event_idx =
		virtio_has_feature(vq->vdev, VIRTIO_RING_F_EVENT_IDX);
	model->callbacks = vq->callback != NULL;
	model->first_token = lab.tokens + 1;
	model->flags_word = arena_at(setup->avail, 2);
	model->event_word = arena_at(setup->avail + 4 + 2ULL * vq->num, 2);
	model->event_told = model->callbacks || !model->event_idx ? 0 : 0xffff;
	model->flags_told = model->callbacks || model->event_idx ? 0 : 1;
	check_fresh(model);
	oracle_check(lab.status & VIRTIO_CONFIG_S_FEATURES_OK, ORACLE_STATUS,
		     "queue %llu was set up at status %llu", vq->index,
		     lab.status);
	oracle_check(vring->event_idx == model->event_idx, ORACLE_FEATURES,
		     "the event index of queue %llu is not as agreed",
		     vq->index, 0);
	loopback_ring_init(&lab.ring[vq->index], &lab.lb.queue[vq->index], 0);
	lab.ring[vq->index].at = arena_ring_at;
	lab.ring[vq->index].features =
		(model->event_idx ? 1ULL << VIRTIO_RING_F_EVENT_IDX : 0) |
		(model->indirect_max ? 1ULL << VIRTIO_RING_F_INDIRECT_DESC : 0);
}

/* One descriptor against one posted piece. */
static bool piece_as_posted(const u8 *desc, u32 map, unsigned int i,
			    unsigned int outs, unsigned int total)
{
	u16 flags = (i >= outs ? VRING_DESC_F_WRITE : 0) |
		    (i + 1 < total ? VRING_DESC_F_NEXT : 0);

	return get_unaligned_le64(desc) ==
		       ARENA_MAP_BASE + ((u64)(map + i) << 32) &&
	       get_unaligned_le32(desc + 8) == pieces[i].length &&
	       get_unaligned_le16(desc + 12) == flags;
}

/* Walk what was just posted as the device will; the head, or -1. */
static s64 walk_chain(const struct model *model, u32 map, unsigned int outs,
		      unsigned int total, bool indirect)
{
	const struct virtio_vq_setup *setup =
		&lab.lb.queue[model->vq->index].setup;
	const u8 *avail = arena_at(setup->avail, 4);
	const u8 *table = arena_at(setup->desc, 16ULL * model->num);
	u32 head =
		get_unaligned_le16(avail + 4 + 2 * (model->avail % model->num));
	u32 id = head, limit = model->num;
	unsigned int i;

	if (head >= model->num || token_at(model, head))
		return -1;
	if (indirect) {
		if (get_unaligned_le32(table + 16 * head + 8) != 16 * total ||
		    get_unaligned_le32(table + 16 * head + 12) !=
			    VRING_DESC_F_INDIRECT)
			return -1;
		table = arena_at(get_unaligned_le64(table + 16 * head),
				 16ULL * total);
		if (!table)
			return -1;
		id = 0;
		limit = total;
	}
	for (i = 0; i < total; i++) {
		if (id >= limit ||
		    !piece_as_posted(table + 16 * id, map, i, outs, total))
			return -1;
		id = get_unaligned_le16(table + 16 * id + 14);
	}
	return head;
}

/* The buffer is in the ring: the model takes note of it. */
static void note_posted(struct model *model, u32 map, unsigned int outs,
			unsigned int total, u32 in_len)
{
	bool indirect = total > 1 && total <= model->indirect_max;
	s64 head = walk_chain(model, map, outs, total, indirect);
	struct token *token = &tokens[++lab.tokens];

	if (head < 0) {
		oracle_fire(ORACLE_CHAIN,
			    "the avail entry %llu does not lead to the %llu "
			    "pieces that were added",
			    model->avail, total);
		head = 0;
	}
	token->in_len = in_len;
	token->head = (u16)head;
	token->descs = indirect ? 1 : (u16)total;
	token->queue = (u8)model_index(model);
	token->in_flight = true;
	head_token[model_index(model)][head] = (u16)lab.tokens;
	model->taken += token->descs;
	model->avail++;
}

static int expected_add(const struct model *model, unsigned int total)
{
	bool indirect = total > 1 && total <= model->indirect_max;

	if (halted(model))
		return -EIO;
	if (!total)
		return -EINVAL;
	if (total > model->num)
		return -EMSGSIZE;
	if ((indirect ? 1 : total) > model->num - model->taken)
		return -ENOSPC;
	return 0;
}

static int call_add(struct model *model, unsigned int outs, unsigned int ins,
		    void *data)
{
	int err;

	arena.failed[ARENA_MAP] = false;
	watch_begin(CALL_ADD_BUF);
	err = model->vq->vq_ops->add_buf(model->vq, pieces, outs, ins, data);
	watch_end((u64)(s64)err);
	return err;
}

/* The sum of the writable pieces; false: more than 32 bits hold. */
static bool sum_in(unsigned int ins, u32 in_len, u32 *sum)
{
	u64 wide = (u64)ins * in_len;

	*sum = (u32)wide;
	return wide <= 0xffffffff;
}

/* The attacker leaves some for the honest device that follows. */
static u32 tokens_limit(void)
{
	return LAB_TOKENS_MAX - (arena.reserve ? 1024 : 0);
}

int model_add(struct model *model, unsigned int outs, unsigned int ins,
	      u32 out_len, u32 in_len)
{
	unsigned int i, total = outs + ins;
	u32 map = arena.maps, sum = 0;
	int err, want;

	if (total > PIECES_MAX || lab.tokens >= tokens_limit())
		return -EINVAL;
	for (i = 0; i < total; i++)
		sg_set_buf(&pieces[i], arena_payload + i % 64 * 64,
			   i < outs ? out_len : in_len);
	want = expected_add(model, total);
	if (!want && (!sum_in(ins, in_len, &sum) || (outs && !out_len) ||
		      (ins && !in_len)))
		want = -EINVAL;
	err = call_add(model, outs, ins, (void *)(uintptr_t)(lab.tokens + 1));
	if (arena.failed[ARENA_MAP] && (!want || want == -EINVAL))
		want = err == -EINVAL ? -EINVAL : -ENOMEM;
	oracle_check(err == want, ORACLE_RESULT,
		     "add_buf returned -%llu, the model has -%llu", (u64)-err,
		     (u64)-want);
	if (!err)
		note_posted(model, map, outs, total, sum);
	model_check(model);
	return err;
}

/* Buffers that no driver may get through, whatever the ring's state. */
void model_add_bad(struct model *model, unsigned int kind)
{
	unsigned int outs = 1, ins = 1;
	void *data = (void *)(uintptr_t)(lab.tokens + 1);
	int err, want = -EINVAL;
	u32 len = 16;

	sg_set_buf(&pieces[0], arena_payload, len);
	sg_set_buf(&pieces[1], arena_payload, len);
	switch (kind) {
	case 0:
		data = NULL;
		break;
	case 1:
		outs = 0;
		ins = 0;
		break;
	case 2:
		pieces[0].length = 0;
		break;
	case 3:
		outs = 0xffffffff;
		break;
	case 4:
		outs = model->num;
		want = -EMSGSIZE;
		break;
	case 5:
		outs = 0;
		ins = 2;
		pieces[0].length = 0xffffffff;
		break;
	case 6:
		pieces[1].length = 0;
		break;
	default:
		outs = 0x80000000;
		ins = 0x80000000;
		break;
	}
	/* Where there is no room for two, that is found first. */
	if (kind == 2 || kind == 5 || kind == 6) {
		want = expected_add(model, 2);
		want = want ? want : -EINVAL;
	}
	if (halted(model))
		want = -EIO;
	err = call_add(model, outs, ins, data);
	if (arena.failed[ARENA_MAP] && err == -ENOMEM)
		want = -ENOMEM;
	oracle_check(err == want, ORACLE_RESULT,
		     "add_buf returned -%llu, the model has -%llu", (u64)-err,
		     (u64)-want);
	model_check(model);
}

/* What kick() must have done with the index and the notification. */
static void check_kick(struct model *model, unsigned int notified)
{
	unsigned int q = model->vq->index;
	const u8 *avail = arena_at(lab.lb.queue[q].setup.avail, 4);
	s64 event = watch_value(CELL_AVAIL_EVENT, q, 0);
	s64 flags = watch_value(CELL_USED_FLAGS, q, 0);
	s64 seen = model->event_idx ? event : flags;
	bool want;

	oracle_check(get_unaligned_le16(avail + 2) == model->avail,
		     ORACLE_PUBLISH, "avail.idx is %llu, %llu were added",
		     get_unaligned_le16(avail + 2), model->avail);
	oracle_check(seen >= 0, ORACLE_NOTIFY,
		     "queue %llu did not ask whether to notify", q, 0);
	if (model->event_idx)
		want = (u16)(model->avail - (u16)event - 1) <
		       (u16)(model->avail - model->published);
	else
		want = !(flags & VRING_USED_F_NO_NOTIFY);
	if (!is_ready()) {
		model->deferred |= want;
		want = false;
	}
	oracle_check(notified == want, ORACLE_NOTIFY,
		     "%llu notifications were sent, %llu wanted", notified,
		     want);
}

void model_kick(struct model *model)
{
	unsigned int before = lab.notified, fails = lab.notify_fails;
	bool work = !halted(model) && model->avail != model->published;

	watch_begin(CALL_KICK);
	model->vq->vq_ops->kick(model->vq);
	watch_end(lab.notified - before);
	if (work) {
		check_kick(model, lab.notified - before);
		model->published = model->avail;
	} else {
		oracle_check(lab.notified == before, ORACLE_NOTIFY,
			     "a kick with nothing new notified queue %llu",
			     model->vq->index, 0);
	}
	if (lab.notify_fails != fails && lab.notified != before)
		model->broken = VIRTIO_BROKEN_NOTIFY;
	model_check(model);
}

/* Take note of used.idx as the core read it: are there used elements? */
static bool used_waiting(struct model *model)
{
	s64 idx = watch_value(CELL_USED_IDX, model->vq->index, 0);

	if (model->cached != model->last)
		return true;
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
static u32 expected_get(struct model *model, u32 *len)
{
	unsigned int q = model->vq->index, pos;
	s64 id, written;
	u32 token;

	if (halted(model) || !used_waiting(model))
		return 0;
	pos = model->last % model->num;
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
	token = token_at(model, (u32)id);
	if (!token) {
		model->broken = VIRTIO_BROKEN_USED_ID_HEAD;
		return 0;
	}
	if (written > tokens[token].in_len) {
		if (model->strict) {
			model->broken = VIRTIO_BROKEN_USED_LEN;
			return 0;
		}
		written = tokens[token].in_len;
	}
	*len = (u32)written;
	return token;
}

static void note_returned(struct model *model, u32 token)
{
	if (token < model->first_token || token > lab.tokens ||
	    !tokens[token].in_flight ||
	    tokens[token].queue != model_index(model)) {
		oracle_fire(ORACLE_TOKEN,
			    "token %llu was returned and is not in flight",
			    token, 0);
		return;
	}
	tokens[token].in_flight = false;
	model->taken -= tokens[token].descs;
}

/* The core wrote to the ring: was it what tells the device to interrupt? */
void model_wrote(const u8 *p)
{
	unsigned int i;

	for (i = 0; i < LAB_QUEUES; i++) {
		struct model *model = &lab.model[i];

		if (p == model->event_word)
			model->event_told = get_unaligned_le16(p);
		else if (p == model->flags_word)
			model->flags_told = get_unaligned_le16(p);
	}
}

/* A NULL re-arms the callback: the device was told where to interrupt. */
static void check_rearmed(const struct model *model)
{
	if (halted(model) || !model->callbacks)
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

void *model_get(struct model *model, u32 *len)
{
	u32 got = 0xdeadbeef, want_len = 0, want;
	void *data;

	watch_begin(CALL_GET_BUF);
	data = model->vq->vq_ops->get_buf(model->vq, &got);
	watch_end((u64)(uintptr_t)data);
	want = expected_get(model, &want_len);
	if (data)
		note_returned(model, (u32)(uintptr_t)data);
	oracle_check((uintptr_t)data == want, ORACLE_RESULT,
		     "get_buf returned token %llu, the model has %llu",
		     (uintptr_t)data, want);
	if (data) {
		model->last++;
		oracle_check(got <= tokens[want].in_len, ORACLE_LENGTH,
			     "length %llu, the buffer has %llu writable", got,
			     tokens[want].in_len);
		oracle_check(got == want_len, ORACLE_RESULT,
			     "length %llu, the model has %llu", got, want_len);
		*len = got;
	} else {
		oracle_check(got == 0xdeadbeef, ORACLE_RESULT,
			     "a length of %llu came with NULL", got, 0);
		check_rearmed(model);
	}
	trace(TRACE_VALUE, got, 0, 0);
	model_check(model);
	return data;
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

	if (!halted(model))
		model->callbacks = true;
	watch_begin(CALL_RESTART);
	ok = model->vq->vq_ops->restart(model->vq);
	watch_end(ok);
	if (!halted(model) && model->cached != model->last) {
		want = false;
	} else if (!halted(model)) {
		idx = watch_value(CELL_USED_IDX, q, 0);
		want = idx == model->last;
		oracle_check(idx >= 0, ORACLE_WAKEUP,
			     "restart did not look at used.idx of queue %llu",
			     q, 0);
	}
	oracle_check(ok == want, ORACLE_RESULT,
		     "restart returned %llu, the model has %llu", ok, want);
	if (ok)
		check_rearmed(model);
	else
		model->callbacks = false;
	model_check(model);
	return ok;
}

void model_shutdown(struct model *model)
{
	unsigned int q = model->vq->index;

	watch_begin(CALL_SHUTDOWN);
	model->vq->vq_ops->shutdown(model->vq);
	watch_end(0);
	model_sync();
	model->stopped = true;
	oracle_check(!lab.lb.queue[q].enabled || lab.regs->gone ||
			     lab.reset_ignored,
		     ORACLE_IN_USE,
		     "the device still serves queue %llu after shutdown", q, 0);
}

unsigned int model_detach(struct model *model)
{
	bool live = lab.lb.queue[model->vq->index].enabled && !lab.regs->gone &&
		    !lab.reset_ignored;
	unsigned int n = 0;
	void *data;

	do {
		watch_begin(CALL_DETACH);
		data = model->vq->vq_ops->detach_buf(model->vq);
		watch_end((u64)(uintptr_t)data);
		if (!data)
			break;
		n++;
		oracle_check(!live, ORACLE_IN_USE,
			     "token %llu was given back while the device may "
			     "use it",
			     (uintptr_t)data, 0);
		note_returned(model, (u32)(uintptr_t)data);
		model_check(model);
	} while (!finding.fired);
	return n;
}

void model_reset_queue(struct model *model)
{
	int err;

	watch_begin(CALL_RESET_QUEUE);
	err = model->vq->vq_ops->reset(model->vq);
	watch_end((u64)(s64)err);
	if (err)
		return;
	oracle_check(model->stopped && !model->taken, ORACLE_RESULT,
		     "a queue with %llu descriptors in flight was reset",
		     model->taken, 0);
	model_start(model, model->vq);
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
	bool want, waiting = false;
	u16 last = 0;
	s64 idx;

	want = model && !halted(model) && is_ready() && model->callbacks &&
	       model->vq->callback;
	if (want) {
		waiting = model->cached != model->last;
		last = model->last;
	}
	watch_begin(CALL_INTERRUPT);
	virtqueue_interrupt(&lab.lb.vdev, queue);
	watch_end(lab.callbacks - before);
	if (!model || !model->vq)
		return;
	if (want && !waiting) {
		idx = watch_value(CELL_USED_IDX, queue, 0);
		want = idx >= 0 && idx != last;
	}
	oracle_check(lab.callbacks - before == want, ORACLE_CALLBACK,
		     "an interrupt made %llu callbacks, %llu wanted",
		     lab.callbacks - before, want);
	if (lab.callbacks_stopped != stops && !halted(model))
		model->callbacks = false;
	model_check(model);
}

/* After calls that act on the whole device: what became of each queue. */
void model_sync(void)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	unsigned int i;

	for (i = 0; i < LAB_QUEUES; i++) {
		struct model *model = &lab.model[i];

		if (!model->vq)
			continue;
		/* A device that went is noticed sooner or later: both hold. */
		if (lab.regs->gone)
			model->stopped = to_vring(model->vq)->halted;
		else if (!lab.lb.queue[model->vq->index].enabled)
			model->stopped = true;
		if (!model->broken && virtio_device_broken(vdev))
			model->broken = (u8)virtqueue_broken(model->vq);
		if (!is_ready() || !model->deferred)
			continue;
		/* The notification that had to wait may have failed. */
		model->deferred = false;
		if (!model->broken && lab.notify_failed)
			model->broken = (u8)virtqueue_broken(model->vq);
	}
}
