# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs in bulk: collected, grown, packed as fuzz/replay.h has it, and answered by user space."""

import dataclasses
import pathlib
import random
import struct
import subprocess

from . import build, errors, files, process, tree
from .asm import require_file

TEXT = ".vlab"
TRACE = 0x80000000
RESULT = struct.Struct("<IIQ")  # verdict, step, digest
EVENT = struct.Struct("<QQQQ")  # kind, a, b, c
TOLD = struct.Struct("<Q")

RECORD = 8  # bytes of a step
STEPS_MAX = 128
SEED = 2007
GROW_RUNS = 100_000  # of the fuzzer, for each target
NUMBERS = (0, 1, 2, 7, 8, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclasses.dataclass(frozen=True)
class Program:
    """@name: of the file that it is from, or a name that no other grown one has."""

    target: str
    name: str
    data: bytes
    grown: bool = False


def collect(paths: list[pathlib.Path], target: str | None, folder: pathlib.Path) -> list[Program]:
    """The programs in files and folders; the name of a folder is the target, unless one is given."""
    found: list[Program] = []
    for path in paths or [tree.CORPUS]:
        if path.is_dir():
            found += _in_folder(path, target, folder)
        else:
            require_file(path)
            found.append(Program(_target_of(path.absolute().parent, target), tree.shown(path), _bytes_of(path, folder)))
    return found


def _in_folder(path: pathlib.Path, target: str | None, folder: pathlib.Path) -> list[Program]:
    below = [path / name for name in tree.targets() if (path / name).is_dir()]
    if below and target is None:
        return [program for one in below for program in _in_folder(one, None, folder)]
    name = _target_of(path.absolute(), target)
    assembled = _assembled(path, folder)
    found = []
    for one in sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith(".")):
        data = (assembled / one.stem).read_bytes() if one.suffix == TEXT else one.read_bytes()
        found.append(Program(name, tree.shown(one), data))
    if not found:
        raise errors.UsageError(f"there is no program in {tree.shown(path)}")
    return found


def _target_of(place: pathlib.Path, target: str | None) -> str:
    if target or place.name in tree.targets():
        return target or place.name
    raise errors.UsageError(f"{tree.shown(place)} is not named after a target: add --target TARGET")


def _assembled(path: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """A folder with the bytes of all texts in @path."""
    out = folder / f"seeds-{len(list(folder.iterdir()))}"
    if any(path.glob(f"*{TEXT}")):
        _vlabasm("seeds", path, out)
    return out


def _bytes_of(path: pathlib.Path, folder: pathlib.Path) -> bytes:
    if path.suffix != TEXT:
        return path.read_bytes()
    _vlabasm("asm", path, "-o", folder / "one")
    return (folder / "one").read_bytes()


def _vlabasm(*words: str | pathlib.Path) -> None:
    status, _, err = process.capture([build.PLAIN.program("vlabasm"), *words])
    if status:
        raise errors.UsageError(err.strip().splitlines()[0] if err.strip() else f"vlabasm {words[0]} failed")


def generate(count: int, known: list[Program], folder: pathlib.Path) -> list[Program]:
    """Grow programs from the known ones: what the fuzzer keeps of a run, and mutations of it. Always the same."""
    targets = tree.targets()
    grown: list[Program] = []
    for number, target in enumerate(targets):
        share = count // len(targets) + (number < count % len(targets))
        seeds = [program.data for program in known if program.target == target]
        pool = seeds + (_grow(target, seeds, folder) if share else [])
        grown += [Program(target, f"grown-{at}", data, True)
                  for at, data in enumerate(_mutants(pool, share, random.Random(f"{SEED} {target}")))]
    return grown


def _grow(target: str, seeds: list[bytes], folder: pathlib.Path) -> list[bytes]:
    kept, given = folder / f"kept-{target}", folder / f"given-{target}"
    for path in (kept, given):
        files.make_folder(path)
    for at, data in enumerate(seeds):
        (given / str(at)).write_bytes(data)
    log = tree.LOGS / f"replay-grow-{target}.log"
    log.unlink(missing_ok=True)
    argv = [build.FUZZ.program(f"fuzz_{target}"), kept, given, f"-seed={SEED}", f"-runs={GROW_RUNS}", "-entropic=0",
            f"-max_len={STEPS_MAX * RECORD}", f"-artifact_prefix={folder}/"]
    process.run_logged(argv, log, f"growing programs for {target}", env=build.sanitizer_env())
    return [path.read_bytes() for path in sorted(kept.iterdir())]


def _mutants(pool: list[bytes], count: int, dice: random.Random) -> list[bytes]:
    found: dict[bytes, None] = {}
    pool = pool or [b""]
    # What the fuzzer kept comes first; a small pool may give the same mutant twice.
    for data in pool[::-1][:count]:
        found[data] = None
    while len(found) < count:
        found[_mutant(pool, dice)] = None
    return list(found)


def _mutant(pool: list[bytes], dice: random.Random) -> bytes:
    steps = _steps(dice.choice(pool))
    for _ in range(dice.randint(1, 5)):
        at = dice.randrange(len(steps) + 1)
        how = dice.randrange(6)
        if how == 0:
            other = _steps(dice.choice(pool))
            steps[at:] = other[dice.randrange(len(other) + 1):]
        elif how == 1:
            other = _steps(dice.choice(pool))
            start = dice.randrange(len(other) + 1)
            steps[at:at] = other[start:start + dice.randint(1, 4)]
        elif how == 2:
            del steps[at:at + dice.randint(1, 3)]
        elif how == 3:
            steps.insert(at, dice.randbytes(RECORD))
        elif at < len(steps):
            steps[at] = _changed(steps[at], dice)
    return b"".join(steps[:STEPS_MAX])


def _changed(step: bytes, dice: random.Random) -> bytes:
    """Another operand: one byte, or one that is interesting as a number."""
    if dice.random() < 0.5:
        at = dice.randrange(RECORD)
        return step[:at] + bytes([dice.randrange(256)]) + step[at + 1:]
    return step[:4] + struct.pack("<I", dice.choice(NUMBERS))


def _steps(data: bytes) -> list[bytes]:
    whole = min(len(data) // RECORD, STEPS_MAX) * RECORD
    return [data[at:at + RECORD] for at in range(0, whole, RECORD)]


def in_order(programs: list[Program]) -> list[Program]:
    """By target: one program of user space answers for each."""
    return sorted(programs, key=lambda program: program.target)


def batch(programs: list[Program], flags: int = 0) -> bytes:
    numbers = {name: number for number, name in enumerate(tree.targets())}
    return b"".join(struct.pack("<II", numbers[program.target] | flags, len(program.data)) + program.data
                    for program in programs)


def answers(programs: list[Program], folder: pathlib.Path) -> bytes:
    """User space's record of each program, which are in order."""
    found = []
    for target in tree.targets():
        of_target = [program for program in programs if program.target == target]
        found.append(_ask(target, batch(of_target), folder))
        if len(found[-1]) != len(of_target) * RESULT.size:
            raise errors.LabError(f"repro_{target} answered {len(of_target)} programs with {len(found[-1])} bytes")
    return b"".join(found)


def trace(program: Program, folder: pathlib.Path) -> list[tuple[int, ...]]:
    """User space's events of one program."""
    answer = _ask(program.target, batch([program], TRACE), folder)
    return list(EVENT.iter_unpack(answer[RESULT.size + TOLD.size:]))


def _ask(target: str, content: bytes, folder: pathlib.Path) -> bytes:
    question, answer = folder / "batch", folder / "answer"
    question.write_bytes(content)
    with answer.open("wb") as out:
        child = process.start([build.PLAIN.program(f"repro_{target}"), "--batch", question], stdout=out,
                              stderr=subprocess.PIPE)
        status = process.wait(child)
    if status:
        raise errors.LabError(f"repro_{target} --batch failed", details=[child.stderr.read().decode(errors="replace")])
    return answer.read_bytes()


def digest(records: bytes) -> int:
    """One number of many records, as vlab-feed has it (FNV-1a)."""
    value = 0xCBF29CE484222325
    for byte in records:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
