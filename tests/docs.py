#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The documents say what is true: oracles, links, commands.

usage: docs.py ROOT

- docs/oracles.md has a row for each oracle of fuzz/oracle.c, and no other row;
  its last column is the files that fire it;
- docs/known-bugs.md explains each bug that a program of the corpus shows, and
  names programs that exist;
- a link to a file is relative and leads to one, inside the tree; a file that is
  named by its path exists;
- each `./lab COMMAND --option` that is named exists, by ./lab's own help.
"""

import pathlib
import re
import subprocess
import sys

PAGES = ("*.md", "docs/*.md")

LINK = re.compile(r"\]\(\s*<?([^)\s>]+)|\bsrc=\"([^\"]+)\"")
# A file in a code span by its whole path; `build/...` is made, <...> and * stand for others.
NAMED_FILE = re.compile(r"`((?:bench|core|corpus|docs|fuzz|include|repro|tests|tools)/[\w./-]+\.\w+)`")
ELSEWHERE = re.compile(r"(https?|mailto):|#")
# Up to the end of the code that names it: a backtick, a comment, the line.
COMMAND = re.compile(r"\./lab +([a-z]+)\b([^`#\n]*)")
OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")


def pages(root: pathlib.Path) -> dict[str, str]:
    paths = sorted(path for pattern in PAGES for path in root.glob(pattern))
    return {str(path.relative_to(root)): path.read_text() for path in paths}


def check_oracles(root: pathlib.Path) -> list[str]:
    defined = dict(re.findall(r"\[(ORACLE_\w+)\] = \{\s*\"([\w-]+)\"", (root / "fuzz" / "oracle.c").read_text()))
    page = (root / "docs" / "oracles.md").read_text()
    rows = dict(re.findall(r"^\| `([\w-]+)` \|.*\|([^|]*)\|$", page, re.MULTILINE))
    bad = [] if defined else ["fuzz/oracle.c: no oracle found"]
    bad += [f"docs/oracles.md: {name} is not in fuzz/oracle.c" for name in rows if name not in defined.values()]
    for symbol, name in defined.items():
        standing = files_with(root, symbol)
        if name not in rows:
            bad.append(f"docs/oracles.md: no row for {name}")
        elif re.findall(r"`([^`]+)`", rows[name]) != standing:
            bad.append(f"docs/oracles.md: {name} stands in {', '.join(standing)}")
    return bad


def files_with(root: pathlib.Path, symbol: str) -> list[str]:
    word = re.compile(rf"\b{symbol}\b")
    return [f"fuzz/{path.name}" for path in sorted((root / "fuzz").glob("*.c"))
            if path.name != "oracle.c" and word.search(path.read_text())]


def check_links(root: pathlib.Path, texts: dict[str, str]) -> list[str]:
    bad = []
    for page, text in texts.items():
        for found in LINK.finditer(text):
            link = found[1] or found[2]
            if ELSEWHERE.match(link):
                continue
            path = (root / page).parent / link.partition("#")[0]
            if link.startswith("/") or not path.resolve().is_relative_to(root):
                bad.append(f"{page}: {link} leads out of the tree")
            elif not path.exists():
                bad.append(f"{page}: {link} does not exist")
        bad += [f"{page}: {name} does not exist" for name in NAMED_FILE.findall(text) if not (root / name).exists()]
    return bad


def check_known_bugs(root: pathlib.Path) -> list[str]:
    """Each id that a program shows is explained, and each program that is named exists."""
    page = (root / "docs" / "known-bugs.md").read_text()
    explained = set(re.findall(r"^\| ([A-Z]+\d+) \|", page, re.M))
    bad = [f"docs/known-bugs.md: no program {name}" for name in re.findall(r"`((?:%s)/[\w-]+)`" % "|".join(
        sorted(folder.name for folder in (root / "corpus").iterdir() if folder.is_dir())), page)
        if not (root / "corpus" / f"{name}.vlab").is_file()]
    for program in sorted((root / "corpus").glob("*/*.vlab")):
        for line in re.findall(r"^# shows:(.*)", program.read_text(), re.M):
            bad += [f"{program.relative_to(root)}: docs/known-bugs.md does not explain {name}"
                    for name in re.findall(r"\b(?!S\d)[A-Z]+\d+\b", line) if name not in explained]
    return bad


def check_commands(root: pathlib.Path, texts: dict[str, str]) -> list[str]:
    overview = help_of(root)
    known = re.findall(r"^  ([a-z]+)\b", overview, re.MULTILINE)
    options: dict[str, list[str]] = {}
    bad = [] if known else ["./lab help names no command"]
    for page, text in texts.items():
        for name, rest in COMMAND.findall(text):
            if name not in known:
                bad.append(f"{page}: there is no ./lab {name}")
                continue
            named = OPTION.findall(rest)
            if name == "kernel" and named:
                name = " ".join([name, *rest.split()[:1]])  # its commands have options, it has none
            if named and name not in options:
                options[name] = OPTION.findall(help_of(root, *name.split()).replace(",", " "))
            bad += [f"{page}: ./lab {name} has no {option}" for option in named if option not in options[name]]
    return bad


def help_of(root: pathlib.Path, *name: str) -> str:
    result = subprocess.run([root / "lab", "help", *name], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"./lab help {' '.join(name)}: {result.stderr}")
    return result.stdout


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1]).resolve()
    texts = pages(root)
    bad = check_oracles(root) + check_known_bugs(root) + check_links(root, texts) + check_commands(root, texts)
    for line in bad:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
