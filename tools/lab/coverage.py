# SPDX-License-Identifier: GPL-2.0-or-later
"""./lab coverage: which lines of core/*.c the corpus reaches, by gcov.

Lines that no peer can reach are listed in tests/coverage-exclusions.txt,
with the reason. An entry names its lines by their text, so that it survives
changes elsewhere in the file:

    core/FILE.c: FUNCTION: TEXT | REASON

TEXT is the source line without the space around it, or * for every line of
the function. An entry that matches no line, or none that is out of reach, is
an error: the list can only be as long as the truth.
"""

import argparse
import collections
import dataclasses
import json
import pathlib
import re

from . import build, errors, install, locks, process, tree

HELP = "check that the corpus reaches every line of the core that a peer can"
DESCRIPTION = """\
Replays the committed corpus and prints, for each file of the core, the part of
its lines that was reached, and each line that was not. Lines out of a peer's
reach are listed with the reason in tests/coverage-exclusions.txt.
"""
EPILOG = "exit status: 0 all reached or excused, 1 not so, 3 it could not run\n"

EXCLUSIONS = tree.ROOT / "tests" / "coverage-exclusions.txt"
BATCH = 500  # inputs for one replay process
REPLAY_SECONDS = 120

_ENTRY = re.compile(r"^(core/[\w.-]+\.c): *(\w+): *(.+?) +\| +(.+)$")


@dataclasses.dataclass
class Line:
    number: int
    function: str
    text: str
    count: int
    excuse: str = ""


@dataclasses.dataclass
class FileCoverage:
    name: str  # core/vring.c
    lines: list[Line]

    @property
    def reached(self) -> int:
        return sum(1 for line in self.lines if line.count)

    @property
    def missed(self) -> list[Line]:
        return [line for line in self.lines if not line.count]

    @property
    def unexcused(self) -> list[Line]:
        return [line for line in self.missed if not line.excuse]

    @property
    def percent(self) -> float:
        return 100.0 * self.reached / len(self.lines) if self.lines else 0.0


@dataclasses.dataclass
class Entry:
    where: str  # of the entry itself, for messages
    file: str
    function: str
    text: str
    reason: str

    def matches(self, file: str, line: Line) -> bool:
        return (self.file, self.function) == (file, line.function) and self.text in ("*", line.text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-install", action="store_true", help="name missing packages instead of installing them")


def run(options: argparse.Namespace) -> int:
    install.ensure("coverage", not options.no_install)
    build.build(build.COVERAGE)
    files, complaints = check()
    for file in files:
        print(f"{file.name:<32} {file.reached:>5} of {len(file.lines):>5} lines  {file.percent:6.1f} %")
        for line in file.missed:
            excuse = f"   ({line.excuse})" if line.excuse else ""
            print(f"    {line.number:>5}  {line.function}: {line.text}{excuse}")
    print(f"{'the core':<32} {percentage(files):>28.1f} %")
    for complaint in complaints:
        print(complaint)
    return errors.FINDINGS if complaints else 0


def check() -> tuple[list[FileCoverage], list[str]]:
    """Measure the committed corpus; the second result says what is wrong, one line each."""
    files = measure({name: [tree.CORPUS / name] for name in tree.targets()})
    entries, complaints = read_exclusions(EXCLUSIONS)
    complaints += [f"corpus/{name}: no program" for name in tree.targets() if not any(tree.CORPUS.glob(f"{name}/*"))]
    complaints += apply_exclusions(entries, files)
    for file in files:
        complaints += [f"{file.name}:{line.number}: not reached: {line.text}" for line in file.unexcused]
    return files, complaints


def measure(inputs: dict[str, list[pathlib.Path]]) -> list[FileCoverage]:
    """Replay folders of inputs, by target, from a clean slate."""
    with locks.hold(build.COVERAGE.name, wait=True):
        for old in build.COVERAGE.folder.rglob("*.gcda"):
            old.unlink()
        for target, folders in inputs.items():
            _replay(target, sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir()))
        return _collect()


def percentage(files: list[FileCoverage]) -> float:
    total = sum(len(file.lines) for file in files)
    return 100.0 * sum(file.reached for file in files) / total if total else 0.0


def read_exclusions(path: pathlib.Path) -> tuple[list[Entry], list[str]]:
    entries, complaints = [], []
    text = path.read_text() if path.is_file() else ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{tree.shown(path)}:{number}"
        if found := _ENTRY.match(line.strip()):
            entries.append(Entry(where, *found.groups()))
        else:
            complaints.append(f"{where}: expected 'core/FILE.c: FUNCTION: TEXT | REASON'")
    return entries, complaints


def apply_exclusions(entries: list[Entry], files: list[FileCoverage]) -> list[str]:
    """Excuse the lines that the entries name; complain about entries that are of no use."""
    complaints = []
    for entry in entries:
        matched = [line for file in files for line in file.lines if entry.matches(file.name, line)]
        missed = [line for line in matched if not line.count]
        for line in missed:
            line.excuse = entry.reason
        if not matched:
            complaints.append(f"{entry.where}: matches no line of {entry.function}() in {entry.file}")
        elif not missed:
            complaints.append(f"{entry.where}: is reached by the corpus: remove the entry")
    return complaints


def _replay(target: str, inputs: list[pathlib.Path]) -> None:
    """A finding among the inputs is not this job's to report."""
    program = build.COVERAGE.program(f"repro_{target}")
    for start in range(0, len(inputs), BATCH):
        batch = [str(path) for path in inputs[start:start + BATCH]]
        status, _, err = process.capture([str(program), *batch], timeout=REPLAY_SECONDS)
        if status == errors.USAGE:
            raise errors.LabError(f"repro_{target} cannot read its corpus", err.splitlines()[:5])


def _collect() -> list[FileCoverage]:
    """Ask gcov about every object that ran, and add up what they share."""
    data = sorted(build.COVERAGE.folder.rglob("*.gcda"))
    counts: dict[str, dict[int, tuple[str, int]]] = collections.defaultdict(dict)
    if data:
        status, out, err = process.capture(
            ["gcov", "--json-format", "--stdout", *map(str, data)], cwd=build.COVERAGE.folder
        )
        if status != 0:
            raise errors.LabError("gcov failed", err.splitlines()[-5:])
        for document in out.splitlines():
            _add_document(json.loads(document), counts)
    return [_file_coverage(path, counts.get(str(path), {})) for path in sorted((tree.ROOT / "core").glob("*.c"))]


def _add_document(document: dict, counts: dict) -> None:
    base = pathlib.Path(document["current_working_directory"])
    for file in document["files"]:
        known = counts[str((base / file["file"]).resolve())]
        for line in file["lines"]:
            number = line["line_number"]
            before = known.get(number, ("", 0))[1]
            known[number] = (line.get("function_name", ""), before + line["count"])


def _file_coverage(path: pathlib.Path, counts: dict[int, tuple[str, int]]) -> FileCoverage:
    name = str(path.relative_to(tree.ROOT))
    source = path.read_text(errors="replace").splitlines()
    if not counts:
        # No replay program runs this file: none of it is reached.
        return FileCoverage(name, [Line(1, "", "(the whole file is in no replay program)", 0)])
    return FileCoverage(name, [
        Line(number, function, source[number - 1].strip(), count)
        for number, (function, count) in sorted(counts.items())
    ])
