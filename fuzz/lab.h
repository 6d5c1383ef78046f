/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The laboratory: one device under a program's control, the driver side of the
 * core that it attacks, and the model that knows what must happen.
 *
 * There is one laboratory in a process; an execution leaves nothing behind.
 * Nothing here depends on addresses, word size, byte order, time or the
 * operating system: the same program gives the same trace everywhere.
 */
#ifndef VLAB_FUZZ_LAB_H
#define VLAB_FUZZ_LAB_H

#include <vlab/loopback.h>
#include <vlab/port.h>
#include <vlab/virtio.h>
#include <vlab/virtio_ring.h>

#include "oracle.h"
#include "program.h"
#include "trace.h"

/* Ids that need all of their 32 bits. */
#define LAB_DEVICE_ID 0x8000002a
#define LAB_VENDOR_ID 0x80001af4

#define LAB_QUEUES 4
#define LAB_FIND_TOKENS 8
#define LAB_TAKES 4
#define LAB_TOKENS_MAX 65535

/* What the device of an execution is; see "device=" of OP_QUEUE. */
enum lab_device { LAB_DEFAULT, LAB_ENTROPY, LAB_BLOCK, LAB_PLAIN };

/* What the next probe does; see "bus probe". */
enum lab_probe {
	PROBE_OK,
	PROBE_ERROR,
	PROBE_POSITIVE,
	PROBE_FORGETS,
	PROBE_RESETS,
	PROBE_NO_QUEUE,
	PROBE_EARLY,
	PROBE_FAILS
};

/* The bits of OP_BUS_PROBE besides. */
#define PROBE_INTERRUPT 0x08
#define PROBE_GIVE_UP 0x10

enum lab_callback {
	CALLBACK_KEEP,
	CALLBACK_STOP,
	CALLBACK_DRAIN,
	CALLBACK_DRAIN_STOP,
	CALLBACK_RESTART,
	CALLBACK_REFILL,
	CALLBACK_DELETE,
	CALLBACK_LEAVE
};

/* A bit that the next probe takes; see "bus takes". */
struct take {
	u8 type;
	u32 bit;
};

/**
 * struct target - what a fuzz target attacks
 * @name: as in corpus/<name> and fuzz_<name>
 * @device: what LAB_DEFAULT means
 * @after: an honest device took the attacker's place and the driver is bound
 *	to it: is it served? Fires an oracle if not.
 */
struct target {
	const char *name;
	enum lab_device device;
	void (*after)(void);
};

/* A buffer that the plain driver posted. */
struct token {
	u32 in_len;
	u16 head;
	u16 descs;
	u8 queue;
	bool in_flight;
};

/**
 * struct model - what a queue must be, kept apart from the core
 * @avail, @published, @last, @cached: indices as in the specification
 * @event_told, @flags_told: what the device was told, whatever it did to the
 *	words since
 * @num: a power of two
 * @first_token: tokens before it are of a queue that is no more
 * @taken: descriptors in flight
 * @callbacks: the driver wants them
 * @stopped: shut down or reset
 */
struct model {
	struct virtqueue *vq;
	const u8 *event_word; /* used_event and avail.flags in the ring ... */
	const u8 *flags_word;
	u16 event_told; /* ... and what the core wrote there */
	u16 flags_told;
	u32 first_token;
	u32 num;
	u32 taken;
	u32 indirect_max;
	u16 avail;
	u16 published;
	u16 last;
	u16 cached;
	u8 broken;
	u32 clamped; /* lengths that were too large */
	bool event_idx;
	bool strict;
	bool callbacks;
	bool stopped;
	bool deferred; /* a notification waits for DRIVER_OK ... */
	unsigned int deferred_at; /* ... since so many were sent */
};

struct lab {
	const struct target *target;
	struct loopback lb;
	struct loopback_regs *regs;
	struct loopback_ring ring[LOOPBACK_QUEUES];
	dma_addr_t ring_desc[LOOPBACK_QUEUES]; /* what ring[] was made for */

	/* What the last OP_QUEUE asked for. */
	enum lab_device device;
	struct step setup;
	struct virtio_device_id id; /* with which it is added */
	bool disguised; /* the program chose the id */
	bool automatic; /* add and bind when first needed */
	bool added;
	bool bound; /* the driver is registered */
	struct virtio_driver *driver;

	/* The plain driver. */
	struct virtio_driver plain;
	enum lab_probe probe;
	struct take take[LAB_TAKES];
	unsigned int takes;
	struct step probe_extra; /* what else it does: see plain_probe() */
	int probe_result; /* what the last one returned */
	enum lab_callback callback_plan;
	unsigned int select;
	struct model model[LAB_QUEUES];
	unsigned int models; /* of them, from the first: were ever used */
	void *find_token[LAB_FIND_TOKENS];
	unsigned int find_len[LAB_FIND_TOKENS];
	unsigned int finds;
	u32 tokens;
	unsigned int changes; /* calls of config_changed() */
	unsigned int changes_wanted; /* when the driver is bound */
	unsigned int callbacks; /* calls of the callback */
	unsigned int callbacks_stopped; /* how many of them returned false */
	unsigned int notified;
	unsigned int queue_notified[LOOPBACK_QUEUES];
	bool in_honest; /* the attack is over */

	/* The device's tricks. */
	unsigned int churn;
	unsigned int hold_reset;
	u8 refuse;
	unsigned int leave_in; /* writes of the status; 0: it stays */
	unsigned int notify_fails;
	bool notify_failed; /* at least one did */
	unsigned int setup_fails;
	bool setup_failed; /* since the last binding began */

	/* What the core did to the device. */
	u8 status; /* last written */
	int status_shown; /* read since the last step of the ladder; or -1 */
	unsigned int reset_looks; /* reads of it since it was set to 0 */
	u8 broken; /* the reason, when last looked at */
	bool mismatch; /* it showed another one than was set */
	bool went; /* it was seen to be gone, even if it is back */
	bool adding; /* the device is being registered */
	bool tried; /* a driver, since this binding began */
	bool reset_shown; /* the device showed 0 after the last reset */
	bool features_shown; /* the device kept FEATURES_OK */
	u64 acked; /* feature bits, as last written */

	/* Block requests in flight, and the random stream. */
	u32 requests;
	u8 stream;

	unsigned int step;
	bool reached_core;
};

extern struct lab lab;

/* What OP_SELECT chose. */
static inline unsigned int lab_queue_number(void)
{
	return lab.select % LAB_QUEUES;
}

/* run.c: one execution, from nothing to nothing. */
void lab_run(const struct target *target, const u8 *data, size_t size);

/* ops_*.c: one step each; @step->op is already reduced. */
void lab_step_config(const struct step *step);
void lab_step_bus(const struct step *step);
void lab_step_driver(const struct step *step);
void lab_step_ring(const struct step *step);
void lab_step_device(const struct step *step);
void lab_step_session(const struct step *step);

/* ops_bus.c: what others need of it. */
void lab_surprise(void);
void lab_refresh(void);
void lab_take_bits(void);

/* setup.c: the device and its honest configuration. */
void lab_present(const struct step *setup);
void lab_represent(const struct step *setup);
void lab_need_driver(void);
void lab_add(void);
void lab_remove(void);
void lab_bind(void);
void lab_unbind(void);
enum lab_device lab_kind(void);
bool lab_is_registers(void);
void lab_status_read(u8 shown);
u64 lab_base_features(void);
void lab_disguise(u32 device, u32 vendor);

/* plain.c: the driver of the plain device. */
void plain_init(void);
u64 plain_feature_bits(void); /* that it names, whoever they are of */
void plain_find_queues(unsigned int most);
void plain_drop_queue(struct model *model, bool must_return);
bool plain_callback(struct virtqueue *vq);
struct model *plain_model(struct virtqueue *vq);

/* model.c: calls into a queue, each held against the model. */
void model_start(struct model *model, struct virtqueue *vq);
bool model_ring_is_empty(const struct virtio_vq_setup *setup);
int model_add(struct model *model, unsigned int outs, unsigned int ins,
	      u32 out_len, u32 in_len);
void model_add_bad(struct model *model, unsigned int kind);
void model_kick(struct model *model);
void *model_get(struct model *model, u32 *len);
unsigned int model_drain(struct model *model, unsigned int most);
bool model_restart(struct model *model);
void model_shutdown(struct model *model);
unsigned int model_detach(struct model *model);
void model_reset_queue(struct model *model);
void model_interrupt(unsigned int queue);
void model_check(struct model *model);
void model_stats(struct model *model);
void model_bound(void);
bool model_device_broken(void); /* by a look: it is asked for all the time */
void model_sync(void);
void model_wrote(const u8 *p);

/* config_model.c: the fields as the specification of the format has them. */
void config_model_reset(void);
void config_model_wrote(unsigned int offset, unsigned int len);
void config_model_bound(void);
void config_model_features_ok(void);
int config_model_next_queue(unsigned int *index, unsigned int *num);
int config_model_queue(unsigned int n, unsigned int *index, unsigned int *num);
void config_model_mark_queue(unsigned int index, bool used);
/* What is agreed while there is a configuration. */
u64 config_model_features(void);
/* The device configuration, VIRTIO_CONFIG_DEVICE_MAX bytes; its length. */
unsigned int config_model_device(u8 *bytes);
/* Each call of a driver, checked: its result is returned too. */
void *config_model_find(u8 type, unsigned int *len);
int config_model_get(void *token, unsigned int len);
int config_model_set(void *token, unsigned int len, u32 fill);
int config_model_val(u8 type, unsigned int size);
int config_model_bytes(u8 type, unsigned int len);
int config_model_use_bit(void *token, unsigned int len, u32 bit);
int config_model_device_config(u32 at, unsigned int len);
int config_model_refresh(unsigned int call,
			 int (*refresh)(struct virtio_device *vdev), int *want);

/* block_model.c, entropy_model.c: a driver was bound, or is to be unbound. */
void block_model_reset(void);
void block_model_bound(void);
void block_model_unbind(void);
void entropy_model_bound(void);
void entropy_model_unbind(void);
/* The device interrupts for a queue. */
void block_model_interrupt(unsigned int index);
void entropy_model_interrupt(unsigned int index);
/* Steps of their users, each checked. */
void entropy_model_read(unsigned int len);
void block_model_submit(u32 type, u64 sector, u32 sectors,
			const struct scatterlist *sg, unsigned int segs);
void block_model_kick(void);
void block_model_poll(void);
void block_model_reclaim(void);
void block_model_limits(void);
void block_model_revalidate(void);

/* honest.c: pieces of the honest device, and the ends of the targets. */
unsigned int honest_serve(unsigned int queue, unsigned int most,
			  unsigned int pick, u32 less);
void honest_queues(void);
void honest_fields(void);
void honest_negotiation(void);
void honest_session(void);

#endif /* VLAB_FUZZ_LAB_H */
