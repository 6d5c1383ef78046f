/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs in files.
 *
 * The name decides what a file holds, its bytes never do: what ends in .vlab
 * is text, all else is bytes. Bytes may look like anything, and one input must
 * not mean two things.
 */
#ifndef VLAB_FUZZ_INPUT_H
#define VLAB_FUZZ_INPUT_H

#include "text.h"

#define PROGRAM_TEXT_SUFFIX ".vlab"

bool program_path_is_text(const char *path);

/*
 * The bytes of the program in a file of either kind; "-" is bytes on standard
 * input. 0 and a buffer for free(), not NULL even if @size is 0: an empty file
 * is the empty program. Or -1 with @err filled in.
 */
int program_load(const char *path, u8 **data, size_t *size,
		 struct text_error *err);

/* As program_load(), for a file or standard input that is text. */
int program_load_text(const char *path, u8 **data, size_t *size,
		      struct text_error *err);

#endif /* VLAB_FUZZ_INPUT_H */
