// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio devices that are registers in memory and nothing else: virtio-mmio,
 * version 2 (VIRTIO 1.2, 4.2). Where they are, the firmware says, or the
 * command line (virtio_mmio_param.c).
 *
 * A platform device is given to this driver by name:
 *	echo vlab-mmio > /sys/bus/platform/devices/NAME/driver_override
 * A kernel without the other virtio drivers can have it claim all that firmware
 * announces: CONFIG_VLAB_MMIO_CLAIM.
 *
 * Values of registers go to the core as they are: it trusts none of them. The
 * core's operations may sleep; get_status and notify run in any context. Probe,
 * remove and the like run with the platform device's lock held, and may sleep.
 */
#include <linux/bitmap.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/pm.h>

#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_ring.h>
#include <vlab/virtio_transport.h>

#include "config_access.h"
#include "transport.h"
#include "virtio_mmio.h"
#include "vlab_kernel.h"

/* Registers (4.2.2), each of 32 bits. */
#define REG_MAGIC 0x000
#define REG_VERSION 0x004
#define REG_DEVICE_ID 0x008
#define REG_VENDOR_ID 0x00c
#define REG_DEVICE_FEATURES 0x010
#define REG_DEVICE_FEATURES_SEL 0x014
#define REG_DRIVER_FEATURES 0x020
#define REG_DRIVER_FEATURES_SEL 0x024
#define REG_QUEUE_SEL 0x030
#define REG_QUEUE_SIZE_MAX 0x034
#define REG_QUEUE_SIZE 0x038
#define REG_QUEUE_READY 0x044
#define REG_QUEUE_NOTIFY 0x050
#define REG_INTERRUPT_STATUS 0x060
#define REG_INTERRUPT_ACK 0x064
#define REG_STATUS 0x070
#define REG_QUEUE_DESC 0x080
#define REG_QUEUE_DRIVER 0x090
#define REG_QUEUE_DEVICE 0x0a0
#define REG_QUEUE_RESET 0x0c0
#define REG_CONFIG_GENERATION 0x0fc

#define MAGIC 0x74726976 /* "virt" */
#define VERSION 2

#define INTERRUPT_QUEUE 1u
#define INTERRUPT_CONFIG 2u
#define INTERRUPT_ALL 3u
/* Each but the first needs a race that the device wins. */
#define INTERRUPT_TRIES 4

/* Reads of a queue's state that its reset waits for, a millisecond apart. */
#define QUEUE_RESET_TRIES 100

/*
 * One device.
 * @config_len: bytes of the window behind the registers
 * @lock: held from selecting a queue or a word of features to the last access
 *	to what was selected
 * @live: queues that the device has. Set before a queue is made ready; read by
 *	the interrupt, which finds no queue in the core for a bit too much
 */
struct vlab_mmio {
	struct virtio_device vdev;
	void __iomem *base;
	unsigned int config_len;
	int irq;
	struct mutex lock;
	DECLARE_BITMAP(live, VIRTIO_CONFIG_QUEUES_MAX);
};

static struct vlab_mmio *to_mmio(struct virtio_device *vdev)
{
	return container_of(vdev, struct vlab_mmio, vdev);
}

static u32 read_reg(struct vlab_mmio *vm, unsigned int reg)
{
	return ioread32(vm->base + reg);
}

static void write_reg(struct vlab_mmio *vm, unsigned int reg, u32 value)
{
	iowrite32(value, vm->base + reg);
}

/* A status is 8 bits; where nobody answers, more of them are ones. */
static int get_status(struct virtio_device *vdev)
{
	u32 status = read_reg(to_mmio(vdev), REG_STATUS);

	return status > 0xff ? -ENODEV : (int)status;
}

static int set_status(struct virtio_device *vdev, u8 status)
{
	struct vlab_mmio *vm = to_mmio(vdev);

	write_reg(vm, REG_STATUS, status);
	/* Whoever is told that the status is set must find it at the device. */
	read_reg(vm, REG_STATUS);
	/* After a reset, and what the core does about one that failed. */
	if (status == VIRTIO_CONFIG_S_ACKNOWLEDGE)
		vlab_forget_queues(vm->live);
	return 0;
}

static int device_features(struct virtio_device *vdev, unsigned int word,
			   u32 *bits)
{
	struct vlab_mmio *vm = to_mmio(vdev);

	mutex_lock(&vm->lock);
	write_reg(vm, REG_DEVICE_FEATURES_SEL, word);
	*bits = read_reg(vm, REG_DEVICE_FEATURES);
	mutex_unlock(&vm->lock);
	return 0;
}

static int driver_features(struct virtio_device *vdev, unsigned int word,
			   u32 bits)
{
	struct vlab_mmio *vm = to_mmio(vdev);

	mutex_lock(&vm->lock);
	write_reg(vm, REG_DRIVER_FEATURES_SEL, word);
	write_reg(vm, REG_DRIVER_FEATURES, bits);
	mutex_unlock(&vm->lock);
	return 0;
}

/* No register says how many there are; one that does not exist has size 0. */
static int num_queues(struct virtio_device *vdev)
{
	return VIRTIO_CONFIG_QUEUES_MAX;
}

static int queue_size(struct virtio_device *vdev, unsigned int index)
{
	struct vlab_mmio *vm = to_mmio(vdev);
	u32 size;

	mutex_lock(&vm->lock);
	write_reg(vm, REG_QUEUE_SEL, index);
	size = read_reg(vm, REG_QUEUE_SIZE_MAX);
	mutex_unlock(&vm->lock);
	/* The most that it takes (4.2.2); a ring has a power of two. */
	size = min_t(u32, size, VRING_NUM_MAX);
	return size ? (int)rounddown_pow_of_two(size) : 0;
}

static int generation(struct virtio_device *vdev, u32 *value)
{
	*value = read_reg(to_mmio(vdev), REG_CONFIG_GENERATION);
	return 0;
}

static int config_len(struct virtio_device *vdev)
{
	return (int)to_mmio(vdev)->config_len;
}

static struct vlab_config_window config_window(struct virtio_device *vdev)
{
	struct vlab_mmio *vm = to_mmio(vdev);

	return (struct vlab_config_window){
		.device = vdev->id.device,
		.base = vm->base + VLAB_MMIO_REGISTERS,
		.len = vm->config_len,
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

static void write_address(struct vlab_mmio *vm, unsigned int reg, u64 addr)
{
	write_reg(vm, reg, lower_32_bits(addr));
	write_reg(vm, reg + 4, upper_32_bits(addr));
}

/* With vm->lock held, and the queue selected. */
static int enable_queue(struct vlab_mmio *vm,
			const struct virtio_vq_setup *setup)
{
	/* An address must not move under a device that works on the ring. */
	if (read_reg(vm, REG_QUEUE_READY))
		return -EBUSY;
	write_reg(vm, REG_QUEUE_SIZE, setup->num);
	write_address(vm, REG_QUEUE_DESC, setup->desc);
	write_address(vm, REG_QUEUE_DRIVER, setup->avail);
	write_address(vm, REG_QUEUE_DEVICE, setup->used);
	set_bit(setup->index, vm->live);
	write_reg(vm, REG_QUEUE_READY, 1);
	/* From here on the device has the ring: nothing may fail any more. */
	return 0;
}

static int setup_vq(struct virtio_device *vdev,
		    const struct virtio_vq_setup *setup)
{
	struct vlab_mmio *vm = to_mmio(vdev);
	int err;

	if (setup->index >= VIRTIO_CONFIG_QUEUES_MAX)
		return -EINVAL;
	mutex_lock(&vm->lock);
	write_reg(vm, REG_QUEUE_SEL, setup->index);
	err = enable_queue(vm, setup);
	mutex_unlock(&vm->lock);
	return err;
}

/*
 * With vm->lock held, and the queue selected. A queue that is still ready when
 * no reset is going on was not reset: QEMU offers the feature for all devices,
 * and has no such register here. The core resets the device as a whole then.
 */
static int wait_for_queue_reset(struct vlab_mmio *vm)
{
	int i;

	for (i = 0; i < QUEUE_RESET_TRIES; i++) {
		if (!read_reg(vm, REG_QUEUE_RESET))
			return read_reg(vm, REG_QUEUE_READY) ? -EOPNOTSUPP : 0;
		usleep_range(1000, 2000);
	}
	return -ETIMEDOUT;
}

static int reset_vq(struct virtio_device *vdev, unsigned int index)
{
	struct vlab_mmio *vm = to_mmio(vdev);
	int err;

	mutex_lock(&vm->lock);
	write_reg(vm, REG_QUEUE_SEL, index);
	write_reg(vm, REG_QUEUE_RESET, 1);
	err = wait_for_queue_reset(vm);
	if (!err)
		clear_bit(index, vm->live);
	mutex_unlock(&vm->lock);
	return err;
}

/* Any context. */
static int notify(struct virtio_device *vdev, unsigned int index)
{
	write_reg(to_mmio(vdev), REG_QUEUE_NOTIFY, index);
	return 0;
}

static void synchronize(struct virtio_device *vdev)
{
	synchronize_irq(to_mmio(vdev)->irq);
}

/* With vm->lock held. */
static void take_queue(struct vlab_mmio *vm, unsigned int index)
{
	write_reg(vm, REG_QUEUE_SEL, index);
	write_reg(vm, REG_QUEUE_READY, 0);
	read_reg(vm, REG_QUEUE_READY);
}

/*
 * The device did not obey a reset, and its queues are about to be freed. There
 * is no bus to cut it off from; what is left is to take each queue from it,
 * which it may look at no more (4.2.2.1). Whoever does not believe that keeps
 * the device behind an IOMMU, or its own memory from the host.
 */
static void isolate(struct virtio_device *vdev)
{
	struct vlab_mmio *vm = to_mmio(vdev);
	unsigned int index;

	mutex_lock(&vm->lock);
	for_each_set_bit(index, vm->live, VIRTIO_CONFIG_QUEUES_MAX)
		take_queue(vm, index);
	mutex_unlock(&vm->lock);
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

static const struct virtio_transport_ops mmio_ops = {
	.get_status = get_status,
	.set_status = set_status,
	.regs = &register_ops,
	.setup_vq = setup_vq,
	.reset_vq = reset_vq,
	.notify = notify,
	.synchronize = synchronize,
	.isolate = isolate,
	.features = 1ULL << VIRTIO_F_RING_RESET,
};

/*
 * Acknowledge what the device says it has done, and return it. Where firmware
 * says nothing, the line counts as one with edges, as on a machine without
 * ACPI: if the device sets the second bit between our look and our answer, the
 * line stays up, and no edge ever comes again. So look until it was down.
 */
static u32 acknowledge(struct vlab_mmio *vm)
{
	u32 status, done = 0;
	int i;

	for (i = 0; i < INTERRUPT_TRIES; i++) {
		status = read_reg(vm, REG_INTERRUPT_STATUS) & INTERRUPT_ALL;
		if (!status)
			return done;
		write_reg(vm, REG_INTERRUPT_ACK, status);
		done |= status;
		/* No bit was left that could have held it. */
		if (status == INTERRUPT_ALL)
			return done;
	}
	write_reg(vm, REG_INTERRUPT_ACK, INTERRUPT_ALL);
	return INTERRUPT_ALL;
}

/*
 * One line for everything, which the kernel does not serve on two processors
 * at a time. Acknowledged first: what the device does while it is looked at
 * interrupts again.
 */
static irqreturn_t mmio_interrupt(int irq, void *data)
{
	struct vlab_mmio *vm = data;
	u32 done = acknowledge(vm);
	unsigned int index;

	if (!done)
		return IRQ_NONE;
	if (done & INTERRUPT_CONFIG)
		virtio_config_changed(&vm->vdev);
	if (done & INTERRUPT_QUEUE)
		for_each_set_bit(index, vm->live, VIRTIO_CONFIG_QUEUES_MAX)
			virtqueue_interrupt(&vm->vdev, index);
	return IRQ_HANDLED;
}

/* The last reference is gone, and remove() long before it. */
static void release(struct virtio_device *vdev)
{
	kfree(to_mmio(vdev));
}

/* What is there. -ENODEV without a word: an empty place, which is usual. */
static int identify(struct vlab_mmio *vm, struct platform_device *pdev)
{
	u32 magic = read_reg(vm, REG_MAGIC), version;

	if (magic != MAGIC) {
		dev_warn_ratelimited(&pdev->dev, "refused: not virtio-mmio\n");
		return -ENODEV;
	}
	version = read_reg(vm, REG_VERSION);
	vm->vdev.id.device = read_reg(vm, REG_DEVICE_ID);
	vm->vdev.id.vendor = read_reg(vm, REG_VENDOR_ID);
	if (!vm->vdev.id.device)
		return -ENODEV;
	if (version != VERSION) {
		dev_warn_ratelimited(&pdev->dev,
				     "refused: version %u, a legacy device\n",
				     version);
		return -ENODEV;
	}
	vm->vdev.transport = &mmio_ops;
	vm->vdev.config = &virtio_config_fields_ops;
	vm->vdev.release = release;
	vm->vdev.dev.parent = &pdev->dev;
	/* What a warning calls it until the bus names it. */
	vm->vdev.dev.init_name = dev_name(&pdev->dev);
	return 0;
}

static int map_registers(struct vlab_mmio *vm, struct platform_device *pdev)
{
	const struct resource *res;
	resource_size_t size;

	res = platform_get_resource(pdev, IORESOURCE_MEM, 0);
	if (!res || resource_size(res) < VLAB_MMIO_REGISTERS)
		return -EINVAL;
	/* However large firmware says it is, no more than this is used. */
	size = min_t(resource_size_t, resource_size(res),
		     VLAB_MMIO_REGISTERS + VIRTIO_CONFIG_DEVICE_MAX);
	if (!devm_request_mem_region(&pdev->dev, res->start, size,
				     VLAB_MMIO_NAME))
		return -EBUSY;
	vm->base = devm_ioremap(&pdev->dev, res->start, size);
	if (!vm->base)
		return -ENOMEM;
	vm->config_len = (unsigned int)size - VLAB_MMIO_REGISTERS;
	return 0;
}

static int start_device(struct vlab_mmio *vm, struct platform_device *pdev)
{
	int err;

	err = vlab_check_translation(&vm->vdev);
	if (err)
		return err;
	err = request_irq(vm->irq, mmio_interrupt, IRQF_SHARED,
			  dev_name(&pdev->dev), vm);
	if (err)
		return err;
	err = register_virtio_device(&vm->vdev);
	if (err)
		free_irq(vm->irq, vm);
	return err;
}

static int vlab_mmio_probe(struct platform_device *pdev)
{
	struct vlab_mmio *vm;
	int err;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	if (!vm)
		return -ENOMEM;
	mutex_init(&vm->lock);
	err = map_registers(vm, pdev);
	if (err)
		goto free;
	err = identify(vm, pdev);
	if (err)
		goto free;
	err = vlab_set_dma_mask(&pdev->dev);
	if (err)
		goto free;
	err = platform_get_irq(pdev, 0);
	if (err < 0)
		goto free;
	vm->irq = err;
	err = start_device(vm, pdev);
	if (err)
		goto free;
	platform_set_drvdata(pdev, vm);
	return 0;

free:
	kfree(vm);
	return port_probe_result(&pdev->dev, err);
}

static void remove_device(struct platform_device *pdev)
{
	struct vlab_mmio *vm = platform_get_drvdata(pdev);

	/* The interrupt reaches the core's half until it is freed. */
	get_device(&vm->vdev.dev);
	unregister_virtio_device(&vm->vdev);
	free_irq(vm->irq, vm);
	put_device(&vm->vdev.dev);
}
PORT_PLATFORM_REMOVE(vlab_mmio_remove, remove_device)

static void vlab_mmio_shutdown(struct platform_device *pdev)
{
	struct vlab_mmio *vm = platform_get_drvdata(pdev);

	vlab_shut_down(&vm->vdev);
}

#ifdef CONFIG_VLAB_MMIO_CLAIM
static const struct of_device_id vlab_mmio_of_ids[] = {
	{ .compatible = "virtio,mmio" }, {}
};
MODULE_DEVICE_TABLE(of, vlab_mmio_of_ids);

static const struct acpi_device_id vlab_mmio_acpi_ids[] = {
	{ .id = "LNRO0005" }, {}
};
MODULE_DEVICE_TABLE(acpi, vlab_mmio_acpi_ids);
#endif

static struct platform_driver vlab_mmio_driver = {
	.probe = vlab_mmio_probe,
	.remove = vlab_mmio_remove,
	.shutdown = vlab_mmio_shutdown,
	.driver = {
		.name = VLAB_MMIO_NAME,
		.pm = pm_sleep_ptr(&vlab_transport_pm),
#ifdef CONFIG_VLAB_MMIO_CLAIM
		.of_match_table = vlab_mmio_of_ids,
		.acpi_match_table = vlab_mmio_acpi_ids,
#endif
	},
};

int __init vlab_mmio_init(void)
{
	int err;

	err = platform_driver_register(&vlab_mmio_driver);
	if (!err)
		vlab_mmio_add_named();
	return err;
}

void vlab_mmio_exit(void)
{
	vlab_mmio_remove_named();
	platform_driver_unregister(&vlab_mmio_driver);
}
