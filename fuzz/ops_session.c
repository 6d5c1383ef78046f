// SPDX-License-Identifier: GPL-2.0-or-later
/* Steps of the users of the two drivers: entropy and block. */
#include <vlab/virtio_blk.h>

#include "arena.h"
#include "lab.h"

#define PIECE_SIZE 512

static void transfer(u32 type, const struct step *step)
{
	unsigned int i, pieces = (step->a >> 4 & 7) + 1u;
	u32 blocks = (step->a & 15) + 1u, odd = step->b >> 1;
	u64 sector = step->c;
	struct scatterlist sg[8];
	u32 len;

	if (step->b & 1)
		sector |= 0xffffffff00000000ULL;
	for (i = 0; i < pieces; i++) {
		len = blocks * PIECE_SIZE + (i ? 0 : odd);
		if (step->a & 0x80)
			len += 0x80000000;
		sg_set_buf(&sg[i], arena_payload + i * 16 * PIECE_SIZE, len);
	}
	block_model_submit(type, sector, 0, sg, pieces);
}

static void get_id(unsigned int len)
{
	struct scatterlist sg;

	sg_set_buf(&sg, arena_payload, len);
	block_model_submit(VIRTIO_BLK_T_GET_ID, 0, 0, &sg, 1);
}

void lab_step_session(const struct step *step)
{
	lab_need_driver();
	switch ((enum op)step->op) {
	case OP_ENTROPY_READ:
		entropy_model_read(step->b);
		break;
	case OP_BLOCK_READ:
		transfer(VIRTIO_BLK_T_IN, step);
		break;
	case OP_BLOCK_WRITE:
		transfer(VIRTIO_BLK_T_OUT, step);
		break;
	case OP_BLOCK_FLUSH:
		block_model_submit(VIRTIO_BLK_T_FLUSH, 0, 0, NULL, 0);
		break;
	case OP_BLOCK_DISCARD:
		block_model_submit(VIRTIO_BLK_T_DISCARD, step->c, step->b, NULL,
				   0);
		break;
	case OP_BLOCK_ZEROES:
		block_model_submit(VIRTIO_BLK_T_WRITE_ZEROES, step->c, step->b,
				   NULL, 0);
		break;
	case OP_BLOCK_ID:
		get_id(step->a);
		break;
	case OP_BLOCK_KICK:
		block_model_kick();
		break;
	case OP_BLOCK_POLL:
		block_model_poll();
		break;
	case OP_BLOCK_REVALIDATE:
		block_model_revalidate();
		break;
	case OP_BLOCK_RECLAIM:
		block_model_reclaim();
		break;
	default:
		block_model_limits();
		break;
	}
	/* Any of them may have noticed that the device is gone. */
	model_sync();
}
