"""A table of which more survives on the disk than in the changelog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Puts = Sequence[tuple[str, Any]]


class Logged(dict[str, Any]):
    """A table on a disk that keeps its changelog."""

    def __init__(self, disk: Puts = (), changelog: Puts = ()) -> None:
        super().__init__()
        self.puts: list[tuple[str, Any]] = []
        for key, row in disk:
            self[key] = row
            if row is None:
                del self[key]
        self.puts = list(changelog)

    def __setitem__(self, key: str, row: Any) -> None:
        self.puts.append((key, row))
        super().__setitem__(key, row)

    def pop(self, key: str, *default: Any) -> Any:
        if key in self:
            self.puts.append((key, None))
        return super().pop(key, *default)
