#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of corpus/qemu-devices.json and of the tool that writes it.

The committed document is checked without QEMU.  When the QEMU it was taken
from is installed, some devices are captured again and must come out the same.
"""

import contextlib
import importlib.util
import io
import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOL = ROOT / "tools/qemu_capture.py"
DOCUMENT = ROOT / "corpus/qemu-devices.json"

KEYS = {"name", "variant", "device_id", "vendor_id", "features", "queues",
        "config", "config_window", "config_generation"}
OPTIONAL_KEYS = {"input_selects", "queues_negotiated"}

F_INDIRECT_DESC, F_EVENT_IDX, F_VERSION_1 = 28, 29, 32
F_ACCESS_PLATFORM, F_RING_PACKED, F_RING_RESET = 33, 34, 40
BLK_F_RO, BLK_F_MQ, BLK_F_DISCARD, BLK_F_WRITE_ZEROES = 5, 12, 13, 14
NET_F_MQ = 22

# name -> (virtio device id, number of queues of the plain variant)
PLAIN = {
    "virtio-9p-pci": (9, 1), "virtio-balloon-pci": (5, 3), "virtio-blk-pci": (2, 1),
    "virtio-crypto-pci": (20, 2), "virtio-gpu-pci": (16, 2), "virtio-iommu-pci": (23, 2),
    "virtio-keyboard-pci": (18, 2), "virtio-mem-pci": (24, 1), "virtio-mouse-pci": (18, 2),
    "virtio-net-pci": (1, 3), "virtio-pmem-pci": (27, 1), "virtio-rng-pci": (4, 1),
    "virtio-scsi-pci": (8, 3), "virtio-serial-pci": (3, 64), "virtio-tablet-pci": (18, 2),
    "virtio-vga": (16, 2),
}


def load_tool():
    """The tool as a module; it is a program and in no package."""
    sys.dont_write_bytecode = True      # keep tools/ free of __pycache__
    sys.path.insert(0, str(TOOL.parent))
    spec = importlib.util.spec_from_file_location("qemu_capture", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def has(entry, bit):
    return bool(int(entry["features"], 16) >> bit & 1)


def field(entry, offset, size):
    """A little-endian field of the device configuration."""
    data = bytes.fromhex(entry["config"])[offset:offset + size]
    assert len(data) == size, f"{entry['name']} has no field at {offset}"
    return int.from_bytes(data, "little")


class CommittedDocument(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = DOCUMENT.read_text(encoding="utf-8")
        cls.document = json.loads(cls.text)
        cls.devices = {(entry["name"], entry["variant"]): entry
                       for entry in cls.document["devices"]}

    def entry(self, name, variant=""):
        self.assertIn((name, variant), self.devices)
        return self.devices[name, variant]

    def test_layout(self):
        self.assertEqual(set(self.document), {"qemu", "devices", "unavailable"})
        self.assertRegex(self.document["qemu"], r"^\d+\.\d+\.\d+")
        self.assertEqual(self.text, load_tool().format_document(self.document))
        for key in ("devices", "unavailable"):
            names = [(entry["name"], entry["variant"]) for entry in self.document[key]]
            self.assertEqual(names, sorted(set(names)), f"{key}: unsorted or repeated")
        for entry in self.document["unavailable"]:
            self.assertEqual(set(entry), {"name", "variant", "reason"})
            self.assertTrue(entry["reason"])
            self.assertNotIn("\n", entry["reason"])

    def test_every_device_is_plausible(self):
        for name, entry in self.devices.items():
            with self.subTest(device=name):
                self.assertLessEqual(KEYS, set(entry))
                self.assertLessEqual(set(entry), KEYS | OPTIONAL_KEYS)
                self.assertRegex(entry["features"], r"^0x[0-9a-f]{16}$")
                self.assertTrue(has(entry, F_VERSION_1))
                self.assertTrue(0 < entry["device_id"] < 64)
                self.assertEqual(entry["vendor_id"], 0x1af4)
                self.assertEqual(entry["config_generation"], 0)
                self.assertTrue(entry["queues"])
                for size in entry["queues"] + entry.get("queues_negotiated", []):
                    self.assertTrue(0 < size <= 1024)
                    self.assertEqual(size & (size - 1), 0)
                config = bytes.fromhex(entry["config"])
                self.assertLessEqual(len(config), entry["config_window"])
                self.assertFalse(config.endswith(b"\xff"))

    def test_plain_devices(self):
        for name, (device_id, queues) in PLAIN.items():
            with self.subTest(device=name):
                entry = self.entry(name)
                self.assertEqual(entry["device_id"], device_id)
                self.assertEqual(len(entry["queues"]), queues)

    def test_transport_variants(self):
        changes = {"packed=on": (F_RING_PACKED, True),
                   "iommu_platform=on": (F_ACCESS_PLATFORM, True),
                   "event_idx=off": (F_EVENT_IDX, False),
                   "indirect_desc=off": (F_INDIRECT_DESC, False),
                   "queue_reset=off": (F_RING_RESET, False)}
        for name in ("virtio-blk-pci", "virtio-net-pci"):
            plain = int(self.entry(name)["features"], 16)
            for variant, (bit, value) in changes.items():
                with self.subTest(device=name, variant=variant):
                    entry = self.entry(name, variant)
                    self.assertEqual(int(entry["features"], 16) ^ plain, 1 << bit)
                    self.assertEqual(has(entry, bit), value)

    def test_blk(self):
        plain = self.entry("virtio-blk-pci")
        self.assertEqual(field(plain, 0, 8), (64 << 20) // 512)
        self.assertTrue(has(plain, BLK_F_DISCARD) and has(plain, BLK_F_WRITE_ZEROES))
        self.assertFalse(has(plain, BLK_F_RO))
        self.assertTrue(has(self.entry("virtio-blk-pci", "read-only=on"), BLK_F_RO))
        self.assertEqual(field(self.entry("virtio-blk-pci", "size=4T"), 0, 8), 1 << 33)
        wide = self.entry("virtio-blk-pci", "num-queues=4")
        self.assertEqual(wide["queues"], [256] * 4)
        self.assertTrue(has(wide, BLK_F_MQ))
        self.assertEqual(field(wide, 34, 2), 4)
        big = self.entry("virtio-blk-pci", "logical_block_size=4096,physical_block_size=4096")
        self.assertEqual(field(big, 20, 4), 4096)
        deep = self.entry("virtio-blk-pci", "queue-size=1024")
        self.assertEqual(deep["queues"], [1024])
        bare = self.entry("virtio-blk-pci", "discard=off,write-zeroes=off")
        self.assertFalse(has(bare, BLK_F_DISCARD) or has(bare, BLK_F_WRITE_ZEROES))

    def test_net(self):
        for (name, variant), entry in self.devices.items():
            if name == "virtio-net-pci":
                self.assertEqual(entry["config"][:12], "525400123456", variant)
        pairs = self.entry("virtio-net-pci", "netdev=tap,queues=4,mq=on")
        self.assertTrue(has(pairs, NET_F_MQ))
        self.assertEqual(field(pairs, 8, 2), 4)
        # QEMU adds the further pairs once multiqueue has been accepted.
        self.assertEqual(len(pairs["queues"]), 3)
        self.assertEqual(len(pairs["queues_negotiated"]), 2 * 4 + 1)

    def test_rng_has_no_configuration(self):
        self.assertEqual(self.entry("virtio-rng-pci")["config"], "")

    def test_serial_ports(self):
        entry = self.entry("virtio-serial-pci", "max_ports=4 with 2 ports")
        self.assertEqual(field(entry, 4, 4), 4)
        self.assertEqual(len(entry["queues"]), 2 * 4 + 2)

    def test_input_selects(self):
        names = {}
        for (name, variant), entry in self.devices.items():
            if entry["device_id"] == 18 and not variant:
                pages = {(page["select"], page["subsel"]): bytes.fromhex(page["data"])
                         for page in entry["input_selects"]}
                self.assertEqual(len(pages), len(entry["input_selects"]))
                names[name] = pages[1, 0].rstrip(b"\0").decode()
        self.assertEqual(names, {"virtio-keyboard-pci": "QEMU Virtio Keyboard",
                                 "virtio-mouse-pci": "QEMU Virtio Mouse",
                                 "virtio-tablet-pci": "QEMU Virtio Tablet"})


class Tool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tool = load_tool()

    def run_main(self, *arguments):
        """Exit status and standard error of one run of the program."""
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            status = self.tool.main(list(arguments))
        return status, errors.getvalue()

    def script(self, directory, text):
        """A stand-in for QEMU."""
        path = os.path.join(directory, "fake-qemu")
        Path(path).write_text("#!/bin/sh\n" + text, encoding="ascii")
        os.chmod(path, 0o755)
        return path

    def check_failure(self, directory, qemu, pattern):
        output = os.path.join(directory, "out.json")
        Path(output).write_text("untouched", encoding="ascii")
        status, errors = self.run_main("-o", output, "--qemu", qemu)
        self.assertEqual(status, 1)
        self.assertRegex(errors, r"\Aqemu_capture: error: .*" + pattern + r".*\n\Z")
        self.assertEqual(Path(output).read_text(encoding="ascii"), "untouched")

    def test_qemu_is_missing(self):
        with tempfile.TemporaryDirectory() as directory:
            self.check_failure(directory, directory + "/none", "install QEMU")

    def test_program_is_not_qemu(self):
        with tempfile.TemporaryDirectory() as directory:
            self.check_failure(directory, self.script(directory, "echo hello\n"),
                               "does not look like")

    def test_qemu_dies(self):
        listing = ('case "$*" in --version) echo "QEMU emulator version 9.9.9";;\n'
                   '*help) echo \'name "virtio-rng-pci", bus PCI\';;\n')
        with tempfile.TemporaryDirectory() as directory:
            qemu = self.script(directory, listing + "*) kill -SEGV $$;;\nesac\n")
            self.check_failure(directory, qemu, "virtio-rng-pci: QEMU died")
            qemu = self.script(directory, listing + "*) echo no >&2; exit 1;;\nesac\n")
            self.check_failure(directory, qemu, "refused every device: no")

    def test_qemu_never_answers(self):
        listing = ('case "$*" in --version) echo "QEMU emulator version 9.9.9";;\n'
                   '*help) echo \'name "virtio-rng-pci", bus PCI\';;\n'
                   '*) exec sleep 60;;\nesac\n')
        self.addCleanup(setattr, self.tool, "START_TIMEOUT", self.tool.START_TIMEOUT)
        self.tool.START_TIMEOUT = 1.0
        with tempfile.TemporaryDirectory() as directory:
            self.check_failure(directory, self.script(directory, listing),
                               "did not answer within 1 s")

    def test_transport_flavours_are_left_out(self):
        with tempfile.TemporaryDirectory() as directory:
            qemu = self.script(directory, "cat <<'END'\n"
                               'name "virtio-rng-pci", bus PCI, alias "virtio-rng"\n'
                               'name "virtio-rng-pci-transitional", bus PCI\n'
                               'name "virtio-rng-device", bus virtio-bus\n'
                               'name "vhost-vsock-pci-non-transitional", bus PCI\n'
                               "END\n")
            self.assertEqual(self.tool.virtio_devices(qemu),
                             ["vhost-vsock-pci", "virtio-rng-pci"])

    def test_some_devices_again(self):
        binary = shutil.which(self.tool.DEFAULT_QEMU)
        if binary is None:
            self.skipTest("QEMU is not installed")
        document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
        version = self.tool.qemu_version(binary)
        if version != document["qemu"]:
            self.skipTest(f"QEMU is {version}, the document has {document['qemu']}")
        # Different kinds of configuration, and queues of different sizes.
        for name in ("virtio-blk-pci", "virtio-keyboard-pci", "virtio-serial-pci"):
            with self.subTest(device=name):
                setup = next(s for s in self.tool.setups_for(name) if not s.variant)
                committed = next(entry for entry in document["devices"]
                                 if (entry["name"], entry["variant"]) == (name, ""))
                self.assertEqual(self.tool.capture(binary, name, setup), committed)


if __name__ == "__main__":
    unittest.main()
