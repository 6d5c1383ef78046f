// SPDX-License-Identifier: GPL-2.0-or-later
/* Steps about the bus, and what a driver asks of its device. */
#include "arena.h"
#include "lab.h"
#include "watch.h"

static void surprise(void)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	unsigned int i;

	if (!lab.added)
		return;
	lab.regs->gone = 1;
	/* What is not there reaches no memory. */
	for (i = 0; i < LOOPBACK_QUEUES; i++)
		lab.lb.queue[i].enabled = false;
	watch_begin(CALL_GONE);
	virtio_device_gone(vdev);
	watch_end(0);
	model_sync();
}

static void show(unsigned int which)
{
	static const char *const names[] = { "device", "vendor", "status",
					     "features" };
	struct virtio_device *vdev = &lab.lb.vdev;
	char text[80];
	int len;

	watch_begin(CALL_SHOW);
	len = virtio_device_show(vdev, names[which], text, sizeof(text));
	watch_end((u64)(s64)len);
	oracle_check(len < 0 || (text[len] == '\0' && text[len - 1] == '\n'),
		     ORACLE_RESULT, "attribute %llu has %llu characters", which,
		     (u64)(s64)len);
}

void lab_step_bus(const struct step *step)
{
	/* From here on the program decides when the driver comes and goes. */
	if (step->op != OP_BUS_SHOW && step->op != OP_BUS_PROBE)
		lab.automatic = false;
	switch ((enum op)step->op) {
	case OP_BUS_BIND:
		lab_bind();
		break;
	case OP_BUS_UNBIND:
		lab_unbind();
		break;
	case OP_BUS_ADD:
		lab_add();
		break;
	case OP_BUS_REMOVE:
		lab_remove();
		break;
	case OP_BUS_SURPRISE:
		surprise();
		break;
	case OP_BUS_SHOW:
		show(step->a & 3);
		break;
	default:
		lab.probe = (enum lab_probe)(step->a & 7);
		lab.probe_extra = *step;
		break;
	}
}

static void find(u8 type)
{
	unsigned int len = 0;
	void *token = config_model_find(type, &len);

	if (!token)
		return;
	lab.find_token[lab.finds % LAB_FIND_TOKENS] = token;
	lab.find_len[lab.finds % LAB_FIND_TOKENS] = len;
	lab.finds++;
}

/* Of the tokens that were found, stale ones included. */
static void *pick_token(const struct step *step, unsigned int *len)
{
	unsigned int i = step->a % LAB_FIND_TOKENS;

	*len = step->b & 0x8000 ? lab.find_len[i] : step->b & 0x7fff;
	return lab.find_token[i];
}

static void agree(void)
{
	int err;

	watch_begin(CALL_AGREE);
	err = virtio_features_agree(&lab.lb.vdev);
	watch_end((u64)(s64)err);
	model_sync();
}

static void refresh(void)
{
	int want, err;

	err = config_model_refresh(CALL_REFRESH, virtio_config_refresh, &want);
	oracle_check(err == want, ORACLE_CONFIG_VALUE,
		     "a refresh returned -%llu, not -%llu", (u64)-err,
		     (u64)-want);
}

static void ready(void)
{
	int err;

	watch_begin(CALL_READY);
	err = virtio_device_ready(&lab.lb.vdev);
	watch_end((u64)(s64)err);
	model_sync();
}

static void set_status(u8 status)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	int err;

	watch_begin(CALL_STATUS);
	err = vdev->config->set_status(vdev, status);
	watch_end((u64)(s64)err);
	model_sync();
}

void lab_step_driver(const struct step *step)
{
	unsigned int len;
	void *token;

	lab_need_driver();
	token = pick_token(step, &len);
	switch ((enum op)step->op) {
	case OP_DRIVER_FIND:
		find(step->a);
		break;
	case OP_DRIVER_READ:
		config_model_get(token, len);
		break;
	case OP_DRIVER_WRITE:
		config_model_set(token, len, step->c);
		break;
	case OP_DRIVER_VAL:
		config_model_val(step->a, 1u << (step->b & 3));
		break;
	case OP_DRIVER_BYTES:
		config_model_bytes(step->a, step->b);
		break;
	case OP_DRIVER_USE_BIT:
		config_model_use_bit(token, len, step->c);
		break;
	case OP_DRIVER_AGREE:
		agree();
		break;
	case OP_DRIVER_REFRESH:
		refresh();
		break;
	case OP_DRIVER_DEVICE_CONFIG:
		config_model_device_config(step->c, step->b % 257u);
		break;
	case OP_DRIVER_READY:
		ready();
		break;
	default:
		set_status(step->a);
		break;
	}
	/* Any of them may have noticed that the device is gone. */
	model_sync();
}
