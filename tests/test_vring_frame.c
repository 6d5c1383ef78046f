// SPDX-License-Identifier: GPL-2.0-or-later
/* Buffers between pieces whose addresses the device has (add_framed). */
#include "harness.h"

#define PIECES 3
#define LEAD 0x1000
#define TAIL 0x2000

/* No such memory: only the addresses are looked at. */
static const struct virtqueue_frame one_lead = {
	.lead = LEAD,
	.lead_len = 16,
	.tail = TAIL,
	.tail_len = 1,
};
static const struct virtqueue_frame two_leads = {
	.lead = LEAD,
	.lead_len = 16,
	.more_len = 8,
	.tail = TAIL,
	.tail_len = 2,
};

static struct scatterlist pieces[PIECES];

static int add_framed(struct virtqueue *vq, const struct virtqueue_frame *frame,
		      unsigned int num, bool write, void *data)
{
	unsigned int i;

	for (i = 0; i < PIECES; i++)
		sg_set_buf(&pieces[i], piece_memory() + i, 4 + i);
	return vq->vq_ops->add_framed(vq, frame, pieces, num, write, data);
}

static u16 posted(struct rig *rig)
{
	return le16_to_cpu(device_avail(rig, 0)->idx);
}

static u16 head_of(struct rig *rig, u16 nth)
{
	return le16_to_cpu(device_avail(rig, 0)->ring[nth % rig->vq[0]->num]);
}

/* One descriptor: @flags but for NEXT. Returns whether another one follows. */
static bool is_desc(const struct vring_desc *desc, u64 addr, u32 len, u16 flags)
{
	u16 found = le16_to_cpu(desc->flags);

	assert_int_equal(le64_to_cpu(desc->addr), addr);
	assert_int_equal(le32_to_cpu(desc->len), len);
	assert_int_equal(found & ~VRING_DESC_F_NEXT, flags);
	return found & VRING_DESC_F_NEXT;
}

/* The chain at @head is the frame with @num pieces in it, and nothing else. */
static void is_framed(const struct vring_desc *table, u16 head,
		      const struct virtqueue_frame *frame, unsigned int num,
		      bool write)
{
	const struct vring_desc *desc = &table[head];
	unsigned int i;

	assert_true(is_desc(desc, LEAD, frame->lead_len, 0));
	desc = &table[le16_to_cpu(desc->next)];
	if (frame->more_len) {
		assert_true(is_desc(desc, LEAD + frame->lead_len,
				    frame->more_len, 0));
		desc = &table[le16_to_cpu(desc->next)];
	}
	for (i = 0; i < num; i++) {
		assert_true(is_desc(desc, (uintptr_t)pieces[i].addr,
				    pieces[i].length,
				    write ? VRING_DESC_F_WRITE : 0));
		desc = &table[le16_to_cpu(desc->next)];
	}
	assert_false(is_desc(desc, TAIL, frame->tail_len, VRING_DESC_F_WRITE));
}

static void posts(struct rig *rig, const struct virtqueue_frame *frame,
		  unsigned int num, bool write)
{
	const struct vring_desc *ring = device_desc(rig, 0);
	struct virtqueue *vq = rig->vq[0];
	unsigned int total = (frame->more_len ? 2 : 1) + num + 1;
	unsigned int sum, i, len;
	u16 head;

	sum = frame->tail_len;
	for (i = 0; i < num && write; i++)
		sum += 4 + i;
	assert_int_equal(add_framed(vq, frame, num, write, token(num)), 0);
	kick(vq);
	head = head_of(rig, (u16)(posted(rig) - 1));
	if (virtqueue_indirect_max(vq)) {
		assert_int_equal(le16_to_cpu(ring[head].flags),
				 VRING_DESC_F_INDIRECT);
		assert_int_equal(le32_to_cpu(ring[head].len), 16 * total);
		is_framed((void *)(uintptr_t)le64_to_cpu(ring[head].addr), 0,
			  frame, num, write);
	} else {
		is_framed(ring, head, frame, num, write);
	}
	/* All that is writable may be reported, and no more. */
	device_use(rig, 0, head, 0xffff);
	assert_ptr_equal(vq->vq_ops->get_buf(vq, &len), token(num));
	assert_int_equal(len, sum);
}

static void every_shape(u64 features)
{
	struct rig *rig = rig_ring(8, features);
	unsigned int num, round;

	for (round = 0; round < 5; round++)
		for (num = 0; num <= PIECES; num++) {
			posts(rig, &one_lead, num, false);
			posts(rig, &one_lead, num, true);
			posts(rig, &two_leads, num, false);
			posts(rig, &two_leads, num, true);
		}
	rig_end(rig);
}

static void a_framed_buffer_lies_in_the_ring(void **state)
{
	(void)state;
	every_shape(0);
}

static void a_framed_buffer_lies_in_a_table(void **state)
{
	(void)state;
	every_shape(INDIRECT);
}

static void refuses(struct virtqueue *vq)
{
	struct virtqueue_frame frame = one_lead;
	unsigned int i;

	assert_int_equal(add_framed(vq, &one_lead, 1, false, NULL), -EINVAL);
	frame.lead_len = 0;
	assert_int_equal(add_framed(vq, &frame, 1, false, token(1)), -EINVAL);
	frame = one_lead;
	frame.tail_len = 0;
	assert_int_equal(add_framed(vq, &frame, 1, false, token(1)), -EINVAL);
	/* 4 pieces are all that the ring holds: with the frame, 2. */
	assert_int_equal(add_framed(vq, &one_lead, 3, false, token(1)),
			 -EMSGSIZE);
	assert_int_equal(add_framed(vq, &two_leads, 2, false, token(1)),
			 -EMSGSIZE);
	assert_int_equal(add_framed(vq, &one_lead, ~0U, false, token(1)),
			 -EMSGSIZE);
	for (i = 0; i < 2; i++)
		sg_set_buf(&pieces[i], piece_memory(), i ? 0 : 4);
	assert_int_equal(vq->vq_ops->add_framed(vq, &one_lead, pieces, 2, true,
						token(1)),
			 -EINVAL);
	/* A chain of 4 GiB, and one with the last byte that fits. */
	sg_set_buf(&pieces[0], piece_memory(), 0x80000000U);
	sg_set_buf(&pieces[1], piece_memory(),
		   0x80000000U - one_lead.lead_len - one_lead.tail_len);
	for (i = 0; i < 2; i++)
		assert_int_equal(vq->vq_ops->add_framed(vq, &one_lead, pieces,
							2, i, token(1)),
				 -EINVAL);
	pieces[1].length--;
	assert_int_equal(vq->vq_ops->add_framed(vq, &one_lead, pieces, 2, true,
						token(1)),
			 0);
}

static void what_cannot_be_framed_is_refused(void **state)
{
	static const u64 features[] = { 0, INDIRECT };
	struct rig *rig;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		rig = rig_ring(4, features[i]);
		refuses(rig->vq[0]);
		kick(rig->vq[0]);
		assert_int_equal(posted(rig), 1);
		rig->vq[0]->vq_ops->shutdown(rig->vq[0]);
		assert_int_equal(add_framed(rig->vq[0], &one_lead, 1, false,
					    token(2)),
				 -EIO);
		assert_ptr_equal(rig->vq[0]->vq_ops->detach_buf(rig->vq[0]),
				 token(1));
		assert_null(rig->vq[0]->vq_ops->detach_buf(rig->vq[0]));
		rig_end(rig);
	}
}

static void framed_buffers_fill_the_ring(void **state)
{
	struct rig *rig = rig_ring(16, 0);
	struct virtqueue *vq = rig->vq[0];
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_int_equal(add_framed(vq, &one_lead, 1, true, token(i)),
				 0);
	assert_int_equal(add_framed(vq, &one_lead, 0, true, token(i)), -ENOSPC);
	assert_int_equal(add(vq, 1, 0, token(i)), 0);
	kick(vq);
	assert_int_equal(posted(rig), 6);
	rig_end(rig);
	rig = rig_ring(16, INDIRECT);
	for (i = 0; i < 16; i++)
		assert_int_equal(add_framed(rig->vq[0], &two_leads, 3, true,
					    token(i)),
				 0);
	assert_int_equal(add_framed(rig->vq[0], &one_lead, 0, true, token(i)),
			 -ENOSPC);
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_framed_buffer_lies_in_the_ring),
		cmocka_unit_test(a_framed_buffer_lies_in_a_table),
		cmocka_unit_test(what_cannot_be_framed_is_refused),
		cmocka_unit_test(framed_buffers_fill_the_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
