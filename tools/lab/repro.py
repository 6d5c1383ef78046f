# SPDX-License-Identifier: GPL-2.0-or-later
"""./lab repro: replay inputs and say what happens."""

import argparse
import pathlib

from . import build, errors, install, process, tree
from .asm import require_file

HELP = "replay inputs: verdict, oracle, what happened step by step"
DESCRIPTION = """\
Replays each FILE, a program as text (.vlab) or as bytes, under gcc's ASan and
UBSan, and prints the verdict; clang is not needed. build/checked/repro/ has
the programs that do it.
"""
EPILOG = "exit status: 0 all passed, 1 a finding, 2 an input cannot be read, 3 it could not run\n"

SANITIZER_STATUS = 99  # unlike any verdict of the replay programs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help="the target that the input is for")
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="FILE", help="what to replay")
    parser.add_argument("--explain", action="store_true", help="tell each step in words, with the ring's state")
    parser.add_argument("--digest", action="store_true", help="print the digest of the trace")
    parser.add_argument("--plain", action="store_true", help="without sanitizers (build/plain)")


def run(options: argparse.Namespace) -> int:
    target = tree.pick_targets([options.target])[0]
    for path in options.files:
        require_file(path)
    variant = build.PLAIN if options.plain else build.CHECKED
    install.ensure("build", may_install=True)
    build.build(variant)
    flags = [flag for flag in ("--explain", "--digest") if getattr(options, flag[2:])]
    program = variant.program(f"repro_{target}")
    # One process each: a sanitizer ends the process at its first report.
    return max(_replay([program, *flags, path]) for path in options.files)


def _replay(argv: list) -> int:
    status = process.pass_through(argv, env=build.sanitizer_env(f"exitcode={SANITIZER_STATUS}"))
    return status if status in (0, errors.USAGE) else errors.FINDINGS
