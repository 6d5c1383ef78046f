// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration as docs/config-format.md has it: a second, slower parser
 * over the bytes that the core read, and each call of a driver held against
 * it. Where the transport is registers the fields are the core's own.
 */
#include "arena.h"
#include "lab.h"
#include "virtio_core.h"
#include "watch.h"

#define FIELDS_MAX (VIRTIO_CONFIG_SIZE_MAX / 2)

struct field {
	u16 pos;
	u8 type;
	u8 len;
	bool used;
};

static u8 seen[VIRTIO_CONFIG_SIZE_MAX]; /* as last read */
static unsigned int seen_len;
static bool was_seen;
static struct field fields[FIELDS_MAX];
static unsigned int field_count;
static bool valid;
static unsigned int ack_offset, ack_half;
static u64 offered;

void config_model_reset(void)
{
	seen_len = 0;
	was_seen = false;
	field_count = 0;
	valid = false;
	ack_half = 0;
	offered = 0;
}

static bool is_binding(void)
{
	return lab.status ==
	       (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
}

void config_model_read(unsigned int offset, const u8 *bytes, unsigned int len)
{
	if (!is_binding() || offset || len > sizeof(seen))
		return;
	memcpy(seen, bytes, len);
	seen_len = len;
	was_seen = true;
}

void config_model_feature_word(unsigned int word, u32 bits)
{
	if (!is_binding())
		return;
	offered &= word ? 0xffffffffULL : ~0xffffffffULL;
	offered |= (u64)bits << (32 * word);
}

static u64 low_bits(const u8 *bytes, unsigned int half)
{
	u64 bits = 0;
	unsigned int i;

	for (i = 0; i < half && i < 8; i++)
		bits |= (u64)bytes[i] << (8 * i);
	return bits;
}

static bool queue_repeats(unsigned int index)
{
	unsigned int i;

	for (i = 0; i < field_count; i++)
		if (fields[i].type == VIRTIO_CONFIG_F_VIRTQUEUE &&
		    get_unaligned_le16(seen + fields[i].pos + 2) == index)
			return true;
	return false;
}

/* May a field of this kind stand here? */
static bool field_allowed(u8 type, unsigned int pos, unsigned int len,
			  unsigned int *device_len)
{
	unsigned int index;

	if (type == VIRTIO_CONFIG_F_VIRTIO) {
		if (ack_half || !len || len % 2)
			return false;
		ack_half = len / 2;
		ack_offset = pos + 2 + ack_half;
		offered = low_bits(seen + pos + 2, ack_half);
	}
	if (type == VIRTIO_CONFIG_F_VIRTQUEUE) {
		if (len != 4)
			return false;
		index = get_unaligned_le16(seen + pos + 2);
		if (index >= VIRTIO_CONFIG_QUEUES_MAX || queue_repeats(index))
			return false;
	}
	if (type == VIRTIO_CONFIG_F_DEVICE) {
		*device_len += len;
		if (*device_len > VIRTIO_CONFIG_DEVICE_MAX)
			return false;
	}
	return true;
}

static void parse(void)
{
	unsigned int pos = 0, len, device_len = 0;
	struct field *field;

	field_count = 0;
	valid = false;
	ack_half = 0;
	offered = 0;
	while (pos < seen_len && seen[pos]) {
		if (seen[pos] >= 0x80 || pos + 1 >= seen_len)
			return;
		len = seen[pos + 1];
		if (pos + 2 + len > seen_len ||
		    !field_allowed(seen[pos], pos, len, &device_len))
			return;
		field = &fields[field_count++];
		field->pos = (u16)pos;
		field->type = seen[pos];
		field->len = (u8)len;
		field->used = false;
		pos += 2 + len;
	}
	valid = true;
}

/* Registers: take the core's fields; honest_fields() checks how they came. */
static void copy_core(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;
	u64 words = offered;
	unsigned int i, n = core->config_len;

	memcpy(seen, core->config, n);
	seen_len = n;
	for (i = 0; i < n; i += 2u + seen[i + 1])
		seen[i] &= 0x7f;
	parse();
	offered = words;
}

static bool device_is_registers(void)
{
	return lab.lb.vdev.transport && lab.lb.vdev.transport->regs;
}

/* The driver's first moment: parse what the core has just read. */
static void first_look(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;

	if (device_is_registers())
		copy_core();
	else if (was_seen)
		parse();
	was_seen = false;
	oracle_check(valid || !core->config, ORACLE_CONFIG_VALUE,
		     "a configuration of %llu bytes was accepted", seen_len, 0);
}

/* The used marks of the queues follow the core: find_vq() moves them. */
static void follow_queues(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;
	unsigned int i;

	for (i = 0; i < field_count; i++)
		if (fields[i].type == VIRTIO_CONFIG_F_VIRTQUEUE)
			fields[i].used = core->config[fields[i].pos] >> 7;
}

void config_model_bound(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;
	bool failed = arena.failed[ARENA_ALLOC] || arena.failed[ARENA_DMA];

	if (!core || !was_seen)
		return;
	/* The probe failed before or after: did the parser have a reason? */
	parse();
	oracle_check(valid || !core->config, ORACLE_CONFIG_VALUE,
		     "a configuration of %llu bytes was accepted", seen_len, 0);
	if (valid && !failed && !lab.churned &&
	    core->broken == VIRTIO_BROKEN_CONFIG)
		oracle_fire(ORACLE_CONFIG_VALUE,
			    "a valid configuration of %llu bytes was refused",
			    seen_len, 0);
	was_seen = false;
	lab.churned = false;
}

/* It moves with each snapshot that the core takes. */
u32 config_model_generation(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;

	return core ? core->generation : 0;
}

/* A refresh makes every field findable again but the features and queues. */
void config_model_refreshed(void)
{
	unsigned int i;

	for (i = 0; i < field_count; i++)
		if (fields[i].type != VIRTIO_CONFIG_F_VIRTIO &&
		    fields[i].type != VIRTIO_CONFIG_F_VIRTQUEUE)
			fields[i].used = false;
}

void config_model_wrote(unsigned int offset, unsigned int len)
{
	const struct virtio_core *core = lab.lb.vdev.core;

	if (is_binding() && was_seen && core && core->config)
		first_look();
	if (!ack_half || offset != ack_offset || len != ack_half)
		return;
	lab.acked = low_bits(lab.regs->field + offset, len);
	watch_allow_fields(ack_offset, ack_half);
}

/* What the plain driver and the core understand; see plain.c. */
static u64 understood(void)
{
	const struct virtio_driver *drv = lab.driver;
	u64 bits =
		1ULL << VIRTIO_RING_F_INDIRECT_DESC |
		1ULL << VIRTIO_RING_F_EVENT_IDX | 1ULL << VIRTIO_F_VERSION_1 |
		1ULL << VIRTIO_F_ACCESS_PLATFORM | 1ULL << VIRTIO_F_RING_RESET;
	unsigned int i;

	/* virtio_use_bit() is the driver's word for any device feature. */
	if (drv == &lab.plain)
		return bits | 0xffffffULL | ~0ULL << 50;
	for (i = 0; i < drv->feature_count; i++)
		bits |= 1ULL << drv->feature_table[i];
	return bits;
}

#define BIT(n) (1ULL << (n))

/*
 * VIRTIO 1.2, 5.1.3.1, 5.7.3 and 5.9.3.1, by what is needed: none of @bits
 * without one of @any.
 */
static const struct {
	u32 device;
	u64 any;
	u64 bits;
} needs[] = {
	/* Network: the checksums, segmentation, the control queue. */
	{ 1, BIT(0), BIT(11) | BIT(12) | BIT(14) | BIT(56) },
	{ 1, BIT(1), BIT(7) | BIT(8) | BIT(10) | BIT(54) | BIT(55) },
	{ 1, BIT(7) | BIT(8), BIT(9) },
	{ 1, BIT(11) | BIT(12), BIT(13) | BIT(61) },
	{ 1, BIT(17),
	  BIT(18) | BIT(19) | BIT(21) | BIT(22) | BIT(23) | BIT(53) | BIT(57) |
		  BIT(60) },
	/* GPU: 3D. */
	{ 16, BIT(0), BIT(4) },
	/* Crypto: the revision. */
	{ 20, BIT(0), BIT(1) | BIT(2) | BIT(3) | BIT(4) },
};

/* Of @bits, what means nothing without a bit that is not there. */
static u64 useless(u32 device, u64 bits)
{
	unsigned int i;
	u64 found = 0;

	for (i = 0; i < ARRAY_SIZE(needs); i++)
		if (needs[i].device == device && !(bits & needs[i].any))
			found |= bits & needs[i].bits;
	return found;
}

void config_model_features_ok(void)
{
	u64 extra = lab.acked & ~(offered & understood());

	oracle_check(!extra, ORACLE_FEATURES,
		     "bits %#llx are acknowledged, %#llx are offered",
		     lab.acked, offered);
	extra = useless(lab.lb.vdev.id.device, lab.acked);
	oracle_check(!extra, ORACLE_FEATURES,
		     "bits %#llx of %#llx lack what they need", extra,
		     lab.acked);
	oracle_check(
		!lab.lb.vdev.core || lab.lb.vdev.core->features == lab.acked,
		ORACLE_FEATURES,
		"the driver goes by %#llx, the device was told %#llx",
		lab.lb.vdev.core ? lab.lb.vdev.core->features : 0, lab.acked);
	if (device_is_registers())
		oracle_check(lab.acked >> VIRTIO_F_VERSION_1 & 1,
			     ORACLE_FEATURES, "VERSION_1 is not agreed: %#llx",
			     lab.acked, 0);
	oracle_check(!(offered >> VIRTIO_F_ACCESS_PLATFORM & 1) ||
			     lab.acked >> VIRTIO_F_ACCESS_PLATFORM & 1,
		     ORACLE_FEATURES, "ACCESS_PLATFORM was declined: %#llx",
		     lab.acked, 0);
}

/* Bring the model up to date before a call of the driver. */
static bool ready_for_calls(void)
{
	const struct virtio_core *core = lab.lb.vdev.core;

	if (!core || !core->config)
		return false;
	if (device_is_registers() && (was_seen || !field_count))
		copy_core();
	if (was_seen)
		first_look();
	follow_queues();
	return true;
}

static struct field *next_unused(u8 type)
{
	unsigned int i;

	for (i = 0; i < field_count; i++)
		if (fields[i].type == type && !fields[i].used)
			return &fields[i];
	return NULL;
}

void *config_model_find(u8 type, unsigned int *len)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	bool live = ready_for_calls();
	struct field *field = live && type ? next_unused(type) : NULL;
	unsigned int got = 0xdead;
	void *token;

	watch_begin(CALL_FIND);
	token = vdev->config->find(vdev, type, &got);
	watch_end(token ? got : 0xffff);
	oracle_check(!token == !field, ORACLE_CONFIG_VALUE,
		     "find of type %llu gave a field: %llu", type, !!token);
	if (!token || !field)
		return NULL;
	field->used = true;
	oracle_check(got == field->len, ORACLE_CONFIG_VALUE,
		     "the length of a field is %llu, not %llu", got,
		     field->len);
	*len = got;
	return token;
}

/* Bytes of the device that the driver may see: its acknowledge half is its. */
static bool bytes_match(unsigned int pos, const u8 *buf, unsigned int len)
{
	return !memcmp(lab.lb.vdev.core->config + pos + 2, buf, len);
}

int config_model_get(void *token, unsigned int len)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	u8 buf[256];
	int pos, err;

	memset(buf, 0x5a, sizeof(buf));
	pos = virtio_config_token(vdev, token, len);
	watch_begin(CALL_READ);
	err = vdev->config->get(vdev, token, buf, len);
	watch_end((u64)(s64)err);
	oracle_check(err == (pos < 0 ? pos : 0), ORACLE_CONFIG_VALUE,
		     "get returned -%llu for %llu bytes", (u64)-err, len);
	if (!err)
		oracle_check(pos >= 0 && len <= 255 &&
				     bytes_match((unsigned int)pos, buf, len),
			     ORACLE_CONFIG_VALUE,
			     "get of %llu bytes gave others", len, 0);
	else
		oracle_check(buf[0] == 0x5a && buf[255] == 0x5a,
			     ORACLE_CONFIG_VALUE,
			     "get failed with -%llu and wrote", (u64)-err, 0);
	return err;
}

/* What the driver may write next: @len bytes of a field, from the @skip-th. */
static void allow_bytes(unsigned int pos, unsigned int skip, unsigned int len)
{
	unsigned int i, start = 0;

	if (!device_is_registers()) {
		watch_allow_fields(pos + 2 + skip, len);
		return;
	}
	/* Registers keep the device's bytes one after the other. */
	for (i = 0; i < field_count && fields[i].pos < pos; i++)
		if (fields[i].type == VIRTIO_CONFIG_F_DEVICE)
			start += fields[i].len;
	watch_allow_fields(start + skip, len);
}

int config_model_set(void *token, unsigned int len, u32 fill)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	u8 buf[256], type = 0;
	unsigned int i;
	int pos, err;

	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (u8)(fill >> (8 * (i % 4)));
	pos = virtio_config_token(vdev, token, len);
	if (pos >= 0) {
		type = vdev->core->config[pos] & 0x7f;
		allow_bytes((unsigned int)pos, 0, len);
	}
	watch_begin(CALL_WRITE);
	err = vdev->config->set(vdev, token, buf, len);
	watch_end((u64)(s64)err);
	watch_allow_fields(0, 0);
	oracle_check(err || (type != VIRTIO_CONFIG_F_VIRTIO &&
			     type != VIRTIO_CONFIG_F_VIRTQUEUE && pos >= 0),
		     ORACLE_CONFIG_WRITE,
		     "set of a field of type %llu was allowed", type, 0);
	return err;
}

int config_model_val(u8 type, unsigned int size)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	bool live = ready_for_calls();
	struct field *field = live && type ? next_unused(type) : NULL;
	u64 value = 0x5a5a5a5a5a5a5a5aULL, want;
	int err, expect = 0;
	u8 v8;
	u16 v16;
	u32 v32;

	if (!field)
		expect = -ENOENT;
	else if (field->len != size)
		expect = -EIO;
	watch_begin(CALL_VAL);
	switch (size) {
	case 1:
		err = virtio_config_val(vdev, type, &v8);
		value = err ? value : v8;
		break;
	case 2:
		err = virtio_config_val(vdev, type, &v16);
		value = err ? value : v16;
		break;
	case 4:
		err = virtio_config_val(vdev, type, &v32);
		value = err ? value : v32;
		break;
	default:
		err = virtio_config_val(vdev, type, &value);
		break;
	}
	watch_end(err ? (u64)(s64)err : value);
	oracle_check(err == expect, ORACLE_CONFIG_VALUE,
		     "virtio_config_val returned -%llu, not -%llu", (u64)-err,
		     (u64)-expect);
	if (err || expect)
		return err;
	want = low_bits(vdev->core->config + field->pos + 2, size);
	oracle_check(value == want, ORACLE_CONFIG_VALUE,
		     "the value is %#llx, the field holds %#llx", value, want);
	field->used = true;
	return 0;
}

int config_model_bytes(u8 type, unsigned int len)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	bool live = ready_for_calls();
	struct field *field = live && type ? next_unused(type) : NULL;
	int err, expect = !field ? -ENOENT : field->len != len ? -EIO : 0;
	u8 buf[256];

	memset(buf, 0x5a, sizeof(buf));
	watch_begin(CALL_BYTES);
	err = virtio_config_bytes(vdev, type, buf, len);
	watch_end((u64)(s64)err);
	oracle_check(err == expect, ORACLE_CONFIG_VALUE,
		     "virtio_config_bytes returned -%llu, not -%llu", (u64)-err,
		     (u64)-expect);
	if (err || expect)
		return err;
	oracle_check(bytes_match(field->pos, buf, len), ORACLE_CONFIG_VALUE,
		     "%llu bytes of a field were others", len, 0);
	field->used = true;
	return 0;
}

int config_model_use_bit(void *token, unsigned int len, unsigned int bit)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	unsigned int half = len / 2;
	bool bit_offered = false;
	int pos, got;

	pos = virtio_config_token(vdev, token, len);
	if (pos >= 0) {
		bit_offered =
			(u64)bit < 8ULL * half &&
			virtio_test_bit(vdev->core->config + pos + 2, bit);
		allow_bytes((unsigned int)pos, half, half);
	}
	watch_begin(CALL_USE_BIT);
	got = virtio_use_bit(vdev, token, len, bit);
	watch_end((u64)(s64)got);
	watch_allow_fields(0, 0);
	oracle_check(got != 1 || (bit_offered && !(len % 2) &&
				  !vdev->core->features_ok),
		     ORACLE_FEATURES, "bit %llu of %llu bytes was acknowledged",
		     bit, len);
	oracle_check(got || !bit_offered || !token, ORACLE_FEATURES,
		     "bit %llu of %llu bytes is offered and was denied", bit,
		     len);
	return got;
}
