# SPDX-License-Identifier: GPL-2.0-or-later
"""What ./lab kernel test makes of the log of a guest with a hostile host."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))

from lab import kernel_hostile  # noqa: E402  (the path comes first)

WORD = "vlab-kmsg: <4>[    2.0] virtio_blk virtio3: block size 8192\n"


def complaints(test: str, *lines: str) -> list[str]:
    """What is said of lines of the kernel's log during a test; all refusals are told of elsewhere."""
    text = "".join(f"vlab-kmsg: <12>[    1.0] vlab-begin: {setting.name}\n{WORD}"
                   f"vlab-kmsg: <12>[    2.1] vlab-end: {setting.name}\r\n"
                   for setting in kernel_hostile.SETTINGS if setting.expected == "refused")
    text += f"vlab-kmsg: <12>[    3.0] vlab-begin: {test}\n"
    text += "".join(f"vlab-kmsg: {line}\r\n" for line in lines)
    return kernel_hostile.judge_records(kernel_hostile.read_records(text))


class Log(unittest.TestCase):
    IO_ERROR = "<3>[    4.0] I/O error, dev vlaba, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2"

    def test_nothing_is_said(self):
        self.assertEqual(complaints("packed-ring"), [])
        self.assertEqual(complaints("packed-ring", "<6>[    4.0] pci 0000:01:00.0: BAR 1"), [])

    def test_anything_above_a_warning(self):
        for level in range(4):
            self.assertEqual(len(complaints("packed-ring", f"<{level}>[    4.0] anybody: says anything")), 1)

    def test_errors_of_requests_that_are_meant_to_fail(self):
        self.assertEqual(complaints("read-errors", self.IO_ERROR), [])
        self.assertEqual(len(complaints("packed-ring", self.IO_ERROR)), 1)
        self.assertEqual(len(complaints("read-errors", self.IO_ERROR.replace("vlaba", "sda"))), 1)

    def test_a_file_system_may_shout_when_it_is_mounted(self):
        line = "<2>[    4.0] EXT4-fs error (device vlaba): ext4_journal_check_start:83: Detected aborted journal"
        self.assertEqual(complaints("unplugged-while-mounted", line), [])
        self.assertEqual(len(complaints("again-and-again", line)), 1)

    def test_a_warning_names_its_device(self):
        for line in ("virtio_blk virtio0: vlaba: it does not answer: all I/O fails from now on",
                     "vlab 0000:00:07.1: refused: no usable common configuration",
                     "virtio_blk virtio5: probe failed: error -5"):
            self.assertEqual(complaints("stalled", f"<4>[    4.0] {line}"), [])
        for line in ("vlab: something is wrong", "virtio_blk: a disk is odd", "vlab virtio0:"):
            self.assertEqual(len(complaints("stalled", f"<4>[    4.0] {line}")), 1)

    def test_a_refusal_gives_a_reason(self):
        told = kernel_hostile.judge_records([])
        self.assertTrue(told)
        self.assertTrue(all(line.endswith("refused without a word") for line in told))

    def test_what_came_before_the_tests(self):
        records = kernel_hostile.read_records("vlab-kmsg: <3>[    0.5] tsc: a boot is noisy\n")
        self.assertEqual([record.test for record in records], [""])


class Settings(unittest.TestCase):
    def test_names_and_addresses_differ(self):
        names = [setting.name for setting in kernel_hostile.SETTINGS]
        self.assertEqual(len(set(names)), len(names))
        addresses = {kernel_hostile.address_of(at) for at in range(len(names))}
        self.assertEqual(len(addresses), len(names))
        self.assertNotIn(f"0000:00:{kernel_hostile.PORT_SLOT:02x}.0", addresses)

    def test_the_guest_knows_each_kind(self):
        script = (ROOT / "tests" / "kernel" / "guest" / "hostile.sh").read_text()
        for setting in (*kernel_hostile.SETTINGS, *kernel_hostile.TRANSLATED):
            self.assertIn(f"\nis_{setting.expected}() {{", script)
        for test in kernel_hostile.TESTS:
            self.assertIn(f"\n{test.replace('-', '_')}() {{", script)


if __name__ == "__main__":
    unittest.main()
