/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the core share and nobody else sees. */
#ifndef VLAB_VIRTIO_CORE_H
#define VLAB_VIRTIO_CORE_H

#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_transport.h>

struct vring;

/* Reads of the status that a reset waits for, about a millisecond apart. */
#define VIRTIO_RESET_TRIES 100

/**
 * struct virtio_core - the core's private side of a device
 * @status: what the driver side has set; the device's own byte is never the
 *	base of the next one
 * @ready: DRIVER_OK is set, or about to be: callbacks may run
 * @started: it was set
 * @features_ok: the negotiation is over
 * @gone: the transport lost the device
 * @changed: the configuration did, before @ready
 * @broken: enum virtio_broken
 * @generation: of the tokens that find() gives out
 * @offered, @features: of VIRTIO_CONFIG_F_VIRTIO, the first 64 bits
 * @config: private snapshot of the fields, parsed: it holds no terminator, a
 *	used field has VIRTIO_CONFIG_F_USED set, and the acknowledge half of
 *	a feature field is the driver's
 * @acks: as large as @config: what this driver acknowledged in fields other
 *	than VIRTIO_CONFIG_F_VIRTIO; NULL until it does
 * @vqs: the queues, newest first
 *
 * Everything is only changed by functions that the bus serialises for a device
 * (probe, remove, config_changed's worker), but for @gone, @broken and
 *@changed, which an interrupt may set. An interrupt also reads @status, @ready
 *and
 * @started, and walks @vqs: a queue is added to the list when it is whole, and
 * freed after it was taken off and the transport's synchronize() returned.
 */
struct virtio_core {
	u8 status;
	bool ready;
	bool started;
	bool features_ok;
	bool gone;
	bool changed;
	u8 broken;
	u32 generation;
	u64 offered;
	u64 features;
	u8 *config;
	unsigned int config_len;
	u8 *acks;
	struct vring *vqs;
};

/* The mark that find() leaves on the private type byte of a used-up field. */
#define VIRTIO_CONFIG_F_USED 0x80

/* bus.c */
int virtio_get_status(struct virtio_device *vdev);
int virtio_raise_status(struct virtio_device *vdev, u8 bits);
int virtio_check_status(struct virtio_device *vdev, enum virtio_broken reason);
void virtio_device_break(struct virtio_device *vdev, enum virtio_broken reason);

/* config.c */
int virtio_config_snapshot(struct virtio_device *vdev);
void virtio_config_forget(struct virtio_device *vdev);
/* The next unused VIRTQUEUE field: its position, or -ENOENT. */
int virtio_config_next_queue(struct virtio_device *vdev, u16 *index, u16 *num);
/* Mark the field of a queue used or not used. */
void virtio_config_mark_queue(struct virtio_device *vdev, unsigned int pos,
			      bool used);
/* The bytes of the F_VIRTIO field and the length of one half; NULL: none. */
u8 *virtio_config_features(struct virtio_device *vdev, unsigned int *half);
/* The field that a token names, checked; its position, or a negative errno. */
int virtio_config_token(struct virtio_device *vdev, const void *token,
			unsigned int len);
/* Write @len bytes at @offset of the field at @pos to the device. */
int virtio_config_write(struct virtio_device *vdev, unsigned int pos,
			unsigned int offset, const u8 *bytes, unsigned int len);

/* registers.c */
int virtio_registers_snapshot(struct virtio_device *vdev, u8 **config);
int virtio_registers_write(struct virtio_device *vdev, u8 type,
			   unsigned int offset, const u8 *bytes,
			   unsigned int len);

/* features.c */
int virtio_features_start(struct virtio_device *vdev,
			  const struct virtio_driver *drv);

/* virtqueue.c */
struct virtqueue *virtio_find_vq(struct virtio_device *vdev,
				 bool (*callback)(struct virtqueue *vq));
void virtio_del_vq(struct virtqueue *vq);
void virtqueues_halt(struct virtio_device *vdev);
void virtqueues_quiesced(struct virtio_device *vdev);
void virtqueues_break(struct virtio_device *vdev, enum virtio_broken reason);
void virtqueues_start(struct virtio_device *vdev);
void virtqueues_delete(struct virtio_device *vdev);

static inline struct virtio_device *to_virtio_device(struct device *dev)
{
	return container_of(dev, struct virtio_device, dev);
}

/* The device that maps and allocates for a virtio device. */
static inline struct device *virtio_dma_dev(struct virtio_device *vdev)
{
	return vdev->dev.parent ? vdev->dev.parent : &vdev->dev;
}

/* For an interrupt, which may come before and after there is a core's half. */
static inline struct virtio_core *virtio_core_of_interrupt(
	const struct virtio_device *vdev)
{
	if (!READ_ONCE(vdev->listens))
		return NULL;
	/* Pairs with the barrier in register_virtio_device(). */
	virt_rmb();
	return vdev->core;
}

static inline bool virtio_test_bit(const u8 *bytes, unsigned int bitnum)
{
	return bytes[bitnum / 8] >> (bitnum % 8) & 1;
}

#endif /* VLAB_VIRTIO_CORE_H */
