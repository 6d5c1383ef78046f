# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of ./lab test. Each returns a tally and prints nothing."""

import pathlib
import re
import signal
import tempfile
from collections.abc import Callable

from . import build, coverage, errors, fuzz, kernel_test, live, mesontest, ossfuzz, process, tree
from .build import CLANG, GCC, Variant, sanitized
from .mesontest import Tally
from .steps import Step, silence

STRICT = ("-Dwerror=true",)
SMOKE_SECONDS = 20  # for each target
QUICK_SMOKE_SECONDS = 3
REPLAYED = ("unit", "corpus")  # the suites that every compiler and architecture runs
ALL = (*REPLAYED, "layer", "install")  # "tools" and "bench" are steps of their own
FOREIGN_PATIENCE = 10  # an emulator takes that much longer
CHECKED_PATIENCE = 5
TEST_FILE_SECONDS = 900
ALWAYS = ("full", "quick")


TEST_GCC = Variant("test-gcc", "gcc -O2", GCC, STRICT)
TEST_CLANG = Variant("test-clang", "clang -O2", CLANG, STRICT)
TEST_CLANG_ASAN = Variant("test-clang-asan", "clang, ASan, UBSan", CLANG,
                          (*STRICT, *sanitized("address,undefined")))
TEST_GCC_ASAN = Variant("test-gcc-asan", "gcc, ASan, UBSan", GCC, (*STRICT, *sanitized("address,undefined")))
TEST_MSAN = Variant("test-msan", "clang, MSan", CLANG, (*STRICT, *sanitized("memory")))
TEST_I386 = Variant("test-i386", "i386", {}, (*STRICT, f"--cross-file={tree.ROOT}/tests/cross/i386.ini"))
TEST_S390X = Variant("test-s390x", "s390x", {}, (*STRICT, f"--cross-file={tree.ROOT}/tests/cross/s390x.ini"))

SOURCES = ("include", "core", "fuzz", "repro", "bench", "tests")

EMULATOR = {TEST_S390X.name: ["qemu-s390x", "-L", "/usr/s390x-linux-gnu"]}


def suites(variant: Variant, names: tuple[str, ...], patience: int = 1) -> Callable[[], Tally]:
    """A step that builds the variant and runs the suites with it."""

    def run() -> Tally:
        _build_silently(variant)
        return mesontest.run(variant, names, build.sanitizer_env(), patience)

    return run


def check_coverage() -> Tally:
    _build_silently(build.COVERAGE)
    files, complaints = coverage.check()
    tally = Tally(passed=len(files) - len({line.split(":")[0] for line in complaints}))
    tally.passed = max(tally.passed, 0)
    if complaints:
        tally.fail(f"coverage of the core by the corpus: {len(complaints)} complaints", "\n".join(complaints),
                   "./lab coverage")
    return tally


def check_format() -> Tally:
    """Each C file is as .clang-format has it."""
    names = tree.c_files(*SOURCES)
    status, out, err = process.capture(["clang-format-14", "--dry-run", "-Werror", *names])
    tally = Tally()
    for name in names:
        found = [line for line in err.splitlines() if line.startswith(f"{name}:")]
        tally.check(not found, f"{name} is not as .clang-format has it", "\n".join(found), f"clang-format-14 -i {name}")
    if status != 0 and not tally.failed:
        tally.fail("clang-format-14", out + err, "clang-format-14 --dry-run -Werror FILE...")
    return tally


def compare_digests() -> Tally:
    """The trace of a program is the same on every architecture."""
    tally = Tally()
    for variant in (TEST_GCC, TEST_I386, TEST_S390X):
        _build_silently(variant)
    for target in tree.targets():
        expected = _digests(TEST_GCC, target)
        for variant in (TEST_I386, TEST_S390X):
            different = _differences(expected, _digests(variant, target))
            tally.check(bool(expected) and not different, f"digests of {target} on {variant.about}",
                        "\n".join(different) or f"no program in corpus/{target}",
                        "./lab test --only digests")
    return tally


def smoke(seconds_each: float) -> Callable[[], Tally]:
    """A step that fuzzes every target for a while, from the committed corpus alone."""

    def run() -> Tally:
        _build_silently(build.FUZZ)
        targets = tree.targets()
        jobs = fuzz.default_jobs()
        with tempfile.TemporaryDirectory(prefix="vlab-smoke-") as folder:
            work = pathlib.Path(folder)
            plan = fuzz.Plan(targets, seconds_each * len(targets) / jobs, jobs, work / "corpus", work / "run")
            with silence():
                campaign = fuzz.execute(plan, tree.BUILD / "fuzz-report" / "findings")
        if campaign.interrupted:
            raise errors.Interrupted(signal.SIGINT)
        tally = Tally(passed=len(targets) - len({finding.target for finding in campaign.findings}))
        for finding in campaign.findings:
            told = f"{finding.excerpt}\nthe program, for base64 -d: {finding.encoded}"
            tally.fail(f"{finding.target}: {finding.label}", told, finding.replay)
        idle = [target.name for target in campaign.targets if not target.runs]
        for name in idle:
            tally.fail(f"{name}: no run in {live.clock(seconds_each)}", "", f"./lab fuzz {name}")
        return tally

    return run


def test_files() -> Tally:
    """tests/test_*.py, the tests of the tools: unittest, of the standard library."""
    _build_silently(TEST_GCC)
    env = {"VLABASM": str(TEST_GCC.program("vlabasm"))}
    tally = Tally()
    for path in sorted((tree.ROOT / "tests").glob("test_*.py")):
        status, _, err = process.capture(["/usr/bin/python3", "-B", path, "-v"], env=env, timeout=TEST_FILE_SECONDS)
        _count_unittest(path, status, err, tally)
    return tally


def bench_limits() -> Tally:
    tally = Tally()
    status, out, err = process.capture([tree.ROOT / "lab", "bench", "ring", "--check"])
    tally.check(status == 0, "instruction limits of the ring", out + err, "./lab bench ring --check")
    return tally


STEPS = [
    Step("gcc", "gcc -O2: all suites", suites(TEST_GCC, ALL), ALWAYS),
    Step("clang-asan", "clang, ASan, UBSan", suites(TEST_CLANG_ASAN, REPLAYED, CHECKED_PATIENCE), ALWAYS),
    Step("clang", "clang -O2", suites(TEST_CLANG, REPLAYED)),
    Step("gcc-asan", "gcc, ASan, UBSan", suites(TEST_GCC_ASAN, REPLAYED, CHECKED_PATIENCE)),
    Step("msan", "clang, MSan", suites(TEST_MSAN, REPLAYED, CHECKED_PATIENCE)),
    Step("i386", "i386", suites(TEST_I386, REPLAYED)),
    Step("s390x", "s390x, big-endian, emulated", suites(TEST_S390X, REPLAYED, FOREIGN_PATIENCE)),
    Step("digests", "digests equal on x86-64, i386, s390x", compare_digests),
    Step("coverage", "coverage of the core by the corpus", check_coverage, ALWAYS),
    *(Step(f"oss-fuzz-{engine.name}", f"OSS-Fuzz script: {engine.about}", ossfuzz.step(engine))
      for engine in ossfuzz.ENGINES),
    Step("format", "C as .clang-format has it", check_format, ALWAYS),
    Step("smoke-quick", f"fuzzing, {QUICK_SMOKE_SECONDS} s a target", smoke(QUICK_SMOKE_SECONDS), ("quick",)),
    Step("smoke", f"fuzzing, {SMOKE_SECONDS} s a target", smoke(SMOKE_SECONDS)),
    Step("tools", "the lab and the other tools", test_files),
    Step("bench", "instruction limits", bench_limits),
    *map(kernel_test.as_step, kernel_test.PARTS),
]


def _build_silently(variant: Variant) -> None:
    with silence():
        build.build(variant)


def _digests(variant: Variant, target: str) -> list[str]:
    folder = tree.CORPUS / target
    programs = [str(path) for path in sorted(folder.glob("*.vlab"))]
    argv = [*EMULATOR.get(variant.name, []), str(variant.program(f"repro_{target}")), "--digest", *programs]
    status, out, err = process.capture(argv)
    return out.splitlines() if status == 0 else [f"{variant.about}: exit status {status}", *err.splitlines()[-5:]]


def _differences(expected: list[str], got: list[str]) -> list[str]:
    if len(expected) != len(got):
        return [f"{len(expected)} lines expected, {len(got)} came", *got[-5:]]
    return [f"{mine}   here: {theirs}" for mine, theirs in zip(expected, got) if mine != theirs]


def _count_unittest(path: pathlib.Path, status: int, output: str, tally: Tally) -> None:
    name = path.name
    ran = re.search(r"^Ran (\d+) tests?", output, re.MULTILINE)
    cases = int(ran[1]) if ran else 0
    skips = re.findall(r"^(\w+) .*\.\.\. skipped ['\"](.*)['\"]$", output, re.MULTILINE)
    bad = re.findall(r"^(?:FAIL|ERROR): (\w+) \(([\w.]+)\)", output, re.MULTILINE)
    tally.skips += [f"{name} {case}: {reason}" for case, reason in skips]
    tally.passed += max(0, cases - len(bad) - len(skips))
    for case, place in bad:
        block = output.partition(f": {case} (")[2].partition("\n======")[0]
        test = ".".join([*place.split(".")[1:2], case])
        tally.fail(f"{name} {case}", block, f"/usr/bin/python3 tests/{name} {test}")
    if status != 0 and not bad:
        tally.fail(name, output, f"/usr/bin/python3 tests/{name}")
