/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that a virtio driver needs: queues, devices, drivers.
 *
 * The names and meanings are those of the 2007 virtio interface; each place
 * where a signature had to change to be safe is in docs/seed.md. The other
 * side of every call is a device that may be hostile.
 */
#ifndef VLAB_VIRTIO_H
#define VLAB_VIRTIO_H

#include <vlab/types.h>
#include <vlab/virtio_config.h>

VLAB_BEGIN_DECLS

struct virtio_core;
struct virtio_transport_ops;
struct virtqueue_ops;

/* Why a queue or a device stopped; the names are in virtio_broken_name(). */
enum virtio_broken {
	VIRTIO_NOT_BROKEN,
	VIRTIO_BROKEN_USED_IDX, /* used.idx passed what was made available */
	VIRTIO_BROKEN_USED_ID_RANGE, /* a used id past the table */
	VIRTIO_BROKEN_USED_ID_HEAD, /* a used id that is not in flight */
	VIRTIO_BROKEN_USED_LEN, /* strict mode: more written than posted */
	VIRTIO_BROKEN_NOTIFY, /* the transport could not notify */
	VIRTIO_BROKEN_DEVICE, /* the device is broken as a whole */
	VIRTIO_BROKEN_GONE, /* the device was taken away */
	VIRTIO_BROKEN_RESET, /* it never finished a reset */
	VIRTIO_BROKEN_STATUS, /* it reported FAILED, NEEDS_RESET or nonsense */
	VIRTIO_BROKEN_CONFIG, /* its configuration cannot be parsed */
	VIRTIO_BROKEN_FEATURES, /* it refused the features */
	VIRTIO_BROKEN_REASONS
};

/* A fixed string such as "used-id-out-of-range"; never NULL. */
VLAB_API const char *virtio_broken_name(enum virtio_broken reason);

/**
 * struct virtqueue - a queue to register buffers for sending or receiving
 * @callback: called when buffers were used; may be NULL. Returns true to be
 *	called again, false to be left alone until vq_ops->restart(), also one
 *	that runs before the callback has returned. Runs in the context of the
 *	transport's interrupt; never before DRIVER_OK, never after shutdown.
 * @vdev: the device this queue was created for
 * @vq_ops: the operations of this queue
 * @priv: for the driver; the core does not touch it
 * @index: number of the queue within its device
 * @num: descriptors in the ring
 */
struct virtqueue {
	bool (*callback)(struct virtqueue *vq);
	struct virtio_device *vdev;
	const struct virtqueue_ops *vq_ops;
	void *priv;
	unsigned int index;
	unsigned int num;
};

/**
 * struct virtqueue_frame - what a driver puts around a buffer
 * @lead: a piece that the device may read, before the buffer
 * @lead_len: its bytes, not 0
 * @more_len: bytes of a second one that lies right behind it; 0: there is none
 * @tail: a piece that the device may write, after the buffer
 * @tail_len: its bytes, not 0
 *
 * All lie in the driver's own dma_alloc_coherent() memory: the device's
 * addresses are known, and nothing is mapped for them with each buffer.
 */
struct virtqueue_frame {
	dma_addr_t lead;
	dma_addr_t tail;
	u32 lead_len;
	u32 more_len;
	u32 tail_len;
};

/**
 * struct virtqueue_ops - operations of a virtqueue (VIRTIO 1.2, 2.7.13)
 *
 * @add_buf: expose a buffer to the device.
 *	@sg: @out_num pieces that it may read, then @in_num that it may write.
 *	@data: the token that get_buf() returns; not NULL. A token may be in
 *	flight once only; the caller sees to that.
 *	0, -EINVAL (NULL token, no pieces, a piece of length 0, counts that
 *	overflow, 4 GiB or more in all: see 2.7.5.2), -EMSGSIZE (more pieces
 *	than the ring can ever hold: do not retry), -ENOSPC (no room now),
 *	-ENOMEM (mapping failed), -EIO (queue broken or shut down). On error
 *	nothing is posted.
 * @add_framed: as add_buf, for a buffer of @num pieces, or none, between those
 *	of @frame. The device may read the buffer's pieces, or, with @write,
 *	write them. What get_buf() returns counts the last piece of @frame.
 * @kick: publish what was added and tell the device if it asked to be told.
 * @get_buf: the next used buffer's token, or NULL when there is none (or the
 *	queue is broken). *@len gets the bytes that the device says it wrote,
 *	never more than the buffer had writable; untouched on NULL. A call that
 *	returns NULL re-arms the callback (event index), so a driver that wants
 *	callbacks takes buffers until NULL.
 * @restart: allow callbacks again. Returns false, and leaves them off, if a
 *	used buffer is waiting: take it and call again.
 * @shutdown: end all work of the queue: no callback runs after it, the queue
 *	(or, where the device cannot reset one queue, the device) is reset, and
 *	detach_buf() gives back what was in flight. May sleep.
 * @detach_buf: after shutdown or virtio_reset_device(), the token of one buffer
 *	that was not used, or NULL when all are returned.
 * @reset: start a shut down queue again, as fresh. 0, -EBUSY (buffers not
 *	detached), -EOPNOTSUPP (the device cannot), -EIO.
 *
 * No two operations on one queue may run at the same time, and the callback
 * counts: the driver holds one irq-safe lock around each of them if its
 * callback uses the queue. add_buf, kick, get_buf, restart and detach_buf never
 * sleep; the others may. virtio_reset_device() may run beside an operation,
 * which ends as if it had come before or after: so detach_buf, which follows
 * it, takes the lock too.
 */
struct virtqueue_ops {
	int (*add_buf)(struct virtqueue *vq, struct scatterlist sg[],
		       unsigned int out_num, unsigned int in_num, void *data);
	int (*add_framed)(struct virtqueue *vq,
			  const struct virtqueue_frame *frame,
			  struct scatterlist sg[], unsigned int num, bool write,
			  void *data);
	void (*kick)(struct virtqueue *vq);
	void *(*get_buf)(struct virtqueue *vq, unsigned int *len);
	bool (*restart)(struct virtqueue *vq);
	void (*shutdown)(struct virtqueue *vq);
	void *(*detach_buf)(struct virtqueue *vq);
	int (*reset)(struct virtqueue *vq);
};

/* Why the queue refuses to work, or VIRTIO_NOT_BROKEN. Any context. */
VLAB_API enum virtio_broken virtqueue_broken(const struct virtqueue *vq);

/* Break the queue instead of clamping when a used length is too large. */
VLAB_API void virtqueue_set_strict(struct virtqueue *vq, bool strict);

/**
 * struct virtqueue_stats - counters of one queue since it was created
 * @clamped: used lengths that were larger than the writable bytes
 * @spurious: interrupts with nothing used, or not allowed now
 * @private_bytes: memory of the queue that the device cannot see
 * @shared_bytes: memory that it can
 */
struct virtqueue_stats {
	u64 clamped;
	u64 spurious;
	size_t private_bytes;
	size_t shared_bytes;
};

VLAB_API void virtqueue_stats(const struct virtqueue *vq,
			      struct virtqueue_stats *stats);

/* The most pieces of a buffer that takes one descriptor of the ring. */
VLAB_API unsigned int virtqueue_indirect_max(const struct virtqueue *vq);

/**
 * struct virtio_device - a device on the virtio bus
 * @index: unique position on the bus; the bus allocates it at registration and
 *	frees it after the last reference is dropped
 * @dev: underlying device; @dev.parent may be set before registration
 * @id: what the device is; id.device 0 is reserved and refused
 * @config: operations for drivers; a transport sets &virtio_config_fields_ops
 * @priv: for the driver
 * @front: for the front end of the driver, if it has one
 * @transport: how the core reaches the device
 * @transport_priv: for the transport
 * @release: called once, after the last reference to a device that was
 *	registered is dropped: the transport may free it then. Not called when
 *	registration fails.
 * @core: private to the core
 * @listens: private to the core: interrupts are let in
 */
struct virtio_device {
	int index;
	struct device dev;
	struct virtio_device_id id;
	const struct virtio_config_ops *config;
	void *priv;
	void *front;
	const struct virtio_transport_ops *transport;
	void *transport_priv;
	void (*release)(struct virtio_device *vdev);
	struct virtio_core *core;
	bool listens;
};

/**
 * register_virtio_device - hand a device to the bus
 *
 * Resets it, acknowledges it and looks for a driver. On error the device was
 * not taken and stays the caller's: -EINVAL (incomplete ops, id 0), -EBUSY
 * (registered already), -ENOMEM, -ENOSPC (no index), -EIO (it cannot be
 * reset). A driver's failing probe is not an error here. May sleep.
 */
VLAB_API int register_virtio_device(struct virtio_device *dev);

/**
 * unregister_virtio_device - take a device off the bus
 *
 * Unbinds its driver, resets it; no callback runs afterwards. A device that is
 * not registered is ignored. May sleep.
 */
VLAB_API void unregister_virtio_device(struct virtio_device *dev);

/**
 * struct virtio_front_ops - who uses the devices that a driver binds
 *
 * A driver that serves others (entropy and block, in this core) knows how to
 * talk to its device and not what for. Its front end does: it makes a disk of
 * it, say. It is set once, before the driver is registered. Each of these may
 * be NULL.
 *
 * @bound: the device works: DRIVER_OK is set, and the driver's functions may
 *	be called. 0, or a negative errno (a positive value counts as -EINVAL),
 *	which unbinds the device again. May sleep.
 * @unbind: the driver is about to let go of the device. Its queues still work,
 *	unless virtio_device_broken() says otherwise. Not called if @bound
 *	failed. May sleep.
 * @config_changed: as the driver's own, after it. It may come before @bound
 *	returns, and until @unbind has returned or has reset the device.
 */
struct virtio_front_ops {
	int (*bound)(struct virtio_device *dev);
	void (*unbind)(struct virtio_device *dev);
	void (*config_changed)(struct virtio_device *dev);
};

/**
 * struct virtio_driver - operations of a driver
 * @driver: set driver.name (in the kernel also owner)
 * @id_table: what it serves
 * @id_count: entries in @id_table, at least 1
 * @feature_table: bits of VIRTIO_CONFIG_F_VIRTIO that the driver understands;
 *	the bus acknowledges those that are offered before probe. May be NULL.
 * @feature_count: entries in @feature_table
 * @probe: a device was found. 0 or a negative errno (a positive value counts
 *	as -EINVAL). After an error the device is reset and what the driver
 *	left of queues is deleted.
 * @remove: the device goes away, or the driver does. Queues still work unless
 *	the device is gone. The driver shuts its queues down, takes its tokens
 *	back and deletes them; what it forgets the bus resets and deletes. May
 *	be NULL.
 * @config_changed: the device says its configuration changed; may be NULL. In
 *	the transport's context: call virtio_config_refresh() from a context
 *	that may sleep. What changed before DRIVER_OK is told right after it,
 *	by virtio_device_ready(), perhaps beside an interrupt that tells more.
 * @front: who uses the devices, beside the driver itself; may be NULL
 */
struct virtio_driver {
	struct device_driver driver;
	const struct virtio_device_id *id_table;
	unsigned int id_count;
	const unsigned int *feature_table;
	unsigned int feature_count;
	int (*probe)(struct virtio_device *dev);
	void (*remove)(struct virtio_device *dev);
	void (*config_changed)(struct virtio_device *dev);
	const struct virtio_front_ops *front;
};

/**
 * register_virtio_driver - offer a driver to all devices, present and future
 *
 * -EINVAL (no name, probe or id table), -EBUSY (registered already). May sleep.
 */
VLAB_API int register_virtio_driver(struct virtio_driver *drv);

/* Unbind the driver from all its devices and forget it. May sleep. */
VLAB_API void unregister_virtio_driver(struct virtio_driver *drv);

/**
 * virtio_device_ready - set DRIVER_OK before probe returns
 *
 * For a driver that uses its queues in probe. 0, or -EIO.
 */
VLAB_API int virtio_device_ready(struct virtio_device *vdev);

/**
 * virtio_reset_device - reset the device now
 *
 * Waits, bounded, for status 0. All its queues are shut down and their tokens
 * can be detached. 0, or -EIO when the device does not answer; the queues are
 * shut down then too. May sleep.
 */
VLAB_API int virtio_reset_device(struct virtio_device *vdev);

/* Why the device refuses to work, or VIRTIO_NOT_BROKEN. Any context. */
VLAB_API enum virtio_broken virtio_device_broken(
	const struct virtio_device *vdev);

/**
 * virtio_device_show - one attribute of a device as text
 * @name: "device", "vendor", "status" or "features"
 * @buf: receives the text with a newline and a NUL
 *
 * Reads the core's own copies: never the device, so also after removal.
 * "features" is a string of 64 digits, bit 0 first, of the agreed features.
 * Returns the length without NUL, or -ENOENT, -ENOSPC.
 */
VLAB_API int virtio_device_show(const struct virtio_device *vdev,
				const char *name, char *buf, size_t size);

VLAB_END_DECLS

#endif /* VLAB_VIRTIO_H */
