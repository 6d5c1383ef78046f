// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An honest block device over memory (VIRTIO 1.2, 5.2.6).
 *
 * A request is a stream of readable bytes (header, data to write) and one of
 * writable bytes (data read, and the status as the very last); where the
 * pieces begin says nothing.
 */
#include <vlab/loopback.h>
#include <vlab/port.h>
#include <vlab/virtio_blk.h>

#define HEADER_BYTES 16
#define SEGMENT_BYTES 16
#define STATUS_BYTES 1

static const u8 disk_id[VIRTIO_BLK_ID_BYTES] = "vlab-loopback-disk";
static const u8 zeroes[VIRTIO_BLK_SECTOR_SIZE];

struct disk_request {
	const struct loopback_chain *chain;
	struct loopback_disk *disk;
	u32 type;
	u64 sector;
	u64 out; /* bytes after the header */
	u64 in; /* bytes before the status */
};

static bool has_feature(const struct loopback_disk *disk, unsigned int bit)
{
	return disk->features >> bit & 1;
}

/* The memory of whole sectors, or NULL: start first, then length. */
static u8 *disk_at(struct loopback_disk *disk, u64 sector, u64 bytes)
{
	u64 sectors = bytes / VIRTIO_BLK_SECTOR_SIZE;

	if (bytes % VIRTIO_BLK_SECTOR_SIZE)
		return NULL;
	if (sector > disk->sectors || sectors > disk->sectors - sector)
		return NULL;
	return disk->data + sector * VIRTIO_BLK_SECTOR_SIZE;
}

static u8 disk_read(const struct disk_request *req)
{
	const u8 *data = disk_at(req->disk, req->sector, req->in);

	if (!data)
		return VIRTIO_BLK_S_IOERR;
	loopback_chain_write(req->chain, 0, data, (u32)req->in);
	return VIRTIO_BLK_S_OK;
}

static u8 disk_write(const struct disk_request *req)
{
	u8 *data = disk_at(req->disk, req->sector, req->out);

	if (!data || has_feature(req->disk, VIRTIO_BLK_F_RO))
		return VIRTIO_BLK_S_IOERR;
	loopback_chain_read(req->chain, HEADER_BYTES, data, (u32)req->out);
	return VIRTIO_BLK_S_OK;
}

/* The length that is reported must be true: bytes without data are zeroed. */
static void zero_data(const struct disk_request *req)
{
	u64 done = 0;
	u32 n;

	while (done < req->in) {
		n = (u32)min(req->in - done, (u64)sizeof(zeroes));
		if (loopback_chain_write(req->chain, done, zeroes, n) != n)
			return;
		done += n;
	}
}

static u8 disk_identify(const struct disk_request *req)
{
	zero_data(req);
	loopback_chain_write(req->chain, 0, disk_id,
			     (u32)min(req->in, (u64)sizeof(disk_id)));
	return VIRTIO_BLK_S_OK;
}

static u8 disk_clear_segment(const struct disk_request *req, u64 offset)
{
	u8 segment[SEGMENT_BYTES] = { 0 };
	u64 sector, bytes;
	u8 *data;

	loopback_chain_read(req->chain, offset, segment, sizeof(segment));
	sector = get_unaligned_le64(segment);
	bytes = (u64)get_unaligned_le32(segment + 8) * VIRTIO_BLK_SECTOR_SIZE;
	/* No flag was offered: 5.2.6.2 asks for this answer to any. */
	if (get_unaligned_le32(segment + 12))
		return VIRTIO_BLK_S_UNSUPP;
	data = disk_at(req->disk, sector, bytes);
	if (!data)
		return VIRTIO_BLK_S_IOERR;
	memset(data, 0, (size_t)bytes);
	return VIRTIO_BLK_S_OK;
}

/* Discard and write zeroes: afterwards the sectors read as zero. */
static u8 disk_clear(const struct disk_request *req, unsigned int feature)
{
	u8 status = VIRTIO_BLK_S_OK;
	u64 done;

	if (!has_feature(req->disk, feature))
		return VIRTIO_BLK_S_UNSUPP;
	if (has_feature(req->disk, VIRTIO_BLK_F_RO) || !req->out ||
	    req->out % SEGMENT_BYTES)
		return VIRTIO_BLK_S_IOERR;
	for (done = 0; done < req->out && !status; done += SEGMENT_BYTES)
		status = disk_clear_segment(req, HEADER_BYTES + done);
	return status;
}

static u8 disk_request(const struct disk_request *req)
{
	switch (req->type) {
	case VIRTIO_BLK_T_IN:
		return disk_read(req);
	case VIRTIO_BLK_T_OUT:
		return disk_write(req);
	case VIRTIO_BLK_T_FLUSH:
		return has_feature(req->disk, VIRTIO_BLK_F_FLUSH)
			       ? VIRTIO_BLK_S_OK
			       : VIRTIO_BLK_S_UNSUPP;
	case VIRTIO_BLK_T_GET_ID:
		return disk_identify(req);
	case VIRTIO_BLK_T_DISCARD:
		return disk_clear(req, VIRTIO_BLK_F_DISCARD);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return disk_clear(req, VIRTIO_BLK_F_WRITE_ZEROES);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* Fill @req from the header; false where the chain is too short for one. */
static bool read_header(struct disk_request *req,
			const struct loopback_chain *chain)
{
	u8 header[HEADER_BYTES];

	if (chain->out_len < HEADER_BYTES || chain->out_len > ~(u32)0)
		return false;
	if (loopback_chain_read(chain, 0, header, sizeof(header)) !=
	    sizeof(header))
		return false;
	req->type = get_unaligned_le32(header);
	req->sector = get_unaligned_le64(header + 8);
	req->out = chain->out_len - HEADER_BYTES;
	return true;
}

/* Serve one request; the bytes written to it. */
static u32 disk_serve(struct loopback_disk *disk,
		      const struct loopback_chain *chain)
{
	struct disk_request req = { .chain = chain, .disk = disk };
	u8 status = VIRTIO_BLK_S_IOERR;

	/* No room for a status, or more than a used element can report. */
	if (chain->in_len < STATUS_BYTES || chain->in_len > ~(u32)0)
		return 0;
	req.in = chain->in_len - STATUS_BYTES;
	if (read_header(&req, chain))
		status = disk_request(&req);
	if (status != VIRTIO_BLK_S_OK)
		zero_data(&req);
	loopback_chain_write(chain, req.in, &status, sizeof(status));
	return (u32)chain->in_len;
}

int loopback_disk_run(struct loopback_ring *ring, struct loopback_disk *disk)
{
	struct loopback_chain chain;
	int count = 0;
	int ret;

	while ((ret = loopback_ring_pop(ring, &chain)) > 0) {
		loopback_ring_push(ring, chain.head, disk_serve(disk, &chain));
		count++;
	}
	return ret ? ret : count;
}
