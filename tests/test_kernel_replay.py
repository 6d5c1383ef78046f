# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of batches in user space, and of how ./lab kernel replay compares.

What runs in kernels is for ./lab kernel test. VLABASM names a vlabasm that was
built; the replay programs are beside it.
"""

import os
import pathlib
import random
import shlex
import struct
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))

from lab import errors, kernel_replay, replay_programs, tree  # noqa: E402  (the path comes first)
from lab.replay_programs import RESULT, TRACE, Program  # noqa: E402

REPRO = pathlib.Path(shlex.split(os.environ.get("VLABASM", str(ROOT / "build/plain/repro/vlabasm")))[0]).parent
TARGET = "vring"
STEPS = [bytes([0, 3, 3, 0, 0, 0, 0, 0]), bytes([41, 0, 0, 0, 0, 0, 0, 0])]


def program(data: bytes, target: str = TARGET) -> Program:
    return Program(target, "one", data)


def repro(batch: bytes, target: str = TARGET) -> subprocess.CompletedProcess:
    return subprocess.run([REPRO / f"repro_{target}", "--batch", "-"], input=batch, capture_output=True, timeout=60,
                          check=False)


class Batches(unittest.TestCase):
    def test_a_record_for_each_program(self):
        done = repro(replay_programs.batch([program(b""), program(STEPS[0]), program(b"".join(STEPS))]))
        self.assertEqual((done.returncode, len(done.stdout)), (0, 3 * RESULT.size))
        self.assertEqual(repro(b"").stdout, b"")

    def test_the_digest_is_that_of_repro(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "program"
            path.write_bytes(b"".join(STEPS))
            out = subprocess.run([REPRO / f"repro_{TARGET}", "--digest", path], capture_output=True, text=True,
                                 check=True).stdout
        _, _, digest = RESULT.unpack(repro(replay_programs.batch([program(b"".join(STEPS))])).stdout)
        self.assertEqual(out.split()[0], f"{digest:016x}")

    def test_a_traced_program_has_its_events(self):
        plain = repro(replay_programs.batch([program(STEPS[0])])).stdout
        traced = repro(replay_programs.batch([program(STEPS[0])], TRACE)).stdout
        self.assertEqual(traced[:RESULT.size], plain)
        told, = struct.unpack_from("<Q", traced, RESULT.size)
        self.assertGreater(told, 3)
        self.assertEqual(len(traced), RESULT.size + 8 + 32 * told)

    def test_what_is_no_batch_is_refused(self):
        good = replay_programs.batch([program(STEPS[0])])
        for bad in (good[:-1], good[:7], good[:4] + struct.pack("<I", 0xFFFFFFF8) + good[8:],
                    struct.pack("<II", len(tree.targets()), 0)):
            done = repro(bad)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"it is no batch of programs", done.stderr)

    def test_a_program_for_another_target_is_refused(self):
        done = repro(replay_programs.batch([program(STEPS[0], "config")]))
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"another target", done.stderr)


class Collecting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def test_the_folder_names_the_target(self):
        (self.dir / "session").mkdir()
        (self.dir / "session" / "one").write_bytes(STEPS[0])
        for path in (self.dir, self.dir / "session", self.dir / "session" / "one"):
            found = replay_programs.collect([path], None, self.dir)
            self.assertEqual([(one.target, one.data) for one in found], [("session", STEPS[0])])

    def test_a_folder_of_another_name_needs_a_target(self):
        path = self.dir / "one"
        path.write_bytes(STEPS[0])
        with self.assertRaisesRegex(errors.UsageError, "add --target"):
            replay_programs.collect([path], None, self.dir)
        self.assertEqual(replay_programs.collect([path], "config", self.dir)[0].target, "config")

    def test_an_empty_folder_and_a_missing_file(self):
        with self.assertRaisesRegex(errors.UsageError, "no program"):
            replay_programs.collect([self.dir], "config", self.dir)
        with self.assertRaisesRegex(errors.UsageError, "cannot read"):
            replay_programs.collect([self.dir / "none"], "config", self.dir)


class Growing(unittest.TestCase):
    def test_mutants_are_many_different_and_always_the_same(self):
        pool = [b"".join(STEPS), STEPS[1]]
        first, again = (replay_programs._mutants(pool, 300, random.Random("x")) for _ in range(2))
        self.assertEqual(first, again)
        self.assertEqual(len(set(first)), 300)
        self.assertLessEqual(max(map(len, first)), 128 * 8)

    def test_of_nothing_grows_something(self):
        self.assertEqual(len(replay_programs._mutants([], 5, random.Random("x"))), 5)


class Comparing(unittest.TestCase):
    def job(self, *records: tuple[int, int, int]) -> kernel_replay.Job:
        programs = [Program(TARGET, f"p{at}", STEPS[0]) for at in range(len(records))]
        return kernel_replay.Job(programs, b"".join(RESULT.pack(*record) for record in records), pathlib.Path())

    def said(self, count: int, digest: int, differ: int = 0) -> str:
        return f"[   1.0] target {TARGET} programs {count} differ {differ} found 0 digest {digest:016x}\r\n"

    def test_the_digest_decides_and_not_what_the_guest_counts(self):
        records = [(0, 0, 1), (0, 0, 2)]
        digest = replay_programs.digest(b"".join(RESULT.pack(*record) for record in records))
        self.assertEqual(kernel_replay.verdict_on(TARGET, records, self.said(2, digest)), kernel_replay.SAME)
        self.assertEqual(kernel_replay.verdict_on(TARGET, records, self.said(2, digest ^ 1, 1)), "1 DIFFER")
        self.assertNotEqual(kernel_replay.verdict_on(TARGET, records, self.said(2, digest ^ 1)), kernel_replay.SAME)
        self.assertEqual(kernel_replay.verdict_on(TARGET, records, self.said(1, digest)), "NOT RUN")
        self.assertEqual(kernel_replay.verdict_on(TARGET, records, ""), "NOT RUN")

    def test_the_first_event_that_differs_is_told_with_its_step(self):
        kinds = kernel_replay.event_kinds()
        self.assertEqual(kinds[:4], ["STEP", "CALL", "RETURN", "READ"])
        step, read = kinds.index("STEP"), kinds.index("READ")
        here = [(step, 0, 7, 0), (step, 1, 8, 0), (read, 2, 3, 4), (read, 5, 6, 7)]
        there = [*here[:3], (read, 5, 6, 8)]
        self.assertEqual(kernel_replay.first_difference(here, there),
                         "step 2: event 3 is read 0x5 0x6 0x8; user space: read 0x5 0x6 0x7")
        self.assertIn("event 3 is missing", kernel_replay.first_difference(here, here[:3]))
        self.assertIn("user space: missing", kernel_replay.first_difference(here[:3], here))
        self.assertIn("does not always do the same", kernel_replay.first_difference(here, here))

    def test_a_difference_names_program_oracle_and_step(self):
        lines = kernel_replay.differences(self.job((0, 0, 1), (1, 2, 9)),
                                          "differs 1 verdict 0 step 0 digest 0000000000000001\n"
                                          "[  2.0] differs 0 verdict 4 step 129 digest 0000000000000002\n")
        self.assertEqual(lines, ["p1: it passes; in user space: double-fetch fires at step 3",
                                 "p0: token-conservation fires at the end; in user space: it passes"])

    def test_a_grown_program_that_differs_is_written_down(self):
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.object(tree, "BUILD", pathlib.Path(folder)):
            shown = kernel_replay.file_of(Program(TARGET, "grown-7", STEPS[0], True))
            self.assertEqual(pathlib.Path(shown).read_bytes(), STEPS[0])
            self.assertEqual(pathlib.Path(shown).parent.name, TARGET)
            self.assertEqual(kernel_replay.file_of(Program(TARGET, "corpus/one", b"")), "corpus/one")

    def test_only_the_first_differences_are_told(self):
        text = "".join(f"differs {at} verdict 0 step 0 digest 0000000000000001\n" for at in range(30))
        self.assertEqual(kernel_replay.differences(self.job(*[(0, 0, 0)] * 30), text)[-1], "and 10 more")


if __name__ == "__main__":
    unittest.main()
