// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs from files; see input.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"

#define CHUNK 4096

void text_error_print(FILE *out, const char *path,
		      const struct text_error *error)
{
	if (!strcmp(path, "-"))
		path = "standard input";
	if (error->line)
		fprintf(out, "%s:%u:%u: %s\n", path, error->line, error->column,
			error->message);
	else
		fprintf(out, "%s: %s\n", path, error->message);
}

__attribute__((format(printf, 2, 3))) static int fail(struct text_error *err,
						      const char *format, ...)
{
	va_list args;

	err->line = 0;
	err->column = 0;
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	return -1;
}

bool program_path_is_text(const char *path)
{
	size_t len = strlen(path), suffix = strlen(PROGRAM_TEXT_SUFFIX);

	return len >= suffix &&
	       !strcmp(path + len - suffix, PROGRAM_TEXT_SUFFIX);
}

/* All of @in; more than @max bytes are an error, known without a seek. */
static int read_all(FILE *in, size_t max, u8 **data, size_t *size,
		    struct text_error *err)
{
	size_t room = 0, len = 0, got;
	u8 *buf = NULL, *more;

	do {
		if (room - len < CHUNK) {
			room = room ? 2 * room : CHUNK;
			more = realloc(buf, room);
			if (!more) {
				free(buf);
				return fail(err, "cannot read it: "
						 "there is no memory left");
			}
			buf = more;
		}
		got = fread(buf + len, 1, CHUNK, in);
		len += got;
	} while (got && len <= max);
	if (ferror(in)) {
		free(buf);
		return fail(err, "cannot read it: %s", strerror(errno));
	}
	if (len > max) {
		free(buf);
		return fail(err,
			    "expected a program of at most %zu bytes, "
			    "got more",
			    max);
	}
	*data = buf;
	*size = len;
	return 0;
}

static int load(const char *path, size_t max, u8 **data, size_t *size,
		struct text_error *err)
{
	bool standard = !strcmp(path, "-");
	FILE *in = standard ? stdin : fopen(path, "rb");
	int result;

	if (!in)
		return fail(err, "cannot open it: %s", strerror(errno));
	result = read_all(in, max, data, size, err);
	if (!standard)
		fclose(in);
	return result;
}

int program_load_text(const char *path, u8 **data, size_t *size,
		      struct text_error *err)
{
	u8 *text, *bytes;
	size_t len;
	int result;

	if (load(path, PROGRAM_TEXT_MAX, &text, &len, err))
		return -1;
	bytes = malloc(PROGRAM_BYTES_MAX);
	if (!bytes) {
		free(text);
		return fail(err, "cannot assemble it: "
				 "there is no memory left");
	}
	result = program_assemble((const char *)text, len, bytes,
				  PROGRAM_BYTES_MAX, size, err);
	free(text);
	if (result) {
		free(bytes);
		return result;
	}
	/* Who loads many of them needs no megabyte for each. */
	text = realloc(bytes, *size ? *size : 1);
	*data = text ? text : bytes;
	return 0;
}

int program_load(const char *path, u8 **data, size_t *size,
		 struct text_error *err)
{
	if (program_path_is_text(path))
		return program_load_text(path, data, size, err);
	return load(path, PROGRAM_BYTES_MAX, data, size, err);
}
