# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ./lab kernel: what is a report of the kernel and what is not, results, configurations, archives.

tests/kernel/reports/ has real ones: a file of each kind, cut from the logs of
the planted bugs.
"""

import gzip
import lzma
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))

from lab import kernel_cpio, kernel_guest, kernel_style, kernel_test, kernel_tree, kernel_verdict  # noqa: E402
from lab.errors import Interrupted, LabError  # noqa: E402
from lab.kernel_guest import Guest, Outcome  # noqa: E402

REPORTS = ROOT / "tests" / "kernel" / "reports"
GOOD = """\
[    0.000000] Kernel command line: console=ttyS0 panic=-1 vlab_bug=oob
[    0.100000] kasan: KernelAddressSanitizer initialized
[    0.200000] DMA-API: preallocated 65536 debug entries
[    0.300000] vlab: loading out-of-tree module taints kernel.
[    0.400000] vlab vlab0: ring 0 is broken: used-id-out-of-range
[    0.500000] Buffer I/O error on dev vlaba, logical block 0, lost async page write
vlab-test: ok first
vlab-test: skip second: no such device
vlab-test: taint 12288
vlab-test: done
"""


def outcome(text: str, status: str = "") -> Outcome:
    return Outcome(text, status, pathlib.Path("build/log/guest.log"), 1.0)


def kind_of_sample(path: pathlib.Path) -> str:
    """<kind>-<kernel>-<bug>.log"""
    return path.stem.rsplit("-", 2)[0].replace("_", " ")


def judged(text: str, expected: tuple = ("first", "second"), status: str = "", **options):
    return kernel_verdict.judge("run", list(expected), outcome(text, status), "again", **options)


class Reports(unittest.TestCase):
    def test_each_real_report_is_noticed(self):
        samples = sorted(REPORTS.glob("*.log"))
        self.assertGreaterEqual(len(samples), 15)
        for path in samples:
            with self.subTest(sample=path.name):
                kind = kind_of_sample(path)
                text = path.read_text()
                kinds = [report.kind for report in kernel_verdict.read(text).reports]
                self.assertIn(kind, kinds)
                verdict = judged(GOOD.replace("vlab-test: taint", text + "vlab-test: taint"))
                self.assertGreater(verdict.failed, 0)
                self.assertEqual(verdict.passed, 1)

    def test_every_first_line_is_enough(self):
        """A console that ends in the middle of a report has still begun it."""
        for path in sorted(REPORTS.glob("*.log")):
            kind = kind_of_sample(path)
            lines = [line for line in path.read_text().splitlines() if kernel_verdict.kind_of(line) == kind]
            self.assertTrue(lines, path.name)

    def test_a_quiet_log_passes(self):
        verdict = judged(GOOD)
        self.assertEqual((verdict.passed, verdict.failed, len(verdict.skips)), (1, 0, 1), verdict.failures)

    def test_a_trace_that_is_wanted(self):
        """Only where it is wanted, only a trace, and only that one."""
        wanted = re.compile(r"\bwarn_alloc\+")
        for line, options, failed in (("warn_alloc+0x1/0x2", {"wanted": wanted}, 0), ("warn_alloc+0x1/0x2", {}, 1),
                                      ("kfree+0x1/0x2", {"wanted": wanted}, 1),
                                      ("warn_alloc+0x1/0x2\n[    2.1] BUG: KASAN: x", {"wanted": wanted}, 1)):
            with self.subTest(line=line, options=options):
                trace = f"[    2.0] Call Trace:\n[    2.0]  {line}\n"
                verdict = judged(GOOD.replace("vlab-test: taint", trace + "vlab-test: taint"), **options)
                self.assertEqual(verdict.failed, failed, verdict.failures)

    def test_a_report_without_a_clock(self):
        for line in ("BUG: KASAN: slab-out-of-bounds in x", "WARNING: CPU: 0 PID: 1 at kernel/a.c:1 f+0x1/0x2",
                     "vlab-test: okBUG: sleeping function called from invalid context", "Oops: 0000 [#1]"):
            self.assertIsNotNone(kernel_verdict.kind_of(line), line)

    def test_taint_without_a_word(self):
        verdict = judged(GOOD.replace("12288", str(12288 | 1 << 9)))
        self.assertEqual(verdict.failed, 1)
        self.assertIn("warning", verdict.failures[0])

    def test_two_reports_are_two(self):
        space = "[ 1.0] quiet\n" * 40
        text = "[ 1.0] UBSAN: shift-out-of-bounds in a.c\n" + space + "[ 2.0] refcount_t: underflow; use-after-free.\n"
        self.assertEqual([report.kind for report in kernel_verdict.read(text).reports], ["UBSAN", "refcount"])


class Results(unittest.TestCase):
    def test_a_test_that_did_not_report_has_failed(self):
        verdict = judged(GOOD, ("first", "second", "third", "fourth"))
        self.assertEqual(verdict.failed, 2)
        self.assertIn("third, fourth", verdict.failures[0])

    def test_a_guest_that_dies(self):
        for text in ("", GOOD.replace("vlab-test: done\n", "")):
            self.assertGreater(judged(text, ()).failed, 0)
        self.assertGreater(judged(GOOD, status="it did not end in 3 s").failed, 0)

    def test_a_run_without_a_test_is_no_pass(self):
        verdict = judged("vlab-test: done\n", ())
        self.assertEqual((verdict.passed, verdict.failed), (0, 1))

    def test_a_failure_has_its_reason(self):
        verdict = judged(GOOD.replace("ok first", "fail first: device is '4'"))
        self.assertEqual(verdict.failed, 1)
        self.assertIn("device is '4'", verdict.failures[0])

    def test_kunit(self):
        text = """\
[    0.1]     # Subtest: suite
[    0.1]     1..3
[    0.1]     ok 1 - one
[    0.1]     not ok 2 - two
[    0.1]     ok 3 - three # SKIP no data
[    0.1] not ok 1 - suite
"""
        verdict = judged(text, (), says_done=False)
        self.assertEqual((verdict.passed, verdict.failed, len(verdict.skips)), (1, 1, 1))

    def test_names_are_known_before(self):
        for script in ("pci_stock", "pci_checked", "mmio", "planted"):
            names = kernel_guest.expected_tests(script)
            self.assertEqual(len(names), len(set(names)))
            text = (kernel_guest.SCRIPTS / f"{script}.sh").read_text()
            text += "".join(path.read_text() for path in kernel_guest.SCRIPTS.glob("part_*.sh"))
            for name in names:
                self.assertIn(f"\n{name.replace('-', '_')}() {{", text)


class Guests(unittest.TestCase):
    """The runner, with a shell in the place of a machine."""

    def guest(self, script: str, seconds: float = 20, answer=None) -> Guest:
        return Guest("unit-test", ["sh", "-c", script], seconds, (33,), answer)

    def test_ends(self):
        self.assertEqual(kernel_guest.run(self.guest("echo hello; exit 33")).status, "")
        self.assertIn("status 0", kernel_guest.run(self.guest("exit 0")).status)

    def test_ends_one_that_does_not(self):
        ended = kernel_guest.run(self.guest("echo begun; sleep 60", seconds=0.5))
        self.assertIn("did not end", ended.status)
        self.assertIn("begun", ended.text)
        self.assertLess(ended.seconds, 10)

    def test_ends_one_that_floods(self):
        whole, kernel_guest.FLOOD = kernel_guest.FLOOD, 1 << 16
        try:
            self.assertIn("log passed", kernel_guest.run(self.guest("yes")).status)
        finally:
            kernel_guest.FLOOD = whole

    def test_answers(self):
        asked = []
        kernel_guest.run(self.guest("echo vlab-host: unplug; printf 'vlab-host: pl'; sleep 0.3; echo ug; exit 33",
                                    answer=asked.append))
        self.assertEqual(asked, ["unplug", "plug"])

    def test_an_interruption_ends_it(self):
        def interrupt():
            raise Interrupted(2)

        check, kernel_guest.signals.check = kernel_guest.signals.check, interrupt
        try:
            with self.assertRaises(Interrupted):
                kernel_guest.run(self.guest("sleep 60"))
        finally:
            kernel_guest.signals.check = check
        self.assertFalse(kernel_guest.process._running)


class Configurations(unittest.TestCase):
    def test_a_line_that_was_lost(self):
        with tempfile.NamedTemporaryFile("w", suffix=".config") as config:
            config.write("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\nCONFIG_D=y\n")
            config.flush()
            wanted = ["CONFIG_A=y", "# CONFIG_B is not set", "# CONFIG_E is not set", "CONFIG_C=y",
                      "# CONFIG_D is not set"]
            lost = kernel_tree.missing_options(wanted, pathlib.Path(config.name))
        self.assertEqual(lost, ["CONFIG_C=y", "# CONFIG_D is not set"])

    def test_an_option_that_only_other_versions_have(self):
        kernel = kernel_tree.Kernel("any", "any", ("core/kernel/hardened.config",))
        with tempfile.TemporaryDirectory() as name:
            menu = pathlib.Path(name) / "mm" / "Kconfig"
            menu.parent.mkdir()
            menu.write_text("menuconfig SLUB_TINY\n\tbool\nconfig RETPOLINE\n\tbool\n")
            unknown = kernel_tree.unknown_options(kernel, pathlib.Path(name))
        self.assertIn("CONFIG_MITIGATION_RETPOLINE", unknown)
        self.assertNotIn("CONFIG_SLUB_TINY", unknown)
        self.assertNotIn("CONFIG_RETPOLINE", unknown)
        # Of any other one it is not known that a version has it.
        self.assertLessEqual(unknown, kernel_tree.SOME_VERSIONS)

    def test_modules_that_are_compressed_or_built_in(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "a-b.ko.xz").write_bytes(lzma.compress(b"module"))
            (folder / "c.ko").write_bytes(b"plain")
            (folder / "modules.dep").write_text("a-b.ko.xz: c.ko\nc.ko:\n")
            (folder / "modules.builtin").write_text("kernel/d.ko\n")
            keep, kernel_tree.FOLDER = kernel_tree.FOLDER, folder / "ours"
            try:
                found = kernel_tree.modules_of(kernel_tree.Built(folder, folder, "6.12"), ["d", "a_b"])
                self.assertEqual([path.name for path in found], ["c.ko", "a-b.ko"])
                self.assertEqual([path.read_bytes() for path in found], [b"plain", b"module"])
            finally:
                kernel_tree.FOLDER = keep

    def test_the_kernel_that_is_chosen(self):
        self.assertEqual(kernel_tree.choose_stock(None), ())
        for command in ("test", "replay"):
            done = subprocess.run([ROOT / "lab", "kernel", command, "--linux", "six"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn("'six' is no version such as 6.12", done.stderr)

    def test_only_what_a_kernel_needs_is_placed_and_kept(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            digest = kernel_tree.place(folder)
            bus = folder / "core/bus.c"
            self.assertEqual(bus.read_bytes(), (ROOT / "core/bus.c").read_bytes())
            self.assertFalse((folder / "core/user/port.c").exists())
            stamp = bus.stat().st_mtime_ns
            manifest = folder / kernel_tree.MANIFEST
            manifest.write_text(manifest.read_text().replace("[", '["core/gone.c", ', 1))
            gone = folder / "core/gone.c"
            gone.write_text("old")
            made = folder / "core/made.mod.c"
            made.write_text("by make")
            self.assertEqual(kernel_tree.place(folder), digest)
            self.assertEqual((gone.exists(), made.exists(), bus.stat().st_mtime_ns), (False, True, stamp))

    def test_no_kernel_tree(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaises(LabError) as refused:
            kernel_tree.place_drivers(pathlib.Path(folder))
        self.assertIn("no kernel source", refused.exception.message)


class Archives(unittest.TestCase):
    def test_cpio_reads_it(self):
        archive = kernel_cpio.Archive()
        archive.file("a/b/text", "hello", 0o600)
        archive.file("odd", "x")
        archive.folder("empty")
        with tempfile.TemporaryDirectory() as folder:
            packed = gzip.decompress(archive.packed())
            done = subprocess.run(["busybox", "cpio", "-idm"], cwd=folder, input=packed, capture_output=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(pathlib.Path(folder, "a/b/text").read_text(), "hello")
            self.assertTrue(pathlib.Path(folder, "empty").is_dir())


class Style(unittest.TestCase):
    def test_entries(self):
        entries, complaints = kernel_style.read_exceptions(
            "# why\nsparse: core/*.c: text | reason\nnothing: a: b | c\nsparse: a: b\nsparse: a: b | \n")
        self.assertEqual((len(entries), len(complaints)), (1, 3))
        finding = kernel_style.Finding("sparse", "core/a.c", 1, "some text here")
        self.assertTrue(entries[0].covers(finding))
        self.assertFalse(entries[0].covers(kernel_style.Finding("gcc", "core/a.c", 1, "some text here")))

    def test_what_a_build_says(self):
        output = (f"{ROOT}/core/kernel/../a.c:3:4: warning: unused variable [-Wunused]\n"
                  "/usr/src/linux/include/linux/x.h:1:2: warning: theirs\n"
                  "WARNING: modpost: missing MODULE_LICENSE()\n"
                  f"{ROOT}/core/b.o: warning: objtool: f()+0x1: no frame\n")
        found = kernel_style.complaints_of("gcc", output, ROOT)
        self.assertEqual([(finding.path, finding.line) for finding in found], [("core/a.c", 3), ("", 0), ("", 0)])

    def test_a_step_has_one_name(self):
        names = [part.name for part in kernel_test.PARTS]
        self.assertEqual(len(names), len(set(names)))


if __name__ == "__main__":
    unittest.main()
