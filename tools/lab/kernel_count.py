# SPDX-License-Identifier: GPL-2.0-or-later
"""Counting what a guest executes, exactly, by function: QEMU logs every instruction with its address."""

import bisect
import collections
import dataclasses
import mmap
import pathlib
import re

from . import errors, files, kernel_guest, process, tree

# One virtual nanosecond for each instruction: a guest that is slow because it
# is logged gets no more timer interrupts than one that is not.
OPTIONS = ["-icount", "shift=0"]
# kernel_load's known_loop(): instructions of its loop, and how often they run.
KNOWN_PAIRS = 1000
KNOWN_BYTES = 4 << 20  # of a trace, from its start on: it lies in there, interrupts and all
TRACE_BYTES = 2 << 30  # a trace that is larger is not of a load that ends
_ADDRESS = re.compile(rb"/([0-9a-f]{16})/")
_SYMBOL = re.compile(r"vlab-symbol: ([0-9a-f]{16}) (\w) ([\w.]+)(?:\s+\[(\w+)\])?")
_SYMBOLS = re.compile(r"vlab-symbols: (\d+)")
_KERNEL = 1 << 63


@dataclasses.dataclass(frozen=True)
class Function:
    start: int
    end: int
    name: str
    module: str  # "" for the kernel itself


@dataclasses.dataclass
class Count:
    """What one load executed in the kernel."""

    total: int
    functions: dict[tuple[str, str], int]  # (module, name) to instructions
    entries: dict[tuple[str, str], int]  # and to how often its first one was


class Tracer:
    """Turns the log of instructions on and off when the guest asks for it."""

    def __init__(self, folder: pathlib.Path, monitor: kernel_guest.Monitor):
        self.folder = folder
        self.monitor = monitor
        self.traces: list[pathlib.Path] = []
        self.refused: list[str] = []

    def answer(self, request: str) -> None:
        # The guest stands still meanwhile, and sleeps before and after.
        self._ask("stop")
        if request == "count":
            self.traces.append(self.folder / f"trace{len(self.traces)}")
            self._tell(f"logfile {self.traces[-1]}", "singlestep on", "log exec,nochain")
        else:
            self._tell("log none", "singlestep off", "logfile /dev/null")
        self._ask("cont")

    def _tell(self, *commands: str) -> None:
        for command in commands:
            self._ask("human-monitor-command", **{"command-line": command})

    def _ask(self, command: str, **arguments) -> None:
        answer = self.monitor.execute(command, **arguments)
        if "error" in answer or isinstance(answer.get("return"), str) and answer["return"].strip():
            self.refused.append(f"{command} {arguments}: {answer}")


def limited(argv: list[str]) -> list[str]:
    """A command whose files, the traces among them, cannot fill the disk."""
    files.require_space(tree.BUILD, TRACE_BYTES >> 20)
    return ["prlimit", f"--fsize={TRACE_BYTES}", "--", *argv]


def functions_of(text: str) -> list[Function]:
    """The functions that a guest told of in its log."""
    rows = sorted((int(address, 16), name, module) for address, kind, name, module in _SYMBOL.findall(text)
                  if kind in "tTwW")
    told = _SYMBOLS.search(text)
    if not told or int(told[1]) != len(_SYMBOL.findall(text)):
        raise errors.LabError("the guest's list of functions has come incomplete: run it again")
    ends = [start for start, _, _ in rows[1:]] + [rows[-1][0] if rows else 0]
    return [Function(start, end, name, module) for (start, name, module), end in zip(rows, ends)]


def symbol_of(program: pathlib.Path, name: str) -> int:
    """The address of a function of a program that is linked to a fixed address."""
    _, out, _ = process.capture(["nm", program])
    found = re.search(rf"^([0-9a-f]+) T {name}$", out, re.MULTILINE)
    if not found:
        raise errors.LabError(f"{program} has no function {name}()")
    return int(found[1], 16)


def read(trace: pathlib.Path, functions: list[Function], known: int) -> Count:
    """Count what lies between the two calls of the known function, and hold it against what that is known to run."""
    with trace.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        first, last = _between(data, known, trace)
        addresses = collections.Counter(_ADDRESS.findall(data, first, last))
    return _by_function(addresses, functions)


def _between(data: mmap.mmap, known: int, trace: pathlib.Path) -> tuple[int, int]:
    entry = b"/%016x/" % known
    first, last = data.find(entry), data.rfind(entry)
    if first < 0 or first == last:
        raise errors.LabError(f"{trace.name} does not hold all of the load: was the host too busy? Run it again")
    ran = collections.Counter(address for address in _ADDRESS.findall(data, first, min(last, first + KNOWN_BYTES))
                              if known <= int(address, 16) < known + 32)
    if sorted(ran.values())[-2:] != [KNOWN_PAIRS, KNOWN_PAIRS] or ran[entry.strip(b"/")] != 1:
        raise errors.LabError(f"a loop of {KNOWN_PAIRS} x 2 instructions was counted as {sorted(ran.values())}: "
                              "this QEMU logs something else than each instruction")
    return first, last


def _by_function(addresses: dict[bytes, int], functions: list[Function]) -> Count:
    starts = [function.start for function in functions]
    count = Count(0, collections.Counter(), collections.Counter())
    for text, times in addresses.items():
        address = int(text, 16)
        if address < _KERNEL:
            continue
        count.total += times
        at = bisect.bisect(starts, address) - 1
        if at < 0 or address >= functions[at].end:
            continue
        key = (functions[at].module, functions[at].name)
        count.functions[key] += times
        if address == functions[at].start:
            count.entries[key] += times
    return count


def files_of(folder: pathlib.Path) -> dict[str, str]:
    """Function to the file that it is from, by the objects in core/ and core/kernel/ that a module was linked from.

    A name that two files have is of neither.
    """
    found: dict[str, str] = {}
    for path in [*folder.glob("*.o"), *folder.glob("kernel/*.o")]:
        if path.name.startswith("vlab."):
            continue
        _, out, _ = process.capture(["nm", "--defined-only", path])
        for name in re.findall(r"^[0-9a-f]+ [tTwW] (\S+)$", out, re.MULTILINE):
            found[name] = "" if name in found else path.stem
    return found
