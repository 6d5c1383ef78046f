# SPDX-License-Identifier: GPL-2.0-or-later
"""Running other programs: logged, interruptible, none left behind."""

import os
import pathlib
import re
import signal
import subprocess
import time

from . import errors, files, signals, tree

TICK = 0.05  # seconds between two looks at a child and at Ctrl-C
GRACE = 5.0  # seconds that a child has to end when asked

SHOWN_LINES = 12  # of a failed command's log
_COMPLAINT = re.compile(r"\berror\b|^E: |undefined reference", re.IGNORECASE)

# A child must not outlive a lab that is killed outright.
TIED_TO_US = ["setpriv", "--pdeathsig", "TERM", "--"]

_running: set[subprocess.Popen] = set()


def start(argv: list[str], **options) -> subprocess.Popen:
    """Start a child in a session of its own: Ctrl-C reaches only the lab."""
    try:
        child = subprocess.Popen(
            [*TIED_TO_US, *map(str, argv)], stdin=subprocess.DEVNULL, start_new_session=True, **options
        )
    except FileNotFoundError as error:
        raise errors.LabError(f"cannot run {error.filename}: is its package installed?") from error
    _running.add(child)
    return child


def forget(child: subprocess.Popen) -> None:
    """The child has ended and was waited for."""
    _running.discard(child)


def stop(child: subprocess.Popen, signum: int = signal.SIGTERM, grace: float = GRACE) -> None:
    """Ask the child's whole session to end, then insist."""
    for attempt in (signum, signal.SIGKILL):
        _signal_session(child, attempt)
        try:
            child.wait(grace)
            break
        except subprocess.TimeoutExpired:
            continue
    _signal_session(child, signal.SIGKILL)  # what the child itself left behind
    forget(child)


def stop_all() -> None:
    for child in list(_running):
        stop(child)


def kill_all() -> None:
    for child in list(_running):
        _signal_session(child, signal.SIGKILL)


def run_logged(argv: list[str], log: pathlib.Path, doing: str, env: dict | None = None) -> None:
    """Run to the end with the output in `log`; a failure shows what the log says."""
    if run_status(argv, log, env) != 0:
        raise failure(f"{doing} failed", log)


def run_status(argv: list[str], log: pathlib.Path, env: dict | None = None) -> int:
    files.make_folder(log.parent)
    with log.open("ab") as stream:
        stream.write(f"$ {' '.join(map(str, argv))}\n".encode())
        stream.flush()
        child = start(argv, stdout=stream, stderr=subprocess.STDOUT, cwd=tree.ROOT, env=merged(env))
        return wait(child)


def pass_through(argv: list[str], env: dict | None = None) -> int:
    """Run to the end in the person's folder, with our own output as its output."""
    return wait(start(argv, env=merged(env)))


def capture(argv: list[str], env: dict | None = None, cwd: pathlib.Path = tree.ROOT,
            timeout: float | None = None) -> tuple[int, str, str]:
    """Run to the end; returns the exit status, stdout and stderr."""
    child = start(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, env=merged(env))
    deadline = time.monotonic() + timeout if timeout else None
    while True:
        try:
            out, err = child.communicate(timeout=TICK)
            break
        except subprocess.TimeoutExpired:
            _give_up_if_due(child, deadline)
    forget(child)
    return child.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def wait(child: subprocess.Popen) -> int:
    while True:
        try:
            status = child.wait(TICK)
            break
        except subprocess.TimeoutExpired:
            _give_up_if_due(child)
    forget(child)
    return status


def wait_politely(child: subprocess.Popen, signum: int) -> int:
    """Wait for a child that must not be killed; pass an interruption on to it."""
    told = False
    while True:
        try:
            status = child.wait(TICK)
            break
        except subprocess.TimeoutExpired:
            if signals.pending() and not told:
                child.send_signal(signum)
                told = True
    signals.check()
    return status


def failure(what: str, log: pathlib.Path, shown: int = SHOWN_LINES) -> errors.LabError:
    """The error for a command that failed: its first complaint, or else its last words."""
    lines = files.last_lines(log, 400)
    if any("No space left on device" in line for line in lines):
        return errors.disk_full(tree.BUILD)
    first = next((at for at, line in enumerate(lines) if _COMPLAINT.search(line)), -shown)
    return errors.LabError(f"{what}; the whole log is {tree.shown(log)}", details=lines[first:][:shown])


def merged(env: dict | None) -> dict:
    return {**os.environ, **(env or {})}


def _give_up_if_due(child: subprocess.Popen, deadline: float | None = None) -> None:
    if signals.pending():
        stop(child)
        signals.check()
    if deadline and time.monotonic() > deadline:
        stop(child)
        raise errors.LabError(f"{child.args[len(TIED_TO_US)]} did not end in time")


def _signal_session(child: subprocess.Popen, signum: int) -> None:
    try:
        os.killpg(child.pid, signum)
    except ProcessLookupError:
        return
