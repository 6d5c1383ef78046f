// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The small device model of port.h: one bus, its devices and its drivers.
 *
 * The replay module of the kernel compiles this file too, so it uses nothing
 * but what the port offers.
 *
 * One recursive lock is held over every list access and every callback, which
 * keeps other threads out. The callbacks of one thread may still come back
 * and register or unregister anything, themselves included. So
 *  - no pointer into a list is kept over a callback: both lists are sorted by
 *    an order number that is never used twice, and a walk goes on at the first
 *    entry above the number it was at;
 *  - a device is held by a reference, and marked busy, while it is probed or
 *    removed: nobody begins either a second time, and what came too late is
 *    made up for when the callback returns.
 */
#include <vlab/port.h>

static const struct port_bus_ops *bus_ops;
static struct device *bus_devices;
static struct device_driver *bus_drivers;
static u64 bus_order;

/* The first entry after @order, or NULL; lists are sorted by it. */
static struct device *device_after(u64 order)
{
	struct device *dev;

	for (dev = bus_devices; dev; dev = dev->next)
		if (dev->order > order)
			return dev;
	return NULL;
}

static struct device_driver *driver_after(u64 order)
{
	struct device_driver *drv;

	for (drv = bus_drivers; drv; drv = drv->next)
		if (drv->order > order)
			return drv;
	return NULL;
}

static void get_device(struct device *dev)
{
	dev->refs++;
}

static void put_device(struct device *dev)
{
	if (!dev->refs || --dev->refs)
		return;
	if (dev->release)
		dev->release(dev);
}

static void unbind(struct device *dev)
{
	get_device(dev);
	dev->busy = true;
	bus_ops->remove(dev);
	dev->driver = NULL;
	dev->busy = false;
	put_device(dev);
}

/*
 * Probe one device with one driver. A callback that took either off the bus
 * while it ran could not be unbound then; it is now. True: look no further.
 */
static bool bind(struct device *dev, struct device_driver *drv)
{
	bool stop;

	get_device(dev);
	dev->driver = drv;
	dev->busy = true;
	if (bus_ops->probe(dev))
		dev->driver = NULL;
	dev->busy = false;
	if (dev->driver && !(dev->added && drv->added))
		unbind(dev);
	stop = dev->driver || !dev->added;
	put_device(dev);
	return stop;
}

static bool may_bind(struct device *dev, struct device_driver *drv)
{
	return !dev->driver && !dev->busy && bus_ops->match(dev, drv);
}

/* A driver whose probe fails leaves the device to the next one. */
static void attach_device(struct device *dev)
{
	struct device_driver *drv;
	u64 order = 0;

	while ((drv = driver_after(order))) {
		order = drv->order;
		if (may_bind(dev, drv) && bind(dev, drv))
			return;
	}
}

static void attach_driver(struct device_driver *drv)
{
	struct device *dev;
	u64 order = 0;

	while (drv->added && (dev = device_after(order))) {
		order = dev->order;
		if (may_bind(dev, drv))
			bind(dev, drv);
	}
}

int port_bus_register(const struct port_bus_ops *ops)
{
	int err = 0;

	vlab_port_lock();
	if (!bus_ops)
		bus_ops = ops;
	else if (bus_ops != ops)
		err = -EBUSY;
	vlab_port_unlock();
	return err;
}

/* With something still on the bus its callbacks are needed: it stays. */
void port_bus_unregister(void)
{
	vlab_port_lock();
	if (!bus_devices && !bus_drivers)
		bus_ops = NULL;
	vlab_port_unlock();
}

/* prefix, then index in decimal; no more of either than the name holds. */
static void put_name(struct device *dev, const char *prefix, int index)
{
	unsigned int n = (unsigned int)index;
	char digits[10];
	size_t len = 0, i = 0;

	while (prefix[len] && len < sizeof(dev->name) - sizeof(digits) - 1) {
		dev->name[len] = prefix[len];
		len++;
	}
	do {
		digits[i++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	while (i)
		dev->name[len++] = digits[--i];
	dev->name[len] = '\0';
}

static bool name_is_taken(const char *name)
{
	const struct device *dev;

	for (dev = bus_devices; dev; dev = dev->next)
		if (!strcmp(dev->name, name))
			return true;
	return false;
}

static void add_device(struct device *dev)
{
	struct device **end = &bus_devices;

	while (*end)
		end = &(*end)->next;
	dev->next = NULL;
	dev->order = ++bus_order;
	dev->added = true;
	*end = dev;
}

int port_device_add(struct device *dev, const char *prefix, int index)
{
	int err = -ENODEV;

	vlab_port_lock();
	if (!bus_ops)
		goto unlock;
	/* A device that was taken off is free once its last reference went. */
	err = -EBUSY;
	if (dev->added || dev->refs)
		goto unlock;
	put_name(dev, prefix, index);
	err = -EEXIST;
	if (name_is_taken(dev->name))
		goto unlock;
	err = 0;
	dev->driver = NULL;
	dev->busy = false;
	dev->warnings = 0;
	dev->refs = 1;
	add_device(dev);
	/* The caller's reference may be put by a callback; this one is ours. */
	get_device(dev);
	attach_device(dev);
	put_device(dev);
unlock:
	vlab_port_unlock();
	return err;
}

void port_device_del(struct device *dev)
{
	struct device **at = &bus_devices;

	vlab_port_lock();
	if (!dev->added)
		goto unlock;
	while (*at != dev)
		at = &(*at)->next;
	*at = dev->next;
	dev->next = NULL;
	dev->added = false;
	/* In its own probe or remove: bind() or unbind() finishes the work. */
	if (dev->driver && !dev->busy)
		unbind(dev);
unlock:
	vlab_port_unlock();
}

void port_device_put(struct device *dev)
{
	vlab_port_lock();
	put_device(dev);
	vlab_port_unlock();
}

void port_device_lock(struct device *dev)
{
	(void)dev;
	vlab_port_lock();
}

void port_device_unlock(struct device *dev)
{
	(void)dev;
	vlab_port_unlock();
}

int port_driver_register(struct device_driver *drv)
{
	struct device_driver **end = &bus_drivers;
	int err = -EBUSY;

	vlab_port_lock();
	if (drv->added)
		goto unlock;
	err = -ENODEV;
	if (!bus_ops)
		goto unlock;
	while (*end)
		end = &(*end)->next;
	drv->next = NULL;
	drv->order = ++bus_order;
	drv->added = true;
	*end = drv;
	attach_driver(drv);
	err = 0;
unlock:
	vlab_port_unlock();
	return err;
}

void port_driver_unregister(struct device_driver *drv)
{
	struct device_driver **at = &bus_drivers;
	struct device *dev;
	u64 order = 0;

	vlab_port_lock();
	if (!drv->added)
		goto unlock;
	while (*at != drv)
		at = &(*at)->next;
	*at = drv->next;
	drv->next = NULL;
	drv->added = false;
	while ((dev = device_after(order))) {
		order = dev->order;
		/* Busy: in its own probe, and bind() unbinds it after. */
		if (dev->driver == drv && !dev->busy)
			unbind(dev);
	}
unlock:
	vlab_port_unlock();
}

int ida_alloc(struct ida *ida, int gfp)
{
	int id, ret = -ENOSPC;

	(void)gfp;
	vlab_port_lock();
	for (id = 0; id < VLAB_IDA_MAX; id++) {
		if (ida->used[id / 64] >> (id % 64) & 1)
			continue;
		ida->used[id / 64] |= 1ULL << (id % 64);
		ret = id;
		break;
	}
	vlab_port_unlock();
	return ret;
}

void ida_free(struct ida *ida, unsigned int id)
{
	if (id >= VLAB_IDA_MAX)
		return;
	vlab_port_lock();
	ida->used[id / 64] &= ~(1ULL << (id % 64));
	vlab_port_unlock();
}
