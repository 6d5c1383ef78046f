# SPDX-License-Identifier: GPL-2.0-or-later
"""./lab fuzz: attack every target for a while, then say what came of it."""

import argparse
import os
import pathlib
import shutil

from . import build, coverage, errors, files, install, live, locks, signals, tree
from .campaign import Campaign, Plan, prepare
from .findings import Findings

HELP = "attack the core: build, fuzz every target, write a report"
DEFAULT_SECONDS = 60
SPACE_MB = 64  # needed to start: builds, seeds, findings

DESCRIPTION = """\
Installs what is missing, builds the targets with clang, ASan and UBSan, and
attacks them. The targets take turns on the jobs, so that all advance together.
What is found is kept between runs; Ctrl-C ends the run with its report.
"""
EPILOG = """\
exit status: 0 nothing found, 1 findings, 2 the command line is wrong,
3 it could not run, 130 ended by Ctrl-C with nothing found
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="what to attack (default: every target)")
    parser.add_argument("--time", type=positive_number, default=DEFAULT_SECONDS, metavar="SECONDS",
                        help=f"how long to fuzz, all targets together (default: {DEFAULT_SECONDS})")
    parser.add_argument("--jobs", type=positive_integer, default=default_jobs(), metavar="N",
                        help="processes at a time (default: one for each core)")
    parser.add_argument("--no-install", action="store_true", help="name missing packages instead of installing them")
    parser.add_argument("--corpus", type=pathlib.Path, default=tree.BUILD / "fuzz-corpus", metavar="DIR",
                        help="keep what is found in DIR/<target> (default: build/fuzz-corpus)")
    parser.add_argument("--output", type=pathlib.Path, default=tree.BUILD / "fuzz-report", metavar="DIR",
                        help="put the report and the findings in DIR (default: build/fuzz-report)")


def run(options: argparse.Namespace) -> int:
    targets = tree.pick_targets(options.targets)
    for folder in (tree.BUILD, options.corpus, options.output):
        files.require_space(folder, SPACE_MB)
    install.ensure("fuzz", not options.no_install)
    with locks.hold("fuzz-job", wait=False):
        build.build(build.FUZZ)
        build.build(build.COVERAGE)
        plan = Plan(targets, options.time, options.jobs, options.corpus.absolute(), tree.BUILD / "fuzz-run")
        return _attack(plan, options.output.absolute())


def _attack(plan: Plan, output: pathlib.Path) -> int:
    campaign = execute(plan, output / "findings")
    campaign.findings.disassemble()
    covered = _measure(plan)
    from . import report  # needs packages that may have been installed just now

    page = report.write(campaign, covered, output)
    _summarize(campaign, covered, page)
    if len(campaign.findings):
        return errors.FINDINGS
    return 130 if campaign.interrupted else 0


def execute(plan: Plan, findings_folder: pathlib.Path) -> Campaign:
    """Run the plan with a view that suits the output."""
    shutil.rmtree(plan.work, ignore_errors=True)
    prepare(plan, build.FUZZ)
    campaign = Campaign(plan, Findings(findings_folder, build.FUZZ.program("vlabasm")))
    try:
        with live.view(campaign) as view:
            campaign.run(view)
    except errors.LabError:
        _print_findings(campaign)
        raise
    shutil.rmtree(plan.work, ignore_errors=True)
    return campaign


def _measure(plan: Plan) -> list[coverage.FileCoverage]:
    """What the committed and the found inputs together reach; nothing, when nobody wants to wait."""
    inputs = {name: [tree.CORPUS / name, plan.corpus / name] for name in plan.targets}
    try:
        with build.telling("measuring the coverage of the core"):
            return coverage.measure(inputs)
    except errors.Interrupted:
        signals.forget()
        return []


def _summarize(campaign: Campaign, covered: list[coverage.FileCoverage], page: pathlib.Path) -> None:
    runs = sum(target.runs for target in campaign.targets)
    ended = "interrupted after" if campaign.interrupted else "done in"
    reached = f"{coverage.percentage(covered):.1f} % of the core's lines reached, " if covered else ""
    print(f"\n{ended} {live.clock(campaign.elapsed)}: {live.count(runs)} runs, {reached}"
          f"{live.plural(len(campaign.findings), 'finding')}")
    _print_findings(campaign)
    print(f"report: {tree.shown(page)}", flush=True)


def _print_findings(campaign: Campaign) -> None:
    for finding in campaign.findings:
        print(f"\n  {finding.target}: {finding.label}: {finding.sentence}")
        print(f"    {tree.shown(finding.path)}")
        print(f"    replay: {finding.replay}")


def default_jobs() -> int:
    return len(os.sched_getaffinity(0))


def positive_number(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError
    return number


def positive_integer(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


positive_number.__name__ = "number of seconds"
positive_integer.__name__ = "number"
