/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration of a virtio device: the status byte, the [type][len][bytes]
 * fields and the feature bits of the 2007 interface.
 *
 * The rule for every byte string is docs/config-format.md. A driver never
 * reads the device's memory: the core takes one bounded snapshot when a driver
 * is bound (and when virtio_config_refresh() is called), and everything here
 * works on that private copy.
 *
 * Context: all functions may sleep, and are called from a driver's probe or
 * remove, which the bus serialises for one device, or from a worker of the
 * driver that does not run beside them. find(), get() and what reads the
 * snapshot do not sleep.
 */
#ifndef VLAB_VIRTIO_CONFIG_H
#define VLAB_VIRTIO_CONFIG_H

#include <vlab/types.h>

VLAB_BEGIN_DECLS

/* Status byte (VIRTIO 1.2, 2.1). In a kernel build uapi has the same names. */
#ifndef VIRTIO_CONFIG_S_ACKNOWLEDGE
#define VIRTIO_CONFIG_S_ACKNOWLEDGE 1
#define VIRTIO_CONFIG_S_DRIVER 2
#define VIRTIO_CONFIG_S_DRIVER_OK 4
#define VIRTIO_CONFIG_S_FEATURES_OK 8
#define VIRTIO_CONFIG_S_NEEDS_RESET 0x40
#define VIRTIO_CONFIG_S_FAILED 0x80
#endif

/* Field types. Type 0 ends the fields; types above 0x7f are refused. */
#define VIRTIO_CONFIG_F_END 0
/* Feature bits: first half offered, second half acknowledged. */
#define VIRTIO_CONFIG_F_VIRTIO 1
/* One virtqueue: le16 index, le16 size. May occur many times. */
#define VIRTIO_CONFIG_F_VIRTQUEUE 2
/* A piece of the VIRTIO 1.x device configuration, in order. */
#define VIRTIO_CONFIG_F_DEVICE 3
#define VIRTIO_CONFIG_TYPE_MAX 0x7f

/*
 * Limits of one device; more is refused, never cut short. (The window of
 * device configuration registers is longer than its content: of it the first
 * VIRTIO_CONFIG_DEVICE_MAX bytes are read.)
 */
#define VIRTIO_CONFIG_SIZE_MAX 4096
#define VIRTIO_CONFIG_QUEUES_MAX 256
#define VIRTIO_CONFIG_DEVICE_MAX 256
#define VIRTIO_CONFIG_RETRIES 4

/* Feature bits of the transport and the ring (VIRTIO 1.2, section 6). */
#define VIRTIO_RING_F_INDIRECT_DESC 28
#define VIRTIO_RING_F_EVENT_IDX 29
#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_ACCESS_PLATFORM 33
#define VIRTIO_F_RING_PACKED 34
#define VIRTIO_F_IN_ORDER 35
#define VIRTIO_F_ORDER_PLATFORM 36
#define VIRTIO_F_SR_IOV 37
#define VIRTIO_F_NOTIFICATION_DATA 38
#define VIRTIO_F_NOTIF_CONFIG_DATA 39
#define VIRTIO_F_RING_RESET 40

struct virtio_device;
struct virtqueue;

/**
 * struct virtio_config_ops - what a driver may ask of its device
 *
 * @find: search for the next field of @type that was not found since the
 *	driver was bound; sets *@len and uses the field up. Returns a token, or
 *	NULL when there is none (*@len is then untouched).
 * @get: copy a field. @len must be the length that find() gave.
 *	0, -EINVAL (not a token, other length), -ESTALE (a token of an earlier
 *	binding or snapshot).
 * @set: write a field. Feature fields and queues are refused (-EPERM):
 *	virtio_use_bit() writes an acknowledge half. Errors as @get, or the
 *	transport's.
 * @get_status: the status byte, 0 to 255, or -ENODEV when the device is gone.
 * @set_status: 0 or a negative errno. Drivers do not need it: the bus keeps
 *	the ladder.
 * @find_vq: find the next VIRTIO_CONFIG_F_VIRTQUEUE and create its queue.
 *	The features are agreed first if they are not yet. @callback may be
 *	NULL. Returns ERR_PTR(): -ENOENT (no more queues), -EINVAL (a size that
 *	is 0, above 32768 or no power of two), -ENOMEM, -EIO (features refused,
 *	device broken).
 * @del_vq: stop the queue (resetting it, or the device where one queue cannot
 *	be reset) and free it; its field can be found again. From its own
 *	callback only where the transport has no synchronize(): the memory is
 *	then freed when the callback returned. NULL and ERR_PTR() are ignored.
 *	Tokens that were not detached are dropped and counted in the log.
 */
struct virtio_config_ops {
	void *(*find)(struct virtio_device *vdev, u8 type, unsigned int *len);
	int (*get)(struct virtio_device *vdev, void *token, void *buf,
		   unsigned int len);
	int (*set)(struct virtio_device *vdev, void *token, const void *buf,
		   unsigned int len);
	int (*get_status)(struct virtio_device *vdev);
	int (*set_status)(struct virtio_device *vdev, u8 status);
	struct virtqueue *(*find_vq)(struct virtio_device *vdev,
				     bool (*callback)(struct virtqueue *vq));
	void (*del_vq)(struct virtqueue *vq);
};

/* The core's implementation, over any transport. */
extern VLAB_API const struct virtio_config_ops virtio_config_fields_ops;

/*
 * Read the next field of @type as a little-endian integer of @size bytes
 * (1, 2, 4 or 8) into *@val, in the byte order of this machine. The field is
 * used up only on success. 0, -ENOENT (no such field), -EIO (other length;
 * the field can still be found), -EINVAL (@size).
 */
VLAB_API int __virtio_config_val(struct virtio_device *vdev, u8 type, void *val,
				 size_t size);

/* A size other than 1, 2, 4 or 8 does not compile. */
#define VIRTIO_CONFIG_VAL_SIZE(v)                                   \
	(sizeof(*(v)) +                                             \
	 0 * sizeof(char[(sizeof(*(v)) == 1 || sizeof(*(v)) == 2 || \
			  sizeof(*(v)) == 4 || sizeof(*(v)) == 8)   \
				 ? 1                                \
				 : -1]))

/**
 * virtio_config_val - read one field as an integer of the type @v points to
 *
 * @v is evaluated once and may be unaligned. Errors: see __virtio_config_val().
 */
#define virtio_config_val(vdev, type, v) \
	__virtio_config_val((vdev), (type), (v), VIRTIO_CONFIG_VAL_SIZE(v))

/**
 * virtio_config_bytes - read the next field of @type as bytes
 * @buf: receives exactly @len bytes
 * @len: the length that the field must have (a 6-byte MAC: 6)
 *
 * 0, -ENOENT, or -EIO for a field of another length, which stays findable.
 */
VLAB_API int virtio_config_bytes(struct virtio_device *vdev, u8 type, void *buf,
				 unsigned int len);

/**
 * virtio_device_config - read the VIRTIO 1.x device configuration
 * @offset: bytes from its start
 *
 * Reads the private snapshot of the VIRTIO_CONFIG_F_DEVICE fields, uses
 * nothing up. 0, or -ENOENT when the range is not wholly inside.
 */
VLAB_API int virtio_device_config(struct virtio_device *vdev,
				  unsigned int offset, void *buf,
				  unsigned int len);

/**
 * virtio_use_bit - acknowledge one bit of a feature field
 * @token: from find(); NULL is allowed and offers nothing
 * @len: the length that find() gave
 * @bitnum: counted from bit 0 of the first byte
 *
 * Returns 1 when the device offers the bit and it is now acknowledged, 0 when
 * it is not offered or lies past the offered half, or a negative errno: -EPERM
 * once the features are agreed, after a reset, and for a field that is a
 * queue's, -EOPNOTSUPP when the bit needs another that is not acknowledged,
 * -ENOMEM, -EINVAL, -ESTALE as get(), or the transport's when it cannot be
 * written.
 */
VLAB_API int virtio_use_bit(struct virtio_device *vdev, void *token,
			    unsigned int len, unsigned int bitnum);

/**
 * virtio_features_agree - end the negotiation
 *
 * Writes the acknowledged halves, sets FEATURES_OK and reads it back. Called
 * by find_vq() and at the end of probe for a driver that does not. Nothing can
 * be acknowledged after it. 0 (also when agreed before), or -EIO when the
 * device refuses or a mandatory feature is missing.
 */
VLAB_API int virtio_features_agree(struct virtio_device *vdev);

/**
 * virtio_has_feature - is a bit of VIRTIO_CONFIG_F_VIRTIO acknowledged?
 *
 * Never true for a bit that the device did not offer.
 */
VLAB_API bool virtio_has_feature(const struct virtio_device *vdev,
				 unsigned int bitnum);

/**
 * virtio_config_refresh - take a new snapshot of the device configuration
 *
 * For a driver's config_changed. The feature fields and the queues stay as
 * they were agreed; tokens from before are stale afterwards. 0, or an error,
 * with which the old snapshot stays: -EAGAIN (the device changes it faster than
 * it can be read), -ENOMEM, -EIO (the new one is not valid).
 */
VLAB_API int virtio_config_refresh(struct virtio_device *vdev);

VLAB_END_DECLS

#endif /* VLAB_VIRTIO_CONFIG_H */
