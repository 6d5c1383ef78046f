# SPDX-License-Identifier: GPL-2.0-or-later
"""Ctrl-C and its relatives.

A handler only takes a note. The code that waits looks at the note, so an
interruption never lands between starting a child and remembering it.
"""

import os
import signal

from .errors import Interrupted

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 3  # signals after which the lab leaves without tidying up

_noted: list[int] = []
_last_resort = []


def install() -> None:
    for signum in STOPPING:
        # `nohup` starts us with SIGHUP ignored: leave it so.
        if signum == signal.SIGHUP and signal.getsignal(signum) == signal.SIG_IGN:
            continue
        signal.signal(signum, _note)
    # The ./lab script made Ctrl-C wait for this moment.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


def on_last_resort(action) -> None:
    """Call `action` before leaving in a hurry."""
    _last_resort.append(action)


def pending() -> bool:
    return bool(_noted)


def check() -> None:
    """Raise Interrupted when a signal has asked the lab to stop."""
    if _noted:
        raise Interrupted(_noted[0])


def forget() -> None:
    """The interruption is dealt with; a further one counts anew."""
    _noted.clear()


def _note(signum: int, _frame) -> None:
    _noted.append(signum)
    if len(_noted) < PATIENCE:
        return
    for action in _last_resort:
        action()
    os._exit(128 + signum)
