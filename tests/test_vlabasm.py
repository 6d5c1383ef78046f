#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of repro/vlabasm at its command line, and of docs/programs.md.

VLABASM names the program (and what runs it, in a cross build); without it the
one in build/ is taken.
"""

import contextlib
import os
import re
import resource
import shlex
import signal
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VLABASM = shlex.split(os.environ.get("VLABASM", str(ROOT / "build/repro/vlabasm")))
MANUAL = ROOT / "docs/programs.md"

TEXT = "queue   num=8 count=1 event_idx device=default\ndevice  used id=8 len=0x1\ndriver  get\n"
DONE, BAD_PROGRAM, FAILED = 0, 1, 2


def vlabasm(*args, data=b"", **more):
    return subprocess.run([*VLABASM, *map(str, args)], input=data, capture_output=True,
                          timeout=60, check=False, **more)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = Path(folder.name)
        self.good = self.write("good.vlab", TEXT)

    def write(self, name, content):
        path = self.dir / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def names(self):
        return sorted(path.name for path in self.dir.iterdir())

    def ran(self, *args, **more):
        """A run that must succeed without a word of complaint."""
        run = vlabasm(*args, **more)
        self.assertEqual((run.returncode, run.stderr), (DONE, b""), args)
        return run.stdout

    def failed(self, status, message, *args, **more):
        """A run that must fail with one line, and print nothing else."""
        run = vlabasm(*args, **more)
        self.assertEqual((run.returncode, run.stderr.decode(), run.stdout),
                         (status, message + "\n", b""), args)


class Converting(Case):
    def test_files(self):
        out, text = self.dir / "out", self.dir / "text"
        self.assertEqual(self.ran("asm", self.good, "-o", out), b"")
        self.assertEqual(out.stat().st_size, 24)
        self.assertEqual(self.ran("disasm", "--output", text, out), b"")
        self.assertEqual(text.read_text(), TEXT)
        self.assertEqual(self.names(), ["good.vlab", "out", "text"])

    def test_standard_streams(self):
        data = self.ran("asm", "-", data=TEXT.encode())
        self.assertEqual(len(data), 24)
        self.assertEqual(self.ran("asm", self.good, "-o", "-"), data)
        self.assertEqual(self.ran("disasm", "-", data=data).decode(), TEXT)

    def test_random_bytes_come_back(self):
        for size in (0, 1, 7, 8, 1023, 1024, 1031, 5000):
            data = os.urandom(size)
            text = self.ran("disasm", "-", data=data)
            self.assertEqual(self.ran("asm", "-", data=text), data)

    def test_the_name_decides(self):
        """Text is put in canonical form; the same in a file of bytes is bytes."""
        loose = "  queue event_idx num=0x8 # x\n\ndevice used len=1 id=8\ndriver get"
        self.assertEqual(self.ran("disasm", self.write("loose.vlab", loose)).decode(), TEXT)
        bytes_of_text = self.ran("disasm", self.write("loose", loose))
        self.assertEqual(self.ran("asm", "-", data=bytes_of_text), loose.encode())
        # asm takes any name for text.
        self.assertEqual(len(self.ran("asm", self.dir / "loose")), 24)

    def test_empty(self):
        self.assertEqual(self.ran("asm", self.write("empty.vlab", "")), b"")
        self.assertEqual(self.ran("disasm", self.write("empty", "")), b"")

    def test_mode_follows_umask(self):
        out = self.dir / "out"
        self.ran("asm", self.good, "-o", out, preexec_fn=lambda: os.umask(0o027))
        self.assertEqual(stat.S_IMODE(out.stat().st_mode), 0o640)


class Failing(Case):
    def test_mistake(self):
        bad = self.write("bad.vlab", "queue\n\ndevice used id=70000\n")
        out = self.write("out", "old")
        message = f'{bad}:3:13: expected id=0..65535, got "id=70000"'
        self.failed(BAD_PROGRAM, message, "asm", bad, "-o", out)
        self.failed(BAD_PROGRAM, message, "disasm", bad)
        self.assertEqual(out.read_text(), "old")
        self.assertEqual(self.names(), ["bad.vlab", "good.vlab", "out"])

    def test_bytes_named_as_text(self):
        bad = self.write("bad.vlab", b"que\xff")
        self.failed(BAD_PROGRAM, f"{bad}:1:4: expected ASCII text, got byte 0xff", "disasm", bad)

    def test_unreadable(self):
        absent = self.dir / "absent"
        self.failed(FAILED, f"vlabasm: {absent}: cannot open it: No such file or directory",
                    "disasm", absent)
        self.failed(FAILED, f"vlabasm: {self.dir}: cannot read it: Is a directory",
                    "asm", self.dir, "-o", self.dir / "out")
        if os.geteuid():
            self.good.chmod(0)
            self.failed(FAILED, f"vlabasm: {self.good}: cannot open it: Permission denied",
                        "disasm", self.good)

    def test_huge(self):
        huge = self.dir / "huge"
        with huge.open("wb") as file:
            file.truncate((1 << 20) + 1)
        self.failed(FAILED, f"vlabasm: {huge}: expected a program of at most 1048576 bytes, "
                    "got more", "disasm", huge)
        self.failed(FAILED, "vlabasm: /dev/zero: expected a program of at most 1048576 bytes, "
                    "got more", "disasm", "/dev/zero")

    def test_unwritable(self):
        absent = self.dir / "absent/out"
        self.failed(FAILED, f"vlabasm: {absent}: No such file or directory",
                    "asm", self.good, "-o", absent)
        self.failed(FAILED, f"vlabasm: {self.dir}: Is a directory",
                    "asm", self.good, "-o", self.dir)
        self.assertEqual(self.names(), ["good.vlab"])

    def test_full_disk(self):
        self.failed(FAILED, "vlabasm: /dev/full: No space left on device",
                    "asm", self.good, "-o", "/dev/full")
        with open("/dev/full", "wb") as full:
            for args in (["asm", self.good], ["ops"], ["dict"], ["--help"]):
                run = subprocess.run([*VLABASM, *map(str, args)], stdout=full, timeout=60,
                                     stderr=subprocess.PIPE, check=False)
                self.assertEqual((run.returncode, run.stderr),
                                 (FAILED, b"vlabasm: standard output: No space left on device\n"))

    def test_disk_full_halfway(self):
        out = self.write("out", "old")

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))

        self.failed(FAILED, f"vlabasm: {out}: File too large", "asm", self.good, "-o", out,
                    preexec_fn=limit)
        self.assertEqual(out.read_text(), "old")
        self.assertEqual(self.names(), ["good.vlab", "out"])

    def test_interrupted(self):
        with subprocess.Popen([*VLABASM, "asm", "-", "-o", self.dir / "out"],
                              stdin=subprocess.PIPE) as run:
            run.stdin.write(b"queue\n")
            run.stdin.flush()
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(0.3)
            run.send_signal(signal.SIGINT)
            self.assertEqual(run.wait(60), -signal.SIGINT)
        self.assertEqual(self.names(), ["good.vlab"])

    def test_usage(self):
        see = "; see vlabasm --help"
        for message, args in (
                ("a command is missing", []),
                ("expected the command asm, disasm, seeds, ops or dict", ["assemble"]),
                ("--frob: unknown option", ["--frob"]),
                ("-x: unknown option", ["asm", "-x"]),
                ("-o needs a file name", ["asm", self.good, "-o"]),
                ("expected one file", ["asm"]),
                ("expected one file", ["disasm", "a", "b"]),
                ("expected two folders", ["seeds", "a"]),
                ("only asm and disasm take -o", ["ops", "-o", "x"]),
                ("expected nothing after the command", ["dict", "x"])):
            self.failed(FAILED, f"vlabasm: {message}{see}", *args)

    def test_help(self):
        text = self.ran("--help").decode()
        for word in ("asm", "disasm", "seeds", "ops", "dict", "Exit status: 0", "-o OUT"):
            self.assertIn(word, text)
        self.assertEqual(self.ran("asm", "-h").decode(), text)
        self.assertEqual(self.ran("help").decode(), text)


class Outputs(Case):
    def test_link_stays_a_link(self):
        target, link = self.write("target", "old"), self.dir / "link"
        link.symlink_to("target")
        self.ran("asm", self.good, "-o", link)
        self.assertTrue(link.is_symlink())
        self.assertEqual(target.stat().st_size, 24)

    def test_device_stays_a_device(self):
        self.ran("asm", self.good, "-o", "/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))

    def test_relative(self):
        self.ran("asm", "good.vlab", "-o", "out", cwd=self.dir)
        self.assertEqual((self.dir / "out").stat().st_size, 24)


class Seeds(Case):
    def setUp(self):
        super().setUp()
        self.out = self.dir / "seeds"

    def outputs(self):
        return {path.name: path.stat().st_size for path in self.out.iterdir()}

    def test_folder(self):
        self.write("other.vlab", "driver get\n")
        self.write("notes.txt", "not a program\n")
        self.write(".vlab", "not a program\n")
        self.ran("seeds", self.dir, self.out)
        self.assertEqual(self.outputs(), {"good": 24, "other": 8})

    def test_again_leaves_what_has_no_source(self):
        self.out.mkdir()
        (self.out / "stale").write_text("12345")
        (self.out / "good").write_text("old")
        self.ran("seeds", self.dir, self.out)
        self.assertEqual(self.outputs(), {"good": 24, "stale": 5})

    def test_mistakes(self):
        """Each is told, and the programs without any are assembled."""
        first, last = self.write("a.vlab", "qeue\n"), self.write("z.vlab", "driver get 1\n")
        run = vlabasm("seeds", self.dir, self.out)
        lines = run.stderr.decode().splitlines()
        self.assertEqual(run.returncode, BAD_PROGRAM)
        self.assertEqual([line.split(": ")[0] for line in lines],
                         [f"{first}:1:1", f"{last}:1:12"])
        self.assertEqual(self.outputs(), {"good": 24})

    def test_folders(self):
        absent, empty = self.dir / "absent", self.dir / "empty"
        empty.mkdir()
        self.failed(FAILED, f"vlabasm: {absent}: No such file or directory",
                    "seeds", absent, self.out)
        self.failed(FAILED, f"vlabasm: {empty}: there is no *.vlab file in it",
                    "seeds", empty, self.out)
        self.assertFalse(self.out.exists())
        self.failed(FAILED, f"vlabasm: {self.out / 'x'}: No such file or directory",
                    "seeds", self.dir, self.out / "x")
        self.out.write_text("a file")
        self.failed(FAILED, f"vlabasm: {self.out}/good: Not a directory",
                    "seeds", self.dir, self.out)


class Language(Case):
    """docs/programs.md, the list of operations and the dictionary agree."""

    def operations(self):
        listing = self.ran("ops").decode()
        return re.findall(r"^(\w+(?: \w+)?)  +\S", listing, re.MULTILINE)

    def blocks(self, kind):
        return re.findall(rf"^```{kind}\n(.*?)^```$", MANUAL.read_text(),
                          re.MULTILINE | re.DOTALL)

    def test_manual_lists_the_operations(self):
        listing = self.ran("ops").decode()
        self.assertIn(listing, self.blocks("text"),
                      'the list in docs/programs.md is not what "vlabasm ops" prints')

    def test_manual_has_examples_that_assemble(self):
        examples = self.blocks("vlab")
        self.assertGreaterEqual(len(examples), 3)
        for example in examples:
            self.assertGreaterEqual(len(self.ran("asm", "-", data=example.encode())), 8)

    def test_manual_names_each_cell(self):
        listing = self.ran("ops").decode()
        cells = re.search(r"^    cell=(\S+)", listing, re.MULTILINE)[1].split("|")
        manual = MANUAL.read_text()
        self.assertGreaterEqual(len(cells), 8)
        for cell in cells:
            self.assertRegex(manual, rf"(?m)^\| .*`{re.escape(cell)}`.* \| .* \| .* ?\|$")

    def test_operations_assemble_bare(self):
        for number, name in enumerate(self.operations()):
            data = self.ran("asm", "-", data=name.encode())
            self.assertEqual(data, bytes([number]) + bytes(7), name)

    def test_dictionary(self):
        lines = self.ran("dict").decode().splitlines()
        entries = [line for line in lines if not line.startswith("#")]
        names, opcodes, values = set(), set(), set()
        for line in entries:
            match = re.fullmatch(r'(\w+)="((?:\\x[0-9a-f]{2}){8})"', line)
            self.assertIsNotNone(match, line)
            names.add(match[1])
            values.add(match[2])
            opcodes.add(int(match[2][2:4], 16))
        self.assertEqual(len(names), len(entries))
        self.assertEqual(len(values), len(entries))
        self.assertEqual(opcodes, set(range(len(self.operations()))))


if __name__ == "__main__":
    unittest.main()
