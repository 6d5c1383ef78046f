// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A queue as the specification has it, and every call into the core held
 * against it. The model uses what the core read from shared memory (the watch
 * tells it), so the two agree on every hostile value, or one of them is wrong.
 *
 * Here: the life of a queue. model_add.c and model_get.c: its buffers.
 */
#include "arena.h"
#include "bytes.h"
#include "model.h"
#include "virtio_core.h"
#include "vring.h"
#include "watch.h"

struct token model_tokens[LAB_TOKENS_MAX + 1];
u16 model_head_token[LAB_QUEUES][VRING_NUM_MAX];

u32 model_token_at(const struct model *model, u32 id)
{
	u32 token;

	if (id >= model->num)
		return 0;
	token = model_head_token[model_index(model)][id];
	if (token < model->first_token || token > lab.tokens ||
	    !model_tokens[token].in_flight ||
	    model_tokens[token].queue != model_index(model) ||
	    model_tokens[token].head != id)
		return 0;
	return token;
}

/* What only a look into the core shows. */
void model_check(struct model *model)
{
	const struct vring *vring = to_vring(model->vq);

	oracle_check(vring_taken(vring) == model->taken, ORACLE_FREE_COUNT,
		     "%llu descriptors in flight, the model has %llu",
		     vring_taken(vring), model->taken);
	oracle_check(vring->broken == model->broken, ORACLE_RESULT,
		     "broken reason %llu, the model has %llu", vring->broken,
		     model->broken);
	oracle_check(vring->clamped == model->clamped, ORACLE_RESULT,
		     "%llu lengths were clamped, the model has %llu",
		     vring->clamped, model->clamped);
}

bool model_ring_is_empty(const struct virtio_vq_setup *setup)
{
	const u8 *avail = arena_at(setup->avail, 4);
	const u8 *used = arena_at(setup->used, 4);

	return avail && used && !get_unaligned_le16(avail + 2) &&
	       !get_unaligned_le32(used);
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
	const u8 *avail =
		arena_at(q->setup.avail, vring_avail_size(model->num));
	const u8 *used = arena_at(q->setup.used, vring_used_size(model->num));
	u16 flags = model->callbacks || model->event_idx ? 0 : 1;

	oracle_check(bytes_same(&vring->state, &fresh,
				offsetof(struct vring_state, notify_pending)),
		     ORACLE_FRESH, "the private state of queue %llu differs",
		     model->vq->index, 0);
	/* A device may go at the last moment of its binding. */
	oracle_check((!vring->halted && !vring->broken && !vring->quiesced) ||
			     lab.regs->gone,
		     ORACLE_FRESH, "queue %llu does not run", model->vq->index,
		     0);
	oracle_check(model_ring_is_empty(&q->setup), ORACLE_FRESH,
		     "queue %llu starts at other indices", model->vq->index, 0);
	if (!avail || !used)
		return;
	oracle_check(get_unaligned_le16(avail) == flags &&
			     get_unaligned_le16(avail + 4 + 2 * model->num) ==
				     fresh.event &&
			     !get_unaligned_le16(used + 4 + 8 * model->num),
		     ORACLE_FRESH, "queue %llu starts with other wishes",
		     model->vq->index, 0);
}

void model_start(struct model *model, struct virtqueue *vq)
{
	const struct vring *vring = to_vring(vq);
	const struct virtio_vq_setup *setup = &lab.lb.queue[vq->index].setup;
	u64 features = config_model_features();
	bool again = model->vq == vq;
	bool strict = model->strict && again;
	u32 clamped = again ? model->clamped : 0;

	bytes_fill(model, 0, sizeof(*model));
	if (lab.models <= model_index(model))
		lab.models = model_index(model) + 1;
	model->vq = vq;
	model->num = vq->num;
	model->strict = strict;
	model->clamped = clamped;
	model->indirect_max = virtqueue_indirect_max(vq);
	oracle_check(features >> VIRTIO_RING_F_INDIRECT_DESC & 1
			     ? model->indirect_max || vq->num > 8192
			     : !model->indirect_max,
		     ORACLE_FEATURES,
		     "queue %llu has indirect tables of %llu, not as agreed",
		     vq->index, model->indirect_max);
	model->event_idx = features >> VIRTIO_RING_F_EVENT_IDX & 1;
	model->callbacks = vq->callback != NULL;
	model->first_token = lab.tokens + 1;
	model->flags_word = arena_at(setup->avail, 2);
	model->event_word = arena_at(setup->avail + 4 + 2ULL * vq->num, 2);
	model->event_told = model->callbacks || !model->event_idx ? 0 : 0xffff;
	model->flags_told = model->callbacks || model->event_idx ? 0 : 1;
	check_fresh(model);
	oracle_check(vring->event_idx == model->event_idx, ORACLE_FEATURES,
		     "the event index of queue %llu is not as agreed",
		     vq->index, 0);
	loopback_ring_init(&lab.ring[vq->index], &lab.lb.queue[vq->index], 0);
	lab.ring[vq->index].at = arena_ring_at;
	lab.ring[vq->index].features =
		(model->event_idx ? 1ULL << VIRTIO_RING_F_EVENT_IDX : 0) |
		(model->indirect_max ? 1ULL << VIRTIO_RING_F_INDIRECT_DESC : 0);
}

void model_note_returned(struct model *model, u32 token)
{
	if (token < model->first_token || token > lab.tokens ||
	    !model_tokens[token].in_flight ||
	    model_tokens[token].queue != model_index(model)) {
		oracle_fire(ORACLE_TOKEN,
			    "token %llu was returned and is not in flight",
			    token, 0);
		return;
	}
	model_tokens[token].in_flight = false;
	model->taken -= model_tokens[token].descs;
}

/* The core wrote to the ring: was it what tells the device to interrupt? */
void model_wrote(const u8 *p)
{
	struct model *model;

	for (model = lab.model; model < lab.model + lab.models; model++) {

		if (p == model->event_word)
			model->event_told = get_unaligned_le16(p);
		else if (p == model->flags_word)
			model->flags_told = get_unaligned_le16(p);
	}
}

void model_shutdown(struct model *model)
{
	unsigned int q = model->vq->index;

	watch_begin(CALL_SHUTDOWN);
	model->vq->vq_ops->shutdown(model->vq);
	watch_end(0);
	model_sync();
	model->stopped = true;
	oracle_check(!lab.lb.queue[q].enabled || lab.regs->gone, ORACLE_IN_USE,
		     "the device still serves queue %llu after shutdown", q, 0);
}

unsigned int model_detach(struct model *model)
{
	bool live = lab.lb.queue[model->vq->index].enabled && !lab.regs->gone;
	u64 copied = arena.copied;
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
		oracle_check(arena.copied == copied, ORACLE_MAPPING,
			     "%llu bytes of a buffer that was never used were "
			     "copied back",
			     arena.copied - copied, 0);
		model_note_returned(model, (u32)(uintptr_t)data);
		model_check(model);
	} while (!finding.fired);
	return n;
}

void model_reset_queue(struct model *model)
{
	struct virtio_device *vdev = model->vq->vdev;
	unsigned int fails = lab.setup_fails;
	bool broken = virtio_device_broken(vdev);
	bool quiet = to_vring(model->vq)->quiesced;
	int err, want = 0;

	watch_begin(CALL_RESET_QUEUE);
	err = model->vq->vq_ops->reset(model->vq);
	watch_end((u64)(s64)err);
	if (!quiet || model->taken)
		want = -EBUSY;
	else if (broken)
		want = -EIO;
	else if (!(lab.status & VIRTIO_CONFIG_S_FEATURES_OK) ||
		 !virtio_has_feature(vdev, VIRTIO_F_RING_RESET))
		want = -EOPNOTSUPP;
	else if (lab.setup_fails != fails)
		want = -EIO;
	oracle_check(err == want, ORACLE_RESULT,
		     "reset of a queue returned -%llu, the model has -%llu",
		     (u64)-err, (u64)-want);
	if (!err)
		model_start(model, model->vq);
}

/* A driver is bound when its probe said so and the device was told. */
void model_bound(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;

	oracle_check(!core || !core->ready || !lab.probe_result, ORACLE_STATUS,
		     "a driver was bound whose probe returned %llu",
		     (u64)(s64)lab.probe_result, 0);
	oracle_check(!core || !core->ready ||
			     lab.status & VIRTIO_CONFIG_S_DRIVER_OK,
		     ORACLE_STATUS, "a driver was bound at status %llu",
		     lab.status, 0);
	oracle_check(!core || !core->ready || core->broken ||
			     lab.changes >= lab.changes_wanted,
		     ORACLE_CALLBACK,
		     "a change before DRIVER_OK was not told after it: %llu "
		     "of %llu were",
		     lab.changes, lab.changes_wanted);
	oracle_check(!core || core->ready || !lab.tried || lab.regs->gone ||
			     lab.status == (VIRTIO_CONFIG_S_ACKNOWLEDGE |
					    VIRTIO_CONFIG_S_FAILED),
		     ORACLE_STATUS, "a driver that failed left status %llu",
		     lab.status, 0);
}

bool model_device_broken(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;

	return core && core->broken;
}

/* Of a queue with which something is the matter. */
static noinline void sync_queue(struct model *model, bool gone, u8 reason)
{
	/* A device that went is noticed sooner or later: both hold. */
	if (gone)
		model->stopped = to_vring(model->vq)->halted;
	else if (!lab.lb.queue[model->vq->index].enabled)
		model->stopped = true;
	if (!model->broken && reason)
		model->broken = (u8)virtqueue_broken(model->vq);
	if (!model_is_ready() || !model->deferred || model_halted(model))
		return;
	model->deferred = false;
	oracle_check(lab.queue_notified[model->vq->index] != model->deferred_at,
		     ORACLE_NOTIFY,
		     "queue %llu was kicked before DRIVER_OK and never "
		     "notified",
		     model->vq->index, 0);
	/* The notification that had to wait may have failed. */
	if (!model->broken && lab.notify_failed)
		model->broken = (u8)virtqueue_broken(model->vq);
}

/* After calls that act on the whole device: what became of each queue. */
void model_sync(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;
	bool gone = lab.regs->gone || lab.went;
	u8 reason = core ? core->broken : VIRTIO_NOT_BROKEN;
	struct model *model;

	/* The first reason stays, until a driver is bound anew. */
	if (unlikely(reason))
		oracle_check(!lab.broken || reason == lab.broken, ORACLE_RESULT,
			     "the device is broken for reason %llu, it was "
			     "%llu",
			     reason, lab.broken);
	else if (unlikely(lab.mismatch))
		oracle_check(!lab.added, ORACLE_STATUS,
			     "the device showed another status than %llu, and "
			     "nothing came of it",
			     lab.status, 0);
	lab.broken = reason;

	for (model = lab.model; model < lab.model + lab.models; model++)
		if (model->vq && (gone || reason || model->deferred ||
				  !lab.lb.queue[model->vq->index].enabled))
			sync_queue(model, gone, reason);
}
