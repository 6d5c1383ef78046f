// SPDX-License-Identifier: GPL-2.0-or-later
/* The watch over the core's accesses to shared memory; see watch.h. */
#include "arena.h"
#include "config_look.h"
#include "lab.h"
#include "watch.h"

#define TRIGGERS_MAX 16
#define LOG_MAX 2048
#define DEPTH_MAX 4
#define GONE_MAX 8 /* until the core knows */

/* A generous bound for calls that bind or reset; see call_info.budget. */
#define BUDGET_LIFE 4096
#define BUDGET_RESET 1024

const struct call_info calls[CALLS] = {
	[CALL_REGISTER_DEVICE] = { "register_virtio_device", BUDGET_LIFE },
	[CALL_UNREGISTER_DEVICE] = { "unregister_virtio_device", BUDGET_LIFE },
	[CALL_REGISTER_DRIVER] = { "register_virtio_driver", BUDGET_LIFE },
	[CALL_UNREGISTER_DRIVER] = { "unregister_virtio_driver", BUDGET_LIFE },
	[CALL_GONE] = { "virtio_device_gone", 0 },
	[CALL_SHOW] = { "virtio_device_show", 0 },
	[CALL_FIND] = { "find", 0 },
	[CALL_READ] = { "get", 0 },
	[CALL_WRITE] = { "set", 4 },
	[CALL_VAL] = { "virtio_config_val", 0 },
	[CALL_BYTES] = { "virtio_config_bytes", 0 },
	[CALL_USE_BIT] = { "virtio_use_bit", 4 },
	[CALL_AGREE] = { "virtio_features_agree", 8 },
	[CALL_REFRESH] = { "virtio_config_refresh", BUDGET_RESET },
	[CALL_DEVICE_CONFIG] = { "virtio_device_config", 0 },
	[CALL_READY] = { "virtio_device_ready", 24 },
	[CALL_STATUS] = { "set_status", BUDGET_RESET },
	[CALL_FIND_VQ] = { "find_vq", 8 },
	[CALL_DEL_VQ] = { "del_vq", BUDGET_RESET },
	[CALL_ADD_BUF] = { "add_buf", 0 },
	[CALL_KICK] = { "kick", 1 },
	[CALL_GET_BUF] = { "get_buf", 3 },
	[CALL_RESTART] = { "restart", 1 },
	[CALL_SHUTDOWN] = { "shutdown", BUDGET_RESET },
	[CALL_DETACH] = { "detach_buf", 0 },
	[CALL_RESET_QUEUE] = { "reset", 0 },
	[CALL_RESET_DEVICE] = { "virtio_reset_device", BUDGET_RESET },
	[CALL_INTERRUPT] = { "virtqueue_interrupt", 16 },
	[CALL_CONFIG_CHANGED] = { "virtio_config_changed", 16 },
	[CALL_ENTROPY_READ] = { "virtio_entropy_read", 16 },
	[CALL_BLOCK_SUBMIT] = { "virtio_blk_submit", 0 },
	[CALL_BLOCK_KICK] = { "virtio_blk_kick", 1 },
	[CALL_BLOCK_COMPLETE] = { "virtio_blk_complete", 8 },
	[CALL_BLOCK_LIMITS] = { "virtio_blk_limits", 0 },
	[CALL_BLOCK_REVALIDATE] = { "virtio_blk_revalidate", BUDGET_RESET },
	[CALL_BLOCK_RECLAIM] = { "virtio_blk_reclaim", BUDGET_RESET },
};

/* What a piece of shared memory is. */
struct place {
	enum cell cell;
	u8 queue;
	bool own; /* only the driver side writes it */
	bool polled; /* read again and again by protocol */
	u32 index;
};

struct trigger {
	enum cell cell;
	u8 queue;
	u32 index;
	u32 countdown;
	u32 value;
};

struct read {
	struct place place;
	const u8 *p;
	u32 size;
	u64 value;
};

struct frame {
	enum call call;
	unsigned int first;
	unsigned int reads;
	unsigned int gone; /* of them, of a device that is not there */
};

static struct trigger triggers[TRIGGERS_MAX];
static unsigned int armed;
static struct read reads[LOG_MAX];
static struct frame frames[DEPTH_MAX];
static unsigned int depth;
/* The frame that ended last, for watch_value(). */
static unsigned int last_first, last_end;
static u32 allowed_offset, allowed_len;

void watch_reset(void)
{
	armed = 0;
	depth = 0;
	last_first = 0;
	last_end = 0;
	allowed_len = 0;
}

void watch_disarm(void)
{
	armed = 0;
}

static unsigned int log_top(void)
{
	struct frame *frame;

	if (!depth)
		return 0;
	frame = &frames[depth - 1];
	return frame->first +
	       min_t(unsigned int, frame->reads, LOG_MAX - frame->first);
}

void watch_begin(enum call call)
{
	unsigned int top = log_top();

	lab.reached_core = true;
	trace_tell(TRACE_CALL, call, 0, 0);
	if (depth == DEPTH_MAX)
		return;
	frames[depth].call = call;
	frames[depth].first = top;
	frames[depth].reads = 0;
	frames[depth].gone = 0;
	depth++;
}

void watch_end(u64 result)
{
	last_end = log_top();
	depth--;
	last_first = frames[depth].first;
	trace(TRACE_RETURN, frames[depth].call, result, 0);
}

const char *watch_call_name(void)
{
	return depth ? calls[frames[depth - 1].call].name : NULL;
}

/* Memory as a number, little-endian; of more than 8 bytes the first 8. */
static inline u64 load(const u8 *p, u32 size)
{
	u64 v = 0;

	switch (size) {
	case 0:
		return 0;
	case 1:
		return *p;
	case 2:
		return get_unaligned_le16(p);
	case 4:
		return get_unaligned_le32(p);
	default:
		if (size >= 8)
			return get_unaligned_le64(p);
		while (size--)
			v = v << 8 | p[size];
		return v;
	}
}

s64 watch_value(enum cell cell, unsigned int queue, unsigned int index)
{
	unsigned int i;
	s64 value = -1;

	for (i = last_first; i < last_end; i++) {
		if (reads[i].place.cell != cell ||
		    reads[i].place.queue != queue ||
		    reads[i].place.index != index)
			continue;
		if (value != -1)
			return -2;
		value = (s64)reads[i].value;
	}
	return value;
}

/* Within a ring of the device; false: not there. */
static bool place_in_ring(unsigned int queue, dma_addr_t addr,
			  struct place *place)
{
	const struct virtio_vq_setup *setup = &lab.lb.queue[queue].setup;
	u32 num = setup->num;
	u64 at;

	if (addr < setup->desc || addr >= setup->used + vring_used_size(num))
		return false;
	place->queue = (u8)queue;
	if (addr < setup->used) {
		place->own = true;
		place->index = (u32)(addr - setup->desc);
		return true;
	}
	at = addr - setup->used;
	if (at < 4) {
		place->cell = at < 2 ? CELL_USED_FLAGS : CELL_USED_IDX;
		return true;
	}
	at -= 4;
	if (at >= 8ULL * num) {
		place->cell = CELL_AVAIL_EVENT;
		return true;
	}
	place->cell = at % 8 < 4 ? CELL_USED_ID : CELL_USED_LEN;
	place->index = (u32)(at / 8);
	return true;
}

struct register_place {
	enum cell cell;
	u16 offset;
	u16 len;
	u8 unit;
	bool polled;
};

#define REGISTER(cell, member, unit, polled)                               \
	{                                                                  \
		cell, offsetof(struct loopback_regs, member),              \
			sizeof(((struct loopback_regs *)0)->member), unit, \
			polled                                             \
	}

static const struct register_place register_places[] = {
	REGISTER(CELL_STATUS, status, 1, true),
	REGISTER(CELL_OTHER, gone, 1, true),
	REGISTER(CELL_FIELD_LEN, field_len, 2, false),
	REGISTER(CELL_GENERATION, generation, 4, true),
	REGISTER(CELL_FEATURES, features, 4, false),
	REGISTER(CELL_OTHER, driver_features, 4, false),
	REGISTER(CELL_NUM_QUEUES, num_queues, 2, false),
	REGISTER(CELL_CONFIG_LEN, config_len, 2, false),
	REGISTER(CELL_QUEUE_SIZE, queue_size, 2, false),
	REGISTER(CELL_CONFIG, config, 1, false),
	REGISTER(CELL_FIELD, field, 1, false),
};

static void place_in_registers(u32 offset, struct place *place)
{
	const struct register_place *r = register_places;

	while (offset >= (u32)r->offset + r->len)
		r++;
	place->cell = r->cell;
	place->index = (offset - r->offset) / r->unit;
	place->polled = r->polled;
}

static struct place find_place(const u8 *p)
{
	struct place place = { .cell = CELL_OTHER };
	s64 offset = arena_dma_offset(p);
	unsigned int i;

	if (offset < 0) {
		place.cell = CELL_PAYLOAD;
		return place;
	}
	if (p >= (const u8 *)lab.regs &&
	    p < (const u8 *)lab.regs + sizeof(*lab.regs)) {
		place_in_registers((u32)(p - (const u8 *)lab.regs), &place);
		return place;
	}
	for (i = 0; i < LOOPBACK_QUEUES; i++)
		if (lab.lb.queue[i].setup.num &&
		    place_in_ring(i, ARENA_DMA_BASE + (u64)offset, &place))
			return place;
	/* What is left is the indirect tables. */
	place.own = true;
	place.index = (u32)offset;
	return place;
}

void *watch_cell(enum cell cell, unsigned int queue, unsigned int index,
		 unsigned int *size)
{
	const struct loopback_queue *q = &lab.lb.queue[queue % LOOPBACK_QUEUES];
	struct loopback_regs *regs = lab.regs;
	u32 num = q->enabled ? q->setup.num : 0;
	dma_addr_t used = q->setup.used;
	unsigned int i;

	*size = 2;
	switch (cell) {
	case CELL_USED_FLAGS:
		return num ? arena_at(used, 2) : NULL;
	case CELL_USED_IDX:
		return num ? arena_at(used + 2, 2) : NULL;
	case CELL_AVAIL_EVENT:
		return num ? arena_at(used + 4 + 8ULL * num, 2) : NULL;
	case CELL_USED_ID:
	case CELL_USED_LEN:
		*size = 4;
		if (!num)
			return NULL;
		return arena_at(used + 4 + 8ULL * (index % num) +
					(cell == CELL_USED_LEN ? 4 : 0),
				4);
	default:
		break;
	}
	for (i = 0; i < ARRAY_SIZE(register_places); i++) {
		const struct register_place *r = &register_places[i];

		if (r->cell != cell || cell == CELL_OTHER)
			continue;
		*size = r->unit;
		return (u8 *)regs + r->offset +
		       index % (r->len / r->unit) * r->unit;
	}
	return NULL;
}

void watch_store(enum cell cell, unsigned int index, void *p, unsigned int size,
		 u64 value)
{
	u8 *byte = p;
	s64 offset = arena_dma_offset(p);
	unsigned int i;

	for (i = 0; i < size; i++)
		byte[i] = (u8)(value >> (8 * i));
	if (offset >= 0)
		arena_dirty(offset, size);
	trace_tell(depth ? TRACE_CHANGE : TRACE_DEVICE, cell, index, value);
}

void watch_arm(enum cell cell, unsigned int queue, unsigned int index,
	       unsigned int k, u32 value)
{
	struct trigger *trigger;

	if (armed == TRIGGERS_MAX)
		return;
	trigger = &triggers[armed++];
	trigger->cell = cell;
	trigger->queue = (u8)queue;
	trigger->index = index;
	trigger->countdown = k;
	trigger->value = value;
}

static bool trigger_hits(const struct trigger *trigger,
			 const struct place *place, u32 size)
{
	u32 index = trigger->index;

	if (trigger->cell != place->cell)
		return false;
	switch (trigger->cell) {
	case CELL_USED_IDX:
	case CELL_USED_FLAGS:
	case CELL_AVAIL_EVENT:
		return trigger->queue == place->queue;
	case CELL_USED_ID:
	case CELL_USED_LEN:
		return trigger->queue == place->queue &&
		       index % lab.lb.queue[place->queue].setup.num ==
			       place->index;
	case CELL_FIELD:
	case CELL_CONFIG:
		return index >= place->index && index - place->index < size;
	case CELL_FEATURES:
		return index % 2 == place->index;
	case CELL_QUEUE_SIZE:
		return index % VIRTIO_CONFIG_QUEUES_MAX == place->index;
	default:
		return true;
	}
}

static void fire_triggers(const struct place *place, u8 *p, u32 size)
{
	unsigned int i;
	u32 at;

	for (i = 0; i < armed; i++) {
		struct trigger *t = &triggers[i];

		if (!t->countdown || !trigger_hits(t, place, size))
			continue;
		if (--t->countdown)
			continue;
		at = t->cell == CELL_FIELD || t->cell == CELL_CONFIG
			     ? t->index - place->index
			     : 0;
		watch_store(t->cell, t->index, p + at, at ? 1 : min(size, 4u),
			    t->value);
	}
}

/* A driver's own work: it makes several calls into a queue. */
static bool is_composite(enum call call)
{
	return call == CALL_INTERRUPT || call >= CALL_ENTROPY_READ ||
	       call <= CALL_UNREGISTER_DRIVER;
}

/*
 * The generation protocol reads the configuration again after a change; each
 * call into a queue may look at used.idx, and checks what it sees.
 */
static bool may_read_again(const struct frame *frame, const struct place *place)
{
	return place->polled ||
	       (place->cell == CELL_USED_IDX && is_composite(frame->call)) ||
	       place->cell == CELL_FIELD || place->cell == CELL_FIELD_LEN ||
	       place->cell == CELL_CONFIG;
}

static void check_once(const struct frame *frame, const struct read *read)
{
	const struct read *other;

	if (may_read_again(frame, &read->place))
		return;
	for (other = &reads[frame->first]; other < read; other++)
		if (other->p < read->p + read->size &&
		    read->p < other->p + other->size)
			oracle_fire(ORACLE_DOUBLE_FETCH,
				    "cell %llu, index %llu was read twice",
				    read->place.cell, read->place.index);
}

/* One answer is enough: each further question waits for nothing. */
static void check_gone(struct frame *frame)
{
	unsigned int most = lab.broken == VIRTIO_BROKEN_GONE ? 0 : GONE_MAX;

	frame->gone++;
	oracle_check(frame->gone <= most, ORACLE_WORK_BUDGET,
		     "a device that is gone was asked %llu times, of %llu",
		     frame->gone, most);
}

static void check_read(const struct frame *frame, const struct read *read)
{
	oracle_check(!read->place.own, ORACLE_OWN_MEMORY,
		     "read of the driver's own part of queue %llu, offset %llu",
		     read->place.queue, read->place.index);
	check_once(frame, read);
	oracle_check(frame->reads <= calls[frame->call].budget,
		     ORACLE_WORK_BUDGET, "read %llu of shared memory, of %llu",
		     frame->reads, calls[frame->call].budget);
}

/* Callbacks are on: the device must know before used.idx is looked at. */
static void check_armed(const struct place *place)
{
	struct model *model = &lab.model[place->queue % LAB_QUEUES];

	if (!model->vq || !model->event_idx || !model->callbacks || !depth ||
	    (frames[depth - 1].call != CALL_GET_BUF &&
	     frames[depth - 1].call != CALL_RESTART))
		return;
	oracle_check(model->event_told == model->last, ORACLE_WAKEUP,
		     "used.idx is read while used_event is %llu, not %llu",
		     model->event_told, model->last);
}

/* The generation moves at each read for as long as the program wants. */
static void churn_generation(u8 *p)
{
	if (!lab.churn)
		return;
	lab.churn--;
	watch_store(CELL_GENERATION, 0, p, 4, load(p, 4) + 1);
}

static void hold_reset(u8 *p)
{
	if (!lab.hold_reset || lab.status)
		return;
	lab.hold_reset--;
	/* Obeyed at last: the register shows what was written. */
	watch_store(CELL_STATUS, 0, p, 1, lab.hold_reset ? 1 : 0);
}

static void apply_tricks(const struct place *place, u8 *p, size_t size)
{
	if (place->cell == CELL_GENERATION)
		churn_generation(p);
	if (place->cell == CELL_STATUS)
		hold_reset(p);
	if (armed)
		fire_triggers(place, p, (u32)size);
}

void port_shared_read(const void *ptr, size_t size)
{
	u8 *p = (u8 *)(uintptr_t)ptr;
	struct place place;
	struct frame *frame;
	struct read *read;
	unsigned int at;

	/* Every register operation looks there first. */
	if (ptr == &lab.regs->gone && !armed && !lab.regs->gone)
		return;
	place = find_place(p);
	apply_tricks(&place, p, size);
	if (!depth)
		return;
	frame = &frames[depth - 1];
	frame->reads++;
	at = frame->first + frame->reads - 1;
	read = &reads[min_t(unsigned int, at, LOG_MAX - 1)];
	read->place = place;
	read->p = p;
	read->size = (u32)size;
	read->value = load(p, (u32)size);
	trace(TRACE_READ, place.cell, place.index, read->value);
	check_read(frame, read);
	if (p == &lab.regs->gone && *p)
		check_gone(frame);
	if (place.cell == CELL_USED_IDX)
		check_armed(&place);
	else if (place.cell == CELL_STATUS)
		lab_status_read((u8)read->value);
	else if (place.cell >= CELL_GENERATION && place.cell <= CELL_CONFIG)
		config_look_read(place.cell, place.index, p, (u32)size);
}

void watch_allow_fields(unsigned int offset, unsigned int len)
{
	allowed_offset = offset;
	allowed_len = len;
}

/* Of the registers the driver side owns the status and its feature bits. */
static void check_register_write(u32 offset, size_t size)
{
	const u32 field = offsetof(struct loopback_regs, field);
	const u32 config = offsetof(struct loopback_regs, config);
	const u32 bits = offsetof(struct loopback_regs, driver_features);
	u32 at;

	if (offset == 0)
		return;
	if (offset >= bits && offset < bits + 8) {
		lab.acked = load((const u8 *)lab.regs->driver_features, 8);
		return;
	}
	at = offset >= field ? offset - field : offset - config;
	if (offset >= field)
		config_model_wrote(at, (unsigned int)size);
	oracle_check(offset >= config && at >= allowed_offset &&
			     at - allowed_offset + size <= allowed_len,
		     ORACLE_CONFIG_WRITE,
		     "%llu bytes were written at register offset %llu", size,
		     offset);
}

void port_shared_wrote(const void *ptr, size_t size)
{
	s64 offset = arena_dma_offset(ptr);
	size_t in_regs = (size_t)((uintptr_t)ptr - (uintptr_t)lab.regs);

	if (offset >= 0 && size)
		arena_dirty(offset, size);
	if (!depth || !size)
		return;
	trace_tell(TRACE_WRITE, 0, (u64)offset, load(ptr, (u32)size));
	if (in_regs < sizeof(*lab.regs))
		check_register_write((u32)in_regs, size);
	else if (size == 2)
		model_wrote(ptr);
}
