/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What adding a buffer to a split ring is made of, however it is given. */
#ifndef VLAB_VRING_PIECE_H
#define VLAB_VRING_PIECE_H

#include "vring.h"

/* Check and map one piece; the device does not see the buffer yet. */
static inline int map_piece(struct vring *vring, struct scatterlist *sg,
			    bool write, dma_addr_t *addr)
{
	dma_addr_t mapped;

	/* A zero-length descriptor means different things to devices. */
	if (unlikely(!sg->length))
		return -EINVAL;
	mapped = port_map_sg(vring->dma_dev, sg, write);
	if (unlikely(port_map_failed(vring->dma_dev, mapped)))
		return -ENOMEM;
	*addr = mapped;
	return 0;
}

/* Keep what unmapping needs; the descriptor is never read back. */
static inline void note_piece(struct vring *vring, struct vring_piece *pieces,
			      size_t at, dma_addr_t addr, u32 len, u16 flags)
{
	if (!PORT_MAPS(vring->dma_dev))
		return;
	pieces[at].addr = addr;
	pieces[at].len = len;
	pieces[at].flags = flags;
}

/*
 * Take the @count descriptors from the first free one, @head, to @last, and
 * make the buffer in them the next one of the avail ring. Until then the queue
 * has not changed: an error has nothing to undo but mappings.
 */
static inline void post(struct vring *vring, u32 head, u32 last, u32 count,
			u32 in_len, void *token)
{
	struct vring_state *state = &vring->state;
	struct vring_slot *first = &vring->slot[head];
	struct vring_slot *end = &vring->slot[last];
	u16 idx = state->avail_idx;

	first->token = token;
	first->in_len = in_len;
	first->last = (u16)last;
	state->free = end->next;
	end->next = (u16)count;
	state->ready -= count;
	state->avail_idx = (u16)(idx + 1);
	shared_write16(&vring->avail->ring[idx & vring->mask], (u16)head);
}

#endif /* VLAB_VRING_PIECE_H */
