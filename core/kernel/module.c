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

	err = vlab_bounce_init();
	if (err)
		return err;
	vlab_debugfs_init();
	err = vlab_pci_init();
	if (err)
		goto exit_debugfs;
	err = vlab_mmio_init();
	if (err)
		goto exit_pci;
	return 0;

exit_pci:
	vlab_pci_exit();
exit_debugfs:
	port_bus_unregister();
	vlab_debugfs_exit();
	vlab_bounce_exit();
	return err;
}

static void __exit vlab_exit(void)
{
	vlab_mmio_exit();
	vlab_pci_exit();
	port_bus_unregister();
	vlab_debugfs_exit();
	vlab_bounce_exit();
}

/* Built in: before the first device of a transport, after the buses are up. */
module_init(vlab_init);
module_exit(vlab_exit);
MODULE_DESCRIPTION("virtio that does not trust the device");
MODULE_LICENSE("GPL");
