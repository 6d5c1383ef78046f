// SPDX-License-Identifier: GPL-2.0-or-later
/* The plain driver: it does to its queues what the program says. */
#include "arena.h"
#include "lab.h"
#include "watch.h"

#define SETUP_STRICT 0x04
#define SETUP_NO_CALLBACK 0x20

struct model *plain_model(struct virtqueue *vq)
{
	unsigned int i;

	for (i = 0; i < LAB_QUEUES; i++)
		if (lab.model[i].vq == vq)
			return &lab.model[i];
	return NULL;
}

/* As many buffers as came back go out again. */
static void refill(struct model *model)
{
	unsigned int n = model_drain(model, 4);

	while (n--)
		model_add(model, 0, 1, 0, 64);
	model_kick(model);
}

static void run_callback_plan(struct model *model)
{
	switch (lab.callback_plan) {
	case CALLBACK_KEEP:
	case CALLBACK_STOP:
		break;
	case CALLBACK_REFILL:
		refill(model);
		break;
	case CALLBACK_DELETE:
		plain_drop_queue(model, false);
		break;
	case CALLBACK_LEAVE:
		lab_surprise();
		break;
	default:
		model_drain(model, 4);
		if (lab.callback_plan == CALLBACK_RESTART)
			model_restart(model);
		break;
	}
}

bool plain_callback(struct virtqueue *vq)
{
	struct model *model = plain_model(vq);
	bool again = lab.callback_plan != CALLBACK_STOP &&
		     lab.callback_plan != CALLBACK_DRAIN_STOP;

	lab.callbacks++;
	/* A queue that the driver forgot is still the core's, and runs. */
	oracle_check((!model || (model->callbacks && !model->stopped)) &&
			     lab.status & VIRTIO_CONFIG_S_DRIVER_OK,
		     ORACLE_CALLBACK,
		     "the callback of queue %llu ran at status %llu", vq->index,
		     lab.status);
	trace(TRACE_CALLBACK, vq->index, again, 0);
	if (model)
		run_callback_plan(model);
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

static int plain_probe(struct virtio_device *vdev)
{
	enum lab_probe plan = lab.probe;

	lab.probe = PROBE_OK;
	lab.finds = 0;
	lab_take_bits();
	if (plan == PROBE_NO_QUEUE)
		return 0;
	plain_find_queues(LAB_QUEUES);
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

static void plain_remove(struct virtio_device *vdev)
{
	(void)vdev;
	model_sync();
	drop_queues();
}

/* A driver that reads again what changed, if it takes what is there. */
static void plain_config_changed(struct virtio_device *vdev)
{
	(void)vdev;
	oracle_check(lab.status & VIRTIO_CONFIG_S_DRIVER_OK, ORACLE_CALLBACK,
		     "a change of the configuration was told at status %llu",
		     lab.status, 0);
	if (lab.callback_plan == CALLBACK_DRAIN ||
	    lab.callback_plan == CALLBACK_DRAIN_STOP)
		lab_refresh();
}

/* Any type: each has its own dependencies between features. */
static const struct virtio_device_id plain_ids[] = { { VIRTIO_DEV_ANY_ID,
						       0x1af4 } };

/*
 * Some of a network device's, with and without what they need. 34 (packed
 * rings) is not for a driver to understand.
 */
static const unsigned int plain_features[] = { 0,  1,  2,  3,  5,  7,
					       8,  9,  11, 13, 17, 18,
					       22, 34, 53, 57, 60, 61 };

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
	lab.plain.config_changed = plain_config_changed;
}
