/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core read of a device's configuration, and what may come of it, as
 * docs/config-format.md has it.
 */
#ifndef VLAB_FUZZ_CONFIG_LOOK_H
#define VLAB_FUZZ_CONFIG_LOOK_H

#include <vlab/virtio_transport.h>

#include "program.h"

#define CONFIG_FIELDS_MAX (VIRTIO_CONFIG_SIZE_MAX / 2)

struct config_field {
	u16 pos;
	u8 type;
	u8 len;
	bool used;
};

/**
 * struct config_view - a configuration that was parsed
 * @bytes, @len: the fields, without what follows the last one
 * @ack_at, @ack_half: the acknowledge half of the features; 0: there are none
 * @offered: the first 64 bits
 */
struct config_view {
	u8 bytes[VIRTIO_CONFIG_SIZE_MAX];
	unsigned int len;
	struct config_field field[CONFIG_FIELDS_MAX];
	unsigned int count;
	unsigned int ack_at;
	unsigned int ack_half;
	u64 offered;
};

/* What the reads of one snapshot amount to. */
enum config_verdict {
	CONFIG_NOT_READ,
	CONFIG_VALID,
	CONFIG_INVALID,
	CONFIG_TORN, /* every try, to the last one */
	CONFIG_UNFINISHED /* an operation failed, or the core gave up */
};

/* From here on the core may take one snapshot. */
void config_look_begin(void);

/* The core read a register, or a part of the configuration. */
void config_look_read(enum cell cell, unsigned int index, const u8 *p,
		      u32 size);

/* Judge what was read, and parse it into @view. */
enum config_verdict config_look_end(struct config_view *view);

/**
 * struct config_model - of the device that is bound
 * @now: its fields, with what the driver wrote, and used marks
 * @epoch: tokens of earlier ones are stale
 * @agreed: features of F_VIRTIO
 * @acked: bits of other fields that the driver took, at their place
 */
struct config_model {
	struct config_view now;
	u32 epoch;
	u64 agreed;
	u8 acked[VIRTIO_CONFIG_SIZE_MAX];
};

extern struct config_model config_model;

/* There is a configuration, and the model of it is up to date. */
bool config_model_is_live(void);

/* The driver's half of the features as it is now. */
void config_model_put_acks(void);

/* The first unused field of a type, or NULL. */
struct config_field *config_view_next(struct config_view *view, u8 type);

/* The pieces of F_DEVICE up to @end, as one range; their length. */
unsigned int config_view_device(const struct config_view *view,
				unsigned int end, u8 *bytes);

/* The features of @features that the core takes; see features_model.c. */
u64 features_model_taken(u64 offered);
/* Those that a driver may take itself, one at a time. */
bool features_model_may_use(u64 features, unsigned int bit);

#endif /* VLAB_FUZZ_CONFIG_LOOK_H */
