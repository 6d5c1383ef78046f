// SPDX-License-Identifier: GPL-2.0-or-later
/* Putting doubles in place, and what most of them are put to. */
#include "doubles.h"

const struct virtio_transport_ops *real_transport;
static void (*change_found)(struct vring *vring);

struct virtqueue_ops *double_queue(void)
{
	static struct virtqueue_ops ops;

	ops = vring_split_ops;
	lab.lb.vdev.core->vqs->vq.vq_ops = &ops;
	return &ops;
}

struct virtio_config_ops *double_config(void)
{
	static struct virtio_config_ops ops;

	ops = virtio_config_fields_ops;
	lab.lb.vdev.config = &ops;
	return &ops;
}

struct virtio_transport_ops *double_transport(void)
{
	static struct virtio_transport_ops ops;

	real_transport = lab.lb.vdev.transport;
	ops = *real_transport;
	lab.lb.vdev.transport = &ops;
	return &ops;
}

struct virtio_register_ops *double_registers(void)
{
	static struct virtio_register_ops ops;
	struct virtio_transport_ops *transport = double_transport();

	ops = *real_transport->regs;
	transport->regs = &ops;
	return &ops;
}

static struct virtqueue *find_changed(struct virtio_device *vdev,
				      bool (*callback)(struct virtqueue *vq))
{
	struct virtqueue *vq = virtio_config_fields_ops.find_vq(vdev, callback);

	if (!IS_ERR(vq))
		change_found(to_vring(vq));
	return vq;
}

void double_found(void (*change)(struct vring *vring))
{
	change_found = change;
	double_config()->find_vq = find_changed;
}

void work_one(void)
{
	struct model *model = first_queue();
	u32 len;

	model_add(model, 1, 1, 16, 32);
	model_kick(model);
	honest_serve(0, 1, 0, 0);
	model_get(model, &len);
	model_get(model, &len);
}

void work_used(void)
{
	model_add(first_queue(), 0, 1, 0, 32);
	model_kick(first_queue());
	honest_serve(0, 1, 0, 0);
}

void work_rebind(void)
{
	lab_unbind();
	lab_bind();
}
