// SPDX-License-Identifier: GPL-2.0-or-later
#include "helper.h"

#include <vlab/virtio_entropy.h>

static struct peer peer;
static unsigned int notified;
static bool read_in_callback;
static u8 taken[64];
static int taken_len;

static void notify(struct virtio_device *vdev)
{
	notified++;
	if (read_in_callback)
		taken_len = virtio_entropy_read(vdev, taken, sizeof(taken));
}

static int plug(void **state)
{
	(void)state;
	notified = 0;
	read_in_callback = false;
	taken_len = 0;
	peer_init(&peer, VIRTIO_ID_ENTROPY, 0, 1, 8);
	assert_int_equal(register_virtio_driver(&virtio_entropy_driver), 0);
	peer_plug(&peer);
	assert_ptr_equal(peer.lb.vdev.dev.driver,
			 &virtio_entropy_driver.driver);
	return 0;
}

static int unplug(void **state)
{
	(void)state;
	peer_unplug(&peer);
	unregister_virtio_driver(&virtio_entropy_driver);
	return 0;
}

/* Bytes come in the order of the stream, each once, in pieces of any size. */
static void test_bytes_come_once(void **state)
{
	u8 next = 250, expect = 250;
	unsigned int i, j;
	u8 buf[100];
	int n;

	(void)state;
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 64), 0);
	for (i = 0; i < 40; i++) {
		loopback_entropy_run(&peer.ring[0], &next);
		n = virtio_entropy_read(&peer.lb.vdev, buf,
					i % 2 ? sizeof(buf) : 7);
		assert_true(n > 0 && n <= (i % 2 ? 64 : 7));
		for (j = 0; j < (unsigned int)n; j++)
			assert_int_equal(buf[j], expect++);
	}
}

/* Without a read nothing is asked for, and one read asks once. */
static void test_one_request_at_a_time(void **state)
{
	struct loopback_chain chain;
	u8 buf[8];

	(void)state;
	assert_int_equal(loopback_ring_pop(&peer.ring[0], &chain), 0);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 8), 0);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 8), 0);
	chain = peer_pop(&peer, 0);
	assert_int_equal(chain.out, 0);
	assert_int_equal(chain.in, 1);
	assert_int_equal(chain.in_len, 64);
	assert_int_equal(loopback_ring_pop(&peer.ring[0], &chain), 0);
}

/* Only what the device says it wrote; the rest of the buffer stays inside. */
static void test_short_answer(void **state)
{
	struct loopback_chain chain;
	u8 buf[64];

	(void)state;
	virtio_entropy_read(&peer.lb.vdev, buf, sizeof(buf));
	chain = peer_pop(&peer, 0);
	memset(buf, 0x5a, sizeof(buf));
	loopback_chain_write(&chain, 0, buf, sizeof(buf));
	loopback_ring_push(&peer.ring[0], chain.head, 3);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 64), 3);
	assert_memory_equal(buf, "\x5a\x5a\x5a\0", 4);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 64), 0);
}

/* DS4: a used length above the buffer hands out the buffer and no more. */
static void test_length_above_the_buffer(void **state)
{
	struct loopback_chain chain;
	u8 buf[200];

	(void)state;
	virtio_entropy_read(&peer.lb.vdev, buf, sizeof(buf));
	chain = peer_pop(&peer, 0);
	peer_use(&peer, 0, chain.head, 0xffffffff);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 200), 64);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 200), 0);
}

static struct virtqueue_ops lying_ops;
static void *(*honest_get_buf)(struct virtqueue *vq, unsigned int *len);

static void *lying_get_buf(struct virtqueue *vq, unsigned int *len)
{
	void *token = honest_get_buf(vq, len);

	*len = ~0U;
	return token;
}

static struct virtqueue *find_lying_vq(struct virtio_device *vdev,
				       bool (*callback)(struct virtqueue *vq))
{
	struct virtqueue *vq = virtio_config_fields_ops.find_vq(vdev, callback);

	lying_ops = *vq->vq_ops;
	honest_get_buf = lying_ops.get_buf;
	lying_ops.get_buf = lying_get_buf;
	vq->vq_ops = &lying_ops;
	return vq;
}

/* DS4 again: the driver's own bound, should the queue's ever be missing. */
static void test_length_above_without_the_queue(void **state)
{
	struct virtio_config_ops ops = virtio_config_fields_ops;
	static struct peer other;
	u8 buf[200];
	u8 next = 1;

	(void)state;
	ops.find_vq = find_lying_vq;
	peer_init(&other, VIRTIO_ID_ENTROPY, 0, 1, 8);
	other.lb.vdev.config = &ops;
	peer_plug(&other);
	assert_int_equal(virtio_entropy_read(&other.lb.vdev, buf, 200), 0);
	loopback_entropy_run(&other.ring[0], &next);
	assert_int_equal(virtio_entropy_read(&other.lb.vdev, buf, 200), 64);
	peer_unplug(&other);
}

/* A caller that reads much asks for more, once nothing is on its way. */
static void test_more_at_a_time(void **state)
{
	u8 buf[VIRTIO_ENTROPY_BYTES_MAX + 1];
	struct virtio_device *vdev = &peer.lb.vdev;
	struct loopback_chain chain;
	u8 next = 7;

	(void)state;
	assert_int_equal(virtio_entropy_ask(vdev, 0), -EINVAL);
	assert_int_equal(virtio_entropy_ask(vdev, sizeof(buf)), -EINVAL);
	assert_int_equal(virtio_entropy_ask(NULL, 64), -ENODEV);
	assert_int_equal(virtio_entropy_ask(vdev, VIRTIO_ENTROPY_BYTES_MAX), 0);
	assert_int_equal(virtio_entropy_read(vdev, buf, sizeof(buf)), 0);
	/* The device has the buffer. */
	assert_int_equal(virtio_entropy_ask(vdev, 64), -EBUSY);
	loopback_entropy_run(&peer.ring[0], &next);
	assert_int_equal(virtio_entropy_read(vdev, buf, 1), 1);
	assert_int_equal(buf[0], 7);
	/* The rest of it was not read yet. */
	assert_int_equal(virtio_entropy_ask(vdev, 64), -EBUSY);
	assert_int_equal(virtio_entropy_read(vdev, buf, sizeof(buf)),
			 VIRTIO_ENTROPY_BYTES_MAX - 1);
	chain = peer_pop(&peer, 0);
	assert_int_equal(chain.in_len, VIRTIO_ENTROPY_BYTES_MAX);
	/* A used length above it hands out the buffer and no more. */
	peer_use(&peer, 0, chain.head, 0xffffffff);
	assert_int_equal(virtio_entropy_read(vdev, buf, sizeof(buf)),
			 VIRTIO_ENTROPY_BYTES_MAX);
}

/* Length 0 is nothing, and does not keep the driver in a loop. */
static void test_length_zero(void **state)
{
	struct loopback_chain chain;
	unsigned int i;
	u8 buf[8];

	(void)state;
	virtio_entropy_read(&peer.lb.vdev, buf, sizeof(buf));
	for (i = 0; i < 3; i++) {
		chain = peer_pop(&peer, 0);
		loopback_ring_push(&peer.ring[0], chain.head, 0);
		assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 8), 0);
	}
}

/* A device that claims bytes it did not write gives no byte out twice. */
static void test_no_byte_twice(void **state)
{
	struct loopback_chain chain;
	u8 zero[64] = { 0 };
	u8 buf[64];
	u8 next = 1;

	(void)state;
	virtio_entropy_read(&peer.lb.vdev, buf, sizeof(buf));
	loopback_entropy_run(&peer.ring[0], &next);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 64), 64);
	chain = peer_pop(&peer, 0);
	loopback_ring_push(&peer.ring[0], chain.head, 64);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 64), 64);
	assert_memory_equal(buf, zero, 64);
}

static void test_callback(void **state)
{
	u8 next = 0;
	u8 buf[64];
	unsigned int i;

	(void)state;
	virtio_entropy_notify(&peer.lb.vdev, notify);
	assert_false(virtqueue_interrupt(&peer.lb.vdev, 0));
	assert_int_equal(notified, 0);
	virtio_entropy_read(&peer.lb.vdev, buf, sizeof(buf));
	read_in_callback = true;
	for (i = 1; i <= 5; i++) {
		loopback_entropy_run(&peer.ring[0], &next);
		/* The event index is armed again after each. */
		assert_true(loopback_ring_signal(&peer.ring[0]));
		virtqueue_interrupt(&peer.lb.vdev, 0);
		assert_int_equal(notified, i);
		assert_int_equal(taken_len, 64);
		assert_int_equal(taken[63], (u8)(next - 1));
	}
	virtio_entropy_notify(&peer.lb.vdev, NULL);
	loopback_entropy_run(&peer.ring[0], &next);
	virtqueue_interrupt(&peer.lb.vdev, 0);
	assert_int_equal(notified, 5);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 64), 64);
}

/* DS1: a broken queue is an error, not an empty one. */
static void test_broken_queue(void **state)
{
	u8 buf[8];

	(void)state;
	virtio_entropy_read(&peer.lb.vdev, buf, sizeof(buf));
	peer_use(&peer, 0, 8, 8);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 8), -EIO);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 8), -EIO);
}

/* What was asked for will never come. */
static void test_reset_device(void **state)
{
	u8 buf[8];

	(void)state;
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 8), 0);
	assert_int_equal(virtio_reset_device(&peer.lb.vdev), 0);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 8), -EIO);
}

static void test_surprise_removal(void **state)
{
	u8 buf[8];

	(void)state;
	virtio_entropy_read(&peer.lb.vdev, buf, sizeof(buf));
	peer.regs.gone = 1;
	virtio_device_gone(&peer.lb.vdev);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 8), -EIO);
}

static void test_not_bound(void **state)
{
	u8 buf[8];
	u8 next = 9;

	(void)state;
	unregister_virtio_driver(&virtio_entropy_driver);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 8), -ENODEV);
	assert_int_equal(virtio_entropy_read(NULL, buf, 8), -ENODEV);
	virtio_entropy_notify(&peer.lb.vdev, notify);
	/* Bound again, it is served: nothing of the first time is left. */
	assert_int_equal(register_virtio_driver(&virtio_entropy_driver), 0);
	loopback_ring_init(&peer.ring[0], &peer.lb.queue[0],
			   PEER_RING_FEATURES);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 8), 0);
	assert_int_equal(loopback_entropy_run(&peer.ring[0], &next), 1);
	virtqueue_interrupt(&peer.lb.vdev, 0);
	assert_int_equal(notified, 0);
	assert_int_equal(virtio_entropy_read(&peer.lb.vdev, buf, 8), 8);
	assert_int_equal(buf[7], 16);
}

static void test_no_queue(void **state)
{
	static struct peer empty;

	(void)state;
	peer_init(&empty, VIRTIO_ID_ENTROPY, 0, 0, 0);
	peer_plug(&empty);
	assert_null(empty.lb.vdev.dev.driver);
	peer_unplug(&empty);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, plug, unplug)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bytes_come_once),
		TEST(test_one_request_at_a_time),
		TEST(test_short_answer),
		TEST(test_length_above_the_buffer),
		TEST(test_length_above_without_the_queue),
		TEST(test_more_at_a_time),
		TEST(test_length_zero),
		TEST(test_no_byte_twice),
		TEST(test_callback),
		TEST(test_broken_queue),
		TEST(test_reset_device),
		TEST(test_surprise_removal),
		TEST(test_not_bound),
		TEST(test_no_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
