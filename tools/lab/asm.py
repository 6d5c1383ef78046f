# SPDX-License-Identifier: GPL-2.0-or-later
"""./lab asm and ./lab disasm: programs from text to bytes and back."""

import argparse
import pathlib

from . import build, errors, install, process

ASM_HELP = "assemble a program: text to bytes"
DISASM_HELP = "disassemble a program: bytes to text"
ASM_DESCRIPTION = "Assembles a .vlab program; docs/programs.md has the language.\n"
DISASM_DESCRIPTION = "Prints any bytes as the .vlab program that they are.\n"
EPILOG = """\
exit status: 0 done, 1 the program has an error, 2 a file cannot be read or
written, 3 it could not run
"""


def add_asm_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=pathlib.Path, metavar="IN.vlab", help="the program's text")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, metavar="OUT", help="where its bytes go")


def add_disasm_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=pathlib.Path, metavar="IN", help="the program's bytes")
    parser.add_argument("-o", "--output", type=pathlib.Path, metavar="OUT", help="where its text goes (default: here)")


def run_asm(options: argparse.Namespace) -> int:
    return _run("asm", options)


def run_disasm(options: argparse.Namespace) -> int:
    return _run("disasm", options)


def require_file(path: pathlib.Path) -> None:
    """Say what is wrong with an input before anything is built for it."""
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise errors.UsageError(f"cannot read {path}: {error.strerror}") from error


def _run(command: str, options: argparse.Namespace) -> int:
    require_file(options.input)
    install.ensure("build", may_install=True)
    build.build(build.PLAIN)
    argv = [build.PLAIN.program("vlabasm"), command, options.input]
    if options.output:
        argv += ["-o", options.output]
    return process.pass_through(argv)
