// SPDX-License-Identifier: GPL-2.0-or-later
/* Doubles that the block or the entropy driver is deceived by, or replaced. */
#include <vlab/virtio_blk.h>

#include "doubles.h"

/* A driver of the same name, with a probe of its own. */
static void replace_probe(int (*probe)(struct virtio_device *vdev))
{
	static struct virtio_driver driver;

	driver = virtio_blk_driver;
	memset(&driver.driver, 0, sizeof(driver.driver));
	driver.driver.name = virtio_blk_driver.driver.name;
	if (probe) {
		driver.probe = probe;
		driver.remove = NULL;
	}
	lab.driver = &driver;
}

static int refuse(struct virtio_device *vdev)
{
	(void)vdev;
	return -EINVAL;
}

static int accept(struct virtio_device *vdev)
{
	(void)vdev;
	return 0;
}

static void install_refuses_disks(void)
{
	replace_probe(refuse);
}

static void install_accepts_disks(void)
{
	replace_probe(accept);
}

static void install_accepts_later(void)
{
	lab_unbind();
	replace_probe(accept);
}

static void install_other_driver(void)
{
	replace_probe(NULL);
}

/* What is wrong with the request that is added. */
static void (*spoil)(u8 *lead, u8 *tail, struct scatterlist *sg);

static int add_spoilt(struct virtqueue *vq, const struct virtqueue_frame *frame,
		      struct scatterlist sg[], unsigned int num, bool write,
		      void *data)
{
	spoil(arena_at(frame->lead, frame->lead_len),
	      arena_at(frame->tail, frame->tail_len), sg);
	return vring_split_ops.add_framed(vq, frame, sg, num, write, data);
}

static void install_spoilt(void (*how)(u8 *lead, u8 *tail,
				       struct scatterlist *sg))
{
	spoil = how;
	double_queue()->add_framed = add_spoilt;
}

static void spoil_header(u8 *lead, u8 *tail, struct scatterlist *sg)
{
	(void)tail;
	(void)sg;
	lead[4] = 1;
}

static void install_spoils_header(void)
{
	install_spoilt(spoil_header);
}

static void spoil_segment(u8 *lead, u8 *tail, struct scatterlist *sg)
{
	(void)tail;
	(void)sg;
	lead[16 + 12] = 1;
}

static void install_spoils_segment(void)
{
	install_spoilt(spoil_segment);
}

static void clear_status(u8 *lead, u8 *tail, struct scatterlist *sg)
{
	(void)lead;
	(void)sg;
	tail[0] = VIRTIO_BLK_S_OK;
}

static void install_clears_status(void)
{
	install_spoilt(clear_status);
}

static void move_data(u8 *lead, u8 *tail, struct scatterlist *sg)
{
	(void)lead;
	(void)tail;
	sg->addr = (u8 *)sg->addr + 512;
}

static void install_moves_data(void)
{
	install_spoilt(move_data);
}

/* Puts a request where another one is, or where none may be. */
static s64 displacement;

static int add_displaced(struct virtqueue *vq,
			 const struct virtqueue_frame *frame,
			 struct scatterlist sg[], unsigned int num, bool write,
			 void *data)
{
	struct virtqueue_frame other = *frame;

	other.lead += (u64)displacement;
	other.tail += (u64)displacement;
	return vring_split_ops.add_framed(vq, &other, sg, num, write, data);
}

static void install_displaces_requests(void)
{
	displacement = 16;
	double_queue()->add_framed = add_displaced;
}

static dma_addr_t first_lead;

static int add_at_first(struct virtqueue *vq,
			const struct virtqueue_frame *frame,
			struct scatterlist sg[], unsigned int num, bool write,
			void *data)
{
	struct virtqueue_frame other = *frame;

	if (!first_lead)
		first_lead = frame->lead;
	other.tail = first_lead + (frame->tail - frame->lead);
	other.lead = first_lead;
	return vring_split_ops.add_framed(vq, &other, sg, num, write, data);
}

static void install_shares_requests(void)
{
	first_lead = 0;
	double_queue()->add_framed = add_at_first;
}

static void *get_says_nothing_written(struct virtqueue *vq, unsigned int *len)
{
	void *token = vring_split_ops.get_buf(vq, len);

	*len = 0;
	return token;
}

static void install_get_says_nothing_written(void)
{
	double_queue()->get_buf = get_says_nothing_written;
}

static int other_generation(struct virtio_device *vdev, u32 *generation)
{
	static unsigned int count;
	int err = real_transport->generation(vdev, generation);

	*generation = count++;
	return err;
}

static void install_other_generations(void)
{
	double_transport()->generation = other_generation;
}

/* The driver's buffer of random bytes, as it was posted last. */
static u8 *random_bytes;

static int add_notes(struct virtqueue *vq, struct scatterlist sg[],
		     unsigned int out_num, unsigned int in_num, void *data)
{
	random_bytes = sg[0].addr;
	return vring_split_ops.add_buf(vq, sg, out_num, in_num, data);
}

static void *get_spoils(struct virtqueue *vq, unsigned int *len)
{
	void *token = vring_split_ops.get_buf(vq, len);

	if (token)
		random_bytes[5] ^= 1;
	return token;
}

static void install_get_spoils(void)
{
	struct virtqueue_ops *ops = double_queue();

	ops->add_buf = add_notes;
	ops->get_buf = get_spoils;
}

static void kick_puts_back(struct virtqueue *vq)
{
	vring_split_ops.kick(vq);
	random_bytes[5] = 1;
}

static void install_kick_puts_back(void)
{
	struct virtqueue_ops *ops = double_queue();

	ops->add_buf = add_notes;
	ops->kick = kick_puts_back;
}

static int add_returns;

static int add_does_nothing(struct virtqueue *vq, struct scatterlist sg[],
			    unsigned int out_num, unsigned int in_num,
			    void *data)
{
	(void)vq;
	(void)sg;
	(void)out_num;
	(void)in_num;
	(void)data;
	return add_returns;
}

static void install_add_does_nothing(void)
{
	add_returns = 0;
	double_queue()->add_buf = add_does_nothing;
}

static void install_add_fails(void)
{
	add_returns = -EIO;
	double_queue()->add_buf = add_does_nothing;
}

/* Private state that says: nobody wants to hear of it. */
static void install_callback_off(void)
{
	to_vring(&lab.lb.vdev.core->vqs->vq)->state.callback_off = true;
}

static void kick_tells_nobody(struct virtqueue *vq)
{
	vring_split_ops.kick(vq);
	to_vring(vq)->state.callback_off = true;
}

static void install_kick_tells_nobody(void)
{
	double_queue()->kick = kick_tells_nobody;
}

static void *get_disarms(struct virtqueue *vq, unsigned int *len)
{
	void *token = vring_split_ops.get_buf(vq, len);

	if (!token)
		shared_write16(&to_vring(vq)->avail->ring[vq->num], 77);
	return token;
}

static void install_get_disarms(void)
{
	double_queue()->get_buf = get_disarms;
}

static void work_nothing(void)
{
}

static void work_interrupt(void)
{
	const struct step interrupt = { .op = OP_DEVICE_INTERRUPT };

	if (lab.device == LAB_BLOCK) {
		const struct step flush = { .op = OP_BLOCK_FLUSH };
		const struct step kick = { .op = OP_BLOCK_KICK };

		lab_step_session(&flush);
		lab_step_session(&kick);
	} else {
		entropy_model_read(8);
	}
	honest_serve(0, 1, 0, 0);
	lab_step_device(&interrupt);
}

static void step(enum op op)
{
	const struct step step = { .op = (u8)op, .b = 1 };

	lab_step_session(&step);
}

static void work_read(void)
{
	const struct step read = { .op = OP_BLOCK_READ };

	lab_step_session(&read);
}

static void work_whole_read(void)
{
	work_read();
	step(OP_BLOCK_KICK);
	honest_serve(0, 1, 0, 0);
	step(OP_BLOCK_POLL);
}

static void work_flush(void)
{
	step(OP_BLOCK_FLUSH);
	step(OP_BLOCK_KICK);
	honest_serve(0, 1, 0, 0);
	step(OP_BLOCK_POLL);
}

static void work_two_flushes(void)
{
	step(OP_BLOCK_FLUSH);
	step(OP_BLOCK_FLUSH);
}

static void work_discard(void)
{
	step(OP_BLOCK_DISCARD);
}

static void work_reclaim(void)
{
	const struct step reset = { .op = OP_DRIVER_STATUS, .a = 0 };

	step(OP_BLOCK_FLUSH);
	lab_step_driver(&reset);
	step(OP_BLOCK_RECLAIM);
}

static void work_revalidate(void)
{
	step(OP_BLOCK_REVALIDATE);
}

/* Block sizes of 513 bytes. */
static void work_bind_nonsense(void)
{
	const struct step size = {
		.op = OP_CONFIG_DEVICE, .a = 3, .b = 20, .c = 513
	};

	lab_unbind();
	lab_step_config(&size);
	lab_bind();
}

static void work_random(void)
{
	entropy_model_read(64);
	honest_serve(0, 1, 0, 0);
	entropy_model_read(64);
}

#define BLOCK(oracle_, name_, says_, where_, double_, work_)           \
	{                                                              \
		.name = (name_), .oracle = (oracle_), .says = (says_), \
		.device = LAB_BLOCK, .where_ = install_##double_,      \
		.work = (work_),                                       \
	}
#define RANDOM(oracle_, name_, says_, double_)                             \
	{                                                                  \
		.name = (name_), .oracle = (oracle_), .says = (says_),     \
		.device = LAB_ENTROPY, .install_bound = install_##double_, \
		.work = work_random,                                       \
	}

const struct double_case driver_doubles[] = {
	BLOCK(ORACLE_RESULT, "a disk that makes sense is refused",
	      "a disk of %llu sectors, block size %llu, was refused", install,
	      refuses_disks, work_nothing),
	BLOCK(ORACLE_RESULT, "a disk without sense is taken",
	      "a disk of %llu sectors, block size %llu, was taken",
	      install_bound, accepts_later, work_bind_nonsense),
	BLOCK(ORACLE_RESULT, "the disk's queues are not looked for",
	      "the driver does not use", install, accepts_disks, work_nothing),
	BLOCK(ORACLE_RESULT, "the limits are not told",
	      "virtio_blk_limits returned", install, other_driver,
	      work_nothing),
	BLOCK(ORACLE_RESULT, "a whole copy is taken for a torn one",
	      "virtio_blk_revalidate returned", install_bound,
	      other_generations, work_revalidate),
	BLOCK(ORACLE_RESULT, "a request fails that was done",
	      "a request ended with", install_bound, get_says_nothing_written,
	      work_whole_read),
	BLOCK(ORACLE_TOKEN, "a request is not given back",
	      "%llu requests are out", install_bound, detach_keeps,
	      work_reclaim),
	BLOCK(ORACLE_CHAIN, "a request has another header",
	      "the header of a request", install_bound, spoils_header,
	      work_flush),
	BLOCK(ORACLE_CHAIN, "a discard has another segment", "the segment of",
	      install_bound, spoils_segment, work_discard),
	BLOCK(ORACLE_CHAIN, "a request is posted as done",
	      "a request was posted with", install_bound, clears_status,
	      work_flush),
	BLOCK(ORACLE_CHAIN, "a request lies across others",
	      "a request was posted at", install_bound, displaces_requests,
	      work_flush),
	BLOCK(ORACLE_CHAIN, "two requests are one", "a request was posted at",
	      install_bound, shares_requests, work_two_flushes),
	BLOCK(ORACLE_CHAIN, "a request has other data", "the avail entry",
	      install_bound, moves_data, work_read),
	BLOCK(ORACLE_CALLBACK, "nobody hears of a finished request",
	      "an interrupt of queue", install_bound, callback_off,
	      work_interrupt),
	{
		.name = "nobody hears of random bytes",
		.oracle = ORACLE_CALLBACK,
		.says = "an interrupt with random bytes",
		.device = LAB_ENTROPY,
		.install_bound = install_kick_tells_nobody,
		.work = work_interrupt,
	},
	{
		.name = "random bytes are waited for at another event",
		.oracle = ORACLE_WAKEUP,
		.says = "random bytes are waited for",
		.device = LAB_ENTROPY,
		.flags = WITH_EVENT_IDX,
		.install_bound = install_get_disarms,
		.work = work_random,
	},
	RANDOM(ORACLE_LENGTH, "random bytes that came are not given",
	       "virtio_entropy_read gave %llu bytes, %llu",
	       get_says_nothing_written),
	RANDOM(ORACLE_DATA, "random bytes are changed", "random byte %llu is",
	       get_spoils),
	RANDOM(ORACLE_DATA, "random bytes stay in the buffer",
	       "random byte %llu was", kick_puts_back),
	RANDOM(ORACLE_RESULT, "random bytes are not looked for",
	       "random bytes were not looked for", get_is_blind),
	RANDOM(ORACLE_RESULT, "random bytes are not asked for",
	       "random bytes were asked for", add_does_nothing),
	RANDOM(ORACLE_RESULT, "a device is given up for nothing",
	       "virtio_entropy_read returned", add_fails),
	{ .name = NULL },
};
