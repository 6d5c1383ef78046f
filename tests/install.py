#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Install the library into an empty folder and use it from outside the tree.

usage: install.py ROOT BUILD COMPILER...
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# The device's stream begins at the seed of tests/outside/user.c.
EXPECTED = "404142434445464748494a4b4c4d4e4f\n"
SONAME = "libvlab.so.0"
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"]
SKIPPED = 77


def run(argv: list, env: dict | None = None) -> str:
    words = [str(word) for word in argv]
    result = subprocess.run(words, env={**os.environ, **(env or {})}, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(words)}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def expect(condition: bool, text: str) -> None:
    if not condition:
        sys.exit(text)


def only(folder: pathlib.Path, name: str) -> pathlib.Path:
    found = list(folder.rglob(name))
    expect(len(found) == 1, f"{name} is installed {len(found)} times")
    return found[0]


def needed(program: pathlib.Path) -> list[str]:
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run(["readelf", "-d", program]))


def check_files(stage: pathlib.Path, root: pathlib.Path) -> None:
    include = only(stage, "virtio_config.h").parent
    there = {path.name for path in include.iterdir()}
    public = {path.name for path in (root / "include" / "vlab").glob("*.h") if not path.name.startswith("port")}
    expect(there == public, f"installed headers: {sorted(there)}, public: {sorted(public)}")
    library = only(stage, "libvlab.so.0.1.0")
    expect(f"[{SONAME}]" in run(["readelf", "-d", library]), f"{library.name} has not the soname {SONAME}")
    for link in (SONAME, "libvlab.so"):
        expect((library.parent / link).resolve() == library.resolve(), f"{link} does not lead to {library.name}")


def check_programs(stage: pathlib.Path, source: pathlib.Path, compiler: list[str]) -> None:
    env = {
        "PKG_CONFIG_LIBDIR": str(only(stage, "vlab.pc").parent),
        "PKG_CONFIG_SYSROOT_DIR": str(stage),
        "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1",
        "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1",
    }
    archive = only(stage, "libvlab.a")
    shared, static = stage / "user-shared", stage / "user-static"
    flags = run(["pkg-config", "--cflags", "vlab"], env).split()
    libs = run(["pkg-config", "--libs", "vlab"], env).split()
    more = run(["pkg-config", "--libs", "--static", "vlab"], env).split()
    run([*compiler, *STRICT, *flags, source, *libs, "-o", shared])
    run([*compiler, *STRICT, *flags, source, archive, *(word for word in more if word != "-lvlab"), "-o", static])
    expect(SONAME in needed(shared), f"the shared program needs {needed(shared)}")
    expect(SONAME not in needed(static), f"the static program needs {needed(static)}")
    output = run([shared], {"LD_LIBRARY_PATH": str(archive.parent)})
    expect(output == EXPECTED, f"the shared program says {output!r}")
    output = run([static])
    expect(output == EXPECTED, f"the static program says {output!r}")


def main() -> None:
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    root, build, compiler = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    for tool in ("pkg-config", "readelf"):
        if not shutil.which(tool):
            print(f"{tool} is not installed")
            sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="vlab-install-") as folder:
        stage = pathlib.Path(folder)
        run(["meson", "install", "-C", build, "--destdir", stage, "--no-rebuild"])
        check_files(stage, root)
        source = pathlib.Path(shutil.copy(root / "tests" / "outside" / "user.c", stage))
        check_programs(stage, source, compiler)


if __name__ == "__main__":
    main()
