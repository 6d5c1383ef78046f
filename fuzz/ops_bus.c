// SPDX-License-Identifier: GPL-2.0-or-later
/* Steps about the bus, and what a driver asks of its device. */
#include "arena.h"
#include "bytes.h"
#include "lab.h"
#include "watch.h"

void lab_surprise(void)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	unsigned int i;

	lab.regs->gone = 1;
	/* What is not there reaches no memory. */
	for (i = 0; i < LOOPBACK_QUEUES; i++)
		lab.lb.queue[i].enabled = false;
	watch_begin(CALL_GONE);
	virtio_device_gone(vdev);
	watch_end(0);
	model_sync();
}

static void plan_take(u8 type, u32 bit)
{
	if (lab.takes == LAB_TAKES)
		return;
	lab.take[lab.takes].type = type;
	lab.take[lab.takes].bit = bit;
	lab.takes++;
}

/* The text of an attribute as it must be; its length. */
static int expected_text(unsigned int which, char *text, size_t size)
{
	const struct virtio_device *vdev = &lab.lb.vdev;
	u64 features = config_model_features();
	unsigned int i;

	if (which == 3) {
		for (i = 0; i < 64; i++)
			text[i] = features >> i & 1 ? '1' : '0';
		bytes_copy(text + 64, "\n", 2);
		return 65;
	}
	if (which == 2)
		return scnprintf(text, size, "0x%08x\n", lab.status);
	return scnprintf(text, size, "%llu\n",
			 (unsigned long long)(which ? vdev->id.vendor
						    : vdev->id.device));
}

static void show(unsigned int which)
{
	static const char *const names[] = { "device", "vendor", "status",
					     "features" };
	struct virtio_device *vdev = &lab.lb.vdev;
	char text[80], want[80];
	int len;

	watch_begin(CALL_SHOW);
	len = virtio_device_show(vdev, names[which], text, sizeof(text));
	watch_end((u64)(s64)len);
	oracle_check((len >= 0) == lab.added, ORACLE_RESULT,
		     "attribute %llu has %llu characters", which,
		     (u64)(s64)len);
	/* Of a device that went nobody was told what was set last. */
	if (len < 0 || (which == 2 && lab.regs->gone))
		return;
	oracle_check(len == expected_text(which, want, sizeof(want)) &&
			     bytes_same(text, want, (size_t)len + 1),
		     ORACLE_RESULT, "attribute %llu reads otherwise", which, 0);
}

void lab_step_bus(const struct step *step)
{
	/* From here on the program decides when the driver comes and goes. */
	if (step->op != OP_BUS_SHOW && step->op != OP_BUS_PROBE &&
	    step->op != OP_BUS_TAKES)
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
		if (lab.added)
			lab_surprise();
		break;
	case OP_BUS_SHOW:
		show(step->a & 3);
		break;
	case OP_BUS_TAKES:
		plan_take(step->a, step->c);
		break;
	default:
		lab.probe = (enum lab_probe)(step->a & 7);
		lab.probe_extra = *step;
		break;
	}
}

static void *find(u8 type, unsigned int *len)
{
	void *token = config_model_find(type, len);

	if (!token)
		return NULL;
	lab.find_token[lab.finds % LAB_FIND_TOKENS] = token;
	lab.find_len[lab.finds % LAB_FIND_TOKENS] = *len;
	lab.finds++;
	return token;
}

/*
 * Only within probe are features open: the bits that the program chose. A
 * field is found once, so that bits of one field go by one token.
 */
void lab_take_bits(void)
{
	unsigned int i, j, len[LAB_TAKES] = { 0 };
	void *token[LAB_TAKES];

	for (i = 0; i < lab.takes; i++) {
		token[i] = find(lab.take[i].type, &len[i]);
		for (j = i; !token[i] && j--;) {
			if (lab.take[j].type != lab.take[i].type)
				continue;
			token[i] = token[j];
			len[i] = len[j];
		}
		config_model_use_bit(token[i], len[i], lab.take[i].bit);
	}
	lab.takes = 0;
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
	struct virtio_device *vdev = &lab.lb.vdev;
	bool agreed;
	int err;

	watch_begin(CALL_AGREE);
	err = virtio_features_agree(vdev);
	watch_end((u64)(s64)err);
	model_sync();
	agreed = lab.features_shown && !virtio_device_broken(vdev);
	oracle_check(err == (lab.added && agreed ? 0 : -EIO), ORACLE_STATUS,
		     "virtio_features_agree returned -%llu at status %llu",
		     (u64)-err, lab.status);
}

void lab_refresh(void)
{
	int want, err;

	err = config_model_refresh(CALL_REFRESH, virtio_config_refresh, &want);
	oracle_check(err == want, ORACLE_CONFIG_VALUE,
		     "a refresh returned -%llu, not -%llu", (u64)-err,
		     (u64)-want);
}

/* Success means that the device was told, and nothing else does. */
static void check_ready(int err)
{
	oracle_check(lab.regs->gone ||
			     !err == (lab.added &&
				      lab.status & VIRTIO_CONFIG_S_DRIVER_OK),
		     ORACLE_STATUS,
		     "virtio_device_ready returned -%llu at status %llu",
		     (u64)-err, lab.status);
}

static void ready(void)
{
	int err;

	watch_begin(CALL_READY);
	err = virtio_device_ready(&lab.lb.vdev);
	watch_end((u64)(s64)err);
	check_ready(err);
	model_sync();
}

/* A driver may give up, say that it is ready, or start over; no more. */
static void set_status(u8 status)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	u8 old = lab.status;
	bool may = !status || status == (old | VIRTIO_CONFIG_S_FAILED) ||
		   (status == (old | VIRTIO_CONFIG_S_DRIVER_OK) &&
		    old & VIRTIO_CONFIG_S_DRIVER);
	int err, want = 0;

	watch_begin(CALL_STATUS);
	err = vdev->config->set_status(vdev, status);
	watch_end((u64)(s64)err);
	if (!lab.added)
		want = -EIO;
	else if (!may)
		want = -EPERM;
	else if (!status)
		want = lab.reset_shown ? 0 : -EIO;
	else if (!(status & VIRTIO_CONFIG_S_FAILED))
		return check_ready(err);
	oracle_check(lab.regs->gone || err == want, ORACLE_STATUS,
		     "a driver set status %llu, returned -%llu", status,
		     (u64)-err);
	oracle_check(status || err || !lab.status, ORACLE_STATUS,
		     "a driver starts over, and the status is %llu", lab.status,
		     0);
}

static void get_status(void)
{
	struct virtio_device *vdev = &lab.lb.vdev;
	bool mismatch = lab.mismatch;
	int status;

	/* However often it asks: that is no wait of the core's. */
	lab.reset_looks = 0;
	watch_begin(CALL_GET_STATUS);
	status = vdev->config->get_status(vdev);
	watch_end((u64)(s64)status);
	/* What a driver makes of it is the driver's. */
	lab.mismatch = mismatch;
	oracle_check(status < 0 || (status <= 0xff && !lab.regs->gone),
		     ORACLE_RESULT, "get_status() gave %llu, gone: %llu",
		     (u64)(s64)status, lab.regs->gone);
}

void lab_step_driver(const struct step *step)
{
	unsigned int len;
	void *token;

	lab_need_driver();
	token = pick_token(step, &len);
	switch ((enum op)step->op) {
	case OP_DRIVER_FIND:
		find(step->a, &len);
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
		lab_refresh();
		break;
	case OP_DRIVER_DEVICE_CONFIG:
		config_model_device_config(step->c, step->b % 257u);
		break;
	case OP_DRIVER_READY:
		ready();
		break;
	case OP_DRIVER_GET_STATUS:
		get_status();
		break;
	default:
		set_status(step->a);
		break;
	}
	/* Any of them may have noticed that the device is gone. */
	model_sync();
}
