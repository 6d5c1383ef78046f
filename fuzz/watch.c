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
 * @budget: reads that it may make
 * @reads: how many it made, of registers too
 * @gone: how many of them of a device that is not there
 * @told_gone: the core knew that when the call began
 */
struct frame {
	enum call call;
	u64 serial;
	unsigned int first;
	unsigned int budget;
	unsigned int reads;
	unsigned int gone;
	bool told_gone;
};

static struct trigger triggers[TRIGGERS_MAX];
unsigned int port_shared_triggers; /* of them that are armed */
static struct read reads[LOG_MAX];
static unsigned int logged;
/* frames[0] is no call: @top is there when none runs. */
static struct frame frames[DEPTH_MAX + 1];
static struct frame *top = frames;
static u64 serial;
/* By byte of the registers: the call that read it last. */
static u64 register_reader[sizeof(struct loopback_regs)];
/* The frame that ended last, for watch_value(). */
static unsigned int last_first, last_end;
static u32 allowed_offset, allowed_len;

static inline bool is_in_call(void)
{
	return top != frames;
}

void watch_disarm(void)
{
	port_shared_triggers = 0;
}

void watch_reset(void)
{
	port_shared_triggers = 0;
	top = frames;
	logged = 0;
	last_first = 0;
	last_end = 0;
	allowed_len = 0;
}

void watch_begin(enum call call)
{
	struct frame *frame = ++top;

	lab.reached_core = true;
	frame->call = call;
	frame->serial = ++serial;
	frame->first = logged;
	frame->budget = calls[call].budget;
	frame->reads = 0;
	frame->gone = 0;
	frame->told_gone = lab.broken == VIRTIO_BROKEN_GONE;
	trace_tell(TRACE_CALL, call, 0, 0);
}

void watch_end(u64 result)
{
	const struct frame *frame = top--;

	last_first = frame->first;
	last_end = logged;
	logged = frame->first;
	trace_link(TRACE_RETURN, frame->call, result, 0);
	trace_tell(TRACE_RETURN, frame->call, result, 0);
}

const char *watch_call_name(void)
{
	return is_in_call() ? calls[top->call].name : NULL;
}

/*
 * Memory as a number, little-endian; of more than 8 bytes the first 8. The two
 * halves of 3 and of 5 to 7 bytes overlap.
 */
static inline u64 load(const u8 *p, u32 size)
{
	if (size >= 8)
		return get_unaligned_le64(p);
	if (size >= 4)
		return get_unaligned_le32(p) |
		       (u64)get_unaligned_le32(p + size - 4)
			       << (8 * (size - 4));
	if (size >= 2)
		return get_unaligned_le16(p) |
		       (u64)get_unaligned_le16(p + size - 2)
			       << (8 * (size - 2));
	return size ? *p : 0;
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

/* The low bytes of a number, little-endian. */
static inline void save(u8 *p, unsigned int size, u64 value)
{
	if (size == 1)
		*p = (u8)value;
	else if (size == 2)
		put_unaligned_le16((u16)value, p);
	else if (size == 4)
		put_unaligned_le32((u32)value, p);
	else
		for (; size--; value >>= 8)
			*p++ = (u8)value;
}

void watch_store(enum cell cell, unsigned int index, void *p, unsigned int size,
		 u64 value)
{
	s64 offset = arena_dma_offset(p);

	save(p, size, value);
	if (offset >= 0)
		arena_dirty(offset, size);
	trace_tell(is_in_call() ? TRACE_CHANGE : TRACE_DEVICE, cell, index,
		   value);
}

void watch_store_cell(enum cell cell, unsigned int index, u64 value)
{
	unsigned int size;
	void *p = cells_find(cell, lab_queue_number(), index, &size);

	if (p)
		watch_store(cell, index, p, size, value);
}

void watch_arm(enum cell cell, unsigned int queue, unsigned int index,
	       unsigned int k, u32 value)
{
	struct trigger *trigger;

	if (port_shared_triggers == TRIGGERS_MAX)
		return;
	trigger = &triggers[port_shared_triggers++];
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

static noinline void fire_triggers(const struct place *place, u8 *p, u32 size)
{
	unsigned int i;
	u32 at;

	for (i = 0; i < port_shared_triggers; i++) {
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

static noinline __cold void fire_double_fetch(enum cell cell, u32 index)
{
	oracle_fire(ORACLE_DOUBLE_FETCH, "cell %llu, index %llu was read twice",
		    cell, index);
}

static noinline __cold void fire_budget(const struct frame *frame)
{
	oracle_fire(ORACLE_WORK_BUDGET, "read %llu of shared memory, of %llu",
		    frame->reads, frame->budget);
}

/* Does this read meet no other one of the same call? */
static inline bool is_first_read(const struct frame *frame,
				 const struct read *read)
{
	const struct read *other;

	/* Each call into a queue may look at used.idx, and checks what it sees.
	 */
	if (read->place.cell == CELL_USED_IDX && is_composite(frame->call))
		return true;
	for (other = &reads[frame->first]; other < read; other++)
		if (other->p < read->p + read->size &&
		    read->p < other->p + other->size)
			return false;
	return true;
}

/* Registers remember who read them: a device of many queues makes long calls.
 */
static inline bool is_first_of_register(const struct frame *frame, u32 offset,
					u32 size)
{
	u64 *first = register_reader + offset, *last = first + size - 1;

	if (*first == frame->serial || *last == frame->serial)
		return false;
	*first = frame->serial;
	*last = frame->serial;
	return true;
}

/* One answer is enough: each further question waits for nothing. */
static noinline void check_gone(struct frame *frame)
{
	unsigned int most = frame->told_gone ? 0 : GONE_MAX;

	lab.went = true;
	frame->gone++;
	oracle_check(frame->gone <= most, ORACLE_WORK_BUDGET,
		     "a device that is gone was asked %llu times, of %llu",
		     frame->gone, most);
}

/* Callbacks are on: the device must know before used.idx is looked at. */
static inline void check_armed(unsigned int queue)
{
	struct model *model = &lab.model[queue % LAB_QUEUES];

	if (!model->vq || !model->callbacks ||
	    (top->call != CALL_GET_BUF && top->call != CALL_RESTART))
		return;
	oracle_check(!model->event_idx || model->event_told == model->last,
		     ORACLE_WAKEUP,
		     "used.idx is read while used_event is %llu, not %llu",
		     model->event_told, model->last);
	oracle_check(model->event_idx || !(model->flags_told & 1),
		     ORACLE_WAKEUP,
		     "used.idx is read while interrupts are suppressed: flags "
		     "are %llu",
		     model->flags_told, 0);
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

static const struct register_place *register_place(u32 offset)
{
	return &cells_registers[cells_register_at[offset]];
}

static u32 register_index(const struct register_place *r, u32 offset)
{
	return (offset - r->offset) >> r->shift;
}

/* A program's "during", and the two registers that have tricks of their own. */
static noinline void apply_tricks(u8 *p, uintptr_t offset, u32 size)
{
	const struct register_place *r;
	struct place place;

	if (offset >= sizeof(*lab.regs)) {
		place = cells_place(p);
		fire_triggers(&place, p, size);
		return;
	}
	r = register_place((u32)offset);
	place = (struct place){
		.cell = r->cell,
		.index = register_index(r, (u32)offset),
	};
	if (r->cell == CELL_GENERATION)
		churn_generation(p);
	if (r->cell == CELL_STATUS)
		hold_reset(p);
	fire_triggers(&place, p, size);
}

/* For watch_value(), and for other reads of this call. */
static inline struct read *note_read(const u8 *p, struct place place, u32 size,
				     u64 value)
{
	struct read *read = &reads[min_t(unsigned int, logged, LOG_MAX - 1)];

	logged = min_t(unsigned int, logged + 1, LOG_MAX);
	read->place = place;
	read->p = p;
	read->size = size;
	read->value = value;
	return read;
}

/*
 * The three below run for each read of the core. Whatever they call comes last:
 * a function that keeps nothing over a call saves no registers for it. After a
 * finding nothing else counts.
 */
static noinline void read_register(u8 *p, u32 offset, u32 size)
{
	const struct register_place *r = register_place(offset);
	u32 index = register_index(r, offset);
	struct frame *frame = top;
	u64 value = load(p, size);

	trace_link(TRACE_READ, r->cell, index, value);
	if (!r->again && !is_first_of_register(frame, offset, size)) {
		fire_double_fetch(r->cell, index);
		return;
	}
	if (unlikely(++frame->reads > frame->budget))
		fire_budget(frame);
	else if (r->cell != CELL_OTHER)
		config_look_read(r->cell, index, p, size);
	else if (offset == offsetof(struct loopback_regs, gone) && value)
		check_gone(frame);
}

/* The first register, and the one that is read most. */
static noinline void read_status(const u8 *p)
{
	struct frame *frame = top;

	trace_link(TRACE_READ, CELL_STATUS, 0, *p);
	if (unlikely(++frame->reads > frame->budget)) {
		fire_budget(frame);
		return;
	}
	note_read(p, (struct place){ .cell = CELL_STATUS }, 1, *p);
	lab_status_read(*p);
}

static noinline __cold void fire_own_memory(const struct place *place)
{
	oracle_fire(ORACLE_OWN_MEMORY,
		    "read of the driver's own part of queue %llu, offset %llu",
		    place->queue, place->index);
}

static noinline void read_ring(u8 *p, u32 size)
{
	struct place place = cells_place(p);
	struct read *read = note_read(p, place, size, load(p, size));
	struct frame *frame = top;

	trace_link(TRACE_READ, place.cell, place.index, read->value);
	if (unlikely(place.own))
		fire_own_memory(&read->place);
	else if (unlikely(!is_first_read(frame, read)))
		fire_double_fetch(place.cell, place.index);
	else if (unlikely(++frame->reads > frame->budget))
		fire_budget(frame);
	else if (place.cell == CELL_USED_IDX)
		check_armed(place.queue);
}

static noinline __cold void tell_read(const u8 *p, uintptr_t offset, u32 size)
{
	const struct register_place *r;
	struct place place;

	if (offset < sizeof(*lab.regs)) {
		r = register_place((u32)offset);
		trace_tell(TRACE_READ, r->cell, register_index(r, (u32)offset),
			   load(p, size));
	} else {
		place = cells_place(p);
		trace_tell(TRACE_READ, place.cell, place.index, load(p, size));
	}
}

static inline void note_any_read(u8 *p, uintptr_t offset, u32 size)
{
	if (!is_in_call())
		return;
	if (!offset)
		read_status(p);
	else if (offset < sizeof(*lab.regs))
		read_register(p, (u32)offset, size);
	else
		read_ring(p, size);
}

/* Something is to happen at a read, or somebody listens. */
static noinline void read_specially(u8 *p, uintptr_t offset, u32 size)
{
	if (port_shared_triggers || lab.churn || lab.hold_reset)
		apply_tricks(p, offset, size);
	if (trace_sink && is_in_call())
		tell_read(p, offset, size);
	note_any_read(p, offset, size);
}

void port_shared_read(const void *ptr, size_t size)
{
	u8 *p = (u8 *)(uintptr_t)ptr;
	uintptr_t offset = cells_register_offset(ptr);

	if (unlikely((port_shared_triggers | lab.churn | lab.hold_reset) ||
		     trace_sink))
		read_specially(p, offset, (u32)size);
	else
		note_any_read(p, offset, (u32)size);
}

void watch_allow_fields(unsigned int offset, unsigned int len)
{
	allowed_offset = offset;
	allowed_len = len;
}

/* Of the registers the driver side owns the status and its feature bits. */
static noinline void check_register_write(u32 offset, size_t size)
{
	const u32 field = offsetof(struct loopback_regs, field);
	const u32 config = offsetof(struct loopback_regs, config);
	const u32 bits = offsetof(struct loopback_regs, driver_features);
	u32 at;

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

/* Of a descriptor, the address and what follows it. */
static __attribute__((always_inline)) inline void note_write(const u8 *p,
							     size_t size,
							     bool tell)
{
	u64 offset = (u64)arena_dma_offset(p), value = load(p, (u32)size);

	trace_link(TRACE_WRITE, size, offset, value);
	if (tell)
		trace_tell(TRACE_WRITE, size, offset, value);
	if (size == 16) {
		value = load(p + 8, 8);
		trace_link(TRACE_WRITE, 8, offset + 8, value);
		if (tell)
			trace_tell(TRACE_WRITE, 8, offset + 8, value);
	}
	offset = cells_register_offset(p);
	if (!offset)
		return; /* the status: on_status() saw it */
	if (offset < sizeof(*lab.regs))
		check_register_write((u32)offset, size);
	else if (size == 2)
		model_wrote(p);
}

static noinline __cold void note_told_write(const u8 *p, size_t size)
{
	note_write(p, size, true);
}

void port_shared_wrote(const void *ptr, size_t size)
{
	s64 offset = arena_dma_offset(ptr);

	if (!size)
		return;
	if (offset >= 0)
		arena_dirty(offset, size);
	if (!is_in_call())
		return;
	if (unlikely(trace_sink))
		note_told_write(ptr, size);
	else
		note_write(ptr, size, false);
}
