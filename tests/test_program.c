// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs as text and as bytes are exact inverses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

/* An emulated machine may do with fewer. */
#ifndef ROUNDS
#define ROUNDS 200000
#endif
#define RANDOM_BYTES_MAX 200
#define RUNNING (PROGRAM_STEPS_MAX * PROGRAM_STEP_SIZE)

/* xorshift64: the same numbers everywhere. */
static u64 random_state = 0x9e3779b97f4a7c15;

static u32 random_below(u32 limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (u32)(random_state >> 32) % limit;
}

/* The text of @data in @text, which has room for it; its length. */
static size_t to_text(const u8 *data, size_t size, char *text, size_t room)
{
	FILE *out = fmemopen(text, room, "w");
	long len;

	assert_non_null(out);
	assert_int_equal(program_disassemble(data, size, out), 0);
	len = ftell(out);
	assert_int_equal(fclose(out), 0);
	assert_in_range(len, 0, room - 1);
	return (size_t)len;
}

/* Assembles what must be a program. */
static size_t to_bytes(const char *text, size_t len, u8 *data, size_t max)
{
	struct text_error err = { 0 };
	size_t size = 0;

	if (program_assemble(text, len, data, max, &size, &err))
		fail_msg("%u:%u: %s in:\n%.*s", err.line, err.column,
			 err.message, (int)len, text);
	return size;
}

/*
 * Bytes to text and back. That a canonical text survives follows: it is the
 * text of some bytes, and the same bytes have the same text.
 */
static void check_bytes(const u8 *data, size_t size)
{
	static char text[PROGRAM_TEXT_MAX + 1];
	static u8 back[PROGRAM_BYTES_MAX];
	/* Clearing all of the memory would take most of the time. */
	size_t room = size < RUNNING ? 32768 : sizeof(text);
	size_t len = to_text(data, size, text, room);

	assert_int_equal(to_bytes(text, len, back, sizeof(back)), size);
	assert_memory_equal(back, data, size);
}

static void encode(const struct step *step, u8 record[PROGRAM_STEP_SIZE])
{
	record[0] = step->op;
	record[1] = step->a;
	put_unaligned_le16(step->b, record + 2);
	put_unaligned_le32(step->c, record + 4);
}

static void check_word(const char *word, const char *more)
{
	assert_true(*word);
	for (; *word; word++) {
		if (!(*word >= 'a' && *word <= 'z') &&
		    !(*word >= '0' && *word <= '9') && !strchr(more, *word))
			fail_msg("character '%c' in the table", *word);
	}
}

static void check_operand(const struct operation *operation,
			  const struct operand *operand, u32 *taken)
{
	unsigned int room = operand->field == 'a'   ? 8
			    : operand->field == 'b' ? 16
						    : 32;
	const struct operand *other = NULL;
	u32 *bits = &taken[operand->field - 'a'];
	u32 i, j;

	check_word(operand->name, "_");
	while ((other = operand_next(operation, other)) != operand)
		assert_true(strcmp(other->name, operand->name));
	assert_true(operand->field >= 'a' && operand->field <= 'c');
	assert_in_range(operand->width, 1, 32);
	assert_in_range(operand->shift + operand->width, 1, room);
	assert_int_equal(*bits & operand_mask(operand), 0);
	*bits |= operand_mask(operand);
	if (operand->kind == OPERAND_FLAG)
		assert_int_equal(operand->width, 1);
	if (operand->kind == OPERAND_POWER)
		assert_in_range(operand->width, 1, 5);
	for (i = 0; operand->kind == OPERAND_NAME && i >> operand->width == 0;
	     i++) {
		check_word(operand->names[i], "_.");
		for (j = 0; j < i; j++)
			assert_true(
				strcmp(operand->names[i], operand->names[j]));
	}
}

/* What the assembler takes for granted about the table. */
static void table_is_sound(void **state)
{
	unsigned int op, other;

	(void)state;
	for (op = 0; op < OPS; op++) {
		const struct operation *operation = &operations[op];
		const struct operand *operand = NULL;
		size_t len = strlen(operation->name);
		u32 taken[3] = { 0 };

		check_word(operation->name, "_ ");
		assert_true(*operation->help);
		assert_true(strcmp(operation->name, TEXT_TAIL_STEM));
		for (other = 0; other < OPS; other++) {
			/* "x y" must not read as "x" with an operand y. */
			if (other != op && !strncmp(operations[other].name,
						    operation->name, len))
				assert_false(strchr(
					"  ", operations[other].name[len]));
		}
		while ((operand = operand_next(operation, operand)))
			check_operand(operation, operand, taken);
		assert_int_equal(taken[0] ^ operation_gap(operation, 'a'),
				 0xff);
		assert_int_equal(taken[1] ^ operation_gap(operation, 'b'),
				 0xffff);
		assert_int_equal(taken[2] ^ operation_gap(operation, 'c'),
				 0xffffffff);
	}
}

/* Assembles "@name @operand" and expects @bits in the operand's field. */
static void check_value(unsigned int op, const struct operand *operand,
			u32 bits)
{
	struct step step = { .op = (u8)op };
	u8 record[PROGRAM_STEP_SIZE], back[PROGRAM_STEP_SIZE];
	char line[TEXT_LINE_MAX + 1], terse[TEXT_LINE_MAX + 1];
	const char *word;
	u32 placed = bits << operand->shift;
	int len;

	if (operand->field == 'a')
		step.a = (u8)placed;
	else if (operand->field == 'b')
		step.b = (u16)placed;
	else
		step.c = placed;
	encode(&step, record);
	check_bytes(record, sizeof(record));
	len = step_print(&step, line, sizeof(line));
	assert_in_range(len, 1, TEXT_LINE_MAX);
	assert_int_equal(to_bytes(line, (size_t)len, back, sizeof(back)),
			 sizeof(back));
	assert_memory_equal(back, record, sizeof(back));

	/* All others are 0 bits, and so may be left out. */
	word = line;
	do {
		word = strstr(word + 1, operand->name);
	} while (word && (word[-1] != ' ' ||
			  !strchr("= ", word[strlen(operand->name)]) ||
			  word < line + strlen(operations[op].name)));
	len = snprintf(terse, sizeof(terse), "%s %.*s", operations[op].name,
		       word ? (int)strcspn(word, " ") : 0, word ? word : "");
	assert_int_equal(to_bytes(terse, (size_t)len, back, sizeof(back)),
			 sizeof(back));
	assert_memory_equal(back, record, sizeof(back));
}

static void every_operand_takes_every_value(void **state)
{
	unsigned int op;

	(void)state;
	for (op = 0; op < OPS; op++) {
		const struct operand *operand = NULL;
		u32 top, bits;

		while ((operand = operand_next(&operations[op], operand))) {
			top = operand_mask(operand) >> operand->shift;
			for (bits = 0; bits < 256 && bits < top; bits++)
				check_value(op, operand, bits);
			for (bits = 256; bits && bits < top; bits <<= 1)
				check_value(op, operand, bits);
			check_value(op, operand, top);
		}
	}
}

/* Each opcode byte, with each bit of the record alone and with all of them. */
static void every_bit_survives(void **state)
{
	u8 record[PROGRAM_STEP_SIZE];
	unsigned int op, bit;

	(void)state;
	for (op = 0; op < 256; op++) {
		for (bit = 8; bit < 8 * PROGRAM_STEP_SIZE; bit++) {
			memset(record, 0, sizeof(record));
			record[0] = (u8)op;
			record[bit / 8] = (u8)(1 << bit % 8);
			check_bytes(record, sizeof(record));
		}
		memset(record, 0xff, sizeof(record));
		record[0] = (u8)op;
		check_bytes(record, sizeof(record));
	}
}

static void random_bytes_survive(void **state)
{
	u8 data[RANDOM_BYTES_MAX];
	unsigned int round;
	size_t size, i;

	(void)state;
	for (round = 0; round < ROUNDS; round++) {
		size = random_below(sizeof(data) + 1);
		for (i = 0; i < size; i++)
			data[i] = (u8)random_below(256);
		/* Zeros are what random bytes have too few of. */
		for (i = random_below(8); i && i < size; i += 2)
			data[i] = 0;
		check_bytes(data, size);
	}
}

/* Bytes after the last step that runs, up to the largest input. */
static void long_inputs_survive(void **state)
{
	static u8 data[PROGRAM_BYTES_MAX];
	static const size_t sizes[] = {
		0,
		RUNNING - 1,
		RUNNING,
		RUNNING + 1,
		RUNNING + 8,
		RUNNING + 15,
		RUNNING + 16,
		RUNNING + 17,
		sizeof(data),
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = (u8)random_below(256);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		check_bytes(data, sizes[i]);
}

static void check_same(const char *text, const char *other)
{
	u8 a[256], b[256];
	size_t len = to_bytes(text, strlen(text), a, sizeof(a));

	assert_int_equal(to_bytes(other, strlen(other), b, sizeof(b)), len);
	assert_memory_equal(a, b, len);
}

static void text_has_many_forms(void **state)
{
	static const u8 used[] = { OP_DEVICE_USED, 0, 8, 0, 1, 0, 0, 0 };
	u8 data[16];

	(void)state;
	assert_int_equal(to_bytes("", 0, data, sizeof(data)), 0);
	assert_int_equal(to_bytes("\n # x\n\n", 7, data, sizeof(data)), 0);
	assert_int_equal(to_bytes("device used id=8 len=1", 22, data, 16), 8);
	assert_memory_equal(data, used, sizeof(used));
	check_same("device used id=8 len=1",
		   "\tdevice\t used len=0x1 id=008 \n");
	check_same("device used id=8 len=1", "device used len=1 id=0X8#len=2");
	check_same("queue num=8 indirect", "queue indirect num=8\r\n# x\r\n");
	check_same("queue num=1 count=1", "queue");
	check_same("during", "during read=1 cell=used.idx at=0 is=0x0");
	check_same("driver kick", "driver kick +a=0 +b=0x0 +op=0");
	check_same("tail 0a ff", "tail 0A # x\n\ntail FF");
	check_same("queue features=0xAbCdEf01", "queue features=2882400001");
}

static void step_print_counts_what_does_not_fit(void **state)
{
	struct step step = { .op = OP_DEVICE_USED, .b = 8, .c = 1 };
	static const char line[] = "device  used id=8 len=0x1";
	char buf[64];

	(void)state;
	assert_int_equal(step_print(&step, buf, sizeof(buf)), strlen(line));
	assert_string_equal(buf, line);
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(step_print(&step, buf, 10), strlen(line));
	assert_memory_equal(buf, "device  u\0x", 11);
	assert_int_equal(step_print(&step, NULL, 0), strlen(line));
}

static void columns_line_up(void **state)
{
	static const char program[] = "during  read=1 cell=used.idx is=0x7\n"
				      "driver  add      ins=1 in=64\n"
				      "device  used_raw id=0x8 len=1\n"
				      "driver  get\n"
				      "tail    0a ff\n";
	char text[sizeof(program) + 1] = "";
	u8 data[64];
	size_t size;

	(void)state;
	size = to_bytes(program, strlen(program), data, sizeof(data));
	assert_int_equal(to_text(data, size, text, sizeof(text)),
			 strlen(program));
	assert_string_equal(text, program);
}

/* Changes a few places of a text to what may or may not mean something. */
static size_t damage(char *text, size_t len)
{
	static const char alphabet[] = "0123456789abcdefx=+#_. \n\r\tquein";
	unsigned int i;

	for (i = random_below(4); i && len; i--) {
		size_t at = random_below((u32)len);
		size_t cut = random_below(8);

		if (random_below(2)) {
			text[at] = alphabet[random_below(sizeof(alphabet))];
			continue;
		}
		if (cut > len - at)
			cut = len - at;
		memmove(text + at, text + at + cut, len - at - cut);
		len -= cut;
	}
	return len;
}

/* A text is refused with its place, or it is one way to write its bytes. */
static void random_text_is_refused_or_means_bytes(void **state)
{
	u8 data[RUNNING], back[RUNNING];
	unsigned int round, accepted = 0;
	static char text[32768];
	size_t len, size, i;

	(void)state;
	for (round = 0; round < ROUNDS / 4; round++) {
		struct text_error err = { 0 };

		size = random_below(40);
		for (i = 0; i < size; i++)
			data[i] = (u8)random_below(256);
		len = damage(text, to_text(data, size, text, sizeof(text)));
		if (program_assemble(text, len, back, sizeof(back), &size,
				     &err)) {
			assert_true(err.line && err.column);
			assert_in_range(strlen(err.message), 20, 400);
			assert_non_null(strstr(err.message, ", got "));
		} else {
			check_bytes(back, size);
			accepted++;
		}
	}
	assert_in_range(accepted, ROUNDS / 40, ROUNDS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sound),
		cmocka_unit_test(every_operand_takes_every_value),
		cmocka_unit_test(every_bit_survives),
		cmocka_unit_test(random_bytes_survive),
		cmocka_unit_test(long_inputs_survive),
		cmocka_unit_test(text_has_many_forms),
		cmocka_unit_test(step_print_counts_what_does_not_fit),
		cmocka_unit_test(columns_line_up),
		cmocka_unit_test(random_text_is_refused_or_means_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
