/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An execution in words. */
#ifndef VLAB_REPRO_EXPLAIN_H
#define VLAB_REPRO_EXPLAIN_H

#include <vlab/types.h>

/* From here on print what happens; @data is the program. */
void explain_begin(const char *path, const u8 *data, size_t size);
void explain_end(void);

#endif /* VLAB_REPRO_EXPLAIN_H */
