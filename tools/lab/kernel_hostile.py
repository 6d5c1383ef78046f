# SPDX-License-Identifier: GPL-2.0-or-later
"""The hostile host: QEMU with settings that no honest host has, and a guest that must bear them all.

Nothing that the kernel says meanwhile may be above a warning, and a warning of
vlab names the device. tests/kernel/guest/hostile.sh has the other half.
"""

import contextlib
import dataclasses
import json
import pathlib
import re
import time

from . import kernel_guest, kernel_tree, kernel_vehicles, kernel_verdict, steps
from .kernel_guest import Guest, Monitor
from .mesontest import Tally

SECONDS = 900
AGAIN = "./lab kernel test --only hostile"
MODULES = ["crc32c_generic", "ext4"]
PROGRAMS = ("/sbin/mke2fs",)
MEGABYTE = 1 << 20
DISK_BYTES = 32 * MEGABYTE
HUGE_BYTES = (1 << 63) - (1 << 30)  # the most that QEMU takes
FIRST_SLOT, FUNCTIONS = 3, 8
PORT_SLOT = 0x1e

# What a device is expected to be: functions is_... of hostile.sh. With the first ones
# requests fail, and the block layer may say so.
FAILING = ("failing", "failing_writes", "failing_flushes", "stalled", "silent")


@dataclasses.dataclass(frozen=True)
class Setting:
    """A device: its options in QEMU, what is behind it, and what becomes of it."""

    name: str
    options: str = ""
    expected: str = "usable"
    size: int = DISK_BYTES
    backend: str = "file"


def _around(block: int) -> str:
    return f"logical_block_size={block},physical_block_size={block}"


SETTINGS = (
    # Queues.
    Setting("queue-size-least", "queue-size=4"),
    Setting("queue-size-least-direct", "queue-size=4,indirect_desc=off"),
    Setting("queue-size-most", "queue-size=1024"),
    Setting("queues-many", "num-queues=64"),
    Setting("queues-more-than-vectors", "num-queues=8,vectors=3"),
    Setting("queues-most", "num-queues=1024,vectors=4"),
    # Segments: more than the queue has room for, one, none in tables.
    Setting("segments-above-the-queue", "queue-size=8,seg-max-adjust=off"),
    Setting("segments-above-the-queue-direct", "queue-size=8,seg-max-adjust=off,indirect_desc=off"),
    Setting("segments-direct", "queue-size=128,indirect_desc=off"),
    # Capacities.
    Setting("capacity-none", "", "empty", 0),
    Setting("capacity-one-sector", "", "usable", 512),
    Setting("capacity-odd", "", "usable", 7 * 512),
    Setting("capacity-part-of-a-sector", "", "usable", 1000),
    Setting("capacity-below-a-block", _around(4096), "empty", 7 * 512),
    Setting("capacity-ends-in-a-block", _around(4096), "usable", 3 * 4096 + 512),
    Setting("capacity-huge", "", "accepting", HUGE_BYTES, "null"),
    Setting("capacity-huge-in-blocks", _around(4096), "accepting", HUGE_BYTES, "null"),
    # Block sizes: a page, above a page, and a physical one of 2 MiB.
    Setting("block-page", _around(4096)),
    Setting("block-above-a-page", _around(8192), "refused"),
    Setting("block-32k", _around(32768), "refused"),
    Setting("block-largest", _around(2 * MEGABYTE), "refused"),
    Setting("physical-block-largest", f"physical_block_size={2 * MEGABYTE}"),
    Setting("least-and-best-size", "min_io_size=33553920,opt_io_size=4294966784"),
    # Discard and write zeroes.
    Setting("discard-one-sector", "max-discard-sectors=64,max-write-zeroes-sectors=1", "discarding"),
    Setting("discard-below-a-block", f"{_around(4096)},max-discard-sectors=1,max-write-zeroes-sectors=7"),
    Setting("discard-in-large-grains", f"discard_granularity={64 * MEGABYTE}"),
    Setting("discard-in-odd-grains", "discard_granularity=1536"),
    Setting("discard-off", "discard=off,write-zeroes=off"),
    # Features.
    Setting("event-index-off", "event_idx=off"),
    Setting("tables-and-event-index-off", "indirect_desc=off,event_idx=off"),
    Setting("packed-ring", "packed=on"),
    Setting("behind-an-iommu", "iommu_platform=on"),
    Setting("transitional", "disable-legacy=off"),
    Setting("legacy-only", "disable-legacy=off,disable-modern=on", "refused"),
    Setting("no-event-files", "ioeventfd=off"),
    Setting("no-pcie", "x-disable-pcie=on"),
    Setting("page-for-each-queue", "page-per-vq=on"),
    Setting("ports-to-notify", "modern-pio-notify=on"),
    Setting("cache-fixed", "config-wce=off,write-cache=on"),
    Setting("cache-none", "write-cache=off"),
    Setting("no-queue-reset", "queue_reset=off"),
    Setting("no-vector", "vectors=0"),
    Setting("one-vector", "vectors=1"),
    Setting("two-vectors", "vectors=2,num-queues=2"),
    Setting("odd-name", "serial=%s/../a"),
    Setting("read-only", "", "read_only", DISK_BYTES, "fixed"),
    # What is behind it fails, or does nothing.
    Setting("read-errors", "", "failing", DISK_BYTES, "eio"),
    Setting("write-errors", "", "failing_writes", DISK_BYTES, "enospc"),
    Setting("flush-errors", "write-cache=on", "failing_flushes", DISK_BYTES, "flush"),
    Setting("stalled", "num-queues=2", "stalled", DISK_BYTES, "stall"),
)
# The same, behind an IOMMU that lets a device reach what was mapped for it, while
# it is. The last one bypasses it, and would take its addresses for physical ones.
TRANSLATED = (
    Setting("translated", "iommu_platform=on"),
    Setting("translated-direct", "iommu_platform=on,indirect_desc=off,num-queues=2"),
    Setting("translated-by-itself", "iommu_platform=on,ats=on,num-queues=2"),
    Setting("not-translated", "iommu_platform=off", "refused"),
)
# Some of the first ones again, for a guest whose payloads are in bounce buffers.
BY_NAME = {setting.name: setting for setting in SETTINGS}
BOUNCED = tuple(BY_NAME[name] for name in (
    "queue-size-least-direct", "segments-above-the-queue", "capacity-odd", "block-page", "discard-one-sector",
    "tables-and-event-index-off", "read-errors", "write-errors", "flush-errors"))
IOMMU = ["-device", "intel-iommu,intremap=off,device-iotlb=on"]
# Devices that come later; at most one at a time is there.
PLUGGED = {
    "fresh": Setting("fresh", "num-queues=2"),
    "changing": Setting("changing"),
    "stalling": Setting("stalling", "num-queues=2", "usable", DISK_BYTES, "late"),
    "slow": Setting("slow", "num-queues=2", "usable", DISK_BYTES, "slow"),
    "trickle": Setting("trickle"),
}
# The rest of hostile.sh.
TESTS = ("resized-under-io", "unplugged-while-formatted", "unplugged-while-mounted", "unplugged-while-stalled",
         "given-up-before-a-flush", "given-up-while-written-back", "given-up-while-unmounted",
         "unplugged-while-probed", "entropy-trickles", "again-and-again", "fresh")
TESTS_BOUNCED = ("resized-under-io", "unplugged-while-formatted", "unplugged-while-stalled", "entropy-trickles",
                 "fresh")
# Those whose device works to the end, and those that take it from a file system.
TESTS_SERVED = ("entropy-trickles", "fresh")
TESTS_MOUNTED = ("unplugged-while-mounted", "given-up-while-unmounted")

# What the kernel itself says of a request that failed, above a warning. It is
# allowed where requests are meant to fail, and from nobody but these:
ALLOWED = re.compile(
    # the block layer, of the request, and of a page of its cache;
    r"(?:I/O error, dev vlab\w+, sector \d+ op |Buffer I/O error on dev vlab\w+, logical block \d+,"
    # and its search for a partition table, on a disk of one sector, too.
    r"|ldm_validate_partition_table\(\): Disk read failed\.|Dev vlab\w+: unable to read RDB block \d+)"
)
# a file system on a disk that is gone: it has lost data, and shouts.
ALLOWED_MOUNTED = re.compile(r"EXT4-fs|JBD2:|Aborting journal|Buffer I/O error on dev|$")

ERROR, WARNING = 3, 4
_RECORD = re.compile(r"vlab-kmsg: <(\d+)>\[ *\d+\.\d+\](?:\[[ CT]*\d+\])? ?(.*)")
_MARK = re.compile(r"vlab-(begin|end): (\S+)")
# What comes from vlab, or from the kernel about it; dev_warn() says the driver, the device, and the reason.
_OURS = re.compile(r"(?:vlab|virtio\w*)[ :]")
_NAMED = re.compile(r"(?:vlab|virtio\w*) (?:\d{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d|virtio\d+): \S+")


@dataclasses.dataclass
class Record:
    """One line of the kernel's log."""

    level: int
    text: str
    test: str  # during which it came; "" for none


@dataclasses.dataclass
class Machine:
    """One guest."""

    name: str
    settings: tuple[Setting, ...]
    tests: tuple[str, ...]
    options: list[str] = dataclasses.field(default_factory=list)
    words: tuple[str, ...] = ()
    parameters: str = ""  # of the module

    @property
    def expected(self) -> list[str]:
        return ["prepare", *(setting.name for setting in self.settings), *self.tests]


MACHINES = (
    Machine("hostile", SETTINGS, TESTS),
    Machine("hostile-iommu", TRANSLATED, (), IOMMU, ("intel_iommu=on", "iommu.strict=1")),
    Machine("hostile-bounce", BOUNCED, TESTS_BOUNCED, parameters="bounce=1"),
)


def run() -> Tally:
    with steps.silence():
        stock = kernel_tree.stock()
        core = kernel_vehicles.stock_module("core/kernel")
    with contextlib.ExitStack() as stack:
        hosts, guests = [], []
        for machine in MACHINES:
            folder = stack.enter_context(kernel_guest.workshop())
            hosts.append(Host(folder, machine.settings))
            stack.callback(hosts[-1].monitor.close)
            argv = kernel_guest.pc(stock, _initrd(folder, machine, stock, core),
                                   [*machine.options, *hosts[-1].options()],
                                   ("log_buf_len=4M", "printk.devkmsg=on", *machine.words),
                                   accelerator=kernel_guest.ONE_THREAD)
            guests.append(Guest(machine.name, argv, SECONDS, (kernel_guest.DONE,), hosts[-1].answer))
        outcomes = kernel_guest.run_all(guests)
    tally = Tally()
    for machine, host, outcome in zip(MACHINES, hosts, outcomes):
        tally.add(_judge(machine, host, outcome))
    return tally


def _initrd(folder: pathlib.Path, machine: Machine, stock: kernel_tree.Built, core: pathlib.Path) -> pathlib.Path:
    modules = kernel_tree.modules_of(stock, MODULES)
    written = {
        "order": "".join(f"{path.name}\n" for path in modules),
        "settings": "".join(_guest_lines(at, setting) for at, setting in enumerate(machine.settings)),
        "later": "".join(f"{test}\n" for test in machine.tests),
        "parameters": machine.parameters,
    }
    for name, text in written.items():
        (folder / name).write_text(text)
    initrd = folder / "initrd"
    initrd.write_bytes(kernel_guest.initramfs("hostile", [
        *kernel_guest.module_files([*modules, core / "vlab.ko"]), ("modules/order", folder / "order"),
        ("bin/synced_writes", kernel_guest.program(kernel_guest.SCRIPTS / "synced_writes.c")),
        *((f"tests/{name}", folder / name) for name in ("settings", "later", "parameters"))], PROGRAMS))
    return initrd


def _judge(machine: Machine, host: "Host", outcome: kernel_guest.Outcome) -> Tally:
    tally = kernel_verdict.judge(machine.name, machine.expected, outcome, AGAIN)
    tally.check(not host.refused, f"{machine.name}: QEMU did what the guest asked for", "\n".join(host.refused), AGAIN)
    records = read_records(outcome.text)
    complaints = judge_records(records, machine.settings)
    tally.check(bool(records), f"{machine.name}: the kernel's log has come", "", AGAIN)
    tally.check(not complaints, f"{machine.name}: nothing above a warning, and each warning names its device",
                "\n".join(complaints), AGAIN)
    return tally


def address_of(at: int) -> str:
    return f"0000:00:{FIRST_SLOT + at // FUNCTIONS:02x}.{at % FUNCTIONS}"


def _guest_lines(at: int, setting: Setting) -> str:
    function = setting.name.replace("-", "_")
    return f"{function}() {{ device {address_of(at)} {setting.expected}; }}\nlogged {setting.name}\n"


def read_records(text: str) -> list[Record]:
    """The kernel's log, as the guest printed it at its end, with its levels."""
    records, test = [], ""
    for number, line in _RECORD.findall(text.replace("\r", "")):
        mark = _MARK.match(line)
        if mark:
            test = mark[2] if mark[1] == "begin" else ""
            continue
        records.append(Record(int(number) & 7, line, test))
    return records


def judge_records(records: list[Record], settings: tuple[Setting, ...] = SETTINGS) -> list[str]:
    """What may not be in the log, from the first test on."""
    failing = {setting.name for setting in settings if setting.expected in FAILING or setting.size < 8 * 512}
    failing |= set(TESTS) - set(TESTS_SERVED)
    refused = {setting.name: False for setting in settings if setting.expected == "refused"}
    complaints = []
    for record in records:
        if not record.test:
            continue
        if record.level <= ERROR:
            allowed = record.test in failing and ALLOWED.match(record.text)
            if record.test in TESTS_MOUNTED:
                allowed = allowed or ALLOWED_MOUNTED.match(record.text)
            if not allowed:
                complaints.append(f"{record.test}: level {record.level}: {record.text}")
        elif record.level == WARNING and _OURS.match(record.text):
            if not _NAMED.match(record.text):
                complaints.append(f"{record.test}: a warning that names no device: {record.text}")
            elif record.test in refused:
                refused[record.test] = True
    complaints += [f"{name}: refused without a word" for name, told in refused.items() if not told]
    return complaints


class Host:
    """The other side: the devices, and what the guest asks for."""

    PATIENCE = 20.0

    def __init__(self, folder: pathlib.Path, settings: tuple[Setting, ...]):
        self.folder = folder
        self.settings = settings
        self.monitor = Monitor(folder / "qmp")
        self.refused: list[str] = []
        self._plugs = 0

    def options(self) -> list[str]:
        options = [*self.monitor.options, "-device", f"pcie-root-port,id=slot1,addr={PORT_SLOT:#x},chassis=1,slot=1",
                   "-object", "throttle-group,id=stall,x-bps-total=1,x-bps-total-max=1",
                   "-object", "throttle-group,id=late", "-object", "throttle-group,id=slow,x-bps-write=8192"]
        for at, setting in enumerate(self.settings):
            node = f"n{at}"
            options += ["-blockdev", json.dumps(self._backend(node, setting)),
                        "-device", self._device(setting, at, node)]
        return options

    def answer(self, request: str) -> None:
        word, *rest = request.split()
        if word == "plug":
            self._plug(PLUGGED[rest[0]])
        elif word == "unplug":
            self._ask("device_del", id="plugged")
        elif word == "resize":
            self._ask("block_resize", **{"node-name": f"p{self._plugs}", "size": int(rest[0])})
        elif word == "stall":
            self._ask("qom-set", path="/objects/late", property="limits", value={"bps-total": 1, "bps-total-max": 1})
        else:
            self.refused.append(f"unknown request: {request}")

    def _plug(self, setting: Setting) -> None:
        """The one before may still be on its way out."""
        self._plugs += 1
        arguments = {"id": "plugged", "bus": "slot1"}
        if setting.name == "trickle":
            arguments |= {"driver": "virtio-rng-pci", "max-bytes": 1, "period": 3600000}
        else:
            node = f"p{self._plugs}"
            self._ask("blockdev-add", **self._backend(node, setting))
            arguments |= {"driver": "virtio-blk-pci", "drive": node, "share-rw": True}
            if setting.options:
                words = (word.split("=") for word in setting.options.split(","))
                arguments |= {key: int(value) for key, value in words}
        deadline = time.monotonic() + self.PATIENCE
        while True:
            answer = self.monitor.execute("device_add", **arguments)
            if "error" not in answer or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        if "error" in answer:
            self.refused.append(f"device_add {arguments}: {answer['error']['desc']}")

    def _ask(self, command: str, **arguments) -> None:
        answer = self.monitor.execute(command, **arguments)
        if "error" in answer:
            self.refused.append(f"{command} {arguments}: {answer['error']['desc']}")

    def _device(self, setting: Setting, at: int, node: str) -> str:
        slot, function = divmod(at, FUNCTIONS)
        words = ["virtio-blk-pci", f"addr={FIRST_SLOT + slot:#x}.{function}", f"drive={node}", "werror=report",
                 "rerror=report"]
        if not function:
            words.append("multifunction=on")
        if "disable-legacy" not in setting.options:
            words.append("disable-legacy=on")
        return ",".join([*words, *([setting.options] if setting.options else [])])

    def _backend(self, node: str, setting: Setting) -> dict:
        """What is behind a device; a file is sparse."""
        if setting.backend == "null":
            return {"driver": "null-co", "node-name": node, "size": setting.size}
        path = self.folder / f"{node}.img"
        with path.open("wb") as stream:
            stream.truncate(setting.size)
        file = {"driver": "file", "filename": str(path), "discard": "unmap"}
        wrong = {"eio": [{"errno": 5}], "enospc": [{"errno": 28, "iotype": "write"}],
                 "flush": [{"errno": 5, "iotype": "flush"}]}.get(setting.backend)
        if wrong:
            rules = [{"event": "none", "once": False, "immediately": False, **rule} for rule in wrong]
            return {"driver": "blkdebug", "node-name": node, "image": file, "inject-error": rules}
        if setting.backend in ("stall", "late", "slow"):
            return {"driver": "throttle", "node-name": node, "throttle-group": setting.backend, "file": file}
        raw = {"driver": "raw", "node-name": node, "file": file, "discard": "unmap"}
        return {**raw, "read-only": True} if setting.backend == "fixed" else raw
