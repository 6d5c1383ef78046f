/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a fuzz target's file gives to whatever drives it. */
#ifndef VLAB_FUZZ_FUZZ_H
#define VLAB_FUZZ_FUZZ_H

#include "lab.h"

/* The one target that is linked into this program. */
extern const struct target fuzz_target;

/* Did the last execution call the core? It must: there are no rejects. */
bool fuzz_reached_core(void);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif /* VLAB_FUZZ_FUZZ_H */
