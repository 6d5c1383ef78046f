/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounce buffers of the devices; see bounce.c. */
#ifndef VLAB_BOUNCE_H
#define VLAB_BOUNCE_H

#include <linux/device.h>

/* Bytes of one piece that bounce buffers can hold. */
#define BOUNCE_PIECE_MAX (64u * 1024)

/* Is the mode on? Decided when the module is loaded. */
bool vlab_bounce_enabled(void);
/* Bytes of all buffers of one device. */
size_t vlab_bounce_size(void);

void vlab_bounce_init(void);
void vlab_bounce_exit(void);

/*
 * Give a device its buffers, before it is bound to a driver, and take them when
 * no piece is mapped any more. 0 or -ENOMEM. May sleep.
 */
int vlab_bounce_add_device(struct device *dev);
void vlab_bounce_del_device(struct device *dev);

#endif /* VLAB_BOUNCE_H */
