# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTML report of a fuzzing run: one file, nothing fetched from elsewhere."""

import dataclasses
import datetime
import pathlib

import jinja2

from . import coverage, files, live, tree
from .campaign import Campaign, Sample, Target

WIDTH, HEIGHT = 460, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 26  # the plot's margins
POINTS = 300  # at most, for one curve
GRID_LINES = 4  # across; about as many up


@dataclasses.dataclass
class Tick:
    at: float  # position in the picture
    label: str


@dataclasses.dataclass
class Plot:
    """A curve over time, scaled to a picture of WIDTH x HEIGHT."""

    path: str
    across: list[Tick]
    up: list[Tick]
    last: tuple[float, float]


def write(campaign: Campaign, covered: list[coverage.FileCoverage], folder: pathlib.Path) -> pathlib.Path:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )
    environment.globals.update(count=live.count, clock=live.clock, plural=live.plural, edges=live.edges,
                               shown=tree.shown, width=WIDTH, height=HEIGHT, left=LEFT, right=WIDTH - RIGHT,
                               bottom=HEIGHT - BOTTOM)
    page = environment.get_template("report.html.j2").render(
        campaign=campaign,
        plots=[(target, plot(target)) for target in campaign.targets],
        covered=covered,
        percent=coverage.percentage(covered),
        runs=sum(target.runs for target in campaign.targets),
        when=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )
    path = folder / "index.html"
    files.write(path, page)
    return path


def plot(target: Target) -> Plot | None:
    """Edges over time, from the moment that the seeds were read."""
    samples = _thinned([sample for sample in target.samples if sample.edges])
    if not samples:
        return None
    end = max(samples[-1].at, 1.0)
    lowest, highest = _range(samples)

    def across(at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * at / end

    def up(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - lowest) / (highest - lowest)

    points = [(across(sample.at), up(sample.edges)) for sample in samples]
    return Plot(
        path=_steps(points),
        across=[Tick(across(end * part / GRID_LINES), live.clock(end * part / GRID_LINES))
                for part in range(GRID_LINES + 1)],
        up=[Tick(up(value), str(value)) for value in _round_values(lowest, highest)],
        last=points[-1],
    )


def _range(samples: list[Sample]) -> tuple[int, int]:
    """The seeds' coverage is the floor: what the run added is what can be seen."""
    lowest = min(sample.edges for sample in samples)
    highest = max(sample.edges for sample in samples)
    margin = max(2, (highest - lowest) // 10)
    return max(0, lowest - margin), highest + margin


def _round_values(lowest: int, highest: int) -> list[int]:
    step = 1
    for candidate in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000):
        step = candidate
        if (highest - lowest) / step <= GRID_LINES + 1:
            break
    return list(range(-(-lowest // step) * step, highest + 1, step))


def _thinned(samples: list[Sample]) -> list[Sample]:
    """Few enough points to draw, the last always among them."""
    stride = max(1, len(samples) // POINTS)
    return samples[::stride] + (samples[-1:] if (len(samples) - 1) % stride else [])


def _steps(points: list[tuple[float, float]]) -> str:
    """Coverage grows in steps: draw it so."""
    (x, y), *rest = points
    return f"M{x:.1f} {y:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in rest)
