#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every row of docs/seed.md and every rule of docs/config-format.md has a test,
and so has every line of the core that tests/coverage-exclusions.txt excuses.

usage: named_tests.py ROOT
"""

import pathlib
import re
import sys

# The defects found in the original text; a row that disappears is noticed.
ERRATA = """
    S1 S2a S2b S2c S3a S3b S4 S5 S6 S7 S8a S8b S8c S9 S10a S10b S10c
    S11a S11b S11c S11d S12a S12b S12c S13a S13b S14 S15a S15b S15c S16a S16b
    S17a S17b S17c S17d S18 S19 S20 S21 S22 S23
    S24a S24b S24c S24d S24e S24f S24g S25
""".split()


def tests_of(root: pathlib.Path) -> set[str]:
    """The tests that run: named in a table of cmocka, and defined."""
    names = set()
    for path in sorted((root / "tests").glob("test_*.c")):
        text = path.read_text()
        listed = set(re.findall(r"\b(?:cmocka_unit_test\w*|TEST)\(\s*(\w+)", text))
        names |= listed & set(re.findall(r"^static void (\w+)\(", text, re.MULTILINE))
    return names


def rows(text: str) -> list[list[str]]:
    """The cells of the tables whose last column is "test"."""
    found, named = [], False
    for line in text.splitlines():
        if not line.startswith("|"):
            named = False
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[-1] == "test":
            named = True
        elif named and not set(line) <= set("|-"):
            found.append(cells)
    return found


def check_seed(root: pathlib.Path, tests: set[str]) -> list[str]:
    bad, seen = [], []
    for cells in rows((root / "docs" / "seed.md").read_text()):
        named = re.findall(r"`(\w+)`", cells[-1])
        if not named:
            bad.append(f"docs/seed.md: {cells[0]}: no test")
        bad += [f"docs/seed.md: {cells[0]}: there is no test {name}" for name in named if name not in tests]
        row = cells[0]
        if not re.fullmatch(r"S\d+[a-z]?", row):
            continue
        seen.append(row)
        if not any(name.startswith(f"{row}_") for name in named):
            bad.append(f"docs/seed.md: {row}: names no test that begins with {row}_")
    bad += [f"docs/seed.md: no row {row}" for row in ERRATA if row not in seen]
    bad += [f"docs/seed.md: unknown or double row {row}" for row in seen if row not in ERRATA or seen.count(row) > 1]
    return bad


def check_rules(root: pathlib.Path, tests: set[str]) -> list[str]:
    text = (root / "docs" / "config-format.md").read_text()
    written = set(re.findall(r"^### Rule (\d+)", text, re.MULTILINE))
    tested = {match[1] for name in tests if (match := re.match(r"rule_(\d+)_", name))}
    bad = [f"docs/config-format.md: rule {number} has no test" for number in sorted(written - tested)]
    bad += [f"tests: rule {number} is not written down" for number in sorted(tested - written)]
    return bad if written else ["docs/config-format.md: no rules"]


def check_exclusions(root: pathlib.Path, tests: set[str]) -> list[str]:
    path = "tests/coverage-exclusions.txt"
    bad = []
    for number, line in enumerate((root / path).read_text().splitlines(), 1):
        if line and not line.startswith("#") and (name := line.rpartition(": ")[2]) not in tests:
            bad.append(f"{path}:{number}: the reason ends with no test: {name}")
    return bad


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    tests = tests_of(root)
    bad = check_seed(root, tests) + check_rules(root, tests) + check_exclusions(root, tests)
    for line in bad:
        print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
