# SPDX-License-Identifier: GPL-2.0-or-later
"""The initial RAM file system of a guest: a gzipped cpio archive, written without root."""

import gzip
import pathlib
import re
import stat

from . import errors, process

BUSYBOX = pathlib.Path("/bin/busybox")
LINKS = ("sh", "mount")  # to busybox: what a kernel or a script calls before there is a PATH
FOLDERS = ("proc", "sys", "dev", "tmp", "mnt", "sbin", "usr/bin", "usr/sbin", "lib64")
CONSOLE = (5, 1)  # the device node that the kernel opens for /init
FAST = 1  # compression: a boot is short, and so should packing be


class Archive:
    """Files of a guest, in memory. Folders above a file come by themselves."""

    def __init__(self):
        self._entries: dict[str, bytes] = {}

    def file(self, name: str, content: bytes | str, mode: int = 0o644) -> None:
        data = content.encode() if isinstance(content, str) else content
        self._parents(name)
        self._put(name, stat.S_IFREG | mode, data)

    def copy(self, name: str, path: pathlib.Path, mode: int = 0o644) -> None:
        self.file(name, path.read_bytes(), mode)

    def folder(self, name: str) -> None:
        self._parents(f"{name}/_")

    def program(self, path: pathlib.Path) -> None:
        """A program of this machine, with the libraries that it needs, at the same places."""
        if not path.is_file():
            raise errors.LabError(f"{path} is not there: is its package installed?")
        self.copy(str(path), path, 0o755)
        _, out, _ = process.capture(["ldd", path])
        for library in re.findall(r"(?:=> )?(/\S+) \(0x", out):
            if library.strip("/") not in self._entries:
                self.copy(library, pathlib.Path(library).resolve(), 0o755)

    def busybox(self) -> None:
        """The base of a guest: busybox, a console, empty folders."""
        if not BUSYBOX.is_file():
            raise errors.LabError("/bin/busybox is not there: run as root: apt-get install busybox-static")
        self.copy("bin/busybox", BUSYBOX, 0o755)
        for name in LINKS:
            self._put(f"bin/{name}", stat.S_IFLNK | 0o777, b"busybox")
        for name in FOLDERS:
            self.folder(name)
        self._put("dev/console", stat.S_IFCHR | 0o600, b"", CONSOLE)

    def packed(self) -> bytes:
        trailer = _entry("TRAILER!!!", 0, b"", 0, (0, 0))
        return gzip.compress(b"".join(self._entries.values()) + trailer, FAST, mtime=0)

    def _parents(self, name: str) -> None:
        for parent in list(pathlib.PurePosixPath(name.strip("/")).parents)[-2::-1]:
            if str(parent) not in self._entries:
                self._put(str(parent), stat.S_IFDIR | 0o755, b"")

    def _put(self, name: str, mode: int, data: bytes, node: tuple[int, int] = (0, 0)) -> None:
        name = name.strip("/")
        self._entries[name] = _entry(name, mode, data, len(self._entries) + 1, node)


def _entry(name: str, mode: int, data: bytes, inode: int, node: tuple[int, int]) -> bytes:
    """One member in the "newc" form: numbers as text, name and data padded to 4 bytes."""
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *node, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
