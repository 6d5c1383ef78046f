// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One snapshot of the configuration, from the reads that the core made of it:
 * a second, slower parser of docs/config-format.md, and of the registers that
 * are written down as fields.
 */
#include "config_look.h"

#include "bytes.h"
#include "lab.h"

#define ALL_WORDS 3

static struct look {
	bool any;
	u32 generation;
	bool copied; /* since the generation was read */
	bool whole; /* the last copy lies between two equal generations */
	unsigned int tries;
	s64 field_len; /* -1: not read */
	unsigned int got; /* bytes of it, also of the configuration */
	unsigned int words; /* of the features, as bits */
	u64 features;
	s64 queues;
	unsigned int sizes; /* that were read */
	u16 size[VIRTIO_CONFIG_QUEUES_MAX];
	s64 config_len;
} look;
static u8 read_bytes[VIRTIO_CONFIG_SIZE_MAX];

void config_look_begin(void)
{
	look.any = false;
	look.copied = false;
	look.whole = false;
	look.tries = 0;
	look.field_len = -1;
	look.got = 0;
	look.words = 0;
	look.queues = -1;
	look.sizes = 0;
	look.config_len = -1;
}

static void note_generation(u32 generation)
{
	if (look.copied) {
		look.whole = generation == look.generation;
		look.tries++;
		oracle_check(look.tries <= VIRTIO_CONFIG_RETRIES,
			     ORACLE_WORK_BUDGET,
			     "try %llu at one copy of the configuration, of "
			     "%llu",
			     look.tries, VIRTIO_CONFIG_RETRIES);
	} else {
		/* A try begins: a length from before may be of another copy. */
		look.field_len = -1;
	}
	look.copied = false;
	look.generation = generation;
}

static void note_copy(unsigned int offset, const u8 *p, u32 size)
{
	if (!offset)
		look.got = 0;
	if (offset != look.got || size > sizeof(read_bytes) - offset)
		return;
	bytes_copy(read_bytes + offset, p, size);
	look.got += size;
	look.copied = true;
	look.whole = false;
}

void config_look_read(enum cell cell, unsigned int index, const u8 *p, u32 size)
{
	look.any |= cell != CELL_GENERATION;
	switch (cell) {
	case CELL_GENERATION:
		note_generation(get_unaligned_le32(p));
		break;
	case CELL_FIELD_LEN:
		look.field_len = get_unaligned_le16(p);
		break;
	case CELL_FEATURES:
		look.words |= 1u << index;
		look.features &= index ? 0xffffffffULL : ~0xffffffffULL;
		look.features |= (u64)get_unaligned_le32(p) << (32 * index);
		break;
	case CELL_NUM_QUEUES:
		look.queues = get_unaligned_le16(p);
		break;
	case CELL_QUEUE_SIZE:
		look.sizes += index == look.sizes;
		look.size[index] = get_unaligned_le16(p);
		break;
	case CELL_CONFIG_LEN:
		look.config_len = get_unaligned_le16(p);
		break;
	default:
		note_copy(index, p, size);
		break;
	}
}

static u64 low_bits(const u8 *bytes, unsigned int half)
{
	u64 bits = 0;
	unsigned int i;

	if (half >= 8)
		return get_unaligned_le64(bytes);
	for (i = 0; i < half; i++)
		bits |= (u64)bytes[i] << (8 * i);
	return bits;
}

/* What several fields say together. */
struct sums {
	unsigned int device_len;
	u64 queues[VIRTIO_CONFIG_QUEUES_MAX / 64];
};

static bool queue_repeats(struct sums *sums, unsigned int index)
{
	u64 bit = 1ULL << (index % 64), before = sums->queues[index / 64];

	sums->queues[index / 64] |= bit;
	return before & bit;
}

/* May a field of this kind stand here? */
static bool field_allowed(struct config_view *view, unsigned int pos,
			  unsigned int len, struct sums *sums)
{
	const u8 *bytes = view->bytes + pos + 2;
	unsigned int index;

	switch (bytes[-2]) {
	case VIRTIO_CONFIG_F_VIRTIO:
		if (view->ack_half || !len || len % 2)
			return false;
		view->ack_half = len / 2;
		view->ack_at = pos + 2 + len / 2;
		view->offered = low_bits(bytes, len / 2);
		/* What the device shows there is no word of the driver. */
		bytes_fill(view->bytes + view->ack_at, 0, len / 2);
		return true;
	case VIRTIO_CONFIG_F_VIRTQUEUE:
		if (len != 4)
			return false;
		index = get_unaligned_le16(bytes);
		return index < VIRTIO_CONFIG_QUEUES_MAX &&
		       !queue_repeats(sums, index);
	case VIRTIO_CONFIG_F_DEVICE:
		sums->device_len += len;
		return sums->device_len <= VIRTIO_CONFIG_DEVICE_MAX;
	default:
		return true;
	}
}

static bool parse(struct config_view *view, unsigned int size)
{
	struct config_field *field = view->field;
	struct sums sums = { 0 };
	unsigned int pos, len;

	for (pos = 0; pos < size && view->bytes[pos]; pos += 2 + len) {
		if (view->bytes[pos] >= 0x80 || pos + 1 >= size)
			return false;
		len = view->bytes[pos + 1];
		if (pos + 2 + len > size ||
		    !field_allowed(view, pos, len, &sums))
			return false;
		*field++ = (struct config_field){
			.pos = (u16)pos,
			.type = view->bytes[pos],
			.len = (u8)len,
		};
		view->count++;
	}
	view->len = pos;
	return true;
}

/* A copy that has no end may have been given up after the last try only. */
static enum config_verdict unfinished(void)
{
	return look.tries == VIRTIO_CONFIG_RETRIES ? CONFIG_TORN
						   : CONFIG_UNFINISHED;
}

static enum config_verdict judge_fields(struct config_view *view)
{
	if (look.field_len < 0)
		return CONFIG_UNFINISHED;
	if (look.field_len > VIRTIO_CONFIG_SIZE_MAX)
		return CONFIG_INVALID;
	if (!look.whole || look.got != look.field_len)
		return unfinished();
	bytes_copy(view->bytes, read_bytes, look.got);
	return parse(view, look.got) ? CONFIG_VALID : CONFIG_INVALID;
}

static u8 *put_header(u8 *p, u8 type, u8 len)
{
	p[0] = type;
	p[1] = len;
	return p + 2;
}

/* Pieces of 252 bytes, and what is left. */
static u8 *put_device_config(u8 *p, unsigned int len)
{
	unsigned int done, n;

	for (done = 0; done < len; done += n) {
		n = min(len - done, 252u);
		p = put_header(p, VIRTIO_CONFIG_F_DEVICE, (u8)n);
		bytes_copy(p, read_bytes + done, n);
		p += n;
	}
	return p;
}

static enum config_verdict judge_registers(struct config_view *view)
{
	unsigned int i, len;
	u8 *p;

	if (look.words != ALL_WORDS || look.queues < 0)
		return CONFIG_UNFINISHED;
	for (i = 0; i < look.sizes; i++)
		if (look.size[i] > VRING_NUM_MAX)
			return CONFIG_INVALID;
	if (look.sizes != min(look.queues, (s64)VIRTIO_CONFIG_QUEUES_MAX) ||
	    look.config_len < 0)
		return CONFIG_UNFINISHED;
	len = (unsigned int)look.config_len;
	len = min(len, (unsigned int)VIRTIO_CONFIG_DEVICE_MAX);
	if (len && (!look.whole || look.got != len))
		return unfinished();
	p = put_header(view->bytes, VIRTIO_CONFIG_F_VIRTIO, 16);
	put_unaligned_le64(look.features, p);
	put_unaligned_le64(0, p + 8);
	p += 16;
	for (i = 0; i < look.sizes; i++) {
		if (!look.size[i])
			continue;
		p = put_header(p, VIRTIO_CONFIG_F_VIRTQUEUE, 4);
		put_unaligned_le16((u16)i, p);
		put_unaligned_le16(look.size[i], p + 2);
		p += 4;
	}
	p = put_device_config(p, len);
	return parse(view, (unsigned int)(p - view->bytes)) ? CONFIG_VALID
							    : CONFIG_INVALID;
}

enum config_verdict config_look_end(struct config_view *view)
{
	view->len = 0;
	view->count = 0;
	view->ack_half = 0;
	view->offered = 0;
	if (!look.any)
		return CONFIG_NOT_READ;
	return lab_is_registers() ? judge_registers(view) : judge_fields(view);
}

struct config_field *config_view_next(struct config_view *view, u8 type)
{
	unsigned int i;

	for (i = 0; i < view->count; i++)
		if (view->field[i].type == type && !view->field[i].used)
			return &view->field[i];
	return NULL;
}

unsigned int config_view_device(const struct config_view *view,
				unsigned int end, u8 *bytes)
{
	unsigned int i, at = 0;

	for (i = 0; i < view->count && view->field[i].pos < end; i++) {
		if (view->field[i].type != VIRTIO_CONFIG_F_DEVICE)
			continue;
		if (bytes)
			bytes_copy(bytes + at,
				   view->bytes + view->field[i].pos + 2,
				   view->field[i].len);
		at += view->field[i].len;
	}
	return at;
}
