// SPDX-License-Identifier: GPL-2.0-or-later
/* The plain driver: it does to its queues what the program says. */
#include "arena.h"
#include "bytes.h"
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

/* The next queue, or an error: by the fields, and what failed meanwhile. */
static struct virtqueue *find_queue(void)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	bool quiet = lab.setup.b & SETUP_NO_CALLBACK;
	unsigned int index = 0, num = 0, fails = lab.setup_fails;
	int err, want = config_model_next_queue(&index, &num);
	bool taken = index >= LOOPBACK_QUEUES || lab.lb.queue[index].enabled;
	struct virtqueue *vq;
	bool broken;

	arena.failed[ARENA_ALLOC] = false;
	arena.failed[ARENA_DMA] = false;
	watch_begin(CALL_FIND_VQ);
	vq = vdev->config->find_vq(vdev, quiet ? NULL : plain_callback);
	err = IS_ERR(vq) ? (int)PTR_ERR(vq) : 0;
	watch_end(err ? (u64)(s64)err : vq->index);
	broken = model_device_broken();
	if (broken || !(lab.status & VIRTIO_CONFIG_S_FEATURES_OK))
		want = -EIO;
	else if (!want &&
		 (arena.failed[ARENA_ALLOC] || arena.failed[ARENA_DMA]))
		want = -ENOMEM;
	else if (!want && (taken || lab.setup_fails != fails))
		want = -EIO;
	oracle_check(!(lab.status & VIRTIO_CONFIG_S_DRIVER) ||
			     lab.status & VIRTIO_CONFIG_S_FEATURES_OK || broken,
		     ORACLE_FEATURES,
		     "the features were not agreed at status %llu, and nothing "
		     "came of it",
		     lab.status, 0);
	oracle_check(err == want, ORACLE_RESULT,
		     "find_vq returned -%llu, the model has -%llu", (u64)-err,
		     (u64)-want);
	if (err || want)
		return ERR_PTR(-EIO);
	oracle_check(vq->index == index && vq->num == num, ORACLE_RESULT,
		     "find_vq gave queue %llu with %llu descriptors", vq->index,
		     vq->num);
	return vq;
}

void plain_find_queues(unsigned int most)
{
	struct virtqueue *vq;
	struct model *model;

	while (most--) {
		model = free_model();
		if (!model)
			return;
		vq = find_queue();
		if (IS_ERR(vq))
			return;
		/* The honest device has one: the attack asked for one more. */
		if (lab.in_honest)
			most = 0;
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
	unsigned int index = vq->index;
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
	config_model_mark_queue(index, false);
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
	unsigned int i;
	int err;

	for (i = 0; i < LAB_QUEUES; i++) {
		if (!lab.model[i].vq)
			continue;
		model_add(&lab.model[i], 1, 1, 16, 16);
		model_kick(&lab.model[i]);
	}
	err = virtio_device_ready(vdev);
	if (!err)
		return 0;
	model_sync();
	drop_queues();
	return err;
}

/*
 * The device is done, and says so, and that its configuration is another, while
 * the driver still probes.
 */
static void interrupt_probe(void)
{
	struct model *model = &lab.model[0];
	u32 len;

	lab.changes_wanted = lab.changes + 1;
	watch_begin(CALL_CONFIG_CHANGED);
	virtio_config_changed(&lab.lb.vdev);
	watch_end(0);
	if (!model->vq)
		return;
	model_add(model, 0, 1, 0, 64);
	model_kick(model);
	honest_serve(model->vq->index, 1, 0, 0);
	model_interrupt(model->vq->index);
	model_get(model, &len);
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

	oracle_check(lab.status == (VIRTIO_CONFIG_S_ACKNOWLEDGE |
				    VIRTIO_CONFIG_S_DRIVER),
		     ORACLE_STATUS, "a driver probes at status %llu",
		     lab.status, 0);
	oracle_check(!model_device_broken(), ORACLE_STATUS,
		     "a driver probes a device that is broken at status %llu",
		     lab.status, 0);
	lab.probe = PROBE_OK;
	lab.finds = 0;
	lab_take_bits();
	err = do_probe(vdev, plan);
	lab.probe_result = err;
	if (lab.probe_extra.a & PROBE_GIVE_UP)
		vdev->config->set_status(vdev,
					 lab.status | VIRTIO_CONFIG_S_FAILED);
	lab.probe_extra = (struct step){ 0 };
	return err;
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
	lab.changes++;
	oracle_check(lab.status & VIRTIO_CONFIG_S_DRIVER_OK, ORACLE_CALLBACK,
		     "a change of the configuration was told at status %llu",
		     lab.status, 0);
	if (lab.callback_plan == CALLBACK_DRAIN ||
	    lab.callback_plan == CALLBACK_DRAIN_STOP)
		lab_refresh();
}

/* Of any kind: the rules between features go by it. The lab's, and QEMU's. */
static const struct virtio_device_id plain_ids[] = {
	{ VIRTIO_DEV_ANY_ID, LAB_VENDOR_ID },
	{ VIRTIO_DEV_ANY_ID, 0x1af4 },
};

/*
 * What is not here is agreed only by virtio_use_bit(). Of the ring's and the
 * transport's a driver may say what it likes: 30, 34 and 39 are not carried
 * out.
 */
static const unsigned int plain_features[] = {
	0,  1,	2,  3,	4,  5,	7,  8,	9,  11, 12,
	13, 17, 18, 22, 30, 34, 39, 53, 57, 60, 61,
};

/* The same in every execution: added up once. */
u64 plain_feature_bits(void)
{
	static u64 bits;
	unsigned int i;

	if (!bits)
		for (i = 0; i < ARRAY_SIZE(plain_features); i++)
			bits |= 1ULL << plain_features[i];
	return bits;
}

void plain_init(void)
{
	bytes_fill(&lab.plain, 0, sizeof(lab.plain));
	lab.plain.driver.name = "plain";
	lab.plain.id_table = plain_ids;
	lab.plain.id_count = ARRAY_SIZE(plain_ids);
	lab.plain.feature_table = plain_features;
	lab.plain.feature_count = ARRAY_SIZE(plain_features);
	lab.plain.probe = plain_probe;
	lab.plain.remove = plain_remove;
	lab.plain.config_changed = plain_config_changed;
}
