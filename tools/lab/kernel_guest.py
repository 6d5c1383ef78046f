# SPDX-License-Identifier: GPL-2.0-or-later
"""Running a guest, QEMU without KVM or User-Mode Linux: its log goes to a file, and it always ends.

A guest may ask its host for something by a line in its log, such as
"vlab-host: device_del disk1"; `answer` is called with the words after the colon.
"""

import contextlib
import dataclasses
import json
import pathlib
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable

from . import errors, files, kernel_cpio, kernel_tree, process, signals, tree

QEMU = "qemu-system-x86_64"
# With a thread for each processor QEMU 7.2 ends with a failed assertion, or
# without a word, now and then: one processor moves a BAR while another is in
# the middle of an access. It is hardly slower with one for all.
ONE_THREAD = "tcg,thread=single"
DONE = 33  # what QEMU's debug exit makes of the byte that tests/kernel/guest/lib.sh writes there
FLOOD = 64 << 20  # bytes of a log: a guest that says more says it for ever
PIECE = 1 << 20
TICK = 0.05
SCRIPTS = tree.ROOT / "tests" / "kernel" / "guest"
_REQUEST = re.compile(r"vlab-host: (.*)")


@dataclasses.dataclass
class Outcome:
    """A guest that ended, by itself or not."""

    text: str
    status: str  # "" when it ended as it should
    log: pathlib.Path
    seconds: float


@dataclasses.dataclass
class Guest:
    """One boot. `name` names its log."""

    name: str
    argv: list[str]
    seconds: float  # it may take
    good: tuple[int, ...]  # exit statuses of a guest that came to its end
    answer: Callable[[str], None] | None = None

    @property
    def log(self) -> pathlib.Path:
        return tree.LOGS / f"guest-{self.name}.log"


class _Running:
    """A guest that was started."""

    def __init__(self, guest: Guest):
        files.make_folder(tree.LOGS)
        self.guest = guest
        self.started = time.monotonic()
        with guest.log.open("wb") as stream:
            self.child = process.start(guest.argv, stdout=stream, stderr=subprocess.STDOUT, cwd=tree.ROOT)
        self._log = guest.log.open("rb")
        self._rest = b""

    def look(self) -> Outcome | None:
        """Answer its requests; its outcome when it has ended or has to."""
        status = self._status(self.child.poll())
        # Not all that there is: a guest that floods writes faster than we read.
        *lines, self._rest = (self._rest + self._log.read(PIECE)).split(b"\n")
        for line in lines:
            found = _REQUEST.search(line.decode(errors="replace"))
            if found and self.guest.answer:
                self.guest.answer(found[1].strip())
        return None if status is None else self._outcome(status)

    def stop(self) -> None:
        self._log.close()
        process.stop(self.child)

    def _status(self, code: int | None) -> str | None:
        if code is not None:
            return "" if code in self.guest.good else f"it ended with exit status {code}"
        if time.monotonic() - self.started > self.guest.seconds:
            return f"it did not end in {self.guest.seconds:.0f} s"
        if self.guest.log.stat().st_size > FLOOD:
            return f"its log passed {FLOOD >> 20} MiB"
        return None

    def _outcome(self, status: str) -> Outcome:
        self.stop()
        with self.guest.log.open("rb") as log:
            text = log.read(FLOOD).decode(errors="replace")
        if files.free_megabytes(tree.LOGS) < 1:
            raise errors.disk_full(tree.LOGS)
        return Outcome(text, status, self.guest.log, time.monotonic() - self.started)


def run(guest: Guest) -> Outcome:
    """Run to the end, or to the end of its time."""
    return run_all([guest])[0]


def run_all(guests: list[Guest], jobs: int = 2) -> list[Outcome]:
    """Run several, `jobs` at a time; the outcomes are in the order of the guests."""
    waiting = list(enumerate(guests))[::-1]
    outcomes: dict[int, Outcome] = {}
    running: dict[int, _Running] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                number, guest = waiting.pop()
                running[number] = _Running(guest)
            time.sleep(TICK)
            signals.check()
            for number, one in list(running.items()):
                outcome = one.look()
                if outcome:
                    outcomes[number] = outcome
                    del running[number]
    finally:
        for one in running.values():
            one.stop()
    return [outcomes[number] for number in range(len(guests))]


def scripts(script: str) -> list[tuple[str, pathlib.Path, int]]:
    """What has a guest run tests/kernel/guest/<script>.sh: names in the guest, files here, modes."""
    return [("init", SCRIPTS / "init.sh", 0o755), ("tests/lib.sh", SCRIPTS / "lib.sh", 0o644),
            ("tests/run.sh", SCRIPTS / f"{script}.sh", 0o644),
            *((f"tests/{shared.name}", shared, 0o644) for shared in sorted(SCRIPTS.glob("part_*.sh")))]


def initramfs(script: str, extra: list[tuple[str, pathlib.Path]] = (), programs: tuple[str, ...] = ()) -> bytes:
    """A guest that runs tests/kernel/guest/<script>.sh; @extra: names in the guest, where bin/ is run, files here."""
    archive = kernel_cpio.Archive()
    archive.busybox()
    for name, path, mode in scripts(script):
        archive.copy(name, path, mode)
    for name, path in extra:
        archive.copy(name, path, 0o755 if name.startswith("bin/") else 0o644)
    for program in programs:
        archive.program(pathlib.Path(program))
    return archive.packed()


def program(*sources: pathlib.Path, options: tuple[str, ...] = ()) -> pathlib.Path:
    """A program for guests, which have no libraries: static. The first source names it."""
    main = sources[0]
    built = files.make_folder(kernel_tree.FOLDER) / main.stem
    argv = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-no-pie", *options, "-o", built, *sources]
    process.run_logged(argv, tree.LOGS / f"{main.stem}.log", f"compiling {tree.shown(main)}")
    return built


def expected_tests(script: str) -> list[str]:
    """The tests that a script runs, by its own "run NAME" lines and those of what it includes."""
    text = (SCRIPTS / f"{script}.sh").read_text()
    for shared in re.findall(r"^\. /tests/(part_\w+\.sh)", text, re.MULTILINE):
        text += (SCRIPTS / shared).read_text()
    return re.findall(r"^run ([\w.-]+)", text, re.MULTILINE)


def module_files(paths: list[pathlib.Path]) -> list[tuple[str, pathlib.Path]]:
    """Modules for a guest: /modules/<name>.ko."""
    return [(f"modules/{path.name}", path) for path in paths]


def command_line(*words: str) -> str:
    """Nothing is kept from the console: a warning that "quiet" hides would not be found."""
    return " ".join(["console=ttyS0", "panic=-1", "ignore_loglevel", "printk.time=1", "kasan_multi_shot", *words])


def pc(built: kernel_tree.Built, initrd: pathlib.Path | None, devices: list[str], words: tuple[str, ...] = (),
       memory: int = 512, machine: str = "q35", accelerator: str = "tcg") -> list[str]:
    """The command for a PC without anything but a serial port and what @devices names."""
    return [QEMU, "-accel", accelerator, "-M", machine, "-cpu", "max", "-smp", "2", "-m", str(memory),
            "-display", "none", "-no-reboot", "-nodefaults", "-no-user-config", "-serial", "stdio",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-kernel", str(built.image),
            *(["-initrd", str(initrd)] if initrd else []), "-append", command_line(*words), *devices]


def uml(built: kernel_tree.Built, initrd: pathlib.Path, words: tuple[str, ...] = (), memory: int = 256) -> list[str]:
    """The command for User-Mode Linux. A KASAN report ends it: KUnit would go on and say "ok"."""
    return [str(built.image), f"mem={memory}M", f"initrd={initrd}", "stderr=1", "con0=null,fd:1", "con=null",
            "kunit_shutdown=halt", "kasan.fault=panic", "panic=-1", "ignore_loglevel", "printk.time=1", *words]


@contextlib.contextmanager
def workshop():
    """A folder for disks and sockets; a socket's path has to be short."""
    with tempfile.TemporaryDirectory(prefix="vlab-guest-") as folder:
        yield pathlib.Path(folder)


def disk(folder: pathlib.Path, name: str, megabytes: int) -> pathlib.Path:
    path = folder / f"{name}.img"
    with path.open("wb") as stream:
        stream.truncate(megabytes << 20)
    return path


class Monitor:
    """QEMU's own control channel (QMP), opened when it is first needed."""

    PATIENCE = 10.0

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.options = ["-qmp", f"unix:{path},server=on,wait=off"]
        self._stream = None

    def execute(self, command: str, **arguments) -> dict:
        """QEMU's answer. A machine that has just ended gives none: its log says why."""
        try:
            if self._stream is None:
                self._open()
            return self._ask(command, arguments)
        except (OSError, ValueError) as error:
            return {"error": {"desc": f"no answer from QEMU: {error}"}}

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _open(self) -> None:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel.settimeout(self.PATIENCE)
        channel.connect(str(self.path))
        self._stream = channel.makefile("rwb")
        channel.close()
        self._stream.readline()  # the greeting
        self._ask("qmp_capabilities", {})

    def _ask(self, command: str, arguments: dict) -> dict:
        """The answer; events that come before it are of no interest."""
        self._stream.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self._stream.flush()
        while line := self._stream.readline():
            answer = json.loads(line)
            if "event" not in answer:
                return answer
        return {"error": {"desc": "QEMU closed the channel"}}
