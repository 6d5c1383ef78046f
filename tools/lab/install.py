# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian packages: what each job needs, what is missing, installing it."""

import os
import shutil
import signal
import subprocess
import sys

from . import errors, files, process, tree

BUILD = ("gcc", "libc6-dev", "meson", "ninja-build", "pkg-config")
CLANG = ("clang-14", "libclang-rt-14-dev", "llvm-14")
UNITS = ("g++", "libcmocka-dev")
FORMAT = ("clang-format-14",)
PAGES = ("python3-rich", "python3-jinja2")
OTHER_WORLDS = (
    "libc6-dev-i386", "lib32gcc-12-dev", "lib32stdc++-12-dev",
    "gcc-s390x-linux-gnu", "libc6-dev-s390x-cross", "qemu-user",
)
KERNEL = (
    "gcc", "libc6-dev", "make", "bc", "bison", "flex", "libelf-dev", "libssl-dev", "perl", "xz-utils", "kmod",
    "linux-image-amd64", "linux-headers-amd64", "linux-source", "ccache",
    "busybox-static", "e2fsprogs", "qemu-system-x86",
    "clang-14", "llvm-14", "lld-14", "sparse", "coccinelle",
)

JOBS = {
    "build": BUILD,
    "coverage": BUILD,
    "fuzz": BUILD + CLANG + PAGES,
    "bench": BUILD + CLANG + ("valgrind",),
    "test-quick": BUILD + CLANG + UNITS + FORMAT + PAGES,
    "test": BUILD + CLANG + UNITS + FORMAT + PAGES + OTHER_WORLDS
    + ("afl++", "qemu-system-x86", "sparse", "valgrind", "zip"),
    "kernel": BUILD + KERNEL,
    "kernel-bench": BUILD + KERNEL + PAGES,
}

APT = ["apt-get", "-o", "DPkg::Lock::Timeout=60"]
APT_ENV = {"DEBIAN_FRONTEND": "noninteractive"}


def ensure(job: str, may_install: bool, more: tuple[str, ...] = ()) -> None:
    """Have every package of the job, or stop with the reason why not."""
    missing = missing_packages(JOBS[job] + more)
    if not missing:
        return
    by_hand = f"apt-get install {' '.join(missing)}"
    if not may_install:
        raise errors.LabError(f"missing Debian packages: run as root: {by_hand}")
    root = _become_root()
    if root is None:
        raise errors.LabError(f"missing Debian packages, and only root can install them: run as root: {by_hand}")
    errors.tell(f"vlab: installing {_count(missing)}: {' '.join(missing)}")
    _apt_install(root, missing)


def missing_packages(wanted: tuple[str, ...]) -> list[str]:
    """What dpkg does not have. Off Debian nobody can tell, and a build will say."""
    if not shutil.which("dpkg-query"):
        return []
    form = "${Package} ${db:Status-Status}\n"
    _, out, _ = process.capture(["dpkg-query", "-W", "-f", form, *wanted])
    installed = {line.split()[0] for line in out.splitlines() if line.endswith(" installed")}
    return [package for package in wanted if package not in installed]


def _become_root() -> list[str] | None:
    """The words to put before a command that needs root; None when there is no way."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    if sys.stdin.isatty():
        return ["sudo"]
    silent = ["sudo", "-n"]
    return silent if process.capture([*silent, "true"])[0] == 0 else None


def _apt_install(root: list[str], packages: list[str]) -> None:
    log = files.make_folder(tree.LOGS) / "apt.log"
    log.unlink(missing_ok=True)
    install = [*root, *APT, "install", "-y", "--no-install-recommends", *packages]
    if _run_apt(install, log) == 0:
        return
    # A fresh machine has no package lists, an idle one has old ones.
    errors.tell("vlab: reading the package lists again (apt-get update)")
    if _run_apt([*root, *APT, "update"], log) == 0 and _run_apt(install, log) == 0:
        return
    raise process.failure("could not install them: no network? Mend that, then run the same command again", log, 3)


def _run_apt(argv: list[str], log) -> int:
    """Run apt so that Ctrl-C ends a download, and lets an unpacking finish.

    apt ignores an interruption while dpkg runs, and dpkg, in a session of its
    own, never sees one: no package stays half installed. sudo alone stays in
    our session, where it can ask for the password.
    """
    with log.open("ab") as stream:
        child = subprocess.Popen(
            argv, stdin=None if argv[0] == "sudo" else subprocess.DEVNULL, stdout=stream,
            stderr=subprocess.STDOUT, env=process.merged(APT_ENV), start_new_session=argv[0] != "sudo",
        )
        return process.wait_politely(child, signal.SIGINT)


def _count(packages: list[str]) -> str:
    return "1 Debian package" if len(packages) == 1 else f"{len(packages)} Debian packages"
