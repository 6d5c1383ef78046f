#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Retake the pictures of README.md: docs/fuzz.svg and docs/report.png.

usage: tools/pictures.py

Runs `./lab fuzz` in a terminal, in a fresh copy of the tree, takes the first
picture two thirds of the way and the report's when it is done. Needs tmux,
chromium and python3-rich.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import rich.console
import rich.terminal_theme
import rich.text

ROOT = pathlib.Path(__file__).resolve().parents[1]
COLUMNS, LINES = 104, 12
REPORT_SIZE = "1000,1640"
MOST_REPORT_BYTES = 200_000
PATIENCE = 600  # seconds, builds included

# The fonts of the reader's machine: a picture fetches nothing.
SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<!-- SPDX-License-Identifier: GPL-2.0-or-later -->
<!-- ./lab fuzz, as it ran; taken by tools/pictures.py -->
<style>
.{unique_id}-title {{ font: bold 18px sans-serif; }}
.{unique_id}-matrix {{ font: {char_height}px Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Terminal:
    """A tmux server of our own, with one window."""

    def __init__(self, folder: pathlib.Path, start: pathlib.Path):
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", os.devnull]
        self._run("new-session", "-d", "-s", "0", "-x", str(COLUMNS), "-y", str(LINES), "-c", str(start),
                  "env", "PS1=$ ", "LC_ALL=C.UTF-8", "sh")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._run("kill-server")

    def type(self, line: str) -> None:
        self._run("send-keys", line, "Enter")

    def text(self, *options: str) -> str:
        return self._run("capture-pane", "-p", *options)

    def wait(self, pattern: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text()):
            if time.monotonic() > deadline:
                sys.exit(f"nothing like '{pattern}' in {PATIENCE} s:\n{self.text()}")
            time.sleep(0.2)

    def _run(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], check=True, capture_output=True, text=True).stdout


def write_svg(captured: str, path: pathlib.Path) -> None:
    console = rich.console.Console(record=True, width=COLUMNS, file=open(os.devnull, "w", encoding="utf-8"))
    console.print(rich.text.Text.from_ansi(captured.rstrip()), no_wrap=True, crop=False)
    svg = console.export_svg(title="./lab fuzz", theme=rich.terminal_theme.MONOKAI, code_format=SVG,
                             unique_id="fuzz")
    path.write_text("".join(line.rstrip() + "\n" for line in svg.splitlines()))


def write_png(page: pathlib.Path, path: pathlib.Path, folder: pathlib.Path) -> None:
    shot = folder / "report.png"
    subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                    f"--user-data-dir={folder}/chromium", f"--window-size={REPORT_SIZE}",
                    f"--screenshot={shot}", page.as_uri()], check=True, capture_output=True)
    if shot.stat().st_size > MOST_REPORT_BYTES:
        sys.exit(f"{path.name} would have {shot.stat().st_size} bytes, at most {MOST_REPORT_BYTES} are wanted")
    shutil.copyfile(shot, path)


def main() -> int:
    if len(sys.argv) != 1:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="vlab-pictures-") as name:
        folder = pathlib.Path(name)
        tree = folder / "vlab"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("build", ".git"))
        with Terminal(folder, tree) as terminal:
            terminal.type("./lab fuzz")
            terminal.wait(r"0:4\d of 1:00")
            write_svg(terminal.text("-e"), ROOT / "docs" / "fuzz.svg")
            terminal.wait(r"(?m)^report: ")
        write_png(tree / "build" / "fuzz-report" / "index.html", ROOT / "docs" / "report.png", folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
