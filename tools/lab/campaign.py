# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzzing for a while: targets take turns on the jobs, in slices of a few seconds.

Turns let four targets advance together on two cores, and each new slice
starts from everything that was found so far. libFuzzer stops at a finding;
the next slice goes on from there.
"""

import contextlib
import dataclasses
import os
import pathlib
import selectors
import shutil
import signal
import subprocess
import time

from . import build, errors, files, libfuzzer, process, signals, tree
from .findings import Findings

SLICES = 6  # turns that each target gets, in a run of ordinary length
SLICE_SECONDS = (1.0, 30.0)
LATE_SECONDS = libfuzzer.HANG_SECONDS + 5  # a hung execution is reported before that
STOP_SECONDS = 2.0
DISK_SECONDS = 1.0
RESERVE_MB = 8  # below this much free disk, stop before something is lost
DEATHS = 3  # silent ends in a row after which a target is broken


@dataclasses.dataclass
class Plan:
    targets: list[str]
    seconds: float
    jobs: int
    corpus: pathlib.Path  # <corpus>/<target>: what is found is kept there
    work: pathlib.Path  # seeds, programs, artifacts: this run's own

    @property
    def seconds_each(self) -> float:
        """The process time that one target gets."""
        return self.seconds * max(self.jobs, 1) / len(self.targets)

    @property
    def slice_seconds(self) -> float:
        shortest, longest = SLICE_SECONDS
        return min(max(self.seconds_each / SLICES, shortest), longest)


@dataclasses.dataclass
class Sample:
    """One point of the growth plot."""

    at: float
    edges: int


class Slice:
    """One turn of one target: a libFuzzer process."""

    def __init__(self, target: "Target", seconds: float, argv: list[str], env: dict):
        self.target = target
        self.seconds = seconds
        self.output = libfuzzer.Output()
        self.started = time.monotonic()
        self.asked_to_stop = False
        self._fed = self.started
        self.child = process.start(
            argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=target.work, env=process.merged(env)
        )

    @property
    def age(self) -> float:
        return time.monotonic() - self.started

    def feed(self, data: bytes) -> None:
        if self.output.feed(data):
            self._fed = time.monotonic()

    def runs_now(self) -> int:
        """libFuzzer is silent for long: between its lines, go by the speed so far."""
        if self.output.finished or not self.output.loaded:
            return self.output.runs
        speed = self.target.speed or self.output.speed
        return self.output.runs + int(speed * (time.monotonic() - self._fed))

    def ask_to_stop(self) -> None:
        """The first time politely, for the final statistics."""
        self.asked_to_stop = True
        self.child.send_signal(signal.SIGUSR1)


class Target:
    """What a target has achieved in this run."""

    def __init__(self, name: str, plan: Plan):
        self.name = name
        self.work = plan.work / name
        self.corpus_folder = plan.corpus / name
        self.seeds = self.work / "seeds"
        self.artifacts = self.work / "artifacts"
        self.program = self.work / f"fuzz_{name}"
        self.samples: list[Sample] = []
        self.slices: list[Slice] = []
        self.seconds_done = 0.0
        self.runs_done = 0
        self.edges = 0
        self.edges_at_start = 0
        self.corpus = 0
        self.speed = 0
        self.deaths = 0

    @property
    def seconds(self) -> float:
        return self.seconds_done + sum(min(turn.age, turn.seconds) for turn in self.slices)

    @property
    def runs(self) -> int:
        return self.runs_done + sum(turn.runs_now() for turn in self.slices)

    def absorb(self, turn: Slice) -> None:
        """Take over what a slice's output says."""
        said = turn.output
        self.edges = max(self.edges, said.edges)
        if said.loaded:
            self.corpus = said.corpus
            self.edges_at_start = self.edges_at_start or said.edges_loaded

    def retire(self, turn: Slice) -> None:
        self.slices.remove(turn)
        self.seconds_done += turn.age
        self.runs_done += turn.runs_now()
        if self.seconds_done > 0:
            self.speed = int(self.runs_done / self.seconds_done)


class Campaign:
    """Runs the plan. `view.update()` is called a few times a second."""

    def __init__(self, plan: Plan, findings: Findings):
        self.plan = plan
        self.findings = findings
        self.targets = [Target(name, plan) for name in plan.targets]
        self.interrupted = False
        self.started = time.monotonic()
        self.ended: float | None = None
        self._selector = selectors.DefaultSelector()
        self._disk_seen = 0.0

    @property
    def elapsed(self) -> float:
        return (self.ended or time.monotonic()) - self.started

    @property
    def slices(self) -> list[Slice]:
        return [turn for target in self.targets for turn in target.slices]

    def run(self, view) -> None:
        self.started = time.monotonic()
        try:
            while self.elapsed < self.plan.seconds and not signals.pending():
                self._fill_jobs()
                self._listen()
                self._watch_disk()
                view.update()
            self.interrupted = signals.pending()
            signals.forget()  # it has ended the fuzzing; what was found is next
            self._finish()
        finally:
            self.ended = time.monotonic()
            process.stop_all()
            self._selector.close()
        for target in self.targets:
            target.samples.append(Sample(self.elapsed, target.edges))
        view.update()

    def _fill_jobs(self) -> None:
        """Give each free job to the target that had the least time."""
        while len(self.slices) < self.plan.jobs:
            target = min(self.targets, key=lambda each: (each.seconds, len(each.slices)))
            left = self.plan.seconds - self.elapsed
            self._start(target, min(self.plan.slice_seconds, left))

    def _start(self, target: Target, seconds: float) -> None:
        argv = libfuzzer.command(
            target.program, [target.corpus_folder, target.seeds], target.artifacts,
            seconds + LATE_SECONDS, tree.dictionary(target.name),
        )
        turn = Slice(target, seconds, argv, build.sanitizer_env())
        os.set_blocking(turn.child.stderr.fileno(), False)
        self._selector.register(turn.child.stderr, selectors.EVENT_READ, turn)
        target.slices.append(turn)

    def _listen(self) -> None:
        for key, _ in self._selector.select(timeout=process.TICK * 2):
            turn = key.data
            try:
                data = os.read(key.fd, 1 << 16)
            except BlockingIOError:
                continue
            if data:
                self._hear(turn, data)
            else:
                self._end(turn)
        for turn in self.slices:
            if turn.age > turn.seconds + LATE_SECONDS:
                process.stop(turn.child, signal.SIGKILL)
            elif turn.age > turn.seconds and not turn.asked_to_stop:
                turn.ask_to_stop()

    def _hear(self, turn: Slice, data: bytes) -> None:
        """Follow the output; growth is noted when it happens, for the plot."""
        target = turn.target
        known = target.edges
        turn.feed(data)
        target.absorb(turn)
        if not target.samples and target.edges_at_start:
            target.samples.append(Sample(self.elapsed, target.edges_at_start))
        if target.samples and target.edges > known:
            target.samples.append(Sample(self.elapsed, target.edges))

    def _end(self, turn: Slice) -> None:
        """Its output closed: the process is gone. Was it a finding?"""
        self._selector.unregister(turn.child.stderr)
        turn.child.stderr.close()
        process.stop(turn.child)
        turn.target.absorb(turn)
        turn.target.retire(turn)
        self._log(turn)
        data = turn.output.artifact()
        if data is None and not turn.output.finished:
            self._count_death(turn)
            return
        turn.target.deaths = 0
        if data is None:
            return
        self.findings.add(turn.target.name, data, turn.output.text())
        if not turn.output.loaded:
            _set_aside(turn.target, data)

    def _count_death(self, turn: Slice) -> None:
        """It ended without a finding: out of disk, killed from outside, or unable to run."""
        if turn.asked_to_stop:
            return
        if files.free_megabytes(self.plan.work) < RESERVE_MB:
            raise errors.disk_full(self.plan.work)
        turn.target.deaths += 1
        if turn.target.deaths < DEATHS:
            return
        raise process.failure(
            f"fuzz_{turn.target.name} keeps ending with status {turn.child.returncode}", self._log_path(turn.target)
        )

    def _finish(self) -> None:
        """Let every process print its final statistics."""
        deadline = time.monotonic() + STOP_SECONDS
        for turn in self.slices:
            turn.ask_to_stop()
        while self.slices and time.monotonic() < deadline:
            self._listen()
        for turn in self.slices:
            process.stop(turn.child, signal.SIGKILL)
            self._end(turn)

    def _watch_disk(self) -> None:
        """Stop while there is room for what was found."""
        if self.elapsed - self._disk_seen < DISK_SECONDS:
            return
        self._disk_seen = self.elapsed
        for folder in (self.plan.corpus, self.plan.work):
            if files.free_megabytes(folder) < RESERVE_MB:
                raise errors.disk_full(folder)

    def _log(self, turn: Slice) -> None:
        """The last slice only: a long run would fill the disk with the others."""
        self._log_path(turn.target).write_text(f"$ {' '.join(turn.child.args)}\n{turn.output.text()}\n")

    @staticmethod
    def _log_path(target: Target) -> pathlib.Path:
        return tree.LOGS / f"fuzz_{target.name}.log"


def prepare(plan: Plan, variant: build.Variant) -> None:
    """Lay out the run: programs of its own (a rebuild must not disturb it), seeds, folders."""
    assembler = variant.program("vlabasm")
    for name in plan.targets:
        work = files.make_folder(plan.work / name)
        files.make_folder(work / "artifacts")
        files.make_folder(plan.corpus / name)
        shutil.copy2(variant.program(f"fuzz_{name}"), work)
        seeds = files.make_folder(work / "seeds")
        if (tree.CORPUS / name).is_dir():
            process.run_logged(
                [assembler, "seeds", tree.CORPUS / name, seeds], variant.log, f"assembling corpus/{name}"
            )


def _set_aside(target: Target, data: bytes) -> None:
    """A finding among the inputs stops every slice at once: run on without it."""
    for folder in (target.seeds, target.corpus_folder):
        for path in folder.iterdir():
            # Another slice may have replaced it by a smaller one meanwhile.
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_size == len(data) and path.read_bytes() == data:
                    path.unlink()
