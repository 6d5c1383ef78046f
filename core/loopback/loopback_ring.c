// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The honest device's end of a split ring (VIRTIO 1.2, 2.7).
 *
 * Its driver is trusted to mean well, and still nothing in the ring is used
 * before it is checked: an honest device must not be the one that breaks.
 */
#include <vlab/loopback.h>
#include <vlab/port.h>
#include <vlab/virtio_ring.h>

#include "device_side.h"

/*
 * A walk over the descriptors of one chain. Each is copied once, and only the
 * copy is looked at. @left descriptors of @table are left to visit, which ends
 * a chain that is linked into a circle.
 */
struct walk {
	const struct loopback_ring *ring;
	const u8 *table;
	unsigned int num;
	unsigned int left;
	unsigned int next;
	bool indirect;
	bool more;
	bool writable;
};

/* One piece of memory that a chain names. */
struct piece {
	u8 *addr;
	u32 len;
	bool writable;
};

static void *ring_at(const struct loopback_ring *ring, dma_addr_t addr,
		     size_t len)
{
	if (ring->at)
		return ring->at(ring->priv, addr, len);
	/* One that this process cannot have would be cut to one it has. */
	if ((dma_addr_t)(uintptr_t)addr != addr)
		return NULL;
	return (void *)(uintptr_t)addr;
}

static struct vring_avail *ring_avail(const struct loopback_ring *ring)
{
	const struct virtio_vq_setup *setup = &ring->queue->setup;

	return ring_at(ring, setup->avail, vring_avail_size(setup->num));
}

static struct vring_used *ring_used(const struct loopback_ring *ring)
{
	const struct virtio_vq_setup *setup = &ring->queue->setup;

	return ring_at(ring, setup->used, vring_used_size(setup->num));
}

/* The driver's event word lies behind the last entry of its ring. */
static u16 read_used_event(const struct vring_avail *avail, unsigned int num)
{
	return device_read16(&avail->ring[num]);
}

/* Ours lies behind the last used element: one more 16-bit word. */
static void write_avail_event(struct vring_used *used, unsigned int num,
			      u16 event)
{
	device_write16((__le16 *)(void *)&used->ring[num], event);
}

static bool has_event_idx(const struct loopback_ring *ring)
{
	return ring->features >> VIRTIO_RING_F_EVENT_IDX & 1;
}

static bool has_indirect(const struct loopback_ring *ring)
{
	return ring->features >> VIRTIO_RING_F_INDIRECT_DESC & 1;
}

static bool walk_start(struct walk *walk, const struct loopback_ring *ring,
		       u16 head)
{
	const struct virtio_vq_setup *setup = &ring->queue->setup;

	walk->ring = ring;
	walk->table = ring_at(ring, setup->desc, vring_desc_size(setup->num));
	walk->num = setup->num;
	walk->left = setup->num;
	walk->next = head;
	walk->indirect = false;
	walk->more = true;
	walk->writable = false;
	return walk->table;
}

/* 2.7.5.3: not nested, not chained on, a whole number of descriptors. */
static int walk_indirect(struct walk *walk, u64 addr, u32 len, u16 flags)
{
	unsigned int num = len / (u32)sizeof(struct vring_desc);

	if (walk->indirect || !has_indirect(walk->ring) ||
	    (flags & VRING_DESC_F_NEXT))
		return -EINVAL;
	if (!len || len % sizeof(struct vring_desc) || num > VRING_NUM_MAX)
		return -EINVAL;
	walk->table = ring_at(walk->ring, addr, len);
	if (!walk->table)
		return -EINVAL;
	walk->num = num;
	walk->left = num;
	walk->next = 0;
	walk->indirect = true;
	return 0;
}

/* The next piece. 1: filled; 0: the chain has ended; -EINVAL. */
static int walk_next(struct walk *walk, struct piece *piece)
{
	struct vring_desc desc;
	u16 flags;
	int err;

	for (;;) {
		if (!walk->more)
			return 0;
		/* The head, too, is a number that was read from the ring. */
		if (!walk->left || walk->next >= walk->num)
			return -EINVAL;
		walk->left--;
		/* A table in a buffer need not be aligned: copy its bytes. */
		memcpy(&desc, walk->table + sizeof(desc) * walk->next,
		       sizeof(desc));
		flags = le16_to_cpu(desc.flags);
		if (!(flags & VRING_DESC_F_INDIRECT))
			break;
		err = walk_indirect(walk, le64_to_cpu(desc.addr),
				    le32_to_cpu(desc.len), flags);
		if (err)
			return err;
	}
	walk->more = flags & VRING_DESC_F_NEXT;
	walk->next = le16_to_cpu(desc.next);
	piece->writable = flags & VRING_DESC_F_WRITE;
	/* 2.7.4.2: readable pieces come first. */
	if (walk->writable && !piece->writable)
		return -EINVAL;
	walk->writable = piece->writable;
	piece->len = le32_to_cpu(desc.len);
	piece->addr = NULL;
	if (!piece->len)
		return 1;
	piece->addr = ring_at(walk->ring, le64_to_cpu(desc.addr), piece->len);
	return piece->addr ? 1 : -EINVAL;
}

/* Walk the whole chain before any of it is used: half a chain is no chain. */
static int chain_open(struct loopback_chain *chain,
		      const struct loopback_ring *ring, u16 head)
{
	struct piece piece;
	struct walk walk;
	int ret;

	memset(chain, 0, sizeof(*chain));
	chain->ring = ring;
	chain->head = head;
	if (!walk_start(&walk, ring, head))
		return -EINVAL;
	while ((ret = walk_next(&walk, &piece)) > 0) {
		if (piece.writable) {
			chain->in++;
			chain->in_len += piece.len;
		} else {
			chain->out++;
			chain->out_len += piece.len;
		}
	}
	return ret;
}

void loopback_ring_init(struct loopback_ring *ring,
			struct loopback_queue *queue, u64 features)
{
	memset(ring, 0, sizeof(*ring));
	ring->queue = queue;
	ring->features = features;
}

/* The index that the driver published, after asking to hear of the next. */
static u16 read_avail_idx(struct loopback_ring *ring,
			  const struct vring_avail *avail,
			  struct vring_used *used)
{
	u16 idx;

	if (has_event_idx(ring)) {
		write_avail_event(used, ring->queue->setup.num,
				  ring->last_avail);
		/*
		 * Ask, then look: a buffer that is added in between is either
		 * seen here or notified. Pairs with the full barrier between
		 * avail.idx and avail_event in kick().
		 */
		virt_mb();
	}
	idx = device_read16(&avail->idx);
	/*
	 * The index, then the entries below it: pairs with the driver's wmb
	 * between avail.ring and avail.idx.
	 */
	virt_rmb();
	return idx;
}

int loopback_ring_pop(struct loopback_ring *ring, struct loopback_chain *chain)
{
	unsigned int num = ring->queue->setup.num;
	const struct vring_avail *avail;
	struct loopback_chain next;
	struct vring_used *used;
	u16 idx;
	int err;

	if (!ring->queue->enabled)
		return 0;
	avail = ring_avail(ring);
	used = ring_used(ring);
	if (!avail || !used)
		return -EINVAL;
	idx = read_avail_idx(ring, avail, used);
	if (idx == ring->last_avail)
		return 0;
	/* Available and in flight together are never more than the ring. */
	if ((u16)(idx - ring->used) > num)
		return -EINVAL;
	err = chain_open(&next, ring,
			 device_read16(&avail->ring[ring->last_avail % num]));
	if (err)
		return err;
	ring->last_avail++;
	*chain = next;
	return 1;
}

void loopback_ring_push(struct loopback_ring *ring, u16 head, u32 written)
{
	unsigned int num = ring->queue->setup.num;
	struct vring_used_elem *elem;
	struct vring_used *used;

	if (!ring->queue->enabled)
		return;
	used = ring_used(ring);
	if (!used)
		return;
	elem = &used->ring[ring->used % num];
	device_write32(&elem->id, head);
	device_write32(&elem->len, written);
	/* The element before its index: pairs with the rmb in get_buf(). */
	virt_wmb();
	ring->used++;
	device_write16(&used->idx, ring->used);
}

bool loopback_ring_signal(struct loopback_ring *ring)
{
	u16 old = ring->signalled;
	const struct vring_avail *avail;

	if (!ring->queue->enabled || ring->used == old)
		return false;
	avail = ring_avail(ring);
	if (!avail)
		return false;
	ring->signalled = ring->used;
	/*
	 * The used index, then the driver's wish: pairs with the full barrier
	 * in restart() and get_buf() between used_event and used.idx.
	 */
	virt_mb();
	if (!has_event_idx(ring))
		return !(device_read16(&avail->flags) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	return vring_need_event(read_used_event(avail, ring->queue->setup.num),
				ring->used, old);
}

/* One direction of a copy between a chain and flat memory. */
struct copy {
	const struct loopback_chain *chain;
	bool writable;
	u64 offset;
	u8 *to;
	const u8 *from;
};

static void copy_piece(const struct copy *copy, u8 *piece, u32 done, u32 len)
{
	if (copy->writable)
		device_write_bytes(piece, copy->from + done, len);
	else
		memcpy(copy->to + done, piece, len);
}

static u32 copy_chain(const struct copy *copy, u32 len)
{
	u64 skip = copy->offset;
	struct piece piece;
	struct walk walk;
	u32 done = 0;
	u32 n;

	if (!walk_start(&walk, copy->chain->ring, copy->chain->head))
		return 0;
	while (done < len && walk_next(&walk, &piece) > 0) {
		if (piece.writable != copy->writable)
			continue;
		if (skip >= piece.len) {
			skip -= piece.len;
			continue;
		}
		n = min(piece.len - (u32)skip, len - done);
		copy_piece(copy, piece.addr + skip, done, n);
		done += n;
		skip = 0;
	}
	return done;
}

u32 loopback_chain_read(const struct loopback_chain *chain, u64 offset,
			void *buf, u32 len)
{
	const struct copy copy = {
		.chain = chain,
		.offset = offset,
		.to = buf,
	};

	return copy_chain(&copy, len);
}

u32 loopback_chain_write(const struct loopback_chain *chain, u64 offset,
			 const void *buf, u32 len)
{
	const struct copy copy = {
		.chain = chain,
		.writable = true,
		.offset = offset,
		.from = buf,
	};

	return copy_chain(&copy, len);
}
