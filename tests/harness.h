/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of the core share: a rig is one device on the loopback
 * transport together with a driver for it, and both do what a test says.
 */
#ifndef VLAB_TESTS_HARNESS_H
#define VLAB_TESTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <vlab/loopback.h>
#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_ring.h>

#define RIG_DEVICE 42
#define RIG_VENDOR 7
#define RIG_QUEUES 4
#define RIG_LOG 64

#define FEATURE(n) (1ULL << (n))
#define RING_RESET FEATURE(VIRTIO_F_RING_RESET)
#define EVENT_IDX FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT FEATURE(VIRTIO_RING_F_INDIRECT_DESC)

/**
 * struct rig - a device, and a driver for it
 * @lb: first, so that a device's address is its rig's
 * @ops: the transport, after rig_override(); @honest: what it was before
 * @probe, @remove: the driver's; the default finds @queues queues
 * @polled: the default probe finds its queues without a callback
 * @again: what the callback returns
 * @in_callback: called by the callback first
 * @on_status: the device's answer to a status write; see loopback_ops
 * @notify_error: what the device's end of a notification returns
 * @status: what the driver side wrote, first @writes entries
 */
struct rig {
	struct loopback lb;
	_Alignas(8) struct loopback_regs regs;
	struct virtio_driver drv;
	struct virtio_device_id id;
	struct virtio_transport_ops ops;
	const struct virtio_transport_ops *honest;
	int (*probe)(struct rig *rig);
	void (*remove)(struct rig *rig);
	unsigned int queues;
	bool polled;
	bool again;
	void (*in_callback)(struct rig *rig, struct virtqueue *vq);
	bool (*on_status)(struct rig *rig, u8 status);
	int notify_error;
	struct virtqueue *vq[RIG_QUEUES];
	struct loopback_ring ring[RIG_QUEUES];
	unsigned int probes;
	unsigned int removes;
	unsigned int callbacks;
	unsigned int changes;
	unsigned int notifies;
	unsigned int queue_resets;
	unsigned int releases;
	u8 status[RIG_LOG];
	unsigned int writes;
	/* For the one test that looks at it. */
	unsigned int count;
	u64 value;
};

/* A device without fields, or with registers; nothing is registered yet. */
struct rig *rig_new(void);
struct rig *rig_new_registers(void);
/* Register both; the driver's probe has run when it returns. */
void rig_start(struct rig *rig);
/* Unregister both, and free the rig. */
void rig_end(struct rig *rig);

/* Unbind the driver and bind it again. */
void rig_rebind(struct rig *rig);

/* A started rig whose queue 0 has @num descriptors. */
struct rig *rig_ring(unsigned int num, u64 features);

/* The transport's operations, as a copy to change. */
struct virtio_transport_ops *rig_override(struct rig *rig);

/* For config_read: one that copies nothing, and one that fails half way. */
int rig_read_nothing(struct virtio_device *vdev, unsigned int offset, void *buf,
		     unsigned int len);
int rig_read_fails(struct virtio_device *vdev, unsigned int offset, void *buf,
		   unsigned int len);

struct rig *to_rig(struct virtio_device *vdev);
/* The default probe: find @queues queues. */
int rig_find_queues(struct rig *rig);

static inline struct virtio_device *rig_vdev(struct rig *rig)
{
	return &rig->lb.vdev;
}

static inline bool rig_bound(const struct rig *rig)
{
	return rig->lb.vdev.dev.driver != NULL;
}

static inline bool rig_broken(const struct rig *rig, const char *reason)
{
	return !strcmp(virtio_broken_name(virtio_device_broken(&rig->lb.vdev)),
		       reason);
}

static inline bool vq_broken(const struct virtqueue *vq, const char *reason)
{
	return !strcmp(virtio_broken_name(virtqueue_broken(vq)), reason);
}

/* A token for a number; numbers start at 0, tokens are never NULL. */
static inline void *token(unsigned int n)
{
	return (void *)(uintptr_t)(n + 1);
}

/* Add a buffer of 16-byte pieces that all lie in one array. */
#define PIECE_BYTES 16
int add(struct virtqueue *vq, unsigned int out, unsigned int in, void *data);
/* The array that the pieces lie in. */
u8 *piece_memory(void);

static inline void kick(struct virtqueue *vq)
{
	vq->vq_ops->kick(vq);
}

/* get_buf() for a test that does not look at the length. */
void *get(struct virtqueue *vq);

/* The device's own view of queue @index: what it may write at any time. */
struct vring_desc *device_desc(struct rig *rig, unsigned int index);
struct vring_avail *device_avail(struct rig *rig, unsigned int index);
struct vring_used *device_used(struct rig *rig, unsigned int index);
__le16 *device_used_event(struct rig *rig, unsigned int index);
__le16 *device_avail_event(struct rig *rig, unsigned int index);

/* Put one element in the used ring and make it visible. */
void device_use(struct rig *rig, unsigned int index, u32 id, u32 len);
/* An honest device: use everything available, all writable bytes written. */
unsigned int device_serve(struct rig *rig, unsigned int index);

static inline bool device_interrupt(struct rig *rig, unsigned int index)
{
	return virtqueue_interrupt(&rig->lb.vdev, index);
}

#endif /* VLAB_TESTS_HARNESS_H */
