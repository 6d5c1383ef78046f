# SPDX-License-Identifier: GPL-2.0-or-later
"""./lab kernel replay: the same programs in user space and in kernels, with the same digests."""

import argparse
import dataclasses
import pathlib
import re
from collections.abc import Callable

from . import build, errors, files, install, kernel_cpio, kernel_guest, kernel_tree, kernel_vehicles, kernel_verdict
from . import locks, process, replay_programs, tree
from .kernel_guest import Outcome
from .mesontest import Tally
from .replay_programs import Program

USAGE = "[DIR|FILE...] [--generate N]"
HELP = "replay programs in a kernel, compare with user space"
DESCRIPTION = """\
Runs every program of the corpus (or those in each DIR or FILE) in user space,
in Debian's own kernel in QEMU and in User-Mode Linux under KASAN, UBSAN and
lockdep, and compares verdict, step and digest. Of a program that differs it
shows the first event that does. The target of a program is the name of the
folder that it is in.
"""
EPILOG = "exit status: 0 all identical and no findings, 1 not, 2 a program cannot be read, 3 it could not run\n"

AGAIN = "./lab kernel replay"
SHOWN = 20  # differing programs that are named
SAME = "identical"
SECONDS = 90  # that a guest may take, and a program at most:
SECONDS_EACH = 1 / 100

# Lines of vlab-feed, and of KUnit behind the time of the kernel's log.
_TARGET = re.compile(r"\btarget (\w+) programs (\d+) differ (\d+) found (\d+) digest ([0-9a-f]{16})\b")
_DIFFERS = re.compile(r"\bdiffers (\d+) verdict (\d+) step (\d+) digest ([0-9a-f]{16})\b")
_EVENT = re.compile(r"\bevent (\d+) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+)\b")


@dataclasses.dataclass(frozen=True)
class Vehicle:
    """@boot: from the files /vlab/NAME and a number of seconds to what the guest said."""

    name: str
    about: str
    boot: Callable[[pathlib.Path, float], Outcome]
    judge: Callable[[Outcome, str], Tally]


@dataclasses.dataclass
class Job:
    """@expected: a record for each program."""

    programs: list[Program]
    expected: bytes
    folder: pathlib.Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", type=pathlib.Path, metavar="DIR|FILE", help="what to replay")
    parser.add_argument("--target", choices=tree.targets(), help="the target of all programs named")
    parser.add_argument("--generate", type=_count, default=0, metavar="N", help="add N programs that the fuzzer grows")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--uml", action="store_true", help="only User-Mode Linux")
    only.add_argument("--stock", action="store_true", help="only Debian's kernel")
    kernel_tree.add_stock_argument(parser)
    parser.add_argument("--no-install", action="store_true", help="name missing packages instead of installing them")


def _count(word: str) -> int:
    if not word.isdigit():
        raise argparse.ArgumentTypeError(f"'{word}' is no number of programs")
    return int(word)


def run(options: argparse.Namespace) -> int:
    files.require_space(kernel_tree.FOLDER, kernel_tree.SPACE_MB)
    install.ensure("kernel", not options.no_install, kernel_tree.choose_stock(options.linux))
    if options.generate:
        install.ensure("fuzz", not options.no_install)
    picked = [vehicle for vehicle in VEHICLES if getattr(options, vehicle.name) or not (options.uml or options.stock)]
    with locks.hold("kernel-job", wait=False), kernel_guest.workshop() as folder:
        job = prepare(options.paths, options.target, options.generate, folder)
        results = [replay(job, vehicle) for vehicle in picked]
    return errors.FINDINGS if any(tally.failed for tally in results) else 0


def prepare(paths: list[pathlib.Path], target: str | None, generate: int, folder: pathlib.Path) -> Job:
    """The programs, and what user space makes of them."""
    build.build(build.PLAIN)
    programs = replay_programs.collect(paths, target, folder)
    if generate:
        build.build(build.FUZZ)
        with build.telling(f"growing {generate} programs"):
            programs += replay_programs.generate(generate, programs, folder)
    programs = replay_programs.in_order(programs)
    job = Job(programs, replay_programs.answers(programs, folder), folder)
    (folder / "programs").write_bytes(replay_programs.batch(programs))
    (folder / "expected").write_bytes(job.expected)
    return job


def replay(job: Job, vehicle: Vehicle) -> Tally:
    """Boot, feed, compare; prints a line for each target and the first differences."""
    outcome = vehicle.boot(job.folder, SECONDS + len(job.programs) * SECONDS_EACH)
    again = f"{AGAIN} --{vehicle.name}"
    tally = vehicle.judge(outcome, again)
    print(f"{vehicle.about}: {len(job.programs)} programs, {outcome.seconds:.0f} s", flush=True)
    different = differences(job, outcome.text)
    for target in tree.targets():
        records = _records_of(job, target)
        if records:
            word = verdict_on(target, records, outcome.text)
            found = findings(job, target)
            print(f"  {target:<10} {len(records):>7}  {word}{f', {len(found)} findings' if found else ''}", flush=True)
            tally.check(word == SAME, f"{vehicle.name}: {target}: {word}", "\n".join(different), again)
            tally.check(not found, f"{target}: {len(found)} programs fire an oracle in user space", "",
                        f"./lab repro {target} {file_of(found[0]) if found else ''}")
    for failure in tally.failures:
        print(failure, flush=True)
    return tally


def verdict_on(target: str, records: list[tuple[int, int, int]], text: str) -> str:
    """SAME, or what is wrong. The digest is what shows that all are equal; the guest's own count only names them."""
    wanted = replay_programs.digest(b"".join(replay_programs.RESULT.pack(*record) for record in records))
    for name, programs, differ, _, digest in _TARGET.findall(text):
        if name == target and int(programs) == len(records):
            return SAME if int(digest, 16) == wanted else f"{differ} DIFFER"
    return "NOT RUN"


def findings(job: Job, target: str) -> list[Program]:
    """The programs that fire an oracle in user space already."""
    records = replay_programs.RESULT.iter_unpack(job.expected)
    return [program for program, (verdict, _, _) in zip(job.programs, records) if verdict and program.target == target]


def file_of(program: Program) -> str:
    """Where a person finds the program: one that was grown is written down for that."""
    if not program.grown:
        return program.name
    path = tree.BUILD / "replay" / program.target / program.name
    files.write(path, program.data)
    return tree.shown(path)


def _records_of(job: Job, target: str) -> list[tuple[int, int, int]]:
    records = replay_programs.RESULT.iter_unpack(job.expected)
    return [record for program, record in zip(job.programs, records) if program.target == target]


def differences(job: Job, text: str) -> list[str]:
    """What is to be said about each program that differs; of the first ones, where it begins to."""
    events: dict[int, list[tuple[int, ...]]] = {}
    for index, *numbers in _EVENT.findall(text):
        events.setdefault(int(index), []).append(tuple(int(number, 16) for number in numbers))
    lines = []
    found = _DIFFERS.findall(text)
    for word, verdict, step, _ in found[:SHOWN]:
        index = int(word)
        want = replay_programs.RESULT.unpack_from(job.expected, index * replay_programs.RESULT.size)
        lines.append(f"{file_of(job.programs[index])}: {_ending(int(verdict), int(step))}; in user space: "
                     f"{_ending(*want[:2])}")
        if index in events:
            here = replay_programs.trace(job.programs[index], job.folder)
            lines.append("  " + first_difference(here, events[index]))
    if len(found) > SHOWN:
        lines.append(f"and {len(found) - SHOWN} more")
    return lines


def _ending(verdict: int, step: int) -> str:
    if not verdict:
        return "it passes"
    text = (tree.ROOT / "fuzz" / "oracle.c").read_text()
    names = dict(re.findall(r'\[(ORACLE_\w+)\] = \{\s*"([\w-]+)"', text))
    order = re.findall(r"\b(ORACLE_[A-Z_]+),", (tree.ROOT / "fuzz" / "oracle.h").read_text())
    name = names.get(order[verdict - 1], "") if verdict <= len(order) else f"oracle {verdict}"
    where = f"step {step + 1}" if step < replay_programs.STEPS_MAX else "the end"
    return f"{name} fires at {where}"


def first_difference(here: list[tuple[int, ...]], there: list[tuple[int, ...]]) -> str:
    """The first event of two traces that is not the same, and the step that it belongs to."""
    kinds = event_kinds()
    step = "before the first step"
    for at in range(max(len(here), len(there))):
        mine, theirs = (trace[at] if at < len(trace) else None for trace in (here, there))
        if mine != theirs:
            return f"{step}: event {at} is {_shown(theirs, kinds)}; user space: {_shown(mine, kinds)}"
        if kinds[mine[0]] == "STEP":
            step = f"step {mine[1] + 1}"
        elif kinds[mine[0]] == "PHASE":
            step = f"phase {mine[1]}, after the steps"
    return "the traces are equal: the program does not always do the same"


def event_kinds() -> list[str]:
    """The names of enum trace_kind."""
    text = (tree.ROOT / "fuzz" / "trace.h").read_text()
    return re.findall(r"\bTRACE_([A-Z]+)\b", text.partition("enum trace_kind {")[2].partition("}")[0])


def _shown(event: tuple[int, ...] | None, kinds: list[str]) -> str:
    if event is None:
        return "missing"
    kind, *values = event
    name = kinds[kind].lower() if kind < len(kinds) else str(kind)
    return f"{name} {' '.join(f'{value:#x}' for value in values)}"


def stock_module() -> pathlib.Path:
    """The replay module for Debian's own kernel."""
    folder, _ = kernel_tree.make_module("replay", "core/kernel", kernel_tree.stock_headers(),
                                        ("CONFIG_VLAB=n", "CONFIG_VLAB_REPLAY=m"))
    return folder / "replay" / "vlab_replay.ko"


def _boot_stock(files_in: pathlib.Path, seconds: float) -> Outcome:
    stock = kernel_tree.stock()
    feed = kernel_guest.program(tree.ROOT / "repro" / "vlab_feed.c", tree.ROOT / "fuzz" / "replay_format.c",
                                options=("-DVLAB_PORT_HOOK", "-Iinclude", "-Ifuzz"))
    extra = [(f"vlab/{name}", files_in / name) for name in ("programs", "expected")]
    extra += [("bin/vlab-feed", feed), *kernel_guest.module_files([stock_module()])]
    with kernel_guest.workshop() as folder:
        initrd = folder / "initrd"
        initrd.write_bytes(kernel_guest.initramfs("replay", extra))
        argv = kernel_guest.pc(stock, initrd, [])
        return kernel_guest.run(kernel_guest.Guest("replay-stock", argv, seconds, (kernel_guest.DONE,)))


def _judge_stock(outcome: Outcome, again: str) -> Tally:
    return kernel_verdict.judge("stock", kernel_guest.expected_tests("replay"), outcome, again)


def boot_uml(files_in: pathlib.Path, seconds: float, words: tuple[str, ...] = ()) -> Outcome:
    """Without user space: KUnit does what vlab-feed does elsewhere."""
    built = kernel_tree.make(kernel_vehicles.UML)
    archive = kernel_cpio.Archive()
    for name in ("programs", "expected"):
        archive.copy(f"vlab/{name}", files_in / name)
    with kernel_guest.workshop() as folder:
        initrd = folder / "initrd"
        initrd.write_bytes(archive.packed())
        argv = kernel_guest.uml(built, initrd, words)
        return kernel_guest.run(kernel_guest.Guest("replay-uml", argv, seconds, kernel_vehicles.UML_GOOD))


def _judge_uml(outcome: Outcome, again: str) -> Tally:
    expected = [f"kunit/vlab_replay.{target}" for target in tree.targets()]
    return kernel_verdict.judge("uml", expected, outcome, again, says_done=False)


VEHICLES = (
    Vehicle("stock", "Debian's kernel, in QEMU", _boot_stock, _judge_stock),
    Vehicle("uml", "User-Mode Linux, KASAN, UBSAN, lockdep", boot_uml, _judge_uml),
)
