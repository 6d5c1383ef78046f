/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver side of one split virtqueue: the private state behind the ring.
 *
 * The ring itself is written by the driver side and never read back; all that
 * get_buf() needs to know about a buffer is in its slot here.
 */
#ifndef VLAB_VRING_H
#define VLAB_VRING_H

#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_ring.h>

#include "shared.h"
#include "virtio_core.h"

/**
 * struct vring_slot - the private side of one descriptor
 * @token: the buffer's, in its first descriptor only; NULL: no buffer that is
 *	in flight begins here
 * @in_len: bytes of the whole buffer that the device may write
 * @next: the next descriptor of the chain or of the free list. The last one of
 *	a chain in flight has no next, and keeps here how many the chain has.
 * @last: the last descriptor of the chain, in the first
 */
struct vring_slot {
	void *token;
	u32 in_len;
	u16 next;
	u16 last;
};

/**
 * struct vring_piece - how a piece of a buffer was mapped
 * @addr, @len: what the device was given
 * @flags: of the descriptor; with VRING_DESC_F_INDIRECT nothing was mapped for
 *	it itself, and @len counts the pieces that were mapped for its table.
 *	VRING_PIECE_FRAME: nothing was mapped, the piece is of a frame
 */
struct vring_piece {
	dma_addr_t addr;
	u32 len;
	u16 flags;
};

/* No flag of a descriptor: never in shared memory. */
#define VRING_PIECE_FRAME 0x8000

/**
 * struct vring_state - all that changes while the queue works
 * @ready: descriptors on the free list; see vring_taken()
 * @issued: descriptors 0 to @issued - 1 are in flight or on the free list; the
 *	slots from there on were never written, so creating a queue writes none
 * @free: the first of the free list, whose last entry leads to @issued
 * @detach: where detach_buf() goes on
 * @avail_idx, @published: chains added, and of them made visible by a kick
 * @last_used: used elements taken
 * @used_idx: the last used index read, after its check
 * @event: what used_event holds
 * @callback_off: the driver does not want callbacks
 * @notify_pending: kicked before DRIVER_OK
 */
struct vring_state {
	u32 ready;
	u32 issued;
	u32 free;
	u32 detach;
	u16 avail_idx;
	u16 published;
	u16 last_used;
	u16 used_idx;
	u16 event;
	bool callback_off;
	bool notify_pending;
};

/* Why operations are refused; any bit stops the queue. */
#define VRING_HALT_BROKEN 1
#define VRING_HALT_SHUTDOWN 2

/**
 * struct vring - one virtqueue
 * @dma_dev: maps and allocates for the queue
 * @halted: VRING_HALT_*; tested first by each operation
 * @field: position of its field in the configuration of this binding
 * @quiesced: the device forgot the queue: buffers may be taken back
 * @in_callback: the driver's callback runs, in this thread or another one
 * @deleted: by that callback, which ends first
 * @piece: how the pieces in the ring are mapped; where PORT_MAPS() only
 * @indirect_max: pieces in one indirect table; 0: none
 * @table: the tables, one for each descriptor, @indirect_max long
 * @table_piece: how their pieces are mapped; where PORT_MAPS() only
 * @callback_lock: held to turn callbacks on or off after the queue was made:
 *	the driver does the one, the end of an interrupt the other
 * @restarts: calls of restart(), by which that end knows of a later one
 */
struct vring {
	struct virtqueue vq;
	struct vring_desc __shared *desc;
	struct vring_avail __shared *avail;
	struct vring_used __shared *used;
	struct vring_slot *slot;
	struct vring_state state;
	struct vring_piece *piece;
	struct device *dma_dev;
	u32 mask;
	u8 halted;
	u8 broken;
	bool event_idx;
	bool strict;
	bool quiesced;
	bool in_callback;
	bool deleted;
	unsigned int field;
	unsigned int indirect_max;
	struct vring_desc __shared *table;
	struct vring_piece *table_piece;
	u64 clamped;
	u64 spurious;
	dma_addr_t ring_addr;
	dma_addr_t table_addr;
	spinlock_t callback_lock;
	u32 restarts;
	struct vring *next;
};

static inline struct vring *to_vring(struct virtqueue *vq)
{
	return container_of(vq, struct vring, vq);
}

/* Descriptors in flight. */
static inline u32 vring_taken(const struct vring *vring)
{
	return vring->state.issued - vring->state.ready;
}

/* vring_memory.c */
struct vring *vring_create(struct virtio_device *vdev, unsigned int index,
			   unsigned int num,
			   bool (*callback)(struct virtqueue *vq));
void vring_destroy(struct vring *vring);
void vring_init_state(struct vring *vring);

/* vring_split.c */
extern const struct virtqueue_ops vring_split_ops;
int vring_make_ready(struct vring *vring, unsigned int total);
void vring_unmap_chain(struct vring *vring, u32 id, unsigned int count,
		       u32 written);
void vring_unmap_table(struct vring *vring, u32 head, unsigned int count,
		       u32 written);
void vring_release(struct vring *vring, u32 head, u32 written);
bool vring_pending(struct vring *vring);
void vring_callback_off(struct vring *vring);
void vring_callback_leave(struct vring *vring, u32 restarts);
void vring_notify(struct vring *vring);

/* vring_frame.c */
int vring_add_framed(struct virtqueue *vq, const struct virtqueue_frame *frame,
		     struct scatterlist sg[], unsigned int num, bool write,
		     void *data);

/* virtqueue.c */
void vring_break(struct vring *vring, enum virtio_broken reason);
void vring_shutdown(struct virtqueue *vq);
void *vring_detach_buf(struct virtqueue *vq);
int vring_reset(struct virtqueue *vq);

#endif /* VLAB_VRING_H */
