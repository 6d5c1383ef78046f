# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lab tells on stderr, above all what went wrong: one clear line and an exit code."""

import errno
import pathlib
import signal
import sys

FINDINGS = 1  # the job ran and found something, or a test failed
USAGE = 2  # the command line or an input file cannot be understood
CANNOT_RUN = 3  # the job could not run


class LabError(Exception):
    """The job cannot go on. `details` are the lines that explain the first."""

    def __init__(self, message: str, details: list[str] | None = None, code: int = CANNOT_RUN):
        super().__init__(message)
        self.message = message
        self.details = details or []
        self.code = code


class UsageError(LabError):
    def __init__(self, message: str):
        super().__init__(message, code=USAGE)


class Interrupted(Exception):
    """A signal asked the lab to stop."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        self.signum = signum

    @property
    def code(self) -> int:
        return 128 + self.signum


def tell(line: str, end: str = "\n") -> None:
    """Progress for the person who waits; stdout is for results."""
    print(line, end=end, file=sys.stderr, flush=True)


def disk_full(where: pathlib.Path | str) -> LabError:
    return LabError(f"the disk is full at {where}: free some space and run the same command again")


def from_os_error(error: OSError) -> LabError:
    where = error.filename or "the output"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(where)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return LabError(f"no permission for {where}: run as its owner, or change its permissions")
    return LabError(f"{where}: {error.strerror or error}")
