// SPDX-License-Identifier: GPL-2.0-or-later
/* Doubles that take the configuration for something else. */
#include "doubles.h"

#define REAL virtio_config_fields_ops

/* The fields of six and of two bytes that the plain device has. */
#define TYPE_SIX 0x41
#define TYPE_TWO 0x42

static void *found_token;
static unsigned int found_len;

static void *find_same_again(struct virtio_device *vdev, u8 type,
			     unsigned int *len)
{
	void *token = REAL.find(vdev, type, len);

	if (token) {
		found_token = token;
		found_len = *len;
	} else {
		*len = found_len;
	}
	return found_token;
}

static void install_finds_same_again(void)
{
	found_token = NULL;
	double_config()->find = find_same_again;
}

static void *find_longer(struct virtio_device *vdev, u8 type, unsigned int *len)
{
	void *token = REAL.find(vdev, type, len);

	if (token)
		++*len;
	return token;
}

static void install_finds_longer(void)
{
	double_config()->find = find_longer;
}

static void *find_without_mark(struct virtio_device *vdev, u8 type,
			       unsigned int *len)
{
	void *token = REAL.find(vdev, type, len);
	int pos = token ? virtio_config_token(vdev, token, *len) : -1;

	if (pos >= 0)
		vdev->core->config[pos] = type;
	return token;
}

static void install_finds_without_mark(void)
{
	double_config()->find = find_without_mark;
}

static int get_other_bytes(struct virtio_device *vdev, void *token, void *buf,
			   unsigned int len)
{
	int err = REAL.get(vdev, token, buf, len);

	if (!err)
		*(u8 *)buf ^= 1;
	return err;
}

static void install_gets_other_bytes(void)
{
	double_config()->get = get_other_bytes;
}

static int get_never_fails(struct virtio_device *vdev, void *token, void *buf,
			   unsigned int len)
{
	REAL.get(vdev, token, buf, len);
	return 0;
}

static void install_get_never_fails(void)
{
	double_config()->get = get_never_fails;
}

static int get_writes_anyway(struct virtio_device *vdev, void *token, void *buf,
			     unsigned int len)
{
	*(u8 *)buf = 0;
	return REAL.get(vdev, token, buf, len);
}

static void install_get_writes_anyway(void)
{
	double_config()->get = get_writes_anyway;
}

/* The first byte of the field space as the parser gets it. */
static int read_other_type(struct virtio_device *vdev, unsigned int offset,
			   void *buf, unsigned int len)
{
	int err = real_transport->config_read(vdev, offset, buf, len);

	*(u8 *)buf = 0x80;
	return err;
}

static void install_refuses_valid(void)
{
	double_transport()->config_read = read_other_type;
}

static int read_repaired(struct virtio_device *vdev, unsigned int offset,
			 void *buf, unsigned int len)
{
	int err = real_transport->config_read(vdev, offset, buf, len);

	((u8 *)buf)[0] = VIRTIO_CONFIG_F_VIRTIO;
	return err;
}

static void install_accepts_invalid(void)
{
	double_transport()->config_read = read_repaired;
}

static int set_one_more(struct virtio_device *vdev, void *token,
			const void *buf, unsigned int len)
{
	int pos = virtio_config_token(vdev, token, len);

	return vdev->transport->config_write(vdev, (unsigned int)pos + 2, buf,
					     len + 1);
}

static void install_sets_one_more(void)
{
	double_config()->set = set_one_more;
}

static int set_says_yes(struct virtio_device *vdev, void *token,
			const void *buf, unsigned int len)
{
	REAL.set(vdev, token, buf, len);
	return 0;
}

static void install_set_says_yes(void)
{
	double_config()->set = set_says_yes;
}

static void work_find_twice(void)
{
	unsigned int len;

	config_model_find(TYPE_SIX, &len);
	config_model_find(TYPE_SIX, &len);
}

static void work_get(void)
{
	unsigned int len;
	void *token = config_model_find(TYPE_SIX, &len);

	config_model_get(token, len);
}

static void work_get_wrong_length(void)
{
	unsigned int len;
	void *token = config_model_find(TYPE_SIX, &len);

	config_model_get(token, len - 1);
}

static void work_find_then_val(void)
{
	unsigned int len;

	config_model_find(TYPE_TWO, &len);
	config_model_val(TYPE_TWO, 2);
}

static void work_find_then_bytes(void)
{
	unsigned int len;

	config_model_find(TYPE_SIX, &len);
	config_model_bytes(TYPE_SIX, 6);
}

static void work_set(void)
{
	unsigned int len;
	void *token = config_model_find(TYPE_TWO, &len);

	config_model_set(token, len, 0x11223344);
}

static void work_set_queue(void)
{
	unsigned int len;
	void *token;

	/* Two queues are presented, and a driver that looks for none. */
	lab_unbind();
	lab.probe = PROBE_NO_QUEUE;
	lab_bind();
	token = config_model_find(VIRTIO_CONFIG_F_VIRTQUEUE, &len);
	config_model_set(token, len, 0x11223344);
}

/* A device whose first field has a type that no field may have. */
static void work_bind_invalid(void)
{
	const struct step spoil = { .op = OP_CONFIG_BYTE, .a = 0x80, .b = 0 };

	lab_unbind();
	lab_step_config(&spoil);
	lab_bind();
}

static void work_nothing(void)
{
}

const struct double_case config_doubles[] = {
	{
		.name = "find gives the same field again",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "find of type %llu",
		.install = install_finds_same_again,
		.work = work_find_twice,
	},
	{
		.name = "find gives another length",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "the length of a field",
		.install = install_finds_longer,
		.work = work_find_twice,
	},
	{
		.name = "get gives other bytes",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "get of %llu bytes",
		.install = install_gets_other_bytes,
		.work = work_get,
	},
	{
		.name = "get takes any length",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "get returned",
		.install = install_get_never_fails,
		.work = work_get_wrong_length,
	},
	{
		.name = "get fails and writes",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "get failed with",
		.install = install_get_writes_anyway,
		.work = work_get_wrong_length,
	},
	{
		.name = "a field that was found is read as a value too",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "virtio_config_val returned",
		.install = install_finds_without_mark,
		.work = work_find_then_val,
	},
	{
		.name = "a field that was found is read as bytes too",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "virtio_config_bytes returned",
		.install = install_finds_without_mark,
		.work = work_find_then_bytes,
	},
	{
		.name = "a configuration that is not valid is accepted",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "a configuration of %llu bytes was accepted",
		.install = install_accepts_invalid,
		.work = work_bind_invalid,
	},
	{
		.name = "a valid configuration is refused",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "a valid configuration",
		.install = install_refuses_valid,
		.work = work_nothing,
	},
	{
		.name = "set writes past the field",
		.oracle = ORACLE_CONFIG_WRITE,
		.says = "%llu bytes were written",
		.install = install_sets_one_more,
		.work = work_set,
	},
	{
		.name = "set of a queue's field is allowed",
		.oracle = ORACLE_CONFIG_WRITE,
		.says = "set of a field of type",
		.install = install_set_says_yes,
		.work = work_set_queue,
	},
	{ .name = NULL },
};
