# SPDX-License-Identifier: GPL-2.0-or-later
"""The vehicles: which kernel runs which tests on which machine."""

import contextlib
import dataclasses
import os
import pathlib
import re

from . import files, kernel_cpio, kernel_guest, kernel_tree, kernel_verdict, steps
from .kernel_guest import Guest, Monitor
from .kernel_tree import Built, Kernel
from .mesontest import Tally

CHECKED = Kernel("checked", "the checked kernel (KASAN, UBSAN, lockdep, DMA-API)", ("base", "checked"))
UML = Kernel("uml", "User-Mode Linux (KASAN, UBSAN, lockdep, KUnit)", ("uml",), arch="um", image="linux",
             goals=("linux",))
UML_GOOD = (0,)
PC_SECONDS = 600
CHECKED_SECONDS = 900
ALLOCATIONS_SECONDS = 3600
# The kernel shows where memory ran out, when the caller does not forbid it: the
# search for partitions does not. Only where allocations are made to fail.
RAN_OUT = re.compile(r"\bwarn_alloc\+")
ONES_BYTES = 16384  # at least the registers of a virtio-pci device of QEMU

# What the tests use beside the module, in the order in which it is loaded.
STOCK_MODULES = ["virtio_pci", "virtio_blk", "virtio_rng", "crc32c_generic", "ext4"]
PROGRAMS = ("/sbin/mke2fs", "/sbin/e2fsck")
# Who says where the devices of QEMU's microvm are.
MMIO_SCRIPTS = {"mmio": "acpi=off", "mmio_acpi": "acpi=on"}


class Console:
    """The other side of the guest's virtio console: two pipes."""

    SAYS = b"hello from the host\n"

    def __init__(self, folder: pathlib.Path):
        self.option = f"pipe,id=console,path={folder / 'console'}"
        ends = [folder / "console.in", folder / "console.out"]
        for end in ends:
            os.mkfifo(end)
        # Both ends for us too: what is written waits for the other side.
        self._to, self._from = (os.open(end, os.O_RDWR | os.O_NONBLOCK) for end in ends)

    def speak(self) -> None:
        os.write(self._to, self.SAYS)

    def heard(self) -> str:
        with contextlib.suppress(BlockingIOError):
            return os.read(self._from, 4096).decode(errors="replace")
        return ""

    def close(self) -> None:
        os.close(self._to)
        os.close(self._from)


@dataclasses.dataclass
class Bench:
    """A PC's devices, at addresses that tests/kernel/guest/part_pci.sh knows."""

    options: list[str]
    monitor: Monitor
    console: "Console"
    refused: list[str] = dataclasses.field(default_factory=list)  # what QEMU would not do

    def close(self) -> None:
        self.monitor.close()
        self.console.close()

    def answer(self, request: str) -> None:
        """What the guest asks for when it is ready for it."""
        if request == "speak":
            self.console.speak()
            return
        known = {
            "unplug": ("device_del", {"id": "plug"}),
            "plug": ("device_add", {"driver": "virtio-blk-pci", "id": "plug", "bus": "slot1", "drive": "plug",
                                    "disable-legacy": "on"}),
        }
        command, arguments = known[request]
        answer = self.monitor.execute(command, **arguments)
        if "error" in answer:
            self.refused.append(f"{command}: {answer['error']['desc']}")


def stock_module(folder: str, *uses: pathlib.Path) -> pathlib.Path:
    """Build a module of this tree for Debian's own kernel; returns the folder that holds it."""
    return kernel_tree.make_module("stock", folder, kernel_tree.stock_headers(), uses=uses)[0]


def stock_pci() -> Tally:
    """The module that a person would load, beside the kernel's own virtio."""
    with steps.silence():
        stock = kernel_tree.stock()
        core = stock_module("core/kernel")
        outside = stock_module("tests/kernel/outside", core / "Module.symvers")
    ours = [core / "vlab.ko", outside / "vlab_outside.ko", outside / "vlab_hollow.ko"]
    theirs = kernel_tree.modules_of(stock, STOCK_MODULES)
    return _pci("pci", stock, "pci_stock", [*theirs, *ours], theirs, PC_SECONDS)


def checked_pci() -> Tally:
    with steps.silence():
        built = kernel_tree.make(CHECKED)
    return _pci("pci-checked", built, "pci_checked", _own_modules(built), [], CHECKED_SECONDS)


def checked_allocations() -> Tally:
    """Each allocation of a probe: some minutes."""
    with steps.silence():
        built = kernel_tree.make(CHECKED)
    return _pci("allocations", built, "allocations", _own_modules(built), [], ALLOCATIONS_SECONDS)


def checked_mmio() -> Tally:
    """QEMU's microvm, which has no PCI: the command line names the devices, or ACPI does."""
    with steps.silence():
        built = kernel_tree.make(CHECKED)
    with kernel_guest.workshop() as folder:
        guests = [_microvm(files.make_folder(folder / script), built, script, acpi)
                  for script, acpi in MMIO_SCRIPTS.items()]
        outcomes = kernel_guest.run_all(guests)
    tally = Tally()
    for script, guest, outcome in zip(MMIO_SCRIPTS, guests, outcomes):
        tally.add(kernel_verdict.judge(guest.name, kernel_guest.expected_tests(script), outcome,
                                       "./lab kernel test --only mmio"))
    return tally


def _microvm(folder: pathlib.Path, built: Built, script: str, acpi: str) -> Guest:
    initrd = folder / "initrd"
    initrd.write_bytes(kernel_guest.initramfs(script, kernel_guest.module_files(_own_modules(built)), PROGRAMS))
    disk = kernel_guest.disk(folder, "disk", 64)
    devices = ["-global", "virtio-mmio.force-legacy=false", "-device", "virtio-rng-device",
               "-drive", f"id=disk,file={disk},format=raw,if=none",
               "-device", "virtio-blk-device,drive=disk,num-queues=2,discard=on"]
    argv = kernel_guest.pc(built, initrd, devices, machine=f"microvm,{acpi},pit=on,pic=on,rtc=on")
    return Guest(script.replace("_", "-"), argv, CHECKED_SECONDS, (kernel_guest.DONE,))


def uml_initramfs() -> bytes:
    """No user space: KUnit reads its data from here, and halts the machine."""
    archive = kernel_cpio.Archive()
    archive.folder("vlab")
    return archive.packed()


def _own_modules(built: Built) -> list[pathlib.Path]:
    folder = built.modules / "drivers" / "vlab"
    return [path for path in sorted(folder.rglob("*.ko")) if path.name != "vlab_planted.ko"]


def _pci(name: str, built: Built, script: str, modules: list[pathlib.Path], order: list[pathlib.Path],
         seconds: float) -> Tally:
    with kernel_guest.workshop() as folder:
        bench = _bench(folder)
        listed = folder / "order"
        listed.write_text("".join(f"{path.name}\n" for path in order))
        initrd = folder / "initrd"
        initrd.write_bytes(kernel_guest.initramfs(
            script, [*kernel_guest.module_files(modules), ("modules/order", listed)], PROGRAMS))
        argv = kernel_guest.pc(built, initrd, bench.options, accelerator=kernel_guest.ONE_THREAD)
        try:
            outcome = kernel_guest.run(Guest(name, argv, seconds, (kernel_guest.DONE,), bench.answer))
            heard = bench.console.heard()
        finally:
            bench.close()
        again = f"./lab kernel test --only {name}"
        expected = kernel_guest.expected_tests(script)
        wanted = RAN_OUT if "disk-without-memory" in expected else None
        tally = kernel_verdict.judge(name, expected, outcome, again, wanted=wanted)
        if "outside-driver" in expected:
            tally.check("hello from outside" in heard, f"{name}: the console heard the external driver",
                        f"it heard {heard!r}", again)
        tally.check(not bench.refused, f"{name}: QEMU did what the guest asked for", "\n".join(bench.refused), again)
    return tally


def _ones(folder: pathlib.Path) -> pathlib.Path:
    path = folder / "ones"
    path.write_bytes(b"\xff" * ONES_BYTES)
    return path


def _bench(folder: pathlib.Path) -> Bench:
    monitor = Monitor(folder / "qmp")
    console = Console(folder)
    options = [*monitor.options]
    for name in ("ours", "theirs", "intx", "fixed", "plug"):
        path = kernel_guest.disk(folder, name, 64)
        fixed = ",read-only=on" if name == "fixed" else ""
        options += ["-blockdev", f"raw,node-name={name},discard=unmap{fixed},"
                                 f"file.driver=file,file.filename={path}"]
    modern = "disable-legacy=on"
    options += [
        "-device", f"virtio-rng-pci,addr=0x10,{modern}",
        "-device", f"virtio-rng-pci,addr=0x11,{modern}",
        "-device", f"virtio-blk-pci,addr=0x12,{modern},drive=ours,num-queues=2,serial=vlab-one",
        "-device", f"virtio-blk-pci,addr=0x13,{modern},drive=theirs",
        "-device", f"virtio-blk-pci,addr=0x14,{modern},drive=intx,vectors=0",
        "-device", f"virtio-blk-pci,addr=0x15,{modern},drive=fixed",
        "-chardev", console.option,
        "-device", f"virtio-serial-pci,addr=0x16,{modern},max_ports=1",
        "-device", "virtconsole,chardev=console",
        "-device", "pcie-root-port,id=slot1,addr=0x17,chassis=1,slot=1",
        "-device", f"virtio-blk-pci,id=plug,bus=slot1,{modern},drive=plug",
        # Registers of a device that is not there read like this.
        "-object", f"memory-backend-file,id=ones,mem-path={_ones(folder)},size={ONES_BYTES},readonly=on,share=on",
        "-device", "ivshmem-plain,addr=0x18,memdev=ones",
        "-device", f"virtio-rng-pci,addr=0x19,{modern},vectors=0",
    ]
    return Bench(options, monitor, console)
