/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device configuration behind a window of registers (VIRTIO 1.2, 4.1.3.1). */
#ifndef VLAB_CONFIG_ACCESS_H
#define VLAB_CONFIG_ACCESS_H

#include <linux/types.h>

/**
 * struct vlab_config_window - where the configuration of a device is
 * @device: the device's type
 * @base: of the window; NULL if @len is 0
 * @len: bytes
 */
struct vlab_config_window {
	u32 device;
	void __iomem *base;
	unsigned int len;
};

/*
 * Copy @len bytes from or to @offset of the configuration, field by field. 0,
 * or -EINVAL for a range that is not wholly in the window. Neither sleeps.
 */
int vlab_config_read(const struct vlab_config_window *window,
		     unsigned int offset, void *buf, unsigned int len);
int vlab_config_write(const struct vlab_config_window *window,
		      unsigned int offset, const void *buf, unsigned int len);

#endif /* VLAB_CONFIG_ACCESS_H */
