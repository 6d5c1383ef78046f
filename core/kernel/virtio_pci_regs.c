// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registers of a virtio PCI device, as operations of the transport.
 *
 * Each register is accessed in its own width (VIRTIO 1.2, 4.1.3.1). Values go
 * to the core as they are: it trusts none of them. What is decided here is
 * whether somebody answers at all. A read of a device that was pulled out gives
 * all ones, which most registers may hold for other reasons: then, and only
 * then, configuration space is asked, where no device answers all ones.
 *
 * Operations of the core may sleep, and the bus or the driver serialises them
 * for one queue; get_status and notify run in any context.
 */
#include "config_access.h"
#include "transport.h"
#include "virtio_pci.h"

/* Reads of a queue's state that its reset waits for, a millisecond apart. */
#define QUEUE_RESET_TRIES 100

#define NO_VECTOR 0xffff

/* @all_ones: was that all that was read? */
static int check_present(struct vlab_pci *vp, bool all_ones)
{
	if (likely(!all_ones) || pci_device_is_present(vp->pdev))
		return 0;
	return -ENODEV;
}

/* Any context. */
static int get_status(struct virtio_device *vdev)
{
	struct vlab_pci *vp = to_vlab_pci(vdev);
	u8 status = ioread8(vp->common + COMMON_STATUS);
	int err = check_present(vp, status == 0xff);

	return err ? err : status;
}

/*
 * A reset takes the vectors back too. A device that refuses this one works,
 * but nobody learns of its changes.
 */
static void set_config_vector(struct vlab_pci *vp)
{
	if (!vp->vectors || vp->config_vector)
		return;
	vp->config_vector = true;
	iowrite16(0, vp->common + COMMON_CONFIG_VECTOR);
	if (ioread16(vp->common + COMMON_CONFIG_VECTOR))
		dev_warn_ratelimited(&vp->vdev.dev,
				     "no interrupt for configuration\n");
}

static int set_status(struct virtio_device *vdev, u8 status)
{
	struct vlab_pci *vp = to_vlab_pci(vdev);

	if (status)
		set_config_vector(vp);
	iowrite8(status, vp->common + COMMON_STATUS);
	/* Whoever is told that the status is set must find it at the device. */
	ioread8(vp->common + COMMON_STATUS);
	if (!status)
		vp->config_vector = false;
	/* After a reset, and what the core does about one that failed. */
	if (status == VIRTIO_CONFIG_S_ACKNOWLEDGE)
		vlab_forget_queues(vp->live);
	return 0;
}

static int device_features(struct virtio_device *vdev, unsigned int word,
			   u32 *bits)
{
	struct vlab_pci *vp = to_vlab_pci(vdev);
	u32 value;
	int err;

	mutex_lock(&vp->lock);
	iowrite32(word, vp->common + COMMON_DEVICE_FEATURE_SELECT);
	value = ioread32(vp->common + COMMON_DEVICE_FEATURE);
	mutex_unlock(&vp->lock);
	err = check_present(vp, value == ~0u);
	if (!err)
		*bits = value;
	return err;
}

static int driver_features(struct virtio_device *vdev, unsigned int word,
			   u32 bits)
{
	struct vlab_pci *vp = to_vlab_pci(vdev);

	mutex_lock(&vp->lock);
	iowrite32(word, vp->common + COMMON_DRIVER_FEATURE_SELECT);
	iowrite32(bits, vp->common + COMMON_DRIVER_FEATURE);
	mutex_unlock(&vp->lock);
	return 0;
}

static int num_queues(struct virtio_device *vdev)
{
	return (int)to_vlab_pci(vdev)->queues;
}

static int queue_size(struct virtio_device *vdev, unsigned int index)
{
	struct vlab_pci *vp = to_vlab_pci(vdev);
	u16 size;
	int err;

	mutex_lock(&vp->lock);
	iowrite16((u16)index, vp->common + COMMON_QUEUE_SELECT);
	size = ioread16(vp->common + COMMON_QUEUE_SIZE);
	mutex_unlock(&vp->lock);
	err = check_present(vp, size == 0xffff);
	return err ? err : size;
}

static int generation(struct virtio_device *vdev, u32 *value)
{
	struct vlab_pci *vp = to_vlab_pci(vdev);
	u8 now = ioread8(vp->common + COMMON_GENERATION);
	int err = check_present(vp, now == 0xff);

	if (!err)
		*value = now;
	return err;
}

static int config_len(struct virtio_device *vdev)
{
	return (int)to_vlab_pci(vdev)->caps.device.length;
}

static struct vlab_config_window config_window(struct virtio_device *vdev)
{
	struct vlab_pci *vp = to_vlab_pci(vdev);

	return (struct vlab_config_window){
		.device = vdev->id.device,
		.base = vp->device,
		.len = vp->caps.device.length,
	};
}

static int config_read(struct virtio_device *vdev, unsigned int offset,
		       void *buf, unsigned int len)
{
	const struct vlab_config_window window = config_window(vdev);

	return vlab_config_read(&window, offset, buf, len);
}

static int config_write(struct virtio_device *vdev, unsigned int offset,
			const void *buf, unsigned int len)
{
	const struct vlab_config_window window = config_window(vdev);

	return vlab_config_write(&window, offset, buf, len);
}

static void write_address(struct vlab_pci *vp, unsigned int reg, u64 addr)
{
	iowrite32(lower_32_bits(addr), vp->common + reg);
	iowrite32(upper_32_bits(addr), vp->common + reg + 4);
}

/* With vp->lock held, and the queue selected. */
static int set_queue_vector(struct vlab_pci *vp, unsigned int index)
{
	u16 vector;

	if (!vp->vectors)
		return 0;
	vector = vlab_pci_queue_vector(vp, index);
	iowrite16(vector, vp->common + COMMON_QUEUE_VECTOR);
	/* A device without room for it says so; the queue would be silent. */
	return ioread16(vp->common + COMMON_QUEUE_VECTOR) == vector ? 0
								    : -EBUSY;
}

/* The same. */
static int set_notify_address(struct vlab_pci *vp, unsigned int index)
{
	u16 off = ioread16(vp->common + COMMON_QUEUE_NOTIFY_OFF);
	u32 at;
	int err;

	/* It is a pointer that notify() writes to. */
	err = vlab_pci_notify_offset(&vp->caps, off, &at);
	if (!err)
		vp->notify_at[index] = vp->notify + at;
	return err;
}

/* The same. */
static int enable_queue(struct vlab_pci *vp,
			const struct virtio_vq_setup *setup)
{
	int err;

	/* An address must not move under a device that works on the ring. */
	if (ioread16(vp->common + COMMON_QUEUE_ENABLE))
		return -EBUSY;
	err = set_notify_address(vp, setup->index);
	if (err)
		return err;
	iowrite16((u16)setup->num, vp->common + COMMON_QUEUE_SIZE);
	err = set_queue_vector(vp, setup->index);
	if (err)
		return err;
	write_address(vp, COMMON_QUEUE_DESC, setup->desc);
	write_address(vp, COMMON_QUEUE_DRIVER, setup->avail);
	write_address(vp, COMMON_QUEUE_DEVICE, setup->used);
	set_bit(setup->index, vp->live);
	iowrite16(1, vp->common + COMMON_QUEUE_ENABLE);
	/* From here on the device has the ring: nothing may fail any more. */
	return 0;
}

static int setup_vq(struct virtio_device *vdev,
		    const struct virtio_vq_setup *setup)
{
	struct vlab_pci *vp = to_vlab_pci(vdev);
	int err;

	if (setup->index >= VIRTIO_CONFIG_QUEUES_MAX ||
	    setup->index >= vp->queues)
		return -EINVAL;
	mutex_lock(&vp->lock);
	/*
	 * No sooner than here: what the device was told to do before us, by a
	 * kernel that crashed, it may go on with when it gets to memory. The
	 * core sets up no queue of a device that did not obey its reset.
	 */
	if (!vp->master)
		pci_set_master(vp->pdev);
	vp->master = true;
	iowrite16((u16)setup->index, vp->common + COMMON_QUEUE_SELECT);
	err = enable_queue(vp, setup);
	mutex_unlock(&vp->lock);
	return err;
}

/* With vp->lock held, and the queue selected. */
static int wait_for_queue_reset(struct vlab_pci *vp)
{
	u16 busy, enabled;
	int i, err;

	for (i = 0; i < QUEUE_RESET_TRIES; i++) {
		busy = ioread16(vp->common + COMMON_QUEUE_RESET);
		enabled = ioread16(vp->common + COMMON_QUEUE_ENABLE);
		if (!busy && !enabled)
			return 0;
		err = check_present(vp, busy == 0xffff);
		if (err)
			return err;
		usleep_range(1000, 2000);
	}
	return -ETIMEDOUT;
}

static int reset_vq(struct virtio_device *vdev, unsigned int index)
{
	struct vlab_pci *vp = to_vlab_pci(vdev);
	int err;

	mutex_lock(&vp->lock);
	iowrite16((u16)index, vp->common + COMMON_QUEUE_SELECT);
	iowrite16(1, vp->common + COMMON_QUEUE_RESET);
	err = wait_for_queue_reset(vp);
	if (!err)
		clear_bit(index, vp->live);
	mutex_unlock(&vp->lock);
	return err;
}

/* Any context; the queue is live, so its address was checked. */
static int notify(struct virtio_device *vdev, unsigned int index)
{
	/* It is memory for certain; this is the way without asking. */
	writew((u16)index, to_vlab_pci(vdev)->notify_at[index]);
	return 0;
}

/*
 * The device did not obey a reset, and its queues are about to be freed: take
 * its right to access memory away. The bridge above, the IOMMU or an honest
 * emulation enforces that. A host that emulates dishonestly reaches shared
 * memory anyway: against it only memory that it cannot read helps.
 */
static void isolate(struct virtio_device *vdev)
{
	struct vlab_pci *vp = to_vlab_pci(vdev);

	pci_clear_master(vp->pdev);
	vp->master = false;
}

static const struct virtio_register_ops register_ops = {
	.device_features = device_features,
	.driver_features = driver_features,
	.num_queues = num_queues,
	.queue_size = queue_size,
	.generation = generation,
	.config_len = config_len,
	.config_read = config_read,
	.config_write = config_write,
};

/*
 * VIRTIO_F_ACCESS_PLATFORM is the core's: addresses come from the DMA API.
 * VIRTIO_F_ORDER_PLATFORM is not taken: the core's barriers order memory for
 * other processors, which is what an emulated device needs; one of hardware
 * that insists refuses the features.
 */
const struct virtio_transport_ops vlab_pci_ops = {
	.get_status = get_status,
	.set_status = set_status,
	.regs = &register_ops,
	.setup_vq = setup_vq,
	.notify = notify,
	.synchronize = vlab_pci_synchronize,
	.isolate = isolate,
};

const struct virtio_transport_ops vlab_pci_queue_reset_ops = {
	.get_status = get_status,
	.set_status = set_status,
	.regs = &register_ops,
	.setup_vq = setup_vq,
	.reset_vq = reset_vq,
	.notify = notify,
	.synchronize = vlab_pci_synchronize,
	.isolate = isolate,
	.features = 1ULL << VIRTIO_F_RING_RESET,
};
