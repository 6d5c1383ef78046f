/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Broken doubles of what the laboratory's oracles watch.
 *
 * The laboratory and the core reach each other through tables of operations:
 * a double is such a table with one operation that does wrong. A stage is set
 * twice with the same work on it, once as it is and once with the double: only
 * the double may make an oracle fire.
 */
#ifndef VLAB_TESTS_DOUBLES_H
#define VLAB_TESTS_DOUBLES_H

#include "arena.h"
#include "lab.h"
#include "virtio_core.h"
#include "vring.h"
#include "watch.h"

/* Flags of the "queue" operation. */
#define WITH_INDIRECT 0x01
#define WITH_EVENT_IDX 0x02
#define WITH_REGISTERS 0x08
#define WITH_RESET 0x10

/**
 * struct double_case - one broken double
 * @name: what it does wrong; NULL ends a list
 * @oracle: that must fire
 * @says: the beginning of the finding's sentence
 * @device: what is on the bus; LAB_PLAIN when not named
 * @flags: WITH_*
 * @install: put the double in place, before the driver is bound
 * @install_bound: the same, after it was bound
 * @work: what the laboratory does then; bound again is up to it
 */
struct double_case {
	const char *name;
	enum oracle oracle;
	const char *says;
	enum lab_device device;
	u16 flags;
	void (*install)(void);
	void (*install_bound)(void);
	void (*work)(void);
};

extern const struct double_case reading_doubles[];
extern const struct double_case signal_doubles[];
extern const struct double_case life_doubles[];
extern const struct double_case buffer_doubles[];
extern const struct double_case device_doubles[];
extern const struct double_case config_doubles[];
extern const struct double_case snapshot_doubles[];
extern const struct double_case driver_doubles[];
extern const struct double_case memory_doubles[];
extern const struct double_case honest_doubles[];

/*
 * A copy of the table in use, which takes its place: what the caller changes
 * there is the double. The real operations stay where the core has them.
 */
struct virtqueue_ops *double_queue(void);
struct virtio_config_ops *double_config(void);
struct virtio_transport_ops *double_transport(void);
struct virtio_register_ops *double_registers(void);

extern const struct virtio_transport_ops *real_transport;

/* Have find_vq() run @change on each queue that it made. */
void double_found(void (*change)(struct vring *vring));

/* One buffer on its way to the device and back, and a look for another. */
void work_one(void);

/* A buffer of one piece, which the device has used. */
void work_used(void);

/* Unbind, and bind again. */
void work_rebind(void);

/* Queues that give back nothing: neither what was used nor what is left. */
void install_get_is_blind(void);
void install_detach_keeps(void);

static inline struct model *first_queue(void)
{
	return &lab.model[0];
}

#endif /* VLAB_TESTS_DOUBLES_H */
