/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the programs on a host: findings as text. */
#ifndef VLAB_FUZZ_FINDING_H
#define VLAB_FUZZ_FINDING_H

#include <stdio.h>

#include "oracle.h"

/* Print the sentence of a finding, without a newline. */
void finding_print(const struct finding *found, FILE *out);

#endif /* VLAB_FUZZ_FINDING_H */
