# SPDX-License-Identifier: GPL-2.0-or-later
"""One ./lab at a time in each folder that it writes.

The kernel drops a lock with the process that held it, so none is ever stale;
the file's content only says whom to name.
"""

import contextlib
import fcntl
import os
import pathlib
import sys
import time

from . import errors, files, signals, tree

POLL = 0.2


@contextlib.contextmanager
def hold(name: str, wait: bool):
    """Hold build/<name>.lock. Building ends soon and is waited for; a long job is not."""
    path = files.make_folder(tree.BUILD) / f"{name}.lock"
    with path.open("a+") as stream:
        _acquire(stream, path, wait)
        stream.seek(0)
        stream.truncate()
        stream.write(f"{os.getpid()} {' '.join(['./lab', *sys.argv[1:]])}\n")
        stream.flush()
        yield


def _acquire(stream, path: pathlib.Path, wait: bool) -> None:
    told = False
    while not _try_lock(stream):
        pid, command = _holder(path)
        if not wait:
            raise errors.LabError(
                f"another '{command}' (process {pid}) is at work here: wait for it, or end it with 'kill {pid}'"
            )
        if not told:
            errors.tell(f"vlab: waiting for '{command}' (process {pid}) to leave {tree.shown(path)}")
            told = True
        signals.check()
        time.sleep(POLL)


def _try_lock(stream) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: pathlib.Path) -> tuple[str, str]:
    pid, _, command = path.read_text(errors="replace").strip().partition(" ")
    return pid or "?", command or "./lab"
