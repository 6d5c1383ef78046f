// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A field of the device configuration is to be accessed in its own width: 1, 2
 * or 4 bytes, the halves of 8 apart (VIRTIO 1.2, 4.1.3.1 and 4.2.2.2). The core
 * copies the configuration as a whole and knows no fields, so the layouts of
 * the devices that it has drivers for are here. Any other is copied byte by
 * byte, which the devices in use allow.
 */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/virtio_ids.h>

#include <vlab/port.h>

#include "config_access.h"

/* Fields of @width bytes follow each other from @start to @end. */
struct field_run {
	u8 start;
	u8 end;
	u8 width;
};

/* VIRTIO 1.2, 5.2.4. */
static const struct field_run block_runs[] = {
	{ 0, 16, 4 }, /* capacity, size_max, seg_max */
	{ 16, 18, 2 }, /* cylinders */
	{ 20, 24, 4 }, /* blk_size */
	{ 26, 28, 2 }, /* min_io_size */
	{ 28, 32, 4 }, /* opt_io_size */
	{ 34, 36, 2 }, /* num_queues */
	{ 36, 56, 4 }, /* limits of discard and of write zeroes */
	{ 60, 72, 4 }, /* limits of secure erase */
};

static const struct field_run *find_run(u32 device, unsigned int offset)
{
	unsigned int i;

	if (device != VIRTIO_ID_BLOCK)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(block_runs); i++)
		if (offset >= block_runs[i].start && offset < block_runs[i].end)
			return &block_runs[i];
	return NULL;
}

/* The width of the field that begins at @offset; 1 for a part of one. */
static unsigned int field_width(u32 device, unsigned int offset,
				unsigned int left)
{
	const struct field_run *run = find_run(device, offset);

	if (!run || (offset - run->start) % run->width || run->width > left)
		return 1;
	return run->width;
}

static bool within(const struct vlab_config_window *window, unsigned int offset,
		   unsigned int len)
{
	return offset <= window->len && len <= window->len - offset;
}

int vlab_config_read(const struct vlab_config_window *window,
		     unsigned int offset, void *buf, unsigned int len)
{
	const void __iomem *base = window->base;
	unsigned int width;
	u8 *bytes = buf;

	if (!within(window, offset, len))
		return -EINVAL;
	for (; len; len -= width, offset += width, bytes += width) {
		width = field_width(window->device, offset, len);
		if (width == 4)
			put_unaligned_le32(ioread32(base + offset), bytes);
		else if (width == 2)
			put_unaligned_le16(ioread16(base + offset), bytes);
		else
			*bytes = ioread8(base + offset);
	}
	return 0;
}

int vlab_config_write(const struct vlab_config_window *window,
		      unsigned int offset, const void *buf, unsigned int len)
{
	void __iomem *base = window->base;
	const u8 *bytes = buf;
	unsigned int width;

	if (!within(window, offset, len))
		return -EINVAL;
	for (; len; len -= width, offset += width, bytes += width) {
		width = field_width(window->device, offset, len);
		if (width == 4)
			iowrite32(get_unaligned_le32(bytes), base + offset);
		else if (width == 2)
			iowrite16(get_unaligned_le16(bytes), base + offset);
		else
			iowrite8(*bytes, base + offset);
	}
	return 0;
}
