// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The entropy driver (VIRTIO 1.2, 5.4): one buffer that the device fills and
 * that is asked for again when the last byte was handed out.
 *
 * The device chooses the bytes, so nothing is checked about them but their
 * number. Requests begin in virtio_entropy_read() only: a device that answers
 * at once with nothing keeps nobody in a loop.
 */
#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_entropy.h>

#include "shared.h"
#include "vring.h"

#define ENTROPY_BYTES 64

static const u8 zeroes[VIRTIO_ENTROPY_BYTES_MAX];

/**
 * struct entropy - one bound device
 * @lock: held around every operation of @vq, and for all below
 * @vq: the device's one queue
 * @notify: of virtio_entropy_notify()
 * @data: @size bytes of its own allocation: private state on the same page
 *	would be in reach of a device that is kept to pages
 * @size: what is asked for at a time
 * @have: bytes of @data that the device says it wrote
 * @pos: how many of them were handed out
 * @posted: the device owns @data
 */
struct entropy {
	spinlock_t lock;
	struct virtqueue *vq;
	void (*notify)(struct virtio_device *vdev);
	u8 __shared *data;
	unsigned int size;
	unsigned int have;
	unsigned int pos;
	bool posted;
};

static struct entropy *to_entropy(struct virtio_device *vdev)
{
	if (!vdev || vdev->dev.driver != &virtio_entropy_driver.driver)
		return NULL;
	return vdev->priv;
}

/*
 * Take the buffer back if it was used. Until NULL, which arms the next
 * callback; one buffer is in flight, so that is two calls at most.
 */
static void entropy_collect(struct entropy *ent)
{
	struct virtqueue *vq = ent->vq;
	unsigned int len;

	while (vq->vq_ops->get_buf(vq, &len)) {
		ent->posted = false;
		/* The queue bounds it; past this buffer lies private memory. */
		ent->have = min(len, ent->size);
	}
}

/*
 * Hand out bytes once: what was copied is gone from @data, so a device that
 * claims it wrote and did not makes nobody use the same bytes twice.
 */
static unsigned int entropy_take(struct entropy *ent, void *buf,
				 unsigned int len)
{
	unsigned int n = min(ent->have - ent->pos, len);

	if (!n)
		return 0;
	shared_read_bytes(buf, ent->data + ent->pos, n);
	shared_write_bytes(ent->data + ent->pos, zeroes, n);
	ent->pos += n;
	return n;
}

/* Ask for more once all is handed out: @data belongs to one side at a time. */
static int entropy_request(struct entropy *ent)
{
	struct virtqueue *vq = ent->vq;
	struct scatterlist sg;
	int err;

	if (ent->posted || ent->pos != ent->have)
		return 0;
	sg_init_one(&sg, (const void __force *)ent->data, ent->size);
	err = vq->vq_ops->add_buf(vq, &sg, 0, 1, ent);
	if (err)
		return err;
	ent->posted = true;
	/* No byte of the last request is left to be taken for this one's. */
	ent->have = 0;
	ent->pos = 0;
	vq->vq_ops->kick(vq);
	return 0;
}

int virtio_entropy_read(struct virtio_device *vdev, void *buf, unsigned int len)
{
	struct entropy *ent = to_entropy(vdev);
	unsigned long flags;
	unsigned int n;
	int err;

	if (!ent)
		return -ENODEV;
	spin_lock_irqsave(&ent->lock, flags);
	if (ent->posted)
		entropy_collect(ent);
	n = entropy_take(ent, buf, len);
	err = entropy_request(ent);
	spin_unlock_irqrestore(&ent->lock, flags);
	if (n)
		return (int)n;
	/* Out of memory for a mapping is no reason to give the device up. */
	if (err == -EIO || READ_ONCE(to_vring(ent->vq)->halted))
		return -EIO;
	return 0;
}
EXPORT_SYMBOL_GPL(virtio_entropy_read);

int virtio_entropy_ask(struct virtio_device *vdev, unsigned int bytes)
{
	struct entropy *ent = to_entropy(vdev);
	unsigned long flags;
	void *data, *old;
	int err = 0;

	if (!ent)
		return -ENODEV;
	if (!bytes || bytes > VIRTIO_ENTROPY_BYTES_MAX)
		return -EINVAL;
	data = kzalloc(bytes, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	spin_lock_irqsave(&ent->lock, flags);
	old = (void __force *)ent->data;
	if (ent->posted || ent->pos != ent->have) {
		/* The device writes the old one, or the caller is owed it. */
		err = -EBUSY;
		old = data;
	} else {
		ent->data = (u8 __shared __force *)data;
		ent->size = bytes;
	}
	spin_unlock_irqrestore(&ent->lock, flags);
	kfree(old);
	return err;
}
EXPORT_SYMBOL_GPL(virtio_entropy_ask);

void virtio_entropy_notify(struct virtio_device *vdev,
			   void (*fn)(struct virtio_device *vdev))
{
	struct entropy *ent = to_entropy(vdev);
	unsigned long flags;

	if (!ent)
		return;
	spin_lock_irqsave(&ent->lock, flags);
	ent->notify = fn;
	spin_unlock_irqrestore(&ent->lock, flags);
}
EXPORT_SYMBOL_GPL(virtio_entropy_notify);

static bool entropy_callback(struct virtqueue *vq)
{
	struct entropy *ent = vq->priv;
	void (*notify)(struct virtio_device * vdev);
	unsigned long flags;

	spin_lock_irqsave(&ent->lock, flags);
	entropy_collect(ent);
	notify = ent->notify;
	spin_unlock_irqrestore(&ent->lock, flags);
	/* Without the lock: it will want to read. */
	if (notify)
		notify(vq->vdev);
	return true;
}

static int entropy_probe(struct virtio_device *vdev)
{
	struct entropy *ent;
	void *data;
	int err;

	ent = kzalloc(sizeof(*ent), GFP_KERNEL);
	if (!ent)
		return -ENOMEM;
	/* Zeroed: the device may read what it is given to write. */
	data = kzalloc(ENTROPY_BYTES, GFP_KERNEL);
	if (!data) {
		err = -ENOMEM;
		goto free_entropy;
	}
	ent->data = (u8 __shared __force *)data;
	ent->size = ENTROPY_BYTES;
	spin_lock_init(&ent->lock);
	ent->vq = vdev->config->find_vq(vdev, entropy_callback);
	if (IS_ERR(ent->vq)) {
		err = (int)PTR_ERR(ent->vq);
		goto free_data;
	}
	ent->vq->priv = ent;
	vdev->priv = ent;
	return 0;

free_data:
	kfree(data);
free_entropy:
	kfree(ent);
	return err;
}

static void entropy_remove(struct virtio_device *vdev)
{
	struct entropy *ent = vdev->priv;
	struct virtqueue *vq = ent->vq;

	/* The device lets go of @data before anybody else may have it. */
	vq->vq_ops->shutdown(vq);
	while (vq->vq_ops->detach_buf(vq))
		;
	vdev->config->del_vq(vq);
	vdev->priv = NULL;
	kfree((const void __force *)ent->data);
	kfree(ent);
}

static const struct virtio_device_id entropy_ids[] = {
	{ VIRTIO_ID_ENTROPY, VIRTIO_DEV_ANY_ID },
};

struct virtio_driver virtio_entropy_driver = {
	.driver = { .name = "virtio_entropy" },
	.id_table = entropy_ids,
	.id_count = ARRAY_SIZE(entropy_ids),
	.probe = entropy_probe,
	.remove = entropy_remove,
};
EXPORT_SYMBOL_GPL(virtio_entropy_driver);
