// SPDX-License-Identifier: GPL-2.0-or-later
/* Doubles that read what they should not, or too often. */
#include "doubles.h"

static void *get_looks_twice(struct virtqueue *vq, unsigned int *len)
{
	(void)shared_read16(&to_vring(vq)->used->idx);
	return vring_split_ops.get_buf(vq, len);
}

static void install_get_looks_twice(void)
{
	double_queue()->get_buf = get_looks_twice;
}

static void *get_checks_then_fetches(struct virtqueue *vq, unsigned int *len)
{
	struct vring *vring = to_vring(vq);
	u16 at = vring->state.last_used & (u16)vring->mask;

	(void)shared_read32(&vring->used->ring[at].id);
	return vring_split_ops.get_buf(vq, len);
}

static void install_get_checks_then_fetches(void)
{
	double_queue()->get_buf = get_checks_then_fetches;
}

static int features_twice(struct virtio_device *vdev, unsigned int word,
			  u32 *bits)
{
	real_transport->regs->device_features(vdev, word, bits);
	return real_transport->regs->device_features(vdev, word, bits);
}

static void install_features_twice(void)
{
	double_registers()->device_features = features_twice;
}

static void *get_reads_descriptor(struct virtqueue *vq, unsigned int *len)
{
	(void)shared_read32(&to_vring(vq)->desc[0].len);
	return vring_split_ops.get_buf(vq, len);
}

static void install_get_reads_descriptor(void)
{
	double_queue()->get_buf = get_reads_descriptor;
}

static void *get_reads_table(struct virtqueue *vq, unsigned int *len)
{
	(void)shared_read16(&to_vring(vq)->table[0].next);
	return vring_split_ops.get_buf(vq, len);
}

static void install_get_reads_table(void)
{
	double_queue()->get_buf = get_reads_table;
}

static void kick_reads_index(struct virtqueue *vq)
{
	(void)shared_read16(&to_vring(vq)->avail->idx);
	vring_split_ops.kick(vq);
}

static void install_kick_reads_index(void)
{
	double_queue()->kick = kick_reads_index;
}

static void *get_scans_ring(struct virtqueue *vq, unsigned int *len)
{
	unsigned int i;

	for (i = 0; i < vq->num; i++)
		(void)shared_read32(&to_vring(vq)->used->ring[i].id);
	return vring_split_ops.get_buf(vq, len);
}

static void install_get_scans_ring(void)
{
	double_queue()->get_buf = get_scans_ring;
}

static int add_looks(struct virtqueue *vq, struct scatterlist sg[],
		     unsigned int out_num, unsigned int in_num, void *data)
{
	(void)shared_read16(&to_vring(vq)->used->flags);
	return vring_split_ops.add_buf(vq, sg, out_num, in_num, data);
}

static void install_add_looks(void)
{
	double_queue()->add_buf = add_looks;
}

static void *find_asks_device(struct virtio_device *vdev, u8 type,
			      unsigned int *len)
{
	vdev->transport->config_len(vdev);
	return virtio_config_fields_ops.find(vdev, type, len);
}

static void install_find_asks_device(void)
{
	double_config()->find = find_asks_device;
}

static void work_get_nothing(void)
{
	u32 len;

	model_get(first_queue(), &len);
}

static void work_find(void)
{
	unsigned int len;

	config_model_find(0x41, &len);
}

static void work_nothing(void)
{
}

const struct double_case reading_doubles[] = {
	{
		.name = "get_buf reads used.idx twice",
		.oracle = ORACLE_DOUBLE_FETCH,
		.says = "cell %llu",
		.install_bound = install_get_looks_twice,
		.work = work_get_nothing,
	},
	{
		.name = "get_buf checks an id, then fetches it again",
		.oracle = ORACLE_DOUBLE_FETCH,
		.says = "cell %llu",
		.install_bound = install_get_checks_then_fetches,
		.work = work_one,
	},
	{
		.name = "binding reads the feature bits twice",
		.oracle = ORACLE_DOUBLE_FETCH,
		.says = "cell %llu",
		.flags = WITH_REGISTERS,
		.install = install_features_twice,
		.work = work_nothing,
	},
	{
		.name = "get_buf reads a descriptor back",
		.oracle = ORACLE_OWN_MEMORY,
		.says = "read of the driver's own part",
		.install_bound = install_get_reads_descriptor,
		.work = work_one,
	},
	{
		.name = "get_buf reads an indirect table back",
		.oracle = ORACLE_OWN_MEMORY,
		.says = "read of the driver's own part",
		.flags = WITH_INDIRECT,
		.install_bound = install_get_reads_table,
		.work = work_one,
	},
	{
		.name = "kick reads avail.idx back",
		.oracle = ORACLE_OWN_MEMORY,
		.says = "read of the driver's own part",
		.install_bound = install_kick_reads_index,
		.work = work_one,
	},
	{
		.name = "get_buf reads every used element",
		.oracle = ORACLE_WORK_BUDGET,
		.says = "read %llu of shared memory",
		.install_bound = install_get_scans_ring,
		.work = work_one,
	},
	{
		.name = "add_buf reads used.flags",
		.oracle = ORACLE_WORK_BUDGET,
		.says = "read %llu of shared memory",
		.install_bound = install_add_looks,
		.work = work_one,
	},
	{
		.name = "find asks the device",
		.oracle = ORACLE_WORK_BUDGET,
		.says = "read %llu of shared memory",
		.install_bound = install_find_asks_device,
		.work = work_find,
	},
	{ .name = NULL },
};
