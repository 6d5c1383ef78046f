// SPDX-License-Identifier: GPL-2.0-or-later
/* What is wrong with a program, and where; what a file may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "input.h"

#define RUNNING (PROGRAM_STEPS_MAX * PROGRAM_STEP_SIZE)

struct mistake {
	const char *text;
	unsigned int line;
	unsigned int column;
	const char *message;
};

static const struct mistake mistakes[] = {
	{ "queue\ndevice used id=65536", 2, 13,
	  "expected id=0..65535, got \"id=65536\"" },
	{ "device used id=70000", 1, 13,
	  "expected id=0..65535, got \"id=70000\"" },
	{ "device used id=18446744073709551617", 1, 13,
	  "expected id=0..65535, got \"id=18446744073709551617\"" },
	{ "device used id=-1", 1, 13, "expected id=0..65535, got \"id=-1\"" },
	{ "device used id=0x", 1, 13, "expected id=0..65535, got \"id=0x\"" },
	{ "device used id=", 1, 13, "expected id=0..65535, got \"id=\"" },
	{ "device used id", 1, 13, "expected id=0..65535, got \"id\"" },
	{ "device used len=0x100000000", 1, 13,
	  "expected len=0x0..0xffffffff, got \"len=0x100000000\"" },
	{ "device used idx=3", 1, 13,
	  "expected an operand of \"device used\" (id, len), got \"idx=3\"" },
	{ "device used id=1 id=2", 1, 18,
	  "expected \"id\" only once, got \"id=2\"" },
	{ "device serve buffers=0", 1, 14,
	  "expected buffers=1..256, got \"buffers=0\"" },
	{ "device serve buffers=257", 1, 14,
	  "expected buffers=1..256, got \"buffers=257\"" },
	{ "queue num=3", 1, 7, "expected num=1,2,4..32768, got \"num=3\"" },
	{ "queue num=65536", 1, 7,
	  "expected num=1,2,4..32768, got \"num=65536\"" },
	{ "queue indirect=1", 1, 7,
	  "expected the word indirect alone, got \"indirect=1\"" },
	{ "queue indirect=", 1, 7,
	  "expected the word indirect alone, got \"indirect=\"" },
	{ "device desc field=foo", 1, 13,
	  "expected field=addr|len|flags|next, got \"field=foo\"" },
	{ "driver kick now", 1, 13,
	  "expected no operand: \"driver kick\" has none, got \"now\"" },
	{ "driver kick +a=256", 1, 13,
	  "expected +a=BITS within 0xff, got \"+a=256\"" },
	{ "driver kick +a=1 +a=2", 1, 18,
	  "expected \"+a\" only once, got \"+a=2\"" },
	{ "device used +c=1", 1, 13,
	  "expected no +c: \"device used\" names all bits of c, "
	  "got \"+c=1\"" },
	{ "queue\n\ntail", 3, 5,
	  "expected bytes in hex, got the end of the line" },
	{ "tail 0", 1, 6, "expected a byte as two hex digits, got \"0\"" },
	{ "tail 0g", 1, 6, "expected a byte as two hex digits, got \"0g\"" },
	{ "tail 1 2 3 4 5 6", 1, 6,
	  "expected a byte as two hex digits, got \"1\"" },
	{ "tail 00 01 02 03 04 05 06\ntail 07", 2, 6,
	  "expected at most 7 bytes (more are a step), got \"07\"" },
	{ "tail 00\nqueue", 2, 1,
	  "expected nothing but \"tail\" lines after one, got \"queue\"" },
	{ "queue # \xc3\xa9", 1, 9, "expected ASCII text, got byte 0xc3" },
	{ "que\rue", 1, 4, "expected ASCII text, got byte 0x0d" },
	{ "select queue="
	  "99999999999999999999999999999999999999999999999999999999",
	  1, 8,
	  "expected queue=0..255, got "
	  "\"queue=9999999999999999999999999999999999...\"" },
};

static void mistakes_are_explained(void **state)
{
	struct text_error err;
	u8 data[64];
	size_t size, i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		const struct mistake *mistake = &mistakes[i];

		memset(&err, 0xff, sizeof(err));
		assert_int_equal(program_assemble(mistake->text,
						  strlen(mistake->text), data,
						  sizeof(data), &size, &err),
				 -1);
		assert_string_equal(err.message, mistake->message);
		assert_int_equal(err.line, mistake->line);
		assert_int_equal(err.column, mistake->column);
	}
}

/* The operation that was meant is suggested first. */
static void close_names_are_suggested(void **state)
{
	static const char *const pairs[][2] = {
		{ "device usd", "device used" },
		{ "used id=8", "device used" },
		{ "  quue num=8", "queue" },
		{ "driver  gett", "driver get" },
		{ "duringg read=1", "during" },
		{ "bus_show", "bus show" },
		{ "blockread", "block read" },
		{ "Select", "select" },
	};
	char expected[80];
	struct text_error err;
	u8 data[8];
	size_t size, i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		assert_int_equal(program_assemble(pairs[i][0],
						  strlen(pairs[i][0]), data,
						  sizeof(data), &size, &err),
				 -1);
		snprintf(expected, sizeof(expected),
			 "expected an operation (nearest: \"%s\",",
			 pairs[i][1]);
		assert_memory_equal(err.message, expected, strlen(expected));
		assert_int_equal(err.line, 1);
		assert_int_equal(err.column, pairs[i][0][0] == ' ' ? 3 : 1);
	}
}

static void check_refused(const char *text, size_t len, size_t max,
			  struct mistake expected)
{
	static u8 data[PROGRAM_BYTES_MAX];
	struct text_error err;
	size_t size;

	assert_in_range(max, 0, sizeof(data));
	assert_int_equal(program_assemble(text, len, data, max, &size, &err),
			 -1);
	assert_string_equal(err.message, expected.message);
	assert_int_equal(err.line, expected.line);
	assert_int_equal(err.column, expected.column);
}

static void check_taken(const char *text, size_t len, size_t expected)
{
	static u8 data[PROGRAM_BYTES_MAX];
	struct text_error err;
	size_t size;

	assert_int_equal(program_assemble(text, len, data, sizeof(data), &size,
					  &err),
			 0);
	assert_int_equal(size, expected);
}

static void limits_are_kept(void **state)
{
	static char text[PROGRAM_TEXT_MAX + 1];
	unsigned int i;
	size_t len = 0;

	(void)state;
	check_refused("queue\0", 6, 8,
		      (struct mistake){ "", 1, 6,
					"expected ASCII text, got byte 0x00" });
	check_refused("queue\nqueue", 11, 15,
		      (struct mistake){ "", 2, 1,
					"expected at most 15 bytes, "
					"got \"queue\"" });
	for (i = 0; i < PROGRAM_STEPS_MAX; i++)
		len += (size_t)sprintf(text + len, "queue\n");
	check_taken(text, len, RUNNING);
	len += (size_t)sprintf(text + len, "driver get");
	check_refused(text, len, PROGRAM_BYTES_MAX,
		      (struct mistake){ "", 129, 1,
					"expected at most 128 "
					"steps, got \"driver\"" });

	memset(text, ' ', sizeof(text));
	check_taken(text, TEXT_LINE_MAX, 0);
	text[TEXT_LINE_MAX] = 'x';
	check_refused(text, TEXT_LINE_MAX + 1, 8,
		      (struct mistake){ "", 1, TEXT_LINE_MAX + 1,
					"expected a line of at most 255 "
					"characters, got \"x\"" });
	memset(text, '\n', sizeof(text));
	check_taken(text, PROGRAM_TEXT_MAX, 0);
	check_refused(text, PROGRAM_TEXT_MAX + 1, 8,
		      (struct mistake){ "", 0, 0,
					"expected at most 4194304 bytes of "
					"text, got 4194305" });
}

static void write_file(const char *path, const char *content, size_t size)
{
	FILE *out = fopen(path, "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(content, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
}

static void check_unloadable(const char *path, const char *message)
{
	struct text_error err;
	size_t size;
	u8 *data;

	assert_int_equal(program_load(path, &data, &size, &err), -1);
	assert_string_equal(err.message, message);
	assert_int_equal(err.line, 0);
}

static void files_are_what_their_names_say(void **state)
{
	char dir[] = "/tmp/vlab-test-XXXXXX";
	struct text_error err;
	size_t size;
	u8 *data;

	(void)state;
	assert_true(program_path_is_text("a/b.vlab"));
	assert_true(program_path_is_text(".vlab"));
	assert_false(program_path_is_text("b.vlab/a"));
	assert_false(program_path_is_text("vlab"));
	assert_false(program_path_is_text("b.VLAB"));
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);

	write_file("same", "queue\n", 6);
	write_file("same.vlab", "queue\n", 6);
	assert_int_equal(program_load("same", &data, &size, &err), 0);
	assert_int_equal(size, 6);
	assert_memory_equal(data, "queue\n", 6);
	free(data);
	assert_int_equal(program_load("same.vlab", &data, &size, &err), 0);
	assert_int_equal(size, PROGRAM_STEP_SIZE);
	free(data);

	write_file("same", "", 0);
	assert_int_equal(program_load("same", &data, &size, &err), 0);
	assert_int_equal(size, 0);
	assert_non_null(data);
	free(data);
	write_file("same.vlab", "queue\n\nqeue\n", 12);
	assert_int_equal(program_load("same.vlab", &data, &size, &err), -1);
	assert_int_equal(err.line, 3);

	check_unloadable("absent", "cannot open it: No such file or directory");
	check_unloadable(".", "cannot read it: Is a directory");
	assert_int_equal(truncate("same", PROGRAM_BYTES_MAX), 0);
	assert_int_equal(program_load("same", &data, &size, &err), 0);
	assert_int_equal(size, PROGRAM_BYTES_MAX);
	free(data);
	assert_int_equal(truncate("same", PROGRAM_BYTES_MAX + 1), 0);
	check_unloadable("same", "expected a program of at most 1048576 "
				 "bytes, got more");
	assert_int_equal(unlink("same") | unlink("same.vlab"), 0);
	assert_int_equal(chdir("/") | rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_explained),
		cmocka_unit_test(close_names_are_suggested),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(files_are_what_their_names_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
