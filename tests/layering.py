#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The layers of docs/architecture.md: who may include, call and keep what.

usage: layering.py CHECK ROOT [ARGUMENT...]

Each CHECK is one test of the suite "layer"; exit status 0: it holds, 1: it
does not, and each line says where; 77: a tool that it needs is missing.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

CORE_HEADERS = ["block.h", "shared.h", "virtio_core.h", "vring.h", "vring_piece.h"]

# Which files, and all that they may include. <vlab/...> stands for itself, a
# name in quotes is relative to the file or to core/.
INCLUDES = [
    ("core/*.[ch]", ["<vlab/port.h>", "<vlab/types.h>", "<vlab/virtio.h>", "<vlab/virtio_blk.h>",
                     "<vlab/virtio_config.h>", "<vlab/virtio_entropy.h>", "<vlab/virtio_ring.h>",
                     "<vlab/virtio_transport.h>", *CORE_HEADERS]),
    # The loopback stands on the other side: the wire, and the accessors.
    ("core/loopback/*.[ch]", ["<vlab/loopback.h>", "<vlab/port.h>", "<vlab/types.h>", "<vlab/virtio_blk.h>",
                              "<vlab/virtio_ring.h>", "../shared.h", "device_side.h"]),
    ("core/user/device_model.c", ["<vlab/port.h>"]),
    # A parser of the kernel's that tests run in user space.
    ("core/kernel/pci_caps.[ch]", ["<vlab/port.h>", "pci_caps.h"]),
    ("core/user/port.c", ["<vlab/port.h>", "<pthread.h>", "<stdlib.h>", "<time.h>"]),
    # The adversary sees what a real peer sees: the wire, the port's hook.
    ("fuzz/ops_device.c", ["<vlab/loopback.h>", "<vlab/port.h>", "<vlab/virtio_ring.h>", "fuzz/*.h"]),
    ("fuzz/watch.[ch]", ["<vlab/port.h>", "<vlab/virtio_ring.h>", "fuzz/*.h"]),
]

# The headers of the core, which hold its private state, in fuzz/ and repro/:
# the model that compares with it, the honest turn that looks for leftovers,
# and the explanation that shows the ring.
MAY_LOOK_INTO_CORE = ["fuzz/block_model.c", "fuzz/config_model.c", "fuzz/entropy_model.c", "fuzz/honest.c",
                      "fuzz/model.c", "repro/explain.c"]

# The same files are in the kernel module: the world outside has other names.
FORBIDDEN_WORDS = re.compile(r"\b(__KERNEL__|__linux__|__unix__|NDEBUG|errno|malloc|printf|assert)\b")

# What the core may need from outside, as port.h lists it. The names are those
# that its inline functions reach in user space.
PORT_SYMBOLS = """
    vlab_port_alloc vlab_port_zalloc vlab_port_free vlab_port_dma_alloc
    vlab_port_dma_free vlab_port_sleep vlab_port_warn
    port_bus_register port_bus_unregister port_device_add port_device_del
    port_device_put port_device_lock port_device_unlock
    port_driver_register port_driver_unregister
    ida_alloc ida_free
    memcpy memmove memset memcmp strcmp vsnprintf
""".split()
# Named by port.h as scnprintf(); vsnprintf() is what that is made of.
IMPLIED_SYMBOLS = ["vsnprintf"]

# All writable memory of the library: the bus, and the drivers' places on it.
WRITABLE = {
    "virtio_indices", "bus_ops", "bus_devices", "bus_drivers", "bus_order", "bus_lock",
    "virtio_entropy_driver", "virtio_blk_driver",
}

WORLDS = {"C11": ["-x", "c", "-std=c11"], "C++17": ["-x", "c++", "-std=c++17"]}
# The rings of the wire end in flexible arrays, which ISO C++ does not have.
NOT_PEDANTIC = [("C++17", "virtio_ring.h")]
STRICT = ["-Wall", "-Wextra", "-Werror"]
SKIPPED = 77

root = pathlib.Path()


def run(argv: list, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, **options)


def output_of(argv: list) -> str:
    result = run(argv)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, argv))}:\n{result.stderr}")
    return result.stdout


def clang() -> str:
    for name in ("clang-14", "clang"):
        if shutil.which(name):
            return name
    print("clang is not installed")
    sys.exit(SKIPPED)


def included(path: pathlib.Path) -> list[tuple[int, str]]:
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|(<[^>]+>))', line)
        if match:
            found.append((number, match[1] or match[2]))
    return found


def allowed_by(allowed: list[str], name: str) -> bool:
    if name in allowed:
        return True
    return "fuzz/*.h" in allowed and "/" not in name and (root / "fuzz" / name).is_file()


def check_includes() -> list[str]:
    bad = []
    for pattern, allowed in INCLUDES:
        files = sorted(root.glob(pattern))
        if not files:
            bad.append(f"{pattern}: no such file: the rule protects nothing")
        for path in files:
            bad += [f"{path.relative_to(root)}:{number}: may not include {name}"
                    for number, name in included(path) if not allowed_by(allowed, name)]
    for path in sorted([*root.glob("fuzz/*.[ch]"), *root.glob("repro/*.[ch]")]):
        name = str(path.relative_to(root))
        if name not in MAY_LOOK_INTO_CORE:
            bad += [f"{name}:{number}: may not look into the core: {header}"
                    for number, header in included(path) if pathlib.Path(header).name in CORE_HEADERS]
    return bad + check_words()


def check_words() -> list[str]:
    bad = []
    for path in sorted(root.glob("core/*.[ch]")):
        text = re.sub(r"/\*.*?\*/", lambda match: "\n" * match[0].count("\n"), path.read_text(), flags=re.S)
        for number, line in enumerate(text.splitlines(), 1):
            word = FORBIDDEN_WORDS.search(line)
            if word:
                bad.append(f"{path.relative_to(root)}:{number}: {word[0]} is not in the port")
    return bad


def check_symbols(*cc: str) -> list[str]:
    """What the objects of the core leave undefined, and nobody in core/ defines."""
    port = "".join((root / "include" / "vlab" / name).read_text() for name in ("port.h", "port_model.h", "port_user.h"))
    bad = [f"{symbol}: not in port.h" for symbol in PORT_SYMBOLS if not re.search(rf"\b{symbol}\b", port)]
    bad = [line for line in bad if line.split(":")[0] not in IMPLIED_SYMBOLS]
    defined, undefined = set(), {}
    with tempfile.TemporaryDirectory(prefix="vlab-layer-") as folder:
        for source in sorted(root.glob("core/*.c")):
            made = pathlib.Path(folder) / f"{source.stem}.o"
            output_of([*cc, "-std=gnu11", "-O2", "-ffreestanding", "-fno-stack-protector", "-fno-pic",
                       "-U_FORTIFY_SOURCE", "-I", root / "include", "-c", source, "-o", made])
            for line in output_of(["nm", "-P", made]).splitlines():
                name, kind = line.split()[:2]
                if kind in "Uuwv":
                    undefined.setdefault(name, source.name)
                else:
                    defined.add(name)
    if not defined:
        bad.append("core/*.c define nothing")
    for name in sorted(set(undefined) - defined - set(PORT_SYMBOLS)):
        bad.append(f"core/{undefined[name]}: {name} is not in the port")
    return bad


def public_headers() -> list[pathlib.Path]:
    return [path for path in sorted((root / "include" / "vlab").glob("*.h")) if not path.name.startswith("port")]


def check_headers(*cc: str) -> list[str]:
    """Each public header compiles alone, as C11 and as C++17, also twice."""
    bad = []
    for header in public_headers():
        # The declaration is for a header of macros: ISO C wants one.
        text = f"#include <vlab/{header.name}>\n" * 2 + "extern int declared;\n"
        for world, flags in WORLDS.items():
            pedantic = [] if (world, header.name) in NOT_PEDANTIC else ["-pedantic"]
            result = run([*cc, *flags, *pedantic, *STRICT, "-I", root / "include", "-fsyntax-only", "-"], input=text)
            if result.returncode:
                bad.append(f"vlab/{header.name} as {world}:\n{result.stderr}")
    return bad


def compile_raw_access(compiler: str, macro: str) -> subprocess.CompletedProcess:
    return run([compiler, "-std=gnu11", *STRICT, f"-D{macro}", "-I", root / "include", "-I", root / "core",
                "-fsyntax-only", root / "tests" / "raw_access.c"])


def check_raw_access() -> list[str]:
    """A plain access to shared memory does not compile; the accessor does."""
    compiler = clang()
    bad = []
    result = compile_raw_access(compiler, "THROUGH_ACCESSOR")
    if result.returncode:
        bad.append(f"the accessor does not compile:\n{result.stderr}")
    text = (root / "tests" / "raw_access.c").read_text()
    raw = re.findall(r"^#(?:el)?if defined\((RAW_\w+)\)", text, re.MULTILINE)
    if not raw:
        bad.append("tests/raw_access.c: no raw access to try")
    for macro in raw:
        result = compile_raw_access(compiler, macro)
        if result.returncode == 0:
            bad.append(f"{macro} compiles")
        elif "noderef" not in result.stderr:
            bad.append(f"{macro} fails for another reason:\n{result.stderr}")
    return bad


def api_names() -> set[str]:
    names = set()
    for header in public_headers():
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
        names.update(re.findall(r"\bVLAB_API\b[^;(]*?(\w+)\s*(?=[(;])", text))
    return names


def check_exports(library: str) -> list[str]:
    """The library exports what is VLAB_API, and nothing else."""
    lines = output_of(["nm", "-D", "-P", "--defined-only", library]).splitlines()
    exported = {line.split()[0].split("@")[0] for line in lines}
    wanted = api_names()
    bad = [f"{name}: exported, and not VLAB_API in a public header" for name in sorted(exported - wanted)]
    bad += [f"{name}: VLAB_API, and not exported" for name in sorted(wanted - exported)]
    return bad


def check_state(archive: str) -> list[str]:
    """Writable memory of the library is the bus and nothing else."""
    found = set()
    for line in output_of(["objdump", "-t", archive]).splitlines():
        match = re.match(r"^[0-9a-f]+ .{7} (\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$", line)
        if not match or match[1] == match[3] or not int(match[2], 16):
            continue
        section = match[1]
        if section.startswith(".data.rel.ro"):
            continue
        if section == "*COM*" or re.match(r"\.(data|bss|tdata|tbss)(\.|$)", section):
            found.add(re.sub(r"\.\d+$", "", match[3]))
    bad = [f"{name}: writable, and not part of the bus" for name in sorted(found - WRITABLE)]
    return bad + [f"{name}: not found: is the list old?" for name in sorted(WRITABLE - found)]


# What the in-tree virtio has besides what it exports: in a kernel that is built
# with both, the linker sees these and ours together.
IN_TREE_NAMES = {
    "virtio_add_status", "virtio_break_device", "virtio_check_driver_offered_feature", "virtio_device_freeze",
    "virtio_device_restore", "virtio_max_dma_size", "virtqueue_add_sgs", "virtqueue_disable_cb", "virtqueue_enable_cb",
    "virtqueue_get_buf", "virtqueue_get_vring", "virtqueue_is_broken", "virtqueue_kick", "virtqueue_notify",
    "virtqueue_poll", "virtqueue_resize", "vring_create_virtqueue", "vring_del_virtqueue", "vring_interrupt",
    "vring_new_virtqueue", "vring_transport_features", "vp_bus_name", "vp_del_vqs", "vp_find_vqs", "vp_notify",
    "vp_synchronize_vectors",
}


def check_linked_names() -> list[str]:
    """No function of the module has the name of one that may be linked with it."""
    bad = []
    for path in sorted([*root.glob("core/*.c"), *root.glob("core/kernel/*.c")]):
        names = re.findall(r"^(?!static\b)\w[\w \t*]*?\b(\w+)\(", path.read_text(), re.M)
        bad += [f"{path.relative_to(root)}: {name} is a name of the in-tree virtio" for name in names
                if name in IN_TREE_NAMES]
    return bad


def check_kernel_names() -> list[str]:
    """Each symbol that a kernel module exports has a name that is only ours."""
    mapped = dict(re.findall(r"^#define (\w+) (\w+)$", (root / "include/vlab/names_kernel.h").read_text(), re.M))
    exported = set()
    for path in root.glob("core/*.c"):
        exported.update(re.findall(r"^EXPORT_SYMBOL_GPL\((\w+)\)", path.read_text(), re.M))
    bad = [f"{name}: exported, and not in names_kernel.h" for name in sorted(exported - set(mapped))]
    bad += [f"{name}: in names_kernel.h, and not exported" for name in sorted(set(mapped) - exported)]
    bad += [f"{name}: becomes {mapped[name]}" for name in sorted(mapped) if not mapped[name].startswith("vlab_")]
    return bad


def listed(path: str, variable: str, suffix: str) -> set[str]:
    """The names in a list of a meson.build, without their suffix."""
    text = (root / path).read_text()
    block = re.search(rf"^{variable} = (?:files\(|\[)(.*?)[\])]$", text, re.M | re.S)
    return {name.removesuffix(suffix) for name in re.findall(r"'([\w.]+)'", block[1])} if block else set()


def check_replay_files() -> list[str]:
    """The replay module is made of the files that the laboratory is made of, and knows all targets."""
    targets = listed("fuzz/meson.build", "fuzz_targets", "")
    wanted = {f"fuzz_{name}" for name in targets}
    for path, variable in (("fuzz", "lab_sources"), ("core", "core_sources"), ("core/loopback", "loopback_sources"),
                           ("core/user", "device_model_sources")):
        wanted |= listed(f"{path}/meson.build", variable, ".c")
    kbuild = (root / "core/kernel/replay/Kbuild").read_text().replace("\\\n", " ")
    lists = re.findall(r"^replay-from-\w+ := (.*)$", kbuild, re.M)
    compiled = {name for words in lists for name in words.split()}
    bad = [f"{name}.c: in the laboratory, and not in core/kernel/replay/Kbuild" for name in sorted(wanted - compiled)]
    bad += [f"{name}.c: in core/kernel/replay/Kbuild, and not in the laboratory" for name in sorted(compiled - wanted)]
    lab = "core/kernel/replay/replay_lab.c"
    renamed = re.search(r"^\$\(foreach t,([\w ]+),", kbuild, re.M)
    for path, found in (("core/kernel/replay/Kbuild", renamed[1].split() if renamed else []),
                        (lab, quoted(r"&fuzz_target_(\w+)", lab)),
                        ("fuzz/replay_format.c", quoted(r'"(\w+)"[,\s]', "fuzz/replay_format.c"))):
        # A target's number is its place in the alphabet.
        if found != sorted(targets):
            bad.append(f"{path}: has the targets {' '.join(found)}, not {' '.join(sorted(targets))}")
    return bad


def quoted(pattern: str, path: str) -> list[str]:
    return re.findall(pattern, (root / path).read_text())


CHECKS = {
    "includes": check_includes,
    "symbols": check_symbols,
    "headers": check_headers,
    "raw-access": check_raw_access,
    "exports": check_exports,
    "state": check_state,
    "kernel-names": check_kernel_names,
    "linked-names": check_linked_names,
    "replay-files": check_replay_files,
}


def main() -> int:
    global root
    if len(sys.argv) < 3 or sys.argv[1] not in CHECKS:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[2])
    bad = CHECKS[sys.argv[1]](*sys.argv[3:])
    for line in bad:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
