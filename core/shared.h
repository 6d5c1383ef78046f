/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trust boundary: every access of the core to memory that the peer can
 * write at any time is one of these calls.
 *
 * A read is exactly one load, so what was checked is what is used; a pointer
 * carries __shared, so a plain access does not compile (clang: noderef, sparse:
 * address_space).
 */
#ifndef VLAB_CORE_SHARED_H
#define VLAB_CORE_SHARED_H

#include <vlab/port.h>
#include <vlab/virtio_ring.h>

static inline u8 shared_read8(const u8 __shared *p)
{
	port_shared_read((const void __force *)p, 1);
	return READ_ONCE(*(const u8 __force *)p);
}

static inline u16 shared_read16(const __le16 __shared *p)
{
	port_shared_read((const void __force *)p, 2);
	return le16_to_cpu(READ_ONCE(*(const __le16 __force *)p));
}

static inline u32 shared_read32(const __le32 __shared *p)
{
	port_shared_read((const void __force *)p, 4);
	return le32_to_cpu(READ_ONCE(*(const __le32 __force *)p));
}

static inline void shared_write8(u8 __shared *p, u8 v)
{
	WRITE_ONCE(*(u8 __force *)p, v);
	port_shared_wrote((const void __force *)p, 1);
}

static inline void shared_write16(__le16 __shared *p, u16 v)
{
	WRITE_ONCE(*(__le16 __force *)p, cpu_to_le16(v));
	port_shared_wrote((const void __force *)p, 2);
}

static inline void shared_write32(__le32 __shared *p, u32 v)
{
	WRITE_ONCE(*(__le32 __force *)p, cpu_to_le32(v));
	port_shared_wrote((const void __force *)p, 4);
}

static inline void shared_write64(__le64 __shared *p, u64 v)
{
	WRITE_ONCE(*(__le64 __force *)p, cpu_to_le64(v));
	port_shared_wrote((const void __force *)p, 8);
}

/* A whole descriptor, each member with one store. */
static inline void shared_write_desc(struct vring_desc __shared *desc,
				     dma_addr_t addr, u32 len, u16 flags,
				     u32 next)
{
	struct vring_desc *d = (struct vring_desc __force *)desc;

	WRITE_ONCE(d->addr, cpu_to_le64(addr));
	WRITE_ONCE(d->len, cpu_to_le32(len));
	WRITE_ONCE(d->flags, cpu_to_le16(flags));
	WRITE_ONCE(d->next, cpu_to_le16((u16)next));
	port_shared_wrote(d, sizeof(*d));
}

/* Copy out once; the private copy is what gets checked and used. */
static inline void shared_read_bytes(void *dst, const u8 __shared *src,
				     size_t len)
{
	port_shared_read((const void __force *)src, len);
	memcpy(dst, (const void __force *)src, len);
}

static inline void shared_write_bytes(u8 __shared *dst, const void *src,
				      size_t len)
{
	memcpy((void __force *)dst, src, len);
	port_shared_wrote((const void __force *)dst, len);
}

#endif /* VLAB_CORE_SHARED_H */
