/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the model share: the buffers in flight. */
#ifndef VLAB_FUZZ_MODEL_H
#define VLAB_FUZZ_MODEL_H

#include "lab.h"

/* By token; 0 is none. */
extern struct token model_tokens[LAB_TOKENS_MAX + 1];
/* By descriptor: the buffer whose chain started there last. */
extern u16 model_head_token[LAB_QUEUES][VRING_NUM_MAX];

static inline unsigned int model_index(const struct model *model)
{
	return (unsigned int)(model - lab.model);
}

static inline bool model_is_ready(void)
{
	return lab.status & VIRTIO_CONFIG_S_DRIVER_OK;
}

static inline bool model_halted(const struct model *model)
{
	return model->broken || model->stopped;
}

/* The buffer in flight whose chain starts at a descriptor; 0: none. */
u32 model_token_at(const struct model *model, u32 id);

/* What add_buf() of so many pieces returns, and get_buf(): 0 is NULL. */
int model_expect_add(const struct model *model, unsigned int total);
u32 model_expect_get(struct model *model, u32 *len);

/*
 * A buffer is in the ring: it must be what was added, mapped from @map on but
 * for what lies in DMA memory.
 */
void model_note_posted(struct model *model, const struct scatterlist *sg,
		       u32 map, unsigned int outs, unsigned int total,
		       u32 in_len);

/* Is there something for a kick to publish? And what it must have done. */
bool model_has_work(const struct model *model);
void model_kicked(struct model *model, bool work, unsigned int notified,
		  bool failed);

/* A token came back: fires if it was not in flight. */
void model_note_returned(struct model *model, u32 token);

#endif /* VLAB_FUZZ_MODEL_H */
