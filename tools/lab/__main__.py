# SPDX-License-Identifier: GPL-2.0-or-later
"""Entry point: `python3 tools/lab COMMAND ...`, started by the ./lab script."""

import pathlib
import sys

# Run as a directory, python puts tools/lab itself on the path: there, modules
# such as test.py would hide the standard library's. Name the package instead.
sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)

from lab import signals  # noqa: E402  (the path comes first)

signals.install()

from lab import cli  # noqa: E402  (the handlers come first)

sys.exit(cli.main(sys.argv[1:]))
