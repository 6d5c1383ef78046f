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
