# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest's log says: the results of its tests, and what the kernel itself reports.

A report of the kernel (KASAN, lockdep, a warning ...) fails a run in which all
tests say "ok": a kernel goes on after most of them, and so does a test.
"""

import dataclasses
import re

from . import tree
from .kernel_guest import Outcome
from .mesontest import Tally

SHOWN = 30  # lines of a report

# Each kind of report, by the words with which the kernel begins it. They are
# looked for anywhere in a line: a console's lines may run into one another.
REPORTS = (
    ("KASAN", r"BUG: KASAN:"),
    ("KCSAN", r"BUG: KCSAN:"),
    ("KMSAN", r"BUG: KMSAN:"),
    ("KFENCE", r"BUG: KFENCE:"),
    ("UBSAN", r"UBSAN:"),
    ("lockdep", r"WARNING: (?:possible|inconsistent|suspicious|bad|held|lock|Nested|SOFTIRQ|HARDIRQ)\b"
                r"|possible recursive locking|INFO: trying to register non-static key"
                r"|BUG: MAX_LOCK\w+|INFO: lockdep is turned off"),
    ("DMA-API", r"DMA-API:.*(?:device driver|cacheline tracking|out of memory|debugging (?:out|disabled))"),
    ("refcount", r"refcount_t:"),
    ("list", r"list_(?:add|del) (?:corruption|double add)"),
    ("objects", r"ODEBUG:"),
    ("kmemleak", r"kmemleak: (?:\d+ new suspected|.*disabled)|^unreferenced object 0x"),
    ("hung task", r"INFO: task .* blocked for more than"),
    ("stall", r"INFO: rcu\w* .*(?:stall|self-detected)|rcu: INFO:|workqueue lockup|hogged CPU|soft lockup|hard LOCKUP"),
    ("slab", r"Objects remaining in|kmem_cache_destroy .*: Slab cache still has|BUG kmalloc|Poison overwritten"
             r"|Redzone overwritten|Object padding overwritten"),
    ("memory", r"Out of memory:|page allocation failure|Bad page state|invoked oom-killer"
               r"|detected buffer overflow|kernel memory (?:exposure|overwrite) attempt|stack-protector:"),
    ("interrupt", r"irq \d+: nobody cared|do_IRQ: .*No irq handler|Disabling IRQ #"),
    ("model", r"kobject.*(?:is not initialized|tried to (?:add|init))|cannot create duplicate filename"
              r"|does not have a release\(\) function|sysfs group .* not found"),
    ("module", r"exports duplicate symbol|Unknown symbol|disagrees about version of symbol"),
    ("oops", r"Oops\b|BUG: unable to handle|BUG: kernel NULL|general protection fault|kernel BUG at|invalid opcode:"
             r"|divide error|double fault|stack guard page|Kernel mode fault|segfault with"),
    ("panic", r"Kernel panic"),
    ("warning", r"WARNING:|\[ cut here \]"),
    ("bug", r"BUG: |\bBUG\b"),
    ("trace", r"Call Trace:"),
)
_REPORT = re.compile("|".join(f"(?P<k{at}>{pattern})" for at, (_, pattern) in enumerate(REPORTS)))

# Lines that have such words and report nothing.
HARMLESS = re.compile(
    r"Kernel command line|Command line:|Unknown kernel command line|DMA-API: preallocated|"
    r"DMA-API: debugging enabled|kmemleak: Kernel memory leak detector|kmemleak: Automatic memory scanning|"
    r"kasan: KernelAddressSanitizer"
)

TIME = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[[ CT]*\d+\])? ?")
_RESULT = re.compile(r"vlab-test: (ok|fail|skip) ([\w./-]+)(?:: (.*))?")
_DONE = re.compile(r"vlab-test: done")
_TAINT = re.compile(r"vlab-test: taint (\d+)")
_KTAP = re.compile(r"^(?P<indent> *)(?P<no>not )?ok (?P<number>\d+)(?: -)? (?P<name>[^#]*?)\s*(?:# (?P<note>.*))?$")

# What the bits of /proc/sys/kernel/tainted mean, of those that no run may set.
TAINTS = {4: "machine check", 5: "bad page", 7: "oops", 9: "warning", 14: "soft lockup"}


@dataclasses.dataclass
class Report:
    """What the kernel said of itself."""

    kind: str
    lines: list[str]

    @property
    def title(self) -> str:
        return TIME.sub("", self.lines[0]).strip()


@dataclasses.dataclass
class Result:
    name: str
    verdict: str  # ok, fail or skip
    reason: str = ""


@dataclasses.dataclass
class Log:
    """A guest's log, read."""

    results: list[Result]
    reports: list[Report]
    done: bool
    tail: list[str]


def read(text: str) -> Log:
    lines = [line.rstrip("\r") for line in text.splitlines()]
    reports = scan(lines) + _taint_reports(lines)
    done = any(_DONE.search(line) for line in lines)
    results = [Result(name, verdict, reason or "") for line in lines
               for verdict, name, reason in _RESULT.findall(line)]
    return Log(results + kunit_results(lines), reports, done, [line for line in lines if line.strip()][-SHOWN:])


def scan(lines: list[str]) -> list[Report]:
    """The kernel's reports. What follows one closely is a part of it."""
    reports: list[Report] = []
    last = -SHOWN
    for at, line in enumerate(lines):
        kind = kind_of(line)
        if kind is None:
            continue
        if at - last < SHOWN and reports:
            # "cut here" and "Call Trace" say less than what stands beside them.
            if reports[-1].kind in ("warning", "trace", "bug") and kind not in ("warning", "trace", "bug"):
                reports[-1] = Report(kind, lines[at:at + SHOWN])
            elif kind not in ("warning", "trace", "bug", reports[-1].kind):
                reports.append(Report(kind, lines[at:at + SHOWN]))
        else:
            reports.append(Report(kind, lines[at:at + SHOWN]))
        last = at
    return reports


def kind_of(line: str) -> str | None:
    """The kind of report that this line begins; None when it is none."""
    found = _REPORT.search(line)
    if not found or HARMLESS.search(TIME.sub("", line)):
        return None
    return REPORTS[int(found.lastgroup[1:])][0]


def _taint_reports(lines: list[str]) -> list[Report]:
    """A kernel that was tainted by a report of which the console shows nothing."""
    reports = []
    for line in lines:
        for value in _TAINT.findall(line):
            bits = [name for bit, name in TAINTS.items() if int(value) >> bit & 1]
            reports += [Report("taint", [f"the kernel is tainted by a {name} ({line.strip()})"]) for name in bits]
    return reports


def kunit_results(lines: list[str]) -> list[Result]:
    """The innermost results of KUnit's TAP; a suite's own line only sums its cases up."""
    results, cases = [], []
    for line in lines:
        found = _KTAP.match(TIME.sub("", line))
        if not found:
            continue
        note = found["note"] or ""
        verdict = "fail" if found["no"] else "skip" if note.upper().startswith("SKIP") else "ok"
        result = Result(f"kunit/{found['name'].strip()}", verdict, note)
        if found["indent"]:
            cases.append(result)
            continue
        suite = result.name
        if cases:
            results += [Result(f"{suite}.{case.name.removeprefix('kunit/')}", case.verdict, case.reason)
                        for case in cases]
            if verdict == "fail" and not any(case.verdict == "fail" for case in cases):
                results.append(result)
        else:
            results.append(result)
        cases = []
    return results + cases


def judge(run: str, expected: list[str], outcome: Outcome, again: str, says_done: bool = True,
          wanted: re.Pattern | None = None) -> Tally:
    """Count what a guest did. @says_done: its last word is that of tests/kernel/guest/lib.sh.

    @wanted: in the trace of what the tests bring about. Nothing but a trace is excused.
    A test that did not report has failed, and so has a run that reported nothing.
    """
    told = read(outcome.text)
    status, log = outcome.status, tree.shown(outcome.log)
    tally = Tally()
    tail = "\n".join(told.tail)
    seen = set()
    for result in told.results:
        seen.add(result.name)
        name = f"{run}: {result.name}"
        if result.verdict == "skip":
            tally.skips.append(f"{name}: {result.reason or 'it says no reason'}")
        else:
            tally.check(result.verdict == "ok", name, result.reason, again)
    silent = [name for name in expected if name not in seen]
    if silent:
        tally.fail(f"{run}: no result of {len(silent)}: {', '.join(silent)}", "", again)
        tally.failed += len(silent) - 1
    for report in told.reports:
        if wanted and report.kind == "trace" and any(wanted.search(line) for line in report.lines):
            continue
        tally.fail(f"{run}: {report.kind}: {report.title}", "\n".join(report.lines), again)
    if status or (says_done and not told.done):
        tally.fail(f"{run}: {status or 'the guest did not reach its end'}; the log is {log}", tail, again)
    elif not told.results:
        tally.fail(f"{run}: the guest reported no test; the log is {log}", tail, again)
    return tally
