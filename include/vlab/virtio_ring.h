/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The split virtqueue as both sides see it (VIRTIO 1.2, section 2.7).
 *
 * Everything here lies in memory that the other side writes at any time, in
 * little-endian byte order. The core reaches it only through the accessors of
 * core/shared.h.
 */
#ifndef VLAB_VIRTIO_RING_H
#define VLAB_VIRTIO_RING_H

#include <vlab/types.h>

VLAB_BEGIN_DECLS

/* Flags of a descriptor (2.7.5). */
#define VRING_DESC_F_NEXT 1
#define VRING_DESC_F_WRITE 2
#define VRING_DESC_F_INDIRECT 4

/* The driver's request in avail.flags, the device's in used.flags. */
#define VRING_AVAIL_F_NO_INTERRUPT 1
#define VRING_USED_F_NO_NOTIFY 1

/* Sizes of a split ring are powers of two from 1 to this (2.7). */
#define VRING_NUM_MAX 32768

#define VRING_DESC_ALIGN 16
#define VRING_AVAIL_ALIGN 2
#define VRING_USED_ALIGN 4

struct vring_desc {
	__le64 addr;
	__le32 len;
	__le16 flags;
	__le16 next;
};

/* ring[num] is followed by one more word, used_event. */
struct vring_avail {
	__le16 flags;
	__le16 idx;
	__le16 ring[];
};

struct vring_used_elem {
	__le32 id;
	__le32 len;
};

/* ring[num] is followed by one 16-bit word, avail_event. */
struct vring_used {
	__le16 flags;
	__le16 idx;
	struct vring_used_elem ring[];
};

/* Bytes of each part; the event word is counted whether in use or not. */
static inline u32 vring_desc_size(u32 num)
{
	return 16 * num;
}

static inline u32 vring_avail_size(u32 num)
{
	return 4 + 2 * num + 2;
}

static inline u32 vring_used_size(u32 num)
{
	return 4 + 8 * num + 2;
}

/* Offsets of the parts when one allocation holds the ring. */
static inline u32 vring_avail_offset(u32 num)
{
	return vring_desc_size(num);
}

static inline u32 vring_used_offset(u32 num)
{
	u32 end = vring_avail_offset(num) + vring_avail_size(num);

	return (end + VRING_USED_ALIGN - 1) & ~(u32)(VRING_USED_ALIGN - 1);
}

static inline u32 vring_total_size(u32 num)
{
	return vring_used_offset(num) + vring_used_size(num);
}

/**
 * vring_need_event - must the other side be told?
 * @event: its event word: "tell me when you pass this"
 * @new_idx: our index now
 * @old_idx: our index when we last decided
 *
 * All three wrap at 65536 (2.7.10); the comparison is made in 16 bits.
 */
static inline bool vring_need_event(u16 event, u16 new_idx, u16 old_idx)
{
	return (u16)(new_idx - event - 1) < (u16)(new_idx - old_idx);
}

VLAB_END_DECLS

#endif /* VLAB_VIRTIO_RING_H */
