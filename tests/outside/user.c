// SPDX-License-Identifier: GPL-2.0-or-later
/* A program outside the tree: an entropy device in process, and its driver. */
#include <stdio.h>

#include <vlab/loopback.h>
#include <vlab/virtio_entropy.h>

int main(void)
{
	static struct loopback_regs regs;
	static struct loopback lb;
	struct loopback_ring ring;
	unsigned char bytes[16], seed = 0x40;
	int i, n;

	loopback_init(&lb, LOOPBACK_FIELDS, &regs, VIRTIO_ID_ENTROPY, 1);
	if (loopback_add_queue(&regs, 0, 8) ||
	    register_virtio_driver(&virtio_entropy_driver) ||
	    register_virtio_device(&lb.vdev) || !lb.queue[0].enabled)
		return 1;
	loopback_ring_init(&ring, &lb.queue[0], 0);
	do {
		n = virtio_entropy_read(&lb.vdev, bytes, sizeof(bytes));
	} while (!n && loopback_entropy_run(&ring, &seed) >= 0);
	for (i = 0; i < n; i++)
		printf("%02x", bytes[i]);
	printf("\n");
	unregister_virtio_device(&lb.vdev);
	unregister_virtio_driver(&virtio_entropy_driver);
	return n == sizeof(bytes) ? 0 : 1;
}
