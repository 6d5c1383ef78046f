// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Configuration fields: [type][len][... len bytes ...], parsed once from a
 * private snapshot. The rule for every byte string is docs/config-format.md.
 *
 * The device is asked for its bytes when a driver is bound and when the driver
 * refreshes; a device that changes them later changes nothing here.
 */
#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_transport.h>

#include "virtio_core.h"

#define FIELD_HEADER 2
#define QUEUE_FIELD_LEN 4

/*
 * A token is the position of a field plus one, below the generation of the
 * snapshot: it names one field of one binding, and nothing in it is an address.
 */
#define TOKEN_POS_BITS 13
#define TOKEN_POS_MASK ((1u << TOKEN_POS_BITS) - 1)
#define TOKEN_GENERATION_MASK ((1u << (31 - TOKEN_POS_BITS)) - 1)

static void *make_token(const struct virtio_core *core, unsigned int pos)
{
	u32 gen = core->generation & TOKEN_GENERATION_MASK;

	return (void *)(uintptr_t)(gen << TOKEN_POS_BITS | (pos + 1));
}

/* Type, with the used mark, and length: a header in one load. */
static u16 field_header(const u8 *config, unsigned int pos)
{
	return get_unaligned_le16(config + pos);
}

static u8 header_type(u16 header)
{
	return header & VIRTIO_CONFIG_TYPE_MAX;
}

static unsigned int header_len(u16 header)
{
	return header >> 8;
}

/* Each field of a parsed snapshot; @pos is its position, @header its header. */
#define for_each_field(core, pos, header)                                    \
	for ((pos) = 0; (pos) < (core)->config_len &&                        \
			((header) = field_header((core)->config, (pos)), 1); \
	     (pos) += FIELD_HEADER + header_len(header))

static u8 field_type(const u8 *config, unsigned int pos)
{
	return header_type(field_header(config, pos));
}

static unsigned int field_len(const u8 *config, unsigned int pos)
{
	return header_len(field_header(config, pos));
}

static unsigned int next_field(const u8 *config, unsigned int pos)
{
	return pos + FIELD_HEADER + field_len(config, pos);
}

/* What the rules that look at several fields remember of one snapshot. */
struct parse {
	bool features;
	unsigned int device_len;
	u64 queue_seen[VIRTIO_CONFIG_QUEUES_MAX / 64];
};

static bool queue_field_valid(struct parse *parse, const u8 *bytes,
			      unsigned int len)
{
	unsigned int index;
	u64 bit;

	if (len != QUEUE_FIELD_LEN)
		return false;
	index = get_unaligned_le16(bytes);
	if (index >= VIRTIO_CONFIG_QUEUES_MAX)
		return false;
	/* Two fields for one queue would set the same queue up twice. */
	bit = 1ULL << (index % 64);
	if (parse->queue_seen[index / 64] & bit)
		return false;
	parse->queue_seen[index / 64] |= bit;
	return true;
}

static bool field_valid(struct parse *parse, u8 type, const u8 *bytes,
			unsigned int len)
{
	switch (type) {
	case VIRTIO_CONFIG_F_VIRTIO:
		/* With an odd length the two halves would share a byte. */
		if (parse->features || !len || len % 2)
			return false;
		parse->features = true;
		return true;
	case VIRTIO_CONFIG_F_VIRTQUEUE:
		return queue_field_valid(parse, bytes, len);
	case VIRTIO_CONFIG_F_DEVICE:
		parse->device_len += len;
		return parse->device_len <= VIRTIO_CONFIG_DEVICE_MAX;
	default:
		return true;
	}
}

/*
 * Walk private bytes once; every step is bounded by what is left. Returns the
 * length up to the terminator or the end, or -EINVAL.
 */
static int parse_fields(const u8 *config, unsigned int len)
{
	struct parse parse = { 0 };
	unsigned int pos = 0, n;
	u16 header;

	while (pos < len && config[pos] != VIRTIO_CONFIG_F_END) {
		/* A type with the used bit would be born used up. */
		if (config[pos] > VIRTIO_CONFIG_TYPE_MAX)
			return -EINVAL;
		if (len - pos < FIELD_HEADER)
			return -EINVAL;
		header = field_header(config, pos);
		n = header_len(header);
		pos += FIELD_HEADER;
		if (n > len - pos ||
		    !field_valid(&parse, header_type(header), config + pos, n))
			return -EINVAL;
		pos += n;
	}
	return (int)pos;
}

/*
 * The field space as it is now, for the caller to free; its length, or an
 * error. *@same: the generation did not move, so the copy is not torn.
 */
static int copy_fields(struct virtio_device *vdev, u8 **config, bool *same)
{
	const struct virtio_transport_ops *ops = vdev->transport;
	u32 before = 0, after = 0;
	int len, err;
	u8 *buf;

	if (ops->generation) {
		err = ops->generation(vdev, &before);
		if (err)
			return err;
	}
	len = ops->config_len(vdev);
	if (len < 0)
		return len;
	if (len > VIRTIO_CONFIG_SIZE_MAX)
		return -EINVAL;
	/* Zeroes: a transport that copies less leaves no bytes of others. */
	buf = kzalloc((size_t)len + 1, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	err = ops->config_read(vdev, 0, buf, (unsigned int)len);
	if (!err && ops->generation)
		err = ops->generation(vdev, &after);
	if (err) {
		kfree(buf);
		return err;
	}
	*same = before == after;
	*config = buf;
	return len;
}

static int read_fields(struct virtio_device *vdev, u8 **config)
{
	u8 *buf = NULL;
	bool same;
	int i, len;

	for (i = 0; i < VIRTIO_CONFIG_RETRIES; i++) {
		len = copy_fields(vdev, &buf, &same);
		if (len < 0)
			return len;
		if (same) {
			*config = buf;
			return len;
		}
		kfree(buf);
	}
	return -EAGAIN;
}

/* A parsed snapshot in *@config, for the caller to free; its length. */
static int take_snapshot(struct virtio_device *vdev, u8 **config)
{
	int len, parsed;
	u8 *buf = NULL;

	len = vdev->transport->regs ? virtio_registers_snapshot(vdev, &buf)
				    : read_fields(vdev, &buf);
	if (len < 0)
		return len;
	parsed = parse_fields(buf, (unsigned int)len);
	if (parsed < 0)
		kfree(buf);
	else
		*config = buf;
	return parsed;
}

void virtio_config_forget(struct virtio_device *vdev)
{
	struct virtio_core *core = vdev->core;

	kfree(core->config);
	kfree(core->acks);
	core->config = NULL;
	core->acks = NULL;
	core->config_len = 0;
	core->generation++;
}

int virtio_config_snapshot(struct virtio_device *vdev)
{
	struct virtio_core *core = vdev->core;
	u8 *config = NULL;
	int len;

	len = take_snapshot(vdev, &config);
	if (len == -ENOMEM)
		return len;
	if (len == -ENODEV)
		virtio_device_gone(vdev);
	else if (len < 0)
		virtio_device_break(vdev, VIRTIO_BROKEN_CONFIG);
	if (len < 0)
		return -EIO;
	core->config = config;
	core->config_len = (unsigned int)len;
	return 0;
}

static bool same_layout(const struct virtio_core *core, const u8 *config,
			unsigned int len)
{
	unsigned int pos = 0;

	if (len != core->config_len)
		return false;
	while (pos < len) {
		if (field_type(core->config, pos) != config[pos] ||
		    field_len(core->config, pos) != field_len(config, pos))
			return false;
		pos = next_field(config, pos);
	}
	return true;
}

/* Features and queues stay as agreed; what else there is becomes new. */
static void merge_fields(struct virtio_core *core, const u8 *config)
{
	unsigned int pos;

	for (pos = 0; pos < core->config_len; pos = next_field(config, pos)) {
		if (config[pos] == VIRTIO_CONFIG_F_VIRTIO ||
		    config[pos] == VIRTIO_CONFIG_F_VIRTQUEUE)
			continue;
		memcpy(core->config + pos, config + pos,
		       FIELD_HEADER + field_len(config, pos));
	}
}

int virtio_config_refresh(struct virtio_device *vdev)
{
	struct virtio_core *core = vdev->core;
	u8 *config = NULL;
	int len, err = 0;

	if (!core || !core->config || core->broken)
		return -EIO;
	len = take_snapshot(vdev, &config);
	if (len == -ENODEV)
		virtio_device_gone(vdev);
	if (len < 0)
		return len == -EAGAIN || len == -ENOMEM ? len : -EIO;
	if (same_layout(core, config, (unsigned int)len)) {
		merge_fields(core, config);
		core->generation++;
	} else {
		err = -EIO;
	}
	kfree(config);
	return err;
}
EXPORT_SYMBOL_GPL(virtio_config_refresh);

/* The first unused field of @type; its position, or -ENOENT. */
static int find_field(const struct virtio_core *core, u8 type)
{
	unsigned int pos;
	u16 header;

	for_each_field(core, pos, header)
		if ((u8)header == type)
			return (int)pos;
	return -ENOENT;
}

static void use_field(struct virtio_core *core, unsigned int pos)
{
	core->config[pos] |= VIRTIO_CONFIG_F_USED;
}

/* Types that no field can have are never found, also not the used mark. */
static bool type_exists(const struct virtio_core *core, u8 type)
{
	return core && type != VIRTIO_CONFIG_F_END &&
	       type <= VIRTIO_CONFIG_TYPE_MAX;
}

static void *config_find(struct virtio_device *vdev, u8 type, unsigned int *len)
{
	struct virtio_core *core = vdev->core;
	int pos;

	if (!type_exists(core, type))
		return NULL;
	pos = find_field(core, type);
	if (pos < 0)
		return NULL;
	use_field(core, (unsigned int)pos);
	*len = field_len(core->config, (unsigned int)pos);
	return make_token(core, (unsigned int)pos);
}

int virtio_config_token(struct virtio_device *vdev, const void *token,
			unsigned int len)
{
	const struct virtio_core *core = vdev->core;
	unsigned int pos, want;
	u32 value = (u32)(uintptr_t)token;

	if (!core || !token || (uintptr_t)token >> 31)
		return -EINVAL;
	if (value >> TOKEN_POS_BITS !=
	    (core->generation & TOKEN_GENERATION_MASK))
		return -ESTALE;
	want = (value & TOKEN_POS_MASK) - 1;
	for (pos = 0; pos < core->config_len && pos < want;)
		pos = next_field(core->config, pos);
	/* A position inside a field, or the length of another one. */
	if (pos != want || pos >= core->config_len ||
	    len != field_len(core->config, pos))
		return -EINVAL;
	return (int)pos;
}

static int config_get(struct virtio_device *vdev, void *token, void *buf,
		      unsigned int len)
{
	int pos = virtio_config_token(vdev, token, len);

	if (pos < 0)
		return pos;
	memcpy(buf, vdev->core->config + pos + FIELD_HEADER, len);
	return 0;
}

/* How much of the device configuration lies in fields before @end. */
static unsigned int device_offset(const struct virtio_core *core,
				  unsigned int end)
{
	unsigned int pos, offset = 0;
	u16 header;

	for_each_field(core, pos, header) {
		if (pos >= end)
			break;
		if (header_type(header) == VIRTIO_CONFIG_F_DEVICE)
			offset += header_len(header);
	}
	return offset;
}

int virtio_config_write(struct virtio_device *vdev, unsigned int pos,
			unsigned int offset, const u8 *bytes, unsigned int len)
{
	const struct virtio_core *core = vdev->core;
	u8 type = field_type(core->config, pos);

	if (core->broken)
		return -EIO;
	if (!vdev->transport->regs)
		return vdev->transport->config_write(
			vdev, pos + FIELD_HEADER + offset, bytes, len);
	if (type == VIRTIO_CONFIG_F_DEVICE)
		offset += device_offset(core, pos);
	return virtio_registers_write(vdev, type, offset, bytes, len);
}

static int config_set(struct virtio_device *vdev, void *token, const void *buf,
		      unsigned int len)
{
	int pos = virtio_config_token(vdev, token, len);
	u8 *config, type;
	int err;

	if (pos < 0)
		return pos;
	config = vdev->core->config;
	type = field_type(config, (unsigned int)pos);
	if (type == VIRTIO_CONFIG_F_VIRTIO || type == VIRTIO_CONFIG_F_VIRTQUEUE)
		return -EPERM;
	err = virtio_config_write(vdev, (unsigned int)pos, 0, buf, len);
	if (!err)
		memcpy(config + pos + FIELD_HEADER, buf, len);
	return err;
}

/* The bus keeps the ladder: a driver may only give up or start over. */
static int config_set_status(struct virtio_device *vdev, u8 status)
{
	struct virtio_core *core = vdev->core;

	if (!core)
		return -EIO;
	if (!status)
		return virtio_reset_device(vdev);
	if (status == (core->status | VIRTIO_CONFIG_S_FAILED))
		return virtio_raise_status(vdev, VIRTIO_CONFIG_S_FAILED);
	if (status == (core->status | VIRTIO_CONFIG_S_DRIVER_OK) &&
	    core->status & VIRTIO_CONFIG_S_DRIVER)
		return virtio_device_ready(vdev);
	return -EPERM;
}

const struct virtio_config_ops virtio_config_fields_ops = {
	.find = config_find,
	.get = config_get,
	.set = config_set,
	.get_status = virtio_get_status,
	.set_status = config_set_status,
	.find_vq = virtio_find_vq,
	.del_vq = virtio_del_vq,
};
EXPORT_SYMBOL_GPL(virtio_config_fields_ops);

/* Length is tested before the field is used up: a mistake costs nothing. */
static const u8 *use_bytes(struct virtio_device *vdev, u8 type,
			   unsigned int len, int *err)
{
	struct virtio_core *core = vdev->core;
	int pos;

	*err = -ENOENT;
	if (!type_exists(core, type))
		return NULL;
	pos = find_field(core, type);
	if (pos < 0)
		return NULL;
	*err = -EIO;
	if (field_len(core->config, (unsigned int)pos) != len)
		return NULL;
	*err = 0;
	use_field(core, (unsigned int)pos);
	return core->config + pos + FIELD_HEADER;
}

int virtio_config_bytes(struct virtio_device *vdev, u8 type, void *buf,
			unsigned int len)
{
	const u8 *bytes;
	int err;

	bytes = use_bytes(vdev, type, len, &err);
	if (bytes)
		memcpy(buf, bytes, len);
	return err;
}
EXPORT_SYMBOL_GPL(virtio_config_bytes);

int __virtio_config_val(struct virtio_device *vdev, u8 type, void *val,
			size_t size)
{
	const u8 *bytes;
	u16 v16;
	u32 v32;
	u64 v64;
	int err;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return -EINVAL;
	bytes = use_bytes(vdev, type, (unsigned int)size, &err);
	if (!bytes)
		return err;
	/* memcpy: the caller's object may be a member of a packed struct. */
	switch (size) {
	case 1:
		memcpy(val, bytes, 1);
		break;
	case 2:
		v16 = get_unaligned_le16(bytes);
		memcpy(val, &v16, 2);
		break;
	case 4:
		v32 = get_unaligned_le32(bytes);
		memcpy(val, &v32, 4);
		break;
	default:
		v64 = get_unaligned_le64(bytes);
		memcpy(val, &v64, 8);
		break;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(__virtio_config_val);

/* Copy what one piece of the device configuration holds of a range. */
static void copy_piece(const u8 *bytes, unsigned int len, unsigned int start,
		       unsigned int offset, u8 *buf, unsigned int want)
{
	unsigned int skip, n;

	if (offset >= start + len || offset + want <= start)
		return;
	skip = offset > start ? offset - start : 0;
	start += skip;
	n = min(len - skip, offset + want - start);
	memcpy(buf + (start - offset), bytes + skip, n);
}

int virtio_device_config(struct virtio_device *vdev, unsigned int offset,
			 void *buf, unsigned int len)
{
	const struct virtio_core *core = vdev->core;
	unsigned int pos, size, start = 0;
	u16 header;

	if (!core)
		return -ENOENT;
	size = device_offset(core, core->config_len);
	if (offset > size || len > size - offset)
		return -ENOENT;
	for_each_field(core, pos, header) {
		if (header_type(header) != VIRTIO_CONFIG_F_DEVICE)
			continue;
		copy_piece(core->config + pos + FIELD_HEADER,
			   header_len(header), start, offset, buf, len);
		start += header_len(header);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(virtio_device_config);

u8 *virtio_config_features(struct virtio_device *vdev, unsigned int *half)
{
	struct virtio_core *core = vdev->core;
	unsigned int pos;
	u16 header;

	for_each_field(core, pos, header) {
		if (header_type(header) != VIRTIO_CONFIG_F_VIRTIO)
			continue;
		*half = header_len(header) / 2;
		return core->config + pos + FIELD_HEADER;
	}
	return NULL;
}

int virtio_config_next_queue(struct virtio_device *vdev, u16 *index, u16 *num)
{
	struct virtio_core *core = vdev->core;
	const u8 *bytes;
	int pos;

	pos = find_field(core, VIRTIO_CONFIG_F_VIRTQUEUE);
	if (pos < 0)
		return pos;
	bytes = core->config + pos + FIELD_HEADER;
	*index = get_unaligned_le16(bytes);
	*num = get_unaligned_le16(bytes + 2);
	return pos;
}

void virtio_config_mark_queue(struct virtio_device *vdev, unsigned int pos,
			      bool used)
{
	struct virtio_core *core = vdev->core;

	if (used)
		use_field(core, pos);
	else
		core->config[pos] = VIRTIO_CONFIG_F_VIRTQUEUE;
}
