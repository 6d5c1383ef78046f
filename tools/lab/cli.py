# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: one parser for each command, one place where errors end."""

import argparse
import contextlib
import dataclasses
import os
import sys
import traceback
from collections.abc import Callable

from . import asm, bench, coverage, errors, files, fuzz, kernel, parser, process, repro, signals, test, tree

OVERVIEW = """\
vlab: a virtio core that does not trust the other side, and the lab that proves it

usage: ./lab COMMAND [ARGUMENT...]

{commands}

./lab COMMAND --help tells all about one command.
Targets: {targets}.
Everything that is built or found goes to build/; the logs are in build/log/.
"""

BENCH_HELP = "measure the ring and the targets"


@dataclasses.dataclass(frozen=True)
class Command:
    usage: str
    help: str
    description: str
    epilog: str
    add_arguments: Callable
    run: Callable


COMMANDS = {
    "fuzz": Command("[TARGET...] [--time SECONDS] [--jobs N]", fuzz.HELP, fuzz.DESCRIPTION, fuzz.EPILOG,
                    fuzz.add_arguments, fuzz.run),
    "test": Command("[--quick]", test.HELP, test.DESCRIPTION, test.EPILOG, test.add_arguments, test.run),
    "repro": Command("TARGET FILE... [--explain] [--digest]", repro.HELP, repro.DESCRIPTION, repro.EPILOG,
                     repro.add_arguments, repro.run),
    "asm": Command("IN.vlab -o OUT", asm.ASM_HELP, asm.ASM_DESCRIPTION, asm.EPILOG,
                   asm.add_asm_arguments, asm.run_asm),
    "disasm": Command("IN [-o OUT]", asm.DISASM_HELP, asm.DISASM_DESCRIPTION, asm.EPILOG,
                      asm.add_disasm_arguments, asm.run_disasm),
    "coverage": Command("", coverage.HELP, coverage.DESCRIPTION, coverage.EPILOG,
                        coverage.add_arguments, coverage.run),
}


def main(argv: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    signals.on_last_resort(process.kill_all)
    return _guarded(_dispatch, argv)


def _dispatch(argv: list[str]) -> int:
    name, *rest = argv or ["help"]
    if name in ("help", "-h", "--help"):
        return _help(rest)
    if name == "bench":
        return bench.main(rest)
    if name == "kernel":
        return _kernel(rest)
    if name not in COMMANDS:
        known = [*COMMANDS, "bench", "kernel", "help"]
        raise errors.UsageError(f"no command '{name}'{tree.suggest(name, known)}; see './lab help'")
    return _run(name, COMMANDS[name], rest)


def _run(name: str, command: Command, argv: list[str]) -> int:
    status = command.run(_parser(name, command).parse_intermixed_args(argv))
    signals.check()
    return status


def _parser(name: str, command: Command) -> parser.Parser:
    made = parser.Parser(
        prog=f"./lab {name}", usage=f"./lab {name} {command.usage}".rstrip(), description=command.description,
        epilog=command.epilog, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(made)
    return made


def _help(names: list[str]) -> int:
    if names and names[0] != "help":
        return _dispatch([*names, "--help"])
    rows = [(f"{name} {command.usage}", command.help) for name, command in COMMANDS.items()]
    rows += kernel.rows()
    rows += [("bench [ring|fuzz] [--json] [--check]", BENCH_HELP), ("help [COMMAND]", "this page, or a command's own")]
    commands = "\n".join(f"  {usage:<46} {text}" for usage, text in rows)
    print(OVERVIEW.format(commands=commands, targets=", ".join(tree.targets())), end="")
    return 0


def _kernel(argv: list[str]) -> int:
    if not argv or argv[0] in ("help", "-h", "--help"):
        if argv[1:]:
            return _kernel([*argv[1:], "--help"])
        print(kernel.overview(), end="")
        return 0
    name, rest = kernel.pick(argv)
    command = kernel.COMMANDS[name]
    return _run(f"kernel {name}", Command(command.USAGE, command.HELP, command.DESCRIPTION, command.EPILOG,
                                          command.add_arguments, command.run), rest)


def _guarded(action: Callable, argv: list[str]) -> int:
    """Run the action; whatever goes wrong becomes one line and an exit status."""
    try:
        status = action(argv)
        sys.stdout.flush()
        return status
    except SystemExit as leaving:  # argparse, after --help
        return _flushed(int(leaving.code or 0))
    except errors.LabError as error:
        return _flushed(_complain(error))
    except (errors.Interrupted, KeyboardInterrupt) as interruption:
        code = getattr(interruption, "code", 130)
        return _flushed(_complain(errors.LabError("interrupted; what was finished is kept", code=code)))
    except BrokenPipeError:
        return _flushed(errors.CANNOT_RUN)  # whoever read our output has left
    except OSError as error:
        return _flushed(_complain(errors.from_os_error(error)))
    except Exception:
        return _flushed(_complain(_unforeseen()))
    finally:
        process.stop_all()


def _complain(error: errors.LabError) -> int:
    lines = [f"lab: {error.message}", *(f"    {line}" for line in error.details)]
    # Output that cannot be written must not keep the reason from being told;
    # where that cannot be told either, the exit status must do.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        print("\n".join(lines), file=sys.stderr, flush=True)
    return error.code


def _flushed(status: int) -> int:
    """Python complains at its end about output that it cannot write: let there be none."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if status == 0:
            return _complain(errors.from_os_error(error))
    return status


def _unforeseen() -> errors.LabError:
    """A mistake of the lab itself: keep the traceback for whoever will repair it."""
    log = tree.LOGS / "lab-error.log"
    try:
        files.write(log, traceback.format_exc())
    except OSError:
        return errors.LabError("the lab itself failed, and could not write a log")
    return errors.LabError(f"the lab itself failed: please report it with {tree.shown(log)}")
