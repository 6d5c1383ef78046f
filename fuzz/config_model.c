// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration of the device that is bound, as docs/config-format.md has
 * it. What it is made of is what the core read (config_look.c), never what the
 * core holds.
 */
#include "config_look.h"

#include "arena.h"
#include "bytes.h"
#include "lab.h"
#include "virtio_core.h"
#include "watch.h"

struct config_model config_model;
static struct config_view fresh; /* what a refresh read */
static bool looking; /* a snapshot is to come, or was not accepted yet */

void config_model_reset(void)
{
	looking = true;
	config_model.now.count = 0;
	config_model.now.len = 0;
	config_model.now.ack_half = 0;
	config_model.now.offered = 0;
	config_model.agreed = 0;
	lab.acked = 0;
	config_model.epoch++;
	arena.failed[ARENA_ALLOC] = false;
	arena.failed[ARENA_DMA] = false;
	lab.setup_failed = false;
	lab.tried = false;
	lab.mismatch = false;
	lab.went = false;
	lab.broken = VIRTIO_NOT_BROKEN;
	config_look_begin();
}

/* The driver's half of the features is what was config_model.agreed, also after
 * a reset. */
void config_model_put_acks(void)
{
	unsigned int i;

	for (i = 0; i < config_model.now.ack_half && i < 8; i++)
		config_model.now.bytes[config_model.now.ack_at + i] =
			(u8)(config_model.agreed >> (8 * i));
}

/* The core's private copy: the marks apart, byte for byte. */
static void check_copy(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;
	unsigned int i, pos;

	oracle_check(core->config_len == config_model.now.len,
		     ORACLE_CONFIG_VALUE,
		     "the private copy has %llu bytes, %llu were read",
		     core->config_len, config_model.now.len);
	if (finding.fired || lab.regs->gone)
		return;
	config_model_put_acks();
	/* Where nothing is used yet, not even the marks differ. */
	if (bytes_same(core->config, config_model.now.bytes,
		       config_model.now.len))
		return;
	for (i = 0; i < config_model.now.count; i++) {
		pos = config_model.now.field[i].pos;
		oracle_check(
			(core->config[pos] & 0x7f) ==
					config_model.now.bytes[pos] &&
				bytes_same(core->config + pos + 1,
					   config_model.now.bytes + pos + 1,
					   config_model.now.field[i].len + 1u),
			ORACLE_CONFIG_VALUE,
			"the private copy of the field at %llu is not as "
			"it was read",
			pos, 0);
	}
}

/* As soon as the core holds a copy: had it the right to take it? */
static void settle(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;
	enum config_verdict verdict;

	if (!looking || !core || !core->config)
		return;
	looking = false;
	verdict = config_look_end(&config_model.now);
	oracle_check(verdict == CONFIG_VALID, ORACLE_CONFIG_VALUE,
		     verdict == CONFIG_INVALID
			     ? "a configuration of %llu bytes was accepted"
			     : "a copy of %llu bytes was accepted that was not "
			       "whole",
		     core->config_len, 0);
	bytes_fill(config_model.acked, 0, config_model.now.len);
	config_model.agreed = features_model_taken(config_model.now.offered);
}

/* What a binding that came to nothing made of the configuration. */
void config_model_bound(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;
	enum config_verdict verdict;

	settle();
	if (!looking || !core)
		return;
	looking = false;
	verdict = config_look_end(&fresh);
	config_model.now.count = 0;
	if (lab.regs->gone) {
		oracle_check(verdict != CONFIG_UNFINISHED ||
				     core->broken != VIRTIO_BROKEN_CONFIG,
			     ORACLE_CONFIG_VALUE,
			     "a device that went was refused for its "
			     "configuration",
			     0, 0);
		return;
	}
	if (arena.failed[ARENA_ALLOC]) {
		oracle_check(core->broken != VIRTIO_BROKEN_CONFIG ||
				     verdict == CONFIG_INVALID ||
				     verdict == CONFIG_TORN,
			     ORACLE_CONFIG_VALUE,
			     "a device was blamed for memory that there was "
			     "not",
			     0, 0);
		return;
	}
	if (verdict == CONFIG_VALID || verdict == CONFIG_UNFINISHED)
		oracle_check(core->broken != VIRTIO_BROKEN_CONFIG,
			     ORACLE_CONFIG_VALUE,
			     "a valid configuration of %llu bytes was refused",
			     fresh.len, 0);
	else if (verdict != CONFIG_NOT_READ)
		oracle_check(core->broken == VIRTIO_BROKEN_CONFIG,
			     ORACLE_CONFIG_VALUE,
			     "a configuration was refused for reason %llu",
			     core->broken, 0);
}

/* The core wrote to the field space. */
void config_model_wrote(unsigned int offset, unsigned int len)
{
	const u8 *bytes = lab.regs->field + offset;
	unsigned int i;

	settle();
	if (!config_model.now.ack_half || offset != config_model.now.ack_at ||
	    len != config_model.now.ack_half)
		return;
	lab.acked = 0;
	for (i = 0; i < len && i < 8; i++)
		lab.acked |= (u64)bytes[i] << (8 * i);
	for (; i < len; i++)
		oracle_check(!bytes[i], ORACLE_FEATURES,
			     "byte %llu of the acknowledged half is %llu", i,
			     bytes[i]);
	watch_allow_fields(config_model.now.ack_at, config_model.now.ack_half);
}

/* The core says that the features are settled: as the rules have it? */
void config_model_features_ok(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;
	u64 extra;

	settle();
	extra = lab.acked & ~(config_model.now.offered & config_model.agreed);
	oracle_check(!extra, ORACLE_FEATURES,
		     "bits %#llx are acknowledged, %#llx are offered",
		     lab.acked, config_model.now.offered);
	oracle_check(!core || core->features == lab.acked, ORACLE_FEATURES,
		     "the driver goes by %#llx, the device was told %#llx",
		     core ? core->features : 0, lab.acked);
	if (lab_is_registers())
		oracle_check(lab.acked >> VIRTIO_F_VERSION_1 & 1,
			     ORACLE_FEATURES, "VERSION_1 is not agreed: %#llx",
			     lab.acked, 0);
	oracle_check(!(config_model.now.offered >> VIRTIO_F_ACCESS_PLATFORM &
		       1) || lab.acked >> VIRTIO_F_ACCESS_PLATFORM & 1,
		     ORACLE_FEATURES, "ACCESS_PLATFORM was declined: %#llx",
		     lab.acked, 0);
	oracle_check(lab.acked == config_model.agreed, ORACLE_FEATURES,
		     "the features are %#llx, the model has %#llx", lab.acked,
		     config_model.agreed);
	if (core && core->config)
		check_copy();
}

/* There is a configuration: the model is up to date. */
bool config_model_is_live(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;

	settle();
	return core && core->config;
}

/* What a refresh that just ended must have returned. */
static int expected_refresh(enum config_verdict verdict)
{
	unsigned int i;

	if (arena.failed[ARENA_ALLOC])
		return -ENOMEM;
	if (lab.regs->gone)
		return -EIO;
	if (verdict == CONFIG_TORN)
		return -EAGAIN;
	if (verdict != CONFIG_VALID || fresh.len != config_model.now.len ||
	    fresh.count != config_model.now.count)
		return -EIO;
	for (i = 0; i < config_model.now.count; i++)
		if (fresh.field[i].type != config_model.now.field[i].type ||
		    fresh.field[i].len != config_model.now.field[i].len)
			return -EIO;
	return 0;
}

static void take_fresh(void)
{
	unsigned int i;

	for (i = 0; i < config_model.now.count; i++) {
		struct config_field *field = &config_model.now.field[i];

		if (field->type == VIRTIO_CONFIG_F_VIRTIO ||
		    field->type == VIRTIO_CONFIG_F_VIRTQUEUE)
			continue;
		bytes_copy(config_model.now.bytes + field->pos,
			   fresh.bytes + field->pos, field->len + 2u);
		field->used = false;
	}
	config_model.epoch++;
}

/*
 * A refresh: @call is the public function that makes it. Its result, and in
 * *@want that of the refresh itself.
 */
int config_model_refresh(unsigned int call,
			 int (*refresh)(struct virtio_device *vdev), int *want)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	bool works = config_model_is_live() && !virtio_device_broken(vdev);
	enum config_verdict verdict;
	int err;

	arena.failed[ARENA_ALLOC] = false;
	config_look_begin();
	watch_begin((enum call)call);
	err = refresh(vdev);
	watch_end((u64)(s64)err);
	*want = -EIO;
	if (!works)
		return err;
	verdict = config_look_end(&fresh);
	*want = expected_refresh(verdict);
	oracle_check(verdict != CONFIG_UNFINISHED || lab.regs->gone ||
			     arena.failed[ARENA_ALLOC],
		     ORACLE_CONFIG_VALUE,
		     "a refresh was given up, it returned -%llu", (u64)-err, 0);
	oracle_check(
		!lab.regs->gone || *want != -EIO || virtio_device_broken(vdev),
		ORACLE_CONFIG_VALUE,
		"a device went in a refresh, and nothing came of it", 0, 0);
	if (!*want)
		take_fresh();
	check_copy();
	return err;
}

/* A power of two. */
static bool size_valid(u32 num)
{
	return num && num <= VRING_NUM_MAX && (num & -num) == num;
}

static int queue_of(const struct config_field *field, unsigned int *index,
		    unsigned int *num)
{
	if (!field)
		return -ENOENT;
	*index = get_unaligned_le16(config_model.now.bytes + field->pos + 2);
	*num = get_unaligned_le16(config_model.now.bytes + field->pos + 4);
	return size_valid(*num) ? 0 : -EINVAL;
}

/* The next queue that find_vq() comes to: 0, -ENOENT, or -EINVAL (its size). */
int config_model_next_queue(unsigned int *index, unsigned int *num)
{
	struct config_field *field = NULL;

	if (config_model_is_live())
		field = config_view_next(&config_model.now,
					 VIRTIO_CONFIG_F_VIRTQUEUE);
	return queue_of(field, index, num);
}

/* The n-th queue of all, as above. */
int config_model_queue(unsigned int n, unsigned int *index, unsigned int *num)
{
	const struct config_view *view = &config_model.now;
	unsigned int i;

	for (i = 0; i < view->count; i++)
		if (view->field[i].type == VIRTIO_CONFIG_F_VIRTQUEUE && !n--)
			return queue_of(&view->field[i], index, num);
	return -ENOENT;
}

/* A queue was set up, or deleted: its field is used, or free again. */
void config_model_mark_queue(unsigned int index, bool used)
{
	unsigned int i;

	settle();
	for (i = 0; i < config_model.now.count; i++)
		if (config_model.now.field[i].type ==
			    VIRTIO_CONFIG_F_VIRTQUEUE &&
		    get_unaligned_le16(config_model.now.bytes +
				       config_model.now.field[i].pos + 2) ==
			    index)
			config_model.now.field[i].used = used;
}

unsigned int config_model_device(u8 *bytes)
{
	return config_view_device(&config_model.now, config_model.now.len,
				  bytes);
}

u64 config_model_features(void)
{
	return config_model_is_live() ? config_model.agreed : 0;
}
