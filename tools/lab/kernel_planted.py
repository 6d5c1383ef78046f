# SPDX-License-Identifier: GPL-2.0-or-later
"""Planted bugs: for each kind of report, a run that has to be reported as failed.

tests/kernel/planted/ runs into the bug; the guest's own test says "ok". What is
held here is that the harness says "failed", and names the right kind.
"""

import dataclasses
import pathlib

from . import kernel_guest, kernel_tree, kernel_vehicles, kernel_verdict, steps
from .kernel_guest import Guest, Outcome
from .mesontest import Tally

SECONDS = 240
AGAIN = "./lab kernel test --only planted"
# Half of a run is the start of its kernel, and half is waiting for a report.
ONE_PROCESSOR = ["-smp", "1"]
AT_A_TIME = 3


@dataclasses.dataclass(frozen=True)
class Bug:
    name: str
    kind: str  # of the report, as kernel_verdict names it


# In a kernel that checks everything, and in Debian's own.
IN_CHECKED = (Bug("oob", "KASAN"), Bug("uaf", "KASAN"), Bug("shift", "UBSAN"), Bug("bounds", "UBSAN"),
              Bug("lock", "lockdep"), Bug("recursive", "lockdep"), Bug("atomic", "bug"), Bug("dma", "DMA-API"),
              Bug("refcount", "refcount"), Bug("list", "list"), Bug("warn", "warning"), Bug("leak", "kmemleak"),
              Bug("hung", "hung task"), Bug("panic", "panic"))
IN_STOCK = (Bug("refcount", "refcount"), Bug("list", "list"), Bug("warn", "warning"), Bug("null", "oops"))
IN_UML = (Bug("oob", "KASAN"), Bug("shift", "UBSAN"), Bug("lock", "lockdep"), Bug("refcount", "refcount"))


def run() -> Tally:
    tally = Tally()
    with steps.silence():
        checked = kernel_tree.make(kernel_vehicles.CHECKED)
        uml = kernel_tree.make(kernel_vehicles.UML)
        stock = kernel_tree.stock()
        stock_module = kernel_vehicles.stock_module("tests/kernel/planted") / "vlab_planted.ko"
    with kernel_guest.workshop() as folder:
        module = next(checked.modules.glob("drivers/vlab/tests/kernel/planted/vlab_planted.ko"))
        _on_pc("checked", checked, module, IN_CHECKED, folder, tally)
        _on_pc("stock", stock, stock_module, IN_STOCK, folder, tally)
        _on_uml(uml, folder, tally)
    return tally


def _on_pc(vehicle: str, built: kernel_tree.Built, module: pathlib.Path, bugs: tuple[Bug, ...],
           folder: pathlib.Path, tally: Tally) -> None:
    initrd = folder / f"{vehicle}.cpio"
    initrd.write_bytes(kernel_guest.initramfs("planted", kernel_guest.module_files([module])))
    names = [Bug("none", ""), *bugs]
    guests = [Guest(f"planted-{vehicle}-{bug.name}",
                    kernel_guest.pc(built, initrd, ONE_PROCESSOR, (f"vlab_bug={bug.name}", "panic_on_warn=0")),
                    SECONDS, (kernel_guest.DONE,)) for bug in names]
    for bug, outcome in zip(names, kernel_guest.run_all(guests, AT_A_TIME)):
        verdict = kernel_verdict.judge("planted", kernel_guest.expected_tests("planted"), outcome, AGAIN)
        _hold(vehicle, bug, verdict, outcome, tally)


def _on_uml(built: kernel_tree.Built, folder: pathlib.Path, tally: Tally) -> None:
    """The bug strikes while the kernel starts; KUnit's tests come after it, and say "ok"."""
    initrd = folder / "uml.cpio"
    initrd.write_bytes(kernel_vehicles.uml_initramfs())
    names = [Bug("none", ""), *IN_UML]
    guests = [Guest(f"planted-uml-{bug.name}", kernel_guest.uml(built, initrd, (f"vlab_planted.bug={bug.name}",)),
                    SECONDS, kernel_vehicles.UML_GOOD) for bug in names]
    for bug, outcome in zip(names, kernel_guest.run_all(guests)):
        verdict = kernel_verdict.judge("planted", [], outcome, AGAIN, says_done=False)
        _hold("uml", bug, verdict, outcome, tally)


def _hold(vehicle: str, bug: Bug, verdict: Tally, outcome: Outcome, tally: Tally) -> None:
    """A planted bug fails its run, by its name; a run without one passes."""
    kinds = [report.kind for report in kernel_verdict.read(outcome.text).reports]
    if bug.kind:
        good = verdict.failed > 0 and bug.kind in kinds
        told = f"expected a report of {bug.kind}; the run has: {', '.join(kinds) or 'none'}"
    else:
        good = verdict.failed == 0 and verdict.passed > 0
        told = "\n".join(verdict.failures) or "no test reported"
    tally.check(good, f"planted bug {bug.name} in the {vehicle} kernel", told, AGAIN)
