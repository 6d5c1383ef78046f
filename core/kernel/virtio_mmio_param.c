// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-mmio devices that no firmware announces: the command line says where
 * they are, in the form that the other virtio drivers have for it,
 *	vlab.mmio=SIZE@BASE:IRQ		(512@0xfeb00e00:12)
 * once for each device. A machine without ACPI, such as QEMU's microvm, adds
 * virtio_mmio.device=... itself: a kernel that has CONFIG_VLAB_MMIO_CLAIM and
 * vlab built in listens to that name too.
 */
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/platform_device.h>

#include <vlab/port.h>

#include "virtio_mmio.h"

/* QEMU's machines have at most 32. */
#define NAMED_MAX 32

/*
 * The kernel reads its command line before there is memory to allocate, and no
 * device may be added from a parameter of a module that may still fail to load.
 */
static struct {
	resource_size_t base;
	resource_size_t size;
	unsigned int irq;
	struct platform_device *pdev;
} named[NAMED_MAX];
static unsigned int named_count;

/* One number, and the character that must follow it; returns what is behind. */
static const char *parse_number(const char *text, char mark, u64 *value)
{
	char *end;

	if (!text)
		return NULL;
	*value = memparse(text, &end);
	return end != text && *end == mark ? end + 1 : NULL;
}

/* SIZE@BASE:IRQ; a colon and an id may follow, but the id is ours to give. */
static bool parse_place(const char *text, u64 *size, u64 *base, u64 *irq)
{
	char *end;

	text = parse_number(text, '@', size);
	text = parse_number(text, ':', base);
	if (!text)
		return false;
	*irq = memparse(text, &end);
	return end != text && (!*end || *end == ':' || *end == '\n');
}

static int set_place(const char *text, const struct kernel_param *param)
{
	u64 size, base, irq;

	if (!parse_place(text, &size, &base, &irq) ||
	    size < VLAB_MMIO_REGISTERS || base + size - 1 < base || !irq ||
	    irq > INT_MAX) {
		pr_err("vlab: mmio wants SIZE@BASE:IRQ, not \"%s\"\n", text);
		return -EINVAL;
	}
	if (named_count == NAMED_MAX)
		return -ENOSPC;
	named[named_count].base = base;
	named[named_count].size = size;
	named[named_count].irq = (unsigned int)irq;
	named_count++;
	return 0;
}

static const struct kernel_param_ops place_ops = { .set = set_place };

module_param_cb(mmio, &place_ops, NULL, 0);
MODULE_PARM_DESC(
	mmio, "a virtio-mmio device that no firmware announces, SIZE@BASE:IRQ");

#if defined(CONFIG_VLAB_MMIO_CLAIM) && !defined(MODULE)
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "virtio_mmio."
module_param_cb(device, &place_ops, NULL, 0);
#endif

static void add_place(unsigned int i)
{
	struct resource res[] = {
		DEFINE_RES_MEM(named[i].base, named[i].size),
		DEFINE_RES_IRQ(named[i].irq),
	};
	struct platform_device *pdev;

	pdev = platform_device_register_simple(VLAB_MMIO_NAME, (int)i, res,
					       ARRAY_SIZE(res));
	if (IS_ERR(pdev))
		pr_warn("vlab: no virtio-mmio device at %pR: error %ld\n",
			&res[0], PTR_ERR(pdev));
	else
		named[i].pdev = pdev;
}

void vlab_mmio_add_named(void)
{
	unsigned int i;

	for (i = 0; i < named_count; i++)
		add_place(i);
}

void vlab_mmio_remove_named(void)
{
	unsigned int i;

	for (i = 0; i < named_count; i++) {
		platform_device_unregister(named[i].pdev);
		named[i].pdev = NULL;
	}
}
