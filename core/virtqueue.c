// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of a virtqueue: found, started, broken, shut down, reset, deleted;
 * and the way of an interrupt to the driver's callback.
 */
#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_ring.h>
#include <vlab/virtio_transport.h>

#include "virtio_core.h"
#include "vring.h"

static const char *const broken_names[VIRTIO_BROKEN_REASONS] = {
	[VIRTIO_NOT_BROKEN] = "not-broken",
	[VIRTIO_BROKEN_USED_IDX] = "used-idx-ahead",
	[VIRTIO_BROKEN_USED_ID_RANGE] = "used-id-out-of-range",
	[VIRTIO_BROKEN_USED_ID_HEAD] = "used-id-not-in-flight",
	[VIRTIO_BROKEN_USED_LEN] = "used-len-too-large",
	[VIRTIO_BROKEN_NOTIFY] = "notify-failed",
	[VIRTIO_BROKEN_DEVICE] = "device-broken",
	[VIRTIO_BROKEN_GONE] = "device-gone",
	[VIRTIO_BROKEN_RESET] = "reset-timeout",
	[VIRTIO_BROKEN_STATUS] = "bad-status",
	[VIRTIO_BROKEN_CONFIG] = "bad-config",
	[VIRTIO_BROKEN_FEATURES] = "features-refused",
};

const char *virtio_broken_name(enum virtio_broken reason)
{
	if ((unsigned int)reason >= VIRTIO_BROKEN_REASONS)
		return "unknown";
	return broken_names[reason];
}
EXPORT_SYMBOL_GPL(virtio_broken_name);

enum virtio_broken virtqueue_broken(const struct virtqueue *vq)
{
	const struct vring *vring = container_of(vq, const struct vring, vq);

	return (enum virtio_broken)READ_ONCE(vring->broken);
}
EXPORT_SYMBOL_GPL(virtqueue_broken);

void virtqueue_set_strict(struct virtqueue *vq, bool strict)
{
	to_vring(vq)->strict = strict;
}
EXPORT_SYMBOL_GPL(virtqueue_set_strict);

/* The first reason stays: what follows from it explains nothing. */
void vring_break(struct vring *vring, enum virtio_broken reason)
{
	if (vring->broken)
		return;
	WRITE_ONCE(vring->broken, (u8)reason);
	WRITE_ONCE(vring->halted, vring->halted | VRING_HALT_BROKEN);
	dev_warn_ratelimited(&vring->vq.vdev->dev, "queue %u broken: %s\n",
			     vring->vq.index, virtio_broken_name(reason));
}

static bool device_can_reset_queue(const struct virtio_device *vdev)
{
	return virtio_has_feature(vdev, VIRTIO_F_RING_RESET) &&
	       vdev->transport->reset_vq && vdev->core->features_ok;
}

void vring_shutdown(struct virtqueue *vq)
{
	struct vring *vring = to_vring(vq);
	struct virtio_device *vdev = vq->vdev;

	WRITE_ONCE(vring->halted, vring->halted | VRING_HALT_SHUTDOWN);
	if (vring->quiesced)
		return;
	if (vdev->transport->synchronize)
		vdev->transport->synchronize(vdev);
	if (!vdev->core->gone && device_can_reset_queue(vdev) &&
	    !vdev->transport->reset_vq(vdev, vq->index)) {
		vring->quiesced = true;
		return;
	}
	/* The device owns the buffers until it is stopped as a whole. */
	virtio_reset_device(vdev);
}

void *vring_detach_buf(struct virtqueue *vq)
{
	struct vring *vring = to_vring(vq);
	struct vring_state *state = &vring->state;
	void *token;
	u32 id;

	/* Before the reset the device may still write to the buffers. */
	if (!vring->quiesced)
		return NULL;
	for (id = state->detach; id < state->issued; id++) {
		token = vring->slot[id].token;
		if (!token)
			continue;
		state->detach = id + 1;
		vring_release(vring, id, 0);
		return token;
	}
	state->detach = id;
	return NULL;
}

static int setup_queue(struct vring *vring)
{
	struct virtio_device *vdev = vring->vq.vdev;
	struct virtio_vq_setup setup = {
		.index = vring->vq.index,
		.num = vring->vq.num,
		.desc = vring->ring_addr,
		.avail = vring->ring_addr + vring_avail_offset(vring->vq.num),
		.used = vring->ring_addr + vring_used_offset(vring->vq.num),
	};

	return vdev->transport->setup_vq(vdev, &setup) ? -EIO : 0;
}

int vring_reset(struct virtqueue *vq)
{
	struct vring *vring = to_vring(vq);
	struct virtio_device *vdev = vq->vdev;

	if (!vring->quiesced || vring_taken(vring))
		return -EBUSY;
	if (vdev->core->broken || vdev->core->gone)
		return -EIO;
	/* After a reset of the whole device it must be bound again. */
	if (!device_can_reset_queue(vdev))
		return -EOPNOTSUPP;
	vring_init_state(vring);
	if (setup_queue(vring))
		return -EIO;
	vring->quiesced = false;
	WRITE_ONCE(vring->halted, 0);
	WRITE_ONCE(vring->broken, VIRTIO_NOT_BROKEN);
	/*
	 * An interrupt may have broken the device meanwhile. Pairs with the
	 * barrier in virtio_device_break(): it sees the queue whole and breaks
	 * it, or the device is seen broken here. One that came between the two
	 * stores left the queue halted for no reason, and is overruled here.
	 */
	virt_mb();
	if (!READ_ONCE(vdev->core->broken))
		return 0;
	vring_break(vring, VIRTIO_BROKEN_DEVICE);
	return -EIO;
}

static bool queue_size_valid(u16 num)
{
	return num && num <= VRING_NUM_MAX && !(num & (num - 1));
}

struct virtqueue *virtio_find_vq(struct virtio_device *vdev,
				 bool (*callback)(struct virtqueue *vq))
{
	struct virtio_core *core = vdev->core;
	struct vring *vring;
	u16 index, num;
	int pos;

	/* The ring's layout depends on the features: they come first. */
	if (virtio_features_agree(vdev))
		return ERR_PTR(-EIO);
	pos = virtio_config_next_queue(vdev, &index, &num);
	if (pos < 0)
		return ERR_PTR(-ENOENT);
	/* 0 would divide, 3 would alias ring slots, 32769 would overflow. */
	if (!queue_size_valid(num))
		return ERR_PTR(-EINVAL);
	vring = vring_create(vdev, index, num, callback);
	if (IS_ERR(vring))
		return ERR_PTR(PTR_ERR(vring));
	if (setup_queue(vring)) {
		vring_destroy(vring);
		return ERR_PTR(-EIO);
	}
	vring->field = (unsigned int)pos;
	virtio_config_mark_queue(vdev, vring->field, true);
	vring->next = core->vqs;
	/* All of it before the pointer, by which interrupts find it. */
	virt_wmb();
	WRITE_ONCE(core->vqs, vring);
	return &vring->vq;
}

static void unlink_queue(struct virtio_core *core, struct vring *vring)
{
	struct vring **link = &core->vqs;

	while (*link != vring)
		link = &(*link)->next;
	/* An interrupt that stands at @vring still finds the way on. */
	WRITE_ONCE(*link, vring->next);
}

void virtio_del_vq(struct virtqueue *vq)
{
	struct virtio_device *vdev;
	unsigned int lost = 0;
	struct vring *vring;

	if (!vq || IS_ERR(vq))
		return;
	vring = to_vring(vq);
	vdev = vq->vdev;
	vring_shutdown(vq);
	while (vring_detach_buf(vq))
		lost++;
	if (lost)
		dev_warn_ratelimited(&vdev->dev,
				     "queue %u deleted with %u buffers\n",
				     vq->index, lost);
	virtio_config_mark_queue(vdev, vring->field, false);
	unlink_queue(vdev->core, vring);
	/* The queue is halted, but an interrupt may still be looking at it. */
	if (vdev->transport->synchronize)
		vdev->transport->synchronize(vdev);
	else if (vring->in_callback)
		/* The frame below us does: it frees the queue when it ends. */
		vring->deleted = true;
	if (!vring->deleted)
		vring_destroy(vring);
}

void virtqueues_halt(struct virtio_device *vdev)
{
	struct vring *vring;

	for (vring = vdev->core->vqs; vring; vring = vring->next)
		WRITE_ONCE(vring->halted, vring->halted | VRING_HALT_SHUTDOWN);
}

void virtqueues_quiesced(struct virtio_device *vdev)
{
	struct vring *vring;

	for (vring = vdev->core->vqs; vring; vring = vring->next)
		vring->quiesced = true;
}

void virtqueues_break(struct virtio_device *vdev, enum virtio_broken reason)
{
	struct vring *vring;

	for (vring = READ_ONCE(vdev->core->vqs); vring;
	     vring = READ_ONCE(vring->next))
		vring_break(vring, reason);
}

/* DRIVER_OK is set: send the notifications that had to wait for it. */
void virtqueues_start(struct virtio_device *vdev)
{
	struct vring *vring;

	for (vring = vdev->core->vqs; vring; vring = vring->next) {
		if (!vring->state.notify_pending || vring->halted)
			continue;
		vring->state.notify_pending = false;
		vring_notify(vring);
	}
}

void virtqueues_delete(struct virtio_device *vdev)
{
	struct vring *vring, *next;

	for (vring = vdev->core->vqs; vring; vring = next) {
		next = vring->next;
		virtio_del_vq(&vring->vq);
	}
}

static struct vring *find_queue(const struct virtio_core *core,
				unsigned int index)
{
	struct vring *vring;

	for (vring = READ_ONCE(core->vqs); vring;
	     vring = READ_ONCE(vring->next))
		if (vring->vq.index == index)
			return vring;
	return NULL;
}

bool virtqueue_interrupt(struct virtio_device *vdev, unsigned int index)
{
	struct virtio_core *core = virtio_core_of_interrupt(vdev);
	struct vring *vring;
	u32 restarts;
	bool inner;

	/* Before DRIVER_OK, and after removal, no driver is ready for it. */
	if (!core || !READ_ONCE(core->ready))
		return false;
	vring = find_queue(core, index);
	if (!vring)
		return false;
	if (READ_ONCE(vring->halted) || !vring_pending(vring)) {
		vring->spurious++;
		return false;
	}
	if (!vring->vq.callback || READ_ONCE(vring->state.callback_off))
		return true;
	restarts = READ_ONCE(vring->restarts);
	/* A device in the same process may answer a kick of the callback. */
	inner = vring->in_callback;
	vring->in_callback = true;
	if (!vring->vq.callback(&vring->vq))
		vring_callback_leave(vring, restarts);
	vring->in_callback = inner;
	if (unlikely(vring->deleted) && !inner)
		vring_destroy(vring);
	return true;
}
EXPORT_SYMBOL_GPL(virtqueue_interrupt);
