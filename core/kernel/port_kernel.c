// SPDX-License-Identifier: GPL-2.0-or-later
/* The parts of the kernel's port that are not inline. */
#include <linux/dma-mapping.h>

#include <vlab/port.h>

#include "bounce.h"

size_t port_map_size_max(struct device *dev)
{
	if (vlab_bounce_enabled())
		return BOUNCE_PIECE_MAX;
	return dma_max_mapping_size(dev);
}

size_t port_map_total_max(struct device *dev)
{
	/* Pieces of different sizes leave at most half of each chunk unused. */
	if (vlab_bounce_enabled())
		return vlab_bounce_size() / 2;
	return SIZE_MAX;
}

int port_probe_result(struct device *dev, int err)
{
	switch (err) {
	case 0:
	case -ENODEV:
	case -ENXIO:
	case -ENOMEM:
	case -EPROBE_DEFER:
		return err;
	default:
		dev_warn_ratelimited(dev, "probe failed: error %d\n", err);
		return -ENODEV;
	}
}
