// SPDX-License-Identifier: GPL-2.0-or-later
/* Text to bytes; see text.h. */
#include <stdarg.h>
#include <string.h>

#include "text.h"

/* As much of a word as an error message repeats. */
#define GOT_MAX 40

/* Names are compared up to so many characters, to suggest what was meant. */
#define GUESS_MAX 31
#define GUESSES 3

/* What an operand of no name is called: it sets bits that have no other. */
static const char *const strays[] = { "+a", "+b", "+c", "+op" };

struct word {
	const char *start;
	size_t len;
};

/* Where the assembler is. */
struct source {
	const char *line; /* its first character */
	const char *end;
	const char *at; /* what is left of it */
	unsigned int number;
	struct text_error *err;
	u8 *out;
	size_t max;
	size_t len;
	bool tail; /* seen: steps are over */
};

/* "expected <what>, got "<word>"" at the word; always -1. */
__attribute__((format(printf, 3, 4))) static int fail(const struct source *src,
						      const struct word *got,
						      const char *format, ...)
{
	struct text_error *err = src->err;
	size_t room = sizeof(err->message);
	size_t len;
	va_list args;

	err->line = src->number;
	err->column = (unsigned int)(got->start - src->line) + 1;
	len = (size_t)snprintf(err->message, room, "expected ");
	va_start(args, format);
	vsnprintf(err->message + len, room - len, format, args);
	va_end(args);
	len = strlen(err->message);
	if (got->len)
		snprintf(err->message + len, room - len, ", got \"%.*s%s\"",
			 (int)min_t(size_t, got->len, GOT_MAX), got->start,
			 got->len > GOT_MAX ? "..." : "");
	else if (got->start == src->end)
		snprintf(err->message + len, room - len,
			 ", got the end of the line");
	else
		snprintf(err->message + len, room - len, ", got byte 0x%02x",
			 (u8)*got->start);
	return -1;
}

static bool word_is(const struct word *word, const char *text, size_t len)
{
	return word->len == len && !memcmp(word->start, text, len);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word of the line; of no length at its end. */
static struct word next_word(struct source *src)
{
	struct word word;

	while (src->at < src->end && blank(*src->at))
		src->at++;
	word.start = src->at;
	while (src->at < src->end && !blank(*src->at))
		src->at++;
	word.len = (size_t)(src->at - word.start);
	return word;
}

static size_t distance(const char *a, const char *b)
{
	size_t above[GUESS_MAX + 1];
	size_t height = min_t(size_t, strlen(a), GUESS_MAX);
	size_t width = min_t(size_t, strlen(b), GUESS_MAX);
	size_t x, y;

	for (x = 0; x <= width; x++)
		above[x] = x;
	for (y = 1; y <= height; y++) {
		size_t corner = above[0];

		above[0] = y;
		for (x = 1; x <= width; x++) {
			size_t best = corner + (a[y - 1] != b[x - 1]);

			corner = above[x];
			best = min(best, corner + 1);
			above[x] = min(best, above[x - 1] + 1);
		}
	}
	return above[width];
}

/* How far @name is from what was typed, or its second word from the first. */
static size_t farness(const char *typed, const char *first, const char *name)
{
	const char *second = strchr(name, ' ');
	size_t whole = distance(typed, name);
	size_t part = second ? distance(first, second + 1) + 2 : whole;

	return min(whole, part);
}

/* As much of a word as is compared, as a string. */
static void copy_word(char copy[GUESS_MAX + 1], const struct word *word)
{
	size_t len = min_t(size_t, word->len, GUESS_MAX);

	memcpy(copy, word->start, len);
	copy[len] = '\0';
}

static int fail_operation(struct source *src, const struct word *first,
			  const struct word *second)
{
	char typed[GUESS_MAX + 1], word[GUESS_MAX + 1];
	unsigned int op, i, guess[GUESSES] = { 0 };
	struct word got = *first;
	size_t far[OPS];

	if (second->len && !memchr(second->start, '=', second->len))
		got.len = (size_t)(second->start + second->len - first->start);
	copy_word(typed, &got);
	copy_word(word, first);
	for (op = 0; op < OPS; op++)
		far[op] = farness(typed, word, operations[op].name);
	for (i = 0; i < GUESSES; i++) {
		for (op = 0; op < OPS; op++) {
			if (far[op] < far[guess[i]])
				guess[i] = op;
		}
		far[guess[i]] = ~(size_t)0;
	}
	return fail(src, &got, "an operation (nearest: \"%s\", \"%s\", \"%s\")",
		    operations[guess[0]].name, operations[guess[1]].name,
		    operations[guess[2]].name);
}

/* The operation that the line begins with, or -1. */
static int parse_operation(struct source *src, const struct word *first)
{
	const char *after = src->at;
	struct word second = next_word(src);
	int op, single = -1;

	for (op = 0; op < OPS; op++) {
		const char *name = operations[op].name;
		const char *rest = name + first->len;

		if (strncmp(name, first->start, first->len))
			continue;
		if (!*rest)
			single = op;
		else if (*rest == ' ' &&
			 word_is(&second, rest + 1, strlen(rest + 1)))
			return op;
	}
	if (single >= 0) {
		src->at = after;
		return single;
	}
	return fail_operation(src, first, &second);
}

static int digit(char c, unsigned int base)
{
	int value = c >= '0' && c <= '9'   ? c - '0'
		    : c >= 'a' && c <= 'f' ? c - 'a' + 10
		    : c >= 'A' && c <= 'F' ? c - 'A' + 10
					   : 16;

	return value < (int)base ? value : -1;
}

/* A decimal or 0x number; one that is too large becomes the largest. */
static bool parse_number(const struct word *word, u64 *value)
{
	bool hex = word->len > 2 && word->start[0] == '0' &&
		   (word->start[1] == 'x' || word->start[1] == 'X');
	unsigned int base = hex ? 16 : 10;
	size_t i = hex ? 2 : 0;

	*value = 0;
	for (; i < word->len; i++) {
		int d = digit(word->start[i], base);

		if (d < 0)
			return false;
		if (*value > (~(u64)0 - (u64)d) / base)
			*value = ~(u64)0;
		else
			*value = *value * base + (u64)d;
	}
	return word->len > 0;
}

/* The bits that mean @value; above the operand's mask if none do. */
static u64 bits_of(const struct operand *operand, const struct word *value)
{
	u64 top = ((u64)1 << operand->width) - 1;
	u64 number, bits;

	if (operand->kind == OPERAND_NAME) {
		for (bits = 0; bits <= top; bits++) {
			if (word_is(value, operand->names[bits],
				    strlen(operand->names[bits])))
				return bits;
		}
		return ~(u64)0;
	}
	if (!parse_number(value, &number))
		return ~(u64)0;
	if (operand->kind == OPERAND_COUNT)
		return number - 1;
	if (operand->kind == OPERAND_POWER) {
		for (bits = 0; bits <= top; bits++) {
			if (number == (u64)1 << bits)
				return bits;
		}
		return ~(u64)0;
	}
	return number;
}

static void set_bits(struct step *step, char field, u32 bits)
{
	if (field == 'a')
		step->a |= (u8)bits;
	else if (field == 'b')
		step->b |= (u16)bits;
	else
		step->c |= bits;
}

/* "+a=0x80": bits in place; "+op=2": another opcode of the operation. */
static int parse_stray(struct source *src, struct step *step,
		       unsigned int index, const struct word *word,
		       const struct word *value)
{
	const struct operation *operation = &operations[step->op % OPS];
	char field = strays[index][1];
	u64 number;
	u32 gap;

	if (field == 'o') {
		unsigned int most = (255 - step->op) / OPS;

		if (!parse_number(value, &number) || number > most)
			return fail(src, word, "+op=0..%u for \"%s\"", most,
				    operation->name);
		step->op = (u8)(step->op + number * OPS);
		return 0;
	}
	gap = operation_gap(operation, field);
	if (!gap)
		return fail(src, word, "no +%c: \"%s\" names all bits of %c",
			    field, operation->name, field);
	if (!parse_number(value, &number) || number & ~(u64)gap)
		return fail(src, word, "+%c=BITS within 0x%x", field, gap);
	set_bits(step, field, (u32)number);
	return 0;
}

static int parse_named(struct source *src, struct step *step,
		       const struct operand *operand, const struct word *word,
		       const struct word *value)
{
	char range[320];
	u64 bits = 1;

	operand_print(operand, range, sizeof(range));
	if (operand->kind == OPERAND_FLAG) {
		if (value->start)
			return fail(src, word, "the word %s alone", range);
	} else {
		if (!value->start)
			return fail(src, word, "%s", range);
		bits = bits_of(operand, value);
		if (bits > (operand_mask(operand) >> operand->shift))
			return fail(src, word, "%s", range);
	}
	set_bits(step, operand->field, (u32)bits << operand->shift);
	return 0;
}

static int fail_operand(struct source *src, const struct operation *operation,
			const struct word *word)
{
	const struct operand *operand = NULL;
	char list[256] = "";
	size_t len = 0;

	if (!operand_next(operation, NULL))
		return fail(src, word, "no operand: \"%s\" has none",
			    operation->name);
	while ((operand = operand_next(operation, operand)) &&
	       len < sizeof(list))
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					len ? ", " : "", operand->name);
	return fail(src, word, "an operand of \"%s\" (%s)", operation->name,
		    list);
}

/* Finds the operand that @name means: its index, strays after the named. */
static int find_operand(const struct operation *operation,
			const struct word *name)
{
	const struct operand *operand = NULL;
	int i;

	while ((operand = operand_next(operation, operand))) {
		if (word_is(name, operand->name, strlen(operand->name)))
			return (int)(operand - operation->operand);
	}
	for (i = 0; i < (int)ARRAY_SIZE(strays); i++) {
		if (word_is(name, strays[i], strlen(strays[i])))
			return OPERANDS_MAX + i;
	}
	return -1;
}

static int parse_operand(struct source *src, struct step *step,
			 const struct word *word, u32 *seen)
{
	const struct operation *operation = &operations[step->op % OPS];
	const char *equal = memchr(word->start, '=', word->len);
	struct word name = *word, value = { NULL, 0 };
	int index;

	if (equal) {
		name.len = (size_t)(equal - word->start);
		value.start = equal + 1;
		value.len = word->len - name.len - 1;
	}
	index = find_operand(operation, &name);
	if (index < 0)
		return fail_operand(src, operation, word);
	if (*seen & 1u << index)
		return fail(src, word, "\"%.*s\" only once", (int)name.len,
			    name.start);
	*seen |= 1u << index;
	if (index >= OPERANDS_MAX)
		return parse_stray(src, step,
				   (unsigned int)(index - OPERANDS_MAX), word,
				   &value);
	return parse_named(src, step, &operation->operand[index], word, &value);
}

static int emit(struct source *src, const struct word *word, u8 byte)
{
	if (src->len == src->max)
		return fail(src, word, "at most %zu bytes", src->max);
	src->out[src->len++] = byte;
	return 0;
}

/*
 * Bytes that do not run: less than a step needs, or any number after as many
 * steps as run. Others would turn into steps on their way back.
 */
static int parse_tail(struct source *src)
{
	struct word word = next_word(src);
	size_t whole = src->len - src->len % PROGRAM_STEP_SIZE;

	src->tail = true;
	if (!word.len)
		return fail(src, &word, "bytes in hex");
	for (; word.len; word = next_word(src)) {
		int high = digit(word.start[0], 16);
		int low = word.len == 2 ? digit(word.start[1], 16) : -1;

		if (high < 0 || low < 0)
			return fail(src, &word, "a byte as two hex digits");
		if (whole < (size_t)PROGRAM_STEPS_MAX * PROGRAM_STEP_SIZE &&
		    src->len - whole == PROGRAM_STEP_SIZE - 1)
			return fail(src, &word,
				    "at most %d bytes (more are a step)",
				    PROGRAM_STEP_SIZE - 1);
		if (emit(src, &word, (u8)(high << 4 | low)))
			return -1;
	}
	return 0;
}

static int parse_step(struct source *src, const struct word *first)
{
	int op = parse_operation(src, first);
	struct step step = { .op = (u8)op };
	u8 record[PROGRAM_STEP_SIZE];
	struct word word;
	u32 seen = 0;
	unsigned int i;

	if (op < 0)
		return -1;
	for (word = next_word(src); word.len; word = next_word(src)) {
		if (parse_operand(src, &step, &word, &seen))
			return -1;
	}
	if (src->tail)
		return fail(src, first, "nothing but \"%s\" lines after one",
			    TEXT_TAIL_STEM);
	if (src->len == (size_t)PROGRAM_STEPS_MAX * PROGRAM_STEP_SIZE)
		return fail(src, first, "at most %d steps", PROGRAM_STEPS_MAX);
	record[0] = step.op;
	record[1] = step.a;
	put_unaligned_le16(step.b, record + 2);
	put_unaligned_le32(step.c, record + 4);
	for (i = 0; i < PROGRAM_STEP_SIZE; i++) {
		if (emit(src, first, record[i]))
			return -1;
	}
	return 0;
}

/* Narrows the line to what counts of it. */
static int check_line(struct source *src)
{
	const char *at;
	struct word word;

	/* A file that went through Windows. */
	if (src->end > src->line && src->end[-1] == '\r')
		src->end--;
	for (at = src->line; at < src->end; at++) {
		if ((*at >= ' ' && *at <= '~') || *at == '\t')
			continue;
		word = (struct word){ at, 0 };
		return fail(src, &word, "ASCII text");
	}
	if (src->end - src->line > TEXT_LINE_MAX) {
		word.start = src->line + TEXT_LINE_MAX;
		word.len = (size_t)(src->end - word.start);
		return fail(src, &word, "a line of at most %d characters",
			    TEXT_LINE_MAX);
	}
	at = memchr(src->line, '#', (size_t)(src->end - src->line));
	if (at)
		src->end = at;
	return 0;
}

int program_assemble(const char *text, size_t len, u8 *out, size_t max,
		     size_t *out_len, struct text_error *err)
{
	struct source src = { .err = err, .out = out, .max = max };
	const char *limit = text + len;
	const char *next;
	struct word first;

	if (len > PROGRAM_TEXT_MAX) {
		*err = (struct text_error){ 0 };
		snprintf(err->message, sizeof(err->message),
			 "expected at most %u bytes of text, got %zu",
			 PROGRAM_TEXT_MAX, len);
		return -1;
	}
	for (src.line = text; src.line < limit; src.line = next) {
		src.number++;
		src.end = memchr(src.line, '\n', (size_t)(limit - src.line));
		next = src.end ? src.end + 1 : limit;
		if (!src.end)
			src.end = limit;
		if (check_line(&src))
			return -1;
		src.at = src.line;
		first = next_word(&src);
		if (!first.len)
			continue;
		if (word_is(&first, TEXT_TAIL_STEM, strlen(TEXT_TAIL_STEM))
			    ? parse_tail(&src)
			    : parse_step(&src, &first))
			return -1;
	}
	*out_len = src.len;
	return 0;
}
