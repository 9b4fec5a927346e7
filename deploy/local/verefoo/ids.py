"""One space of ids for everything that is stored; a freed id is used again at once."""

from __future__ import annotations


class Ids:
    """Hand out ids, the last freed one first: the worst case for whoever remembers an id."""

    def __init__(self, following: int = 0, freed: list[int] | None = None) -> None:
        self.following = following
        self.freed = freed or []

    def take(self) -> int:
        """Return an id that nothing stored has."""
        if self.freed:
            return self.freed.pop()
        self.following += 1
        return self.following - 1

    def free(self, number: int) -> None:
        """Let an id be used again."""
        self.freed.append(number)
