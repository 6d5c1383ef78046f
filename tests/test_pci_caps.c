// SPDX-License-Identifier: GPL-2.0-or-later
/* Capability lists of honest and of lying virtio PCI devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pci_caps.h"

#define CONFIG_SPACE 256
#define VENDOR 0x09
#define MSIX 0x11

enum { COMMON = 1, NOTIFY, ISR, DEVICE, PCI_ACCESS, SHARED_MEMORY = 8 };

/**
 * struct fake - a device's configuration space
 * @end: where the next capability is put; @link: who points to it
 * @reads: dwords that were read; @fail_at: the read that fails, from 1 on
 */
struct fake {
	struct vlab_pci_source source;
	u8 config[CONFIG_SPACE];
	unsigned int end;
	unsigned int link;
	unsigned int reads;
	unsigned int fail_at;
};

static int read_fake(void *context, unsigned int offset, u32 *value)
{
	struct fake *fake = (struct fake *)context;

	assert_int_equal(offset % 4, 0);
	assert_true(offset <= CONFIG_SPACE - 4);
	if (++fake->reads == fake->fail_at)
		return -EIO;
	*value = get_unaligned_le32(fake->config + offset);
	return 0;
}

/* BAR 0: 4 KiB of MSI-X; BAR 1: ports; BAR 4: 16 KiB of registers. */
static void fake_init(struct fake *fake)
{
	memset(fake, 0, sizeof(*fake));
	fake->source.read = read_fake;
	fake->source.context = fake;
	fake->source.bar_len[0] = 0x1000;
	fake->source.bar_len[4] = 0x4000;
	fake->config[6] = 0x10;
	fake->link = 0x34;
	fake->end = 0x40;
}

/* Put a capability of @size bytes at the end of the list; returns where. */
static unsigned int put(struct fake *fake, u8 id, unsigned int size)
{
	unsigned int at = fake->end;

	fake->config[fake->link] = (u8)at;
	fake->config[at] = id;
	fake->link = at + 1;
	fake->end = (at + size + 3) & ~3u;
	return at;
}

static unsigned int put_window(struct fake *fake, u8 type, u8 bar, u32 offset,
			       u32 length)
{
	u8 size = type == NOTIFY ? 20 : 16;
	unsigned int at = put(fake, VENDOR, size);

	fake->config[at + 2] = size;
	fake->config[at + 3] = type;
	fake->config[at + 4] = bar;
	put_unaligned_le32(offset, fake->config + at + 8);
	put_unaligned_le32(length, fake->config + at + 12);
	if (type == NOTIFY)
		put_unaligned_le32(4, fake->config + at + 16);
	return at;
}

static void put_all_but(struct fake *fake, unsigned int type)
{
	if (type != COMMON)
		put_window(fake, COMMON, 4, 0, 0x1000);
	if (type != ISR)
		put_window(fake, ISR, 4, 0x1000, 0x1000);
	if (type != DEVICE)
		put_window(fake, DEVICE, 4, 0x2000, 0x1000);
	if (type != NOTIFY)
		put_window(fake, NOTIFY, 4, 0x3000, 0x1000);
}

/* All four, as QEMU has them; the capability of @type is at the returned. */
static unsigned int put_all(struct fake *fake, u8 type)
{
	static const u32 offset[] = { [COMMON] = 0,
				      [ISR] = 0x1000,
				      [DEVICE] = 0x2000,
				      [NOTIFY] = 0x3000 };

	fake_init(fake);
	put_all_but(fake, type);
	return put_window(fake, type, 4, offset[type], 0x1000);
}

static int find(struct fake *fake, struct vlab_pci_caps *caps)
{
	const char *reason = NULL;
	int err = vlab_pci_caps_find(&fake->source, caps, &reason);

	assert_true(!reason == !err);
	return err;
}

static void refused(struct fake *fake, int want, const char *why)
{
	struct vlab_pci_caps caps, before;
	const char *reason = "nothing";

	memset(&caps, 0x5a, sizeof(caps));
	before = caps;
	assert_int_equal(vlab_pci_caps_find(&fake->source, &caps, &reason),
			 want);
	assert_string_equal(reason, why);
	assert_memory_equal(&caps, &before, sizeof(caps));
}

static void is_window(const struct vlab_pci_window *window, unsigned int bar,
		      u32 offset, u32 length)
{
	assert_int_equal(window->bar, bar);
	assert_int_equal(window->offset, offset);
	assert_int_equal(window->length, length);
}

static void an_honest_device_is_understood(void **state)
{
	struct vlab_pci_caps caps;
	struct fake fake;

	(void)state;
	fake_init(&fake);
	put(&fake, MSIX, 12);
	/* The window for configuration access is all zeroes. */
	put_window(&fake, PCI_ACCESS, 0, 0, 0);
	put_all_but(&fake, 0);
	assert_int_equal(find(&fake, &caps), 0);
	is_window(&caps.common, 4, 0, VLAB_PCI_COMMON_MAX);
	is_window(&caps.isr, 4, 0x1000, 1);
	is_window(&caps.device, 4, 0x2000, 0x1000);
	is_window(&caps.notify, 4, 0x3000, 0x1000);
	assert_int_equal(caps.notify_multiplier, 4);
}

static void only_the_device_configuration_may_be_missing(void **state)
{
	struct vlab_pci_caps caps;
	struct fake fake;

	(void)state;
	fake_init(&fake);
	put_all_but(&fake, DEVICE);
	assert_int_equal(find(&fake, &caps), 0);
	assert_int_equal(caps.device.length, 0);

	fake_init(&fake);
	put_all_but(&fake, COMMON);
	refused(&fake, -ENODEV, "no usable common configuration");
	fake_init(&fake);
	put_all_but(&fake, NOTIFY);
	refused(&fake, -ENODEV, "no usable notification structure");
	fake_init(&fake);
	put_all_but(&fake, ISR);
	refused(&fake, -ENODEV, "no usable ISR status");
	fake_init(&fake);
	put(&fake, MSIX, 12);
	refused(&fake, -ENODEV, "no usable common configuration");
	fake.config[6] = 0;
	refused(&fake, -ENODEV, "no capabilities: a legacy device");
}

static void a_list_that_is_a_loop_is_refused(void **state)
{
	unsigned int first, back;
	struct fake fake;

	(void)state;
	/* To itself, and from the last to the first. */
	for (back = 0; back < 2; back++) {
		fake_init(&fake);
		first = fake.end;
		put_all_but(&fake, COMMON);
		put(&fake, MSIX, 12);
		fake.config[fake.link] = (u8)(back ? first : fake.link - 1);
		refused(&fake, -EINVAL, "the capability list is a loop");
		assert_true(fake.reads <= 2 + 64 * 5);
	}
}

static void the_list_stays_where_capabilities_are(void **state)
{
	struct fake fake;

	(void)state;
	fake_init(&fake);
	put_all_but(&fake, 0);
	fake.config[fake.link] = 0x3c;
	refused(&fake, -EINVAL, "a capability lies in the header");
	/* The two low bits of a link are not part of it. */
	fake.config[fake.link] = 0x03;
	assert_int_equal(find(&fake, &(struct vlab_pci_caps){ 0 }), 0);
	fake_init(&fake);
	fake.config[0x34] = 0xfc;
	memset(fake.config + 0xfc, 0xff, 4);
	refused(&fake, -ENODEV, "configuration space is all ones");
}

static void a_capability_ends_within_configuration_space(void **state)
{
	struct vlab_pci_caps caps;
	unsigned int at;
	struct fake fake;

	(void)state;
	/* The last place where one with a multiplier fits. */
	fake_init(&fake);
	put_all_but(&fake, NOTIFY);
	fake.end = CONFIG_SPACE - 20;
	at = put_window(&fake, NOTIFY, 4, 0x3000, 0x1000);
	assert_int_equal(find(&fake, &caps), 0);
	fake.config[at + 2] = 21;
	refused(&fake, -EINVAL, "a capability has an impossible length");

	fake_init(&fake);
	put_all_but(&fake, ISR);
	fake.config[fake.link] = 0xfc;
	fake.config[0xfc] = VENDOR;
	fake.config[0xfe] = 16;
	fake.config[0xff] = ISR;
	refused(&fake, -EINVAL, "a capability has an impossible length");
}

static void a_capability_is_long_enough_for_its_type(void **state)
{
	struct vlab_pci_caps caps;
	struct fake fake;
	unsigned int at;
	u8 type;

	(void)state;
	for (type = COMMON; type <= DEVICE; type++) {
		at = put_all(&fake, type);
		fake.config[at + 2] = 15;
		refused(&fake, -EINVAL,
			"a capability has an impossible length");
		fake.config[at + 2] = 0;
		refused(&fake, -EINVAL,
			"a capability has an impossible length");
		/* Longer than known is allowed. */
		fake.config[at + 2] = 24;
		assert_int_equal(find(&fake, &caps), 0);
	}
	at = put_all(&fake, NOTIFY);
	fake.config[at + 2] = 19;
	refused(&fake, -EINVAL, "a capability has an impossible length");
}

/* A reserved BAR, one of ports, one that is not there: not for us. */
static void a_bar_that_cannot_be_mapped_is_passed_over(void **state)
{
	static const u8 bars[] = { 1, 2, 5, 6, 7, 0x80, 0xff };
	struct vlab_pci_caps caps;
	unsigned int at, i;
	struct fake fake;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bars); i++) {
		at = put_all(&fake, NOTIFY);
		fake.config[at + 4] = bars[i];
		refused(&fake, -ENODEV, "no usable notification structure");
		/* The next one of the type serves. */
		put_window(&fake, NOTIFY, 4, 0x3800, 0x800);
		assert_int_equal(find(&fake, &caps), 0);
		is_window(&caps.notify, 4, 0x3800, 0x800);
	}
}

static void the_first_of_a_type_is_used(void **state)
{
	struct vlab_pci_caps caps;
	struct fake fake;
	unsigned int at;

	(void)state;
	at = put_all(&fake, ISR);
	put_window(&fake, ISR, 4, 0x1800, 1);
	at = put_window(&fake, NOTIFY, 4, 0xffffffff, 0xffffffff);
	put_unaligned_le32(3, fake.config + at + 16);
	assert_int_equal(find(&fake, &caps), 0);
	is_window(&caps.isr, 4, 0x1000, 1);
	is_window(&caps.notify, 4, 0x3000, 0x1000);
	assert_int_equal(caps.notify_multiplier, 4);
}

static void a_window_lies_within_its_bar(void **state)
{
	static const struct {
		u32 offset, length;
		const char *why;
	} cases[] = {
		{ 0x4000, 0x1000, "a structure reaches past its BAR" },
		{ 0x3000, 0x1004, "a structure reaches past its BAR" },
		{ 0, 0x4001, "a structure reaches past its BAR" },
		{ 0, 0xffffffff, "a structure reaches past its BAR" },
		/* Sums that are small again in 32 bits. */
		{ 0xfffff000, 0x2000, "a structure reaches past its BAR" },
		{ 0xfffffffc, 0xffffffff, "a structure reaches past its BAR" },
		{ 0, 0, "a structure is too short" },
		{ 0x4000, 0, "a structure is too short" },
	};
	struct fake fake;
	unsigned int at, i;
	u8 type;

	(void)state;
	for (type = COMMON; type <= DEVICE; type++) {
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			at = put_all(&fake, type);
			put_unaligned_le32(cases[i].offset,
					   fake.config + at + 8);
			put_unaligned_le32(cases[i].length,
					   fake.config + at + 12);
			refused(&fake, -EINVAL, cases[i].why);
		}
	}
}

static void a_window_has_what_its_type_needs(void **state)
{
	static const u32 least[] = {
		[COMMON] = 56, [NOTIFY] = 2, [ISR] = 1, [DEVICE] = 1
	};
	static const u32 align[] = {
		[COMMON] = 4, [NOTIFY] = 2, [ISR] = 1, [DEVICE] = 4
	};
	struct vlab_pci_caps caps;
	struct fake fake;
	unsigned int at;
	u8 type;

	(void)state;
	for (type = COMMON; type <= DEVICE; type++) {
		at = put_all(&fake, type);
		put_unaligned_le32(least[type], fake.config + at + 12);
		assert_int_equal(find(&fake, &caps), 0);
		put_unaligned_le32(least[type] - 1, fake.config + at + 12);
		refused(&fake, -EINVAL, "a structure is too short");
		put_unaligned_le32(0x800, fake.config + at + 12);
		put_unaligned_le32(0x401, fake.config + at + 8);
		if (align[type] == 1)
			assert_int_equal(find(&fake, &caps), 0);
		else
			refused(&fake, -EINVAL, "a structure is not aligned");
	}
	at = put_all(&fake, COMMON);
	put_unaligned_le32(2, fake.config + at + 8);
	refused(&fake, -EINVAL, "a structure is not aligned");
}

static void a_huge_window_is_mapped_in_part(void **state)
{
	struct vlab_pci_caps caps;
	struct fake fake;
	unsigned int at;

	(void)state;
	at = put_all(&fake, NOTIFY);
	fake.source.bar_len[5] = 1ULL << 40;
	fake.config[at + 4] = 5;
	put_unaligned_le32(0xfffffffe, fake.config + at + 8);
	put_unaligned_le32(0xffffffff, fake.config + at + 12);
	assert_int_equal(find(&fake, &caps), 0);
	is_window(&caps.notify, 5, 0xfffffffe, VLAB_PCI_NOTIFY_MAX);
}

static void the_multiplier_is_zero_or_an_even_power_of_two(void **state)
{
	static const u32 good[] = { 0, 2, 4, 0x1000, 0x80000000 };
	static const u32 bad[] = { 1, 3, 5, 6, 0x1001, 0xffffffff, 0x80000001 };
	struct vlab_pci_caps caps;
	unsigned int at, i;
	struct fake fake;

	(void)state;
	at = put_all(&fake, NOTIFY);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		put_unaligned_le32(good[i], fake.config + at + 16);
		assert_int_equal(find(&fake, &caps), 0);
		assert_int_equal(caps.notify_multiplier, good[i]);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		put_unaligned_le32(bad[i], fake.config + at + 16);
		refused(&fake, -EINVAL, "notify_off_multiplier is not allowed");
	}
}

static void a_queue_is_notified_within_the_window(void **state)
{
	static const struct {
		u32 multiplier, length;
		u16 off;
		int err;
		u32 at;
	} cases[] = {
		{ 4, 0x1000, 0, 0, 0 },
		{ 4, 0x1000, 0x3ff, 0, 0xffc },
		{ 4, 0x1000, 0x400, -EINVAL, 0 },
		{ 4, 0xffe, 0x3ff, 0, 0xffc },
		{ 4, 0xffd, 0x3ff, -EINVAL, 0 },
		{ 0, 2, 0xffff, 0, 0 },
		{ 0x1000, 0x1000000, 0xfff, 0, 0xfff000 },
		{ 0x1000, 0x1000000, 0x1000, -EINVAL, 0 },
		/* 0x8000 * 0x20000 and 2 * 0x80000000 are 0 in 32 bits. */
		{ 0x20000, 0x1000, 0x8000, -EINVAL, 0 },
		{ 0x80000000, 0x1000, 2, -EINVAL, 0 },
		{ 0x80000000, 0x1000, 0xffff, -EINVAL, 0 },
	};
	struct vlab_pci_caps caps = { 0 };
	unsigned int i;
	u32 at;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		at = 77;
		caps.notify.length = cases[i].length;
		caps.notify_multiplier = cases[i].multiplier;
		assert_int_equal(vlab_pci_notify_offset(&caps, cases[i].off,
							&at),
				 cases[i].err);
		assert_int_equal(at, cases[i].err ? 77 : cases[i].at);
	}
}

static void a_read_that_fails_is_the_end(void **state)
{
	unsigned int total, i;
	struct fake fake;

	(void)state;
	put_all(&fake, COMMON);
	assert_int_equal(find(&fake, &(struct vlab_pci_caps){ 0 }), 0);
	total = fake.reads;
	for (i = 1; i <= total; i++) {
		fake.reads = 0;
		fake.fail_at = i;
		refused(&fake, -ENODEV, "configuration space cannot be read");
		assert_int_equal(fake.reads, i);
	}
}

static u32 next_random(u32 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* An honest list with random windows before and after, and some bits wrong. */
static void put_noise(struct fake *fake, u32 *seed)
{
	unsigned int i, place = next_random(seed) % 5;

	fake_init(fake);
	fake->source.bar_len[next_random(seed) % VLAB_PCI_BARS] =
		1ULL << (next_random(seed) % 40);
	for (i = 0; i < 5; i++) {
		if (i == place)
			put_all_but(fake, 0);
		else if (next_random(seed) % 4 == 0)
			put_window(
				fake, (u8)(next_random(seed) % 6),
				(u8)(next_random(seed) % 8),
				next_random(seed) >> (next_random(seed) % 32),
				next_random(seed) >> (next_random(seed) % 32));
	}
	for (i = next_random(seed) % 4; i; i--)
		fake->config[0x34 +
			     next_random(seed) % (CONFIG_SPACE - 0x34)] ^=
			(u8)(1u << (next_random(seed) % 8));
}

static bool within(const struct fake *fake,
		   const struct vlab_pci_window *window)
{
	return window->bar < VLAB_PCI_BARS &&
	       (u64)window->offset + window->length <=
		       fake->source.bar_len[window->bar];
}

static void whatever_the_list_says_a_window_is_within_its_bar(void **state)
{
	unsigned int i, found = 0;
	struct vlab_pci_caps caps;
	u32 seed = 0x1af4, at;
	struct fake fake;

	(void)state;
	for (i = 0; i < 200000; i++) {
		put_noise(&fake, &seed);
		if (find(&fake, &caps)) {
			assert_true(fake.reads <= 2 + 64 * 5);
			continue;
		}
		found++;
		assert_true(within(&fake, &caps.common));
		assert_true(within(&fake, &caps.notify));
		assert_true(within(&fake, &caps.isr));
		assert_true(!caps.device.length || within(&fake, &caps.device));
		assert_true(caps.common.length >= VLAB_PCI_COMMON_MIN);
		if (!vlab_pci_notify_offset(&caps, (u16)next_random(&seed),
					    &at))
			assert_true(at % 2 == 0 &&
				    (u64)at + 2 <= caps.notify.length);
	}
	/* The noise is neither so loud nor so low that this shows nothing. */
	assert_true(found > 20000 && found < 180000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_honest_device_is_understood),
		cmocka_unit_test(only_the_device_configuration_may_be_missing),
		cmocka_unit_test(a_list_that_is_a_loop_is_refused),
		cmocka_unit_test(the_list_stays_where_capabilities_are),
		cmocka_unit_test(a_capability_ends_within_configuration_space),
		cmocka_unit_test(a_capability_is_long_enough_for_its_type),
		cmocka_unit_test(a_bar_that_cannot_be_mapped_is_passed_over),
		cmocka_unit_test(the_first_of_a_type_is_used),
		cmocka_unit_test(a_window_lies_within_its_bar),
		cmocka_unit_test(a_window_has_what_its_type_needs),
		cmocka_unit_test(a_huge_window_is_mapped_in_part),
		cmocka_unit_test(
			the_multiplier_is_zero_or_an_even_power_of_two),
		cmocka_unit_test(a_queue_is_notified_within_the_window),
		cmocka_unit_test(a_read_that_fails_is_the_end),
		cmocka_unit_test(
			whatever_the_list_says_a_window_is_within_its_bar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
