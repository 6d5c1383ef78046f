# SPDX-License-Identifier: GPL-2.0-or-later
"""Writing files so that a reader never sees half of one."""

import os
import pathlib
import shutil
import tempfile

from . import errors


def make_folder(path: pathlib.Path) -> pathlib.Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def write(path: pathlib.Path, content: bytes | str) -> None:
    """Write beside, then rename: an old file stays whole until the new one is."""
    data = content.encode() if isinstance(content, str) else content
    make_folder(path.parent)
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except OSError as error:
        pathlib.Path(beside).unlink(missing_ok=True)
        error.filename = str(path)
        raise


def require_space(folder: pathlib.Path, megabytes: int) -> None:
    """Better to refuse now than to lose what a long run finds."""
    if free_megabytes(make_folder(folder)) < megabytes:
        raise errors.LabError(
            f"the disk is full at {folder}: free at least {megabytes} MB there and run the same command again"
        )


def free_megabytes(folder: pathlib.Path) -> float:
    return shutil.disk_usage(folder).free / 1e6


def last_lines(path: pathlib.Path, count: int) -> list[str]:
    """The end of a log that may be long or hold any bytes."""
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 64 * 1024))
        text = stream.read().decode(errors="replace")
    return [line for line in text.splitlines() if line.strip()][-count:]
