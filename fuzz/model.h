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

/* A token came back: fires if it was not in flight. */
void model_note_returned(struct model *model, u32 token);

#endif /* VLAB_FUZZ_MODEL_H */
