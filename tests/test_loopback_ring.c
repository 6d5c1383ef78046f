// SPDX-License-Identifier: GPL-2.0-or-later
/* The honest device's end of a ring, and the honest devices on it. */
#include "helper.h"

#include <stdlib.h>

#include <vlab/virtio_blk.h>

/* A ring of a driver that is written by hand. */
struct hand {
	unsigned int num;
	u8 *memory;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct loopback_queue queue;
	struct loopback_ring ring;
};

static struct hand hand;
static u8 data[64];

static dma_addr_t addr_of(const void *ptr)
{
	return (dma_addr_t)(uintptr_t)ptr;
}

static void hand_open(unsigned int num, u64 features)
{
	size_t size = (vring_total_size(num) + 15) & ~15UL;

	memset(&hand, 0, sizeof(hand));
	hand.num = num;
	hand.memory = aligned_alloc(16, size);
	assert_non_null(hand.memory);
	memset(hand.memory, 0, size);
	hand.desc = (void *)hand.memory;
	hand.avail = (void *)(hand.memory + vring_avail_offset(num));
	hand.used = (void *)(hand.memory + vring_used_offset(num));
	hand.queue.enabled = true;
	hand.queue.setup = (struct virtio_vq_setup){
		.num = num,
		.desc = addr_of(hand.desc),
		.avail = addr_of(hand.avail),
		.used = addr_of(hand.used),
	};
	loopback_ring_init(&hand.ring, &hand.queue, features);
}

static int hand_close(void **state)
{
	(void)state;
	free(hand.memory);
	hand.memory = NULL;
	return 0;
}

static struct vring_desc make_desc(const void *addr, u32 len, u16 flags,
				   u16 next)
{
	return (struct vring_desc){ cpu_to_le64(addr_of(addr)),
				    cpu_to_le32(len), cpu_to_le16(flags),
				    cpu_to_le16(next) };
}

static void hand_desc(unsigned int id, const void *addr, u32 len, u16 flags,
		      u16 next)
{
	hand.desc[id] = make_desc(addr, len, flags, next);
}

static u16 hand_post(u16 head)
{
	u16 idx = le16_to_cpu(hand.avail->idx);

	hand.avail->ring[idx % hand.num] = cpu_to_le16(head);
	hand.avail->idx = cpu_to_le16(++idx);
	return idx;
}

static int hand_pop(struct loopback_chain *chain)
{
	return loopback_ring_pop(&hand.ring, chain);
}

static void test_pop_and_push(void **state)
{
	struct loopback_chain chain;
	u8 copy[40];

	(void)state;
	hand_open(4, 0);
	assert_int_equal(hand_pop(&chain), 0);
	memcpy(data, "0123456789abcdef", 17);
	hand_desc(2, data, 4, VRING_DESC_F_NEXT, 0);
	hand_desc(0, data + 10, 3, VRING_DESC_F_NEXT, 3);
	hand_desc(3, data + 20, 5, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	hand_desc(1, data + 30, 6, VRING_DESC_F_WRITE, 0);
	hand_post(2);
	assert_int_equal(hand_pop(&chain), 1);
	assert_int_equal(chain.head, 2);
	assert_int_equal(chain.out, 2);
	assert_int_equal(chain.in, 2);
	assert_int_equal(chain.out_len, 7);
	assert_int_equal(chain.in_len, 11);
	assert_int_equal(loopback_chain_read(&chain, 0, copy, 40), 7);
	assert_memory_equal(copy, "0123abc", 7);
	assert_int_equal(loopback_chain_read(&chain, 3, copy, 2), 2);
	assert_memory_equal(copy, "3a", 2);
	assert_int_equal(loopback_chain_read(&chain, 7, copy, 2), 0);
	assert_int_equal(loopback_chain_read(&chain, ~0ULL, copy, 2), 0);
	assert_int_equal(loopback_chain_write(&chain, 4, "wxyz", 4), 4);
	assert_memory_equal(data + 24, "w", 2);
	assert_memory_equal(data + 30, "xyz", 4);
	assert_int_equal(loopback_chain_write(&chain, 9, "pqrs", 4), 2);
	assert_memory_equal(data + 34, "pq", 3);
	loopback_ring_push(&hand.ring, 2, 11);
	assert_int_equal(le16_to_cpu(hand.used->idx), 1);
	assert_int_equal(le32_to_cpu(hand.used->ring[0].id), 2);
	assert_int_equal(le32_to_cpu(hand.used->ring[0].len), 11);
	assert_int_equal(hand_pop(&chain), 0);
}

/* DP1, VS14: a chain may be as long as the ring, and no longer. */
static void test_chain_of_the_whole_ring(void **state)
{
	static u8 memory[VRING_NUM_MAX], copy[VRING_NUM_MAX];
	struct loopback_chain chain;
	unsigned int num, i;

	(void)state;
	for (num = 1; num <= VRING_NUM_MAX; num *= 2) {
		hand_open(num, 0);
		for (i = 0; i < num; i++) {
			memory[i] = (u8)(i * 7);
			hand_desc(i, &memory[i], 1, VRING_DESC_F_NEXT,
				  (u16)(i + 1));
		}
		hand.desc[num - 1].flags = 0;
		hand_post(0);
		assert_int_equal(hand_pop(&chain), 1);
		assert_int_equal(chain.out, num);
		assert_int_equal(loopback_chain_read(&chain, 0, copy, num),
				 num);
		assert_memory_equal(copy, memory, num);
		hand_close(NULL);
	}
}

static void refuse(u16 head)
{
	struct loopback_chain chain;

	hand_post(head);
	assert_int_equal(hand_pop(&chain), -EINVAL);
	/* Nothing was consumed: it does not become valid by asking again. */
	assert_int_equal(hand_pop(&chain), -EINVAL);
	hand.avail->idx = 0;
}

/* VS1, VS3, VS21: heads, loops, order. */
static void test_insane_chains(void **state)
{
	(void)state;
	hand_open(4, 0);
	refuse(4);
	refuse(0xffff);
	hand_desc(0, data, 1, VRING_DESC_F_NEXT, 0);
	refuse(0);
	hand_desc(0, data, 1, VRING_DESC_F_NEXT, 4);
	refuse(0);
	hand_desc(0, data, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	hand_desc(1, data, 1, 0, 0);
	refuse(0);
	/* A table that would do, had the feature been agreed. */
	hand_desc(1, data, 1, 0, 0);
	hand_desc(0, &hand.desc[1], 16, VRING_DESC_F_INDIRECT, 0);
	refuse(0);
}

/* VS9: available and in flight together, around 65536 too. */
static void test_more_than_the_ring(void **state)
{
	static const u16 starts[] = { 0, 0xfffe, 0xffff };
	struct loopback_chain chain;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		hand_open(4, 0);
		hand_desc(0, data, 1, 0, 0);
		hand.ring.used = starts[i];
		hand.ring.last_avail = (u16)(starts[i] + 2);
		hand.avail->idx = cpu_to_le16((u16)(starts[i] + 5));
		assert_int_equal(hand_pop(&chain), -EINVAL);
		hand.avail->idx = cpu_to_le16((u16)(starts[i] + 4));
		assert_int_equal(hand_pop(&chain), 1);
		hand_close(NULL);
	}
}

/* VS17, VS19, VH6, VH9: indirect tables. */
static void test_indirect(void **state)
{
	struct vring_desc table[6];
	struct loopback_chain chain;
	unsigned int i;

	(void)state;
	hand_open(4, 1ULL << VIRTIO_RING_F_INDIRECT_DESC);
	for (i = 0; i < 6; i++)
		table[i] =
			make_desc(&data[i], 1, VRING_DESC_F_NEXT, (u16)(i + 1));
	table[5] = make_desc(&data[40], 8, VRING_DESC_F_WRITE, 0);
	hand_desc(1, table, sizeof(table), VRING_DESC_F_INDIRECT, 0);
	hand_post(1);
	assert_int_equal(hand_pop(&chain), 1);
	assert_int_equal(chain.head, 1);
	assert_int_equal(chain.out, 5);
	assert_int_equal(chain.in_len, 8);
	loopback_ring_push(&hand.ring, 1, 8);
	/* After direct ones, as the last of the chain. */
	hand_desc(0, data, 9, VRING_DESC_F_NEXT, 1);
	hand_post(0);
	assert_int_equal(hand_pop(&chain), 1);
	assert_int_equal(chain.out, 6);
	assert_int_equal(chain.out_len, 14);
	hand_close(NULL);

	hand_open(4, 1ULL << VIRTIO_RING_F_INDIRECT_DESC);
	hand_desc(0, table, 0, VRING_DESC_F_INDIRECT, 0);
	refuse(0);
	/* Each would be good with 16. */
	hand_desc(0, &table[5], 8, VRING_DESC_F_INDIRECT, 0);
	refuse(0);
	hand_desc(0, &table[5], 17, VRING_DESC_F_INDIRECT, 0);
	refuse(0);
	hand_desc(0, table, 96, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
	hand_desc(1, data, 1, 0, 0);
	refuse(0);
	hand_desc(0, table, 80, VRING_DESC_F_INDIRECT, 0);
	refuse(0); /* the last entry points past the table */
	table[2] = make_desc(table, 96, VRING_DESC_F_INDIRECT, 0);
	hand_desc(0, table, 96, VRING_DESC_F_INDIRECT, 0);
	refuse(0);
	table[2] = make_desc(data, 1, VRING_DESC_F_NEXT, 0);
	refuse(0); /* a circle */
}

static void *nowhere(void *priv, dma_addr_t addr, size_t len)
{
	(void)len;
	return addr == *(dma_addr_t *)priv ? NULL : peer_at(addr);
}

/* VS12: each address that does not translate is an error, not a NULL. */
static void test_translation(void **state)
{
	struct loopback_chain chain;
	dma_addr_t hole;

	(void)state;
	hand_open(4, 0);
	hand.ring.at = nowhere;
	hand.ring.priv = &hole;
	hand_desc(0, data, 4, VRING_DESC_F_NEXT, 1);
	hand_desc(1, data + 4, 4, VRING_DESC_F_WRITE, 0);
	hole = addr_of(data + 4);
	refuse(0);
	hole = hand.queue.setup.desc;
	refuse(0);
	hole = hand.queue.setup.used;
	refuse(0);
	loopback_ring_push(&hand.ring, 0, 1);
	assert_int_equal(hand.ring.used, 0);
	hole = hand.queue.setup.avail;
	refuse(0);
	hole = 0;
	hand_post(0);
	assert_int_equal(hand_pop(&chain), 1);
}

static void test_disabled_queue(void **state)
{
	struct loopback_chain chain;

	(void)state;
	hand_open(4, 0);
	hand_desc(0, data, 4, 0, 0);
	hand_post(0);
	hand.queue.enabled = false;
	assert_int_equal(hand_pop(&chain), 0);
	loopback_ring_push(&hand.ring, 0, 0);
	assert_int_equal(le16_to_cpu(hand.used->idx), 0);
	assert_false(loopback_ring_signal(&hand.ring));
}

/* VS7, VS10: indices run freely and wrap at 65536. */
static void test_index_wrap(void **state)
{
	struct loopback_chain chain;
	unsigned int i;

	(void)state;
	hand_open(4, 0);
	for (i = 0; i < 4; i++)
		hand_desc(i, data, 4, 0, 0);
	for (i = 0; i < 70000; i++) {
		hand_post((u16)(i % 3));
		hand_post(3);
		assert_int_equal(hand_pop(&chain), 1);
		assert_int_equal(chain.head, i % 3);
		assert_int_equal(hand_pop(&chain), 1);
		loopback_ring_push(&hand.ring, 3, i);
		loopback_ring_push(&hand.ring, (u16)(i % 3), 1);
		assert_int_equal(hand_pop(&chain), 0);
	}
	assert_int_equal(le16_to_cpu(hand.used->idx), (u16)140000);
}

/* NI19, NO_INTERRUPT: only for something used, only if wanted. */
static void test_signal_by_flag(void **state)
{
	(void)state;
	hand_open(4, 0);
	assert_false(loopback_ring_signal(&hand.ring));
	loopback_ring_push(&hand.ring, 0, 0);
	assert_true(loopback_ring_signal(&hand.ring));
	assert_false(loopback_ring_signal(&hand.ring));
	hand.avail->flags = cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
	loopback_ring_push(&hand.ring, 0, 0);
	assert_false(loopback_ring_signal(&hand.ring));
}

/* NI4: the event is passed or it is not, also around 65536. */
static void test_signal_by_event(void **state)
{
	static const struct {
		u16 old, pushes, event;
		bool signal;
	} cases[] = {
		{ 0, 1, 0, true },	 { 0, 1, 1, false },
		{ 0, 1, 0xffff, false }, { 5, 3, 5, true },
		{ 5, 3, 7, true },	 { 5, 3, 8, false },
		{ 5, 3, 4, false },	 { 0xffff, 1, 0xffff, true },
		{ 0xffff, 1, 0, false }, { 0xfffe, 4, 0xfffe, true },
		{ 0xfffe, 4, 0, true },	 { 0xfffe, 4, 1, true },
		{ 0xfffe, 4, 2, false }, { 0xfffe, 4, 0xfffd, false },
	};
	unsigned int i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		hand_open(8, 1ULL << VIRTIO_RING_F_EVENT_IDX);
		hand.ring.used = cases[i].old;
		hand.ring.signalled = cases[i].old;
		hand.avail->ring[8] = cpu_to_le16(cases[i].event);
		/* The flag means nothing with an event index. */
		hand.avail->flags = cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
		for (j = 0; j < cases[i].pushes; j++)
			loopback_ring_push(&hand.ring, 0, 0);
		assert_int_equal(loopback_ring_signal(&hand.ring),
				 cases[i].signal);
		hand_close(NULL);
	}
}

/* NI3: an empty ring is left asking for the next buffer. */
static void test_avail_event(void **state)
{
	struct loopback_chain chain;
	u16 event;

	(void)state;
	hand_open(4, 1ULL << VIRTIO_RING_F_EVENT_IDX);
	hand_desc(0, data, 4, 0, 0);
	hand_post(0);
	hand_post(0);
	while (hand_pop(&chain) > 0)
		loopback_ring_push(&hand.ring, 0, 0);
	memcpy(&event, &hand.used->ring[4], sizeof(event));
	assert_int_equal(le16_to_cpu((__le16)event), 2);
}

/* Requests that no driver of ours makes: refused, answered, and truthful. */
static void test_disk_answers(void **state)
{
	static const u8 header[16] = { VIRTIO_BLK_T_IN, [8] = 5 };
	static const u8 first[16] = { VIRTIO_BLK_T_IN };
	static u8 medium[4 * 512], zero[600];
	struct loopback_disk disk = { medium, 4, 0 };
	u8 in[601];

	(void)state;
	hand_open(4, 0);
	/* Less than a sector more than one. */
	memset(in, 0xaa, sizeof(in));
	hand_desc(0, first, 16, VRING_DESC_F_NEXT, 1);
	hand_desc(1, in, sizeof(in), VRING_DESC_F_WRITE, 0);
	hand_post(0);
	assert_int_equal(loopback_disk_run(&hand.ring, &disk), 1);
	assert_memory_equal(in, zero, 600);
	assert_int_equal(in[600], VIRTIO_BLK_S_IOERR);
	/* A sector past the end: an error, and no byte left unwritten. */
	memset(in, 0xaa, sizeof(in));
	hand_desc(0, header, 16, VRING_DESC_F_NEXT, 1);
	hand_desc(1, in, 513, VRING_DESC_F_WRITE, 0);
	hand_post(0);
	assert_int_equal(loopback_disk_run(&hand.ring, &disk), 1);
	assert_int_equal(le32_to_cpu(hand.used->ring[1].len), 513);
	assert_memory_equal(in, zero, 512);
	assert_int_equal(in[512], VIRTIO_BLK_S_IOERR);
	/* VS32: too short for a header; and without room for a status. */
	hand_desc(0, header, 15, VRING_DESC_F_NEXT, 1);
	hand_post(0);
	hand_desc(2, header, 16, 0, 0);
	hand_post(2);
	in[512] = 0xaa;
	assert_int_equal(loopback_disk_run(&hand.ring, &disk), 2);
	assert_int_equal(in[512], VIRTIO_BLK_S_IOERR);
	assert_int_equal(le32_to_cpu(hand.used->ring[3].len), 0);
	/* VS51: the header in two pieces, data and status in one. */
	hand_desc(0, "\0\0\0\0\0\0\0", 7, VRING_DESC_F_NEXT, 1);
	hand_desc(1, zero, 9, VRING_DESC_F_NEXT, 3);
	hand_desc(3, in, 513, VRING_DESC_F_WRITE, 0);
	memset(medium, 0x77, sizeof(medium));
	hand_post(0);
	assert_int_equal(loopback_disk_run(&hand.ring, &disk), 1);
	assert_memory_equal(in, medium, 512);
	assert_int_equal(in[512], VIRTIO_BLK_S_OK);
	/* A ring that is not sane is reported, not worked on. */
	hand_post(4);
	assert_int_equal(loopback_disk_run(&hand.ring, &disk), -EINVAL);
	assert_int_equal(loopback_entropy_run(&hand.ring, in), -EINVAL);
}

static void test_entropy_fills_all(void **state)
{
	static u8 buf[1000];
	unsigned int i;
	u8 next = 3;

	(void)state;
	hand_open(4, 0);
	hand_desc(0, buf, 300, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	hand_desc(1, buf + 300, 700, VRING_DESC_F_WRITE, 0);
	hand_post(0);
	assert_int_equal(loopback_entropy_run(&hand.ring, &next), 1);
	assert_int_equal(le32_to_cpu(hand.used->ring[0].len), 1000);
	for (i = 0; i < sizeof(buf); i++)
		assert_int_equal(buf[i], (u8)(3 + i));
	assert_int_equal(next, (u8)1003);
}

#define HAND(name) cmocka_unit_test_setup_teardown(name, NULL, hand_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HAND(test_pop_and_push),
		HAND(test_chain_of_the_whole_ring),
		HAND(test_insane_chains),
		HAND(test_more_than_the_ring),
		HAND(test_indirect),
		HAND(test_translation),
		HAND(test_disabled_queue),
		HAND(test_index_wrap),
		HAND(test_signal_by_flag),
		HAND(test_signal_by_event),
		HAND(test_avail_event),
		HAND(test_disk_answers),
		HAND(test_entropy_fills_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
