// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vlabasm: programs between text and bytes; `vlabasm --help`.
 *
 * An output file appears whole or not at all: it is written under another
 * name and renamed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input.h"

enum { DONE, BAD_PROGRAM, FAILED };

static const char usage[] =
	"usage: vlabasm asm IN [-o OUT]      text to bytes\n"
	"       vlabasm disasm IN [-o OUT]   bytes to text\n"
	"       vlabasm seeds DIR OUTDIR     each DIR/NAME.vlab to "
	"OUTDIR/NAME\n"
	"       vlabasm ops                  list the operations\n"
	"       vlabasm dict                 print a dictionary for a fuzzer\n"
	"\n"
	"docs/programs.md describes the language. OUT is standard output if "
	"it\n"
	"is left out or \"-\"; IN is standard input if it is \"-\". A file "
	"whose\n"
	"name ends in .vlab is text, also for disasm, which then prints the "
	"same\n"
	"program in canonical form.\n"
	"\n"
	"Exit status: 0 done; 1 a program has an error; 2 it could not run:\n"
	"a wrong option, a file that cannot be read or written.\n";

/* The file that is being written, for the signal that interrupts it. */
static char temporary[PATH_MAX];

static void interrupted(int number)
{
	if (temporary[0])
		unlink(temporary);
	signal(number, SIG_DFL);
	raise(number);
}

static void catch_signals(void)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (signal(numbers[i], interrupted) == SIG_IGN)
			signal(numbers[i], SIG_IGN);
	}
}

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "vlabasm: %s: %s\n", what, why);
	return FAILED;
}

static int misused(const char *what)
{
	fprintf(stderr, "vlabasm: %s; see vlabasm --help\n", what);
	return FAILED;
}

/* Closes @out: the first error of all that was written to it, or 0. */
static int finish(FILE *out)
{
	int error = 0;

	errno = 0;
	if (fflush(out) || ferror(out))
		error = errno ? errno : EIO;
	if (out != stdout && fclose(out) && !error)
		error = errno;
	return error;
}

struct program {
	u8 *data;
	size_t size;
};

typedef int (*writer)(const struct program *program, FILE *out);

static int write_bytes(const struct program *program, FILE *out)
{
	return fwrite(program->data, 1, program->size, out) == program->size
		       ? 0
		       : -1;
}

static int write_text(const struct program *program, FILE *out)
{
	return program_disassemble(program->data, program->size, out);
}

/* Through @write to an open file, and the way it went as an errno. */
static int write_stream(const struct program *program, writer write, FILE *out)
{
	int error = 0, late;

	errno = 0;
	if (write(program, out))
		error = errno ? errno : EIO;
	late = finish(out);
	return error ? error : late;
}

/* To a new file in the place of a regular one, or of none. */
static int write_whole(const struct program *program, writer write,
		       const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash + 1 - path) : 0;
	int len, file, error;
	FILE *out;

	len = snprintf(temporary, sizeof(temporary), "%.*s.vlabasm.%ld", dir,
		       path, (long)getpid());
	if (len < 0 || (size_t)len >= sizeof(temporary)) {
		temporary[0] = '\0';
		return ENAMETOOLONG;
	}
	/* What a killed process of the same number left behind. */
	unlink(temporary);
	file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	out = file < 0 ? NULL : fdopen(file, "wb");
	error = out ? write_stream(program, write, out) : errno;
	if (!error && rename(temporary, path))
		error = errno;
	if (error && file >= 0)
		unlink(temporary);
	temporary[0] = '\0';
	return error;
}

/* What is not a file (a pipe, a device) is written as it is. */
static int write_output(const struct program *program, writer write,
			const char *path)
{
	char *target = realpath(path, NULL);
	struct stat stat_;
	FILE *out;
	int error;

	if (target && !stat(target, &stat_) && !S_ISREG(stat_.st_mode)) {
		out = fopen(target, "wb");
		error = out ? write_stream(program, write, out) : errno;
	} else {
		error = write_whole(program, write, target ? target : path);
	}
	free(target);
	return error ? complain(path, strerror(error)) : DONE;
}

/* What an error of program_load() exits with. */
static int load_failed(const char *path, const struct text_error *err)
{
	/* A place in a text begins the line, as a compiler's does. */
	if (!err->line)
		fputs("vlabasm: ", stderr);
	text_error_print(stderr, path, err);
	return err->line ? BAD_PROGRAM : FAILED;
}

static int convert(const char *in, const char *out, bool assemble)
{
	writer write = assemble ? write_bytes : write_text;
	struct program program;
	struct text_error err;
	int result;

	if (assemble && !out && isatty(STDOUT_FILENO))
		return misused("bytes do not go to a terminal: add -o OUT");
	if (assemble ? program_load_text(in, &program.data, &program.size, &err)
		     : program_load(in, &program.data, &program.size, &err))
		return load_failed(in, &err);
	if (out && strcmp(out, "-")) {
		result = write_output(&program, write, out);
	} else {
		int error = write_stream(&program, write, stdout);

		result = error ? complain("standard output", strerror(error))
			       : DONE;
	}
	free(program.data);
	return result;
}

static int is_program(const struct dirent *entry)
{
	/* A file of the name ".vlab" alone has no stem to go by. */
	return entry->d_name[0] != '.' && program_path_is_text(entry->d_name);
}

static int seed(const char *dir, const char *name, const char *out_dir)
{
	int stem = (int)(strlen(name) - strlen(PROGRAM_TEXT_SUFFIX));
	char in[PATH_MAX], out[PATH_MAX];
	struct program program;
	struct text_error err;
	int result;

	if ((size_t)snprintf(in, sizeof(in), "%s/%s", dir, name) >=
		    sizeof(in) ||
	    (size_t)snprintf(out, sizeof(out), "%s/%.*s", out_dir, stem,
			     name) >= sizeof(out))
		return complain(name, strerror(ENAMETOOLONG));
	if (program_load(in, &program.data, &program.size, &err))
		return load_failed(in, &err);
	result = write_output(&program, write_bytes, out);
	free(program.data);
	return result;
}

/* All of a folder; an error in one program does not hide those in others. */
static int seeds(const char *dir, const char *out_dir)
{
	struct dirent **names;
	int count = scandir(dir, &names, is_program, alphasort);
	int worst = DONE;
	int i, result;

	if (count < 0)
		return complain(dir, strerror(errno));
	if (!count) {
		free(names);
		return complain(dir, "there is no *.vlab file in it");
	}
	if (mkdir(out_dir, 0777) && errno != EEXIST)
		worst = complain(out_dir, strerror(errno));
	for (i = 0; i < count; i++) {
		/* After a full disk each file would only say so again. */
		result = worst == FAILED ? DONE
					 : seed(dir, names[i]->d_name, out_dir);
		if (result > worst)
			worst = result;
		free(names[i]);
	}
	free(names);
	return worst;
}

/* Operands of one operation, broken into lines where they would be long. */
static void list_operands(const struct operation *operation)
{
	const struct operand *operand = NULL;
	char range[320];
	int column = 0, len;

	while ((operand = operand_next(operation, operand))) {
		len = operand_print(operand, range, sizeof(range));
		if (column && column + 2 + len > 78) {
			putchar('\n');
			column = 0;
		}
		column += printf(column ? "  %s" : "    %s", range);
	}
	if (column)
		putchar('\n');
}

static void list_operations(void)
{
	unsigned int op;

	for (op = 0; op < OPS; op++) {
		printf("%-22s%s\n", operations[op].name, operations[op].help);
		list_operands(&operations[op]);
	}
}

static void print_entry(const char *suffix, const struct step *step)
{
	const char *name = operations[step->op].name;

	for (; *name; name++)
		putchar(*name == ' ' ? '_' : *name);
	printf("%s=\"\\x%02x\\x%02x\\x%02x\\x%02x\\x%02x\\x%02x\\x%02x\\x%"
	       "02x\"\n",
	       suffix, step->op, step->a, step->b & 0xff, step->b >> 8,
	       step->c & 0xff, step->c >> 8 & 0xff, step->c >> 16 & 0xff,
	       step->c >> 24);
}

static void set_operand(struct step *step, const struct operand *operand,
			u32 bits)
{
	bits = bits << operand->shift & operand_mask(operand);
	if (operand->field == 'a')
		step->a = (u8)(step->a | bits);
	else if (operand->field == 'b')
		step->b = (u16)(step->b | bits);
	else
		step->c |= bits;
}

/* Values that are small but not the least, and all bits of a word of bits. */
static u32 typical(const struct operand *operand)
{
	switch (operand->kind) {
	case OPERAND_HEX:
		return 0xffffffff;
	case OPERAND_POWER:
		return 3;
	case OPERAND_END:
	case OPERAND_NAME:
		return 0;
	case OPERAND_NUMBER:
	case OPERAND_COUNT:
	case OPERAND_FLAG:
		break;
	}
	return 1;
}

/*
 * The bare operation, one with all operands, and one for each name: a fuzzer
 * that knows no records still inserts whole ones.
 */
static void print_entries(u8 op)
{
	const struct operation *operation = &operations[op];
	const struct operand *operand = NULL;
	struct step bare = { .op = op }, full = { .op = op };
	char suffix[64];
	u32 name;

	print_entry("", &bare);
	while ((operand = operand_next(operation, operand)))
		set_operand(&full, operand, typical(operand));
	if (full.a || full.b || full.c)
		print_entry("_full", &full);
	while ((operand = operand_next(operation, operand))) {
		if (operand->kind != OPERAND_NAME)
			continue;
		for (name = 1; name >> operand->width == 0; name++) {
			struct step step = full;

			set_operand(&step, operand, name);
			snprintf(suffix, sizeof(suffix), "_%s_%u",
				 operand->name, name);
			print_entry(suffix, &step);
		}
	}
}

static void print_dictionary(void)
{
	unsigned int op;

	printf("# Made by \"vlabasm dict\": the operations of "
	       "docs/programs.md.\n");
	for (op = 0; op < OPS; op++)
		print_entries((u8)op);
}

static int print(void (*what)(void))
{
	int error;

	what();
	error = finish(stdout);
	return error ? complain("standard output", strerror(error)) : DONE;
}

static void print_usage(void)
{
	fputs(usage, stdout);
}

/* The words after the command, once its options are taken. */
struct arguments {
	const char *out;
	char **word;
	int words;
	bool help;
};

static int parse_arguments(int argc, char **argv, struct arguments *args)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	opterr = 0;
	*args = (struct arguments){ 0 };
	while ((option = getopt_long(argc, argv, ":ho:", options, NULL)) !=
	       -1) {
		if (option == 'h')
			args->help = true;
		else if (option == 'o')
			args->out = optarg;
		else if (option == ':')
			return misused("-o needs a file name");
		else
			return complain(argv[optind - 1], "unknown option; "
							  "see vlabasm --help");
	}
	args->word = argv + optind;
	args->words = argc - optind;
	return DONE;
}

static int run(const char *command, const struct arguments *args)
{
	bool assemble = !strcmp(command, "asm");

	if (assemble || !strcmp(command, "disasm")) {
		if (args->words != 1)
			return misused("expected one file");
		return convert(args->word[0], args->out, assemble);
	}
	if (args->out)
		return misused("only asm and disasm take -o");
	if (!strcmp(command, "seeds")) {
		if (args->words != 2)
			return misused("expected two folders");
		return seeds(args->word[0], args->word[1]);
	}
	if (strcmp(command, "ops") && strcmp(command, "dict"))
		return misused(
			"expected the command asm, disasm, seeds, ops or dict");
	if (args->words)
		return misused("expected nothing after the command");
	return print(strcmp(command, "ops") ? print_dictionary
					    : list_operations);
}

int main(int argc, char **argv)
{
	struct arguments args;
	int result;

	catch_signals();
	result = parse_arguments(argc, argv, &args);
	if (result)
		return result;
	if (args.help || (args.words && !strcmp(args.word[0], "help")))
		return print(print_usage);
	if (!args.words)
		return misused("a command is missing");
	args.words--;
	args.word++;
	return run(args.word[-1], &args);
}
