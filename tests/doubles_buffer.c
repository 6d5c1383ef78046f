// SPDX-License-Identifier: GPL-2.0-or-later
/* Doubles that do not give back what was posted. */
#include <vlab/virtio_blk.h>

#include "block.h"
#include "doubles.h"

static void *last_token;

/* Where nothing is left, what came last comes again. */
static void *get_returns_twice(struct virtqueue *vq, unsigned int *len)
{
	void *token = vring_split_ops.get_buf(vq, len);

	if (token)
		last_token = token;
	return last_token;
}

static void install_get_returns_twice(void)
{
	last_token = NULL;
	double_queue()->get_buf = get_returns_twice;
}

/* The first token again, while others are in flight. */
static void *get_returns_first_twice(struct virtqueue *vq, unsigned int *len)
{
	if (!last_token)
		return last_token = vring_split_ops.get_buf(vq, len);
	*len = 0;
	return last_token;
}

static void install_get_returns_first_twice(void)
{
	last_token = NULL;
	double_queue()->get_buf = get_returns_first_twice;
}

static void *get_invents(struct virtqueue *vq, unsigned int *len)
{
	vring_split_ops.get_buf(vq, len);
	return (void *)(uintptr_t)77;
}

static void install_get_invents(void)
{
	double_queue()->get_buf = get_invents;
}

static void *detach_keeps(struct virtqueue *vq)
{
	(void)vq;
	return NULL;
}

void install_detach_keeps(void)
{
	double_queue()->detach_buf = detach_keeps;
}

static void *get_over_reports(struct virtqueue *vq, unsigned int *len)
{
	void *token = vring_split_ops.get_buf(vq, len);

	if (token)
		*len += 1;
	return token;
}

static void install_get_over_reports(void)
{
	double_queue()->get_buf = get_over_reports;
}

static void *get_counts_clamp(struct virtqueue *vq, unsigned int *len)
{
	to_vring(vq)->clamped++;
	return vring_split_ops.get_buf(vq, len);
}

static void install_get_counts_clamp(void)
{
	double_queue()->get_buf = get_counts_clamp;
}

static void *get_loses_descriptor(struct virtqueue *vq, unsigned int *len)
{
	void *token = vring_split_ops.get_buf(vq, len);

	if (token)
		to_vring(vq)->state.ready--;
	return token;
}

static void install_get_loses_descriptor(void)
{
	double_queue()->get_buf = get_loses_descriptor;
}

static int add_says_full(struct virtqueue *vq, struct scatterlist sg[],
			 unsigned int out_num, unsigned int in_num, void *data)
{
	(void)vq;
	(void)sg;
	(void)out_num;
	(void)in_num;
	(void)data;
	return -ENOSPC;
}

static void install_add_says_full(void)
{
	double_queue()->add_buf = add_says_full;
}

static int add_refuses_nothing(struct virtqueue *vq, struct scatterlist sg[],
			       unsigned int out_num, unsigned int in_num,
			       void *data)
{
	vring_split_ops.add_buf(vq, sg, out_num, in_num, data);
	return 0;
}

static void install_add_refuses_nothing(void)
{
	double_queue()->add_buf = add_refuses_nothing;
}

static void *get_is_blind(struct virtqueue *vq, unsigned int *len)
{
	(void)vq;
	(void)len;
	return NULL;
}

void install_get_is_blind(void)
{
	double_queue()->get_buf = get_is_blind;
}

static void *get_ignores_element(struct virtqueue *vq, unsigned int *len)
{
	(void)len;
	(void)shared_read16(&to_vring(vq)->used->idx);
	return NULL;
}

static void install_get_ignores_element(void)
{
	double_queue()->get_buf = get_ignores_element;
}

/* Two buffers are in flight, tokens 1 and 2: their roles are exchanged. */
static void *get_confuses(struct virtqueue *vq, unsigned int *len)
{
	uintptr_t token = (uintptr_t)vring_split_ops.get_buf(vq, len);

	return (void *)(token ? 3 - token : 0);
}

static void install_get_confuses(void)
{
	double_queue()->get_buf = get_confuses;
}

static void *get_under_reports(struct virtqueue *vq, unsigned int *len)
{
	void *token = vring_split_ops.get_buf(vq, len);

	if (token)
		*len -= 1;
	return token;
}

static void install_get_under_reports(void)
{
	double_queue()->get_buf = get_under_reports;
}

static void *get_writes_anyway(struct virtqueue *vq, unsigned int *len)
{
	void *token = vring_split_ops.get_buf(vq, len);

	if (!token)
		*len = 0;
	return token;
}

static void install_get_writes_anyway(void)
{
	double_queue()->get_buf = get_writes_anyway;
}

static void *get_breaks_otherwise(struct virtqueue *vq, unsigned int *len)
{
	void *token = vring_split_ops.get_buf(vq, len);

	if (to_vring(vq)->broken)
		to_vring(vq)->broken = VIRTIO_BROKEN_NOTIFY;
	return token;
}

static void install_get_breaks_otherwise(void)
{
	double_queue()->get_buf = get_breaks_otherwise;
}

static bool restart_sends_round(struct virtqueue *vq)
{
	vring_split_ops.restart(vq);
	return false;
}

static void install_restart_sends_round(void)
{
	double_queue()->restart = restart_sends_round;
}

static int reset_does_not_mind(struct virtqueue *vq)
{
	vring_split_ops.reset(vq);
	return 0;
}

static void install_reset_does_not_mind(void)
{
	double_queue()->reset = reset_does_not_mind;
}

static int add_swaps(struct virtqueue *vq, struct scatterlist sg[],
		     unsigned int out_num, unsigned int in_num, void *data)
{
	return vring_split_ops.add_buf(vq, sg, in_num + 1, out_num - 1, data);
}

static void install_add_swaps(void)
{
	double_queue()->add_buf = add_swaps;
}

static int add_shortens(struct virtqueue *vq, struct scatterlist sg[],
			unsigned int out_num, unsigned int in_num, void *data)
{
	int err = vring_split_ops.add_buf(vq, sg, out_num, in_num, data);

	shared_write32(&to_vring(vq)->desc[0].len, 1);
	return err;
}

static void install_add_shortens(void)
{
	double_queue()->add_buf = add_shortens;
}

static int add_offers_another(struct virtqueue *vq, struct scatterlist sg[],
			      unsigned int out_num, unsigned int in_num,
			      void *data)
{
	int err = vring_split_ops.add_buf(vq, sg, out_num, in_num, data);

	shared_write16(&to_vring(vq)->avail->ring[0], 3);
	return err;
}

static void install_add_offers_another(void)
{
	double_queue()->add_buf = add_offers_another;
}

static int add_ends_table_early(struct virtqueue *vq, struct scatterlist sg[],
				unsigned int out_num, unsigned int in_num,
				void *data)
{
	int err = vring_split_ops.add_buf(vq, sg, out_num, in_num, data);

	shared_write16(&to_vring(vq)->table[0].flags, 0);
	return err;
}

static void install_add_ends_table_early(void)
{
	double_queue()->add_buf = add_ends_table_early;
}

/* What the driver found out about the disk when it was bound. */
static void install_any_block_size(void)
{
	to_blk(&lab.lb.vdev)->limits.block_size = 513;
}

static void install_endless_disk(void)
{
	to_blk(&lab.lb.vdev)->queue[0]->capacity = ~0ULL;
}

/* A queue that is unbound with a buffer in flight. */
static void work_leave(void)
{
	model_add(first_queue(), 0, 1, 0, 32);
	model_kick(first_queue());
	lab_unbind();
}

static void work_two(void)
{
	u32 len;

	model_add(first_queue(), 0, 1, 0, 32);
	model_add(first_queue(), 0, 1, 0, 32);
	model_kick(first_queue());
	honest_serve(0, 2, 0, 0);
	model_get(first_queue(), &len);
	model_get(first_queue(), &len);
}

static void work_forged_id(void)
{
	const struct step forged = { .op = OP_DEVICE_USED, .b = 100, .c = 8 };
	u32 len;

	model_add(first_queue(), 0, 1, 0, 32);
	model_kick(first_queue());
	lab_step_device(&forged);
	model_get(first_queue(), &len);
}

static void work_bad_add(void)
{
	unsigned int kind;

	for (kind = 0; kind < 8; kind++)
		model_add_bad(first_queue(), kind);
}

static void work_restart_idle(void)
{
	model_restart(first_queue());
}

static void work_reset_in_flight(void)
{
	model_add(first_queue(), 0, 1, 0, 32);
	model_kick(first_queue());
	model_shutdown(first_queue());
	model_reset_queue(first_queue());
}

static void block_step(enum op op, u32 sector)
{
	const struct step step = { .op = (u8)op, .c = sector };

	lab_step_session(&step);
}

static void work_block_limits(void)
{
	block_step(OP_BLOCK_LIMITS, 0);
}

static void work_block_past_the_end(void)
{
	block_step(OP_BLOCK_READ, 1000);
}

/* Several are in flight, so that even one finished twice has a place. */
static void work_block_reads(void)
{
	block_step(OP_BLOCK_READ, 0);
	block_step(OP_BLOCK_READ, 0);
	block_step(OP_BLOCK_READ, 0);
	block_step(OP_BLOCK_KICK, 0);
	honest_serve(0, 1, 0, 0);
	block_step(OP_BLOCK_POLL, 0);
}

/* clang-format off */
#define RING(oracle_, name_, says_, double_, work_)                       \
	{                                                                 \
		.name = (name_), .oracle = (oracle_), .says = (says_),    \
		.flags = WITH_RESET, .install_bound = install_##double_, \
		.work = (work_),                                          \
	}
/* clang-format on */

const struct double_case buffer_doubles[] = {
	RING(ORACLE_TOKEN, "get_buf returns a token twice",
	     "token %llu was returned", get_returns_twice, work_one),
	RING(ORACLE_TOKEN, "get_buf invents a token", "token %llu was returned",
	     get_invents, work_one),
	RING(ORACLE_TOKEN, "detach_buf keeps a token",
	     "%llu descriptors are in flight", detach_keeps, work_leave),
	{
		.name = "a block request finishes twice",
		.oracle = ORACLE_TOKEN,
		.says = "request %llu finished twice",
		.device = LAB_BLOCK,
		.install_bound = install_get_returns_first_twice,
		.work = work_block_reads,
	},
	RING(ORACLE_LENGTH, "get_buf returns more than was writable",
	     "length %llu, the buffer has", get_over_reports, work_one),
	RING(ORACLE_FREE_COUNT, "get_buf loses a descriptor",
	     "%llu descriptors in flight", get_loses_descriptor, work_one),
	RING(ORACLE_RESULT, "add_buf says that the ring is full",
	     "add_buf returned", add_says_full, work_one),
	RING(ORACLE_RESULT, "add_buf says yes to nonsense", "add_buf returned",
	     add_refuses_nothing, work_bad_add),
	RING(ORACLE_RESULT, "get_buf does not look", "used.idx of queue",
	     get_is_blind, work_one),
	RING(ORACLE_RESULT, "get_buf does not take what is there",
	     "used element %llu", get_ignores_element, work_one),
	RING(ORACLE_RESULT, "get_buf returns another buffer",
	     "get_buf returned token", get_confuses, work_two),
	RING(ORACLE_RESULT, "get_buf returns less than was written",
	     "length %llu, the model", get_under_reports, work_one),
	RING(ORACLE_RESULT, "get_buf returns a length with NULL",
	     "a length of %llu", get_writes_anyway, work_one),
	RING(ORACLE_RESULT, "get_buf breaks the queue for another reason",
	     "broken reason", get_breaks_otherwise, work_forged_id),
	RING(ORACLE_RESULT, "get_buf counts a length that was right",
	     "%llu lengths were clamped", get_counts_clamp, work_one),
	RING(ORACLE_RESULT, "restart sends the driver round for nothing",
	     "restart returned", restart_sends_round, work_restart_idle),
	RING(ORACLE_RESULT, "reset of a queue with buffers in flight",
	     "reset of a queue returned", reset_does_not_mind,
	     work_reset_in_flight),
	{
		.name = "the block size is no power of two",
		.oracle = ORACLE_RESULT,
		.says = "a limit of the disk",
		.device = LAB_BLOCK,
		.install_bound = install_any_block_size,
		.work = work_block_limits,
	},
	{
		.name = "a sector past the end of the disk is read",
		.oracle = ORACLE_RESULT,
		.says = "virtio_blk_submit returned",
		.device = LAB_BLOCK,
		.install_bound = install_endless_disk,
		.work = work_block_past_the_end,
	},
	RING(ORACLE_CHAIN, "add_buf lets the device write what it may read",
	     "the avail entry", add_swaps, work_one),
	RING(ORACLE_CHAIN, "add_buf posts another length", "the avail entry",
	     add_shortens, work_one),
	RING(ORACLE_CHAIN, "add_buf offers another descriptor",
	     "the avail entry", add_offers_another, work_one),
	{
		.name = "add_buf ends an indirect table early",
		.oracle = ORACLE_CHAIN,
		.says = "the avail entry",
		.flags = WITH_INDIRECT,
		.install_bound = install_add_ends_table_early,
		.work = work_one,
	},
	{ .name = NULL },
};
