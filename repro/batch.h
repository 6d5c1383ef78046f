/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Batches of programs, answered as /dev/vlab_replay answers them. */
#ifndef VLAB_REPRO_BATCH_H
#define VLAB_REPRO_BATCH_H

#include <stdio.h>

/*
 * Run the batch in a file ("-": standard input) and write the answer to @out:
 * 0, or 2 with a line on standard error that says why not.
 */
int batch_run(const char *path, FILE *out);

#endif /* VLAB_REPRO_BATCH_H */
