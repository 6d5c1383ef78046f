# SPDX-License-Identifier: GPL-2.0-or-later
"""libFuzzer's command line, and what it prints."""

import base64
import binascii
import collections
import pathlib
import re

HANG_SECONDS = 10  # an execution is bounded work: this long is a finding
MEMORY_MB = 2048
KEPT_LINES = 400  # of the output: enough for one report and its stack

_STATUS = re.compile(rb"^#(\d+)\s+(\w+)\s+(?:cov: (\d+) )?(?:ft: \d+ )?(?:corp: (\d+)/)?")
_SPEED = re.compile(rb"exec/s: (\d+)")
_FINAL = re.compile(rb"^stat::number_of_executed_units:\s*(\d+)")
_ARTIFACT = re.compile(r"Test unit written to (\S.*)$", re.MULTILINE)
_BASE64 = re.compile(r"^Base64: (\S*)$", re.MULTILINE)


def command(program: pathlib.Path, folders: list[pathlib.Path], artifacts: pathlib.Path, seconds: float,
            dictionary: pathlib.Path | None) -> list[str]:
    """The first folder receives what is found; the others are only read."""
    options = [
        f"-artifact_prefix={artifacts}/",
        f"-timeout={HANG_SECONDS}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-max_total_time={int(seconds)}",
        "-entropic=0",  # its bookkeeping costs more than half of such short executions
        "-report_slow_units=3600",  # its "test unit written" is not a finding
        "-print_final_stats=1",
    ]
    if dictionary:
        options.append(f"-dict={dictionary}")
    return [str(program), *map(str, folders), *options]


class Output:
    """Follows one process's output, piece by piece."""

    def __init__(self):
        self.runs = 0
        self.edges = 0
        self.corpus = 0
        self.speed = 0
        self.loaded = False  # the inputs were read; what comes now is found
        self.edges_loaded = 0  # what those inputs reach
        self.finished = False  # the final statistics came: `runs` is exact
        self._rest = b""
        self._lines: collections.deque[bytes] = collections.deque(maxlen=KEPT_LINES)

    def feed(self, data: bytes) -> bool:
        """Take a piece of output; true when it held a status line."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return any([self._take(line) for line in lines])

    def text(self) -> str:
        return b"\n".join([*self._lines, self._rest]).decode(errors="replace")

    def artifact(self) -> bytes | None:
        """The input that made it stop. A full disk leaves the copy in the output."""
        text = self.text()
        written = _ARTIFACT.findall(text)
        if written:
            path = pathlib.Path(written[-1].strip())
            if path.is_file() and (path.stat().st_size or not _BASE64.search(text)):
                return path.read_bytes()
        printed = _BASE64.findall(text)
        try:
            return base64.b64decode(printed[-1], validate=True) if printed else None
        except binascii.Error:
            return None

    def _take(self, line: bytes) -> bool:
        self._lines.append(line)
        if final := _FINAL.match(line):
            self.runs = int(final[1])
            self.finished = True
            return True
        status = _STATUS.match(line)
        if not status:
            return False
        self.runs = int(status[1])
        self.edges = int(status[3] or self.edges)
        self.corpus = int(status[4] or self.corpus)
        if status[2] == b"INITED":
            self.loaded = True
            self.edges_loaded = self.edges
        if (speed := _SPEED.search(line)) and int(speed[1]):
            self.speed = int(speed[1])
        return True
