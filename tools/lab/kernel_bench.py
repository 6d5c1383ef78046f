# SPDX-License-Identifier: GPL-2.0-or-later
"""./lab kernel bench: the module against the kernel's own drivers, in one guest; see docs/bench.md."""

import argparse
import dataclasses
import json
import math
import pathlib
import re
import statistics
import sys

from . import build, errors, files, install, kernel_count, kernel_guest, kernel_tree, kernel_vehicles, locks, process
from . import tree
from .bench import Verdict
from .kernel_guest import Guest, Monitor

USAGE = "[--same-scheduler] [--json] [--check]"
HELP = "measure the module against the kernel's drivers"
DESCRIPTION = """\
Runs disks and entropy devices of both kinds in one guest (Debian's kernel, QEMU
without KVM): those of the kernel's virtio drivers and those of vlab, in turns.
Prints how many times as fast as the kernel's ours are, and how many
instructions each spends on a request, which is exact. docs/bench.md says how,
and documents the keys of --json.
"""
EPILOG = "exit status: 0 done, 1 --check found a limit exceeded, 3 it could not run\n"

SPACE_MB = 256
SPEED_SECONDS = 600  # that nothing takes, however busy the machine
COUNT_SECONDS = 600

RING_MOST = 330  # instructions, for a read at depth 32
CHECKED_COUNT = "read-32"
DEPTHS = (1, 32)
ROUNDS = 300
SLICE = {1: 24, 32: 384}  # requests of a turn: some milliseconds
ENTROPY_SLICE, ENTROPY_READ = 1536, 64  # bytes of a turn; of a read of kernel_load
COUNTED = 128  # requests
THEIRS_MODULES = ["virtio_pci", "virtio_blk"]
# Of the kernel's modules, and of our files by how their names begin.
THEIR_PARTS = {"virtio_ring": "ring", "virtio_blk": "driver", "virtio_rng": "driver", "virtio": "transport",
               "virtio_pci": "transport", "virtio_pci_modern_dev": "transport"}
OUR_PARTS = {"vring": "ring", "virtqueue": "ring", "block": "driver", "disk": "driver", "entropy": "driver",
             "hwrng": "driver"}
PARTS = ("ring", "driver", "transport")
MAPPING = ("dma_map_page_attrs", "dma_unmap_page_attrs")

# Nothing behind them: what is measured is the way there and back.
DISK = "driver=null-co,node-name=disk{at},size=1073741824,read-zeroes=off"
DISK_DEVICE = "virtio-blk-pci,drive=disk{at},addr={addr},disable-legacy=on,num-queues=1,queue-size=256,iothread=disks"
RNG = "rng-random,id=rng{at},filename=/dev/urandom"
RNG_DEVICE = "virtio-rng-pci,rng=rng{at},addr={addr},disable-legacy=on"


@dataclasses.dataclass(frozen=True)
class Speed:
    """One row: a load that runs in turns on the kernel's driver and on ours."""

    name: str
    words: str  # of kernel_load
    units: int  # of a turn
    unit: str


@dataclasses.dataclass(frozen=True)
class Load:
    """One load whose instructions are counted; `entry` is the first function of a request in each driver."""

    name: str
    words: str
    theirs: str
    ours: str
    their_entry: tuple[str, str]
    our_entry: tuple[str, str]


def speeds() -> list[Speed]:
    disks = "disks /dev/vda /dev/vlaba"
    rows = [Speed(f"{kind}-{order}-{depth}", f"{disks} {kind} {order} {depth} {SLICE[depth]} {ROUNDS}", SLICE[depth],
                  "requests/s")
            for kind in ("read", "write") for order in ("random", "sequential") for depth in DEPTHS]
    words = f"entropy $(source_of virtio_rng) $(source_of vlab_rng) {ENTROPY_SLICE} {ROUNDS}"
    return [*rows, Speed("entropy", words, ENTROPY_SLICE, "bytes/s")]


def loads() -> list[Load]:
    disks = [Load(f"{kind}-{depth}", f"count-disk {{disk}} {kind} random {depth} {COUNTED}", "/dev/vda", "/dev/vlaba",
                  ("virtio_ring", "virtqueue_add_sgs"), ("vlab", "vlab_virtio_blk_submit"))
             for kind, depth in (("read", 1), ("read", 32), ("write", 32))]
    entropy = Load("entropy", f"count-entropy {{disk}} {COUNTED}", "$(source_of virtio_rng)", "$(source_of vlab_rng)",
                   ("virtio_rng", "virtio_read"), ("vlab", "rng_read"))
    return [*disks, entropy]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--same-scheduler", action="store_true",
                        help="take the I/O scheduler from the kernel's disk: ours has none unless told so")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--check", action="store_true",
                        help="fail where ours is slower for certain, or spends more instructions than the limit")
    parser.add_argument("--no-install", action="store_true", help="name missing packages instead of installing them")


def run(options: argparse.Namespace) -> int:
    files.require_space(kernel_tree.FOLDER, SPACE_MB)
    install.ensure("kernel-bench", not options.no_install)
    with locks.hold("kernel-job", wait=False):
        results = measure(["same_scheduler"] if options.same_scheduler else [])
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        _show(results)
    if not options.check:
        return 0
    verdicts = _verdicts(results)
    for verdict in verdicts:
        print(verdict, file=sys.stderr if options.json else sys.stdout)
    return 0 if all(verdict.good for verdict in verdicts) else errors.FINDINGS


def measure(before: list[str]) -> dict:
    """@before: lines of the guest's script before its loads."""
    core = kernel_vehicles.stock_module("core/kernel")
    program = kernel_guest.program(tree.ROOT / "bench" / "kernel_load.c")
    with kernel_guest.workshop() as folder:
        with build.telling("measuring in turns"):
            speed = _measure_speed(folder, core, program, before)
        with build.telling("counting instructions"):
            instructions = _measure_counts(folder, core, program, before)
    return {"speed": speed, "instructions": instructions}


def _boot(folder: pathlib.Path, core: pathlib.Path, program: pathlib.Path, script: list[str], name: str,
          options: list[str], seconds: float, tracer: kernel_count.Tracer | None = None) -> str:
    """Run the lines of @script in a guest that has both drivers; returns its log."""
    stock = kernel_tree.stock()
    first = [*kernel_tree.modules_of(stock, THEIRS_MODULES), core / "vlab.ko"]
    # What virtio-rng needs beyond them is built into Debian's kernel.
    modules = [*first, kernel_tree.modules_of(stock, ["virtio_rng"])[-1]]
    order, listed = folder / "order", folder / "loads"
    order.write_text("".join(f"{path.name}\n" for path in first))
    listed.write_text("".join(f"{line}\n" for line in script))
    initrd = folder / "initrd"
    initrd.write_bytes(kernel_guest.initramfs("bench", [
        *kernel_guest.module_files(modules), ("modules/order", order), ("tests/loads", listed),
        ("bin/kernel_load", program)]))
    argv = kernel_guest.pc(stock, initrd, [*_devices(), *options])
    if tracer:
        argv = kernel_count.limited(argv)
    guest = Guest(name, argv, seconds, (kernel_guest.DONE,), tracer.answer if tracer else None)
    outcome = kernel_guest.run(guest)
    failed = re.search(r"vlab-test: fail (.*)", outcome.text)
    if outcome.status or failed or "vlab-test: ok bench" not in outcome.text:
        why = failed[1] if failed else outcome.status or "it did not come to its end"
        raise errors.LabError(f"the guest failed: {why.strip()}; its log is {tree.shown(outcome.log)}")
    return outcome.text


def _devices() -> list[str]:
    """At addresses that tests/kernel/guest/bench.sh knows. One processor: a count is then of one sequence."""
    options = ["-smp", "1", "-object", "iothread,id=disks"]
    for at, addr in enumerate((4, 5)):
        options += ["-blockdev", DISK.format(at=at), "-device", DISK_DEVICE.format(at=at, addr=addr)]
    for at, addr in enumerate((6, 7)):
        options += ["-object", RNG.format(at=at), "-device", RNG_DEVICE.format(at=at, addr=addr)]
    return options


# Speed.


def _measure_speed(folder: pathlib.Path, core: pathlib.Path, program: pathlib.Path, before: list[str]) -> dict:
    rows = speeds()
    script = [*before, *(f"load {row.words}" for row in rows)]
    script.insert(-1, "with_entropy")
    text = _boot(folder, core, program, script, "bench-speed", [], SPEED_SECONDS)
    parts = re.split(r"^vlab-load: .*$", text, flags=re.MULTILINE)[1:]
    return {row.name: _ratios(row, part) for row, part in zip(rows, parts, strict=True)}


def _ratios(row: Speed, text: str) -> dict:
    rounds = [(int(theirs), int(ours)) for theirs, ours in re.findall(r"^round (\d+) (\d+)", text, re.MULTILINE)]
    if len(rounds) < ROUNDS * 0.9:  # a line of the kernel may have run into some
        raise errors.LabError(f"of {ROUNDS} rounds of {row.name} only {len(rounds)} were told of")
    ratios = sorted(theirs / ours for theirs, ours in rounds)
    quartiles = statistics.quantiles(ratios, n=4)
    # The true median lies between these two with a probability of 99 %.
    reach = 1.29 * math.sqrt(len(ratios))
    low, high = math.floor(len(ratios) / 2 - reach), math.ceil(len(ratios) / 2 + reach)
    theirs, ours = (statistics.median(column) for column in zip(*rounds))
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ratio_low": round(ratios[max(low, 0)], 3),
        "ratio_high": round(ratios[min(high, len(ratios) - 1)], 3),
        "ratio_quartiles": [round(quartiles[0], 3), round(quartiles[2], 3)],
        "ratio_wanted": 1.0,
        "rounds": len(rounds),
        "unit": row.unit,
        "vlab": round(row.units / ours * 1e9),
        "in_tree": round(row.units / theirs * 1e9),
    }


# Instructions.


def _measure_counts(folder: pathlib.Path, core: pathlib.Path, program: pathlib.Path, before: list[str]) -> dict:
    rows = loads()
    script = [*before]
    for row in rows:
        if row.name == "entropy":
            script.append("with_entropy")
        script += [f"load {row.words.format(disk=disk)}" for disk in (row.theirs, row.ours)]
    script.append("symbols")
    traces = files.make_folder(kernel_tree.FOLDER / "traces")
    monitor = Monitor(folder / "qmp")
    tracer = kernel_count.Tracer(traces, monitor)
    try:
        text = _boot(folder, core, program, script, "bench-count", [*monitor.options, *kernel_count.OPTIONS],
                     COUNT_SECONDS, tracer)
        if tracer.refused:
            raise errors.LabError("QEMU's monitor refused a command", details=tracer.refused)
        return _read_counts(rows, tracer.traces, text, core, kernel_count.symbol_of(program, "known_loop"))
    finally:
        monitor.close()
        for trace in tracer.traces:
            trace.unlink(missing_ok=True)


def _read_counts(rows: list[Load], traces: list[pathlib.Path], text: str, core: pathlib.Path, known: int) -> dict:
    functions = kernel_count.functions_of(text)
    from_file = kernel_count.files_of(core.parent)
    results = {}
    for row, theirs, ours in zip(rows, traces[::2], traces[1::2], strict=True):
        results[row.name] = {
            "vlab": _split(row, kernel_count.read(ours, functions, known), row.our_entry,
                           lambda module, name: _our_part(from_file, name) if module == "vlab" else None),
            "in_tree": _split(row, kernel_count.read(theirs, functions, known), row.their_entry,
                              lambda module, name: THEIR_PARTS.get(module)),
            "ring_limit": RING_MOST if row.name == CHECKED_COUNT else None,
        }
    return results


def _our_part(from_file: dict[str, str], name: str) -> str:
    stem = from_file.get(name, "")
    return next((part for start, part in OUR_PARTS.items() if stem.startswith(start)), "transport")


def _split(row: Load, count: kernel_count.Count, entry: tuple[str, str], part_of) -> dict:
    """Instructions for each request, by part."""
    requests = count.entries[entry]
    # The kernel itself reads entropy, too.
    if requests < COUNTED or (requests != COUNTED and row.name != "entropy"):
        raise errors.LabError(f"{row.name}: {COUNTED} requests were made and {requests} calls of {entry[1]}() counted")
    sums = dict.fromkeys(PARTS, 0)
    detail: dict[str, int] = {}
    for (module, name), times in count.functions.items():
        part = part_of(module, name)
        if part:
            sums[part] += times
            detail[name] = detail.get(name, 0) + times
    mapping = sum(count.functions[("", name)] for name in MAPPING)
    return {
        **{part: round(times / requests, 1) for part, times in sums.items()},
        "dma_mapping": round(mapping / requests, 1),
        "kernel": round(count.total / requests, 1),
        "functions": {name: round(times / requests, 1)
                      for name, times in sorted(detail.items(), key=lambda item: -item[1]) if times >= requests},
    }


# What is told.


def _verdicts(results: dict) -> list[Verdict]:
    verdicts = [
        Verdict(f"speed.{name}.ratio", f"{row['ratio']:.3f} ({row['ratio_low']:.3f} to {row['ratio_high']:.3f}), "
                f"wanted {row['ratio_wanted']}", row["ratio_high"] >= row["ratio_wanted"])
        for name, row in results["speed"].items()
    ]
    for name, row in results["instructions"].items():
        ours, theirs = row["vlab"]["kernel"], row["in_tree"]["kernel"]
        verdicts.append(Verdict(f"instructions.{name}.vlab.kernel", f"{ours}, in-tree {theirs}", ours <= theirs))
        ring, most = row["vlab"]["ring"], row["ring_limit"]
        if most:
            verdicts.append(Verdict(f"instructions.{name}.vlab.ring", f"{ring}, at most {most}", ring <= most))
    return verdicts


def _show(results: dict) -> None:
    import rich.console

    console = rich.console.Console(highlight=False)
    _show_speed(console, results["speed"])
    _show_instructions(console, results["instructions"])


def _table(title: str, *columns: str):
    import rich.box
    import rich.table

    table = rich.table.Table(title=title, title_justify="left", box=rich.box.SIMPLE_HEAD)
    for at, column in enumerate(columns):
        table.add_column(column, justify="right" if at else "left", no_wrap=True)
    return table


def _show_speed(console, speed: dict) -> None:
    table = _table("Times as fast as the kernel's driver; requests of 4 KiB, or bytes, a second", "load", "ratio",
                   "surely within", "vlab", "in-tree")
    for name, row in speed.items():
        table.add_row(name, f"{row['ratio']:.2f}", f"{row['ratio_low']:.2f} to {row['ratio_high']:.2f}",
                      f"{row['vlab']:,}", f"{row['in_tree']:,}")
    console.print(table)


def _show_instructions(console, instructions: dict) -> None:
    table = _table("Instructions for each request", "load", "", *PARTS, "DMA", "kernel")
    for name, row in instructions.items():
        for kind, title in (("vlab", "vlab"), ("in_tree", "in-tree")):
            cells = [row[kind][part] for part in (*PARTS, "dma_mapping", "kernel")]
            table.add_row(name, title, *(f"{cell:,.0f}" for cell in cells))
    console.print(table)
