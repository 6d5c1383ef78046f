// SPDX-License-Identifier: GPL-2.0-or-later
/* Doubles that are careless with memory, and queues that are not fresh. */
#include "doubles.h"
#include "sanitizer.h"

static void del_without_stopping(struct virtqueue *vq)
{
	to_vring(vq)->quiesced = true;
	virtio_config_fields_ops.del_vq(vq);
}

static void install_del_without_stopping(void)
{
	double_config()->del_vq = del_without_stopping;
}

static void shutdown_pretends(struct virtqueue *vq)
{
	(void)vq;
}

static void install_shutdown_pretends(void)
{
	double_queue()->shutdown = shutdown_pretends;
}

static void *detach_does_not_wait(struct virtqueue *vq)
{
	to_vring(vq)->quiesced = true;
	return vring_split_ops.detach_buf(vq);
}

static void install_detach_does_not_wait(void)
{
	double_queue()->detach_buf = detach_does_not_wait;
}

/* The first descriptor's mapping, which work_used() made. */
static struct vring_piece first_piece;

static void unmap_first(struct virtqueue *vq, u32 written)
{
	port_unmap(&vq->vdev->dev, first_piece.addr, first_piece.len,
		   first_piece.flags & VRING_DESC_F_WRITE, written);
}

static void *get_unmaps_again(struct virtqueue *vq, unsigned int *len)
{
	void *token;

	first_piece = to_vring(vq)->piece[0];
	token = vring_split_ops.get_buf(vq, len);
	unmap_first(vq, 0);
	return token;
}

static void install_get_unmaps_again(void)
{
	double_queue()->get_buf = get_unmaps_again;
}

static void *get_copies_too_much(struct virtqueue *vq, unsigned int *len)
{
	first_piece = to_vring(vq)->piece[0];
	unmap_first(vq, first_piece.len + 1);
	return vring_split_ops.get_buf(vq, len);
}

static void install_get_copies_too_much(void)
{
	double_queue()->get_buf = get_copies_too_much;
}

static int add_maps_once_more(struct virtqueue *vq, struct scatterlist sg[],
			      unsigned int out_num, unsigned int in_num,
			      void *data)
{
	int err = vring_split_ops.add_buf(vq, sg, out_num, in_num, data);

	port_map_sg(&vq->vdev->dev, &sg[0], true);
	return err;
}

static void install_add_maps_once_more(void)
{
	double_queue()->add_buf = add_maps_once_more;
}

/* A piece of its own that it copies back beside those of the buffer. */
static void *copy_more(struct virtqueue *vq, void *token)
{
	struct scatterlist sg;
	dma_addr_t addr;

	if (!token)
		return NULL;
	sg_set_buf(&sg, arena_payload, 8);
	addr = port_map_sg(&vq->vdev->dev, &sg, true);
	if (!port_map_failed(&vq->vdev->dev, addr))
		port_unmap(&vq->vdev->dev, addr, 8, true, 8);
	return token;
}

static void *get_copies_more(struct virtqueue *vq, unsigned int *len)
{
	return copy_more(vq, vring_split_ops.get_buf(vq, len));
}

static void install_get_copies_more(void)
{
	double_queue()->get_buf = get_copies_more;
}

static void *detach_copies(struct virtqueue *vq)
{
	return copy_more(vq, vring_split_ops.detach_buf(vq));
}

static void install_detach_copies(void)
{
	double_queue()->detach_buf = detach_copies;
}

static int add_leaks(struct virtqueue *vq, struct scatterlist sg[],
		     unsigned int out_num, unsigned int in_num, void *data)
{
	(void)kmalloc(24, GFP_KERNEL);
	return vring_split_ops.add_buf(vq, sg, out_num, in_num, data);
}

static void install_add_leaks(void)
{
	double_queue()->add_buf = add_leaks;
}

static int add_frees_twice(struct virtqueue *vq, struct scatterlist sg[],
			   unsigned int out_num, unsigned int in_num,
			   void *data)
{
	void *p = kmalloc(24, GFP_KERNEL);

	kfree(p);
	kfree(p);
	return vring_split_ops.add_buf(vq, sg, out_num, in_num, data);
}

static void install_add_frees_twice(void)
{
	double_queue()->add_buf = add_frees_twice;
}

static int add_frees_mapped(struct virtqueue *vq, struct scatterlist sg[],
			    unsigned int out_num, unsigned int in_num,
			    void *data)
{
	void *p = kzalloc(sg[0].length, GFP_KERNEL);
	int err;

	sg[0].addr = p;
	err = vring_split_ops.add_buf(vq, sg, out_num, in_num, data);
	kfree(p);
	return err;
}

static void install_add_frees_mapped(void)
{
	double_queue()->add_buf = add_frees_mapped;
}

static int add_allocates_nothing(struct virtqueue *vq, struct scatterlist sg[],
				 unsigned int out_num, unsigned int in_num,
				 void *data)
{
	kfree(kmalloc(sg[0].length - sg[0].length, GFP_KERNEL));
	return vring_split_ops.add_buf(vq, sg, out_num, in_num, data);
}

static void install_add_allocates_nothing(void)
{
	double_queue()->add_buf = add_allocates_nothing;
}

static void change_leaks_dma(struct vring *vring)
{
	dma_addr_t addr;

	(void)dma_alloc_coherent(vring->dma_dev, 64, &addr, GFP_KERNEL);
}

static void install_leaks_dma(void)
{
	double_found(change_leaks_dma);
}

static void change_frees_part(struct vring *vring)
{
	struct device *dev = vring->dma_dev;
	dma_addr_t addr;
	void *p = dma_alloc_coherent(dev, 64, &addr, GFP_KERNEL);

	dma_free_coherent(dev, 32, p, addr);
}

static void install_frees_part(void)
{
	double_found(change_frees_part);
}

/* A bounce buffer that nobody filled. */
static int add_shows_secrets(struct virtqueue *vq, struct scatterlist sg[],
			     unsigned int out_num, unsigned int in_num,
			     void *data)
{
	sg[0].addr = kmalloc(sg[0].length, GFP_KERNEL);
#ifdef VLAB_MSAN
	/* MSan would end the test: have the oracle alone see it. */
	memset(sg[0].addr, ARENA_POISON, sg[0].length);
#endif
	return vring_split_ops.add_buf(vq, sg, out_num, in_num, data);
}

static void install_add_shows_secrets(void)
{
	double_queue()->add_buf = add_shows_secrets;
}

/* Nor one that the device is to fill, and may read as well. */
static int add_shows_through(struct virtqueue *vq, struct scatterlist sg[],
			     unsigned int out_num, unsigned int in_num,
			     void *data)
{
	return add_shows_secrets(vq, sg + out_num, 0, in_num, data);
}

static void install_add_shows_through(void)
{
	double_queue()->add_buf = add_shows_through;
}

static int reset_keeps_index(struct virtqueue *vq)
{
	u16 last_used = to_vring(vq)->state.last_used;
	int err = vring_split_ops.reset(vq);

	to_vring(vq)->state.last_used = last_used;
	return err;
}

static void install_reset_keeps_index(void)
{
	double_queue()->reset = reset_keeps_index;
}

static int reset_stays_halted(struct virtqueue *vq)
{
	int err = vring_split_ops.reset(vq);

	to_vring(vq)->halted = VRING_HALT_SHUTDOWN;
	return err;
}

static void install_reset_stays_halted(void)
{
	double_queue()->reset = reset_stays_halted;
}

static int reset_keeps_ring(struct virtqueue *vq)
{
	int err = vring_split_ops.reset(vq);

	shared_write16(&to_vring(vq)->avail->idx, 1);
	return err;
}

static void install_reset_keeps_ring(void)
{
	double_queue()->reset = reset_keeps_ring;
}

/* As if it were cleared when the device has it already. */
static int reset_gives_used_ring(struct virtqueue *vq)
{
	const struct virtio_vq_setup setup = lab.lb.queue[vq->index].setup;

	vq->vdev->transport->setup_vq(vq->vdev, &setup);
	return vring_split_ops.reset(vq);
}

static void install_reset_gives_used_ring(void)
{
	double_queue()->reset = reset_gives_used_ring;
}

static int reset_keeps_event(struct virtqueue *vq)
{
	int err = vring_split_ops.reset(vq);

	shared_write16(&to_vring(vq)->avail->ring[vq->num], 7);
	return err;
}

static void install_reset_keeps_event(void)
{
	double_queue()->reset = reset_keeps_event;
}

static void change_state(struct vring *vring)
{
	vring->state.last_used = 1;
}

static void install_found_used(void)
{
	double_found(change_state);
}

/* A buffer is in flight when its queue ends, in one of three ways. */
static void work_delete(void)
{
	model_add(first_queue(), 0, 1, 0, 32);
	plain_drop_queue(first_queue(), false);
}

static void work_shutdown(void)
{
	model_add(first_queue(), 0, 1, 0, 32);
	model_shutdown(first_queue());
}

static void work_detach(void)
{
	model_add(first_queue(), 0, 1, 0, 32);
	model_detach(first_queue());
}

static void work_shutdown_and_detach(void)
{
	work_shutdown();
	model_detach(first_queue());
}

static void work_block_reclaim(void)
{
	const struct step read = { .op = OP_BLOCK_READ };
	const struct step reclaim = { .op = OP_BLOCK_RECLAIM };

	lab_step_session(&read);
	lab_step_session(&reclaim);
}

static void work_used_and_get(void)
{
	u32 len;

	work_used();
	model_get(first_queue(), &len);
}

static void work_reset(void)
{
	work_used_and_get();
	model_shutdown(first_queue());
	model_reset_queue(first_queue());
}

static void work_nothing(void)
{
}

#define DOUBLE(oracle_, name_, says_, where_, double_, work_)          \
	{                                                              \
		.name = (name_), .oracle = (oracle_), .says = (says_), \
		.flags = WITH_RESET, .where_ = install_##double_,      \
		.work = (work_),                                       \
	}

const struct double_case memory_doubles[] = {
	DOUBLE(ORACLE_IN_USE, "del_vq frees a ring that the device serves",
	       "the ring of queue", install, del_without_stopping, work_delete),
	DOUBLE(ORACLE_IN_USE, "shutdown does not stop the device",
	       "the device still serves", install_bound, shutdown_pretends,
	       work_shutdown),
	DOUBLE(ORACLE_IN_USE, "detach_buf does not wait for the reset",
	       "token %llu was given back", install_bound, detach_does_not_wait,
	       work_detach),
	{
		.name = "a block request is reclaimed too early",
		.oracle = ORACLE_IN_USE,
		.says = "a request was reclaimed",
		.device = LAB_BLOCK,
		.install_bound = install_detach_does_not_wait,
		.work = work_block_reclaim,
	},
	DOUBLE(ORACLE_IN_USE, "memory is freed that is mapped",
	       "memory was freed", install_bound, add_frees_mapped, work_one),
	DOUBLE(ORACLE_MAPPING, "get_buf unmaps twice", "unmapped address",
	       install_bound, get_unmaps_again, work_used_and_get),
	DOUBLE(ORACLE_MAPPING, "get_buf copies back more than was mapped",
	       "%llu bytes copied back", install_bound, get_copies_too_much,
	       work_used_and_get),
	DOUBLE(ORACLE_MAPPING, "get_buf copies back more than was written",
	       "%llu bytes were copied back", install_bound, get_copies_more,
	       work_used_and_get),
	DOUBLE(ORACLE_MAPPING, "detach_buf copies back",
	       "%llu bytes of a buffer", install_bound, detach_copies,
	       work_shutdown_and_detach),
	DOUBLE(ORACLE_MAPPING, "add_buf leaks a mapping",
	       "%llu mappings were leaked", install_bound, add_maps_once_more,
	       work_one),
	DOUBLE(ORACLE_MEMORY, "add_buf leaks memory",
	       "%llu allocations were leaked", install_bound, add_leaks,
	       work_one),
	DOUBLE(ORACLE_MEMORY, "add_buf frees twice", "kfree() of no allocation",
	       install_bound, add_frees_twice, work_one),
	DOUBLE(ORACLE_MEMORY, "add_buf allocates nothing",
	       "an allocation of no bytes", install_bound,
	       add_allocates_nothing, work_one),
	DOUBLE(ORACLE_MEMORY, "find_vq leaks DMA memory",
	       "%llu DMA allocations were leaked", install, leaks_dma,
	       work_nothing),
	DOUBLE(ORACLE_MEMORY, "find_vq frees a part of DMA memory",
	       "DMA memory was not freed", install, frees_part, work_nothing),
	DOUBLE(ORACLE_PRIVATE_BYTES, "add_buf exposes unwritten memory",
	       "byte %llu of %llu", install_bound, add_shows_secrets, work_one),
	DOUBLE(ORACLE_PRIVATE_BYTES, "add_buf has unwritten memory filled",
	       "byte %llu of %llu", install_bound, add_shows_through, work_one),
	DOUBLE(ORACLE_FRESH, "reset keeps a private index", "the private state",
	       install_bound, reset_keeps_index, work_reset),
	DOUBLE(ORACLE_FRESH, "reset leaves the queue halted",
	       "queue %llu does not run", install_bound, reset_stays_halted,
	       work_reset),
	DOUBLE(ORACLE_FRESH, "reset keeps an index in the ring",
	       "queue %llu starts at other", install_bound, reset_keeps_ring,
	       work_reset),
	DOUBLE(ORACLE_FRESH, "reset gives the device a ring that was used",
	       "queue %llu was given", install_bound, reset_gives_used_ring,
	       work_reset),
	DOUBLE(ORACLE_FRESH, "reset keeps an event in the ring",
	       "queue %llu starts with", install_bound, reset_keeps_event,
	       work_reset),
	DOUBLE(ORACLE_FRESH, "find_vq gives a queue that was used",
	       "the private state", install, found_used, work_nothing),
	{ .name = NULL },
};
