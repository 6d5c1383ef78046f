// SPDX-License-Identifier: GPL-2.0-or-later
/* Steps of the plain driver on its queues. */
#include "arena.h"
#include "lab.h"
#include "watch.h"

/* Buffers that one step adds at most. */
#define FILL_MAX 64

static struct model *next_selected(void)
{
	unsigned int i, n = lab_queue_number();

	for (i = 0; i < LAB_QUEUES; i++)
		if (lab.model[(n + i) % LAB_QUEUES].vq)
			return &lab.model[(n + i) % LAB_QUEUES];
	return NULL;
}

static void add_few(struct model *model, const struct step *step)
{
	unsigned int outs = step->a & 15, ins = step->a >> 4;

	/* Without a word about the number of pieces, one of each named. */
	if (!step->a) {
		outs = step->b ? 1 : 0;
		ins = step->c || !step->b ? 1 : 0;
	}
	model_add(model, outs, ins, step->b, step->c);
}

/* Until there is no room, which a small ring shows as well as a large one. */
static void fill(struct model *model, unsigned int pieces)
{
	unsigned int n = FILL_MAX;

	while (n-- && !finding.fired && !model_add(model, 0, pieces, 0, 16))
		;
}

static void reset_device(void)
{
	int err;

	watch_begin(CALL_RESET_DEVICE);
	err = virtio_reset_device(&lab.lb.vdev);
	watch_end((u64)(s64)err);
	model_sync();
}

static void step_on_queue(struct model *model, const struct step *step)
{
	u32 len;

	switch ((enum op)step->op) {
	case OP_DRIVER_ADD:
		add_few(model, step);
		break;
	case OP_DRIVER_CHAIN:
		model_add(model, step->b, step->c & 0xffff, step->a + 1u,
			  step->a + 1u);
		break;
	case OP_DRIVER_FILL:
		fill(model, step->a + 1u);
		break;
	case OP_DRIVER_ADD_BAD:
		model_add_bad(model, step->a & 7);
		break;
	case OP_DRIVER_KICK:
		model_kick(model);
		break;
	case OP_DRIVER_GET:
		model_get(model, &len);
		break;
	case OP_DRIVER_DRAIN:
		model_drain(model, VRING_NUM_MAX);
		break;
	case OP_DRIVER_RESTART:
		model_restart(model);
		break;
	case OP_DRIVER_SHUTDOWN:
		model_shutdown(model);
		break;
	case OP_DRIVER_DETACH:
		model_detach(model);
		break;
	case OP_DRIVER_STATS:
		model_stats(model);
		break;
	case OP_DRIVER_RESET_QUEUE:
		model_reset_queue(model);
		break;
	default:
		plain_drop_queue(model, false);
		break;
	}
}

void lab_step_ring(const struct step *step)
{
	struct model *model;

	lab_need_driver();
	if (step->op == OP_DRIVER_CALLBACK) {
		lab.callback_plan = (enum lab_callback)(step->a & 7);
		return;
	}
	if (lab.driver != &lab.plain)
		return;
	/* Also of a device that is on no bus, or has no driver. */
	if (step->op == OP_DRIVER_RESET_DEVICE) {
		reset_device();
		return;
	}
	if (!lab.added || !lab.bound)
		return;
	if (step->op == OP_DRIVER_FIND_VQ) {
		plain_find_queues(1);
		return;
	}
	model = next_selected();
	if (model)
		step_on_queue(model, step);
}
