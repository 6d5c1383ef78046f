# SPDX-License-Identifier: GPL-2.0-or-later
"""The arithmetic of ./lab kernel bench: ratios of rounds, and functions of addresses."""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))

from lab import errors, kernel_bench, kernel_count  # noqa: E402  (the path comes first)

KNOWN = 0x401000
BASE = 0xffffffffc0000000
SYMBOLS = f"""\
vlab-symbol: {BASE:016x} t add [vlab]
vlab-symbol: {BASE + 0x40:016x} t get [vlab]
vlab-symbol: {BASE + 0x80:016x} d data [vlab]
vlab-symbol: {BASE + 0x100:016x} T vp_notify\t[virtio_pci]
vlab-symbols: 4
"""


def line(address: int) -> str:
    return f"Trace 0: 0x7faf33568b40 [0000000000000000/{address:016x}/18c0c2b0/ff000201] \n"


def loop(pairs: int = kernel_count.KNOWN_PAIRS) -> str:
    return line(KNOWN) + (line(KNOWN + 5) + line(KNOWN + 7)) * pairs + line(KNOWN + 9)


def count(text: str) -> kernel_count.Count:
    with tempfile.TemporaryDirectory() as folder:
        trace = pathlib.Path(folder) / "trace"
        trace.write_text(text)
        return kernel_count.read(trace, kernel_count.functions_of(SYMBOLS), KNOWN)


class Counting(unittest.TestCase):
    def test_what_lies_between_the_two_calls(self):
        stray = line(BASE + 4) * 7
        text = line(BASE) + line(BASE + 4) + line(BASE + 0x44) + line(0x400000) + line(BASE - 0x1000)
        found = count(stray + loop() + text * 3 + loop() + stray)
        self.assertEqual(found.functions, {("vlab", "add"): 6, ("vlab", "get"): 3})
        self.assertEqual(found.entries, {("vlab", "add"): 3})
        self.assertEqual(found.total, 12)

    def test_a_log_that_lacks_an_end(self):
        with self.assertRaises(errors.LabError):
            count(loop() + line(BASE))

    def test_a_log_of_something_else_than_instructions(self):
        with self.assertRaises(errors.LabError):
            count(loop(kernel_count.KNOWN_PAIRS - 1) + line(BASE) + loop())

    def test_a_list_of_functions_that_lost_a_line(self):
        with self.assertRaises(errors.LabError):
            kernel_count.functions_of(SYMBOLS.replace("symbols: 4", "symbols: 5"))


class Ratios(unittest.TestCase):
    ROW = kernel_bench.Speed("a", "", 1000, "things/s")

    def rounds(self, *pairs: tuple[int, int]) -> dict:
        pairs *= kernel_bench.ROUNDS // len(pairs)
        return kernel_bench._ratios(self.ROW, "".join(f"round {theirs} {ours}\r\n" for theirs, ours in pairs))

    def verdicts(self, row: dict) -> list[bool]:
        return [verdict.good for verdict in kernel_bench._verdicts({"speed": {"a": row}, "instructions": {}})]

    def test_above_one_is_faster(self):
        row = self.rounds((3_000_000, 2_000_000))
        self.assertEqual((row["ratio"], row["ratio_low"], row["ratio_high"]), (1.5, 1.5, 1.5))
        self.assertEqual((row["vlab"], row["in_tree"]), (500_000, 333_333))
        self.assertEqual(self.verdicts(row), [True])

    def test_slower_for_certain_fails(self):
        self.assertEqual(self.verdicts(self.rounds((98, 100), (99, 100), (97, 100))), [False])

    def test_slower_by_chance_does_not(self):
        self.assertEqual(self.verdicts(self.rounds((90, 100), (100, 90))), [True])

    def test_lost_rounds_are_noticed(self):
        with self.assertRaises(errors.LabError):
            kernel_bench._ratios(self.ROW, "round 1 1\n" * 10)

    def test_too_many_instructions_fail(self):
        most = kernel_bench.RING_MOST
        for ring, kernel, good in ((most, 8000, [True, True]), (most + 0.1, 9000, [True, False]),
                                   (most, 9000.1, [False, True])):
            row = {"vlab": {"ring": ring, "kernel": kernel}, "in_tree": {"kernel": 9000}, "ring_limit": most}
            verdicts = kernel_bench._verdicts({"speed": {}, "instructions": {"read-32": row}})
            self.assertEqual([verdict.good for verdict in verdicts], good)


if __name__ == "__main__":
    unittest.main()
