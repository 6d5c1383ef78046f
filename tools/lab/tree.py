# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are in the source tree, and which targets it has."""

import difflib
import os
import pathlib

from .errors import LabError, UsageError

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
LOGS = BUILD / "log"
CORPUS = ROOT / "corpus"


def targets() -> list[str]:
    """A target is a file fuzz/fuzz_<name>.c; nothing else lists them."""
    names = sorted(path.stem.removeprefix("fuzz_") for path in (ROOT / "fuzz").glob("fuzz_*.c"))
    if not names:
        raise LabError("no fuzz/fuzz_*.c in this tree: is the checkout complete?")
    return names


def c_files(*folders: str) -> list[str]:
    """C sources and headers, relative to the tree, folder by folder."""
    return [str(path.relative_to(ROOT)) for folder in folders for path in sorted((ROOT / folder).rglob("*.[ch]"))]


def pick_targets(wanted: list[str]) -> list[str]:
    """The targets that the command line names: all of them when it names none."""
    known = targets()
    for name in wanted:
        if name not in known:
            raise UsageError(f"no target '{name}'{suggest(name, known)}; there are: {', '.join(known)}")
    return list(dict.fromkeys(wanted)) or known


def suggest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def dictionary(target: str) -> pathlib.Path | None:
    for name in (target, "vlab"):
        path = ROOT / "fuzz" / f"{name}.dict"
        if path.is_file():
            return path
    return None


def shown(path: pathlib.Path) -> str:
    """A path as a person would type it from where they are."""
    path = pathlib.Path(path).absolute()
    here = pathlib.Path.cwd()
    return os.path.relpath(path, here) if path.is_relative_to(here) else str(path)
