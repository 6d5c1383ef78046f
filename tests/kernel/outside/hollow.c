// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device in a module of its own, by vlab's public headers alone: a source of
 * entropy that answers each request at once, and with nothing. No device of
 * QEMU does that; who reads from this one has to get an error in the end.
 *
 * Only where addresses for devices are physical ones, as in a guest without an
 * IOMMU: it reads the ring through them.
 */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include <vlab/virtio.h>
#include <vlab/virtio_entropy.h>
#include <vlab/virtio_ring.h>
#include <vlab/virtio_transport.h>

#define QUEUE_SIZE 8

/**
 * struct hollow - the device
 * @vdev: as the core knows it
 * @ring: of its only queue; @ring.num is 0 while there is none
 * @interrupt: on this processor, as soon as it takes interrupts
 * @done: requests that were answered
 * @status: as the driver side has written it
 */
struct hollow {
	struct virtio_device vdev;
	struct virtio_vq_setup ring;
	struct irq_work interrupt;
	u16 done;
	u8 status;
};

static struct platform_device *place;
static struct hollow *hollow;

static struct hollow *to_hollow(struct virtio_device *vdev)
{
	return container_of(vdev, struct hollow, vdev);
}

static int get_status(struct virtio_device *vdev)
{
	return to_hollow(vdev)->status;
}

static int set_status(struct virtio_device *vdev, u8 status)
{
	struct hollow *dev = to_hollow(vdev);

	dev->status = status;
	if (!status)
		dev->ring.num = 0;
	return 0;
}

static int setup_vq(struct virtio_device *vdev,
		    const struct virtio_vq_setup *setup)
{
	struct hollow *dev = to_hollow(vdev);

	dev->ring = *setup;
	dev->done = 0;
	return 0;
}

/* Each buffer that is there goes back with a length of 0. */
static int notify(struct virtio_device *vdev, unsigned int index)
{
	struct hollow *dev = to_hollow(vdev);
	const struct vring_avail *avail;
	struct vring_used *used;
	unsigned int num = dev->ring.num;
	u16 at;

	if (!num)
		return 0;
	avail = phys_to_virt(dev->ring.avail);
	used = phys_to_virt(dev->ring.used);
	while (dev->done != le16_to_cpu(READ_ONCE(avail->idx))) {
		at = dev->done++ % num;
		used->ring[at].id = cpu_to_le32(le16_to_cpu(avail->ring[at]));
		used->ring[at].len = 0;
	}
	/* Pairs with the read barrier after the core has read used.idx. */
	smp_store_release(&used->idx, cpu_to_le16(dev->done));
	irq_work_queue(&dev->interrupt);
	return 0;
}

static void interrupt(struct irq_work *work)
{
	struct hollow *dev = container_of(work, struct hollow, interrupt);

	virtqueue_interrupt(&dev->vdev, 0);
}

static void synchronize(struct virtio_device *vdev)
{
	irq_work_sync(&to_hollow(vdev)->interrupt);
}

static int device_features(struct virtio_device *vdev, unsigned int word,
			   u32 *bits)
{
	*bits = word == VIRTIO_F_VERSION_1 / 32 ? BIT(VIRTIO_F_VERSION_1 % 32)
						: 0;
	return 0;
}

static int driver_features(struct virtio_device *vdev, unsigned int word,
			   u32 bits)
{
	return 0;
}

static int num_queues(struct virtio_device *vdev)
{
	return 1;
}

static int queue_size(struct virtio_device *vdev, unsigned int index)
{
	return index ? 0 : QUEUE_SIZE;
}

static int generation(struct virtio_device *vdev, u32 *now)
{
	*now = 0;
	return 0;
}

/* It has no configuration. */
static int config_len(struct virtio_device *vdev)
{
	return 0;
}

static int config_read(struct virtio_device *vdev, unsigned int offset,
		       void *buf, unsigned int len)
{
	return -EINVAL;
}

static int config_write(struct virtio_device *vdev, unsigned int offset,
			const void *buf, unsigned int len)
{
	return -EINVAL;
}

static const struct virtio_register_ops hollow_registers = {
	.device_features = device_features,
	.driver_features = driver_features,
	.num_queues = num_queues,
	.queue_size = queue_size,
	.generation = generation,
	.config_len = config_len,
	.config_read = config_read,
	.config_write = config_write,
};

static const struct virtio_transport_ops hollow_ops = {
	.get_status = get_status,
	.set_status = set_status,
	.regs = &hollow_registers,
	.setup_vq = setup_vq,
	.notify = notify,
	.synchronize = synchronize,
};

static void release(struct virtio_device *vdev)
{
	kfree(to_hollow(vdev));
}

static int __init hollow_init(void)
{
	int err;

	place = platform_device_register_simple("vlab_hollow", -1, NULL, 0);
	if (IS_ERR(place))
		return PTR_ERR(place);
	err = dma_set_mask_and_coherent(&place->dev, DMA_BIT_MASK(64));
	if (err)
		goto unregister_place;
	err = -ENOMEM;
	hollow = kzalloc(sizeof(*hollow), GFP_KERNEL);
	if (!hollow)
		goto unregister_place;
	init_irq_work(&hollow->interrupt, interrupt);
	hollow->vdev.id.device = VIRTIO_ID_ENTROPY;
	hollow->vdev.transport = &hollow_ops;
	hollow->vdev.config = &virtio_config_fields_ops;
	hollow->vdev.release = release;
	hollow->vdev.dev.parent = &place->dev;
	err = register_virtio_device(&hollow->vdev);
	if (!err)
		return 0;
	kfree(hollow);

unregister_place:
	platform_device_unregister(place);
	return err;
}

static void __exit hollow_exit(void)
{
	unregister_virtio_device(&hollow->vdev);
	platform_device_unregister(place);
}

module_init(hollow_init);
module_exit(hollow_exit);

MODULE_DESCRIPTION("vlab: a device in another module, for tests");
MODULE_LICENSE("GPL");
