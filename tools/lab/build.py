# SPDX-License-Identifier: GPL-2.0-or-later
"""Build folders: one per variant of compiler, sanitizer and options."""

import contextlib
import dataclasses
import json
import pathlib
import shutil
import time

from . import errors, files, locks, process, tree

CLANG = {"CC": "clang-14", "CXX": "clang++-14"}
GCC = {"CC": "gcc", "CXX": "g++"}
STAMP = ".lab-setup"


@dataclasses.dataclass(frozen=True)
class Variant:
    """build/<name>: `about` completes the sentence "building ..."."""

    name: str
    about: str
    compiler: dict
    options: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()  # for ninja; without any: everything

    @property
    def folder(self) -> pathlib.Path:
        return tree.BUILD / self.name

    @property
    def log(self) -> pathlib.Path:
        return tree.LOGS / f"{self.name}.log"

    def program(self, name: str) -> pathlib.Path:
        """The path of a built program: fuzz_x, repro_x, vlabasm."""
        folder = "fuzz" if name.startswith("fuzz_") else "repro"
        return self.folder / folder / name


def sanitized(which: str) -> tuple[str, ...]:
    # Clang leaves the sanitizers' symbols to the final link: b_lundef objects.
    return (f"-Db_sanitize={which}", "-Db_lundef=false")


PLAIN = Variant("plain", "the replay programs (gcc)", GCC, ("-Dtests=disabled",))
CHECKED = Variant(
    "checked", "the replay programs (gcc, ASan, UBSan)", GCC,
    ("-Dtests=disabled", *sanitized("address,undefined")),
)
TARGETS = ("-Dtests=disabled", "-Dfuzzing_engine=libfuzzer", *sanitized("address,undefined"))
TRAINING = Variant(
    "fuzz-training", "the fuzz targets, to profile them", CLANG, (*TARGETS, "-Db_pgo=generate"),
    ("target-benchmarks",),
)
PROFILE = TRAINING.folder / "targets.profdata"
FUZZ = Variant("fuzz", "the fuzz targets (clang, ASan, UBSan)", CLANG, (*TARGETS, f"-Dprofile={PROFILE}"))
COVERAGE = Variant(
    "coverage", "the coverage programs (gcc, gcov)", GCC,
    ("-Dtests=disabled", "-Db_coverage=true", "--buildtype=debug"),
)

PROFILER = "llvm-profdata-14"
TRAINING_ROUNDS = "100"  # of each program of the corpus
NO_PROFILE = ":ir\n"  # a profile, as text, of a program that never ran

SYMBOLIZER = pathlib.Path("/usr/bin/llvm-symbolizer-14")


def sanitizer_env(extra: str = "") -> dict:
    """The sanitizers' options: one that only prints would let a finding pass."""
    env = {"ASAN_OPTIONS": extra, "MSAN_OPTIONS": extra,
           "UBSAN_OPTIONS": f"halt_on_error=1:print_stacktrace=1:{extra}"}
    if SYMBOLIZER.is_file():
        env |= {"ASAN_SYMBOLIZER_PATH": str(SYMBOLIZER), "MSAN_SYMBOLIZER_PATH": str(SYMBOLIZER)}
    return env


def build(variant: Variant) -> None:
    """Bring the variant's programs up to date, and say so only when it takes time."""
    with locks.hold(variant.name, wait=True):
        build_locked(variant)


def build_locked(variant: Variant) -> None:
    files.make_folder(tree.LOGS)
    variant.log.unlink(missing_ok=True)
    if _is_up_to_date(variant):
        return
    if variant is FUZZ:
        train()
    with telling(f"building {variant.about}"):
        if not _is_set_up(variant):
            _set_up(variant)
        process.run_logged(_ninja(variant), variant.log, f"building {variant.about}")


def train() -> None:
    """Have the targets run the corpus, and keep for the compiler what they did most."""
    if PROFILE.is_file() and _is_up_to_date(TRAINING):
        return
    PROFILE.unlink(missing_ok=True)
    build(TRAINING)
    with telling("running the corpus for a profile"):
        slow = [target for target in tree.targets() if not _run_for_profile(target)]
        _merge_profiles()
    for target in slow:
        errors.tell(f"vlab: fuzz_{target} does not run its corpus: it is built without a profile, and slower")


def _raw_profile(target: str) -> pathlib.Path:
    return TRAINING.folder / f"{target}.profraw"


def _run_for_profile(target: str) -> bool:
    """False: it ended early, as at a bug that somebody is looking for."""
    _raw_profile(target).unlink(missing_ok=True)
    argv = [TRAINING.folder / "bench" / f"bench_fuzz_{target}", "rounds", tree.CORPUS / target, TRAINING_ROUNDS]
    env = sanitizer_env("detect_leaks=0") | {"LLVM_PROFILE_FILE": str(_raw_profile(target))}
    return process.run_status(argv, TRAINING.log, env) == 0 and _raw_profile(target).is_file()


def _merge_profiles() -> None:
    nothing = TRAINING.folder / "nothing.proftext"
    files.write(nothing, NO_PROFILE)
    merged = PROFILE.with_suffix(".new")
    raw = [path for path in map(_raw_profile, tree.targets()) if path.is_file()]
    process.run_logged([PROFILER, "merge", "-o", merged, nothing, *raw], TRAINING.log, "merging the profiles")
    merged.rename(PROFILE)


@contextlib.contextmanager
def telling(what: str):
    """Announce a step, then how long it took, on one line."""
    started = time.monotonic()
    errors.tell(f"vlab: {what} ...", end="")
    try:
        yield
    except BaseException:
        errors.tell("")
        raise
    errors.tell(f" {time.monotonic() - started:.0f} s")


def _set_up(variant: Variant) -> None:
    # Without a stamp the folder is of another set-up, or of one that was cut short.
    shutil.rmtree(variant.folder, ignore_errors=True)
    process.run_logged(
        _setup_command(variant), variant.log, f"preparing {variant.folder.name}", env=variant.compiler
    )
    files.write(variant.folder / STAMP, _stamp(variant))


def _setup_command(variant: Variant) -> list[str]:
    buildtype = [] if any(o.startswith("--buildtype") for o in variant.options) else ["--buildtype=debugoptimized"]
    return ["meson", "setup", *buildtype, *variant.options, str(variant.folder), str(tree.ROOT)]


def _stamp(variant: Variant) -> str:
    return json.dumps([_setup_command(variant), variant.compiler])


def _is_set_up(variant: Variant) -> bool:
    stamp = variant.folder / STAMP
    return stamp.is_file() and stamp.read_text() == _stamp(variant)


def _ninja(variant: Variant) -> list[str]:
    return ["ninja", "-C", str(variant.folder), *variant.goals]


def _is_up_to_date(variant: Variant) -> bool:
    if not _is_set_up(variant):
        return False
    status, out, _ = process.capture([*_ninja(variant), "-n"])
    return status == 0 and "no work to do" in out
