// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The split virtqueue, driver side (VIRTIO 1.2, 2.7).
 *
 * Shared memory is written and not read back, with four exceptions, each read
 * at most once in a call and checked: used.idx, one element of used.ring, and
 * when kicking avail_event or used.flags. No operation loops over anything
 * that the device counts.
 */
#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_ring.h>
#include <vlab/virtio_transport.h>

#include "virtio_core.h"
#include "vring.h"
#include "vring_piece.h"

/* Of @written bytes, those that are not of this piece are returned. */
static inline u32 unmap_piece(struct device *dev,
			      const struct vring_piece *piece, u32 written)
{
	bool write = piece->flags & VRING_DESC_F_WRITE;
	u32 n = write ? min(written, piece->len) : 0;

	port_unmap(dev, piece->addr, piece->len, write, n);
	return written - n;
}

void vring_unmap_chain(struct vring *vring, u32 id, unsigned int count,
		       u32 written)
{
	const struct vring_slot *slots = vring->slot;
	const struct vring_piece *piece;
	struct device *dev = vring->dma_dev;

	for (; count; count--, id = slots[id].next) {
		piece = &vring->piece[id];
		if (!(piece->flags & VRING_PIECE_FRAME))
			written = unmap_piece(dev, piece, written);
	}
}

void vring_unmap_table(struct vring *vring, u32 head, unsigned int count,
		       u32 written)
{
	struct vring_piece *piece =
		&vring->table_piece[(size_t)head * vring->indirect_max];
	struct device *dev = vring->dma_dev;

	for (; count; count--, piece++)
		written = unmap_piece(dev, piece, written);
}

/* A buffer of one piece; the device writes it if @in_num is 1 and not 0. */
static inline int add_one(struct vring *vring, struct scatterlist *sg,
			  u32 in_num, void *token)
{
	u16 flags = (u16)(in_num * VRING_DESC_F_WRITE);
	u32 id = vring->state.free, len = sg->length;
	dma_addr_t addr;
	int err;

	err = map_piece(vring, sg, in_num, &addr);
	if (unlikely(err))
		return err;
	shared_write_desc(&vring->desc[id], addr, len, flags, 0);
	note_piece(vring, vring->piece, id, addr, len, flags);
	post(vring, id, id, 1, in_num * len, token);
	return 0;
}

/* Two pieces or more, in as many descriptors, which the free list links. */
static noinline int add_chain(struct vring *vring, struct scatterlist *sg,
			      unsigned int out_num, unsigned int in_num,
			      void *token)
{
	unsigned int total = out_num + in_num, left = total;
	struct vring_desc __shared *desc = vring->desc;
	struct vring_slot *slots = vring->slot;
	u32 id = vring->state.free, next, len;
	u16 flags = VRING_DESC_F_NEXT;
	u64 bytes = 0, readable = 0;
	dma_addr_t addr;
	int err;

	for (;; sg++, id = next) {
		if (unlikely(left == in_num)) {
			flags |= VRING_DESC_F_WRITE;
			readable = bytes;
		}
		len = sg->length;
		err = map_piece(vring, sg, flags & VRING_DESC_F_WRITE, &addr);
		if (unlikely(err))
			goto undo;
		bytes += len;
		if (!--left)
			break;
		next = slots[id].next;
		shared_write_desc(&desc[id], addr, len, flags, next);
		note_piece(vring, vring->piece, id, addr, len, flags);
	}
	flags &= VRING_DESC_F_WRITE;
	shared_write_desc(&desc[id], addr, len, flags, 0);
	note_piece(vring, vring->piece, id, addr, len, flags);
	if (!in_num)
		readable = bytes;
	/* What the device wrote it reports in 32 bits; and see 2.7.5.2. */
	err = -EINVAL;
	if (unlikely(bytes >> 32))
		goto undo;
	post(vring, vring->state.free, id, total, (u32)(bytes - readable),
	     token);
	return 0;
undo:
	if (PORT_MAPS(vring->dma_dev))
		vring_unmap_chain(vring, vring->state.free, total - left, 0);
	return err;
}

/* Two pieces or more in a table: the ring then needs one descriptor. */
static noinline int add_table(struct vring *vring, struct scatterlist *sg,
			      unsigned int out_num, unsigned int in_num,
			      void *token)
{
	unsigned int total = out_num + in_num, i = 0;
	u32 head = vring->state.free, len;
	size_t first = (size_t)head * vring->indirect_max;
	struct vring_desc __shared *table = &vring->table[first];
	u16 flags = VRING_DESC_F_NEXT;
	u64 bytes = 0, readable = 0;
	dma_addr_t addr;
	int err;

	for (;; sg++) {
		if (unlikely(i == out_num)) {
			flags |= VRING_DESC_F_WRITE;
			readable = bytes;
		}
		len = sg->length;
		err = map_piece(vring, sg, flags & VRING_DESC_F_WRITE, &addr);
		if (unlikely(err))
			goto undo;
		bytes += len;
		note_piece(vring, vring->table_piece, first + i, addr, len,
			   flags);
		if (++i == total)
			break;
		shared_write_desc(&table[i - 1], addr, len, flags, i);
	}
	shared_write_desc(&table[i - 1], addr, len, flags & VRING_DESC_F_WRITE,
			  0);
	if (!in_num)
		readable = bytes;
	/* What the device wrote it reports in 32 bits; and see 2.7.5.2. */
	err = -EINVAL;
	if (unlikely(bytes >> 32))
		goto undo;
	addr = vring->table_addr + first * sizeof(struct vring_desc);
	len = total * (u32)sizeof(struct vring_desc);
	shared_write_desc(&vring->desc[head], addr, len, VRING_DESC_F_INDIRECT,
			  0);
	note_piece(vring, vring->piece, head, addr, total,
		   VRING_DESC_F_INDIRECT);
	post(vring, head, head, 1, (u32)(bytes - readable), token);
	return 0;
undo:
	if (PORT_MAPS(vring->dma_dev))
		vring_unmap_table(vring, head, i, 0);
	return err;
}

/* Add a buffer for which enough descriptors are on the free list. */
static inline int add_ready(struct vring *vring, struct scatterlist *sg,
			    unsigned int out_num, unsigned int in_num,
			    void *token)
{
	unsigned int total = out_num + in_num;

	if (total == 1)
		return add_one(vring, sg, in_num, token);
	if (total <= vring->indirect_max)
		return add_table(vring, sg, out_num, in_num, token);
	return add_chain(vring, sg, out_num, in_num, token);
}

/*
 * Lengthen the free list to the descriptors that @total pieces need, or say why
 * that cannot be.
 */
noinline int vring_make_ready(struct vring *vring, unsigned int total)
{
	struct vring_state *state = &vring->state;
	unsigned int num = vring->vq.num, need, ready = state->ready;
	u32 issued = state->issued;
	struct vring_slot *slot;

	/* Can never fit, table or not: waiting for room would not end. */
	if (total > num)
		return -EMSGSIZE;
	need = total <= vring->indirect_max ? 1 : total;
	if (need > ready + (num - issued))
		return -ENOSPC;
	/* Its last entry leads to the first descriptor that it lacks. */
	for (slot = &vring->slot[issued]; ready < need; ready++, slot++) {
		issued++;
		slot->token = NULL;
		slot->next = (u16)issued;
	}
	state->ready = ready;
	state->issued = issued;
	return 0;
}

/* The free list is too short, or there are no pieces at all. */
static noinline int add_scarce(struct vring *vring, struct scatterlist *sg,
			       unsigned int out_num, unsigned int in_num,
			       void *token)
{
	unsigned int total;
	int err;

	if (check_add_overflow(out_num, in_num, &total) || !total)
		return -EINVAL;
	err = vring_make_ready(vring, total);
	if (err)
		return err;
	return add_ready(vring, sg, out_num, in_num, token);
}

static int vring_add_buf(struct virtqueue *vq, struct scatterlist sg[],
			 unsigned int out_num, unsigned int in_num, void *data)
{
	struct vring *vring = to_vring(vq);

	if (unlikely(READ_ONCE(vring->halted)))
		return -EIO;
	/* NULL is what get_buf() returns for "nothing". */
	if (unlikely(!data))
		return -EINVAL;
	/* Also true of no pieces at all. */
	if (unlikely((u64)out_num + in_num - 1 >= vring->state.ready))
		return add_scarce(vring, sg, out_num, in_num, data);
	return add_ready(vring, sg, out_num, in_num, data);
}

void vring_notify(struct vring *vring)
{
	struct virtio_device *vdev = vring->vq.vdev;

	if (vdev->transport->notify(vdev, vring->vq.index))
		vring_break(vring, VIRTIO_BROKEN_NOTIFY);
}

static void vring_kick(struct virtqueue *vq)
{
	struct vring *vring = to_vring(vq);
	struct vring_state *state = &vring->state;
	u16 old = state->published, new_idx = state->avail_idx;
	bool notify;

	if (unlikely(READ_ONCE(vring->halted)) || new_idx == old)
		return;
	/* Descriptors before the index; the device's read barrier pairs. */
	virt_wmb();
	shared_write16(&vring->avail->idx, new_idx);
	state->published = new_idx;
	/*
	 * The index before the look at the device's wish. Pairs with the
	 * barrier between the device's write of that wish and its re-check of
	 * avail.idx: one of the two sees the other, so no kick is lost.
	 */
	virt_mb();
	if (vring->event_idx)
		notify = vring_need_event(
			shared_read16(
				(__le16 __shared *)&vring->used->ring[vq->num]),
			new_idx, old);
	else
		notify = !(shared_read16(&vring->used->flags) &
			   VRING_USED_F_NO_NOTIFY);
	if (!notify)
		return;
	/* A device may be notified from DRIVER_OK on (3.1.1). */
	if (likely(READ_ONCE(vq->vdev->core->ready)))
		vring_notify(vring);
	else
		state->notify_pending = true;
}

/* Give the descriptors of a buffer back, by the private chain alone. */
void vring_release(struct vring *vring, u32 head, u32 written)
{
	struct vring_slot *slot = &vring->slot[head];
	struct vring_slot *last = &vring->slot[slot->last];
	u32 count = last->next;

	if (PORT_MAPS(vring->dma_dev)) {
		if (vring->piece[head].flags & VRING_DESC_F_INDIRECT)
			vring_unmap_table(vring, head, vring->piece[head].len,
					  written);
		else
			vring_unmap_chain(vring, head, count, written);
	}
	slot->token = NULL;
	last->next = (u16)vring->state.free;
	vring->state.free = head;
	vring->state.ready += count;
}

/* Have the device interrupt for the next element that it uses. */
static void arm_event(struct vring *vring)
{
	vring->state.event = vring->state.last_used;
	shared_write16(&vring->avail->ring[vring->vq.num],
		       vring->state.last_used);
	/*
	 * The event before the look at used.idx. Pairs with the barrier
	 * between the device's write of used.idx and its read of the event:
	 * an element used in between is seen by one of the two.
	 */
	virt_mb();
}

/* How many elements the device says it used since the last look. */
static inline u16 count_used(struct vring *vring)
{
	struct vring_state *state = &vring->state;

	if (vring->event_idx && !state->callback_off &&
	    state->event != state->last_used)
		arm_event(vring);
	return (u16)(shared_read16(&vring->used->idx) - state->last_used);
}

static noinline void *refuse_used(struct vring *vring,
				  enum virtio_broken reason)
{
	vring_break(vring, reason);
	return NULL;
}

/* Take the next used element; there is one. */
static inline void *take_used(struct vring *vring, unsigned int *len)
{
	u16 last_used = vring->state.last_used;
	struct vring_used_elem __shared *elem;
	struct vring_slot *slot;
	u32 id, written;
	void *token;

	elem = &vring->used->ring[last_used & vring->mask];
	id = shared_read32(&elem->id);
	written = shared_read32(&elem->len);
	/* All 32 bits are compared: 0x10000 + a valid id is no valid id. */
	if (unlikely(id >= vring->state.issued))
		return refuse_used(vring, id >= vring->vq.num
						  ? VIRTIO_BROKEN_USED_ID_RANGE
						  : VIRTIO_BROKEN_USED_ID_HEAD);
	/* Used before, or in the middle of a chain. */
	slot = &vring->slot[id];
	token = slot->token;
	if (unlikely(!token))
		return refuse_used(vring, VIRTIO_BROKEN_USED_ID_HEAD);
	if (unlikely(written > slot->in_len)) {
		if (vring->strict)
			return refuse_used(vring, VIRTIO_BROKEN_USED_LEN);
		/* Honest devices over-report; nobody reads past the buffer. */
		written = slot->in_len;
		vring->clamped++;
	}
	vring->state.last_used = (u16)(last_used + 1);
	vring_release(vring, id, written);
	*len = written;
	return token;
}

static void *vring_get_buf(struct virtqueue *vq, unsigned int *len)
{
	struct vring *vring = to_vring(vq);
	struct vring_state *state = &vring->state;
	u16 count;

	if (unlikely(READ_ONCE(vring->halted)))
		return NULL;
	/* One look at the device's index serves for all that it covers. */
	if (state->last_used == state->used_idx) {
		count = count_used(vring);
		if (!count)
			return NULL;
		/* No more can be used than was made available. */
		if (unlikely(count >
			     (u16)(state->published - state->last_used)))
			return refuse_used(vring, VIRTIO_BROKEN_USED_IDX);
		/* The index before the elements; the device's wmb pairs. */
		virt_rmb();
		state->used_idx = (u16)(state->last_used + count);
	}
	return take_used(vring, len);
}

/* Is a used element waiting? The answer is a hint: get_buf() checks. */
bool vring_pending(struct vring *vring)
{
	struct vring_state *state = &vring->state;
	u16 last_used = READ_ONCE(state->last_used);

	if (READ_ONCE(state->used_idx) != last_used)
		return true;
	return shared_read16(&vring->used->idx) != last_used;
}

void vring_callback_off(struct vring *vring)
{
	struct vring_state *state = &vring->state;

	state->callback_off = true;
	if (!vring->event_idx) {
		shared_write16(&vring->avail->flags,
			       VRING_AVAIL_F_NO_INTERRUPT);
		return;
	}
	/* No flag exists with an event index: ask for the farthest event. */
	state->event = (u16)(state->last_used - 1);
	shared_write16(&vring->avail->ring[vring->vq.num], state->event);
}

/*
 * The callback returned false. Between that and now, beside it, the driver may
 * have called restart(): its word is the later one, and callbacks that it
 * waits for must not be turned off behind its back.
 */
void vring_callback_leave(struct vring *vring, u32 restarts)
{
	unsigned long flags;

	spin_lock_irqsave(&vring->callback_lock, flags);
	if (vring->restarts == restarts && !READ_ONCE(vring->halted))
		vring_callback_off(vring);
	spin_unlock_irqrestore(&vring->callback_lock, flags);
}

static bool restart_callback(struct vring *vring)
{
	vring->restarts++;
	vring->state.callback_off = false;
	if (vring->event_idx) {
		arm_event(vring);
	} else {
		shared_write16(&vring->avail->flags, 0);
		/* As in arm_event(): enable before the look. */
		virt_mb();
	}
	if (likely(!vring_pending(vring)))
		return true;
	vring_callback_off(vring);
	return false;
}

static bool vring_restart(struct virtqueue *vq)
{
	struct vring *vring = to_vring(vq);
	unsigned long flags;
	bool none;

	/* Nothing will ever come: do not send the caller round again. */
	if (unlikely(READ_ONCE(vring->halted)))
		return true;
	spin_lock_irqsave(&vring->callback_lock, flags);
	none = restart_callback(vring);
	spin_unlock_irqrestore(&vring->callback_lock, flags);
	return none;
}

const struct virtqueue_ops vring_split_ops = {
	.add_buf = vring_add_buf,
	.add_framed = vring_add_framed,
	.kick = vring_kick,
	.get_buf = vring_get_buf,
	.restart = vring_restart,
	.shutdown = vring_shutdown,
	.detach_buf = vring_detach_buf,
	.reset = vring_reset,
};
