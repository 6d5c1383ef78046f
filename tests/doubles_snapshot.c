// SPDX-License-Identifier: GPL-2.0-or-later
/* Doubles that take something else for the configuration, or not at all. */
#include "doubles.h"

#define REAL virtio_config_fields_ops

/* A field of four bytes with bits of its own, and a feature of nobody. */
#define TYPE_BITS 0x50
#define FREE_BIT 6

/* Where in the field space the field of a type has its bytes. */
static u8 *bytes_of(u8 *config, unsigned int len, u8 type)
{
	unsigned int pos;

	for (pos = 0; pos + 2 < len; pos += 2u + config[pos + 1])
		if (config[pos] == type)
			return config + pos + 2;
	return config;
}

static u8 changed_type;
static unsigned int changed_byte;

static int read_changed(struct virtio_device *vdev, unsigned int offset,
			void *buf, unsigned int len)
{
	int err = real_transport->config_read(vdev, offset, buf, len);

	bytes_of(buf, len, changed_type)[changed_byte] = 0;
	return err;
}

static void install_changes_bytes(void)
{
	changed_type = 0x41;
	changed_byte = 5;
	double_transport()->config_read = read_changed;
}

/* Bits 24 to 31 are offered by the device, and not seen by the core. */
static void install_overlooks_features(void)
{
	changed_type = VIRTIO_CONFIG_F_VIRTIO;
	changed_byte = 3;
	double_transport()->config_read = read_changed;
}

static int read_other_registers(struct virtio_device *vdev, unsigned int offset,
				void *buf, unsigned int len)
{
	int err = real_transport->regs->config_read(vdev, offset, buf, len);

	((u8 *)buf)[5] ^= 0xff;
	return err;
}

static void install_changes_registers(void)
{
	double_registers()->config_read = read_other_registers;
}

static int read_less(struct virtio_device *vdev)
{
	return real_transport->config_len(vdev) - 4;
}

static void install_reads_less(void)
{
	double_transport()->config_len = read_less;
}

static int same_generation(struct virtio_device *vdev, u32 *generation)
{
	(void)vdev;
	*generation = 0;
	return 0;
}

static void install_ignores_generation(void)
{
	double_transport()->generation = same_generation;
}

static int read_often(struct virtio_device *vdev, unsigned int offset,
		      void *buf, unsigned int len)
{
	u32 generation;
	int i;

	for (i = 0; i < 8; i++) {
		real_transport->config_read(vdev, offset, buf, len);
		real_transport->generation(vdev, &generation);
	}
	return real_transport->config_read(vdev, offset, buf, len);
}

static void install_reads_often(void)
{
	double_transport()->config_read = read_often;
}

static unsigned int generations;

static int fail_second_look(struct virtio_device *vdev, u32 *generation)
{
	real_transport->generation(vdev, generation);
	return generations++ % 2 ? -ENODEV : 0;
}

static void install_fails_second_look(void)
{
	generations = 0;
	double_transport()->generation = fail_second_look;
}

static int read_fails(struct virtio_device *vdev, unsigned int offset,
		      void *buf, unsigned int len)
{
	(void)vdev;
	(void)offset;
	(void)buf;
	(void)len;
	return -EIO;
}

static void install_read_fails(void)
{
	double_transport()->config_read = read_fails;
}

static int other_generation(struct virtio_device *vdev, u32 *generation)
{
	int err = real_transport->generation(vdev, generation);

	*generation = generations++;
	return err;
}

static void install_other_generations(void)
{
	double_transport()->generation = other_generation;
}

static int set_fails(struct virtio_device *vdev, void *token, const void *buf,
		     unsigned int len)
{
	REAL.set(vdev, token, buf, len);
	return -EIO;
}

static void install_set_fails(void)
{
	double_config()->set = set_fails;
}

static int set_does_nothing(struct virtio_device *vdev, void *token,
			    const void *buf, unsigned int len)
{
	(void)vdev;
	(void)token;
	(void)buf;
	(void)len;
	return 0;
}

static void install_set_does_nothing(void)
{
	double_config()->set = set_does_nothing;
}

static u8 *private_device(void)
{
	u8 *config = lab.lb.vdev.core->config;

	while (config[0] != VIRTIO_CONFIG_F_DEVICE)
		config += 2 + config[1];
	return config;
}

static void install_hides_device(void)
{
	private_device()[0] = 0x43;
}

static void install_changes_device(void)
{
	private_device()[2] ^= 1;
}

static int refuse_queue(struct virtio_device *vdev,
			const struct virtio_vq_setup *setup)
{
	(void)vdev;
	(void)setup;
	return -EIO;
}

static void install_refuses_queues(void)
{
	double_transport()->setup_vq = refuse_queue;
}

/* As if offsets in the ring were of too few bits. */
static int overlay_queue(struct virtio_device *vdev,
			 const struct virtio_vq_setup *setup)
{
	struct virtio_vq_setup other = *setup;

	other.used = setup->avail + 4;
	return real_transport->setup_vq(vdev, &other);
}

static void install_overlays_queues(void)
{
	double_transport()->setup_vq = overlay_queue;
}

static void change_index(struct vring *vring)
{
	vring->vq.index = 1;
}

static void install_finds_another(void)
{
	double_found(change_index);
}

static int write_high_byte(struct virtio_device *vdev, unsigned int offset,
			   const void *buf, unsigned int len)
{
	u8 bytes[256];

	memcpy(bytes, buf, len);
	bytes[len - 1] = 1;
	return real_transport->config_write(vdev, offset, bytes, len);
}

static void install_acks_high_bits(void)
{
	double_transport()->config_write = write_high_byte;
}

static int write_zeroes(struct virtio_device *vdev, unsigned int offset,
			const void *buf, unsigned int len)
{
	static const u8 zeroes[4];

	/* The features of F_VIRTIO are longer. */
	return real_transport->config_write(vdev, offset,
					    len > 4 ? buf : zeroes, len);
}

static void install_loses_bits(void)
{
	double_transport()->config_write = write_zeroes;
}

static int write_without_bit(struct virtio_device *vdev, unsigned int word,
			     u32 bits)
{
	return real_transport->regs->driver_features(
		vdev, word, word ? bits : bits & ~(1u << FREE_BIT));
}

static void install_loses_feature(void)
{
	double_registers()->driver_features = write_without_bit;
}

/* Private state that says: too late; or: not yet. */
static int probe_too_late(struct virtio_device *vdev)
{
	unsigned int len;
	void *token = config_model_find(VIRTIO_CONFIG_F_VIRTIO, &len);

	vdev->core->features_ok = true;
	config_model_use_bit(token, len, FREE_BIT);
	vdev->core->features_ok = false;
	return 0;
}

static void install_probe_too_late(void)
{
	lab.plain.probe = probe_too_late;
}

static int probe_again(struct virtio_device *vdev)
{
	unsigned int len;
	void *token = config_model_find(VIRTIO_CONFIG_F_VIRTIO, &len);

	virtio_features_agree(vdev);
	vdev->core->features_ok = false;
	config_model_use_bit(token, len, FREE_BIT);
	return 0;
}

static void install_probe_again(void)
{
	lab.plain.probe = probe_again;
}

static int write_and_break(struct virtio_device *vdev, unsigned int offset,
			   const void *buf, unsigned int len)
{
	vdev->core->broken = VIRTIO_BROKEN_STATUS;
	return real_transport->config_write(vdev, offset, buf, len);
}

static void install_breaks_while_writing(void)
{
	double_transport()->config_write = write_and_break;
}

static struct virtqueue *find_nothing(struct virtio_device *vdev,
				      bool (*callback)(struct virtqueue *vq))
{
	(void)vdev;
	(void)callback;
	return ERR_PTR(-EIO);
}

static void install_finds_nothing(void)
{
	double_config()->find_vq = find_nothing;
}

static void change_tables(struct vring *vring)
{
	vring->indirect_max = 5;
}

static void install_has_tables(void)
{
	double_found(change_tables);
}

static void work_nothing(void)
{
}

static void bind_with(const struct step *step)
{
	lab_unbind();
	lab_step_config(step);
	lab_bind();
}

static void work_bind_invalid(void)
{
	const struct step spoil = { .op = OP_CONFIG_BYTE, .a = 0x80, .b = 0 };

	bind_with(&spoil);
}

static void work_refresh(void)
{
	const struct step refresh = { .op = OP_DRIVER_REFRESH };

	lab_step_driver(&refresh);
}

static void work_set(void)
{
	unsigned int len;
	void *token = config_model_find(0x42, &len);

	config_model_set(token, len, 0x11223344);
}

static void work_set_wrong_length(void)
{
	unsigned int len;
	void *token = config_model_find(0x42, &len);

	config_model_set(token, len - 1, 0x11223344);
}

static void work_device_config(void)
{
	config_model_device_config(0, 8);
}

static void work_long_features(void)
{
	const struct step clear = { .op = OP_CONFIG_CLEAR };
	const struct step field = { .op = OP_CONFIG_FIELD, .a = 1, .b = 32 };

	lab_unbind();
	lab_step_config(&clear);
	lab_step_config(&field);
	lab_bind();
}

static void use_in_probe(u8 type, u32 bit)
{
	const struct step takes = { .op = OP_BUS_TAKES, .a = type, .c = bit };

	lab_step_bus(&takes);
}

static void work_use_bit(void)
{
	const struct step field = {
		.op = OP_CONFIG_FIELD, .a = TYPE_BITS, .b = 4, .c = ~0u
	};

	lab_unbind();
	use_in_probe(TYPE_BITS, 9);
	lab_step_config(&field);
	lab_bind();
}

static void work_use_feature(void)
{
	const struct step offer = { .op = OP_CONFIG_FEATURES,
				    .c = 1u << FREE_BIT };

	lab_unbind();
	use_in_probe(VIRTIO_CONFIG_F_VIRTIO, FREE_BIT);
	bind_with(&offer);
}

const struct double_case snapshot_doubles[] = {
	{
		.name = "bytes are changed on the way to the private copy",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "the private copy of the field",
		.install = install_changes_bytes,
		.work = work_nothing,
	},
	{
		.name = "registers are changed on the way to the private copy",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "the private copy of the field",
		.flags = WITH_REGISTERS,
		.install = install_changes_registers,
		.work = work_nothing,
	},
	{
		.name = "the last field is not read",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "a copy of %llu bytes was accepted",
		.install = install_reads_less,
		.work = work_nothing,
	},
	{
		.name = "the generation is not looked at",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "a copy of %llu bytes was accepted",
		.install = install_ignores_generation,
		.work = work_nothing,
	},
	{
		.name = "the copy is tried again and again",
		.oracle = ORACLE_WORK_BUDGET,
		.says = "try %llu at one copy",
		.install = install_reads_often,
		.work = work_nothing,
	},
	{
		.name = "a bad configuration is taken for a lost device",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "a configuration was refused for reason",
		.install_bound = install_fails_second_look,
		.work = work_bind_invalid,
	},
	{
		.name = "a refresh gives up",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "a refresh was given up",
		.install_bound = install_read_fails,
		.work = work_refresh,
	},
	{
		.name = "a refresh takes a whole copy for a torn one",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "a refresh returned",
		.install_bound = install_other_generations,
		.work = work_refresh,
	},
	{
		.name = "set fails for no reason",
		.oracle = ORACLE_CONFIG_WRITE,
		.says = "set returned",
		.install = install_set_fails,
		.work = work_set,
	},
	{
		.name = "set writes nothing",
		.oracle = ORACLE_CONFIG_WRITE,
		.says = "set of %llu bytes did not arrive",
		.install = install_set_does_nothing,
		.work = work_set,
	},
	{
		.name = "set takes any length",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "set of %llu bytes was allowed",
		.install = install_set_does_nothing,
		.work = work_set_wrong_length,
	},
	{
		.name = "the device configuration is not found",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "%llu bytes at %llu of the device configuration",
		.install_bound = install_hides_device,
		.work = work_device_config,
	},
	{
		.name = "the device configuration is another",
		.oracle = ORACLE_CONFIG_VALUE,
		.says = "%llu bytes at %llu of the device configuration were",
		.install_bound = install_changes_device,
		.work = work_device_config,
	},
	{
		.name = "find_vq refuses a queue that is there",
		.oracle = ORACLE_RESULT,
		.says = "find_vq returned",
		.install = install_refuses_queues,
		.work = work_nothing,
	},
	{
		.name = "the parts of a ring overlap",
		.oracle = ORACLE_RESULT,
		.says = "the parts of queue",
		.install = install_overlays_queues,
		.work = work_nothing,
	},
	{
		.name = "find_vq gives another queue",
		.oracle = ORACLE_RESULT,
		.says = "find_vq gave queue",
		.install = install_finds_another,
		.work = work_nothing,
	},
	{
		.name = "a broken device is probed",
		.oracle = ORACLE_STATUS,
		.says = "a driver probes a device that is broken",
		.install = install_breaks_while_writing,
		.work = work_nothing,
	},
	{
		.name = "features are refused for no reason",
		.oracle = ORACLE_FEATURES,
		.says = "the features were not agreed",
		.install = install_finds_nothing,
		.work = work_nothing,
	},
	{
		.name = "a queue has indirect tables that were not agreed",
		.oracle = ORACLE_FEATURES,
		.says = "queue %llu has indirect tables",
		.install = install_has_tables,
		.work = work_nothing,
	},
	{
		.name = "an offer is overlooked",
		.oracle = ORACLE_FEATURES,
		.says = "the features are",
		.flags = WITH_EVENT_IDX | WITH_INDIRECT,
		.install = install_overlooks_features,
		.work = work_nothing,
	},
	{
		.name = "bits are acknowledged that no feature has",
		.oracle = ORACLE_FEATURES,
		.says = "byte %llu of the acknowledged half",
		.install_bound = install_acks_high_bits,
		.work = work_long_features,
	},
	{
		.name = "a bit that was taken does not reach the device",
		.oracle = ORACLE_FEATURES,
		.says = "bit %llu of a field of type",
		.install = install_loses_bits,
		.work = work_use_bit,
	},
	{
		.name = "a feature that was taken does not reach the device",
		.oracle = ORACLE_FEATURES,
		.says = "the device was told",
		.flags = WITH_REGISTERS,
		.install = install_loses_feature,
		.work = work_use_feature,
	},
	{
		.name = "a bit that is offered is denied",
		.oracle = ORACLE_FEATURES,
		.says = "virtio_use_bit of bit",
		.install_bound = install_probe_too_late,
		.work = work_use_feature,
	},
	{
		.name = "a bit is taken after the features are settled",
		.oracle = ORACLE_FEATURES,
		.says = "bit %llu of %llu bytes was acknowledged",
		.install_bound = install_probe_again,
		.work = work_use_feature,
	},
	{ .name = NULL },
};
