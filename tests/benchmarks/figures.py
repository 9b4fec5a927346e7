"""A figure of ours beside what was wanted, what bounds it, and who else has one."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Figure(NamedTuple):
    """One line of the table; ``limit`` is from the same run, ``ratio`` is ours to it."""

    goal: str
    what: str
    ours: str
    wanted: str
    met: bool
    limit: str = "-"
    ratio: float | None = None
    peer: str = "-"


def show(figures: Iterable[Figure]) -> None:
    """Print the table."""
    table = Table("", "what", "ours", "wanted", "", "limit, same run", "ratio", "others", box=None)
    for each in figures:
        ratio = "-" if each.ratio is None else f"{each.ratio:.2f}"
        met = "met" if each.met else "MISSED"
        row = (each.goal, each.what, each.ours, each.wanted, met, each.limit, ratio, each.peer)
        table.add_row(*row)
    Console(width=200).print(table)


class Spread(NamedTuple):
    """Where the times of many like things lie, in seconds."""

    p50: float
    p90: float
    p99: float
    count: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread:
        """Return the spread of some times; raise ValueError where there are none."""
        if not seconds:
            raise ValueError("nothing was measured")
        ordered = sorted(seconds)

        def at(share: float) -> float:
            return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

        return cls(statistics.median(ordered), at(0.9), at(0.99), len(ordered))

    @property
    def text(self) -> str:
        """Return it for people, in milliseconds."""
        p50, p90, p99 = (1000 * each for each in self[:3])
        return f"{p50:.1f} / {p90:.1f} / {p99:.1f} ms (n={self.count})"


def growth(values: Sequence[float]) -> float:
    """Return by which share of their mean values grow per step, by least squares."""
    steps = range(len(values))
    slope, _ = statistics.linear_regression(steps, values)
    return slope / statistics.fmean(values)
