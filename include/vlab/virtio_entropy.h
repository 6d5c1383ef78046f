/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entropy driver (VIRTIO 1.2, section 5.4). */
#ifndef VLAB_VIRTIO_ENTROPY_H
#define VLAB_VIRTIO_ENTROPY_H

#include <vlab/virtio.h>

VLAB_BEGIN_DECLS

#define VIRTIO_ID_ENTROPY 4

/* The most that virtio_entropy_ask() takes. */
#define VIRTIO_ENTROPY_BYTES_MAX 512

/* Register it with register_virtio_driver(); it may be registered once. */
extern VLAB_API struct virtio_driver virtio_entropy_driver;

/**
 * virtio_entropy_read - take random bytes that the device delivered
 * @buf: receives at most @len bytes
 *
 * Returns the number of bytes copied (0: none have come yet; a request is on
 * its way), or -EIO when the queue is broken, -ENODEV when @vdev is not bound
 * to this driver. Never waits: call again after the callback, or poll. A byte
 * is handed out once, and only bytes that the device says it wrote.
 * Any context.
 */
VLAB_API int virtio_entropy_read(struct virtio_device *vdev, void *buf,
				 unsigned int len);

/**
 * virtio_entropy_ask - how many bytes to ask the device for at a time
 * @bytes: 1 to VIRTIO_ENTROPY_BYTES_MAX; 64 unless this is called
 *
 * For a caller that reads much: it waits for the device less often. Returns 0,
 * -EINVAL, -ENOMEM, -ENODEV when @vdev is not bound to this driver, or -EBUSY
 * when the device was asked for bytes that were not all read yet. May sleep.
 */
VLAB_API int virtio_entropy_ask(struct virtio_device *vdev, unsigned int bytes);

/**
 * virtio_entropy_notify - call @fn when bytes may have come
 *
 * @fn runs in the context of the transport's interrupt; NULL turns it off.
 */
VLAB_API void virtio_entropy_notify(struct virtio_device *vdev,
				    void (*fn)(struct virtio_device *vdev));

VLAB_END_DECLS

#endif /* VLAB_VIRTIO_ENTROPY_H */
