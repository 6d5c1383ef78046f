# SPDX-License-Identifier: GPL-2.0-or-later
"""Showing a campaign while it runs: a table on a terminal, lines elsewhere."""

import sys
import time

from .campaign import Campaign, Target

PLAIN_SECONDS = 10.0  # between two reports when the output is not a terminal
BAR_COLUMNS = 20  # at the most
FIXED_COLUMNS = 84  # of a row beside its bar


def count(number: float) -> str:
    """1234567 as people say it."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e4, "k")):
        if number >= size:
            scaled = number / (1e3 if unit == "k" else size)
            return f"{scaled:.0f}{unit}" if unit == "k" else f"{scaled:.1f}{unit}"
    return f"{number:.0f}"


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plural(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"


def edges(target: Target) -> str:
    gained = target.edges - target.edges_at_start
    return f"edges {target.edges}" + (f" (+{gained})" if gained and target.edges_at_start else "")


def headline(campaign: Campaign) -> str:
    plan = campaign.plan
    return (
        f"vlab fuzz    {plural(len(plan.targets), 'target')}, {plural(plan.jobs, 'job')}    "
        f"{clock(min(campaign.elapsed, plan.seconds))} of {clock(plan.seconds)}"
    )


def seconds_left(campaign: Campaign, target: Target) -> float:
    """The time that the target has still to get: nothing once the run is over."""
    if campaign.ended and not campaign.interrupted:
        return 0.0
    plan = campaign.plan
    return max(0.0, min(plan.seconds_each - target.seconds, plan.seconds - campaign.elapsed))


class PlainView:
    """For logs and pipes: a line per target now and then."""

    def __init__(self, campaign: Campaign):
        self._campaign = campaign
        self._next = PLAIN_SECONDS

    def __enter__(self):
        print(headline(self._campaign), flush=True)
        return self

    def __exit__(self, *_):
        return False

    def update(self) -> None:
        campaign = self._campaign
        if campaign.elapsed < self._next and not campaign.ended:
            return
        self._next = campaign.elapsed + PLAIN_SECONDS
        for target in campaign.targets:
            print(
                f"{clock(campaign.elapsed):>7}  {target.name:<10} {clock(seconds_left(campaign, target))} left"
                f"   {count(target.speed)}/s   {count(target.runs)} runs   {edges(target)}"
                f"   corpus {target.corpus}   {plural(campaign.findings.of(target.name), 'finding')}",
                flush=True,
            )


class LiveView:
    """For people: the table of docs and README, redrawn in place."""

    REFRESH = 0.2

    def __init__(self, campaign: Campaign):
        import rich.console
        import rich.live

        self._campaign = campaign
        self._console = rich.console.Console(highlight=False)
        self._live = rich.live.Live(console=self._console, auto_refresh=False, transient=False)
        self._drawn = 0.0

    def __enter__(self):
        self._live.start()
        return self

    def __exit__(self, *_):
        self._live.stop()
        return False

    def update(self) -> None:
        now = time.monotonic()
        if now - self._drawn < self.REFRESH and not self._campaign.ended:
            return
        self._drawn = now
        self._live.update(self._picture(), refresh=True)

    def _picture(self):
        import rich.console

        return rich.console.Group(self._headline(), self._table(), *self._latest())

    def _headline(self):
        import rich.table
        import rich.text

        found = len(self._campaign.findings)
        line = rich.table.Table.grid(expand=True)
        line.add_column(no_wrap=True)
        line.add_column(no_wrap=True, justify="right")
        line.add_row(
            rich.text.Text(headline(self._campaign), style="bold"),
            rich.text.Text(plural(found, "finding"), style="bold red" if found else "green"),
        )
        return line

    def _table(self):
        import rich.table

        table = rich.table.Table.grid(padding=(0, 2, 0, 0))
        for justify in ("left", "left", "right", "right", "right", "left", "left", "left"):
            table.add_column(no_wrap=True, justify=justify)
        for target in self._campaign.targets:
            table.add_row(*self._row(target))
        return table

    def _row(self, target: Target):
        import rich.text

        found = self._campaign.findings.of(target.name)
        left = seconds_left(self._campaign, target)
        return (
            rich.text.Text(f" {target.name}", style="bold" if target.slices else ""),
            self._bar(1 - left / self._campaign.plan.seconds_each, bool(found)),
            rich.text.Text(f"{clock(left)} left", style="dim"),
            f"{count(target.speed)}/s",
            f"{count(target.runs)} runs",
            edges(target),
            f"corpus {target.corpus}",
            rich.text.Text(plural(found, "finding") if found else "", style="bold red"),
        )

    def _bar(self, part: float, alarmed: bool):
        import rich.text

        width = max(0, min(BAR_COLUMNS, self._console.width - FIXED_COLUMNS))
        done = int(min(part, 1.0) * width)
        return rich.text.Text.assemble(
            ("#" * done, "red" if alarmed else "green"), ("-" * (width - done), "dim")
        )

    def _latest(self):
        import rich.text

        return [
            rich.text.Text(f" ! {finding.target}: {finding.label} (seen {finding.count} x)", style="red",
                           no_wrap=True, overflow="ellipsis")
            for finding in list(self._campaign.findings)[-5:]
        ]


def view(campaign: Campaign):
    return LiveView(campaign) if sys.stdout.isatty() else PlainView(campaign)
