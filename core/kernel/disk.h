/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the halves of the disk share (disk.c, disk_request.c). */
#ifndef VLAB_DISK_H
#define VLAB_DISK_H

#include <linux/blk-mq.h>
#include <linux/workqueue.h>

#include <vlab/virtio_blk.h>

/* Bits of struct disk.state. */
#define DISK_CHANGED 0 /* the device says that its configuration changed */
#define DISK_FAILED 1 /* all requests fail from now on; stays */
#define DISK_DEAD 2 /* and those that were in flight have */
#define DISK_REMOVED 3 /* the capacity is of no interest any more */
#define DISK_STOPPED 4 /* no request is in flight, nor ever will be */

/**
 * struct disk - one bound block device as the kernel's disk
 * @vdev: the device
 * @gd: its disk
 * @limits: as they were when the disk was made, fitted to the block layer
 * @state: DISK_*; set from any context, acted upon by @work
 * @work: all that must sleep and was noticed where nobody may
 * @why: DISK_FAILED is set; for the one warning
 * @tags: the requests, as many as the device can hold
 * @index: what the name's letters count
 * @serial: what the device calls itself, printable
 */
struct disk {
	struct virtio_device *vdev;
	struct gendisk *gd;
	struct virtio_blk_limits limits;
	unsigned long state;
	struct work_struct work;
	const char *why;
	struct blk_mq_tag_set tags;
	int index;
	char serial[VIRTIO_BLK_ID_BYTES + 1];
};

/**
 * struct disk_request - beside each request; made once, with the tags
 * @error: what the device made of it
 * @sg: limits.segs_max of them
 */
struct disk_request {
	int error;
	struct scatterlist sg[];
};

/* disk.c */
void disk_fail(struct disk *disk, const char *why);

/* disk_request.c */
extern const struct blk_mq_ops disk_mq_ops;
void disk_notify(struct virtio_device *vdev, unsigned int queue);
void disk_end_all(struct disk *disk);
int disk_identify(struct disk *disk);

#endif /* VLAB_DISK_H */
