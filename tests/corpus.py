#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Replay the committed corpus: each program passes, with the digest in corpus/digests.txt.

usage: corpus.py TARGET PROGRAM
       corpus.py --update BUILD

PROGRAM is repro_<target> of some build, run by $MESON_EXE_WRAPPER where it is
of another machine. The digests are the same on every machine and under every
sanitizer. --update writes them anew from the programs in BUILD/repro.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
CORPUS = ROOT / "corpus"
DIGESTS = CORPUS / "digests.txt"
HEADER = "# Digests of the traces: what tests/corpus.py --update BUILD wrote.\n"
BATCH = 200  # programs of one process
SECONDS = 600
SHOWN_LINES = 12

_DIGEST = re.compile(r"^([0-9a-f]{16})  (\S+)$", re.MULTILINE)


def programs(target: str) -> list[str]:
    """The programs of a target, as named in the list of digests."""
    return sorted(f"{target}/{path.name}" for path in (CORPUS / target).glob("*.vlab"))


def committed() -> dict[str, str]:
    """The committed digest of each program."""
    text = DIGESTS.read_text() if DIGESTS.is_file() else ""
    return {name: digest for digest, name in _DIGEST.findall(text)}


def replay(command: list[str], names: list[str]) -> tuple[dict[str, str], str]:
    """Digests of the programs that passed, and what else was said."""
    result = subprocess.run([*command, "--digest", *names], cwd=CORPUS, capture_output=True, text=True, timeout=SECONDS)
    passed = {name: digest for digest, name in _DIGEST.findall(result.stdout)}
    said = _DIGEST.sub("", result.stdout).strip() + result.stderr
    if result.returncode not in (0, 1):
        said += f"\nexit status {result.returncode}"
    return passed, said


def replay_all(command: list[str], names: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """All digests; and for each program that did not pass, why."""
    digests, trouble = {}, {}
    for start in range(0, len(names), BATCH):
        batch = names[start:start + BATCH]
        passed, _ = replay(command, batch)
        # What failed, or never ran because of a crash, is asked alone.
        for name in batch:
            if name not in passed:
                alone, said = replay(command, [name])
                passed |= alone
                if name not in alone:
                    trouble[name] = said
        digests |= passed
    return digests, trouble


def verdict(name: str, digests: dict[str, str], trouble: dict[str, str], expected: dict[str, str]) -> list[str]:
    """What is wrong with a program, one line each; nothing when it is fine."""
    if name in trouble:
        return ["it does not pass:", *trouble[name].strip().splitlines()[:SHOWN_LINES]]
    if name not in expected:
        return [f"{digests[name]} is not in corpus/digests.txt"]
    if digests[name] != expected[name]:
        return [f"the digest is {digests[name]}, committed is {expected[name]}"]
    return []


def check(target: str, command: list[str]) -> int:
    """A TAP report, one case for each program and one for the list itself."""
    names = programs(target)
    expected = {name: digest for name, digest in committed().items() if name.startswith(target + "/")}
    digests, trouble = replay_all(command, names)
    bad = 0
    print(f"1..{len(names) + 1}")
    for number, name in enumerate(names, 1):
        wrong = verdict(name, digests, trouble, expected)
        bad += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for line in wrong:
            print(f"# {line}")
    absent = sorted(set(expected) - set(names))
    print(f"{'not ok' if absent or not names else 'ok'} {len(names) + 1} - the digests of {target} name its programs")
    for name in absent:
        print(f"# {name} is in corpus/digests.txt and is no program")
    if bad:
        print("# if the change of the trace is meant: tests/corpus.py --update BUILD")
    return 1 if bad or absent or not names else 0


def update(build: pathlib.Path) -> int:
    """Write all digests, or nothing when a program does not pass."""
    lines, failed = [], 0
    for path in sorted((build / "repro").glob("repro_*")):
        if not path.is_file():
            continue
        target = path.name.removeprefix("repro_")
        digests, trouble = replay_all([str(path.resolve())], programs(target))
        lines += [f"{digests[name]}  {name}\n" for name in sorted(digests)]
        for name, said in trouble.items():
            failed += 1
            print(f"{name} does not pass:\n{said}", file=sys.stderr)
    if failed or not lines:
        print("corpus/digests.txt is unchanged" if failed else f"no programs in {build}/repro", file=sys.stderr)
        return 1
    with tempfile.NamedTemporaryFile("w", dir=CORPUS, delete=False) as file:
        file.write(HEADER + "".join(lines))
    os.chmod(file.name, 0o644)
    os.replace(file.name, DIGESTS)
    print(f"{len(lines)} digests in corpus/digests.txt")
    return 0


def main(arguments: list[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "--update":
        return update(pathlib.Path(arguments[1]))
    if len(arguments) == 2 and not arguments[0].startswith("-"):
        target, program = arguments
        wrapper = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))
        return check(target, [*wrapper, str(pathlib.Path(program).resolve())])
    print(__doc__.partition("\n\n")[2], file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
