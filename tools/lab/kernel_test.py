# SPDX-License-Identifier: GPL-2.0-or-later
"""./lab kernel test: the module in guests, and everything else that must hold for it."""

import argparse
import dataclasses

from . import files, install, kernel_dkms, kernel_hostile, kernel_planted, kernel_replay_parts, kernel_style
from . import kernel_tree, kernel_vehicles, locks, steps
from .kernel_vehicles import CHECKED, UML
from .mesontest import Tally
from .steps import Step

USAGE = "[--only PART] [--linux VERSION]"
HELP = "run the module in guests"
DESCRIPTION = """\
Builds the module and its test kernels (from Debian's linux-source, kept in
build/kernel/ between runs) and runs them: Debian's own kernel with PCI devices,
a memory-checked kernel with PCI and with MMIO devices, User-Mode Linux with
KUnit. A report of the kernel in a guest's log (KASAN, UBSAN, lockdep, DMA-API,
any warning) fails the run, whatever the guest's own tests say; so does a test
that reported nothing. Planted bugs prove that. The part "allocations" takes
some minutes, and runs only when it is named. The last line is the sum.
"""
EPILOG = "exit status: 0 all passed, 1 something failed, 3 it could not run\n"
STEP_PREFIX = "kernel-"  # of a part's name, as a step of ./lab test


def build_all() -> Tally:
    """One place that takes the time of building; the other parts find it done."""
    tally = Tally()
    with steps.silence():
        for kernel in (UML, CHECKED):
            kernel_tree.make(kernel)
            tally.passed += 1
    return tally


PARTS = [
    Step("style", "kernel module: W=1, sparse, coccinelle, checkpatch", kernel_style.run),
    Step("dkms", "kernel module: dkms.conf builds it", kernel_dkms.run),
    Step("build", "kernel module: test kernels are built", build_all),
    Step("pci", "kernel module: Debian's kernel, PCI devices", kernel_vehicles.stock_pci),
    Step("pci-checked", "kernel module: checked kernel, PCI devices", kernel_vehicles.checked_pci),
    Step("mmio", "kernel module: checked kernel, MMIO devices", kernel_vehicles.checked_mmio),
    Step("replay", "kernel module: the corpus, in kernels", kernel_replay_parts.corpus),
    Step("replay-fences", "kernel module: KASAN sees planted overruns", kernel_replay_parts.fences),
    Step("replay-trace", "kernel module: vlab.ko has no hook", kernel_replay_parts.no_trace),
    Step("hostile", "kernel module: devices of a hostile host", kernel_hostile.run),
    Step("planted", "kernel module: planted bugs are noticed", kernel_planted.run),
    Step("allocations", "kernel module: each allocation of a probe fails", kernel_vehicles.checked_allocations, ()),
]


def as_step(part: Step) -> Step:
    """The part as a step of ./lab test. It is left out only where a package cannot be had."""

    def run_part() -> Tally:
        missing = install.missing_packages(install.JOBS["kernel"])
        if missing:
            return Tally(skips=[f"{part.about}: not installed: {' '.join(missing)}"])
        with locks.hold("kernel-job", wait=True):
            return part.run()

    return dataclasses.replace(part, name=f"{STEP_PREFIX}{part.name}", run=run_part)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    steps.add_arguments(parser, "part")
    kernel_tree.add_stock_argument(parser)


def run(options: argparse.Namespace) -> int:
    named = options.only or options.list
    picked = steps.pick([part for part in PARTS if named or part.runs_in], options.only, "part", "./lab kernel test")
    if options.list:
        return steps.show(picked)
    files.require_space(kernel_tree.FOLDER, kernel_tree.SPACE_MB)
    install.ensure("kernel", not options.no_install, kernel_tree.choose_stock(options.linux))
    with locks.hold("kernel-job", wait=False):
        return steps.report(steps.run_all(picked, "./lab kernel test"))
