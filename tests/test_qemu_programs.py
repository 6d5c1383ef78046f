#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of tools/qemu_programs.py and of the programs that it wrote."""

import contextlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOL = ROOT / "tools/qemu_programs.py"
CORPUS = ROOT / "corpus"

sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("qemu_programs", TOOL)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

RECORDING = json.loads(tool.RECORDING.read_text())


def steps_of(program):
    return [line for line in program.splitlines() if line and not line.startswith("#")]


def operand(step, name):
    return int(re.search(rf"\b{name}=(\S+)", step)[1], 0)


def device(**changes):
    """A small device, as recorded."""
    return {"name": "virtio-net-pci", "variant": "", "device_id": 1, "vendor_id": 0x1af4,
            "features": "0x0000000100000020", "queues": [256, 64], "config": "010203040506",
            "config_window": 4096, "config_generation": 0, **changes}


class Committed(unittest.TestCase):
    def setUp(self):
        self.made = tool.programs(RECORDING)

    def test_the_committed_programs_are_what_the_tool_writes(self):
        there = tool.present(CORPUS)
        self.assertEqual(sorted(there), sorted(self.made))
        for path, program in self.made.items():
            self.assertEqual(there[path], program, f"{path}: run tools/qemu_programs.py")

    def test_each_device_has_a_program(self):
        names = {f"config/qemu-{tool.slug(each)}.vlab" for each in RECORDING["devices"]}
        self.assertEqual(len(names), len(RECORDING["devices"]))
        self.assertLessEqual(names, set(self.made))

    def test_each_disk_and_each_entropy_source_has_a_session(self):
        for each in RECORDING["devices"]:
            self.assertEqual(f"session/qemu-{tool.slug(each)}.vlab" in self.made,
                             each["device_id"] in (tool.ID_BLOCK, tool.ID_ENTROPY))

    def test_all_run_to_their_end(self):
        for path, program in self.made.items():
            self.assertLessEqual(len(steps_of(program)), tool.STEPS_MAX, path)

    def test_each_begins_with_its_license_and_its_device(self):
        for path, program in self.made.items():
            first, second = program.splitlines()[:2]
            self.assertEqual(first, "# SPDX-License-Identifier: GPL-2.0-or-later", path)
            self.assertRegex(second, r"^# (virtio|vhost)-\S+")

    def test_the_configuration_is_the_recorded_one(self):
        for each in RECORDING["devices"]:
            steps = steps_of(self.made[f"config/qemu-{tool.slug(each)}.vlab"])
            bound = steps.index("driver find type=1")
            data = bytearray(256)
            for step in steps[:bound]:
                if step.startswith("config device at="):
                    at, size = operand(step, "at"), operand(step, "len")
                    data[at:at + size] = operand(step, "is").to_bytes(size, "little")
            config = bytes.fromhex(each["config"])
            self.assertEqual(bytes(data[:len(config)]), config, each["name"])
            self.assertFalse(any(data[len(config):]))
            sizes = [operand(step, "is") for step in steps if step.startswith("config queue_size")]
            self.assertEqual(sizes, each["queues"])
            words = [operand(step, "is") for step in steps if step.startswith("config features")]
            self.assertEqual(words[0] | words[1] << 32, int(each["features"], 16))
            ids = [step for step in steps if step.startswith("config id")]
            self.assertEqual([(operand(step, "device"), operand(step, "vendor")) for step in ids],
                             [(each["device_id"], each["vendor_id"])])


@unittest.skipUnless("VLABASM" in os.environ, "VLABASM names no vlabasm")
class Assembled(unittest.TestCase):
    def test_all_of_them_assemble(self):
        with tempfile.TemporaryDirectory() as folder:
            for path in tool.programs(RECORDING):
                result = subprocess.run([os.environ["VLABASM"], "asm", CORPUS / path, "-o", Path(folder) / "out"],
                                        capture_output=True, text=True)
                self.assertEqual(result.returncode, 0, result.stderr)


class Pieces(unittest.TestCase):
    def test_names(self):
        self.assertEqual(tool.slug(device()), "net")
        self.assertEqual(tool.slug(device(variant="mq=on,Host_MTU=1500")), "net-mq-on-host-mtu-1500")
        self.assertEqual(tool.slug(device(name="vhost-user-fs-pci")), "vhost-user-fs")

    def test_bytes_are_little_endian_and_four_at_a_time(self):
        self.assertEqual(tool.present_bytes(bytes([1, 2, 3, 4, 5])),
                         ["config device at=0 len=4 is=0x4030201", "config device at=4 len=1 is=0x5"])

    def test_two_devices_of_one_name_are_an_error(self):
        with self.assertRaisesRegex(ValueError, "config/qemu-net.vlab"):
            tool.programs({"devices": [device(), device()]})

    def test_a_program_that_is_too_long_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "steps"):
            tool.programs({"devices": [device(queues=[8] * 128)]})

    def test_queues_above_the_transport_are_cut_and_the_program_says_so(self):
        made = tool.programs({"devices": [device(queues=[8] * 9)]})
        self.assertIn("It has 9 queues", " ".join(made["features/qemu-net.vlab"].split()))
        self.assertIn("config queues is=8\n", made["features/qemu-net.vlab"])
        self.assertIn("config queues is=9\n", made["config/qemu-net.vlab"])

    def test_one_offer_is_negotiated_once(self):
        made = tool.programs({"devices": [device(), device(variant="x=1", queues=[8])]})
        self.assertEqual([path for path in made if path.startswith("features/")], ["features/qemu-net.vlab"])

    def test_queues_that_appear_with_a_feature_are_a_device_of_their_own(self):
        made = tool.programs({"devices": [device(queues_negotiated=[256, 256, 64])]})
        self.assertIn("config queues is=3\n", made["config/qemu-net-all-queues.vlab"])

    def test_pages_of_an_input_device(self):
        pages = [{"select": 1, "subsel": 2, "data": "aabb"}]
        made = tool.programs({"devices": [device(name="virtio-mouse-pci", input_selects=pages)]})
        steps = steps_of(made["config/qemu-mouse.vlab"])
        self.assertEqual(steps[-4:], ["config device at=0 len=3 is=0x20201", "config device at=8 len=2 is=0xbbaa",
                                      "driver refresh", "driver device_config at=0 len=10"])


class Files(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.recording = self.folder / "devices.json"
        self.recording.write_text(json.dumps({"devices": [device()]}))

    def run_tool(self, *more):
        arguments = ["--recording", str(self.recording), "--output", str(self.folder), *more]
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
            status = tool.main(arguments)
        return status, out.getvalue() + err.getvalue()

    def test_writing_then_checking(self):
        self.assertEqual(self.run_tool("--check")[0], 1)
        self.assertEqual(self.run_tool()[0], 0)
        self.assertEqual(self.run_tool("--check"), (0, ""))

    def test_what_is_no_longer_a_device_goes_and_the_rest_stays(self):
        (self.folder / "config").mkdir()
        old, mine = self.folder / "config/qemu-old.vlab", self.folder / "config/mine.vlab"
        old.write_text("queue\n")
        mine.write_text("queue\n")
        self.assertIn("qemu-old.vlab is not what", self.run_tool("--check")[1])
        self.run_tool()
        self.assertFalse(old.exists())
        self.assertTrue(mine.exists())

    def test_a_bad_recording_is_one_line(self):
        for bad in ("{", "{}", '{"devices": [{"name": "x"}]}'):
            self.recording.write_text(bad)
            status, said = self.run_tool()
            self.assertEqual(status, 2)
            self.assertEqual(said.count("\n"), 1, said)
        self.recording.unlink()
        self.assertEqual(self.run_tool()[0], 2)


if __name__ == "__main__":
    unittest.main()
