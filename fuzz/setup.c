// SPDX-License-Identifier: GPL-2.0-or-later
/* The device of an execution: its honest configuration, its comings and goings.
 */
#include <vlab/virtio_blk.h>
#include <vlab/virtio_entropy.h>

#include "arena.h"
#include "bytes.h"
#include "lab.h"
#include "watch.h"

#define FEATURE(n) (1ULL << (n))

/* For a reset nobody waits longer (docs/threat-model.md). */
#define RESET_LOOKS_MAX 100

#define SETUP_INDIRECT 0x01
#define SETUP_EVENT_IDX 0x02
#define SETUP_REGISTERS 0x08
#define SETUP_RESET 0x10

/* A small disk; its size is what the honest device serves. */
#define DISK_SECTORS 64

enum lab_device lab_kind(void)
{
	return lab.device;
}

bool lab_is_registers(void)
{
	return lab.lb.vdev.transport && lab.lb.vdev.transport->regs;
}

/* The driver side looked at the status register. */
void lab_status_read(u8 shown)
{
	unsigned int i;

	lab.status_shown = shown;
	if (!lab.status && !lab.reset_shown)
		oracle_check(++lab.reset_looks <= RESET_LOOKS_MAX,
			     ORACLE_WORK_BUDGET,
			     "a reset was waited for with more than %llu looks",
			     RESET_LOOKS_MAX, 0);
	if (!lab.status && !shown) {
		/* The device says that it obeyed: no driver can know better. */
		lab.reset_shown = true;
		lab.hold_reset = 0;
		for (i = 0; i < LOOPBACK_QUEUES; i++)
			lab.lb.queue[i].enabled = false;
	}
	/* Less than was set, or more: the device is not to be gone on with. */
	if (lab.status & VIRTIO_CONFIG_S_FEATURES_OK && shown != lab.status)
		lab.mismatch = true;
	if (lab.status & shown & VIRTIO_CONFIG_S_FEATURES_OK)
		lab.features_shown = true;
}

static noinline __cold void fire_step(u8 old, u8 status)
{
	oracle_fire(ORACLE_STATUS, "status %llu was followed by %llu", old,
		    status);
}

/* The reset must have been seen, or the step is taken blindly. */
static void check_reset_shown(const char *what)
{
	oracle_check(lab.reset_shown, ORACLE_STATUS, what,
		     (u64)(s64)lab.status_shown, 0);
}

/* One step up: each may follow one status only. */
static void climb(u8 old, u8 status)
{
	u8 added = status & (u8)~old;

	if ((status & old) != old) {
		fire_step(old, status);
		return;
	}
	switch (added) {
	case VIRTIO_CONFIG_S_ACKNOWLEDGE:
		if (lab.adding)
			check_reset_shown("a device is registered that did not "
					  "show its reset: %llu");
		break;
	case VIRTIO_CONFIG_S_DRIVER:
		if (old != VIRTIO_CONFIG_S_ACKNOWLEDGE)
			fire_step(old, status);
		lab.tried = true;
		check_reset_shown("a driver came before the device showed its "
				  "reset: %llu");
		break;
	case VIRTIO_CONFIG_S_FEATURES_OK:
		if (old != 3)
			fire_step(old, status);
		lab.features_shown = false;
		config_model_features_ok();
		break;
	case VIRTIO_CONFIG_S_DRIVER_OK:
		if (old != 11)
			fire_step(old, status);
		oracle_check(lab.status_shown == old, ORACLE_STATUS,
			     "DRIVER_OK was set while the device showed %llu, "
			     "not %llu",
			     (u64)(s64)lab.status_shown, old);
		break;
	default:
		/* FAILED at any time; and again, of a device just reset. */
		if (!(status & VIRTIO_CONFIG_S_FAILED) ||
		    added & ~(VIRTIO_CONFIG_S_FAILED |
			      VIRTIO_CONFIG_S_ACKNOWLEDGE))
			fire_step(old, status);
		break;
	}
}

/* The status register, as the driver side writes it. */
static bool on_status(struct loopback *lb, u8 status)
{
	u8 old = lab.status;

	trace_tell(TRACE_STATUS, status, 0, 0);
	lab.status = status;
	if (status) {
		climb(old, status);
	} else {
		/* All the way down, from wherever it was. */
		lab.reset_shown = false;
		lab.reset_looks = 0;
		lab.features_shown = false;
		lab.acked = 0;
	}
	lab.status_shown = -1;
	if (unlikely(lab.leave_in) && !--lab.leave_in)
		lab_surprise();
	/* A device that ignores its reset keeps its queues too. */
	if (!status && lab.hold_reset)
		return false;
	if (likely(!(status & lab.refuse)))
		return true;
	watch_store(CELL_STATUS, 0, &lb->regs->status, 1, status & ~lab.refuse);
	lab.refuse = 0;
	return false;
}

static int on_notify(struct loopback *lb, unsigned int index)
{
	const struct model *model;

	(void)lb;
	trace(TRACE_NOTIFY, index, 0, 0);
	lab.notified++;
	lab.queue_notified[index]++;
	oracle_check(lab.status & VIRTIO_CONFIG_S_DRIVER_OK, ORACLE_NOTIFY,
		     "queue %llu was notified before DRIVER_OK", index, 0);
	for (model = lab.model; model < lab.model + lab.models; model++)
		oracle_check(!model->vq || model->vq->index != index ||
				     !model->broken,
			     ORACLE_NOTIFY,
			     "queue %llu is broken, and notified", index, 0);
	if (!lab.notify_fails)
		return 0;
	lab.notify_fails--;
	lab.notify_failed = true;
	return -EIO;
}

/*
 * The parts of a ring are aligned, apart from each other, and in memory that is
 * the ring's (VIRTIO 1.2, 2.7). Written out: the core's own helpers are on
 * trial too, whose 16 bits would be too few for the largest ring.
 */
static bool layout_valid(const struct virtio_vq_setup *setup)
{
	u64 desc = 16ULL * setup->num, avail = 6 + 2ULL * setup->num,
	    used = 6 + 8ULL * setup->num;

	return !(setup->desc % 16) && !(setup->avail % 2) &&
	       !(setup->used % 4) && setup->avail >= setup->desc + desc &&
	       setup->used >= setup->avail + avail &&
	       arena_is_allocated(setup->desc,
				  setup->used + used - setup->desc);
}

static int on_setup_vq(struct loopback *lb, const struct virtio_vq_setup *setup)
{
	(void)lb;
	oracle_check(lab.features_shown, ORACLE_STATUS,
		     "queue %llu was set up though the device did not keep "
		     "FEATURES_OK",
		     setup->index, 0);
	oracle_check(layout_valid(setup), ORACLE_RESULT,
		     "the parts of queue %llu, of %llu descriptors, do not lie "
		     "one behind the other in its memory",
		     setup->index, setup->num);
	/* The device may look as soon as it is told where a queue is. */
	oracle_check(model_ring_is_empty(setup), ORACLE_FRESH,
		     "queue %llu was given to the device with old indices",
		     setup->index, 0);
	/* From here on the device may fail: it is to be looked at again. */
	lab.status_shown = -1;
	if (lab.setup_fails) {
		lab.setup_fails--;
		lab.setup_failed = true;
		return -EIO;
	}
	config_model_mark_queue(setup->index, true);
	return 0;
}

static void on_reset_vq(struct loopback *lb, unsigned int index)
{
	(void)lb;
	oracle_check(lab.acked >> VIRTIO_F_RING_RESET & 1, ORACLE_FEATURES,
		     "queue %llu was reset, which was not agreed", index, 0);
}

static const struct loopback_ops lab_ops = {
	.status = on_status,
	.notify = on_notify,
	.setup_vq = on_setup_vq,
	.reset_vq = on_reset_vq,
};

u64 lab_base_features(void)
{
	u16 flags = lab.setup.b;
	u64 features = FEATURE(VIRTIO_F_VERSION_1) | lab.setup.c;

	if (flags & SETUP_INDIRECT)
		features |= FEATURE(VIRTIO_RING_F_INDIRECT_DESC);
	if (flags & SETUP_EVENT_IDX)
		features |= FEATURE(VIRTIO_RING_F_EVENT_IDX);
	if (flags & SETUP_RESET)
		features |= FEATURE(VIRTIO_F_RING_RESET);
	if (lab.device == LAB_BLOCK && !lab.setup.c)
		features |= FEATURE(VIRTIO_BLK_F_SEG_MAX) |
			    FEATURE(VIRTIO_BLK_F_BLK_SIZE) |
			    FEATURE(VIRTIO_BLK_F_FLUSH) |
			    FEATURE(VIRTIO_BLK_F_MQ) |
			    FEATURE(VIRTIO_BLK_F_DISCARD) |
			    FEATURE(VIRTIO_BLK_F_WRITE_ZEROES);
	return features;
}

/*
 * VIRTIO 1.2, 5.2.4: capacity, size_max, seg_max, blk_size, the topology,
 * num_queues, and what discard and write zeroes may span.
 */
static void fill_block_config(u8 *config, unsigned int queues)
{
	put_unaligned_le64(DISK_SECTORS, config);
	put_unaligned_le32(65536, config + 8);
	put_unaligned_le32(8, config + 12);
	put_unaligned_le32(512, config + 20);
	put_unaligned_le16(1, config + 26);
	put_unaligned_le32(8, config + 28);
	put_unaligned_le16((u16)queues, config + 34);
	put_unaligned_le32(16, config + 36);
	put_unaligned_le32(1, config + 40);
	put_unaligned_le32(1, config + 44);
	put_unaligned_le32(16, config + 48);
	put_unaligned_le32(1, config + 52);
	config[56] = 1;
}

/* What honest_fields() looks for: a MAC, and 0x1234. */
static const u8 plain_config[8] = { 2, 0, 0, 0x12, 0x34, 0x56, 0x34, 0x12 };

static unsigned int device_config(u8 *config, unsigned int queues)
{
	switch (lab.device) {
	case LAB_BLOCK:
		bytes_fill(config, 0, 60);
		fill_block_config(config, queues);
		return 60;
	case LAB_PLAIN:
		bytes_copy(config, plain_config, sizeof(plain_config));
		return sizeof(plain_config);
	default:
		return 0;
	}
}

static void dirty(const void *registers, size_t len)
{
	arena_dirty(arena_dma_offset(registers), len);
}

/* The registers of a VIRTIO 1.x device. */
static void present_registers(struct loopback_regs *regs, unsigned int queues,
			      u16 num)
{
	unsigned int i, len;

	put_unaligned_le64(lab_base_features(), regs->features);
	regs->num_queues = cpu_to_le16((u16)queues);
	for (i = 0; i < queues; i++)
		regs->queue_size[i] = cpu_to_le16(num);
	len = device_config(regs->config, queues);
	regs->config_len = cpu_to_le16((u16)len);
	dirty(regs->queue_size, queues * sizeof(regs->queue_size[0]));
	if (len)
		dirty(regs->config, len);
}

static unsigned int put_field(u8 *at, u8 type, const void *bytes, u8 len)
{
	at[0] = type;
	at[1] = len;
	bytes_copy(at + 2, bytes, len);
	return 2u + len;
}

/* The fields of the 2007 interface. */
static void present_fields(struct loopback_regs *regs, unsigned int queues,
			   u16 num)
{
	u8 bytes[64] = { 0 }, *at = regs->field;
	unsigned int i, len;

	put_unaligned_le64(lab_base_features(), bytes);
	at += put_field(at, VIRTIO_CONFIG_F_VIRTIO, bytes, 16);
	for (i = 0; i < queues; i++) {
		put_unaligned_le16((u16)i, bytes);
		put_unaligned_le16(num, bytes + 2);
		at += put_field(at, VIRTIO_CONFIG_F_VIRTQUEUE, bytes, 4);
	}
	len = device_config(bytes, queues);
	if (len)
		at += put_field(at, VIRTIO_CONFIG_F_DEVICE, bytes, (u8)len);
	if (lab.device == LAB_PLAIN) {
		at += put_field(at, 0x41, plain_config, 6);
		at += put_field(at, 0x42, plain_config + 6, 2);
	}
	regs->field_len = cpu_to_le16((u16)(at - regs->field));
	dirty(regs->field, (size_t)(at - regs->field));
}

/* The whole configuration as an honest device has it. */
static void present_config(void)
{
	unsigned int queues = (lab.setup.a >> 4 & 3) + 1u;
	u16 num = (u16)(1u << (lab.setup.a & 15));

	dirty(lab.regs, offsetof(struct loopback_regs, queue_size));
	if (lab.setup.b & SETUP_REGISTERS)
		present_registers(lab.regs, queues, num);
	else
		present_fields(lab.regs, queues, num);
}

static void forget_tricks(void)
{
	lab.churn = 0;
	lab.hold_reset = 0;
	lab.refuse = 0;
	lab.leave_in = 0;
	lab.notify_fails = 0;
	lab.notify_failed = false;
	lab.setup_fails = 0;
}

/* The device that is there, honest from now on; its driver is unbound. */
void lab_represent(const struct step *setup)
{
	lab.setup = *setup;
	bytes_fill(lab.ring, 0, sizeof(lab.ring));
	forget_tricks();
	lab.automatic = true;
	present_config();
}

/* A fresh device: nothing is left of the one before. */
void lab_present(const struct step *setup)
{
	enum loopback_kind kind;

	lab_unbind();
	lab_remove();
	lab.setup = *setup;
	lab.device = (enum lab_device)(setup->b >> 6 & 3);
	if (lab.device == LAB_DEFAULT)
		lab.device = lab.target->device;
	lab.status = 0;

	kind = setup->b & SETUP_REGISTERS ? LOOPBACK_REGISTERS
					  : LOOPBACK_FIELDS;
	lab.id.device = lab.device == LAB_ENTROPY ? VIRTIO_ID_ENTROPY
			: lab.device == LAB_BLOCK ? VIRTIO_ID_BLOCK
						  : LAB_DEVICE_ID;
	lab.id.vendor = LAB_VENDOR_ID;
	lab.disguised = false;
	loopback_init(&lab.lb, kind, lab.regs, lab.id.device, lab.id.vendor);
	lab.lb.ops = &lab_ops;
	lab.driver = lab.device == LAB_ENTROPY ? &virtio_entropy_driver
		     : lab.device == LAB_BLOCK ? &virtio_blk_driver
					       : &lab.plain;
	lab.regs->status = 0;
	lab.regs->gone = 0;
	lab_represent(setup);
}

/* From when it is added next: a device on the bus keeps its ids. */
void lab_disguise(u32 device, u32 vendor)
{
	lab.id.device = device;
	lab.id.vendor = vendor;
	lab.disguised = true;
}

static void before_binding(void)
{
	config_model_reset();
	lab.probe_result = 0;
	lab.changes_wanted = 0;
}

static void after_binding(void)
{
	config_model_bound();
	model_bound();
	block_model_bound();
	entropy_model_bound();
	model_sync();
}

void lab_add(void)
{
	int err;

	if (lab.added)
		return;
	if (lab.regs->gone) {
		lab.regs->gone = 0;
		lab.regs->status = 0;
	}
	lab.lb.vdev.id = lab.id;
	before_binding();
	lab.adding = true;
	watch_begin(CALL_REGISTER_DEVICE);
	err = register_virtio_device(&lab.lb.vdev);
	watch_end((u64)(s64)err);
	lab.adding = false;
	lab.added = !err;
	oracle_check(err || lab.regs->gone ||
			     lab.status & VIRTIO_CONFIG_S_ACKNOWLEDGE,
		     ORACLE_STATUS, "a device was added with status %llu",
		     lab.status, 0);
	/* An index is given back with its device: there is no other. */
	oracle_check(err || !lab.lb.vdev.index, ORACLE_RESULT,
		     "the only device has index %llu", (u64)lab.lb.vdev.index,
		     0);
	after_binding();
}

void lab_remove(void)
{
	if (!lab.added)
		return;
	block_model_unbind();
	entropy_model_unbind();
	watch_begin(CALL_UNREGISTER_DEVICE);
	unregister_virtio_device(&lab.lb.vdev);
	watch_end(0);
	lab.added = false;
	oracle_check(!lab.status || lab.regs->gone, ORACLE_STATUS,
		     "a device was removed at status %llu", lab.status, 0);
	/* Its tokens end with it: the next device counts anew. */
	bytes_fill(lab.find_token, 0, sizeof(lab.find_token));
	model_sync();
}

void lab_bind(void)
{
	int err;

	if (lab.bound)
		return;
	before_binding();
	watch_begin(CALL_REGISTER_DRIVER);
	err = register_virtio_driver(lab.driver);
	watch_end((u64)(s64)err);
	lab.bound = !err;
	after_binding();
}

void lab_unbind(void)
{
	if (!lab.bound)
		return;
	block_model_unbind();
	entropy_model_unbind();
	watch_begin(CALL_UNREGISTER_DRIVER);
	unregister_virtio_driver(lab.driver);
	watch_end(0);
	lab.bound = false;
	model_sync();
}

/* A program that does not say when the driver comes gets it when needed. */
void lab_need_driver(void)
{
	if (!lab.automatic)
		return;
	lab.automatic = false;
	lab_add();
	lab_bind();
}
