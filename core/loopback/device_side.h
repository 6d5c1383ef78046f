/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accesses of the honest device to the memory that it shares with its driver.
 *
 * It stands on the other side of the trust boundary: what it reads is not a
 * read of the core, so the hook of the fuzz builds must not see it. What it
 * stores goes through core/shared.h, because those builds keep track of every
 * byte that changes.
 */
#ifndef VLAB_LOOPBACK_DEVICE_SIDE_H
#define VLAB_LOOPBACK_DEVICE_SIDE_H

#include <vlab/port.h>

#include "../shared.h"

static inline u16 device_read16(const __le16 *p)
{
	return le16_to_cpu(READ_ONCE(*p));
}

static inline void device_write8(u8 *p, u8 v)
{
	shared_write8((u8 __shared __force *)p, v);
}

static inline void device_write16(__le16 *p, u16 v)
{
	shared_write16((__le16 __shared __force *)p, v);
}

static inline void device_write32(__le32 *p, u32 v)
{
	shared_write32((__le32 __shared __force *)p, v);
}

static inline void device_write_bytes(void *dst, const void *src, size_t len)
{
	shared_write_bytes((u8 __shared __force *)dst, src, len);
}

#endif /* VLAB_LOOPBACK_DEVICE_SIDE_H */
