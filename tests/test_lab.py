# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ./lab: the real command, in a tree of its own, with tools that are stand-ins.

The stand-ins make every bad day possible in a second: no network, a missing
package, a full disk, a build that never ends, a fuzzer that finds something.
"""

import contextlib
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))

from lab import coverage, findings, libfuzzer, mesontest  # noqa: E402  (the path comes first)

NOBODY = 65534

DPKG_QUERY = """#!/bin/sh
[ -e "$FAKES/missing" ] || missing=none
for package; do
	case $package in -*|*'{'*) continue ;; esac
	[ "$missing" = none ] || ! grep -qx "$package" "$FAKES/missing" || continue
	echo "$package installed"
done
"""

APT_GET = """#!/bin/sh
echo "$@" >> "$FAKES/apt.calls"
case $FAKE_APT in
offline) echo 'E: Could not resolve a name' >&2; exit 100 ;;
slow) echo started > "$FAKES/apt.started"; exec sleep 30 ;;
esac
rm -f "$FAKES/missing"
"""

MESON = """#!/bin/sh
[ "$1" = setup ] || exit 0
for folder; do before=$last; last=$folder; done
[ "$FAKE_BUILD" != fails ] || { echo 'meson.build:1:0: ERROR: no such thing'; exit 1; }
[ "$FAKE_BUILD" != full ] || { echo 'cc: No space left on device'; exit 1; }
mkdir -p "$before/fuzz" "$before/repro" "$before/bench"
for name in config vring; do
	cp "$FAKES/trainee" "$before/bench/bench_fuzz_$name"
	cp "$FAKES/fuzzer" "$before/fuzz/fuzz_$name"
	cp "$FAKES/replay" "$before/repro/repro_$name"
done
cp "$FAKES/vlabasm" "$before/repro/vlabasm"
"""

NINJA = """#!/bin/sh
[ "$FAKE_BUILD" != slow ] || { echo started > "$FAKES/ninja.started"; exec sleep 30; }
echo 'ninja: no work to do.'
"""

REPLAY = """#!/bin/sh
echo "replayed $*"
exit "${FAKE_VERDICT:-0}"
"""

VLABASM = """#!/bin/sh
case $1 in
seeds) cp "$2"/* "$3" ;;
disasm) echo "driver  get   # disassembled" ;;
asm) cp "$2" "$4" ;;
esac
"""

TRAINEE = """#!/bin/sh
[ "$FAKE_TRAINING" != dies ] || exit 77
echo "$1 ${2##*/}" > "$LLVM_PROFILE_FILE"
"""

PROFDATA = """#!/bin/sh
shift 2
out=$1
shift
cat "$@" > "$out"
"""

FUZZER = '''#!/usr/bin/python3
import base64, os, pathlib, signal, sys, time
def say(text):
    print(text, file=sys.stderr, flush=True)
def leave(*_):
    say("stat::number_of_executed_units: 5000")
    os._exit(72)
signal.signal(signal.SIGUSR1, leave)
corpus, = [a for a in sys.argv[1:] if not a.startswith("-")][:1]
prefix, = [a.split("=", 1)[1] for a in sys.argv[1:] if a.startswith("-artifact_prefix=")]
mode = os.environ.get("FAKE_FUZZ", "quiet")
if mode == "dies":
    say("cannot start: a library is missing")
    os._exit(1)
say("INFO: seed corpus: files: 1")
say("#2\\tINITED cov: 10 ft: 10 corp: 1/4b exec/s: 0 rss: 30Mb")
time.sleep(0.1)
say("#1000\\tNEW    cov: 12 ft: 15 corp: 3/10b lim: 4 exec/s: 1000 rss: 30Mb L: 4/4 MS: 1 ChangeByte-")
pathlib.Path(corpus, "found").write_bytes(b"unit")
if mode == "finds":
    unit = b"bad" + b"x" * (os.getpid() % 3)
    say("vlab: oracle double-fetch: used[0].len was read twice")
    say("==1== ERROR: libFuzzer: deadly signal")
    pathlib.Path(prefix + "crash-1").write_bytes(unit)
    say(f"artifact_prefix='{prefix}'; Test unit written to {prefix}crash-1")
    say("Base64: " + base64.b64encode(unit).decode())
    say("stat::number_of_executed_units: 1001")
    os._exit(77)
time.sleep(60)
'''

FAKES = {
    "dpkg-query": DPKG_QUERY, "apt-get": APT_GET, "meson": MESON, "ninja": NINJA,
    "fuzzer": FUZZER, "replay": REPLAY, "vlabasm": VLABASM,
    "trainee": TRAINEE, "llvm-profdata-14": PROFDATA,
}


class Tree(unittest.TestCase):
    """A small source tree with the real lab in it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vlab-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)
        self.tree = self.folder / "tree"
        self.fakes = self.folder / "bin"
        shutil.copytree(ROOT / "tools" / "lab", self.tree / "tools" / "lab")
        shutil.copy2(ROOT / "lab", self.tree)
        for name in ("config", "vring"):
            self.put(f"fuzz/fuzz_{name}.c", "")
            self.put(f"corpus/{name}/first.vlab", "driver  get\n")
        self.put("core/ring.c", "int ring;\n")
        self.fakes.mkdir()
        for name, text in FAKES.items():
            path = self.fakes / name
            path.write_text(text)
            path.chmod(0o755)

    def put(self, name: str, text: str) -> pathlib.Path:
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def environment(self, **fakes: str) -> dict:
        path = f"{self.fakes}:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "FAKES": str(self.fakes), "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **fakes}

    def start(self, *argv, before: tuple = (), **fakes) -> subprocess.Popen:
        child = subprocess.Popen(
            [*before, str(self.tree / "lab"), *map(str, argv)], cwd=self.tree, env=self.environment(**fakes),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.addCleanup(self.dispose, child)
        return child

    @staticmethod
    def dispose(child: subprocess.Popen):
        if child.poll() is None:
            child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()

    def finish(self, child: subprocess.Popen, status: int) -> tuple[str, str]:
        out, err = child.communicate(timeout=60)
        self.assertNotIn("Traceback", out + err)
        self.assertEqual(child.returncode, status, out + err)
        return out, err

    def lab(self, *argv, status: int = 0, **options) -> tuple[str, str]:
        return self.finish(self.start(*argv, **options), status)

    def assert_one_line(self, err: str, *words: str):
        """The reason, after lines of progress if any."""
        lines = [line for line in err.strip().splitlines() if not line.startswith("vlab: ")]
        self.assertEqual(len(lines), 1, err)
        for word in words:
            self.assertIn(word, err)

    def wait_for(self, path: pathlib.Path):
        deadline = time.monotonic() + 20
        while not path.exists():
            self.assertLess(time.monotonic(), deadline, f"{path} never came")
            time.sleep(0.02)

    def assert_no_child_left(self):
        """Nothing that runs still has this test's folder on its command line or as its program."""
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
                here = os.path.realpath(entry / "cwd").startswith(str(self.folder))
                self.assertFalse(here or str(self.folder) in command, command)


class CommandLine(Tree):
    def test_help_is_complete(self):
        out, _ = self.lab("help")
        for command in ("fuzz", "test", "repro", "asm", "disasm", "coverage", "kernel test", "bench"):
            self.assertIn(f"\n  {command} ", out)
        self.assertEqual(self.lab()[0], out)

    def test_each_command_has_help(self):
        for command in ("fuzz", "test", "repro", "asm", "disasm", "coverage", "kernel", "kernel test",
                        "kernel replay", "kernel build", "kernel bench"):
            out, _ = self.lab(*command.split(), "--help")
            self.assertIn(f"usage: ./lab {command}", out)
            self.assertIn("exit status:", out)

    def test_mistakes_are_one_line(self):
        for argv, words in (
            (["fuz"], ["no command 'fuz'", "fuzz"]),
            (["fuzz", "confg"], ["no target 'confg'", "did you mean 'config'", "vring"]),
            (["fuzz", "--tim", "3"], ["--tim", "--help"]),
            (["fuzz", "--time", "soon"], ["soon"]),
            (["fuzz", "--time", "-1"], ["--time"]),
            (["fuzz", "--jobs", "0"], ["0"]),
            (["test", "--only", "gc"], ["no step 'gc'", "gcc"]),
            (["kernel", "tset"], ["no command 'kernel tset'", "did you mean 'test'"]),
            (["kernel", "test", "--only", "pic"], ["no part 'pic'", "did you mean 'pci'"]),
            (["repro", "config"], ["FILE"]),
            (["repro", "nothing", "x"], ["no target 'nothing'"]),
            (["asm", "x"], ["--output"]),
        ):
            with self.subTest(argv=argv):
                _, err = self.lab(*argv, status=2)
                self.assert_one_line(err, *words)

    def test_output_nobody_can_write(self):
        with open("/dev/full", "w") as full:
            child = subprocess.run([self.tree / "lab", "help"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(child.returncode, 3)
        self.assert_one_line(child.stderr, "disk is full")


class Inputs(Tree):
    def test_unreadable_inputs(self):
        for argv in (["repro", "config", "absent"], ["repro", "config", "corpus"], ["disasm", "absent"],
                     ["asm", "absent", "-o", "out"]):
            with self.subTest(argv=argv):
                _, err = self.lab(*argv, status=2)
                self.assert_one_line(err, "cannot read")

    def test_the_verdict_is_the_exit_status(self):
        program = self.put("a.vlab", "")
        for verdict, status in (("0", 0), ("1", 1), ("2", 2), ("99", 1), ("134", 1)):
            out, _ = self.lab("repro", "config", program, "--explain", status=status, FAKE_VERDICT=verdict)
            self.assertIn(f"replayed --explain {program}", out)

    def test_options_before_and_after_the_file(self):
        program = self.put("a.vlab", "")
        for argv in (["--digest", "config", program], ["config", program, "--digest"]):
            self.assertIn("replayed --digest", self.lab("repro", *argv)[0])

    def test_assemble_and_disassemble(self):
        program = self.put("a.vlab", "driver  get\n")
        self.lab("asm", program, "-o", self.tree / "a.bin")
        self.assertEqual((self.tree / "a.bin").read_bytes(), program.read_bytes())
        self.assertIn("disassembled", self.lab("disasm", self.tree / "a.bin")[0])


class Fuzzing(Tree):
    def test_nothing_found(self):
        out, _ = self.lab("fuzz", "--time", "1")
        self.assertIn("no findings", out)
        self.assertIn("report: build/fuzz-report/index.html", out)
        for name in ("config", "vring"):
            self.assertTrue((self.tree / "build/fuzz-corpus" / name / "found").is_file())
        self.assert_no_child_left()

    def test_the_report_needs_nothing_else(self):
        output, corpus = self.folder / "report", self.folder / "kept"
        self.lab("fuzz", "config", "--time", "1", "--output", output, "--corpus", corpus)
        page = (output / "index.html").read_text()
        self.assertIn("<svg", page)
        self.assertIn("core/ring.c", page)
        for outside in ("http://", "https://", "src=", "<link"):
            self.assertNotIn(outside, page)
        self.assertTrue((corpus / "config/found").is_file())

    def test_findings(self):
        out, _ = self.lab("fuzz", "config", "--time", "1.5", status=1, FAKE_FUZZ="finds")
        self.assertIn("1 finding\n", out)
        self.assertIn("oracle double-fetch: used[0].len was read twice", out)
        saved, = (self.tree / "build/fuzz-report/findings").glob("*.bin")
        self.assertIn(f"./lab repro config {saved.relative_to(self.tree)}", out)
        self.assertIn("disassembled", saved.with_suffix(".vlab").read_text())
        page = (self.tree / "build/fuzz-report/index.html").read_text()
        self.assertIn("disassembled", page)
        self.assertIn("double-fetch", page)

    def test_a_target_that_cannot_run(self):
        _, err = self.lab("fuzz", "config", "--time", "5", status=3, FAKE_FUZZ="dies")
        self.assertIn("fuzz_config keeps ending with status 1", err)
        self.assertIn("a library is missing", err)

    def test_ctrl_c_ends_with_the_report(self):
        child = self.start("fuzz", "--time", "60")
        self.wait_for(self.tree / "build/fuzz-corpus/config/found")
        child.send_signal(signal.SIGINT)
        out, _ = self.finish(child, 130)
        self.assertIn("interrupted after", out)
        self.assertTrue((self.tree / "build/fuzz-report/index.html").is_file())
        self.assert_no_child_left()

    def test_no_child_outlives_a_killed_lab(self):
        child = self.start("fuzz", "--time", "60")
        self.wait_for(self.tree / "build/fuzz-corpus/config/found")
        child.kill()
        child.wait()
        time.sleep(0.5)
        self.assert_no_child_left()

    def test_the_live_view(self):
        main, terminal = pty.openpty()
        child = subprocess.Popen(
            [self.tree / "lab", "fuzz", "--time", "1"], stdin=terminal, stdout=terminal, stderr=terminal,
            env=self.environment(TERM="xterm", COLUMNS="110"), cwd=self.tree,
        )
        os.close(terminal)
        screen = b""
        with contextlib.suppress(OSError):  # the end of a terminal is an error
            while piece := os.read(main, 4096):
                screen += piece
        os.close(main)
        self.assertEqual(child.wait(), 0, screen)
        for word in (b"2 targets", b"vring", b"edges 12", b"corpus 3", b"left", b"####"):
            self.assertIn(word, screen)


class Building(Tree):
    def test_a_failure_shows_its_reason(self):
        _, err = self.lab("fuzz", status=3, FAKE_BUILD="fails")
        self.assertIn("build/log/fuzz-training.log", err)
        self.assertIn("no such thing", err)

    def test_the_corpus_makes_a_profile(self):
        self.lab("fuzz", "--time", "1")
        profile = self.tree / "build/fuzz-training/targets.profdata"
        self.assertEqual(profile.read_text(), ":ir\nrounds config\nrounds vring\n")
        self.assertIn(str(profile), (self.tree / "build/fuzz/.lab-setup").read_text())

    def test_a_target_that_fails_in_training_is_fuzzed_all_the_same(self):
        _, err = self.lab("fuzz", "--time", "1", FAKE_TRAINING="dies")
        self.assertIn("fuzz_config does not run its corpus", err)
        self.assertIn("fuzz_vring does not run its corpus", err)
        profile = self.tree / "build/fuzz-training/targets.profdata"
        self.assertEqual(profile.read_text(), ":ir\n")

    def test_a_folder_cut_short_is_made_again(self):
        self.put("build/plain/meson-private/half", "")
        self.lab("disasm", "corpus/config/first.vlab")
        self.assertFalse((self.tree / "build/plain/meson-private").exists())

    def test_ctrl_c(self):
        child = self.start("fuzz", FAKE_BUILD="slow")
        self.wait_for(self.fakes / "ninja.started")
        child.send_signal(signal.SIGINT)
        _, err = self.finish(child, 130)
        self.assert_one_line(err, "interrupted")
        self.assert_no_child_left()

    def test_ctrl_c_at_the_first_moment(self):
        for delay in (0.005, 0.01, 0.02, 0.04, 0.08):
            child = self.start("fuzz", FAKE_BUILD="slow")
            time.sleep(delay)
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=20)
            self.assertIn(child.returncode, (130, -signal.SIGINT), err)
            self.assertNotIn("Traceback", err)

    def test_a_second_lab_waits_for_a_build(self):
        first = self.start("disasm", "corpus/config/first.vlab", FAKE_BUILD="slow")
        self.wait_for(self.fakes / "ninja.started")
        second = self.start("disasm", "corpus/config/first.vlab")
        self.assertIn(f"process {first.pid}", second.stderr.readline())
        first.send_signal(signal.SIGINT)
        self.finish(first, 130)
        self.finish(second, 0)

    def test_a_second_fuzzing_is_refused(self):
        first = self.start("fuzz", "--time", "60")
        self.wait_for(self.tree / "build/fuzz-corpus/config/found")
        _, err = self.lab("fuzz", status=3)
        self.assert_one_line(err, "another", f"kill {first.pid}")
        first.send_signal(signal.SIGINT)
        self.finish(first, 130)


class Packages(Tree):
    def miss(self, *packages: str):
        (self.fakes / "missing").write_text("".join(f"{package}\n" for package in packages))

    def test_installs_and_says_what(self):
        self.miss("clang-14", "meson")
        _, err = self.lab("fuzz", "--time", "1", before=self.as_root())
        self.assertIn("installing 2 Debian packages: meson clang-14", err)
        self.assertIn("install -y", (self.fakes / "apt.calls").read_text())

    def test_no_install(self):
        self.miss("clang-14")
        _, err = self.lab("fuzz", "--no-install", status=3)
        self.assert_one_line(err, "apt-get install clang-14")
        self.assertFalse((self.fakes / "apt.calls").exists())

    def test_no_network(self):
        self.miss("clang-14")
        _, err = self.lab("fuzz", status=3, before=self.as_root(), FAKE_APT="offline")
        self.assertIn("no network?", err)
        self.assertIn("Could not resolve", err)

    def test_no_root(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        self.miss("clang-14")
        for path in (self.tree, *self.tree.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        (self.fakes / "sudo").write_text("#!/bin/sh\nexit 1\n")
        (self.fakes / "sudo").chmod(0o755)
        nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        _, err = self.lab("fuzz", status=3, before=nobody)
        self.assert_one_line(err, "only root", "apt-get install clang-14")

    def test_ctrl_c(self):
        self.miss("clang-14")
        child = self.start("fuzz", before=self.as_root(), FAKE_APT="slow")
        self.wait_for(self.fakes / "apt.started")
        child.send_signal(signal.SIGINT)
        _, err = self.finish(child, 130)
        self.assert_one_line(err, "interrupted")

    def test_no_python(self):
        script = (self.tree / "lab").read_text()
        (self.tree / "lab").write_text(script.replace("/usr/bin/python3", str(self.folder / "absent")))
        for argv in (["help"], ["fuzz", "--no-install"]):
            _, err = self.lab(*argv, status=3)
            self.assert_one_line(err, "apt-get install python3")

    def as_root(self) -> tuple:
        if os.geteuid() != 0:
            self.skipTest("only root installs")
        return ()


class FullDisk(Tree):
    @contextlib.contextmanager
    def tiny_build_folder(self, size: str):
        if os.geteuid() != 0:
            self.skipTest("only root can mount a tiny disk")
        folder = self.tree / "build"
        folder.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest(f"cannot mount a tiny disk: {mounted.stderr.decode().strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)

    def test_from_the_start(self):
        with self.tiny_build_folder("64k"):
            _, err = self.lab("fuzz", "--time", "1", status=3)
            self.assert_one_line(err, "the disk is full", "free")

    def test_while_building(self):
        _, err = self.lab("fuzz", status=3, FAKE_BUILD="full")
        self.assertIn("the disk is full", err)

    def test_while_fuzzing(self):
        with self.tiny_build_folder("80m") as folder:
            child = self.start("fuzz", "--time", "60")
            self.wait_for(folder / "fuzz-corpus/config/found")
            with contextlib.suppress(OSError), (folder / "ballast").open("wb") as ballast:
                while ballast.write(b"x" * (1 << 20)):
                    ballast.flush()
            _, err = self.finish(child, 3)
            self.assert_one_line(err, "the disk is full")
            self.assert_no_child_left()

    def test_of_the_replay_log(self):
        with self.tiny_build_folder("64k") as folder:
            with contextlib.suppress(OSError):
                (folder / "ballast").write_bytes(b"x" * (1 << 20))
            _, err = self.lab("disasm", "corpus/config/first.vlab", status=3)
            self.assert_one_line(err, "the disk is full")


class Parsing(unittest.TestCase):
    def test_status_lines_in_pieces(self):
        output = libfuzzer.Output()
        text = (b"#16\tINITED cov: 6 ft: 34 corp: 12/371b exec/s: 0 rss: 31Mb\n"
                b"#2097152\tpulse  cov: 9 ft: 40 corp: 14/371b lim: 4096 exec/s: 1048576 rss: 259Mb\n")
        for at in range(len(text)):
            output.feed(text[at:at + 1])
        self.assertTrue(output.loaded)
        self.assertFalse(output.finished)
        self.assertEqual((output.runs, output.edges, output.edges_loaded, output.corpus, output.speed),
                         (2097152, 9, 6, 14, 1048576))
        output.feed(b"stat::number_of_executed_units: 2908051\n")
        self.assertEqual((output.runs, output.finished), (2908051, True))

    def test_a_finding_whose_file_was_lost(self):
        output = libfuzzer.Output()
        output.feed(b"Test unit written to /nonexistent/crash-1\nBase64: YmFk\n")
        self.assertEqual(output.artifact(), b"bad")

    def test_labels_tell_findings_apart(self):
        ours = f"    #1 0x55 in vring_get {ROOT}/build/fuzz/../../core/vring.c:12:3\n"
        for output, label in (
            ("vlab: oracle work-budget: too many reads\n" + ours, "oracle work-budget"),
            ("    #0 0x1 in memcpy /usr/src/x.c:1\n" + ours + "SUMMARY: AddressSanitizer: heap-use-after-free a b",
             "heap-use-after-free in vring_get"),
            (f"core/a.c:3:4: runtime error: shift\n{ours}", "undefined behaviour in vring_get"),
            ("SUMMARY: libFuzzer: deadly signal", "crash"),
            ("SUMMARY: libFuzzer: timeout", "timeout"),
            ("", "died"),
        ):
            self.assertEqual(findings.classify(output)[0], label)

    def test_meson_results(self):
        tally = mesontest.Tally()
        for record in (
            {"name": "vlab / a", "result": "OK", "stdout": "1..3\nok 1 - a\nok 2 - b\nok 3 - c # SKIP no tool\n"},
            {"name": "vlab / b", "result": "OK", "stdout": "all is well"},
            {"name": "vlab / c", "result": "FAIL", "stdout": "1..2\nok 1 - a\nnot ok 2 - b\n"},
            {"name": "vlab / d", "result": "SKIP", "stdout": "no cmocka here\n"},
            {"name": "vlab / e", "result": "TIMEOUT"},
        ):
            mesontest.count(record, coverage.build.PLAIN, tally)
        self.assertEqual((tally.passed, tally.failed), (4, 2))
        self.assertEqual(len(tally.skips), 2)
        self.assertIn("-v c", tally.failures[0])


class Exclusions(unittest.TestCase):
    def complaints(self, text: str) -> list[str]:
        file = coverage.FileCoverage("core/a.c", [
            coverage.Line(1, "init", "return -ENOMEM;", 0),
            coverage.Line(2, "init", "go();", 5),
            coverage.Line(3, "stop", "panic();", 0),
        ])
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as stream:
            stream.write(text)
            stream.flush()
            entries, complaints = coverage.read_exclusions(pathlib.Path(stream.name))
        complaints += coverage.apply_exclusions(entries, [file])
        self.left = [line.number for line in file.unexcused]
        return complaints

    def test_by_text_and_by_function(self):
        good = "# why\n\ncore/a.c: init: return -ENOMEM; | no peer\ncore/a.c: stop: * | never called\n"
        self.assertEqual(self.complaints(good), [])
        self.assertEqual(self.left, [])

    def test_bad_entries(self):
        for entry, word in (
            ("core/a.c: init: gone(); | why", "matches no line"),
            ("core/a.c: init: go(); | why", "remove the entry"),
            ("core/a.c:12 | why", "expected"),
            ("core/a.c: init: return -ENOMEM;", "expected"),
        ):
            with self.subTest(entry=entry):
                complaint, = self.complaints(entry)
                self.assertIn(word, complaint)


if __name__ == "__main__":
    unittest.main()
