# SPDX-License-Identifier: GPL-2.0-or-later
"""./lab test: every check of the project, and one line at the end that sums them up."""

import argparse
import time

from . import errors, files, install, locks, matrix, signals, tree
from .mesontest import Tally

HELP = "run every test: compilers, sanitizers, architectures, corpus, fuzzing"
DESCRIPTION = """\
Builds and runs the whole matrix (under 30 minutes on 2 cores); --quick runs
its fast part (under 2 minutes). The last line is the sum.
"""
EPILOG = "exit status: 0 all passed, 1 something failed, 3 it could not run\n"
SPACE_MB = 1024
NAME_COLUMNS = 46


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="the fast part only")
    parser.add_argument("--only", action="append", default=[], metavar="STEP", help="only this step (repeatable)")
    parser.add_argument("--list", action="store_true", help="name the steps")
    parser.add_argument("--no-install", action="store_true", help="name missing packages instead of installing them")


def run(options: argparse.Namespace) -> int:
    steps = _pick(options)
    if options.list:
        for step in steps:
            print(f"{step.name:<18} {step.about}")
        return 0
    files.require_space(tree.BUILD, SPACE_MB)
    install.ensure("test-quick" if options.quick else "test", not options.no_install)
    with locks.hold("test-job", wait=False):
        return _report(_run_steps(steps))


def _pick(options: argparse.Namespace) -> list[matrix.Step]:
    kind = "quick" if options.quick else "full"
    steps = [step for step in matrix.STEPS if kind in step.runs_in]
    names = [step.name for step in steps]
    for name in options.only:
        if name not in names:
            raise errors.UsageError(f"no step '{name}'{tree.suggest(name, names)}; see './lab test --list'")
    return [step for step in steps if not options.only or step.name in options.only]


def _run_steps(steps: list[matrix.Step]) -> Tally:
    total = Tally()
    for number, step in enumerate(steps, 1):
        signals.check()
        print(f"[{number:>2}/{len(steps)}] {step.about:<{NAME_COLUMNS}} ", end="", flush=True)
        started = time.monotonic()
        tally = _run_step(step)
        print(f"{_counts(tally)}   {time.monotonic() - started:.0f} s", flush=True)
        for failure in tally.failures:
            print(failure, flush=True)
        total.add(tally)
    return total


def _run_step(step: matrix.Step) -> Tally:
    """A step that cannot run is a failure, and the others still tell what they have to."""
    try:
        return step.run()
    except errors.LabError as error:
        tally = Tally()
        tally.fail(error.message, "\n".join(error.details), f"./lab test --only {step.name}")
        return tally


def _report(total: Tally) -> int:
    for reason in total.skips:
        print(f"skipped: {reason}")
    print(f"{total.passed} passed, {total.failed} failed, {len(total.skips)} skipped", flush=True)
    return errors.FINDINGS if total.failed or not total.passed else 0


def _counts(tally: Tally) -> str:
    parts = [f"{tally.passed} passed"]
    if tally.failed:
        parts.append(f"{tally.failed} FAILED")
    if tally.skips:
        parts.append(f"{len(tally.skips)} skipped")
    return ", ".join(parts)
