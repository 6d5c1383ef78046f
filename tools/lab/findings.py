# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings: told apart by target and by the oracle, or the sanitizer's first frame, that fired."""

import base64
import dataclasses
import hashlib
import pathlib
import re

from . import files, process, tree

_ORACLE = re.compile(r"^vlab: oracle (\S+): (.*)$", re.MULTILINE)
_RUNTIME = re.compile(r"^(\S+?):(\d+):\d+: runtime error: (.*)$", re.MULTILINE)
_SUMMARY = re.compile(r"^SUMMARY: (\w+): (.*)$", re.MULTILINE)
_FRAME = re.compile(r"^\s*#\d+ 0x[0-9a-f]+ in (\S+) (/\S+?):(\d+)", re.MULTILINE)
_FOREIGN_FRAME = re.compile(r"^\s*#\d+ 0x[0-9a-f]+ ")
_FOLDERS = re.compile(r"/\S*/")
_BEGIN = re.compile(r"^(vlab: oracle|==\d+== ?ERROR|==\d+== ?WARNING|\S+:\d+:\d+: runtime error)", re.MULTILINE)

EXCERPT_LINES = 40
DISASM_SECONDS = 20


@dataclasses.dataclass
class Finding:
    target: str
    label: str  # "oracle double-fetch", "heap-buffer-overflow in vring_get"
    sentence: str
    path: pathlib.Path
    excerpt: str  # what the oracle or the sanitizer printed
    size: int
    count: int = 1
    program: str = ""  # the input, disassembled

    def discard(self) -> None:
        """A smaller input shows the same."""
        self.path.unlink(missing_ok=True)

    @property
    def replay(self) -> str:
        return f"./lab repro {self.target} {tree.shown(self.path)} --explain"

    @property
    def encoded(self) -> str:
        """The input for a log: it is often all that is left of another machine's run."""
        return base64.b64encode(self.path.read_bytes()).decode()


def classify(output: str) -> tuple[str, str]:
    """The label that tells this finding from others, and a sentence for people."""
    if oracle := _ORACLE.search(output):
        return f"oracle {oracle[1]}", oracle[2].strip()
    where = _first_frame(output)
    if runtime := _RUNTIME.search(output):
        place = where or f"{pathlib.Path(runtime[1]).name}:{runtime[2]}"
        return f"undefined behaviour in {place}", runtime[3]
    if summary := _SUMMARY.search(output):
        kind = summary[2].split(" ")[0]
        kind = {"deadly": "crash"}.get(kind, kind)
        return f"{kind} in {where}" if where else kind, f"{summary[1]}: {_FOLDERS.sub('', summary[2])}"
    return "died", "it ended without a word"


def _first_frame(output: str) -> str:
    """The innermost function of this project: the rest is the sanitizer's own."""
    for function, path, _line in _FRAME.findall(output):
        if path.startswith(f"{tree.ROOT}/"):
            return function
    return ""


class Findings:
    """What a run found, one entry for each distinct label, the smallest input kept."""

    def __init__(self, folder: pathlib.Path, disassembler: pathlib.Path):
        self._folder = folder
        self._disassembler = disassembler
        self._known: dict[tuple[str, str], Finding] = {}

    def __iter__(self):
        return iter(self._known.values())

    def __len__(self) -> int:
        return len(self._known)

    def of(self, target: str) -> int:
        return sum(1 for finding in self if finding.target == target)

    def add(self, target: str, data: bytes, output: str) -> Finding:
        label, sentence = classify(output)
        known = self._known.get((target, label))
        if known and known.size <= len(data):
            known.count += 1
            return known
        finding = self._save(target, label, sentence, data, output)
        if known:
            finding.count = known.count + 1
            known.discard()
        self._known[target, label] = finding
        return finding

    def disassemble(self) -> None:
        """Put each finding's program in words, beside its bytes. Fuzzing does not wait for this."""
        for finding in self:
            status, text, _ = process.capture([self._disassembler, "disasm", finding.path], timeout=DISASM_SECONDS)
            if status == 0:
                finding.program = text
                files.write(finding.path.with_suffix(".vlab"), text)

    def _save(self, target: str, label: str, sentence: str, data: bytes, output: str) -> Finding:
        digest = hashlib.sha256(data).hexdigest()[:8]
        slug = re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-")[:60]
        path = self._folder / f"{target}-{slug}-{digest}.bin"
        files.write(path, data)
        return Finding(target, label, sentence, path, excerpt(output), len(data))


def excerpt(output: str) -> str:
    """From the first word of the report to its summary, without the frames of other people's code."""
    begin = _BEGIN.search(output)
    summary = _SUMMARY.search(output)
    report = output[begin.start() if begin else 0:summary.end() if summary else None]
    ours = [line for line in report.splitlines() if not _FOREIGN_FRAME.match(line) or f" {tree.ROOT}/" in line]
    return "\n".join(ours[:EXCERPT_LINES])
