// SPDX-License-Identifier: GPL-2.0-or-later
/* The model of a queue: buffers on their way to the device. */
#include "arena.h"
#include "model.h"
#include "watch.h"

#define PIECES_MAX (VRING_NUM_MAX + 1)

static struct scatterlist pieces[PIECES_MAX];
static const struct scatterlist *posted; /* the pieces to look for */

/* Where the device finds a piece: DMA memory is as it is, the rest is mapped.
 */
static u64 device_address(const struct scatterlist *piece, u32 *map)
{
	s64 offset = arena_dma_offset(piece->addr);

	if (offset >= 0)
		return ARENA_DMA_BASE + (u64)offset;
	return ARENA_MAP_BASE + ((u64)(*map)++ << 32);
}

/* One descriptor against one posted piece. */
static bool piece_as_posted(const u8 *desc, u32 *map, unsigned int i,
			    unsigned int outs, unsigned int total)
{
	u16 flags = (i >= outs ? VRING_DESC_F_WRITE : 0) |
		    (i + 1 < total ? VRING_DESC_F_NEXT : 0);
	u64 addr = device_address(&posted[i], map);

	return get_unaligned_le64(desc) == addr &&
	       get_unaligned_le32(desc + 8) == posted[i].length &&
	       get_unaligned_le16(desc + 12) == flags &&
	       arena_at(addr, 1) == posted[i].addr;
}

/* Walk what was just posted as the device will; the head, or -1. */
static s64 walk_chain(const struct model *model, u32 map, unsigned int outs,
		      unsigned int total, bool indirect)
{
	const struct virtio_vq_setup *setup =
		&lab.lb.queue[model->vq->index].setup;
	const u8 *avail = arena_at(setup->avail, 4);
	const u8 *table = arena_at(setup->desc, 16ULL * model->num);
	u32 head = get_unaligned_le16(avail + 4 +
				      2 * (model->avail & (model->num - 1)));
	u32 id = head, limit = model->num;
	unsigned int i;

	if (head >= model->num || model_token_at(model, head))
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
		    !piece_as_posted(table + 16 * id, &map, i, outs, total))
			return -1;
		id = get_unaligned_le16(table + 16 * id + 14);
	}
	return head;
}

void model_note_posted(struct model *model, const struct scatterlist *sg,
		       u32 map, unsigned int outs, unsigned int total,
		       u32 in_len)
{
	bool indirect = total > 1 && total <= model->indirect_max;
	struct token *token;
	s64 head;

	posted = sg;
	head = walk_chain(model, map, outs, total, indirect);
	token = &model_tokens[++lab.tokens];

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
	model_head_token[model_index(model)][head] = (u16)lab.tokens;
	model->taken += token->descs;
	model->avail++;
}

int model_expect_add(const struct model *model, unsigned int total)
{
	bool indirect = total > 1 && total <= model->indirect_max;

	if (model_halted(model))
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
	const u8 *avail =
		arena_at(lab.lb.queue[model->vq->index].setup.avail, 4);
	u16 before = avail ? get_unaligned_le16(avail + 2) : 0;
	int err;

	arena.failed[ARENA_MAP] = false;
	watch_begin(CALL_ADD_BUF);
	err = model->vq->vq_ops->add_buf(model->vq, pieces, outs, ins, data);
	watch_end((u64)(s64)err);
	oracle_check(!avail || get_unaligned_le16(avail + 2) == before,
		     ORACLE_PUBLISH,
		     "avail.idx moved on from %llu before a kick", before, 0);
	return err;
}

/* All pieces together are less than 4 GiB. */
static bool fits(unsigned int outs, u32 out_len, unsigned int ins, u32 in_len)
{
	return (u64)outs * out_len + (u64)ins * in_len <= 0xffffffff;
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
	u32 map = arena.maps;
	int err, want;

	if (total > PIECES_MAX || lab.tokens >= tokens_limit())
		return -EINVAL;
	for (i = 0; i < total; i++)
		sg_set_buf(&pieces[i], arena_payload + i % 64 * 64,
			   i < outs ? out_len : in_len);
	want = model_expect_add(model, total);
	if (!want && (!fits(outs, out_len, ins, in_len) || (outs && !out_len) ||
		      (ins && !in_len)))
		want = -EINVAL;
	err = call_add(model, outs, ins, (void *)(uintptr_t)(lab.tokens + 1));
	if (arena.failed[ARENA_MAP] && (!want || want == -EINVAL))
		want = err == -EINVAL ? -EINVAL : -ENOMEM;
	oracle_check(err == want, ORACLE_RESULT,
		     "add_buf returned -%llu, the model has -%llu", (u64)-err,
		     (u64)-want);
	if (!err)
		model_note_posted(model, pieces, map, outs, total,
				  ins * in_len);
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
		/* In 32 bits, one piece. */
		outs = 0xffffffff;
		ins = 2;
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
		want = model_expect_add(model, 2);
		want = want ? want : -EINVAL;
	}
	if (model_halted(model))
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
	if (!model_is_ready()) {
		if (want && !model->deferred)
			model->deferred_at = lab.queue_notified[q];
		model->deferred |= want;
		want = false;
	}
	/* The bus may know of a device that went before its queue does. */
	if (want && !lab.lb.queue[q].enabled) {
		model->broken = VIRTIO_BROKEN_NOTIFY;
		want = false;
	}
	oracle_check(notified == want, ORACLE_NOTIFY,
		     "%llu notifications were sent, %llu wanted", notified,
		     want);
}

void model_kicked(struct model *model, bool work, unsigned int notified,
		  bool failed)
{
	if (work) {
		check_kick(model, notified);
		model->published = model->avail;
	} else {
		oracle_check(!notified, ORACLE_NOTIFY,
			     "a kick with nothing new notified queue %llu",
			     model->vq->index, 0);
	}
	if (failed && notified)
		model->broken = VIRTIO_BROKEN_NOTIFY;
	model_check(model);
}

bool model_has_work(const struct model *model)
{
	return !model_halted(model) && model->avail != model->published;
}

void model_kick(struct model *model)
{
	unsigned int before = lab.notified, fails = lab.notify_fails;
	bool work = model_has_work(model);

	watch_begin(CALL_KICK);
	model->vq->vq_ops->kick(model->vq);
	watch_end(lab.notified - before);
	model_kicked(model, work, lab.notified - before,
		     lab.notify_fails != fails);
}
