"""Say at the end of a run what ran: of each kind of test how many, how they ended, how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

# As pytest files its reports; under any other name are the set-ups and ends of tests.
ENDINGS = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
REAL = "on real parts"


def what_ran(stats: Mapping[str, Iterable[Any]]) -> list[str]:
    """Return one line for each folder of tests/ from which something ran or was skipped.

    What ran on real servers or packets has a line of its own.
    """
    endings: dict[str, Counter[str]] = {}
    seconds: Counter[str] = Counter()
    for category, reports in stats.items():
        # Beside tests, pytest files warnings, what could not be read and what was not chosen.
        for report in (each for each in reports if hasattr(each, "duration")):
            kind = report.nodeid.split("/")[1]
            if "real" in report.keywords:
                kind = f"{kind} {REAL}"
            seconds[kind] += report.duration
            if category in ENDINGS:
                endings.setdefault(kind, Counter())[category] += 1
    width = max(map(len, endings), default=0)
    return [
        f"{kind:{width}}  {_counted(endings[kind])}, {seconds[kind]:.0f} s"
        for kind in sorted(endings)
    ]


def _counted(endings: Counter[str]) -> str:
    return ", ".join(f"{endings[each]} {each}" for each in ENDINGS if endings[each])
