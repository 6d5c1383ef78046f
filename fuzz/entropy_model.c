// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The entropy driver as include/vlab/virtio_entropy.h has it: a byte is handed
 * out once, and only if the device says that it wrote it.
 */
#include <vlab/virtio_entropy.h>

#include "arena.h"
#include "bytes.h"
#include "lab.h"
#include "virtio_core.h"
#include "vring.h"
#include "watch.h"

#define BUFFER_BYTES 64
#define READ_MAX 128

/**
 * struct entropy_model - one bound device
 * @vring: of its queue
 * @bytes: the driver's buffer, once it was posted
 * @have: bytes that the device says it wrote
 * @pos: how many of them were handed out
 * @last: used elements taken
 * @head: the buffer's descriptor
 * @posted: the device owns the buffer
 */
static struct entropy_model {
	const struct vring *vring;
	const u8 *bytes;
	unsigned int have;
	unsigned int pos;
	u16 last;
	u32 head;
	bool posted;
} ent;

static unsigned int wakeups;

static void note_bytes(struct virtio_device *vdev)
{
	(void)vdev;
	wakeups++;
}

void entropy_model_bound(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;

	if (lab.device != LAB_ENTROPY || !core || !core->ready || ent.vring)
		return;
	bytes_fill(&ent, 0, sizeof(ent));
	ent.vring = core->vqs;
	model_start(&lab.model[0], &core->vqs->vq);
	virtio_entropy_notify(&lab.lb.vdev, note_bytes);
}

void entropy_model_unbind(void)
{
	if (ent.vring)
		lab.model[0].vq = NULL;
	ent.vring = NULL;
}

/* The call that just ended may have taken the buffer back. */
static void collect(void)
{
	unsigned int q = ent.vring->vq.index;
	unsigned int pos = ent.last % ent.vring->vq.num;
	s64 id = watch_value(CELL_USED_ID, q, pos);
	s64 len = watch_value(CELL_USED_LEN, q, pos);

	if (id < 0 || len < 0 || !ent.posted || id != ent.head)
		return;
	ent.posted = false;
	ent.last++;
	ent.have = (unsigned int)min(len, (s64)BUFFER_BYTES);
}

/* What was posted will be heard of: the device knows what it is to pass. */
static void check_told(void)
{
	const struct model *model = &lab.model[0];

	oracle_check(!ent.posted || ent.vring->halted || !model->event_idx ||
			     model->event_told == ent.last,
		     ORACLE_WAKEUP,
		     "random bytes are waited for with used_event %llu, not "
		     "%llu",
		     model->event_told, ent.last);
}

void entropy_model_interrupt(unsigned int index)
{
	bool work =
		ent.vring && !ent.vring->halted && ent.vring->vq.index == index;
	unsigned int before = wakeups;
	s64 idx;

	watch_begin(CALL_INTERRUPT);
	virtqueue_interrupt(&lab.lb.vdev, index);
	watch_end(0);
	if (!ent.vring)
		return;
	/* More than one look: the callback took something. */
	idx = watch_value(CELL_USED_IDX, ent.vring->vq.index, 0);
	work &= idx == -2 || (idx >= 0 && idx != ent.last);
	collect();
	oracle_check(
		wakeups - before == work, ORACLE_CALLBACK,
		"an interrupt with random bytes: %llu, was told %llu times",
		work, wakeups - before);
}

/* The bytes are those that the driver found in its buffer, and gone from it. */
static void check_bytes(const u8 *buf, const u8 *before, unsigned int n)
{
	const u8 *after = ent.bytes + ent.pos;
	u64 seen = (u64)watch_value(CELL_PAYLOAD, 0, 0);
	unsigned int i;

	for (i = 0; i < n; i++)
		/* A program may change what it reads just before, at its start.
		 */
		oracle_check(buf[i] == (i < 4 ? (u8)(seen >> (8 * i))
					      : before[i]),
			     ORACLE_DATA, "random byte %llu is %llu",
			     ent.pos + i, buf[i]);
	for (i = 0; i < n; i++)
		oracle_check(!after[i], ORACLE_DATA,
			     "random byte %llu was handed out and is still "
			     "there",
			     ent.pos + i, 0);
}

/* The descriptor that was posted last. */
static u32 last_available(void)
{
	const struct vring *vring = ent.vring;
	u16 at = (u16)(vring->state.avail_idx - 1) % vring->vq.num;
	const u8 *entry = arena_at(
		lab.lb.queue[vring->vq.index].setup.avail + 4 + 2ULL * at, 2);

	return entry ? get_unaligned_le16(entry) : 0;
}

/* The buffer is to be posted once all is handed out, and then only. */
static void check_request(u32 maps, bool halted)
{
	bool wanted = !ent.posted && ent.pos == ent.have;
	bool done = arena.maps != maps;

	/* A notification fails after the buffer was posted. */
	wanted &= !halted && (!ent.vring->halted ||
			      ent.vring->broken == VIRTIO_BROKEN_NOTIFY);

	if (arena.failed[ARENA_MAP])
		return;
	oracle_check(done == wanted, ORACLE_RESULT,
		     "random bytes were asked for: %llu, were to be: %llu",
		     done, wanted);
	if (!done || finding.fired)
		return;
	ent.posted = true;
	ent.have = 0;
	ent.pos = 0;
	ent.bytes = arena_at(ARENA_MAP_BASE + ((u64)maps << 32), BUFFER_BYTES);
	ent.head = last_available();
}

void entropy_model_read(unsigned int len)
{
	u8 buf[READ_MAX], before[BUFFER_BYTES] = { 0 };
	u32 maps = arena.maps;
	bool bound = ent.vring, halted = bound && ent.vring->halted;
	bool posted = bound && ent.posted;
	unsigned int n;
	int got;

	len %= sizeof(buf) + 1;
	bytes_fill(buf, 0x5a, sizeof(buf));
	if (bound && ent.bytes)
		bytes_copy(before, ent.bytes, sizeof(before));
	arena.failed[ARENA_MAP] = false;
	watch_begin(CALL_ENTROPY_READ);
	got = virtio_entropy_read(&lab.lb.vdev, buf, len);
	watch_end((u64)(s64)got);
	oracle_check(got <= (int)len, ORACLE_LENGTH,
		     "virtio_entropy_read gave %llu bytes of %llu",
		     (u64)(s64)got, len);
	trace(TRACE_VALUE, got > 0 ? buf[0] : 0, got > 0 ? buf[got - 1] : 0, 0);
	if (!bound) {
		/* Nobody is told of bytes that nobody will have. */
		virtio_entropy_notify(&lab.lb.vdev, note_bytes);
		oracle_check(got == -ENODEV, ORACLE_RESULT,
			     "virtio_entropy_read returned -%llu", (u64)-got,
			     0);
		return;
	}
	oracle_check(!posted || halted ||
			     watch_value(CELL_USED_IDX, ent.vring->vq.index,
					 0) != -1,
		     ORACLE_RESULT, "random bytes were not looked for", 0, 0);
	collect();
	n = min(ent.have - ent.pos, len);
	oracle_check((got > 0 ? (unsigned int)got : 0) == n, ORACLE_LENGTH,
		     "virtio_entropy_read gave %llu bytes, %llu are there",
		     (u64)(s64)got, n);
	if (finding.fired)
		return;
	if (n)
		check_bytes(buf, before + ent.pos, n);
	ent.pos += n;
	oracle_check(n || got == (ent.vring->halted ? -EIO : 0), ORACLE_RESULT,
		     "virtio_entropy_read returned -%llu", (u64)-got, 0);
	check_request(maps, halted);
	check_told();
}
