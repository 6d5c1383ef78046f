// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The virtio bus: devices, drivers, and the status ladder between them
 * (VIRTIO 1.2, 3.1).
 *
 * The ladder climbs from a private shadow. What the device shows as its status
 * is compared with the shadow and never written back: a device that answers
 * 0xff would otherwise set DRIVER_OK and FAILED for itself.
 */
#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_transport.h>

#include "virtio_core.h"

static DEFINE_IDA(virtio_indices);

static struct virtio_driver *to_virtio_driver(struct device_driver *drv)
{
	return container_of(drv, struct virtio_driver, driver);
}

void virtio_device_break(struct virtio_device *vdev, enum virtio_broken reason)
{
	struct virtio_core *core = vdev->core;

	if (!core->broken) {
		WRITE_ONCE(core->broken, (u8)reason);
		dev_warn_ratelimited(&vdev->dev, "device broken: %s\n",
				     virtio_broken_name(reason));
	}
	/* The device before its queues; vring_reset()'s barrier pairs. */
	virt_mb();
	virtqueues_break(vdev, reason == VIRTIO_BROKEN_GONE
				       ? VIRTIO_BROKEN_GONE
				       : VIRTIO_BROKEN_DEVICE);
}

void virtio_device_gone(struct virtio_device *vdev)
{
	struct virtio_core *core = virtio_core_of_interrupt(vdev);

	if (!core || core->gone)
		return;
	WRITE_ONCE(core->gone, true);
	virtio_device_break(vdev, VIRTIO_BROKEN_GONE);
}
EXPORT_SYMBOL_GPL(virtio_device_gone);

enum virtio_broken virtio_device_broken(const struct virtio_device *vdev)
{
	return vdev->core ? (enum virtio_broken)READ_ONCE(vdev->core->broken)
			  : VIRTIO_NOT_BROKEN;
}
EXPORT_SYMBOL_GPL(virtio_device_broken);

/* A device that was taken away is not asked, and has no status. */
int virtio_get_status(struct virtio_device *vdev)
{
	const struct virtio_core *core = vdev->core;
	int status;

	if (core && core->gone)
		return -ENODEV;
	status = vdev->transport->get_status(vdev);
	return status < 0 || status > 0xff ? -ENODEV : status;
}

/* For the core: a device that cannot answer is gone. */
static int read_status(struct virtio_device *vdev)
{
	int status = virtio_get_status(vdev);

	if (status < 0)
		virtio_device_gone(vdev);
	return status;
}

static int write_status(struct virtio_device *vdev, u8 status)
{
	struct virtio_core *core = vdev->core;

	WRITE_ONCE(core->status, status);
	if (core->gone)
		return -EIO;
	if (!vdev->transport->set_status(vdev, status))
		return 0;
	virtio_device_gone(vdev);
	return -EIO;
}

int virtio_raise_status(struct virtio_device *vdev, u8 bits)
{
	return write_status(vdev, vdev->core->status | bits);
}

/* The device must show exactly what we set: less and it reset itself. */
int virtio_check_status(struct virtio_device *vdev, enum virtio_broken reason)
{
	int status = read_status(vdev);

	if (status < 0)
		return -EIO;
	if (status == vdev->core->status)
		return 0;
	virtio_device_break(vdev, reason);
	return -EIO;
}

/* Write 0 and wait, bounded, until the device shows it. */
static int reset_status(struct virtio_device *vdev)
{
	int i, status;

	if (write_status(vdev, 0))
		return -EIO;
	for (i = 0; i < VIRTIO_RESET_TRIES; i++) {
		status = read_status(vdev);
		if (status < 0)
			return -EIO;
		if (!status)
			return 0;
		usleep_range(1000, 2000);
	}
	virtio_device_break(vdev, VIRTIO_BROKEN_RESET);
	return -EIO;
}

int virtio_reset_device(struct virtio_device *vdev)
{
	struct virtio_core *core = vdev->core;
	int err;

	if (!core)
		return -EIO;
	WRITE_ONCE(core->ready, false);
	WRITE_ONCE(core->started, false);
	core->features_ok = false;
	virtqueues_halt(vdev);
	if (vdev->transport->synchronize)
		vdev->transport->synchronize(vdev);
	err = reset_status(vdev);
	/*
	 * A device that ignores its reset keeps its DMA until it is cut off,
	 * and so does one that only claims to be gone.
	 */
	if (err && vdev->transport->isolate)
		vdev->transport->isolate(vdev);
	virtqueues_quiesced(vdev);
	return err;
}
EXPORT_SYMBOL_GPL(virtio_reset_device);

int virtio_device_ready(struct virtio_device *vdev)
{
	struct virtio_core *core = vdev->core;

	if (!core)
		return -EIO;
	if (core->ready)
		return 0;
	if (core->broken || core->status & VIRTIO_CONFIG_S_FAILED ||
	    virtio_features_agree(vdev))
		return -EIO;
	/* A device that reset or failed itself in probe stays unbound. */
	if (virtio_check_status(vdev, VIRTIO_BROKEN_STATUS))
		return -EIO;
	/* From the write on the device may interrupt: callbacks must run. */
	WRITE_ONCE(core->ready, true);
	if (virtio_raise_status(vdev, VIRTIO_CONFIG_S_DRIVER_OK)) {
		WRITE_ONCE(core->ready, false);
		return -EIO;
	}
	WRITE_ONCE(core->started, true);
	virtqueues_start(vdev);
	/*
	 * The snapshot may be older than a change that nobody was ready for.
	 * Pairs with the barrier in virtio_config_changed().
	 */
	virt_mb();
	if (READ_ONCE(core->changed))
		virtio_config_changed(vdev);
	return 0;
}
EXPORT_SYMBOL_GPL(virtio_device_ready);

/* NEEDS_RESET, or bits that we set and the device dropped. */
static bool status_changed(struct virtio_device *vdev)
{
	struct virtio_core *core = vdev->core;
	/* While DRIVER_OK is written, beside this, the device may lack it. */
	int ignore = READ_ONCE(core->started) ? 0 : VIRTIO_CONFIG_S_DRIVER_OK;
	int status = read_status(vdev);

	return status >= 0 && (status ^ READ_ONCE(core->status)) & ~ignore;
}

void virtio_config_changed(struct virtio_device *vdev)
{
	struct virtio_core *core = virtio_core_of_interrupt(vdev);
	struct virtio_driver *drv;

	if (!core || READ_ONCE(core->broken))
		return;
	if (!READ_ONCE(core->ready)) {
		WRITE_ONCE(core->changed, true);
		/*
		 * Pairs with the barrier in virtio_device_ready(): it sees the
		 * change, or the driver is seen ready here.
		 */
		virt_mb();
		if (!READ_ONCE(core->ready))
			return;
	}
	WRITE_ONCE(core->changed, false);
	if (status_changed(vdev))
		virtio_device_break(vdev, VIRTIO_BROKEN_STATUS);
	/* Ready, so bound: unbinding ends readiness, then synchronizes. */
	drv = to_virtio_driver(vdev->dev.driver);
	if (drv->config_changed)
		drv->config_changed(vdev);
	if (drv->front && drv->front->config_changed)
		drv->front->config_changed(vdev);
}
EXPORT_SYMBOL_GPL(virtio_config_changed);

static bool virtio_id_match(const struct virtio_device *dev,
			    const struct virtio_device_id *id)
{
	if (!id->device)
		return false;
	if (id->device != dev->id.device && id->device != VIRTIO_DEV_ANY_ID)
		return false;
	return id->vendor == dev->id.vendor || id->vendor == VIRTIO_DEV_ANY_ID;
}

static bool virtio_bus_match(struct device *_dev, struct device_driver *_drv)
{
	struct virtio_device *dev = to_virtio_device(_dev);
	struct virtio_driver *drv = to_virtio_driver(_drv);
	unsigned int i;

	for (i = 0; i < drv->id_count; i++)
		if (virtio_id_match(dev, &drv->id_table[i]))
			return true;
	return false;
}

/* End a binding: the device stops first, then its memory goes. */
static void virtio_unbind(struct virtio_device *vdev)
{
	/* At 0 the driver's remove has reset it, or it never came further. */
	if (vdev->core->status || vdev->core->broken)
		virtio_reset_device(vdev);
	virtqueues_delete(vdev);
	virtio_config_forget(vdev);
	vdev->core->features = 0;
	vdev->core->offered = 0;
	vdev->priv = NULL;
	vdev->front = NULL;
}

/*
 * The device is reset and acknowledged. Registration and unbinding leave it so,
 * unless something failed, and then only another reset can.
 */
static int start_over(struct virtio_device *vdev)
{
	struct virtio_core *core = vdev->core;
	int err;

	if (!core->broken && core->status == VIRTIO_CONFIG_S_ACKNOWLEDGE)
		return 0;
	core->broken = VIRTIO_NOT_BROKEN;
	err = virtio_reset_device(vdev);
	if (err)
		return err;
	return virtio_raise_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
}

/* From reset to DRIVER: nothing of an earlier driver is left. */
static int virtio_bind(struct virtio_device *vdev, struct virtio_driver *drv)
{
	int err;

	if (vdev->core->gone)
		return -EIO;
	/* What changed before the snapshot is in it. */
	vdev->core->changed = false;
	err = start_over(vdev);
	if (err)
		return err;
	err = virtio_raise_status(vdev, VIRTIO_CONFIG_S_DRIVER);
	if (err)
		return err;
	err = virtio_config_snapshot(vdev);
	if (err)
		return err;
	return virtio_features_start(vdev, drv);
}

/* A callback that returns its token is wrong, but leaves nothing half bound. */
static int probe_result(int ret)
{
	return ret > 0 ? -EINVAL : ret;
}

static int virtio_bus_probe(struct device *_dev)
{
	struct virtio_device *vdev = to_virtio_device(_dev);
	struct virtio_driver *drv = to_virtio_driver(_dev->driver);
	int err;

	err = virtio_bind(vdev, drv);
	if (err)
		goto fail;
	err = probe_result(drv->probe(vdev));
	if (err)
		goto fail;
	err = virtio_device_ready(vdev);
	if (!err && drv->front && drv->front->bound)
		err = probe_result(drv->front->bound(vdev));
	if (!err)
		return 0;
	if (drv->remove)
		drv->remove(vdev);
fail:
	virtio_unbind(vdev);
	virtio_raise_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE |
					  VIRTIO_CONFIG_S_FAILED);
	return err;
}

static void virtio_bus_remove(struct device *_dev)
{
	struct virtio_device *vdev = to_virtio_device(_dev);
	struct virtio_driver *drv = to_virtio_driver(_dev->driver);

	/* Before the driver stops: what its user still has to write, it can. */
	if (drv->front && drv->front->unbind)
		drv->front->unbind(vdev);
	if (drv->remove)
		drv->remove(vdev);
	virtio_unbind(vdev);
	virtio_raise_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
}

static const struct port_bus_ops virtio_bus_ops = {
	.match = virtio_bus_match,
	.probe = virtio_bus_probe,
	.remove = virtio_bus_remove,
};

static bool config_ops_complete(const struct virtio_config_ops *ops)
{
	return ops && ops->find && ops->get && ops->set && ops->get_status &&
	       ops->set_status && ops->find_vq && ops->del_vq;
}

static bool register_ops_complete(const struct virtio_register_ops *regs)
{
	return regs->device_features && regs->driver_features &&
	       regs->num_queues && regs->queue_size && regs->generation &&
	       regs->config_len && regs->config_read && regs->config_write;
}

static bool transport_ops_complete(const struct virtio_transport_ops *ops)
{
	if (!ops || !ops->get_status || !ops->set_status || !ops->setup_vq ||
	    !ops->notify)
		return false;
	if (ops->regs)
		return register_ops_complete(ops->regs);
	return ops->config_len && ops->config_read && ops->config_write;
}

/* The last reference went: the index may be used again only now. */
static void virtio_device_release(struct device *_dev)
{
	struct virtio_device *vdev = to_virtio_device(_dev);

	ida_free(&virtio_indices, (unsigned int)vdev->index);
	kfree(vdev->core);
	vdev->core = NULL;
	if (vdev->release)
		vdev->release(vdev);
}

/* No interrupt comes near the core's half again: it may be freed. */
static void stop_listening(struct virtio_device *dev)
{
	WRITE_ONCE(dev->listens, false);
	if (dev->transport->synchronize)
		dev->transport->synchronize(dev);
}

int register_virtio_device(struct virtio_device *dev)
{
	struct virtio_core *core;
	int err;

	if (!dev || !dev->id.device || !config_ops_complete(dev->config) ||
	    !transport_ops_complete(dev->transport))
		return -EINVAL;
	if (dev->core)
		return -EBUSY;
	err = port_bus_register(&virtio_bus_ops);
	if (err)
		return err;
	core = kzalloc(sizeof(*core), GFP_KERNEL);
	if (!core)
		return -ENOMEM;
	dev->core = core;
	/* All of it before interrupts are let in: the device may send them. */
	virt_wmb();
	WRITE_ONCE(dev->listens, true);
	err = ida_alloc(&virtio_indices, GFP_KERNEL);
	if (err < 0)
		goto free_core;
	dev->index = err;
	/* What a driver before us (kexec, a crash) left must not survive. */
	err = reset_status(dev);
	if (err)
		goto free_index;
	err = virtio_raise_status(dev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	if (err)
		goto free_index;
	dev->dev.release = virtio_device_release;
	err = port_device_add(&dev->dev, "virtio", dev->index);
	if (err)
		goto fail_device;
	return 0;

fail_device:
	virtio_raise_status(dev, VIRTIO_CONFIG_S_FAILED);
free_index:
	ida_free(&virtio_indices, (unsigned int)dev->index);
free_core:
	stop_listening(dev);
	kfree(core);
	dev->core = NULL;
	return err;
}
EXPORT_SYMBOL_GPL(register_virtio_device);

void unregister_virtio_device(struct virtio_device *dev)
{
	if (!dev || !dev->core)
		return;
	port_device_del(&dev->dev);
	reset_status(dev);
	stop_listening(dev);
	port_device_put(&dev->dev);
}
EXPORT_SYMBOL_GPL(unregister_virtio_device);

int register_virtio_driver(struct virtio_driver *drv)
{
	int err;

	if (!drv || !drv->driver.name || !drv->probe || !drv->id_table ||
	    !drv->id_count || (drv->feature_count && !drv->feature_table))
		return -EINVAL;
	err = port_bus_register(&virtio_bus_ops);
	if (err)
		return err;
	return port_driver_register(&drv->driver);
}
EXPORT_SYMBOL_GPL(register_virtio_driver);

void unregister_virtio_driver(struct virtio_driver *drv)
{
	if (drv)
		port_driver_unregister(&drv->driver);
}
EXPORT_SYMBOL_GPL(unregister_virtio_driver);

static int show_features(const struct virtio_core *core, char *buf, size_t size)
{
	u64 features = core->features;
	unsigned int i;

	if (size < 64 + 2)
		return -ENOSPC;
	for (i = 0; i < 64; i++, features >>= 1)
		buf[i] = (char)('0' + (features & 1));
	buf[64] = '\n';
	buf[65] = '\0';
	return 65;
}

int virtio_device_show(const struct virtio_device *vdev, const char *name,
		       char *buf, size_t size)
{
	const struct virtio_core *core = vdev->core;
	char text[16];
	int len;

	if (!core)
		return -ENOENT;
	if (!strcmp(name, "features"))
		return show_features(core, buf, size);
	if (!strcmp(name, "device"))
		len = scnprintf(text, sizeof(text), "%u\n", vdev->id.device);
	else if (!strcmp(name, "vendor"))
		len = scnprintf(text, sizeof(text), "%u\n", vdev->id.vendor);
	else if (!strcmp(name, "status"))
		len = scnprintf(text, sizeof(text), "0x%08x\n", core->status);
	else
		return -ENOENT;
	if ((size_t)len >= size)
		return -ENOSPC;
	memcpy(buf, text, (size_t)len + 1);
	return len;
}
EXPORT_SYMBOL_GPL(virtio_device_show);
