# SPDX-License-Identifier: GPL-2.0-or-later
"""./lab test: every check of the project, and one line at the end that sums them up."""

import argparse

from . import errors, files, install, kernel_test, locks, matrix, steps, tree

HELP = "run every test: compilers, sanitizers, architectures, kernels, corpus, fuzzing"
DESCRIPTION = """\
Builds and runs the whole matrix (under 50 minutes on 2 cores); --quick runs
its fast part (under 2 minutes). The last line is the sum.
"""
EPILOG = "exit status: 0 all passed, 1 something failed, 3 it could not run\n"
SPACE_MB = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="the fast part only")
    steps.add_arguments(parser, "step")


def run(options: argparse.Namespace) -> int:
    kind = "quick" if options.quick else "full"
    picked = steps.pick([step for step in matrix.STEPS if kind in step.runs_in], options.only, "step", "./lab test")
    if options.list:
        return steps.show(picked)
    files.require_space(tree.BUILD, SPACE_MB)
    install.ensure("test-quick" if options.quick else "test", not options.no_install)
    if any(step.name.startswith(kernel_test.STEP_PREFIX) for step in picked):
        _offer_kernel_packages(not options.no_install)
    with locks.hold("test-job", wait=False):
        return steps.report(steps.run_all(picked, "./lab test"))


def _offer_kernel_packages(may_install: bool) -> None:
    """Without them the other steps still have something to tell; those of the kernel say what is missing."""
    try:
        install.ensure("kernel", may_install)
    except errors.LabError as error:
        errors.tell(f"vlab: without the kernel's steps: {error.message}")
