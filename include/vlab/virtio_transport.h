/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a transport gives the core, and what it tells it.
 *
 * A transport presents the device's configuration in one of two ways: as the
 * bytes of the 2007 fields (@config_len, @config_read, @config_write), or as
 * VIRTIO 1.x registers (@regs), from which core/registers.c builds the same
 * fields. Nothing that these operations return is trusted.
 */
#ifndef VLAB_VIRTIO_TRANSPORT_H
#define VLAB_VIRTIO_TRANSPORT_H

#include <vlab/types.h>
#include <vlab/virtio.h>

VLAB_BEGIN_DECLS

/**
 * struct virtio_vq_setup - where a queue lies, for the device
 * @index: number of the queue
 * @num: descriptors
 * @desc, @avail, @used: addresses as the device uses them
 */
struct virtio_vq_setup {
	unsigned int index;
	unsigned int num;
	dma_addr_t desc;
	dma_addr_t avail;
	dma_addr_t used;
};

/**
 * struct virtio_register_ops - VIRTIO 1.x registers (4.1.4.3, 4.2.2)
 * @device_features: read word @word (0 or 1) of the offered bits
 * @driver_features: write word @word of the acknowledged bits
 * @num_queues: how many queues there may be, or a negative errno
 * @queue_size: largest size of queue @index; 0: there is none
 * @generation: of the device configuration
 * @config_len: bytes of device configuration
 * @config_read, @config_write: device configuration
 *
 * All return 0 or a negative errno unless said otherwise. May sleep.
 */
struct virtio_register_ops {
	int (*device_features)(struct virtio_device *vdev, unsigned int word,
			       u32 *bits);
	int (*driver_features)(struct virtio_device *vdev, unsigned int word,
			       u32 bits);
	int (*num_queues)(struct virtio_device *vdev);
	int (*queue_size)(struct virtio_device *vdev, unsigned int index);
	int (*generation)(struct virtio_device *vdev, u32 *generation);
	int (*config_len)(struct virtio_device *vdev);
	int (*config_read)(struct virtio_device *vdev, unsigned int offset,
			   void *buf, unsigned int len);
	int (*config_write)(struct virtio_device *vdev, unsigned int offset,
			    const void *buf, unsigned int len);
};

/**
 * struct virtio_transport_ops - one kind of transport
 * @get_status: the device's status, 0 to 255, or -ENODEV when it is gone
 * @set_status: write it; 0 is a reset, whose end get_status() shows as 0
 * @config_len: bytes of the field space, or a negative errno
 * @config_read, @config_write: the field space
 * @generation: changes whenever the field space does; NULL: it never changes
 * @regs: registers instead of a field space; the four above are NULL then
 * @setup_vq: give a queue to the device
 * @reset_vq: take one queue back (VIRTIO_F_RING_RESET); NULL: cannot
 * @notify: tell the device that a queue has new buffers. Any context.
 * @synchronize: return when no callback runs any more; NULL: none can
 * @isolate: cut the device off from memory after a reset that it ignored, or
 *	when it is said to be gone; NULL: the memory is private again once freed
 * @features: transport feature bits (24 and up) that this transport carries
 *	out itself, beyond those of the ring; acknowledged when offered
 */
struct virtio_transport_ops {
	int (*get_status)(struct virtio_device *vdev);
	int (*set_status)(struct virtio_device *vdev, u8 status);
	int (*config_len)(struct virtio_device *vdev);
	int (*config_read)(struct virtio_device *vdev, unsigned int offset,
			   void *buf, unsigned int len);
	int (*config_write)(struct virtio_device *vdev, unsigned int offset,
			    const void *buf, unsigned int len);
	int (*generation)(struct virtio_device *vdev, u32 *generation);
	const struct virtio_register_ops *regs;
	int (*setup_vq)(struct virtio_device *vdev,
			const struct virtio_vq_setup *setup);
	int (*reset_vq)(struct virtio_device *vdev, unsigned int index);
	int (*notify)(struct virtio_device *vdev, unsigned int index);
	void (*synchronize)(struct virtio_device *vdev);
	void (*isolate)(struct virtio_device *vdev);
	u64 features;
};

/**
 * virtqueue_interrupt - the device says that queue @index has used buffers
 *
 * Calls the driver's callback if it is allowed now and something was used.
 * Any context; the transport makes sure that it does not run twice at a time
 * for one queue. Returns true if there was work for this queue.
 */
VLAB_API bool virtqueue_interrupt(struct virtio_device *vdev,
				  unsigned int index);

/* The device says that its configuration or status changed. Any context. */
VLAB_API void virtio_config_changed(struct virtio_device *vdev);

/*
 * The device was taken away: break everything, touch it no more. In an
 * interrupt that @synchronize waits for; elsewhere the caller keeps the device
 * from being bound, unbound and unregistered meanwhile (in the kernel by its
 * lock).
 */
VLAB_API void virtio_device_gone(struct virtio_device *vdev);

VLAB_END_DECLS

#endif /* VLAB_VIRTIO_TRANSPORT_H */
