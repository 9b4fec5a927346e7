"""Hold every stored version of every policy against what the rules said, and when."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tests.faults.witness import Version

Json = dict[str, Any]


class _Turn(NamedTuple):
    since: float
    specs: Mapping[str, Json]


class Timeline:
    """What each policy was to say, turn by turn.

    A version is what it was to say in one turn that had begun, and never in an older one than the
    version before: so it is never wider than the rules between two moments.
    """

    def __init__(self) -> None:
        self._turns: list[_Turn] = []

    def turn(self, specs: Mapping[str, Json]) -> None:
        """Say what policies are to say from now on."""
        self._turns.append(_Turn(time.monotonic(), specs))

    def violations(self, versions: Iterable[Version]) -> Iterator[str]:
        """Return every version that no turn explains."""
        ages: defaultdict[str, int] = defaultdict(int)
        for each in versions:
            age = self._age(each, ages[each.name])
            if age is None:
                yield f"{each.name} at {each.revision}: {each.spec}"
            else:
                ages[each.name] = age

    def _age(self, version: Version, at_least: int) -> int | None:
        for number, turn in enumerate(self._turns[at_least:], at_least):
            if turn.since <= version.at and turn.specs[version.name] == version.spec:
                return number
        return None
