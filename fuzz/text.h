/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs as text: the assembler and the disassembler, exact inverses.
 *
 * Every byte string has one canonical text, and that text assembles to the
 * same bytes: what the table of operations does not name (another opcode of
 * the same operation, bits of no operand, bytes that never run) is written
 * out as well. docs/programs.md is the language.
 */
#ifndef VLAB_FUZZ_TEXT_H
#define VLAB_FUZZ_TEXT_H

#include <stddef.h>
#include <stdio.h>

#include "program.h"

/* An input that is longer is refused; the text of one that is not, fits. */
#define PROGRAM_BYTES_MAX (1u << 20)
#define PROGRAM_TEXT_MAX (4u << 20)

/* Characters of a line. The longest canonical one has fewer. */
#define TEXT_LINE_MAX 255

/* Bytes that never run are "tail" lines of so many. */
#define TEXT_TAIL_STEM "tail"
#define TEXT_TAIL_BYTES 16

/**
 * struct text_error - why something is not a program
 * @line, @column: where, from 1; 0 when it is not about a place in a text
 * @message: "expected <what>, got "<word>"", or why a file cannot be read
 */
struct text_error {
	unsigned int line;
	unsigned int column;
	char message[512];
};

/* "PATH:LINE:COL: message" and a newline. */
void text_error_print(FILE *out, const char *path,
		      const struct text_error *error);

/*
 * Text to bytes: 0, or -1 with @err filled in and @out undefined. Not more
 * than @max bytes are written. @text need not end with a NUL or a newline.
 */
int program_assemble(const char *text, size_t len, u8 *out, size_t max,
		     size_t *out_len, struct text_error *err);

/* Bytes to canonical text: 0, or -1 when @out failed (errno says why). */
int program_disassemble(const u8 *data, size_t size, FILE *out);

/*
 * The canonical line of a step without its newline, as snprintf() does: the
 * result is what a large enough @buf would hold.
 */
int step_print(const struct step *step, char *buf, size_t size);

/* An operand and what it may be, "len=0x0..0xff"; result as snprintf(). */
int operand_print(const struct operand *operand, char *buf, size_t size);

/* The next operand of @operation, the first after NULL; NULL after the last. */
static inline const struct operand *operand_next(
	const struct operation *operation, const struct operand *operand)
{
	operand = operand ? operand + 1 : operation->operand;
	/* A full list has no room for the mark of its end. */
	if (operand == operation->operand + OPERANDS_MAX ||
	    operand->kind == OPERAND_END)
		return NULL;
	return operand;
}

static inline u32 operand_mask(const struct operand *operand)
{
	return (u32)(((u64)1 << operand->width) - 1) << operand->shift;
}

/* The bits of field 'a', 'b' or 'c' that no operand covers. */
u32 operation_gap(const struct operation *operation, char field);

#endif /* VLAB_FUZZ_TEXT_H */
