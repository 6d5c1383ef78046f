# SPDX-License-Identifier: GPL-2.0-or-later
"""The parser of every command line."""

import argparse

from . import errors


class Parser(argparse.ArgumentParser):
    """One line for a mistake, not a page of usage."""

    def error(self, message: str):
        raise errors.UsageError(f"{message}; see '{self.prog} --help'")
