// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An entropy device as a hwrng of the kernel.
 *
 * The host knows the bytes and chooses them. Mixed into the pool they can do no
 * harm; counted as entropy they let the host decide when the guest's pool is
 * full of what it knows. So they are credited with nothing, unless the owner of
 * the guest says otherwise (rng_quality).
 */
#include <linux/hw_random.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include <vlab/port.h>
#include <vlab/virtio_entropy.h>

#include "vlab_kernel.h"

/* A reader that may wait does so at most this long, whatever the device does.
 */
#define WAIT_SECONDS 10

#define QUALITY_MAX 1024

/* The kernel reads 64 at a time: one wait for the device serves for several. */
#define BYTES_AT_A_TIME 512

static ushort rng_quality;
module_param(rng_quality, ushort, 0444);
MODULE_PARM_DESC(rng_quality, "entropy to credit in each 1024 bits, 0 to 1024");

/**
 * struct rng - one bound entropy device
 * @hwrng: the kernel's view of it
 * @vdev: the device
 * @wait: those who wait for bytes
 * @notices: interrupts; one that comes between a look and a wait is seen
 * @removed: nobody may wait any more
 * @name: of its own for each device
 */
struct rng {
	struct hwrng hwrng;
	struct virtio_device *vdev;
	wait_queue_head_t wait;
	unsigned int notices;
	bool removed;
	char name[24];
};

/*
 * The kernel serialises readers. @wait: not for ever, and by the clock: what is
 * left of a wait that found its condition true is the whole of it. A device
 * that answers each request at once, with nothing, would hold its reader.
 */
static int rng_read(struct hwrng *hwrng, void *buf, size_t max, bool wait)
{
	struct rng *rng = container_of(hwrng, struct rng, hwrng);
	unsigned long end = jiffies + WAIT_SECONDS * HZ;
	unsigned int seen;
	long left;
	int n;

	do {
		if (READ_ONCE(rng->removed))
			return -ENODEV;
		seen = READ_ONCE(rng->notices);
		n = virtio_entropy_read(rng->vdev, buf,
					min_t(size_t, max, INT_MAX));
		if (n || !wait)
			return n;
		if (fatal_signal_pending(current))
			return -ERESTARTSYS;
		left = wait_event_killable_timeout(
			rng->wait,
			READ_ONCE(rng->notices) != seen ||
				READ_ONCE(rng->removed),
			max_t(long, end - jiffies, 1));
		if (left < 0)
			return (int)left;
		cond_resched();
	} while (time_before(jiffies, end));
	return -ETIMEDOUT;
}

/* In the interrupt; not twice at a time for one device. */
static void rng_notify(struct virtio_device *vdev)
{
	struct rng *rng = vdev->front;

	WRITE_ONCE(rng->notices, rng->notices + 1);
	wake_up_all(&rng->wait);
}

static int rng_bound(struct virtio_device *vdev)
{
	struct rng *rng;
	int err;

	err = virtio_entropy_ask(vdev, BYTES_AT_A_TIME);
	if (err)
		return err;
	rng = kzalloc(sizeof(*rng), GFP_KERNEL);
	if (!rng)
		return -ENOMEM;
	init_waitqueue_head(&rng->wait);
	rng->vdev = vdev;
	snprintf(rng->name, sizeof(rng->name), "vlab_rng.%d", vdev->index);
	rng->hwrng.name = rng->name;
	rng->hwrng.read = rng_read;
	rng->hwrng.quality = rng_quality
				     ? min_t(ushort, rng_quality, QUALITY_MAX)
				     : PORT_HWRNG_QUALITY_NONE;
	vdev->front = rng;
	virtio_entropy_notify(vdev, rng_notify);
	err = hwrng_register(&rng->hwrng);
	if (!err)
		return 0;
	/* No interrupt finds it any more. */
	virtio_reset_device(vdev);
	kfree(rng);
	return err;
}

static void rng_unbind(struct virtio_device *vdev)
{
	struct rng *rng = vdev->front;

	/* First: unregistering waits for those who read. */
	WRITE_ONCE(rng->removed, true);
	wake_up_all(&rng->wait);
	hwrng_unregister(&rng->hwrng);
	virtio_reset_device(vdev);
	kfree(rng);
}

static const struct virtio_front_ops rng_front = {
	.bound = rng_bound,
	.unbind = rng_unbind,
};

int __init vlab_hwrng_init(void)
{
	virtio_entropy_driver.front = &rng_front;
	virtio_entropy_driver.driver.owner = THIS_MODULE;
	return register_virtio_driver(&virtio_entropy_driver);
}

void vlab_hwrng_exit(void)
{
	unregister_virtio_driver(&virtio_entropy_driver);
}
