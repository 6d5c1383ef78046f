// SPDX-License-Identifier: GPL-2.0-or-later
/* A finding as a sentence. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "finding.h"

/* The numbers of a finding, in the two forms that sentences have them. */
void finding_print(const struct finding *found, FILE *out)
{
	const char *p = found->what;
	unsigned int n = 0;

	for (; *p; p++) {
		if (n < 2 && !strncmp(p, "%llu", 4)) {
			fprintf(out, "%" PRIu64, (uint64_t)found->value[n++]);
			p += 3;
		} else if (n < 2 && !strncmp(p, "%#llx", 5)) {
			fprintf(out, "0x%" PRIx64, (uint64_t)found->value[n++]);
			p += 4;
		} else {
			fputc(*p, out);
		}
	}
}
