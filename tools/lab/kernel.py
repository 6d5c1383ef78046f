# SPDX-License-Identifier: GPL-2.0-or-later
"""./lab kernel COMMAND: the core as a kernel module. Each command is a module kernel_<command>.py.

Such a module has USAGE, HELP, DESCRIPTION, EPILOG, add_arguments() and run(),
as the commands of ./lab have.
"""

from . import errors, kernel_bench, kernel_build, kernel_replay, kernel_test, tree

HELP = "build and test the kernel module"
COMMANDS = {
    "test": kernel_test,
    "replay": kernel_replay,
    "build": kernel_build,
    "bench": kernel_bench,
}
OVERVIEW = """\
usage: ./lab kernel COMMAND [ARGUMENT...]

The core as a module of the Linux kernel: vlab.ko.

{commands}

./lab kernel COMMAND --help tells all about one command.
What is built is kept in build/kernel/; the guests' logs are in build/log/.

exit status: that of the command
"""


def rows() -> list[tuple[str, str]]:
    """The commands, as ./lab help shows them."""
    return [(f"kernel {name} {command.USAGE}", command.HELP) for name, command in COMMANDS.items()]


def pick(argv: list[str]) -> tuple[str, list[str]]:
    """The command that the words name, and the words that are left for it."""
    name, *rest = argv
    if name not in COMMANDS:
        known = [*COMMANDS, "help"]
        raise errors.UsageError(f"no command 'kernel {name}'{tree.suggest(name, known)}; see './lab kernel --help'")
    return name, rest


def overview() -> str:
    return OVERVIEW.format(commands="\n".join(f"  {usage:<46} {text}" for usage, text in rows()))
