# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel's own tools say of the sources of the module: nothing, or the test fails.

gcc and clang with W=1, sparse with C=2, the kernel's coccinelle rules and its
checkpatch.pl. tests/kernel/style-exceptions.txt names what is right all the
same, each with its reason; an entry that matches nothing fails too.
"""

import dataclasses
import fnmatch
import pathlib
import re
import shutil
from collections.abc import Callable

from . import kernel_tree, process, steps, tree
from .errors import LabError
from .mesontest import Tally

AGAIN = "./lab kernel test --only style"
EXCEPTIONS = tree.ROOT / "tests" / "kernel" / "style-exceptions.txt"
# The folders whose C files are compiled into a module; what is in them is checked.
MODULES = ("core/kernel", "tests/kernel/outside", "tests/kernel/planted")
REPLAY = ("CONFIG_VLAB_REPLAY=m",)
COCCI_SECONDS = 120

_COMPLAINT = re.compile(r"^(?P<path>/\S+?):(?P<line>\d+)(?::\d+)?: (?:warning|error|fatal error): (?P<text>.*)$", re.M)
_WHOLE = re.compile(r"^(?:WARNING|ERROR): (?P<text>.*)$|^\S+\.o: warning: (?P<objtool>objtool: .*)$", re.M)
_CHECKPATCH = re.compile(r"^(?P<path>\S+?):(?P<line>\d+): (?P<text>(?:WARNING|ERROR|CHECK):.*)$", re.M)
_COCCI = re.compile(r"^(?P<path>\S+?):(?P<line>\d+)(?::[\d-]+)?: (?P<text>.*)$", re.M)
_OPTIONS = re.compile(r"^// Options:(.*)$", re.M)

# Debian's headers are configured for gcc 12. What that put into the make
# variables, in clang 14's words; each is an option that it does not have.
CLANG = (
    "CC=clang-14", "CONFIG_CC_IS_GCC=", "CONFIG_GCC_VERSION=0", "CONFIG_CC_IS_CLANG=y", "CONFIG_CLANG_VERSION=140006",
    "CONFIG_CC_IMPLICIT_FALLTHROUGH=-Wimplicit-fallthrough",
    "CONFIG_FTRACE_MCOUNT_USE_CC=", "CONFIG_FTRACE_MCOUNT_USE_OBJTOOL=y",  # -mrecord-mcount
    "CONFIG_RETHUNK=",  # -mfunction-return=thunk-extern
    "CONFIG_SLS=",  # -mharden-sls=all
    "CONFIG_CC_HAS_AUTO_VAR_INIT_ZERO_ENABLER=y",
)


@dataclasses.dataclass(frozen=True)
class Finding:
    tool: str
    path: str  # in this tree; "" for what belongs to no file
    line: int
    text: str

    def shown(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.path else self.text


@dataclasses.dataclass
class Excuse:
    """A line of the list: TOOL: FILES: TEXT | REASON."""

    tool: str
    files: str
    pattern: re.Pattern
    used: bool = False

    def covers(self, finding: Finding) -> bool:
        found = (self.tool == finding.tool and fnmatch.fnmatch(finding.path, self.files)
                 and self.pattern.search(finding.text) is not None)
        self.used |= found
        return found


def run() -> Tally:
    tally = Tally()
    exceptions, complaints = read_exceptions(EXCEPTIONS.read_text())
    for tool, check in TOOLS.items():
        with steps.silence():
            try:
                findings = check()
            except LabError as error:
                tally.fail(f"{tool}: {error.message}", "\n".join(error.details), AGAIN)
                continue
        left = [finding for finding in dict.fromkeys(findings)
                if not any([entry.covers(finding) for entry in exceptions])]
        _count(tool, left, tally)
    complaints += [f"{entry.tool}: {entry.files}: {entry.pattern.pattern}: it matches no finding: remove it"
                   for entry in exceptions if not entry.used]
    tally.check(not complaints, tree.shown(EXCEPTIONS), "\n".join(complaints), AGAIN)
    return tally


def read_exceptions(text: str) -> tuple[list[Excuse], list[str]]:
    """The entries of the list, and what is wrong with its lines."""
    entries, complaints = [], []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        head, bar, reason = line.rpartition(" | ")
        parts = head.split(": ", 2)
        if not bar or not reason.strip() or len(parts) != 3 or parts[0] not in TOOLS:
            complaints.append(f"line {number}: expected TOOL: FILES: TEXT | REASON")
            continue
        entries.append(Excuse(parts[0], parts[1], re.compile(parts[2])))
    return entries, complaints


def _count(tool: str, findings: list[Finding], tally: Tally) -> None:
    """Each file is a test of each tool."""
    by_file: dict[str, list[str]] = {}
    for finding in findings:
        by_file.setdefault(finding.path, []).append(finding.shown())
    tally.passed += len([name for name in sources() if name not in by_file])
    for name, shown in by_file.items():
        tally.fail(f"{tool}: {name or 'the module'}", "\n".join(shown), AGAIN)


def sources() -> list[str]:
    """The files that a module is made of, relative to this tree. The laboratory has rules of its own."""
    names = tree.c_files("core", "include/vlab", *MODULES[1:])
    return [name for name in names if not name.startswith(("core/user/", "core/loopback/", "include/vlab/port_user"))]


def _built_with(tool: str, name: str, variables: tuple[str, ...]) -> list[Finding]:
    """Compile every module anew: make tells a warning once."""
    copy = kernel_tree.FOLDER / f"module-{name}"
    shutil.rmtree(copy, ignore_errors=True)
    return _made(tool, name, variables)


def _made(tool: str, name: str, variables: tuple[str, ...]) -> list[Finding]:
    copy = kernel_tree.FOLDER / f"module-{name}"
    headers = kernel_tree.stock_headers()
    findings = []
    for folder in MODULES:
        uses = (copy / MODULES[0] / "Module.symvers",) if folder != MODULES[0] else ()
        _, output = kernel_tree.make_module(name, folder, headers, (*variables, *REPLAY), uses)
        findings += complaints_of(tool, output, copy)
    return findings


def complaints_of(tool: str, output: str, copy: pathlib.Path) -> list[Finding]:
    """What a build's output says of the files of our copy; the kernel's own headers are not ours to mend."""
    findings = []
    for found in _COMPLAINT.finditer(output):
        path = pathlib.Path(found["path"]).resolve()
        if path.is_relative_to(copy.resolve()):
            findings.append(Finding(tool, str(path.relative_to(copy.resolve())), int(found["line"]), found["text"]))
    for found in _WHOLE.finditer(output):
        findings.append(Finding(tool, "", 0, found["text"] or found["objtool"]))
    return findings


def check_gcc() -> list[Finding]:
    return _built_with("gcc", "style-gcc", ("W=1",))


def check_clang() -> list[Finding]:
    return _built_with("clang", "style-clang", ("W=1", *CLANG))


def check_sparse() -> list[Finding]:
    """After check_gcc(), whose copy it uses: C=2 looks at each file whether it is compiled or not."""
    return _made("sparse", "style-gcc", ("C=2", "CHECK=sparse"))


def check_checkpatch() -> list[Finding]:
    script = kernel_tree.source() / "scripts" / "checkpatch.pl"
    _, out, _ = process.capture(["perl", script, "--no-tree", "--no-summary", "--terse", "--show-types", "-f",
                                 *sources()])
    return _findings("checkpatch", _CHECKPATCH, out)


def check_coccinelle() -> list[Finding]:
    """The kernel's rules, as its scripts/coccicheck runs them in the mode "report"."""
    rules = sorted((kernel_tree.source() / "scripts" / "coccinelle").glob("*/*.cocci"))
    # Two of them call programs in OCaml, for which coccinelle's package has no compiler.
    rules = [rule for rule in rules if "script:ocaml" not in rule.read_text()]
    if not rules:
        raise LabError("the kernel's source has no scripts/coccinelle")
    findings = []
    for rule in rules:
        options = _OPTIONS.search(rule.read_text())
        status, out, err = process.capture(
            ["spatch", "-D", "report", "--no-show-diff", "--very-quiet", "--cocci-file", rule,
             *(options[1].split() if options else ()), "-I", "include", "-I", "core",
             *[name for name in sources() if name.endswith(".c")]], timeout=COCCI_SECONDS)
        if status != 0:
            raise LabError(f"spatch failed with {rule.name}", details=err.splitlines()[-5:])
        findings += _findings("coccinelle", _COCCI, out)
    return findings


def _findings(tool: str, pattern: re.Pattern, output: str) -> list[Finding]:
    return [Finding(tool, found["path"].removeprefix("./"), int(found["line"]), found["text"])
            for found in pattern.finditer(output)]


TOOLS: dict[str, Callable[[], list[Finding]]] = {
    "gcc": check_gcc,
    "clang": check_clang,
    "sparse": check_sparse,
    "checkpatch": check_checkpatch,
    "coccinelle": check_coccinelle,
}
