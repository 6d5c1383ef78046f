// SPDX-License-Identifier: GPL-2.0-or-later
/* The watch over the core's accesses to shared memory; see watch.h. */
#include "arena.h"
#include "cells.h"
#include "config_look.h"
#include "lab.h"
#include "watch.h"

#define TRIGGERS_MAX 16
#define LOG_MAX 2048
/* Calls nest as deep as binding, a call in probe, its callback, a call there.
 */
#define DEPTH_MAX 8
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
	[CALL_GET_STATUS] = { "get_status", 2 },
	[CALL_STATS] = { "virtqueue_stats", 0 },
};

struct trigger {
	enum cell cell;
	u8 queue;
	u32 index;
	u32 countdown;
	u32 value;
};

/* One of memory that is no register. */
struct read {
	struct place place;
	const u8 *p;
	u32 size;
	u64 value;
};

/**
 * struct frame - a call that runs
 * @call: which
 * @serial: of all calls of this process, from 1
 * @first: where its part of reads[] begins
 * @reads: how many it made, of registers too
 * @gone: how many of them of a device that is not there
 * @told_gone: the core knew that when the call began
 */
struct frame {
	enum call call;
	u64 serial;
	unsigned int first;
	unsigned int reads;
	unsigned int gone;
	bool told_gone;
};

static struct trigger triggers[TRIGGERS_MAX];
static unsigned int armed;
static struct read reads[LOG_MAX];
static unsigned int logged;
static struct frame frames[DEPTH_MAX];
static u64 serial;
/* By byte of the registers: the call that read it last. */
static u64 register_reader[sizeof(struct loopback_regs)];
static unsigned int depth;
/* The frame that ended last, for watch_value(). */
static unsigned int last_first, last_end;
static u32 allowed_offset, allowed_len;

void watch_disarm(void)
{
	armed = 0;
}

void watch_reset(void)
{
	armed = 0;
	depth = 0;
	logged = 0;
	last_first = 0;
	last_end = 0;
	allowed_len = 0;
}

void watch_begin(enum call call)
{
	struct frame *frame = &frames[depth++];

	lab.reached_core = true;
	trace_tell(TRACE_CALL, call, 0, 0);
	frame->call = call;
	frame->serial = ++serial;
	frame->first = logged;
	frame->reads = 0;
	frame->gone = 0;
	frame->told_gone = lab.broken == VIRTIO_BROKEN_GONE;
}

void watch_end(u64 result)
{
	const struct frame *frame = &frames[--depth];

	last_first = frame->first;
	last_end = logged;
	logged = frame->first;
	trace(TRACE_RETURN, frame->call, result, 0);
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

static void fire_double_fetch(enum cell cell, u32 index)
{
	oracle_fire(ORACLE_DOUBLE_FETCH, "cell %llu, index %llu was read twice",
		    cell, index);
}

/* Registers remember who read them: a device of many queues makes long calls.
 */
static void check_register_once(const struct frame *frame,
				const struct register_place *r, u32 offset,
				u32 size)
{
	u64 *first = register_reader + offset, *last = first + size - 1;

	if (*first == frame->serial || *last == frame->serial)
		fire_double_fetch(r->cell, (offset - r->offset) >> r->shift);
	*first = frame->serial;
	*last = frame->serial;
}

static void check_ring_once(const struct frame *frame, const struct read *read)
{
	const struct read *other;

	/* Each call into a queue may look at used.idx, and checks what it sees.
	 */
	if (read->place.cell == CELL_USED_IDX && is_composite(frame->call))
		return;
	for (other = &reads[frame->first]; other < read; other++)
		if (other->p < read->p + read->size &&
		    read->p < other->p + other->size)
			fire_double_fetch(read->place.cell, read->place.index);
}

/* One answer is enough: each further question waits for nothing. */
static void check_gone(struct frame *frame)
{
	unsigned int most = frame->told_gone ? 0 : GONE_MAX;

	frame->gone++;
	oracle_check(frame->gone <= most, ORACLE_WORK_BUDGET,
		     "a device that is gone was asked %llu times, of %llu",
		     frame->gone, most);
}

static void count_read(struct frame *frame)
{
	u32 budget = calls[frame->call].budget;

	frame->reads++;
	oracle_check(frame->reads <= budget, ORACLE_WORK_BUDGET,
		     "read %llu of shared memory, of %llu", frame->reads,
		     budget);
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

/* A program's "during", and the two registers that have tricks of their own. */
static noinline void apply_tricks(const struct register_place *r, u32 index,
				  u8 *p, u32 size)
{
	const struct place place = { .cell = r->cell, .index = index };

	if (r->cell == CELL_GENERATION)
		churn_generation(p);
	if (r->cell == CELL_STATUS)
		hold_reset(p);
	fire_triggers(&place, p, size);
}

/* For watch_value(), and for other reads of this call. */
static struct read *note_read(const u8 *p, struct place place, u32 size)
{
	struct read *read = &reads[min_t(unsigned int, logged, LOG_MAX - 1)];

	logged = min_t(unsigned int, logged + 1, LOG_MAX);
	read->place = place;
	read->p = p;
	read->size = size;
	read->value = load(p, size);
	return read;
}

static noinline void read_register(u8 *p, u32 offset, u32 size)
{
	const struct register_place *r =
		&cells_registers[cells_register_at[offset]];
	u32 index = (offset - r->offset) >> r->shift;
	struct frame *frame;
	u64 value;

	if (armed || lab.churn || lab.hold_reset)
		apply_tricks(r, index, p, size);
	if (!depth)
		return;
	frame = &frames[depth - 1];
	value = load(p, size);
	trace(TRACE_READ, r->cell, index, value);
	if (!r->again)
		check_register_once(frame, r, offset, size);
	count_read(frame);
	if (r->cell == CELL_STATUS) {
		note_read(p, (struct place){ .cell = CELL_STATUS }, size);
		lab_status_read((u8)value);
	} else if (r->cell != CELL_OTHER) {
		config_look_read(r->cell, index, p, size);
	} else if (offset == offsetof(struct loopback_regs, gone) && value) {
		check_gone(frame);
	}
}

static noinline void read_ring(u8 *p, u32 size)
{
	struct place place = cells_place(p);
	struct frame *frame;
	struct read *read;

	if (armed)
		fire_triggers(&place, p, size);
	if (!depth)
		return;
	frame = &frames[depth - 1];
	read = note_read(p, place, size);
	trace(TRACE_READ, place.cell, place.index, read->value);
	oracle_check(!place.own, ORACLE_OWN_MEMORY,
		     "read of the driver's own part of queue %llu, offset %llu",
		     place.queue, place.index);
	check_ring_once(frame, read);
	count_read(frame);
	if (place.cell == CELL_USED_IDX)
		check_armed(&place);
}

void port_shared_read(const void *ptr, size_t size)
{
	u8 *p = (u8 *)(uintptr_t)ptr;
	uintptr_t offset = cells_register_offset(ptr);

	/* Every register operation looks there first. */
	if (offset == offsetof(struct loopback_regs, gone) && !*p && !armed)
		return;
	if (offset < sizeof(*lab.regs))
		read_register(p, (u32)offset, (u32)size);
	else
		read_ring(p, (u32)size);
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
	uintptr_t in_registers = cells_register_offset(ptr);
	s64 offset = arena_dma_offset(ptr);

	if (!size)
		return;
	if (offset >= 0)
		arena_dirty(offset, size);
	if (!depth)
		return;
	trace(TRACE_WRITE, size, (u64)offset, load(ptr, (u32)size));
	/* Of a descriptor, what follows the address. */
	if (size == 16)
		trace(TRACE_WRITE, 8, (u64)offset + 8,
		      load((const u8 *)ptr + 8, 8));
	if (in_registers < sizeof(*lab.regs))
		check_register_write((u32)in_registers, size);
	else if (size == 2)
		model_wrote(ptr);
}
