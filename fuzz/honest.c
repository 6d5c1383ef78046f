// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The honest device: how it serves buffers, and what it must be able to do
 * after it took the attacker's place. A core that refuses it is as wrong as
 * one that trusts the attacker.
 */
#include <vlab/virtio_blk.h>
#include <vlab/virtio_entropy.h>

#include "arena.h"
#include "bytes.h"
#include "cells.h"
#include "config_look.h"
#include "lab.h"
#include "virtio_core.h"
#include "watch.h"

#define SERVE_MAX 64

static u8 disk_data[64 * VIRTIO_BLK_SECTOR_SIZE];

static int serve_kind(struct loopback_ring *ring)
{
	struct loopback_disk disk = {
		.data = disk_data,
		.sectors = sizeof(disk_data) / VIRTIO_BLK_SECTOR_SIZE,
		.features = lab.acked,
	};

	ring->features = lab.acked;
	if (lab.device == LAB_ENTROPY)
		return loopback_entropy_run(ring, &lab.stream);
	return loopback_disk_run(ring, &disk);
}

/* The plain device: write nothing, but say how much was written. */
static unsigned int serve_plain(struct loopback_ring *ring, unsigned int most,
				unsigned int pick, u32 less)
{
	static struct loopback_chain chain[SERVE_MAX]; /* not for a stack */
	unsigned int i, at, n = 0;
	u64 len;

	while (n < most && n < SERVE_MAX &&
	       loopback_ring_pop(ring, &chain[n]) == 1)
		n++;
	for (i = 0; i < n; i++) {
		at = (i + pick) % n;
		len = min_t(u64, chain[at].in_len, 0xffffffff);
		loopback_ring_push(ring, chain[at].head,
				   less <= len ? (u32)(len - less) : 0);
	}
	return n;
}

/*
 * Serve at most @most of the available buffers, beginning with the @pick-th,
 * each short of full by @less bytes. Returns how many.
 */
unsigned int honest_serve(unsigned int queue, unsigned int most,
			  unsigned int pick, u32 less)
{
	struct loopback_ring *ring = &lab.ring[queue];
	unsigned int size;
	const u8 *idx;
	int n;

	if (!lab.lb.queue[queue].enabled)
		return 0;
	/* The program may have moved the index since the last time. */
	idx = cells_find(CELL_USED_IDX, queue, 0, &size);
	if (lab.device == LAB_PLAIN) {
		ring->used = get_unaligned_le16(idx);
		return serve_plain(ring, most, pick, less);
	}
	/* A driver that was bound anew set its queues up elsewhere. */
	if (lab.ring_desc[queue] != lab.lb.queue[queue].setup.desc) {
		lab.ring_desc[queue] = lab.lb.queue[queue].setup.desc;
		loopback_ring_init(ring, &lab.lb.queue[queue], lab.acked);
		ring->at = arena_ring_at;
	}
	ring->used = get_unaligned_le16(idx);
	n = serve_kind(ring);
	return n < 0 ? 0 : (unsigned int)n;
}

static void must(bool holds, const char *what, u64 value0, u64 value1)
{
	oracle_check(holds, ORACLE_HONEST, what, value0, value1);
}

/* The driver is bound and the device shows it. */
static bool is_bound(void)
{
	must(lab.added && lab.bound && lab.lb.vdev.core &&
		     lab.lb.vdev.core->ready,
	     "the driver was not bound to an honest device", 0, 0);
	must(lab.status ==
		     (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		      VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK),
	     "an honest device was left at status %llu", lab.status, 0);
	return !finding.fired;
}

/* One round of buffers, from full ring to empty one. */
static void serve_round(struct model *model)
{
	unsigned int queue = model->vq->index, added = 0, served;

	added += !model_add(model, 0, 1, 0, 64);
	if (model->num > 1)
		added += !model_add(model, 1, 1, 16, 32);
	while (model->num - model->taken && !model_add(model, 0, 1, 0, 8) &&
	       added < SERVE_MAX)
		added++;
	must(model->taken == model->num || added >= SERVE_MAX,
	     "a ring of %llu was full at %llu", model->num, model->taken);
	model_kick(model);
	served = honest_serve(queue, SERVE_MAX, 0, 0);
	must(served == added, "the device found %llu buffers, %llu were added",
	     served, added);
	model_interrupt(queue);
	served = model_drain(model, SERVE_MAX + 1);
	must(model->taken == 0, "%llu descriptors never came back",
	     model->taken, 0);
	if (model->vq->callback)
		must(model_restart(model), "callbacks cannot be turned on", 0,
		     0);
}

/* The plain device: a whole ring of buffers, of one piece and of two. */
void honest_queues(void)
{
	struct model *model = &lab.model[0];

	if (!is_bound())
		return;
	must(model->vq != NULL, "no queue was found", 0, 0);
	if (finding.fired)
		return;
	lab.callback_plan = CALLBACK_KEEP;
	serve_round(model);
}

/* The fields of an honest device read as they were written. */
void honest_fields(void)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	u8 mac[6], want[6] = { 2, 0, 0, 0x12, 0x34, 0x56 };
	u16 value = 0;

	if (!is_bound())
		return;
	if (vdev->transport->regs) {
		must(!virtio_device_config(vdev, 0, mac, 6) &&
			     bytes_same(mac, want, 6),
		     "the device configuration reads %llu", mac[5], 0);
		return;
	}
	must(!virtio_config_bytes(vdev, 0x41, mac, 6) &&
		     bytes_same(mac, want, 6),
	     "the bytes of a field read %llu", mac[5], 0);
	must(!virtio_config_val(vdev, 0x42, &value) && value == 0x1234,
	     "a 16-bit field reads %#llx", value, 0);
	must(virtio_config_val(vdev, 0x42, &value) == -ENOENT,
	     "a field was found twice", 0, 0);
}

/* An honest offer is taken in full, as far as it is understood. */
void honest_negotiation(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;
	u64 want = features_model_taken(lab_base_features());

	if (!is_bound())
		return;
	must(core->features == want, "the features are %#llx, not %#llx",
	     core->features, want);
	must(lab.acked == core->features,
	     "the device was told %#llx, not %#llx", lab.acked, core->features);
}

static void serve_entropy(void)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	u8 first = lab.stream, buf[32];
	int i, got, total = 0;

	got = virtio_entropy_read(vdev, buf, sizeof(buf));
	must(got >= 0, "virtio_entropy_read failed with -%llu", (u64)-got, 0);
	if (got > 0)
		return;
	honest_serve(0, 1, 0, 0);
	virtqueue_interrupt(vdev, 0);
	total = virtio_entropy_read(vdev, buf, sizeof(buf));
	must(total > 0, "no random bytes came", 0, 0);
	for (i = 0; i < total; i++)
		oracle_check(buf[i] == (u8)(first + i), ORACLE_DATA,
			     "random byte %llu is %llu", (u64)i, buf[i]);
}

static void block_request(u32 type, u64 sector, u8 *data, u32 len)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	struct scatterlist sg;
	int err, error = -1;
	void *token = NULL;

	sg_set_buf(&sg, data, len);
	err = virtio_blk_submit(vdev, 0, type, sector, 0, &sg, 1, &sg);
	must(!err, "an honest request was refused with -%llu", (u64)-err, 0);
	virtio_blk_kick(vdev, 0);
	honest_serve(0, 1, 0, 0);
	virtqueue_interrupt(vdev, 0);
	err = virtio_blk_complete(vdev, 0, &token, &error);
	must(err == 1 && !error && token == &sg,
	     "an honest request ended with %llu, error -%llu", (u64)(s64)err,
	     (u64)-error);
}

/* Write a block, read it back. */
static void serve_block(void)
{
	u8 *out = arena_payload, *in = arena_payload + 1024;

	bytes_fill(out, 0xc3, 512);
	bytes_fill(in, 0, 512);
	block_request(VIRTIO_BLK_T_OUT, 3, out, 512);
	if (finding.fired)
		return;
	block_request(VIRTIO_BLK_T_IN, 3, in, 512);
	oracle_check(bytes_same(in, out, 512), ORACLE_DATA,
		     "a block came back as %llu", in[0], 0);
}

void honest_session(void)
{
	if (!is_bound())
		return;
	if (lab.device == LAB_ENTROPY)
		serve_entropy();
	else if (lab.device == LAB_BLOCK && !(lab.setup.c))
		serve_block();
	else if (lab.device == LAB_PLAIN)
		honest_queues();
}
