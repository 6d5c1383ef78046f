# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps of a test run: each has a line of its own, and one line at the end sums them up."""

import argparse
import contextlib
import dataclasses
import io
import time
from collections.abc import Callable

from . import errors, signals, tree
from .mesontest import Tally

NAME_COLUMNS = 46


@dataclasses.dataclass(frozen=True)
class Step:
    """`run` returns a tally and prints nothing; what runs in nothing runs when it is named."""

    name: str
    about: str
    run: Callable[[], Tally]
    runs_in: tuple[str, ...] = ("full",)


def add_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--only", action="append", default=[], metavar=what.upper(),
                        help=f"only this {what} (repeatable)")
    parser.add_argument("--list", action="store_true", help=f"name the {what}s")
    parser.add_argument("--no-install", action="store_true", help="name missing packages instead of installing them")


def pick(steps: list[Step], only: list[str], what: str, command: str) -> list[Step]:
    names = [step.name for step in steps]
    for name in only:
        if name not in names:
            raise errors.UsageError(f"no {what} '{name}'{tree.suggest(name, names)}; see '{command} --list'")
    return [step for step in steps if not only or step.name in only]


def show(steps: list[Step]) -> int:
    for step in steps:
        print(f"{step.name:<18} {step.about}")
    return 0


def run_all(steps: list[Step], command: str) -> Tally:
    total = Tally()
    for number, step in enumerate(steps, 1):
        signals.check()
        print(f"[{number:>2}/{len(steps)}] {step.about:<{NAME_COLUMNS}} ", end="", flush=True)
        started = time.monotonic()
        tally = _run_one(step, command)
        print(f"{_counts(tally)}   {time.monotonic() - started:.0f} s", flush=True)
        for failure in tally.failures:
            print(failure, flush=True)
        total.add(tally)
    return total


def report(total: Tally) -> int:
    for reason in total.skips:
        print(f"skipped: {reason}")
    print(f"{total.passed} passed, {total.failed} failed, {len(total.skips)} skipped", flush=True)
    return errors.FINDINGS if total.failed or not total.passed else 0


@contextlib.contextmanager
def silence():
    """A step has a line of its own to be told on."""
    nowhere = io.StringIO()
    with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield


def _run_one(step: Step, command: str) -> Tally:
    """A step that cannot run is a failure, and the others still tell what they have to."""
    try:
        return step.run()
    except errors.LabError as error:
        tally = Tally()
        tally.fail(error.message, "\n".join(error.details), f"{command} --only {step.name}")
        return tally


def _counts(tally: Tally) -> str:
    parts = [f"{tally.passed} passed"]
    if tally.failed:
        parts.append(f"{tally.failed} FAILED")
    if tally.skips:
        parts.append(f"{len(tally.skips)} skipped")
    return ", ".join(parts)
