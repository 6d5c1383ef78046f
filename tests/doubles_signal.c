// SPDX-License-Identifier: GPL-2.0-or-later
/* Doubles that lose or invent what one side tells the other. */
#include <vlab/virtio_transport.h>

#include "cells.h"
#include "doubles.h"

static void kick_does_nothing(struct virtqueue *vq)
{
	(void)vq;
}

static void install_kick_does_nothing(void)
{
	double_queue()->kick = kick_does_nothing;
}

static void kick_publishes_one_more(struct virtqueue *vq)
{
	struct vring *vring = to_vring(vq);

	vring_split_ops.kick(vq);
	shared_write16(&vring->avail->idx, (u16)(vring->state.avail_idx + 1));
}

static void install_kick_publishes_one_more(void)
{
	double_queue()->kick = kick_publishes_one_more;
}

static void publish(struct vring *vring)
{
	vring->state.published = vring->state.avail_idx;
	shared_write16(&vring->avail->idx, vring->state.avail_idx);
}

static int add_publishes(struct virtqueue *vq, struct scatterlist sg[],
			 unsigned int out_num, unsigned int in_num, void *data)
{
	int err = vring_split_ops.add_buf(vq, sg, out_num, in_num, data);

	publish(to_vring(vq));
	return err;
}

static void install_add_publishes(void)
{
	double_queue()->add_buf = add_publishes;
}

static void kick_does_not_ask(struct virtqueue *vq)
{
	publish(to_vring(vq));
	vring_notify(to_vring(vq));
}

static void install_kick_does_not_ask(void)
{
	double_queue()->kick = kick_does_not_ask;
}

static void kick_does_not_notify(struct virtqueue *vq)
{
	publish(to_vring(vq));
	(void)shared_read16(&to_vring(vq)->used->flags);
}

static void install_kick_does_not_notify(void)
{
	double_queue()->kick = kick_does_not_notify;
}

static void kick_always_notifies(struct virtqueue *vq)
{
	bool new =
		to_vring(vq)->state.avail_idx != to_vring(vq)->state.published;

	vring_split_ops.kick(vq);
	if (!new)
		vring_notify(to_vring(vq));
}

static void install_kick_always_notifies(void)
{
	double_queue()->kick = kick_always_notifies;
}

static void kick_does_not_wait(struct virtqueue *vq)
{
	vring_split_ops.kick(vq);
	if (!vq->vdev->core->ready)
		vring_notify(to_vring(vq));
}

static void change_kick(struct vring *vring)
{
	(void)vring;
	double_queue()->kick = kick_does_not_wait;
}

static void install_kick_does_not_wait(void)
{
	double_found(change_kick);
}

/* Private state that says: the device knows already. */
static void *get_does_not_arm(struct virtqueue *vq, unsigned int *len)
{
	struct vring_state *state = &to_vring(vq)->state;

	state->event = state->last_used;
	return vring_split_ops.get_buf(vq, len);
}

static void install_get_does_not_arm(void)
{
	double_queue()->get_buf = get_does_not_arm;
}

static void *get_disarms(struct virtqueue *vq, unsigned int *len)
{
	struct vring *vring = to_vring(vq);
	void *token = vring_split_ops.get_buf(vq, len);

	if (!token)
		vring_callback_off(vring);
	return token;
}

static void install_get_disarms(void)
{
	double_queue()->get_buf = get_disarms;
}

static bool restart_does_not_look(struct virtqueue *vq)
{
	struct vring *vring = to_vring(vq);

	vring->state.callback_off = false;
	shared_write16(&vring->avail->ring[vq->num], vring->state.last_used);
	return true;
}

static void install_restart_does_not_look(void)
{
	double_queue()->restart = restart_does_not_look;
}

static bool restart_looks_first(struct virtqueue *vq)
{
	bool waiting = vring_pending(to_vring(vq));

	shared_write16(&to_vring(vq)->avail->ring[vq->num],
		       to_vring(vq)->state.last_used);
	return !waiting;
}

static bool restart_unmutes_last(struct virtqueue *vq)
{
	bool waiting = vring_pending(to_vring(vq));

	shared_write16(&to_vring(vq)->avail->flags, 0);
	return !waiting;
}

static void install_restart_unmutes_last(void)
{
	double_queue()->restart = restart_unmutes_last;
}

static void install_restart_looks_first(void)
{
	double_queue()->restart = restart_looks_first;
}

static void shutdown_goes_on(struct virtqueue *vq)
{
	vring_split_ops.shutdown(vq);
	to_vring(vq)->halted = 0;
}

static void install_shutdown_goes_on(void)
{
	double_queue()->shutdown = shutdown_goes_on;
}

static void kick_turns_callbacks_off(struct virtqueue *vq)
{
	vring_split_ops.kick(vq);
	to_vring(vq)->state.callback_off = true;
}

static void install_kick_turns_callbacks_off(void)
{
	double_queue()->kick = kick_turns_callbacks_off;
}

static void change_ready(struct vring *vring)
{
	vring->vq.vdev->core->ready = true;
}

static void install_ready_too_early(void)
{
	double_found(change_ready);
}

static int status_forgets_change(struct virtio_device *vdev, u8 status)
{
	vdev->core->changed = false;
	return real_transport->set_status(vdev, status);
}

static void install_change_is_forgotten(void)
{
	double_transport()->set_status = status_forgets_change;
}

static void work_kick_idle(void)
{
	model_kick(first_queue());
}

/* A driver that kicks before its probe returns. */
static void work_kick_in_probe(void)
{
	lab_unbind();
	lab.probe = PROBE_EARLY;
	lab_bind();
}

static void work_restart(void)
{
	u32 len;

	work_used();
	model_get(first_queue(), &len);
	model_restart(first_queue());
}

static void work_restart_of_the_muted(void)
{
	lab.callback_plan = CALLBACK_DRAIN_STOP;
	work_used();
	model_interrupt(0);
	model_restart(first_queue());
}

static void work_interrupt_after_shutdown(void)
{
	work_used();
	model_shutdown(first_queue());
	model_interrupt(0);
}

static void work_interrupt(void)
{
	work_used();
	model_interrupt(0);
}

/* The device interrupts for an element while the driver is still in probe. */
static int probe_interrupted(struct virtio_device *vdev)
{
	unsigned int size;
	void *idx;

	(void)vdev;
	plain_find_queues(1);
	idx = cells_find(CELL_USED_IDX, 0, 0, &size);
	watch_store(CELL_USED_IDX, 0, idx, size, 1);
	model_interrupt(0);
	return 0;
}

static void work_interrupt_in_probe(void)
{
	lab_unbind();
	lab.plain.probe = probe_interrupted;
	lab_bind();
}

/* As "bus probe interrupt" has it. */
static void work_change_in_probe(void)
{
	lab_unbind();
	lab.probe_extra.a = PROBE_INTERRUPT;
	lab_bind();
}

const struct double_case signal_doubles[] = {
	{
		.name = "kick publishes nothing",
		.oracle = ORACLE_PUBLISH,
		.says = "avail.idx is %llu",
		.install_bound = install_kick_does_nothing,
		.work = work_one,
	},
	{
		.name = "a change before DRIVER_OK is forgotten",
		.oracle = ORACLE_CALLBACK,
		.says = "a change before DRIVER_OK",
		.install_bound = install_change_is_forgotten,
		.work = work_change_in_probe,
	},
	{
		.name = "add_buf publishes",
		.oracle = ORACLE_PUBLISH,
		.says = "avail.idx moved on",
		.install_bound = install_add_publishes,
		.work = work_one,
	},
	{
		.name = "kick publishes what was not added",
		.oracle = ORACLE_PUBLISH,
		.says = "avail.idx is %llu",
		.flags = WITH_EVENT_IDX,
		.install_bound = install_kick_publishes_one_more,
		.work = work_one,
	},
	{
		.name = "kick notifies without asking",
		.oracle = ORACLE_NOTIFY,
		.says = "queue %llu did not ask",
		.install_bound = install_kick_does_not_ask,
		.work = work_one,
	},
	{
		.name = "kick never notifies",
		.oracle = ORACLE_NOTIFY,
		.says = "%llu notifications were sent",
		.install_bound = install_kick_does_not_notify,
		.work = work_one,
	},
	{
		.name = "kick with nothing new notifies",
		.oracle = ORACLE_NOTIFY,
		.says = "a kick with nothing new",
		.install_bound = install_kick_always_notifies,
		.work = work_kick_idle,
	},
	{
		.name = "kick notifies before DRIVER_OK",
		.oracle = ORACLE_NOTIFY,
		.says = "queue %llu was notified before",
		.install = install_kick_does_not_wait,
		.work = work_kick_in_probe,
	},
	{
		.name = "get_buf looks without arming the event",
		.oracle = ORACLE_WAKEUP,
		.says = "used.idx is read while",
		.flags = WITH_EVENT_IDX,
		.install_bound = install_get_does_not_arm,
		.work = work_one,
	},
	{
		.name = "get_buf leaves the event far away",
		.oracle = ORACLE_WAKEUP,
		.says = "used_event is %llu",
		.flags = WITH_EVENT_IDX,
		.install_bound = install_get_disarms,
		.work = work_one,
	},
	{
		.name = "get_buf leaves interrupts suppressed",
		.oracle = ORACLE_WAKEUP,
		.says = "interrupts of queue %llu",
		.install_bound = install_get_disarms,
		.work = work_one,
	},
	{
		.name = "restart does not look for used elements",
		.oracle = ORACLE_WAKEUP,
		.says = "restart did not look",
		.flags = WITH_EVENT_IDX,
		.install_bound = install_restart_does_not_look,
		.work = work_restart,
	},
	{
		.name = "restart looks before it allows interrupts",
		.oracle = ORACLE_WAKEUP,
		.says = "used.idx is read while interrupts",
		.install_bound = install_restart_unmutes_last,
		.work = work_restart_of_the_muted,
	},
	{
		.name = "restart looks before it arms the event",
		.oracle = ORACLE_WAKEUP,
		.says = "used.idx is read while",
		.flags = WITH_EVENT_IDX,
		.install_bound = install_restart_looks_first,
		.work = work_restart,
	},
	{
		.name = "shutdown lets callbacks run",
		.oracle = ORACLE_CALLBACK,
		.says = "the callback of queue",
		.flags = WITH_RESET,
		.install_bound = install_shutdown_goes_on,
		.work = work_interrupt_after_shutdown,
	},
	{
		.name = "callbacks stay off",
		.oracle = ORACLE_CALLBACK,
		.says = "an interrupt made",
		.install_bound = install_kick_turns_callbacks_off,
		.work = work_interrupt,
	},
	{
		.name = "callbacks run before DRIVER_OK",
		.oracle = ORACLE_CALLBACK,
		.says = "the callback of queue",
		.install_bound = install_ready_too_early,
		.work = work_interrupt_in_probe,
	},
	{ .name = NULL },
};
