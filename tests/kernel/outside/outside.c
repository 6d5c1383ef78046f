// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A whole driver in a module of its own, from vlab's public headers alone: a
 * virtio console without ports. It says one line, and keeps the first bytes
 * that it hears in /sys/module/vlab_outside/parameters/heard.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <vlab/virtio.h>

#define VIRTIO_ID_CONSOLE 3
#define LINE_BYTES 64

static const char greeting[] = "hello from outside\n";

static char heard[LINE_BYTES];
module_param_string(heard, heard, sizeof(heard), 0444);
MODULE_PARM_DESC(heard, "what came from the other side of the console");

/**
 * struct outside - one console
 * @lock: a queue's operations exclude one another and its callback
 * @in: the queue that the device writes to
 * @out: the queue that it reads
 * @line: a buffer of the device's until it is used; it may change until then
 * @said: the same for what we say
 */
struct outside {
	spinlock_t lock;
	struct virtqueue *in;
	struct virtqueue *out;
	char *line;
	char *said;
};

/* In the interrupt. @len is never more than the buffer has. */
static bool line_came(struct virtqueue *vq)
{
	struct outside *console = vq->priv;
	unsigned long flags;
	unsigned int len;

	spin_lock_irqsave(&console->lock, flags);
	if (vq->vq_ops->get_buf(vq, &len))
		strscpy(heard, console->line,
			min_t(size_t, len + 1, sizeof(heard)));
	spin_unlock_irqrestore(&console->lock, flags);
	return true;
}

static int post(struct outside *console, struct virtqueue *vq, char *bytes,
		unsigned int len, bool device_writes)
{
	struct scatterlist sg;
	unsigned long flags;
	int err;

	sg_init_one(&sg, bytes, len);
	spin_lock_irqsave(&console->lock, flags);
	err = vq->vq_ops->add_buf(vq, &sg, !device_writes, device_writes,
				  bytes);
	if (!err)
		vq->vq_ops->kick(vq);
	spin_unlock_irqrestore(&console->lock, flags);
	return err;
}

/* Both lines are the device's until its queues are shut down. */
static void end_queue(struct virtqueue *vq)
{
	if (IS_ERR_OR_NULL(vq))
		return;
	vq->vq_ops->shutdown(vq);
	while (vq->vq_ops->detach_buf(vq))
		;
	vq->vdev->config->del_vq(vq);
}

static void outside_free(struct outside *console)
{
	end_queue(console->out);
	end_queue(console->in);
	kfree(console->said);
	kfree(console->line);
	kfree(console);
}

static int outside_start(struct virtio_device *vdev, struct outside *console)
{
	int err;

	/* Zeroed, and one longer than the device is told: text ends in NUL. */
	console->line = kzalloc(LINE_BYTES + 1, GFP_KERNEL);
	console->said = kmemdup(greeting, sizeof(greeting), GFP_KERNEL);
	if (!console->line || !console->said)
		return -ENOMEM;
	console->in = vdev->config->find_vq(vdev, line_came);
	if (IS_ERR(console->in))
		return PTR_ERR(console->in);
	console->in->priv = console;
	console->out = vdev->config->find_vq(vdev, NULL);
	if (IS_ERR(console->out))
		return PTR_ERR(console->out);
	err = virtio_device_ready(vdev);
	if (err)
		return err;
	err = post(console, console->in, console->line, LINE_BYTES, true);
	if (err)
		return err;
	return post(console, console->out, console->said, sizeof(greeting) - 1,
		    false);
}

static int outside_probe(struct virtio_device *vdev)
{
	struct outside *console = kzalloc(sizeof(*console), GFP_KERNEL);
	int err;

	if (!console)
		return -ENOMEM;
	spin_lock_init(&console->lock);
	vdev->priv = console;
	err = outside_start(vdev, console);
	if (err)
		outside_free(console);
	return err;
}

static void outside_remove(struct virtio_device *vdev)
{
	outside_free(vdev->priv);
}

static const struct virtio_device_id ids[] = {
	{ VIRTIO_ID_CONSOLE, VIRTIO_DEV_ANY_ID },
};

static struct virtio_driver outside_driver = {
	.driver = { .name = "vlab_outside", .owner = THIS_MODULE },
	.id_table = ids,
	.id_count = ARRAY_SIZE(ids),
	.probe = outside_probe,
	.remove = outside_remove,
};

static int __init outside_init(void)
{
	return register_virtio_driver(&outside_driver);
}

static void __exit outside_exit(void)
{
	unregister_virtio_driver(&outside_driver);
}

module_init(outside_init);
module_exit(outside_exit);

MODULE_DESCRIPTION("vlab: a driver in another module, for tests");
MODULE_ALIAS("vlab:d00000003v*");
MODULE_LICENSE("GPL");
