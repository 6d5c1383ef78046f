# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts of ./lab kernel test: the corpus in kernels, the fences of its memory, and a vlab.ko without all that."""

import pathlib
import re

from . import kernel_guest, kernel_replay, kernel_vehicles, kernel_verdict, process, steps, tree
from .mesontest import Tally

PLANT_SECONDS = 60


def corpus() -> Tally:
    """Every program of the corpus, in every kernel, as in user space."""
    tally = Tally()
    with steps.silence(), kernel_guest.workshop() as folder:
        job = kernel_replay.prepare([], None, 0, folder)
        for vehicle in kernel_replay.VEHICLES:
            tally.add(kernel_replay.replay(job, vehicle))
    return tally


def fences() -> Tally:
    """KASAN sees each bug that the replay module can plant: so it would see one of the core."""
    tally = Tally()
    with steps.silence(), kernel_guest.workshop() as folder:
        kernel_replay.prepare([tree.CORPUS / "vring"], None, 0, folder)
        for bug in planted_bugs():
            outcome = kernel_replay.boot_uml(folder, PLANT_SECONDS, (f"vlab_replay.plant={bug}",))
            kinds = [report.kind for report in kernel_verdict.read(outcome.text).reports]
            tally.check("KASAN" in kinds, f"planted {bug}: KASAN did not report it", "\n".join(kinds),
                        "./lab kernel test --only replay-fences")
    return tally


def planted_bugs() -> list[str]:
    text = (tree.ROOT / "core" / "kernel" / "replay" / "replay_lab.c").read_text()
    return re.findall(r'strcmp\(bug, "([\w-]+)"\)', text)


def no_trace() -> Tally:
    """vlab.ko has no symbol and no string of the laboratory; vlab_replay.ko has them, so they can be found."""
    tally = Tally()
    with steps.silence():
        product = kernel_vehicles.stock_module("core/kernel") / "vlab.ko"
        replay = kernel_replay.stock_module()
    symbols = _laboratory_symbols(replay.parent)
    names = set(re.findall(r'\] = \{\s*"([\w-]+)"', (tree.ROOT / "fuzz" / "oracle.c").read_text()))
    again = "./lab kernel test --only replay-trace"
    tally.check(len(symbols) > 50 and symbols <= _symbols(replay), "vlab_replay.ko has the laboratory's symbols",
                " ".join(sorted(symbols - _symbols(replay))), again)
    tally.check(len(names) > 10 and names <= _strings(replay), "vlab_replay.ko has the oracles' names",
                " ".join(sorted(names - _strings(replay))), again)
    for what, found in (("symbols", symbols & _symbols(product)), ("strings", names & _strings(product))):
        tally.check(not found, f"vlab.ko has {what} of the laboratory", " ".join(sorted(found)), again)
    return tally


def _laboratory_symbols(folder: pathlib.Path) -> set[str]:
    """What the laboratory's objects define for one another, before they are linked into one; and the hook."""
    stems = {path.stem for part in ("fuzz", "core/loopback") for path in (tree.ROOT / part).glob("*.c")}
    objects = [path for path in sorted(folder.glob("hook_*.o")) if path.stem.removeprefix("hook_") in stems]
    return {name for path in objects for name, kind in _nm(path) if kind in "TDBR"}


def _symbols(path: pathlib.Path) -> set[str]:
    return {name for name, _ in _nm(path)}


def _nm(path: pathlib.Path) -> list[tuple[str, str]]:
    _, out, _ = process.capture(["nm", path])
    return [(name, kind) for kind, name in re.findall(r"^[0-9a-f ]{16} (\w) (\S+)$", out, re.MULTILINE)]


def _strings(path: pathlib.Path) -> set[str]:
    """Of what is loaded: the debugger's part names inline functions that became nothing."""
    _, out, _ = process.capture(["strings", "-d", path])
    return set(out.splitlines())
