# SPDX-License-Identifier: GPL-2.0-or-later
"""./lab kernel build: a kernel whose only virtio is vlab, booted from a virtio disk."""

import argparse
import pathlib
import shutil

from . import build, errors, files, install, kernel_cpio, kernel_guest, kernel_tree, kernel_verdict, locks, process
from . import steps, tree
from .mesontest import Tally

USAGE = "--hardened [--source DIR]"
HELP = "build a hardened guest kernel and boot it from a virtio disk"
DESCRIPTION = """\
Places vlab in a kernel source as drivers/vlab/, applies the fragment
core/kernel/hardened.config over tinyconfig, builds, and boots the result in
QEMU: its root file system is on vlab's block driver over virtio-pci, and there
is no other disk. docs/hardened-guest.md is the guide.
"""
EPILOG = "exit status: 0 it boots and passes, 1 it does not, 3 it could not be built or run\n"

AGAIN = "./lab kernel build --hardened"
HARDENED = "core/kernel/hardened.config"
VARIANTS = {
    "kasan": "KASAN, UBSAN and lockdep: errors in memory are reported",
    "kcsan": "KCSAN on two processors: data races",
    "clang": "clang 14 and lld 14 instead of gcc",
}
DISK_MB = 48
SECONDS = 180
MEMORY_MB = 768


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hardened", action="store_true", required=True, help="the kind of kernel; there is one")
    parser.add_argument("--source", type=pathlib.Path, metavar="DIR", help="this kernel source instead of Debian's")
    for name, about in VARIANTS.items():
        parser.add_argument(f"--{name}", action="store_true", help=about)
    parser.add_argument("--no-boot", action="store_true", help="build it only")
    parser.add_argument("--no-install", action="store_true", help="name missing packages instead of installing them")


def run(options: argparse.Namespace) -> int:
    if options.kasan and options.kcsan:
        raise errors.UsageError("--kasan and --kcsan exclude each other: a kernel has one of them")
    install.ensure("kernel", not options.no_install)
    with locks.hold("kernel-job", wait=False):
        linux = options.source.resolve() if options.source else kernel_tree.source()
        kernel = hardened([name for name in VARIANTS if getattr(options, name)])
        built = kernel_tree.make(kernel, linux)
        print(f"{tree.shown(built.image)}: Linux {built.release}, {built.image.stat().st_size / 1e6:.1f} MB")
        unknown = kernel_tree.unknown_options(kernel, linux)
        print(f"options that Linux {built.release} does not have: {' '.join(sorted(unknown)) or 'none'}", flush=True)
        if options.no_boot:
            return 0
        tally = boot(kernel.name, built)
    for failure in tally.failures:
        print(failure)
    return steps.report(tally)


def hardened(variants: list[str]) -> kernel_tree.Kernel:
    name = "-".join(["hardened", *variants])
    about = " ".join(["a hardened kernel", *(f"({name})" for name in variants)])
    make = ("LLVM=-14",) if "clang" in variants else ()
    return kernel_tree.Kernel(name, about, (HARDENED, *(f"hardened-{name}" for name in variants)),
                              goals=("bzImage",), make=make)


def boot(name: str, built: kernel_tree.Built) -> Tally:
    """Boot it twice: with an IOMMU between disk and memory, and bouncing without one."""
    words = ("root=/dev/vlaba", "rootwait", "rw", "init=/init", "panic=-1")
    with kernel_guest.workshop() as folder:
        disk = root_disk(folder)
        guests = [
            _guest(f"{name}-iommu", built, disk, folder, words, ["-device", "intel-iommu"], ",iommu_platform=on"),
            _guest(f"{name}-bounce", built, disk, folder, (*words, "vlab.bounce=1"), [], ""),
        ]
        expected = kernel_guest.expected_tests("hardened")
        tally = Tally()
        for guest in guests:
            with build.telling(f"booting {guest.name}"):
                outcome = kernel_guest.run(guest)
            tally.add(kernel_verdict.judge(guest.name, expected, outcome, AGAIN))
    return tally


def _guest(name, built, disk, folder, words, before: list[str], platform: str) -> kernel_guest.Guest:
    """@before: devices that stand in front of the others; @platform: what the virtio devices say of it."""
    devices = [
        *before,
        "-drive", f"file={disk},format=raw,if=none,id=root,snapshot=on",
        "-device", f"virtio-blk-pci,drive=root,disable-legacy=on{platform}",
        "-device", f"virtio-rng-pci,disable-legacy=on{platform}",
    ]
    argv = kernel_guest.pc(built, None, devices, words, MEMORY_MB)
    return kernel_guest.Guest(name, argv, SECONDS, good=(0,))


def root_disk(folder: pathlib.Path) -> pathlib.Path:
    """An ext4 file system with busybox and the tests, made without being root."""
    root = folder / "root"
    for name in ("bin", "tests", *kernel_cpio.FOLDERS):
        files.make_folder(root / name)
    shutil.copy(kernel_cpio.BUSYBOX, root / "bin" / "busybox")
    for name in kernel_cpio.LINKS:
        (root / "bin" / name).symlink_to("busybox")
    for name, path, mode in kernel_guest.scripts("hardened"):
        shutil.copy(path, root / name)
        (root / name).chmod(mode)
    image = kernel_guest.disk(folder, "root", DISK_MB)
    status, out, err = process.capture(["/sbin/mke2fs", "-q", "-t", "ext4", "-d", root, image])
    if status:
        raise errors.LabError(f"cannot make the root file system: {(err or out).strip()}")
    return image
