// SPDX-License-Identifier: GPL-2.0-or-later
/* Bytes to text; see text.h. */
#include <stdarg.h>
#include <string.h>

#include "text.h"

/*
 * The words before the operands make two columns. The first has a fixed
 * width, so that a line does not depend on the ones around it.
 */
#define STEM_WIDTH 8

/* A string under construction; what does not fit is only counted. */
struct sink {
	char *buf;
	size_t size;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct sink *sink,
						      const char *format, ...)
{
	bool fits = sink->len < sink->size;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(fits ? sink->buf + sink->len : NULL,
			fits ? sink->size - sink->len : 0, format, args);
	va_end(args);
	if (len > 0)
		sink->len += (size_t)len;
}

u32 operation_gap(const struct operation *operation, char field)
{
	const struct operand *operand = NULL;
	u32 gap = field == 'a' ? 0xff : field == 'b' ? 0xffff : 0xffffffff;

	while ((operand = operand_next(operation, operand))) {
		if (operand->field == field)
			gap &= ~operand_mask(operand);
	}
	return gap;
}

static u32 field_of(const struct step *step, char field)
{
	return field == 'a' ? step->a : field == 'b' ? step->b : step->c;
}

int operand_print(const struct operand *operand, char *buf, size_t size)
{
	struct sink sink = { buf, size, 0 };
	unsigned long long top = ((u64)1 << operand->width) - 1;
	unsigned int i;

	put(&sink, "%s", operand->name);
	switch (operand->kind) {
	case OPERAND_END:
	case OPERAND_FLAG:
		break;
	case OPERAND_NUMBER:
		put(&sink, "=0..%llu", top);
		break;
	case OPERAND_HEX:
		put(&sink, "=0x0..0x%llx", top);
		break;
	case OPERAND_COUNT:
		put(&sink, "=1..%llu", top + 1);
		break;
	case OPERAND_POWER:
		put(&sink, "=1,2,4..%llu", 1ULL << top);
		break;
	case OPERAND_NAME:
		for (i = 0; i <= top; i++)
			put(&sink, "%c%s", i ? '|' : '=', operand->names[i]);
		break;
	}
	return (int)sink.len;
}

/*
 * What reads as 0 or as nothing is left out. A count's or a power's 1 and the
 * first of the names are bits of 0 too, but do not go without saying.
 */
static void put_operand(struct sink *sink, const struct operand *operand,
			u32 field)
{
	u32 bits = (field & operand_mask(operand)) >> operand->shift;

	switch (operand->kind) {
	case OPERAND_END:
		break;
	case OPERAND_FLAG:
		if (bits)
			put(sink, " %s", operand->name);
		break;
	case OPERAND_NUMBER:
		if (bits)
			put(sink, " %s=%u", operand->name, bits);
		break;
	case OPERAND_HEX:
		if (bits)
			put(sink, " %s=0x%x", operand->name, bits);
		break;
	case OPERAND_COUNT:
		put(sink, " %s=%llu", operand->name, bits + 1ULL);
		break;
	case OPERAND_POWER:
		put(sink, " %s=%llu", operand->name, 1ULL << bits);
		break;
	case OPERAND_NAME:
		put(sink, " %s=%s", operand->name, operand->names[bits]);
		break;
	}
}

/* All operands of a step, each with a blank before it. */
static void put_operands(struct sink *sink, const struct step *step)
{
	const struct operation *operation = &operations[step->op % OPS];
	const struct operand *operand = NULL;
	const char *field;
	u32 stray;

	while ((operand = operand_next(operation, operand)))
		put_operand(sink, operand, field_of(step, operand->field));
	for (field = "abc"; *field; field++) {
		stray = field_of(step, *field) &
			operation_gap(operation, *field);
		if (stray)
			put(sink, " +%c=0x%x", *field, stray);
	}
	if (step->op >= OPS)
		put(sink, " +op=%u", step->op / OPS);
}

/* @column: the width of the second word; 0: as wide as it is. */
static size_t step_format(const struct step *step, size_t column, char *buf,
			  size_t size)
{
	const char *name = operations[step->op % OPS].name;
	const char *second = strchr(name, ' ');
	size_t first = second ? (size_t)(second - name) : strlen(name);
	struct sink sink = { buf, size, 0 };
	char operands[TEXT_LINE_MAX + 1] = "";
	struct sink rest = { operands, sizeof(operands), 0 };

	put_operands(&rest, step);
	put(&sink, "%.*s", (int)first, name);
	if (second || rest.len)
		put(&sink, "%*s",
		    first < STEM_WIDTH ? (int)(STEM_WIDTH - first) : 1, "");
	if (second)
		put(&sink, "%-*s", rest.len ? (int)column : 0, second + 1);
	/* The operands begin with a blank that a single word does not need. */
	put(&sink, "%s", second || !rest.len ? operands : operands + 1);
	return sink.len;
}

int step_print(const struct step *step, char *buf, size_t size)
{
	return (int)step_format(step, 0, buf, size);
}

/* The width that lines the operands of @steps steps up. */
static size_t second_column(const u8 *data, unsigned int steps)
{
	char operands[TEXT_LINE_MAX + 1];
	size_t column = 0;
	unsigned int i;

	for (i = 0; i < steps; i++) {
		struct step step = program_step(data, i);
		struct sink sink = { operands, sizeof(operands), 0 };
		const char *second =
			strchr(operations[step.op % OPS].name, ' ');

		if (!second || strlen(second + 1) <= column)
			continue;
		/* A word that nothing follows may stick out. */
		put_operands(&sink, &step);
		if (sink.len)
			column = strlen(second + 1);
	}
	return column;
}

int program_disassemble(const u8 *data, size_t size, FILE *out)
{
	unsigned int i, steps = program_steps(size);
	size_t column = second_column(data, steps);
	size_t at;

	for (i = 0; i < steps; i++) {
		struct step step = program_step(data, i);
		char line[TEXT_LINE_MAX + 1];

		step_format(&step, column, line, sizeof(line));
		if (fprintf(out, "%s\n", line) < 0)
			return -1;
	}
	for (at = (size_t)steps * PROGRAM_STEP_SIZE, i = 0; at < size; at++) {
		if (!i &&
		    fprintf(out, "%-*s", STEM_WIDTH - 1, TEXT_TAIL_STEM) < 0)
			return -1;
		i = (i + 1) % TEXT_TAIL_BYTES;
		if (fprintf(out, " %02x%s", data[at],
			    !i || at + 1 == size ? "\n" : "") < 0)
			return -1;
	}
	return 0;
}
