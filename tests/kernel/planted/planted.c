// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bugs on purpose, one for each kind of report that must fail a test run. A
 * run whose guest says "ok" after one of these is a hole in the harness.
 *
 *	insmod vlab_planted.ko bug=NAME		built in: vlab_planted.bug=NAME
 *
 * Without a name, or with "none", nothing happens.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *bug = "none";
module_param(bug, charp, 0444);
MODULE_PARM_DESC(bug, "which bug to run into");

/* Read with READ_ONCE(): the compiler would drop or refuse what it knows. */
static int sixteen = 16;
static int forty = 40;

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(busy);

static int read_past_the_end(void)
{
	char *bytes = kzalloc(16, GFP_KERNEL);
	char past;

	if (!bytes)
		return -ENOMEM;
	past = READ_ONCE(bytes[READ_ONCE(sixteen)]);
	kfree(bytes);
	/* Whatever it was: the load is the bug. */
	return past == 'x' ? 0 : 0;
}

static int read_after_free(void)
{
	char *bytes = kzalloc(16, GFP_KERNEL);
	char freed;

	if (!bytes)
		return -ENOMEM;
	kfree(bytes);
	OPTIMIZER_HIDE_VAR(bytes);
	freed = READ_ONCE(*bytes);
	return freed == 'x' ? 0 : 0;
}

static int shift_too_far(void)
{
	WRITE_ONCE(sixteen, 1 << READ_ONCE(forty));
	return 0;
}

static int index_past_the_end(void)
{
	static int table[16];

	WRITE_ONCE(sixteen, table[READ_ONCE(sixteen)]);
	return 0;
}

static int lock_inversion(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
	return 0;
}

static int recursive_lock(void)
{
	static struct mutex both[2];
	int i;

	/* One place of initialisation is one class for lockdep. */
	for (i = 0; i < ARRAY_SIZE(both); i++)
		mutex_init(&both[i]);
	mutex_lock(&both[0]);
	mutex_lock(&both[1]);
	mutex_unlock(&both[1]);
	mutex_unlock(&both[0]);
	return 0;
}

static int sleep_in_atomic(void)
{
	spin_lock(&busy);
	msleep(20);
	spin_unlock(&busy);
	return 0;
}

static int unmap_another_length(void)
{
	struct platform_device *pdev;
	dma_addr_t addr;
	void *bytes;
	int err = -ENOMEM;

	pdev = platform_device_register_simple("vlab-planted", -1, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	bytes = kzalloc(512, GFP_KERNEL);
	if (!bytes)
		goto out_device;
	err = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		goto out_bytes;
	addr = dma_map_single(&pdev->dev, bytes, 512, DMA_TO_DEVICE);
	err = dma_mapping_error(&pdev->dev, addr);
	if (err)
		goto out_bytes;
	dma_unmap_single(&pdev->dev, addr, 256, DMA_TO_DEVICE);

out_bytes:
	kfree(bytes);
out_device:
	platform_device_unregister(pdev);
	return err;
}

static int refcount_overflow(void)
{
	refcount_t count;

	refcount_set(&count, INT_MAX);
	refcount_inc(&count);
	return 0;
}

static int corrupt_list(void)
{
	static LIST_HEAD(head);
	static struct list_head entry;

	list_add(&entry, &head);
	list_add(&entry, &head);
	INIT_LIST_HEAD(&head);
	return 0;
}

static int warn(void)
{
	WARN_ON(READ_ONCE(forty) == 40);
	return 0;
}

static int leak(void)
{
	int i;

	/* Many: one or two may still be named by a stale stack or register. */
	for (i = 0; i < 64; i++) {
		void *lost = kzalloc(1000, GFP_KERNEL);

		OPTIMIZER_HIDE_VAR(lost);
	}
	return 0;
}

static int null_pointer(void)
{
	int *nothing = NULL;

	OPTIMIZER_HIDE_VAR(nothing);
	return READ_ONCE(*nothing);
}

static int hang(void *unused)
{
	mutex_lock(&first);
	mutex_unlock(&first);
	return 0;
}

static int hung_task(void)
{
	struct task_struct *task;

	mutex_lock(&first);
	task = kthread_run(hang, NULL, "vlab-hangs");
	if (!IS_ERR(task))
		msleep(15000);
	mutex_unlock(&first);
	return PTR_ERR_OR_ZERO(task);
}

static int give_up(void)
{
	panic("planted");
}

static const struct {
	const char *name;
	int (*run)(void);
} bugs[] = {
	{ "oob", read_past_the_end },
	{ "uaf", read_after_free },
	{ "shift", shift_too_far },
	{ "bounds", index_past_the_end },
	{ "lock", lock_inversion },
	{ "recursive", recursive_lock },
	{ "atomic", sleep_in_atomic },
	{ "dma", unmap_another_length },
	{ "refcount", refcount_overflow },
	{ "list", corrupt_list },
	{ "warn", warn },
	{ "leak", leak },
	{ "null", null_pointer },
	{ "hung", hung_task },
	{ "panic", give_up },
};

static int __init planted_init(void)
{
	int i;

	if (!strcmp(bug, "none"))
		return 0;
	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (!strcmp(bug, bugs[i].name))
			return bugs[i].run();
	}
	return -EINVAL;
}

static void __exit planted_exit(void)
{
}

/* Built in, it runs after everything that a report needs. */
late_initcall(planted_init);
module_exit(planted_exit);

MODULE_DESCRIPTION("vlab: bugs on purpose, for tests of the tests");
MODULE_LICENSE("GPL");
