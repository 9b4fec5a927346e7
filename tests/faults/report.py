"""Print what was tried: each fault by its id, how often, what was violated, how long it took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tests.faults.catalog import FAULTS

ENDED = ("passed", "failed", "error")


class Row(NamedTuple):
    """One fault of the catalogue, as this run tried it."""

    id: str
    tried: int = 0
    failed: int = 0
    kills: int = 0
    violations: int = 0
    recovery: float = 0.0
    bound: float = 0.0

    @property
    def line(self) -> str:
        """Return the row for people; a fault within one part alone has no time of recovery."""
        slowest = f"{self.recovery:5.1f} s of {self.bound:g}" if self.bound else "-"
        counts = f"{self.tried:5}  {self.failed:6}  {self.violations:10}"
        return f"{self.id}  {counts}  {slowest:>14}  {FAULTS[self.id]}"


HEADER = "id   tried  failed  violations        recovery  fault"


def rows(stats: Mapping[str, Iterable[Any]]) -> list[Row]:
    """Return a row for each fault that was tried; the slowest recovery counts."""
    found: dict[str, Row] = {}
    for ending in ENDED:
        for report in stats.get(ending, ()):
            said: dict[str, Any] = dict(getattr(report, "user_properties", ()))
            for id in said.get("faults", ()):
                found[id] = _with(found.get(id, Row(id)), said, ending)
    return [found[id] for id in sorted(found)]


def _with(row: Row, said: Mapping[str, Any], ending: str) -> Row:
    slower = said.get("recovery", 0.0) >= row.recovery and "bound" in said
    return Row(
        row.id,
        row.tried + 1,
        row.failed + (ending != "passed"),
        row.kills + said.get("kills", 0),
        row.violations + said.get("violations", 0),
        said["recovery"] if slower else row.recovery,
        said["bound"] if slower else row.bound,
    )


def lines(stats: Mapping[str, Iterable[Any]]) -> list[str]:
    """Return the table, or nothing where no fault was tried."""
    found = rows(stats)
    if not found:
        return []
    kills = sum(row.kills for row in found)
    violations = sum(row.violations for row in found)
    sum_up = f"{len(found)} of {len(FAULTS)} faults, {kills} kills, {violations} violations"
    return [HEADER, *(row.line for row in found), sum_up]
