#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Record what QEMU's virtio devices present to a guest.

Each virtio PCI device that the given QEMU offers is started on a q35 machine
whose CPUs never run.  This program then plays the guest over QEMU's qtest
protocol: it configures the PCI function, finds the virtio capabilities and
reads features, queue sizes and device configuration through the VIRTIO 1.x
registers.  The result is a JSON file that tests can use as ground truth
without QEMU being installed.
"""

import argparse
import contextlib
import ctypes
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

from qemu_setups import VIRTIOFSD_SOCKET, setups_for

DEFAULT_QEMU = "qemu-system-x86_64"
DEFAULT_OUTPUT = Path(__file__).resolve().parent.parent / "corpus/qemu-devices.json"

START_TIMEOUT = 30.0   # seconds for QEMU to build the machine and answer
REPLY_TIMEOUT = 10.0   # seconds for every later answer
EXIT_TIMEOUT = 5.0     # seconds for a process to exit by itself or once killed

SIZE_SUFFIX = {1: "b", 2: "w", 4: "l"}   # of a qtest access command

# Where Debian and upstream install the vhost-user-fs peer that ships with QEMU.
VIRTIOFSD_PATHS = ("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd")


class CaptureError(Exception):
    """The capture as a whole cannot go on."""


class DeviceRefused(Exception):
    """QEMU would not create a device; the text is its own explanation."""


# --- Processes ---------------------------------------------------------------

def die_with_parent():
    """Have the kernel kill this child when the capture itself is killed."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def end_process(process):
    """Kill and reap a child, whatever state it is in."""
    process.kill()
    process.wait(EXIT_TIMEOUT)


@contextlib.contextmanager
def virtiofsd_running(workdir):
    """Serve vhost-user-fs on a socket in `workdir`, if virtiofsd exists.

    The daemon inherits a socket that already listens, so that QEMU may
    connect at once.  If there is no daemon there is no socket either, and
    QEMU itself reports that its peer is missing.
    """
    program = next((path for path in VIRTIOFSD_PATHS if os.access(path, os.X_OK)), None)
    if program is None:
        yield
        return
    shared = Path(workdir, "shared")
    shared.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Path(workdir, VIRTIOFSD_SOCKET)))
        listener.listen(1)
        process = subprocess.Popen(
            [program, f"--fd={listener.fileno()}", "-f",
             "-o", f"source={shared}", "-o", "sandbox=chroot"],
            pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent)
    try:
        yield
    finally:
        end_process(process)


class Qemu:
    """A QEMU that only executes the qtest commands sent to it."""

    def __init__(self, binary, args, workdir, wrapper=()):
        # Debian builds QEMU without the qtest accelerator.  A machine that
        # is never resumed (-S) runs no firmware and so serves just as well.
        command = [*wrapper, binary, "-machine", "q35", "-accel", "tcg", "-S",
                   "-m", "128M", "-no-user-config", "-nodefaults",
                   "-display", "none", "-qtest", "stdio", "-qtest-log", "none", *args]
        self.name = os.path.basename(binary)
        self.answered = False
        self.pending = b""
        self.errors = tempfile.TemporaryFile(dir=workdir)
        # QEMU stays in our process group: Ctrl-C reaches it directly, too.
        self.process = subprocess.Popen(
            command, cwd=workdir, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, bufsize=0, preexec_fn=die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        try:
            end_process(self.process)
        finally:
            self.process.stdin.close()
            self.process.stdout.close()
            self.errors.close()

    def messages(self):
        """What QEMU wrote to stderr, on one line and without its own name."""
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").splitlines()
        prefix = self.name + ": "
        return "; ".join(line[len(prefix):] if line.startswith(prefix) else line
                         for line in lines if line.strip())

    def raise_death(self):
        """Raise what the end of the qtest stream means."""
        try:
            status = self.process.wait(EXIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise CaptureError("QEMU closed the qtest channel") from None
        text = self.messages()
        if status > 0 and not self.answered:
            raise DeviceRefused(text or f"exit status {status}")
        raise CaptureError(f"QEMU died with status {status}: {text or 'no message'}")

    def read_line(self):
        """The next line QEMU sends, without its newline."""
        limit = REPLY_TIMEOUT if self.answered else START_TIMEOUT
        deadline = time.monotonic() + limit
        while b"\n" not in self.pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise CaptureError(f"QEMU did not answer within {limit:.0f} s")
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                self.raise_death()
            self.pending += chunk
        line, _, self.pending = self.pending.partition(b"\n")
        self.answered = True
        return line.decode(errors="replace")

    def ask_all(self, commands):
        """Send commands together and return their values in order.

        The caller keeps batches small: QEMU must be able to put all replies
        into the pipe while the commands are still being written.
        """
        data = "".join(command + "\n" for command in commands).encode()
        try:
            while data:
                data = data[self.process.stdin.write(data):]
        except BrokenPipeError:
            self.raise_death()
        values = []
        for command in commands:
            reply = self.read_line()
            match = re.fullmatch(r"OK(?: 0x([0-9a-fA-F]+))?", reply)
            if not match:
                raise CaptureError(f"qtest command '{command}' got '{reply}'")
            values.append(int(match[1], 16) if match[1] else None)
        return values

    def read(self, address, size):
        return self.ask_all([f"read{SIZE_SUFFIX[size]} {address:#x}"])[0]

    def write(self, address, size, value):
        self.ask_all([f"write{SIZE_SUFFIX[size]} {address:#x} {value:#x}"])

    def read_bytes(self, address, length):
        """`length` bytes, one access each.

        QEMU answers an access that crosses the end of a device's
        configuration with all ones, so a wider access could hide its tail.
        """
        result = bytearray()
        for start in range(0, length, 256):
            part = range(address + start, address + min(start + 256, length))
            result += bytes(self.ask_all([f"readb {byte:#x}" for byte in part]))
        return bytes(result)


# --- PCI ---------------------------------------------------------------------

PCI_SLOT = 0x10                  # where the device under capture is put
PCI_VENDOR_VIRTIO = 0x1af4
PCI_DEVICE_MODERN = 0x1040       # plus the virtio device id
PCI_CAP_VENDOR = 0x09

# Below 4 GiB, above all RAM and clear of q35's own devices.
MMIO_START, MMIO_END = 0xc0000000, 0xf0000000

Bar = namedtuple("Bar", "address size")        # address None: I/O space
Region = namedtuple("Region", "address length")


class PciFunction:
    """Function 0 of one slot on bus 0, reached through ports 0xcf8/0xcfc."""

    def __init__(self, qemu, slot):
        self.qemu = qemu
        self.base = 0x80000000 | slot << 11

    def _port(self, offset):
        """Select the dword that holds `offset`; the port of its first byte."""
        self.qemu.ask_all([f"outl 0xcf8 {self.base | offset & 0xfc:#x}"])
        return 0xcfc + (offset & 3)

    def read(self, offset, size):
        port = self._port(offset)
        return self.qemu.ask_all([f"in{SIZE_SUFFIX[size]} {port:#x}"])[0]

    def write(self, offset, size, value):
        port = self._port(offset)
        self.qemu.ask_all([f"out{SIZE_SUFFIX[size]} {port:#x} {value:#x}"])

    def map_bars(self):
        """Size every BAR and give the memory ones addresses; index -> Bar."""
        bars, index, free = {}, 0, MMIO_START
        while index < 6:
            offset = 0x10 + 4 * index
            self.write(offset, 4, 0xffffffff)
            low = self.read(offset, 4)
            is_io, wide = low & 1, low & 7 == 4
            mask = low & (~0x3 if is_io else ~0xf)
            if wide:
                self.write(offset + 4, 4, 0xffffffff)
                mask |= self.read(offset + 4, 4) << 32
            size = mask & -mask
            if is_io:
                bars[index] = Bar(None, size)
            elif size:
                address = (free + size - 1) & ~(size - 1)
                free = address + size
                if free > MMIO_END:
                    raise CaptureError(f"BAR {index} of {size:#x} bytes does not fit")
                self.write(offset, 4, address)
                if wide:
                    self.write(offset + 4, 4, 0)
                bars[index] = Bar(address, size)
            index += 2 if wide else 1
        self.write(0x04, 2, 0x06)      # memory decoding and bus mastering
        return bars

    def capabilities(self):
        """Yield (id, offset) of each capability; refuse a malformed list."""
        if not self.read(0x06, 2) & 0x10:
            return
        seen = set()
        offset = self.read(0x34, 1) & 0xfc
        while offset:
            if offset < 0x40 or offset in seen:
                raise CaptureError(f"malformed PCI capability list at {offset:#x}")
            seen.add(offset)
            yield self.read(offset, 1), offset
            offset = self.read(offset + 1, 1) & 0xfc

    def virtio_regions(self, bars):
        """cfg_type -> Region, from the first virtio capability of each type."""
        regions = {}
        for cap_id, offset in self.capabilities():
            if cap_id != PCI_CAP_VENDOR:
                continue
            cap_len, cfg_type = self.read(offset + 2, 1), self.read(offset + 3, 1)
            if cap_len < 16 or offset + cap_len > 0x100:
                raise CaptureError(f"virtio capability {offset:#x} has length {cap_len}")
            if cfg_type not in (CFG_COMMON, CFG_NOTIFY, CFG_ISR, CFG_DEVICE):
                continue
            bar = bars.get(self.read(offset + 4, 1))
            start, length = self.read(offset + 8, 4), self.read(offset + 12, 4)
            if bar is None or start + length > bar.size:
                raise CaptureError(f"virtio capability {offset:#x} lies outside its BAR")
            address = None if bar.address is None else bar.address + start
            regions.setdefault(cfg_type, Region(address, length))
        return regions


# --- virtio ------------------------------------------------------------------

CFG_COMMON, CFG_NOTIFY, CFG_ISR, CFG_DEVICE = 1, 2, 3, 4

COMMON_LENGTH = 0x38             # up to and including queue_device
CONFIG_MAX = 0x10000             # far above any device configuration
DEVICE_FEATURE_SELECT, DEVICE_FEATURE = 0x00, 0x04
DRIVER_FEATURE_SELECT, DRIVER_FEATURE = 0x08, 0x0c
NUM_QUEUES, DEVICE_STATUS, CONFIG_GENERATION = 0x12, 0x14, 0x15
QUEUE_SELECT, QUEUE_SIZE = 0x16, 0x18

STATUS_ACKNOWLEDGE, STATUS_DRIVER, STATUS_FEATURES_OK = 1, 2, 8

ID_INPUT, INPUT_LENGTH = 18, 136
# What an input device may be asked about: select -> number of subselects.
INPUT_SELECTS = {0x01: 1, 0x02: 1, 0x03: 1, 0x10: 1, 0x11: 0x20, 0x12: 0x40}


def set_status(qemu, common, status):
    """Write the device status and insist that the device keeps it."""
    qemu.write(common + DEVICE_STATUS, 1, status)
    if qemu.read(common + DEVICE_STATUS, 1) != status:
        raise CaptureError(f"the device did not accept status {status}")


def reset_and_greet(qemu, common):
    """Bring the device to where a driver starts to read its features."""
    qemu.write(common + DEVICE_STATUS, 1, 0)
    set_status(qemu, common, STATUS_ACKNOWLEDGE)
    set_status(qemu, common, STATUS_ACKNOWLEDGE | STATUS_DRIVER)


def read_features(qemu, common):
    """All 128 feature bits that the select register can reach."""
    features = 0
    for word in range(4):
        qemu.write(common + DEVICE_FEATURE_SELECT, 4, word)
        features |= qemu.read(common + DEVICE_FEATURE, 4) << 32 * word
    return features


def accept_features(qemu, common, features):
    """Accept every feature on offer, as the most capable driver would."""
    for word in range(4):
        qemu.write(common + DRIVER_FEATURE_SELECT, 4, word)
        qemu.write(common + DRIVER_FEATURE, 4, features >> 32 * word & 0xffffffff)
    set_status(qemu, common, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK)


def read_queues(qemu, common):
    """The maximum size of each queue."""
    sizes = []
    for index in range(qemu.read(common + NUM_QUEUES, 2)):
        qemu.write(common + QUEUE_SELECT, 2, index)
        sizes.append(qemu.read(common + QUEUE_SIZE, 2))
    return sizes


def read_input_selects(qemu, device):
    """What an input device shows for each select/subsel pair that has data."""
    if device.length < INPUT_LENGTH:
        raise CaptureError(f"input configuration has only {device.length} bytes")
    pages = []
    for choice, count in INPUT_SELECTS.items():
        for subsel in range(count):
            qemu.write(device.address, 1, choice)
            qemu.write(device.address + 1, 1, subsel)
            size = qemu.read(device.address + 2, 1)
            if 8 + size > INPUT_LENGTH:
                raise CaptureError(f"input select {choice:#x} has {size} bytes")
            if size:
                data = qemu.read_bytes(device.address + 8, size)
                pages.append({"select": choice, "subsel": subsel, "data": data.hex()})
    return pages


def read_device(qemu):
    """Everything the device in PCI_SLOT shows, as a JSON-ready dictionary."""
    function = PciFunction(qemu, PCI_SLOT)
    vendor, device = function.read(0x00, 2), function.read(0x02, 2)
    if vendor != PCI_VENDOR_VIRTIO or not 0 < device - PCI_DEVICE_MODERN < 0x40:
        raise CaptureError(f"{vendor:04x}:{device:04x} is no modern virtio device")
    regions = function.virtio_regions(function.map_bars())
    for cfg_type in (CFG_COMMON, CFG_NOTIFY, CFG_ISR):
        if cfg_type not in regions:
            raise CaptureError(f"no virtio capability of type {cfg_type}")
    common, window = regions[CFG_COMMON], regions.get(CFG_DEVICE, Region(0, 0))
    if common.address is None or window.address is None:
        raise CaptureError("virtio registers in I/O space are not supported")
    if common.length < COMMON_LENGTH or window.length > CONFIG_MAX:
        raise CaptureError(f"windows of {common.length} and {window.length} bytes")

    reset_and_greet(qemu, common.address)
    features = read_features(qemu, common.address)
    config = qemu.read_bytes(window.address, window.length)
    entry = {
        "device_id": device - PCI_DEVICE_MODERN,
        "vendor_id": function.read(0x2c, 2),
        "features": f"{features:#018x}",
        "queues": read_queues(qemu, common.address),
        # QEMU's window is larger than the configuration in it and reads as
        # ff beyond the end.  Padding with ff restores the whole window.
        "config": config.rstrip(b"\xff").hex(),
        "config_window": window.length,
        "config_generation": qemu.read(common.address + CONFIG_GENERATION, 1),
    }
    if entry["device_id"] == ID_INPUT:
        entry["input_selects"] = read_input_selects(qemu, window)

    # Accepting features may bring queues into being (multiqueue net does).
    accept_features(qemu, common.address, features)
    queues = read_queues(qemu, common.address)
    if queues != entry["queues"]:
        entry["queues_negotiated"] = queues
    return entry


# --- The capture -------------------------------------------------------------

def run_text(binary, *args):
    """Standard output of a QEMU that only prints something and exits."""
    done = subprocess.run([binary, *args], stdin=subprocess.DEVNULL, text=True,
                          errors="replace", capture_output=True, timeout=START_TIMEOUT)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise CaptureError(f"'{' '.join(args)}' failed: {lines[-1]}")
    return done.stdout


def qemu_version(binary):
    """Version and package, such as "7.2.22 (Debian 1:7.2+dfsg-7)"."""
    match = re.match(r"QEMU emulator version (.+)", run_text(binary, "--version"))
    if not match:
        raise CaptureError(f"'{binary}' does not look like a QEMU system emulator")
    return match[1].strip()


def virtio_devices(binary):
    """Names of the virtio PCI devices, each transport flavour left out.

    NAME-transitional and NAME-non-transitional are NAME with a fixed setting
    of the property disable-legacy, which this capture sets itself.
    """
    listing = run_text(binary, "-machine", "q35", "-device", "help")
    names = re.findall(r'^name "((?:virtio|vhost)-[^"]+)", bus PCI', listing, re.M)
    if not names:
        raise CaptureError(f"'{binary}' offers no virtio PCI device")
    return sorted({re.sub(r"-(non-)?transitional$", "", name) for name in names})


def has_legacy_switch(binary, name):
    """Whether the device has the property; False if QEMU will not tell."""
    with contextlib.suppress(CaptureError):
        return " disable-legacy=" in run_text(binary, "-device", f"{name},help")
    return False


def capture(binary, name, setup):
    """Start one device and return its entry; DeviceRefused if QEMU won't."""
    device = f"{name},id=dut,addr={PCI_SLOT:#x}"
    if setup.options:
        device += "," + setup.options
    # A type that never had a legacy interface may lack the switch for it.
    if has_legacy_switch(binary, name):
        device += ",disable-legacy=on"
    if setup.wrapper and not shutil.which(setup.wrapper[0]):
        raise DeviceRefused(f"needs the program '{setup.wrapper[0]}'")
    args = ("-device", device, *setup.args)
    try:
        with contextlib.ExitStack() as stack:
            workdir = stack.enter_context(tempfile.TemporaryDirectory())
            if name == "vhost-user-fs-pci":
                stack.enter_context(virtiofsd_running(workdir))
            qemu = stack.enter_context(Qemu(binary, args, workdir, setup.wrapper))
            entry = read_device(qemu)
    except CaptureError as error:
        where = f"{name} ({setup.variant})" if setup.variant else name
        raise CaptureError(f"{where}: {error}") from None
    return {"name": name, "variant": setup.variant, **entry}


def capture_all(binary):
    """The whole document."""
    version = qemu_version(binary)
    devices, unavailable = [], []
    for name in virtio_devices(binary):
        for setup in sorted(setups_for(name)):
            try:
                devices.append(capture(binary, name, setup))
            except DeviceRefused as refusal:
                unavailable.append({"name": name, "variant": setup.variant,
                                    "reason": str(refusal)})
    if not devices:
        raise CaptureError(f"QEMU refused every device: {unavailable[0]['reason']}")
    return {"qemu": version, "devices": devices, "unavailable": unavailable}


def format_document(document):
    """Stable, readable JSON with each list of numbers on one line."""
    text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    # A JSON string holds no raw newline, so this cannot change one.
    return re.sub(r"\[\n[\d,\s]+\]",
                  lambda numbers: str([int(n) for n in re.findall(r"\d+", numbers[0])]),
                  text)


def write_atomically(path, text):
    """Replace `path` by a complete file, or leave it as it was."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        Path(temporary).write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        description="Record the features, queues and configuration that each "
                    "virtio PCI device of a QEMU presents to a guest, and write "
                    "them as JSON.  Takes a few seconds and needs no guest.",
        epilog="Devices that QEMU refuses to create are listed with its own reason. "
               "The tap variants of virtio-net-pci need unshare(1) and access to "
               "/dev/net/tun, vhost-user-fs-pci needs root. Exit status: 0 "
               "success, 1 failure (the output file is left alone), 2 wrong "
               "usage, 130 interrupted, 143 terminated.")
    parser.add_argument("-o", "--output", metavar="FILE", default=DEFAULT_OUTPUT,
                        help="file to write (default: corpus/qemu-devices.json "
                             "of this source tree)")
    parser.add_argument("--qemu", metavar="BINARY", default=DEFAULT_QEMU,
                        help="QEMU x86 system emulator to ask (default: %(default)s)")
    return parser.parse_args(argv)


def main(argv=None):
    options = parse_arguments(argv)
    # SIGTERM must unwind the stack as Ctrl-C does, for QEMU to be ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if not os.path.isdir(os.path.dirname(options.output) or "."):
            raise CaptureError(f"no directory to write '{options.output}' into")
        binary = shutil.which(options.qemu)
        if binary is None:
            raise CaptureError(f"no '{options.qemu}'; install QEMU or use --qemu")
        # QEMU is started in a directory of its own: no relative path.
        document = capture_all(os.path.abspath(binary))
        write_atomically(options.output, format_document(document))
    except (CaptureError, OSError, subprocess.TimeoutExpired) as error:
        print(f"qemu_capture: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("qemu_capture: interrupted", file=sys.stderr)
        return 130
    print(f"{options.output}: {len(document['devices'])} captured, "
          f"{len(document['unavailable'])} unavailable, QEMU {document['qemu']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
