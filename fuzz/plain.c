// SPDX-License-Identifier: GPL-2.0-or-later
/* The plain driver: it does to its queues what the program says. */
#include "arena.h"
#include "lab.h"
#include "watch.h"

#define SETUP_STRICT 0x04
#define SETUP_NO_CALLBACK 0x20
/* The bits of OP_BUS_PROBE besides the outcome. */
#define PROBE_USE 0x08
#define PROBE_INTERRUPT 0x10
#define PROBE_GIVE_UP 0x20

struct model *plain_model(struct virtqueue *vq)
{
	unsigned int i;

	for (i = 0; i < LAB_QUEUES; i++)
		if (lab.model[i].vq == vq)
			return &lab.model[i];
	return NULL;
}

bool plain_callback(struct virtqueue *vq)
{
	struct model *model = plain_model(vq);
	bool again = lab.callback_plan == CALLBACK_KEEP ||
		     lab.callback_plan == CALLBACK_DRAIN;

	lab.callbacks++;
	/* A queue that the driver forgot is still the core's, and runs. */
	oracle_check((!model || (model->callbacks && !model->stopped)) &&
			     lab.status & VIRTIO_CONFIG_S_DRIVER_OK,
		     ORACLE_CALLBACK,
		     "the callback of queue %llu ran at status %llu", vq->index,
		     lab.status);
	trace(TRACE_CALLBACK, vq->index, again, 0);
	if (model && lab.callback_plan >= CALLBACK_DRAIN)
		model_drain(model, 4);
	if (!again)
		lab.callbacks_stopped++;
	return again;
}

static struct model *free_model(void)
{
	unsigned int i;

	for (i = 0; i < LAB_QUEUES; i++)
		if (!lab.model[i].vq)
			return &lab.model[i];
	return NULL;
}

void plain_find_queues(unsigned int most)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	bool quiet = lab.setup.b & SETUP_NO_CALLBACK;
	struct virtqueue *vq;
	struct model *model;

	while (most--) {
		model = free_model();
		if (!model)
			return;
		watch_begin(CALL_FIND_VQ);
		vq = vdev->config->find_vq(vdev, quiet ? NULL : plain_callback);
		watch_end(IS_ERR(vq) ? (u64)PTR_ERR(vq) : vq->index);
		if (IS_ERR(vq))
			return;
		model_start(model, vq);
		if (lab.setup.b & SETUP_STRICT) {
			virtqueue_set_strict(vq, true);
			model->strict = true;
		}
		trace(TRACE_SETUP, vq->index, vq->num, model->indirect_max);
	}
}

/* End a queue as a driver should: stop, take everything back, delete. */
void plain_drop_queue(struct model *model, bool must_return)
{
	struct virtqueue *vq = model->vq;
	u32 lost = model->taken;

	if (must_return) {
		model_shutdown(model);
		model_detach(model);
		lost = model->taken;
		oracle_check(!lost, ORACLE_TOKEN,
			     "%llu descriptors are in flight after shutdown "
			     "and detach",
			     lost, 0);
	}
	model->vq = NULL;
	watch_begin(CALL_DEL_VQ);
	vq->vdev->config->del_vq(vq);
	watch_end(lost);
	model_sync();
}

static void drop_queues(void)
{
	unsigned int i;

	for (i = LAB_QUEUES; i--;)
		if (lab.model[i].vq)
			plain_drop_queue(&lab.model[i], true);
}

static void forget_queues(void)
{
	unsigned int i;

	for (i = 0; i < LAB_QUEUES; i++)
		lab.model[i].vq = NULL;
}

/* A driver that needs its queues before probe returns. */
static int use_early(struct virtio_device *vdev)
{
	int err;

	if (lab.model[0].vq) {
		model_add(&lab.model[0], 1, 1, 16, 16);
		model_kick(&lab.model[0]);
	}
	err = virtio_device_ready(vdev);
	if (!err)
		return 0;
	model_sync();
	drop_queues();
	return err;
}

/* Bits that the driver takes itself, before there is a queue. */
static void use_bits(const struct step *step)
{
	unsigned int i, len, count = (step->b >> 8 & 3) + 1u;
	void *token = config_model_find((u8)step->b, &len);

	for (i = 0; token && i < count; i++)
		config_model_use_bit(token, len, step->c + i);
}

/* The device is done, and says so, while the driver still probes. */
static void interrupt_probe(void)
{
	struct model *model = &lab.model[0];

	if (!model->vq)
		return;
	model_add(model, 0, 1, 0, 64);
	model_kick(model);
	honest_serve(model->vq->index, 1, 0, 0);
	model_interrupt(model->vq->index);
}

static int do_probe(struct virtio_device *vdev, enum lab_probe plan)
{
	if (plan == PROBE_NO_QUEUE)
		return 0;
	plain_find_queues(LAB_QUEUES);
	if (lab.probe_extra.a & PROBE_INTERRUPT)
		interrupt_probe();
	switch (plan) {
	case PROBE_ERROR:
		drop_queues();
		return -ENODEV;
	case PROBE_FAILS:
		forget_queues();
		return -ENOMEM;
	case PROBE_POSITIVE:
		drop_queues();
		return 1;
	case PROBE_FORGETS:
		forget_queues();
		return 0;
	case PROBE_RESETS:
		virtio_reset_device(vdev);
		return 0;
	case PROBE_EARLY:
		return use_early(vdev);
	default:
		return 0;
	}
}

static int plain_probe(struct virtio_device *vdev)
{
	enum lab_probe plan = lab.probe;
	int err;

	lab.probe = PROBE_OK;
	lab.probe_result = 0;
	lab.finds = 0;
	if (lab.probe_extra.a & PROBE_USE)
		use_bits(&lab.probe_extra);
	err = do_probe(vdev, plan);
	lab.probe_result = err;
	if (lab.probe_extra.a & PROBE_GIVE_UP)
		vdev->config->set_status(vdev,
					 lab.status | VIRTIO_CONFIG_S_FAILED);
	memset(&lab.probe_extra, 0, sizeof(lab.probe_extra));
	return err;
}

static void plain_remove(struct virtio_device *vdev)
{
	(void)vdev;
	model_sync();
	drop_queues();
}

static const struct virtio_device_id plain_ids[] = { { 0x2a, 0x1af4 } };

/* Bits 0 to 23 and the transport's own; what is not here is never agreed. */
static const unsigned int plain_features[] = {
	0, 1, 2, 3, 5, 7, 11, 17, 18, 22
};

void plain_init(void)
{
	memset(&lab.plain, 0, sizeof(lab.plain));
	lab.plain.driver.name = "plain";
	lab.plain.id_table = plain_ids;
	lab.plain.id_count = ARRAY_SIZE(plain_ids);
	lab.plain.feature_table = plain_features;
	lab.plain.feature_count = ARRAY_SIZE(plain_features);
	lab.plain.probe = plain_probe;
	lab.plain.remove = plain_remove;
}
