// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The walk over the capability list of a PCI device that may lie.
 *
 * A bar, an offset and a length of the device's choice become a pointer that
 * the kernel reads and writes: each is checked against the BAR's real size
 * before it is mapped, in 64 bits. A capability is read once, so what was
 * checked is what is used.
 */
#include "pci_caps.h"

#define CONFIG_SPACE 256
#define CONFIG_HEADER 64

/* Of the header: status above the command; the first capability. */
#define HEADER_STATUS 0x04
#define STATUS_CAP_LIST (0x10u << 16)
#define HEADER_CAP_POINTER 0x34

#define CAP_ID_VENDOR 0x09
#define CAP_ID_NOBODY 0xff

/* A virtio capability: dwords from its start. */
#define CAP_BAR 4
#define CAP_OFFSET 8
#define CAP_LENGTH 12
#define CAP_SIZE 16
#define CAP_NOTIFY_MULTIPLIER 16
#define CAP_NOTIFY_SIZE 20

enum window_type { COMMON = 1, NOTIFY, ISR, DEVICE };

/*
 * What a window must be, by type.
 * @cap_size: bytes of the capability
 * @align: of the window's offset (4.1.4.3.1 to 4.1.4.6.1)
 * @min: bytes without which the driver side cannot work
 * @max: bytes that it uses: more is not mapped
 * @missing: what is wrong with a device that has none; NULL: nothing
 */
static const struct window_rule {
	u32 cap_size;
	u32 align;
	u32 min;
	u32 max;
	const char *missing;
} rules[] = {
	[COMMON] = { CAP_SIZE, 4, VLAB_PCI_COMMON_MIN, VLAB_PCI_COMMON_MAX,
		     "no usable common configuration" },
	[NOTIFY] = { CAP_NOTIFY_SIZE, 2, 2, VLAB_PCI_NOTIFY_MAX,
		     "no usable notification structure" },
	[ISR] = { CAP_SIZE, 1, 1, 1, "no usable ISR status" },
	[DEVICE] = { CAP_SIZE, 4, 1, VLAB_PCI_DEVICE_MAX, NULL },
};

/*
 * One walk over the list.
 * @seen: a bit for each dword of configuration space where one began
 */
struct walk {
	const struct vlab_pci_source *source;
	const char *reason;
	u64 seen;
	struct vlab_pci_window window[ARRAY_SIZE(rules)];
	u32 multiplier;
};

static int refuse(struct walk *walk, const char *reason)
{
	walk->reason = reason;
	return -EINVAL;
}

static int absent(struct walk *walk, const char *reason)
{
	walk->reason = reason;
	return -ENODEV;
}

static int read_config(struct walk *walk, unsigned int offset, u32 *value)
{
	if (walk->source->read(walk->source->context, offset, value))
		return absent(walk, "configuration space cannot be read");
	return 0;
}

/* 0: @window is within @bar_len bytes and fit for its purpose. */
static int check_window(struct walk *walk, const struct window_rule *rule,
			const struct vlab_pci_window *window, u64 bar_len)
{
	if (window->length < rule->min)
		return refuse(walk, "a structure is too short");
	if (window->offset % rule->align)
		return refuse(walk, "a structure is not aligned");
	/* In 32 bits 0xfffff000 + 0x2000 would lie within any BAR. */
	if ((u64)window->offset + window->length > bar_len)
		return refuse(walk, "a structure reaches past its BAR");
	return 0;
}

static int read_multiplier(struct walk *walk, unsigned int pos)
{
	u32 value;
	int err;

	err = read_config(walk, pos + CAP_NOTIFY_MULTIPLIER, &value);
	if (err)
		return err;
	/* With an odd one, two bytes would be written across a boundary. */
	if (value & (value - 1) || value == 1)
		return refuse(walk, "notify_off_multiplier is not allowed");
	walk->multiplier = value;
	return 0;
}

/* The virtio capability at @pos, whose first dword is @head. */
static int take_capability(struct walk *walk, unsigned int pos, u32 head)
{
	unsigned int type = head >> 24, size = head >> 16 & 0xff;
	struct vlab_pci_window window;
	u32 bar;
	int err;

	/* Other types are for others; of one type the first one counts. */
	if (type < COMMON || type > DEVICE || walk->window[type].length)
		return 0;
	if (size < rules[type].cap_size || size > CONFIG_SPACE - pos)
		return refuse(walk, "a capability has an impossible length");
	err = read_config(walk, pos + CAP_BAR, &bar);
	if (!err)
		err = read_config(walk, pos + CAP_OFFSET, &window.offset);
	if (!err)
		err = read_config(walk, pos + CAP_LENGTH, &window.length);
	if (err)
		return err;
	/*
	 * A reserved BAR is to be ignored. One of I/O ports cannot be mapped,
	 * and one of memory follows it in an honest list.
	 */
	window.bar = bar & 0xff;
	if (window.bar >= VLAB_PCI_BARS || !walk->source->bar_len[window.bar])
		return 0;
	err = check_window(walk, &rules[type], &window,
			   walk->source->bar_len[window.bar]);
	if (!err && type == NOTIFY)
		err = read_multiplier(walk, pos);
	if (err)
		return err;
	window.length = min(window.length, rules[type].max);
	walk->window[type] = window;
	return 0;
}

static int first_capability(struct walk *walk, unsigned int *pos)
{
	u32 value;
	int err;

	err = read_config(walk, HEADER_STATUS, &value);
	if (err)
		return err;
	if (!(value & STATUS_CAP_LIST))
		return absent(walk, "no capabilities: a legacy device");
	err = read_config(walk, HEADER_CAP_POINTER, &value);
	if (!err)
		*pos = value & 0xfc;
	return err;
}

/* No capability twice, so no more steps than configuration space has dwords. */
static int walk_list(struct walk *walk)
{
	unsigned int pos = 0;
	u32 head;
	int err;

	for (err = first_capability(walk, &pos); !err && pos;
	     pos = head >> 8 & 0xfc) {
		if (pos < CONFIG_HEADER)
			return refuse(walk, "a capability lies in the header");
		if (walk->seen >> (pos / 4) & 1)
			return refuse(walk, "the capability list is a loop");
		walk->seen |= 1ULL << (pos / 4);
		err = read_config(walk, pos, &head);
		if (err)
			return err;
		if ((head & 0xff) == CAP_ID_NOBODY)
			return absent(walk, "configuration space is all ones");
		if ((head & 0xff) == CAP_ID_VENDOR)
			err = take_capability(walk, pos, head);
	}
	return err;
}

static int check_complete(struct walk *walk)
{
	unsigned int type;

	for (type = COMMON; type <= DEVICE; type++)
		if (!walk->window[type].length && rules[type].missing)
			return absent(walk, rules[type].missing);
	return 0;
}

int vlab_pci_caps_find(const struct vlab_pci_source *source,
		       struct vlab_pci_caps *caps, const char **reason)
{
	struct walk walk = { .source = source };
	int err;

	err = walk_list(&walk);
	if (!err)
		err = check_complete(&walk);
	if (err) {
		*reason = walk.reason;
		return err;
	}
	caps->common = walk.window[COMMON];
	caps->notify = walk.window[NOTIFY];
	caps->isr = walk.window[ISR];
	caps->device = walk.window[DEVICE];
	caps->notify_multiplier = walk.multiplier;
	return 0;
}

int vlab_pci_notify_offset(const struct vlab_pci_caps *caps, u16 notify_off,
			   u32 *offset)
{
	/* Up to 48 bits: cut to 32 it could be any place in the window. */
	u64 at = (u64)notify_off * caps->notify_multiplier;

	if (at + 2 > caps->notify.length)
		return -EINVAL;
	*offset = (u32)at;
	return 0;
}
