# SPDX-License-Identifier: GPL-2.0-or-later
"""Testing fuzz/oss-fuzz/build.sh as OSS-Fuzz would call it, with each engine."""

import dataclasses
import pathlib
import tempfile
import zipfile
from collections.abc import Callable

from . import build, files, process, tree
from .findings import excerpt
from .mesontest import Tally

RUNS = 2000  # executions that show that a target works
AFL_SECONDS = 5
RUN_TIMEOUT = 120


@dataclasses.dataclass(frozen=True)
class Engine:
    name: str
    about: str
    compiler: dict
    flags: str
    library: str  # LIB_FUZZING_ENGINE


def _libfuzzer(sanitizer: str) -> Engine:
    flags = f"-O1 -g -fno-omit-frame-pointer -fsanitize={sanitizer} -fsanitize=fuzzer-no-link"
    return Engine(sanitizer, f"libFuzzer, {sanitizer}", build.CLANG, flags, "-fsanitize=fuzzer")


ENGINES = (
    _libfuzzer("address"),
    _libfuzzer("undefined"),
    _libfuzzer("memory"),
    Engine("afl", "AFL++", {"CC": "afl-clang-fast", "CXX": "afl-clang-fast++", "AFL_QUIET": "1"}, "-O1 -g",
           "/usr/lib/afl/libAFLDriver.a"),
)

AFL_ENV = {
    "AFL_NO_UI": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_NO_AFFINITY": "1",
    "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
}


def step(engine: Engine) -> Callable[[], Tally]:
    """A step that builds with the script in a folder of its own and runs each target."""

    def run() -> Tally:
        with tempfile.TemporaryDirectory(prefix="vlab-oss-fuzz-") as folder:
            place = pathlib.Path(folder)
            _build(engine, place)
            tally = Tally()
            for target in tree.targets():
                output = _try_target(engine, place, target)
                tally.check(not output, f"fuzz_{target} ({engine.about})", output,
                            f"./lab test --only oss-fuzz-{engine.name}")
            return tally

    return run


def _build(engine: Engine, place: pathlib.Path) -> None:
    log = files.make_folder(tree.LOGS) / f"oss-fuzz-{engine.name}.log"
    log.unlink(missing_ok=True)
    contract = {"SRC": str(tree.ROOT.parent), "LIB_FUZZING_ENGINE": engine.library,
                "CFLAGS": engine.flags, "CXXFLAGS": engine.flags}
    for name in ("OUT", "WORK"):
        contract[name] = str(files.make_folder(place / name.lower()))
    process.run_logged(["bash", tree.ROOT / "fuzz" / "oss-fuzz" / "build.sh"], log,
                       f"the OSS-Fuzz script with {engine.about}", env={**engine.compiler, **contract})


def _try_target(engine: Engine, place: pathlib.Path, target: str) -> str:
    """Run the target from its own seed corpus; the result is what went wrong."""
    out = place / "out"
    program = out / f"fuzz_{target}"
    archive = out / f"fuzz_{target}_seed_corpus.zip"
    missing = [path.name for path in (program, archive) if not path.is_file()]
    dictionary = tree.dictionary(target)
    if dictionary and not (out / f"fuzz_{target}.dict").is_file():
        missing.append(f"fuzz_{target}.dict")
    if missing:
        return f"not in OUT: {', '.join(missing)}"
    seeds = place / "seeds" / target
    with zipfile.ZipFile(archive) as content:
        content.extractall(seeds)
    if engine.name == "afl":
        return _run_afl(program, seeds, place / "afl" / target)
    return _run_libfuzzer(program, seeds)


def _run_libfuzzer(program: pathlib.Path, seeds: pathlib.Path) -> str:
    argv = [program, f"-runs={RUNS + sum(1 for _ in seeds.iterdir())}", f"-artifact_prefix={seeds.parent}/", seeds]
    status, _, err = process.capture(argv, env=build.sanitizer_env(), timeout=RUN_TIMEOUT)
    return "" if status == 0 else excerpt(err)


def _run_afl(program: pathlib.Path, seeds: pathlib.Path, out: pathlib.Path) -> str:
    files.make_folder(out.parent)
    argv = ["afl-fuzz", "-i", seeds, "-o", out, "-V", str(AFL_SECONDS), "--", program]
    status, output, err = process.capture(argv, env=AFL_ENV, timeout=RUN_TIMEOUT)
    stats = out / "default" / "fuzzer_stats"
    if status != 0 or not stats.is_file():
        return output + err
    values = dict(line.split(":", 1) for line in stats.read_text().splitlines() if ":" in line)
    values = {key.strip(): value.strip() for key, value in values.items()}
    if int(values.get("execs_done", 0)) == 0:
        return "afl-fuzz executed nothing"
    saved = int(values.get("saved_crashes", 0)) + int(values.get("saved_hangs", 0))
    return f"afl-fuzz saved {saved} crashes and hangs" if saved else ""
