// SPDX-License-Identifier: GPL-2.0-or-later
/* An honest entropy device (VIRTIO 1.2, 5.4), with bytes that can be told. */
#include <vlab/loopback.h>
#include <vlab/port.h>

#define CHUNK 256

static u32 entropy_fill(const struct loopback_chain *chain, u8 *next)
{
	u8 chunk[CHUNK];
	u32 done = 0;
	u32 i, n;

	do {
		for (i = 0; i < CHUNK; i++)
			chunk[i] = (u8)(*next + i);
		n = loopback_chain_write(chain, done, chunk, CHUNK);
		*next = (u8)(*next + n);
		done += n;
	} while (n == CHUNK && done <= ~(u32)0 - CHUNK);
	return done;
}

int loopback_entropy_run(struct loopback_ring *ring, u8 *next)
{
	struct loopback_chain chain;
	int count = 0;
	int ret;

	while ((ret = loopback_ring_pop(ring, &chain)) > 0) {
		loopback_ring_push(ring, chain.head,
				   entropy_fill(&chain, next));
		count++;
	}
	return ret ? ret : count;
}
