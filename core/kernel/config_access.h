/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device configuration behind a window of registers (VIRTIO 1.2, 4.1.3.1). */
#ifndef VLAB_CONFIG_ACCESS_H
#define VLAB_CONFIG_ACCESS_H

#include <linux/types.h>

/*
 * Copy @len bytes from or to @offset of the configuration of a device of type
 * @device, field by field. The caller has checked that the window has them.
 * May sleep or not: both only access registers.
 */
void vlab_config_read(const void __iomem *window, u32 device,
		      unsigned int offset, void *buf, unsigned int len);
void vlab_config_write(void __iomem *window, u32 device, unsigned int offset,
		       const void *buf, unsigned int len);

#endif /* VLAB_CONFIG_ACCESS_H */
