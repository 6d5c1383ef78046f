// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Never part of a build: tests/layering.py compiles it in each of these ways
 * and expects only the first to work.
 */
#include <vlab/virtio_ring.h>

#include "shared.h"

u16 used_idx(struct vring_used __shared *used);

u16 used_idx(struct vring_used __shared *used)
{
#if defined(THROUGH_ACCESSOR)
	return shared_read16(&used->idx);
#elif defined(RAW_MEMBER)
	return used->idx;
#elif defined(RAW_ELEMENT)
	return (u16)used->ring[0].id;
#elif defined(RAW_DEREFERENCE)
	return *&used->idx;
#elif defined(RAW_STORE)
	used->flags = 0;
	return 0;
#elif defined(RAW_COPY)
	struct vring_used copy = *used;

	return copy.idx;
#else
#error "name one of the ways"
#endif
}
