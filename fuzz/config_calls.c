// SPDX-License-Identifier: GPL-2.0-or-later
/* Each call of a driver about the configuration, held against the model. */
#include "arena.h"
#include "bytes.h"
#include "config_look.h"
#include "lab.h"
#include "watch.h"

#define TOKENS_MAX 16u

/* A token, and the field that it was given for. */
struct given {
	void *token;
	u32 epoch;
	u16 pos;
	u8 len;
};

static struct given given[TOKENS_MAX];
static unsigned int givens;

static struct config_field *field_at(unsigned int pos)
{
	unsigned int i;

	for (i = 0; i < config_model.now.count; i++)
		if (config_model.now.field[i].pos == pos)
			return &config_model.now.field[i];
	return NULL;
}

/* The field that a token names; NULL: none, or none any more. */
static const struct config_field *field_of(const void *token)
{
	const struct given *g;

	if (!token)
		return NULL;
	for (g = given; g < given + min(givens, TOKENS_MAX); g++)
		if (g->token == token && g->epoch == config_model.epoch)
			return field_at(g->pos);
	return NULL;
}

/* A call with a token succeeds with its own length, and not at all if stale. */
static bool token_result(const struct config_field *field, unsigned int len,
			 int err)
{
	if (!config_model_is_live() || !field)
		return err < 0;
	return err == (field->len == len ? 0 : -EINVAL);
}

void *config_model_find(u8 type, unsigned int *len)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	struct config_field *field = NULL;
	unsigned int got = 0xdead;
	void *token;

	if (config_model_is_live() && type)
		field = config_view_next(&config_model.now, type);
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
	given[givens % TOKENS_MAX] = (struct given){
		.token = token,
		.epoch = config_model.epoch,
		.pos = field->pos,
		.len = field->len,
	};
	givens++;
	*len = got;
	return token;
}

int config_model_get(void *token, unsigned int len)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	const struct config_field *field = field_of(token);
	u8 buf[256];
	int err;

	bytes_fill(buf, 0x5a, sizeof(buf));
	watch_begin(CALL_READ);
	err = vdev->config->get(vdev, token, buf, len);
	watch_end((u64)(s64)err);
	oracle_check(token_result(field, len, err), ORACLE_CONFIG_VALUE,
		     "get returned -%llu for %llu bytes", (u64)-err, len);
	config_model_put_acks();
	if (err)
		oracle_check(buf[0] == 0x5a && buf[255] == 0x5a,
			     ORACLE_CONFIG_VALUE,
			     "get failed with -%llu and wrote", (u64)-err, 0);
	else if (field && !lab.regs->gone)
		oracle_check(bytes_same(config_model.now.bytes + field->pos + 2,
					buf, len),
			     ORACLE_CONFIG_VALUE,
			     "get of %llu bytes gave others", len, 0);
	return err;
}

/* Where a field's bytes are the device's to read; false: nowhere. */
static bool allow_write(const struct config_field *field, unsigned int skip,
			unsigned int len)
{
	unsigned int at = field->pos + 2u;

	if (lab_is_registers()) {
		if (field->type != VIRTIO_CONFIG_F_DEVICE)
			return false;
		at = config_view_device(&config_model.now, field->pos, NULL);
	}
	watch_allow_fields(at + skip, len);
	return true;
}

static const u8 *device_bytes(const struct config_field *field)
{
	if (lab_is_registers())
		return lab.regs->config +
		       config_view_device(&config_model.now, field->pos, NULL);
	return lab.regs->field + field->pos + 2;
}

static int expected_set(const struct config_field *field, bool broken)
{
	if (field->type == VIRTIO_CONFIG_F_VIRTIO ||
	    field->type == VIRTIO_CONFIG_F_VIRTQUEUE)
		return -EPERM;
	if (broken)
		return -EIO;
	/* Other fields than the device's come from no register. */
	return lab_is_registers() && field->type != VIRTIO_CONFIG_F_DEVICE
		       ? -EINVAL
		       : 0;
}

int config_model_set(void *token, unsigned int len, u32 fill)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	const struct config_field *field = field_of(token);
	bool right = config_model_is_live() && field && field->len == len;
	int err, want = right ? expected_set(field, virtio_device_broken(vdev))
			      : -EINVAL;
	u8 buf[256];
	unsigned int i;

	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (u8)(fill >> (8 * (i % 4)));
	if (right && !want)
		allow_write(field, 0, len);
	watch_begin(CALL_WRITE);
	err = vdev->config->set(vdev, token, buf, len);
	watch_end((u64)(s64)err);
	watch_allow_fields(0, 0);
	oracle_check(err || right, ORACLE_CONFIG_VALUE,
		     "set of %llu bytes was allowed by no token of theirs", len,
		     0);
	oracle_check(err || !right || want != -EPERM, ORACLE_CONFIG_WRITE,
		     "set of a field of type %llu was allowed",
		     right ? field->type : 0, 0);
	if (!right || lab.regs->gone)
		return err;
	oracle_check(err == want, ORACLE_CONFIG_WRITE,
		     "set returned -%llu, not -%llu", (u64)-err, (u64)-want);
	if (err)
		return err;
	oracle_check(bytes_same(device_bytes(field), buf, len),
		     ORACLE_CONFIG_WRITE,
		     "set of %llu bytes did not arrive at the device", len, 0);
	bytes_copy(config_model.now.bytes + field->pos + 2, buf, len);
	return 0;
}

static u64 value_of(const u8 *bytes, unsigned int size)
{
	u64 value = 0;

	while (size--)
		value = value << 8 | bytes[size];
	return value;
}

/* The field that val() and bytes() must take; what they return without. */
static struct config_field *expected_field(u8 type, unsigned int size, int *err)
{
	struct config_field *field = NULL;

	if (config_model_is_live() && type)
		field = config_view_next(&config_model.now, type);
	*err = !field ? -ENOENT : field->len != size ? -EIO : 0;
	return field;
}

int config_model_val(u8 type, unsigned int size)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	u64 value = 0x5a5a5a5a5a5a5a5aULL, want;
	struct config_field *field;
	int err, expect;
	u8 v8;
	u16 v16;
	u32 v32;

	field = expected_field(type, size, &expect);
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
	want = value_of(config_model.now.bytes + field->pos + 2, size);
	oracle_check(value == want, ORACLE_CONFIG_VALUE,
		     "the value is %#llx, the field holds %#llx", value, want);
	field->used = true;
	return 0;
}

int config_model_bytes(u8 type, unsigned int len)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	struct config_field *field;
	int err, expect;
	u8 buf[256];

	field = expected_field(type, len, &expect);
	bytes_fill(buf, 0x5a, sizeof(buf));
	watch_begin(CALL_BYTES);
	err = virtio_config_bytes(vdev, type, buf, len);
	watch_end((u64)(s64)err);
	oracle_check(err == expect, ORACLE_CONFIG_VALUE,
		     "virtio_config_bytes returned -%llu, not -%llu", (u64)-err,
		     (u64)-expect);
	if (err || expect)
		return err;
	oracle_check(bytes_same(config_model.now.bytes + field->pos + 2, buf,
				len),
		     ORACLE_CONFIG_VALUE, "%llu bytes of a field were others",
		     len, 0);
	field->used = true;
	return 0;
}

int config_model_device_config(u32 at, unsigned int len)
{
	u8 buf[256 + 64], bytes[VIRTIO_CONFIG_DEVICE_MAX];
	unsigned int size = 0;
	int err, want = 0;

	if (config_model_is_live())
		size = config_view_device(&config_model.now,
					  config_model.now.len, bytes);
	if (!config_model_is_live() || (u64)at + len > size)
		want = -ENOENT;
	bytes_fill(buf, 0x5a, sizeof(buf));
	watch_begin(CALL_DEVICE_CONFIG);
	err = virtio_device_config(&lab.lb.vdev, at, buf, len);
	watch_end((u64)(s64)err);
	/* Nothing of a device that is not there: also no error, for no byte. */
	if (!len && !config_model_is_live())
		return err;
	oracle_check(err == want, ORACLE_CONFIG_VALUE,
		     "%llu bytes at %llu of the device configuration", len, at);
	oracle_check(bytes_are(buf + len, 0x5a, sizeof(buf) - len),
		     ORACLE_CONFIG_VALUE,
		     "more was written than the %llu bytes that were wanted",
		     len, 0);
	oracle_check(err || want || bytes_same(buf, bytes + at, len),
		     ORACLE_CONFIG_VALUE,
		     "%llu bytes at %llu of the device configuration were "
		     "others",
		     len, at);
	return err;
}

/* What virtio_use_bit() must return where nothing fails. */
static int expected_use_bit(const struct config_field *field, unsigned int len,
			    u32 bit)
{
	unsigned int half = len / 2;

	if (!field || field->len != len)
		return -EINVAL;
	if (!len || len % 2)
		return -EINVAL;
	if (field->type == VIRTIO_CONFIG_F_VIRTQUEUE ||
	    lab.status & VIRTIO_CONFIG_S_FEATURES_OK ||
	    !(lab.status & VIRTIO_CONFIG_S_DRIVER))
		return -EPERM;
	if (bit / 8 >= half ||
	    !(config_model.now.bytes[field->pos + 2 + bit / 8] >> (bit % 8) &
	      1))
		return 0;
	if (field->type == VIRTIO_CONFIG_F_VIRTIO)
		return features_model_may_use(config_model.agreed, bit)
			       ? 1
			       : -EOPNOTSUPP;
	return 1;
}

/* A bit was taken: the device was told of it, and of all before. */
static void note_bit(const struct config_field *field, unsigned int half,
		     u32 bit)
{
	u8 *half_acked = config_model.acked + field->pos + 2 + half;

	if (field->type == VIRTIO_CONFIG_F_VIRTIO) {
		config_model.agreed |= 1ULL << bit;
		oracle_check(lab.acked == config_model.agreed, ORACLE_FEATURES,
			     "the device was told %#llx, the model has %#llx",
			     lab.acked, config_model.agreed);
		return;
	}
	half_acked[bit / 8] |= (u8)(1u << (bit % 8));
	oracle_check(bytes_same(device_bytes(field) + half, half_acked, half),
		     ORACLE_FEATURES,
		     "bit %llu of a field of type %llu did not arrive", bit,
		     field->type);
}

int config_model_use_bit(void *token, unsigned int len, u32 bit)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	const struct config_field *field =
		config_model_is_live() ? field_of(token) : NULL;
	unsigned int half = len / 2;
	int got, want = token ? expected_use_bit(field, len, bit) : 0;
	bool broken = virtio_device_broken(vdev);

	if (want == 1 && field->type == VIRTIO_CONFIG_F_VIRTIO)
		watch_allow_fields(config_model.now.ack_at,
				   config_model.now.ack_half);
	else if (want == 1)
		allow_write(field, half, half);
	arena.failed[ARENA_ALLOC] = false;
	watch_begin(CALL_USE_BIT);
	got = virtio_use_bit(vdev, token, len, bit);
	watch_end((u64)(s64)got);
	watch_allow_fields(0, 0);
	if (arena.failed[ARENA_ALLOC] && want == 1)
		want = -ENOMEM;
	oracle_check(got != 1 || want == 1, ORACLE_FEATURES,
		     "bit %llu of %llu bytes was acknowledged", bit, len);
	if (lab.regs->gone || broken)
		return got;
	/* Of a stale token it only counts that it is refused. */
	oracle_check(got == want || (!field && token && got < 0),
		     ORACLE_FEATURES,
		     "virtio_use_bit of bit %llu returned -%llu", bit,
		     (u64)-got);
	if (got == 1)
		note_bit(field, half, bit);
	return got;
}
