# SPDX-License-Identifier: GPL-2.0-or-later
"""./lab bench: what the ring costs, and how fast the targets run; see docs/bench.md."""

import argparse
import dataclasses
import json
import pathlib
import re
import signal
import statistics
import sys
import tempfile

from . import build, errors, files, install, locks, process, tree
from .parser import Parser

DESCRIPTION = """\
Measures what the driver side of a split ring costs per buffer (instructions,
counted by valgrind; nanoseconds, for ratios only) and how many executions of
each target one core does in a second under clang's ASan and UBSan. Without a
name it does both. docs/bench.md says how, and documents the keys of --json.
"""
EPILOG = "exit status: 0 done, 1 --check found a limit exceeded, 2 the command line is wrong, 3 it could not run\n"

SUBJECTS = ("ring", "fuzz")
SPACE_MB = 64

# Rounds of a batch. What both counts contain (start-up, the first use of each
# descriptor) cancels in the difference.
FEW_ROUNDS, MANY_ROUNDS = 50, 250
PHASES = {"add": "ring_add", "get": "ring_get"}  # what is counted: a function of bench_ring.c

CORPUS_SECONDS = 1
CORPUS_REPEATS = 5
RANDOM_INPUTS = 20_000
RUN_SECONDS = 300  # that nothing takes


@dataclasses.dataclass(frozen=True)
class RingRow:
    """`most` is our limit; the other numbers are Linux 6.1's virtio_ring.c."""

    name: str
    title: str
    most: float | None = None
    linux_instructions: int | None = None
    linux_ns: float | None = None


RING_ROWS = (
    RingRow("1", "1 segment", 130, 243, 12.9),
    RingRow("2", "1 out + 1 in", 190, 326, 17.1),
    RingRow("8", "8 segments", 330, 505, 32.2),
    RingRow("2-indirect", "1 out + 1 in, indirect", None, 549, 26.9),
    RingRow("8-indirect", "8 segments, indirect", None, 780, 46.5),
    RingRow("1-single", "1 segment, a kick for each", None, 302, 38.7),
    RingRow("1-callbacks", "1 segment, callbacks on"),
)
MOST_PRIVATE_BYTES = 32

# Executions per second that a target shall reach, and any other target.
ENOUGH_SPEED = {"session": 100_000}
ENOUGH_SPEED_ELSE = 300_000


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One line of --check."""

    key: str
    text: str
    good: bool

    def __str__(self) -> str:
        return f"{'ok' if self.good else 'not ok'} - {self.key}: {self.text}"


def main(argv: list[str]) -> int:
    options = _parser().parse_intermixed_args(argv)
    if options.subject not in (None, *SUBJECTS):
        hint = tree.suggest(options.subject, list(SUBJECTS))
        known = ", ".join(SUBJECTS)
        raise errors.UsageError(f"nothing called '{options.subject}' to measure{hint}; there are: {known}")
    subjects = [options.subject] if options.subject else SUBJECTS
    results = _measure(subjects, options)
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        _show(results)
    return _judge(results, options) if options.check else 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="./lab bench", usage="./lab bench [ring|fuzz] [--json] [--check]", description=DESCRIPTION, epilog=EPILOG,
        allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("subject", nargs="?", metavar="ring|fuzz", help="what to measure (default: both)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--check", action="store_true",
                        help="fail where a limit is exceeded: instructions, memory and rejects, but not time")
    parser.add_argument("--no-install", action="store_true", help="name missing packages instead of installing them")
    return parser


def _measure(subjects: list[str], options: argparse.Namespace) -> dict:
    files.require_space(tree.BUILD, SPACE_MB)
    install.ensure("bench", not options.no_install)
    with locks.hold("bench-job", wait=False):
        return {subject: {"ring": measure_ring, "fuzz": measure_fuzz}[subject]() for subject in subjects}


def _judge(results: dict, options: argparse.Namespace) -> int:
    verdicts = [*_ring_verdicts(results.get("ring")), *_fuzz_verdicts(results.get("fuzz"))]
    for verdict in verdicts:
        print(verdict, file=sys.stderr if options.json else sys.stdout)
    return 0 if all(verdict.good for verdict in verdicts) else errors.FINDINGS


# The ring.


def measure_ring() -> dict:
    build.build(build.PLAIN)
    program = build.PLAIN.folder / "bench" / "bench_ring"
    batches = dict(line.split() for line in _output([program, "list"]).splitlines())
    with build.telling("measuring the ring"):
        return {
            "split": {row.name: _measure_row(program, row, int(batches[row.name])) for row in RING_ROWS},
            "private_bytes_per_entry": float(_output([program, "memory"])),
            "private_bytes_per_entry_limit": MOST_PRIVATE_BYTES,
        }


def _measure_row(program: pathlib.Path, row: RingRow, batch: int) -> dict:
    counted = {phase: _instructions(program, row.name, name, batch) for phase, name in PHASES.items()}
    return {
        "instructions": round(sum(counted.values()), 2),
        "instructions_add": round(counted["add"], 2),
        "instructions_get": round(counted["get"], 2),
        "instructions_limit": row.most,
        "instructions_linux": row.linux_instructions,
        "ns": float(_output([program, "time", row.name])),
        "ns_linux": row.linux_ns,
    }


def _instructions(program: pathlib.Path, row: str, function: str, batch: int) -> float:
    few, many = (_callgrind(program, row, function, rounds) for rounds in (FEW_ROUNDS, MANY_ROUNDS))
    return (many - few) / ((MANY_ROUNDS - FEW_ROUNDS) * batch)


def _callgrind(program: pathlib.Path, row: str, function: str, rounds: int) -> int:
    """The instructions inside `function` and all that it calls."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=tree.BUILD) as folder:
        profile = pathlib.Path(folder) / "callgrind.out"
        _output([
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", f"--toggle-collect={function}",
            program, "run", row, str(rounds),
        ])
        found = re.search(r"^summary: (\d+)", profile.read_text(), re.MULTILINE)
    if not found or not int(found[1]):
        raise errors.LabError(f"callgrind counted nothing in {function}(): is bench_ring built with gcc -O2?")
    return int(found[1])


def _ring_verdicts(ring: dict | None) -> list[Verdict]:
    if ring is None:
        return []
    limits = [
        (f"ring.split.{name}.instructions", row["instructions"], row["instructions_limit"])
        for name, row in ring["split"].items() if row["instructions_limit"] is not None
    ]
    limits.append(("ring.private_bytes_per_entry", ring["private_bytes_per_entry"], MOST_PRIVATE_BYTES))
    return [Verdict(key, f"{value:.1f}, at most {most}", value <= most) for key, value, most in limits]


# The targets.


def measure_fuzz() -> dict:
    build.build(build.FUZZ)
    with build.telling("running the targets"):
        return {target: _measure_target(target) for target in tree.targets()}


def _measure_target(target: str) -> dict:
    program = build.FUZZ.folder / "bench" / f"bench_fuzz_{target}"
    speeds = []
    for _ in range(CORPUS_REPEATS):
        executions, seconds = _run_target(target, program, "corpus", tree.CORPUS / target, CORPUS_SECONDS)
        speeds.append(executions / seconds)
    executions, reached = _run_target(target, program, "random", RANDOM_INPUTS)
    return {
        "executions_per_second": round(statistics.median(speeds)),
        "executions_per_second_wanted": ENOUGH_SPEED.get(target, ENOUGH_SPEED_ELSE),
        "reached_core_share": reached / executions,
        "reached_core_executions": int(executions),
    }


def _run_target(target: str, program: pathlib.Path, *arguments) -> list[float]:
    env = build.sanitizer_env("detect_leaks=0")
    return [float(word) for word in _output([program, *arguments], env, f"of target '{target}' ").split()]


def _fuzz_verdicts(fuzz: dict | None) -> list[Verdict]:
    """Time decides nothing: no two machines agree on it."""
    return [
        Verdict(f"fuzz.{target}.reached_core_share", f"{result['reached_core_share']:.4f}, must be 1",
                result["reached_core_share"] == 1)
        for target, result in (fuzz or {}).items()
    ]


# Both.


def _output(argv: list, env: dict | None = None, whose: str = "") -> str:
    """What a benchmark prints; when it fails, its complaint is ours."""
    status, out, err = process.capture([str(word) for word in argv], env=env, timeout=RUN_SECONDS)
    if status == 0:
        return out
    how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    raise errors.LabError(f"the benchmark {whose}{how}", details=err.strip().splitlines()[:12])


def _show(results: dict) -> None:
    import rich.console

    console = rich.console.Console(highlight=False)
    if "ring" in results:
        _show_ring(console, results["ring"])
    if "fuzz" in results:
        _show_fuzz(console, results["fuzz"])


def _table(title: str, *columns: str):
    import rich.box
    import rich.table

    table = rich.table.Table(title=title, title_justify="left", title_style="bold", box=rich.box.SIMPLE_HEAD,
                             show_edge=False, padding=(0, 1, 0, 0))
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", vertical="bottom", no_wrap=True)
    return table


def _show_ring(console, ring: dict) -> None:
    table = _table("split ring, driver side, per buffer: instructions and nanoseconds",
                   "", "add", "get", "both", "limit", "Linux\n6.1", "ns", "Linux\nns")
    for row in RING_ROWS:
        result = ring["split"][row.name]
        table.add_row(
            row.title, f"{result['instructions_add']:.1f}", f"{result['instructions_get']:.1f}",
            _judged(result["instructions"], row.most), _or_dash(row.most), _or_dash(row.linux_instructions),
            f"{result['ns']:.1f}", _or_dash(row.linux_ns),
        )
    console.print(table)
    bytes_each = _judged(ring["private_bytes_per_entry"], MOST_PRIVATE_BYTES)
    console.print(f"private memory per ring entry: {bytes_each} bytes, limit {MOST_PRIVATE_BYTES}")
    console.print("The calling loop is included. Linux was timed on another machine: compare\n"
                  "the ratios between rows of its column with ours, not the nanoseconds.\n", style="dim")


def _show_fuzz(console, fuzz: dict) -> None:
    table = _table("targets, one core, ASan and UBSan",
                   "target", "executions/s", "wanted", "reached the core", "")
    for target, result in fuzz.items():
        speed, wanted = result["executions_per_second"], result["executions_per_second_wanted"]
        share = result["reached_core_share"]
        table.add_row(
            target, f"{speed:,}", f"{wanted:,}", f"{share:.2%}" if share == 1 else f"[bold red]{share:.2%}[/]",
            "" if speed >= wanted else "[bold yellow]below target[/]",
        )
    console.print(table)
    console.print(f"Speed: over the committed corpus. Reached the core: of {RANDOM_INPUTS:,} random\n"
                  "inputs, such as an engine makes that has no corpus.\n", style="dim")


def _judged(value: float, most: float | None) -> str:
    if most is None:
        return f"{value:.1f}"
    return f"[green]{value:.1f}[/]" if value <= most else f"[bold red]{value:.1f}[/]"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value}"
