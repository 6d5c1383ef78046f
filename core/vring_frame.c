// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A buffer between pieces whose addresses the device has (see struct
 * virtqueue_frame): only what is between them is mapped, and unmapped again.
 */
#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_ring.h>

#include "vring.h"
#include "vring_piece.h"

/* Of the pieces between; the last descriptor never has a next. */
static inline u16 piece_flags(bool write)
{
	return VRING_DESC_F_NEXT | (write ? VRING_DESC_F_WRITE : 0);
}

/* What the device wrote it reports in 32 bits; and see 2.7.5.2. */
static inline bool is_too_long(const struct virtqueue_frame *frame, u64 bytes)
{
	return (bytes + frame->lead_len + frame->more_len + frame->tail_len) >>
	       32;
}

static inline u32 writable(const struct virtqueue_frame *frame, u64 bytes,
			   bool write)
{
	return frame->tail_len + (write ? (u32)bytes : 0);
}

static inline int framed_in_table(struct vring *vring,
				  const struct virtqueue_frame *frame,
				  unsigned int leads, struct scatterlist *sg,
				  unsigned int num, bool write, void *token)
{
	u32 head = vring->state.free, len;
	size_t first = (size_t)head * vring->indirect_max;
	struct vring_desc __shared *desc = &vring->table[first];
	u16 flags = piece_flags(write);
	u64 bytes = 0;
	unsigned int i, at = leads;
	dma_addr_t addr;
	int err;

	shared_write_desc(&desc[0], frame->lead, frame->lead_len,
			  VRING_DESC_F_NEXT, 1);
	if (unlikely(leads > 1))
		shared_write_desc(&desc[1], frame->lead + frame->lead_len,
				  frame->more_len, VRING_DESC_F_NEXT, 2);
	for (i = 0; i < num; i++, sg++) {
		len = sg->length;
		err = map_piece(vring, sg, write, &addr);
		if (unlikely(err))
			goto undo;
		bytes += len;
		note_piece(vring, vring->table_piece, first + i, addr, len,
			   flags);
		shared_write_desc(&desc[at], addr, len, flags, at + 1);
		at++;
	}
	if (unlikely(is_too_long(frame, bytes)))
		goto too_long;
	shared_write_desc(&desc[at], frame->tail, frame->tail_len,
			  VRING_DESC_F_WRITE, 0);
	addr = vring->table_addr + first * sizeof(struct vring_desc);
	len = (at + 1) * (u32)sizeof(struct vring_desc);
	shared_write_desc(&vring->desc[head], addr, len, VRING_DESC_F_INDIRECT,
			  0);
	note_piece(vring, vring->piece, head, addr, num, VRING_DESC_F_INDIRECT);
	post(vring, head, head, 1, writable(frame, bytes, write), token);
	return 0;
too_long:
	err = -EINVAL;
undo:
	if (PORT_MAPS(vring->dma_dev))
		vring_unmap_table(vring, head, i, 0);
	return err;
}

/* One piece of the frame in the ring; returns the next free descriptor. */
static u32 frame_piece(struct vring *vring, u32 id, dma_addr_t addr, u32 len,
		       u16 flags)
{
	u32 next = vring->slot[id].next;

	note_piece(vring, vring->piece, id, addr, len, VRING_PIECE_FRAME);
	shared_write_desc(&vring->desc[id], addr, len, flags,
			  flags & VRING_DESC_F_NEXT ? next : 0);
	return next;
}

static noinline int framed_in_ring(struct vring *vring,
				   const struct virtqueue_frame *frame,
				   unsigned int leads, struct scatterlist *sg,
				   unsigned int num, bool write, void *token)
{
	unsigned int i;
	u32 head = vring->state.free, id, len;
	u16 flags = piece_flags(write);
	u64 bytes = 0;
	dma_addr_t addr;
	int err;

	id = frame_piece(vring, head, frame->lead, frame->lead_len,
			 VRING_DESC_F_NEXT);
	if (leads > 1)
		id = frame_piece(vring, id, frame->lead + frame->lead_len,
				 frame->more_len, VRING_DESC_F_NEXT);
	for (i = 0; i < num; i++, sg++, id = vring->slot[id].next) {
		len = sg->length;
		err = map_piece(vring, sg, write, &addr);
		if (unlikely(err))
			goto undo;
		bytes += len;
		note_piece(vring, vring->piece, id, addr, len, flags);
		shared_write_desc(&vring->desc[id], addr, len, flags,
				  vring->slot[id].next);
	}
	if (unlikely(is_too_long(frame, bytes)))
		goto too_long;
	frame_piece(vring, id, frame->tail, frame->tail_len,
		    VRING_DESC_F_WRITE);
	post(vring, head, id, leads + num + 1, writable(frame, bytes, write),
	     token);
	return 0;
too_long:
	err = -EINVAL;
undo:
	if (PORT_MAPS(vring->dma_dev))
		vring_unmap_chain(vring, head, leads + i, 0);
	return err;
}

int vring_add_framed(struct virtqueue *vq, const struct virtqueue_frame *frame,
		     struct scatterlist sg[], unsigned int num, bool write,
		     void *data)
{
	struct vring *vring = to_vring(vq);
	unsigned int leads, total;
	int err;

	if (unlikely(READ_ONCE(vring->halted)))
		return -EIO;
	if (unlikely(!data || !frame->lead_len || !frame->tail_len))
		return -EINVAL;
	/* Alone, so that the sum does not wrap. */
	if (unlikely(num > vq->num))
		return -EMSGSIZE;
	leads = frame->more_len ? 2 : 1;
	total = leads + num + 1;
	if (unlikely(total > vring->state.ready)) {
		err = vring_make_ready(vring, total);
		if (err)
			return err;
	}
	if (likely(total <= vring->indirect_max))
		return framed_in_table(vring, frame, leads, sg, num, write,
				       data);
	return framed_in_ring(vring, frame, leads, sg, num, write, data);
}
