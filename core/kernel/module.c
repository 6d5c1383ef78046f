// SPDX-License-Identifier: GPL-2.0-or-later
/* vlab.ko: the parts start, and stop in reverse. */
#include <linux/init.h>
#include <linux/module.h>

#include <vlab/port.h>
#include <vlab/virtio.h>

#include "bounce.h"
#include "debugfs.h"
#include "vlab_kernel.h"

static int __init vlab_init(void)
{
	int err;

	vlab_bounce_init();
	vlab_debugfs_init();
	err = vlab_hwrng_init();
	if (err)
		goto exit_bus;
	err = vlab_disk_init();
	if (err)
		goto exit_hwrng;
	err = vlab_pci_init();
	if (err)
		goto exit_disk;
	err = vlab_mmio_init();
	if (err)
		goto exit_pci;
	return 0;

exit_pci:
	vlab_pci_exit();
exit_disk:
	vlab_disk_exit();
exit_hwrng:
	vlab_hwrng_exit();
exit_bus:
	port_bus_unregister();
	vlab_debugfs_exit();
	vlab_bounce_exit();
	return err;
}

static void __exit vlab_exit(void)
{
	vlab_mmio_exit();
	vlab_pci_exit();
	vlab_disk_exit();
	vlab_hwrng_exit();
	port_bus_unregister();
	vlab_debugfs_exit();
	vlab_bounce_exit();
}

/* Built in: before the first device of a transport, after the buses are up. */
module_init(vlab_init);
module_exit(vlab_exit);
MODULE_DESCRIPTION("virtio that does not trust the device");
MODULE_LICENSE("GPL");
