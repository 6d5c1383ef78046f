# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel sources and builds: Debian's source with vlab placed in it, and what is made of it.

Everything is in build/kernel/ and is kept between runs:

    linux-VERSION/          Debian's linux-source, with drivers/vlab/ in it
    linux-VERSION/out-NAME/ one kernel: its .config, image and modules
    module-NAME/            a copy of core/ that is built out of tree
    modules-RELEASE/        modules of Debian's kernel, unpacked
"""

import argparse
import dataclasses
import hashlib
import json
import lzma
import pathlib
import re
import shutil

from . import build, errors, files, locks, process, tree

FOLDER = tree.BUILD / "kernel"
CONFIGS = tree.ROOT / "tests" / "kernel" / "config"
SPACE_MB = 6000
JOBS = "-j2"
STAMP = ".lab-built"
MANIFEST = ".lab-placed"

# What a kernel needs of this tree; the paths stay the same below drivers/vlab/.
PLACED = ("core", "include/vlab", "fuzz", "tests/kernel/planted", "tests/kernel/outside")
KBUILD_NAMES = ("Kbuild", "Kconfig", "Makefile")
SUFFIXES = (".c", ".h")
# Parts of the core and of the laboratory that only user space has.
NOT_PLACED = ("core/user/port.c", "fuzz/asm.c", "fuzz/disasm.c", "fuzz/engine.c", "fuzz/finding.c", "fuzz/input.c")

_infix = ""  # in the names of Debian's packages: linux-image-amd64, linux-image-6.12-amd64

# Options of the fragments that not all versions from 6.1 to 6.12 have. Any other
# one that a kernel does not know is a mistake.
SOME_VERSIONS = {f"CONFIG_{name}" for name in (
    "DEBUG_CREDENTIALS", "EMBEDDED", "MITIGATION_PAGE_TABLE_ISOLATION", "MITIGATION_RETPOLINE",
    "PAGE_TABLE_ISOLATION", "RANDOM_TRUST_BOOTLOADER", "RANDOM_TRUST_CPU", "RETPOLINE", "SLUB_TINY")}

# One line each in the kernel's own files.
KBUILD_LINES = ("obj-y += vlab/core/kernel/", "obj-$(CONFIG_VLAB_PLANTED) += vlab/tests/kernel/planted/",
                "obj-$(CONFIG_VLAB_OUTSIDE) += vlab/tests/kernel/outside/")
KCONFIG_LINES = ('source "drivers/vlab/core/kernel/Kconfig"', 'source "drivers/vlab/tests/kernel/planted/Kconfig"',
                 'source "drivers/vlab/tests/kernel/outside/Kconfig"')

# The same bytes whenever and wherever it is built: ccache then knows them again.
REPRODUCIBLE = {"KBUILD_BUILD_TIMESTAMP": "2007-10-01", "KBUILD_BUILD_USER": "vlab", "KBUILD_BUILD_HOST": "lab",
                "CCACHE_NOHASHDIR": "1", "CCACHE_MAXSIZE": "2G"}


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel of ours: `about` completes the sentence "building ..."."""

    name: str
    about: str
    fragments: tuple[str, ...]  # names of tests/kernel/config/<name>.config, the later ones win
    arch: str = "x86_64"
    image: str = "arch/x86/boot/bzImage"
    goals: tuple[str, ...] = ("bzImage", "modules")
    make: tuple[str, ...] = ()  # LLVM=-14 and the like

    @property
    def log(self) -> pathlib.Path:
        return tree.LOGS / f"kernel-{self.name}.log"


@dataclasses.dataclass(frozen=True)
class Built:
    """A kernel that was built, or Debian's."""

    image: pathlib.Path
    modules: pathlib.Path  # the folder that holds its *.ko, at any depth
    release: str


def source() -> pathlib.Path:
    """The source of Debian's own kernel, unpacked."""
    package, version, tarball = _source_package()
    folder = FOLDER / f"linux-{version}"
    with locks.hold("kernel-source", wait=True):
        if (folder / STAMP).is_file():
            return folder
        files.require_space(FOLDER, SPACE_MB)
        shutil.rmtree(folder, ignore_errors=True)
        half = files.make_folder(FOLDER / f"half-{version}")
        log = _fresh_log("kernel-source")
        with build.telling(f"unpacking {package} {version}"):
            process.run_logged(["tar", "-C", half, "--strip-components=1", "-xf", tarball], log,
                               f"unpacking {tarball}")
        files.write(half / STAMP, version)
        half.rename(folder)
    return folder


def _source_package() -> tuple[str, str, pathlib.Path]:
    """Name, version and archive of the source package that goes with stock()."""
    package = f"linux-source{_infix}"
    if not _infix:
        _, out, _ = process.capture(["dpkg-query", "-W", "-f", "${Depends}", package])
        package = out.split(" ")[0] or package
    status, version, _ = process.capture(["dpkg-query", "-W", "-f", "${Version}", package])
    if status or not version:
        raise errors.LabError("Debian's kernel source is not there: run as root: "
                              f"apt-get install linux-source{_infix}")
    _, out, _ = process.capture(["dpkg-query", "-L", package])
    found = [pathlib.Path(line) for line in out.splitlines() if line.endswith((".tar.xz", ".tar.zst"))]
    if not found or not found[0].is_file():
        raise errors.LabError(f"the package {package} has no archive of the source: install it again")
    return package, version, found[0]


def add_stock_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--linux", type=_version, metavar="VERSION",
                        help="as Debian's kernel take linux-image-VERSION-amd64, such as 6.12")


def _version(word: str) -> str:
    if not re.fullmatch(r"\d+\.\d+", word):
        raise argparse.ArgumentTypeError(f"'{word}' is no version such as 6.12")
    return word


def choose_stock(version: str | None) -> tuple[str, ...]:
    """Which one Debian's kernel is for this run, None for its default; returns the packages that it needs besides."""
    global _infix
    if not version:
        return ()
    _infix = f"-{version}"
    return (f"linux-image{_infix}-amd64", f"linux-headers{_infix}-amd64", f"linux-source{_infix}")


def stock() -> Built:
    """Debian's own kernel, the one that linux-image-amd64 stands for, or who ran this said."""
    meta = f"linux-image{_infix}-amd64"
    _, out, _ = process.capture(["dpkg-query", "-W", "-f", "${Depends}", meta])
    package = out.split(" ")[0]
    release = package.removeprefix("linux-image-")
    image, modules = pathlib.Path(f"/boot/vmlinuz-{release}"), pathlib.Path(f"/lib/modules/{release}")
    if not package or not image.is_file() or not modules.is_dir():
        raise errors.LabError("Debian's kernel is not there: run as root: "
                              f"apt-get install --reinstall {meta} {package}")
    return Built(image, modules, release)


def stock_headers() -> pathlib.Path:
    """What a module for Debian's own kernel is built with."""
    folder = stock().modules / "build"
    if not (folder / "Makefile").is_file():
        raise errors.LabError(f"{folder} is not there: run as root: apt-get install linux-headers{_infix}-amd64")
    return folder


def place(folder: pathlib.Path) -> str:
    """Bring the copy of our files in `folder` up to date; returns a digest of what it holds.

    A file is written only when its content differs: make goes by the time of a file.
    """
    digest = hashlib.sha256()
    names = []
    for path in _placed_files():
        name = str(path.relative_to(tree.ROOT))
        content = path.read_bytes()
        names.append(name)
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
        copy = folder / name
        if not copy.is_file() or copy.read_bytes() != content:
            files.write(copy, content)
    manifest = folder / MANIFEST
    before = json.loads(manifest.read_text()) if manifest.is_file() else []
    for gone in set(before) - set(names):
        (folder / gone).unlink(missing_ok=True)
    files.write(manifest, json.dumps(names))
    return digest.hexdigest()


def _placed_files() -> list[pathlib.Path]:
    found = []
    for part in PLACED:
        found += [path for path in sorted((tree.ROOT / part).rglob("*"))
                  if path.is_file() and (path.suffix in SUFFIXES or path.name in KBUILD_NAMES)]
    return [path for path in found if str(path.relative_to(tree.ROOT)) not in NOT_PLACED]


def place_drivers(linux: pathlib.Path) -> str:
    """Place our files in a kernel tree as drivers/vlab/, known to its Kbuild and Kconfig."""
    if not (linux / "drivers" / "Kconfig").is_file():
        raise errors.UsageError(f"{linux} is no kernel source: it has no drivers/Kconfig")
    digest = place(linux / "drivers" / "vlab")
    placed = [line for line in KBUILD_LINES if (linux / "drivers" / _folder_of(line)).is_dir()]
    _add_lines(linux / "drivers" / "Makefile", placed, before=None)
    sourced = [line for line in KCONFIG_LINES if (linux / line.split('"')[1]).is_file()]
    _add_lines(linux / "drivers" / "Kconfig", sourced, before="endmenu")
    return digest


def _folder_of(line: str) -> str:
    return line.split("+=")[1].strip()


def _add_lines(path: pathlib.Path, lines: list[str], before: str | None) -> None:
    """Add the lines that the file does not have, at its end or above its last line `before`."""
    have = path.read_text().splitlines()
    missing = [line for line in lines if line not in have]
    if not missing:
        return
    at = len(have) - have[::-1].index(before) - 1 if before in have else len(have)
    files.write(path, "\n".join([*have[:at], *missing, *have[at:]]) + "\n")


def make(kernel: Kernel, linux: pathlib.Path | None = None) -> Built:
    """Bring a kernel up to date: nothing is done when nothing that it is made of has changed."""
    linux = linux or source()
    out = linux / f"out-{kernel.name}"
    with locks.hold("kernel-tree", wait=True):  # drivers/vlab/ is shared by all kernels
        wanted = _stamp(kernel, place_drivers(linux))
        built = out / STAMP
        if not built.is_file() or built.read_text() != wanted:
            built.unlink(missing_ok=True)
            files.require_space(FOLDER, SPACE_MB // 3)
            _make_locked(kernel, linux, out)
            files.write(built, wanted)
    release = (out / "include" / "config" / "kernel.release").read_text().strip()
    return Built(out / kernel.image, out, release)


def _make_locked(kernel: Kernel, linux: pathlib.Path, out: pathlib.Path) -> None:
    log = _fresh_log(f"kernel-{kernel.name}")
    with build.telling(f"building {kernel.about}"):
        configure(kernel, linux, out, log)
        process.run_logged(make_command(kernel, linux, out, *kernel.goals), log, f"building {kernel.about}",
                           env=REPRODUCIBLE)


def configure(kernel: Kernel, linux: pathlib.Path, out: pathlib.Path, log: pathlib.Path) -> None:
    """Make .config from tinyconfig and the fragments, and hold that no line of them was lost."""
    wanted = fragment_lines(kernel)
    tools = json.dumps([_compiler(kernel), _make_variables(kernel)])
    note = out / ".lab-tools"
    if not note.is_file() or note.read_text() != tools:
        shutil.rmtree(out, ignore_errors=True)
        files.make_folder(out)
        files.write(note, tools)
    config = out / ".config"
    for goal, added in (("tinyconfig", ()), ("olddefconfig", wanted)):
        if added:
            files.write(config, "\n".join([config.read_text(), *added]) + "\n")
        process.run_logged(make_command(kernel, linux, out, goal), log, f"configuring {kernel.about}",
                           env=REPRODUCIBLE)
    lost = missing_options(wanted, config)
    unknown = unknown_options(kernel, linux) if lost else set()
    lost = [line for line in lost if option_name(line) not in unknown]
    if lost:
        raise errors.LabError(f"the configuration of {kernel.about} lost {len(lost)} lines of its fragments: "
                              "a dependency of them is missing", details=lost)


def fragment_lines(kernel: Kernel) -> list[str]:
    """The options of all fragments, one for each name: the last one that speaks of it."""
    options: dict[str, str] = {}
    for name in kernel.fragments:
        path = fragment(name)
        for line in path.read_text().splitlines():
            option = option_name(line)
            if option:
                options[option] = line.strip()
    return list(options.values())


def fragment(name: str) -> pathlib.Path:
    """A fragment of the tests by its name, or one of the product by its path."""
    return tree.ROOT / name if "/" in name else CONFIGS / f"{name}.config"


def option_name(line: str) -> str:
    """The option that a line of a configuration sets or unsets; nothing for a comment."""
    line = line.strip()
    if line.startswith("# CONFIG_") and line.endswith(" is not set"):
        return line.split()[1]
    return line.partition("=")[0] if line.startswith("CONFIG_") else ""


def missing_options(wanted: list[str], config: pathlib.Path) -> list[str]:
    """The lines that a configuration does not hold."""
    have = set(config.read_text().splitlines()) if config.is_file() else set()
    names = {option_name(line) for line in have if line.startswith("CONFIG_")}
    return [line for line in wanted
            if not (line in have or (line.startswith("#") and option_name(line) not in names))]


def unknown_options(kernel: Kernel, linux: pathlib.Path) -> set[str]:
    """Options of the fragments that other versions have, and no Kconfig file of this one."""
    argv = ["grep", "-rhoE", "--include=Kconfig*", "--exclude-dir=out-*", r"^\s*(menu)?config\s+\w+", "."]
    _, out, _ = process.capture(argv, cwd=linux)
    known = {f"CONFIG_{line.split()[1]}" for line in out.splitlines()}
    return SOME_VERSIONS & set(map(option_name, fragment_lines(kernel))) - known


def make_command(kernel: Kernel, linux: pathlib.Path, out: pathlib.Path, *goals: str) -> list[str]:
    # A folder directly below the source: its paths are relative, and ccache
    # finds the objects of another checkout.
    place = f"O={out.name}" if out.parent == linux else f"O={out}"
    return ["nice", "make", "-C", str(linux), JOBS, f"ARCH={kernel.arch}", place, *_make_variables(kernel), *goals]


def _make_variables(kernel: Kernel) -> list[str]:
    if any(word.startswith(("LLVM=", "CC=")) for word in kernel.make) or not shutil.which("ccache"):
        return list(kernel.make)
    return [*kernel.make, "CC=ccache gcc"]


def _compiler(kernel: Kernel) -> str:
    name = "clang-14" if any("LLVM" in word or "clang" in word for word in kernel.make) else "gcc"
    _, out, _ = process.capture([name, "--version"])
    return out.partition("\n")[0]


def _stamp(kernel: Kernel, digest: str) -> str:
    return json.dumps([digest, fragment_lines(kernel), _compiler(kernel), _make_variables(kernel), kernel.goals])


def make_module(name: str, folder: str, build_dir: pathlib.Path, variables: tuple[str, ...] = (),
                uses: tuple[pathlib.Path, ...] = ()) -> tuple[pathlib.Path, str]:
    """Build the out-of-tree module in `folder` (a path of this tree); returns its folder and the output.

    @uses: Module.symvers of other modules that it calls. 6.1 has no separate
    output folder for external modules, so the copy is built in place.
    """
    copy = FOLDER / f"module-{name}{_infix}"
    with locks.hold(f"kernel-module-{name}", wait=True):
        place(copy)
        log = _fresh_log(f"module-{name}-{pathlib.Path(folder).name}")
        extra = [f"KBUILD_EXTRA_SYMBOLS={' '.join(map(str, uses))}"] if uses else []
        argv = ["nice", "make", "-C", build_dir, f"M={copy / folder}", JOBS, *variables, *extra, "modules"]
        process.run_logged(argv, log, f"building {folder} ({name})")
    return copy / folder, log.read_text(errors="replace")


def _fresh_log(name: str) -> pathlib.Path:
    path = files.make_folder(tree.LOGS) / f"{name}.log"
    path.unlink(missing_ok=True)
    return path


def modules_of(built: Built, names: list[str]) -> list[pathlib.Path]:
    """The files of the named modules and of all that they depend on, unpacked, in the order of loading.

    What is built into the kernel has no file.
    """
    needs = _dependencies(built)
    builtin = {_module_name(path) for path in (built.modules / "modules.builtin").read_text().splitlines()}
    ordered: list[pathlib.Path] = []

    def add(name: str) -> None:
        path, *depends = needs[name]
        for depend in depends:
            add(depend)
        if built.modules / path not in ordered:
            ordered.append(built.modules / path)

    for name in names:
        if name in builtin:
            continue
        if name not in needs:
            raise errors.LabError(f"{built.release} has no module {name}")
        add(name)
    return [_unpacked(built, path) for path in ordered]


def _unpacked(built: Built, path: pathlib.Path) -> pathlib.Path:
    """A guest's busybox loads no module that is compressed."""
    if path.suffix != ".xz":
        return path
    plain = FOLDER / f"modules-{built.release}" / path.stem
    if not plain.is_file():
        files.write(plain, lzma.decompress(path.read_bytes()))
    return plain


def _dependencies(built: Built) -> dict[str, list[str]]:
    """Module name to its file and the names of what it needs, from modules.dep."""
    needs = {}
    for line in (built.modules / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[_module_name(path)] = [path, *map(_module_name, reversed(rest.split()))]
    return needs


def _module_name(path: str) -> str:
    return pathlib.Path(path).name.partition(".ko")[0].replace("-", "_")
