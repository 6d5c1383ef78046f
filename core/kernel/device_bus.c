// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The device model of port.h as a bus of the kernel: /sys/bus/vlab.
 *
 * The driver core matches, serialises probe and remove of one device by the
 * device's lock, and keeps a device until its last reference is dropped. Here
 * is what it wants to be told: names, attributes, events for user space.
 */
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/mutex.h>

#include <vlab/port.h>
#include <vlab/virtio.h>

#include "../virtio_core.h"
#include "bounce.h"
#include "debugfs.h"
#include "vlab_kernel.h"

/* Written once, under the lock; read by callbacks that come after that. */
static const struct port_bus_ops *bus_ops;
static bool registered;
static DEFINE_MUTEX(register_lock);

static ssize_t show_attribute(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return virtio_device_show(to_virtio_device(dev), attr->attr.name, buf,
				  PAGE_SIZE);
}

static ssize_t modalias_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	const struct virtio_device *vdev = to_virtio_device(dev);

	return sysfs_emit(buf, VLAB_MODALIAS "\n", vdev->id.device,
			  vdev->id.vendor);
}

static DEVICE_ATTR(device, 0444, show_attribute, NULL);
static DEVICE_ATTR(vendor, 0444, show_attribute, NULL);
static DEVICE_ATTR(status, 0444, show_attribute, NULL);
static DEVICE_ATTR(features, 0444, show_attribute, NULL);
static DEVICE_ATTR_RO(modalias);

static struct attribute *device_attrs[] = {
	&dev_attr_device.attr,	 &dev_attr_vendor.attr,	  &dev_attr_status.attr,
	&dev_attr_features.attr, &dev_attr_modalias.attr, NULL
};
ATTRIBUTE_GROUPS(device);

static int bus_match(struct device *dev, PORT_MATCH_DRIVER *drv)
{
	return bus_ops->match(dev, (struct device_driver *)drv);
}

static int bus_uevent(PORT_UEVENT_DEVICE *dev, struct kobj_uevent_env *env)
{
	const struct virtio_device *vdev =
		container_of(dev, const struct virtio_device, dev);

	return add_uevent_var(env, "MODALIAS=" VLAB_MODALIAS, vdev->id.device,
			      vdev->id.vendor);
}

static int bus_probe(struct device *dev)
{
	return port_probe_result(dev, bus_ops->probe(dev));
}

static void bus_remove(struct device *dev)
{
	bus_ops->remove(dev);
}

static struct bus_type vlab_bus = {
	.name = "vlab",
	.match = bus_match,
	.uevent = bus_uevent,
	.probe = bus_probe,
	.remove = bus_remove,
	.dev_groups = device_groups,
};

int port_bus_register(const struct port_bus_ops *ops)
{
	int err = 0;

	mutex_lock(&register_lock);
	if (bus_ops && bus_ops != ops) {
		err = -EBUSY;
	} else if (!registered) {
		bus_ops = ops;
		err = bus_register(&vlab_bus);
		registered = !err;
	}
	mutex_unlock(&register_lock);
	return err;
}

/* The module goes only when nobody uses it: the bus is empty by then. */
void port_bus_unregister(void)
{
	mutex_lock(&register_lock);
	if (registered)
		bus_unregister(&vlab_bus);
	registered = false;
	bus_ops = NULL;
	mutex_unlock(&register_lock);
}

static void release_unadded(struct device *dev)
{
	complete(dev_get_drvdata(dev));
}

/*
 * A device that could not be added goes back to the caller, who may free it at
 * once: wait for whoever saw it in between.
 */
static void take_back(struct device *dev)
{
	DECLARE_COMPLETION_ONSTACK(released);

	dev_set_drvdata(dev, &released);
	dev->release = release_unadded;
	put_device(dev);
	wait_for_completion(&released);
	/* It was freed, and the caller may still have a warning to give. */
	dev->kobj.name = NULL;
	dev->init_name = vlab_bus.name;
}

int port_device_add(struct device *dev, const char *prefix, int index)
{
	struct virtio_device *vdev = to_virtio_device(dev);
	void (*release)(struct device * dev) = dev->release;
	struct device *parent = dev->parent;
	int err;

	/* It may have been on the bus before: nothing of that is left. */
	memset(dev, 0, sizeof(*dev));
	device_initialize(dev);
	dev->parent = parent;
	dev->release = release;
	dev->bus = &vlab_bus;
	err = dev_set_name(dev, "%s%d", prefix, index);
	if (err)
		goto give_up;
	err = vlab_bounce_add_device(virtio_dma_dev(vdev));
	if (err)
		goto give_up;
	/* Before a driver can make queues; the file finds none yet. */
	vlab_debugfs_add_device(vdev);
	err = device_add(dev);
	if (err)
		goto del_bounce;
	return 0;

del_bounce:
	vlab_debugfs_del_device(vdev);
	vlab_bounce_del_device(virtio_dma_dev(vdev));
give_up:
	take_back(dev);
	return err;
}

void port_device_del(struct device *dev)
{
	struct virtio_device *vdev = to_virtio_device(dev);

	/* Waits for readers, who hold the device's lock: not under it. */
	vlab_debugfs_del_device(vdev);
	device_del(dev);
	vlab_bounce_del_device(virtio_dma_dev(vdev));
}

void port_device_put(struct device *dev)
{
	put_device(dev);
}

void port_device_lock(struct device *dev)
{
	device_lock(dev);
}

void port_device_unlock(struct device *dev)
{
	device_unlock(dev);
}

int port_driver_register(struct device_driver *drv)
{
	drv->bus = &vlab_bus;
	return driver_register(drv);
}

void port_driver_unregister(struct device_driver *drv)
{
	/* One that was never registered, or no longer is, is ignored. */
	if (!drv->p)
		return;
	driver_unregister(drv);
	drv->p = NULL;
}
