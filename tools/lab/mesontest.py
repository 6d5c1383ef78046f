# SPDX-License-Identifier: GPL-2.0-or-later
"""Running `meson test` and counting what it ran."""

import dataclasses
import json
import re

from . import files, process, tree
from .build import Variant

_PLAN = re.compile(r"^\s*1\.\.(\d+)", re.MULTILINE)
_CASE = re.compile(r"^\s*(not )?ok\b(?!.*# (SKIP|TODO))", re.MULTILINE | re.IGNORECASE)
_SKIPPED_CASE = re.compile(r"^\s*ok\b.*# SKIP *(.*)$", re.MULTILINE | re.IGNORECASE)
SHOWN_LINES = 40  # of a failed test's output


@dataclasses.dataclass
class Tally:
    """Counts of a step, what to tell about failures, and why something was left out."""

    passed: int = 0
    failed: int = 0
    skips: list[str] = dataclasses.field(default_factory=list)
    failures: list[str] = dataclasses.field(default_factory=list)

    def fail(self, title: str, output: str, again: str) -> None:
        lines = output.strip().splitlines()[-SHOWN_LINES:]
        shown = "".join(f"      {line}\n" for line in lines)
        self.failed += 1
        self.failures.append(f"    {title}\n{shown}      alone: {again}")

    def check(self, good: bool, title: str, output: str, again: str) -> None:
        if good:
            self.passed += 1
        else:
            self.fail(title, output, again)

    def add(self, other: "Tally") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skips += other.skips
        self.failures += other.failures


def run(variant: Variant, suites: tuple[str, ...], env: dict, patience: int = 1) -> Tally:
    """Run the suites (all, when none is named); `patience` multiplies the time limits."""
    log = variant.folder / "meson-logs" / "lab.json"
    log.unlink(missing_ok=True)
    argv = ["meson", "test", "-C", variant.folder, "--no-rebuild", "--logbase", "lab", "-t", str(patience)]
    for suite in suites:
        argv += ["--suite", suite]
    status = process.run_status(argv, variant.log, env={**env, "CMOCKA_MESSAGE_OUTPUT": "TAP"})
    tally = Tally()
    records = log.read_text(errors="replace").splitlines() if log.is_file() else []
    for record in map(json.loads, records):
        count(record, variant, tally)
    if status != 0 and not tally.failed:
        tally.fail("meson test", "\n".join(files.last_lines(variant.log, 20)), " ".join(map(str, argv)))
    return tally


def count(record: dict, variant: Variant, tally: Tally) -> None:
    """A TAP test counts by its cases, any other one as one."""
    output = record.get("stdout") or ""
    cases = _cases(output)
    if record["result"] == "SKIP":
        tally.skips.append(f"{record['name']} ({variant.name}): {_reason(output) or 'it says no reason'}")
        return
    if record["result"] in ("OK", "EXPECTEDFAIL"):
        tally.passed += max(1, cases)
        tally.skips += [f"{record['name']}: {reason}" for reason in _SKIPPED_CASE.findall(output)]
        return
    tally.passed += sum(1 for failed, _ in _CASE.findall(output) if not failed) if cases else 0
    name = record["name"].rpartition(" / ")[2]
    again = f"meson test -C {tree.shown(variant.folder)} -v {name}"
    tally.fail(f"{record['name']}: {record['result']}", output + (record.get("stderr") or ""), again)


def _cases(output: str) -> int:
    """The number of TAP cases that passed or failed; 0 when this is not whole TAP."""
    planned = sum(int(plan) for plan in _PLAN.findall(output))
    ran = len(_CASE.findall(output))
    skipped = len(_SKIPPED_CASE.findall(output))
    return ran if planned and planned == ran + skipped else 0


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else ""
