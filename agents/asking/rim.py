"""Places on the rim of a circle, and how names are written beside them."""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi, sin
from typing import NamedTuple

from agents.asking.view import View

# Between two names on the rim.
SPACING = 18.0
LEAST_RADIUS = 200.0
# From a place to its name.
OFF = 12.0
# For the names, beside and above the places.
BESIDE = 110.0
ABOVE = 40.0
# More names than this have no room unless they are turned.
MOST_UPRIGHT = 24


class Label(View):
    """How a name is written beside its place: turned outwards where there are many."""

    turn: float
    x: float
    y: float
    anchor: str


class Place(NamedTuple):
    """Where something is drawn, and where its name is."""

    x: float
    y: float
    label: Label


class Rim(NamedTuple):
    """A circle with room for so many names."""

    names: int

    @property
    def radius(self) -> float:
        """How far the places are from the middle."""
        return max(LEAST_RADIUS, self.names * SPACING / (2 * pi))

    @property
    def size(self) -> tuple[float, float]:
        """How wide and how high the picture is, with the names."""
        above = BESIDE if self.names > MOST_UPRIGHT else ABOVE
        return round(2 * (self.radius + BESIDE), 1), round(2 * (self.radius + above), 1)

    def places(self) -> Iterator[Place]:
        """Yield the places, clockwise from the top."""
        for number in range(self.names):
            angle = 2 * pi * number / self.names - pi / 2
            x, y = self.radius * cos(angle), self.radius * sin(angle)
            label = _turned(angle) if self.names > MOST_UPRIGHT else _upright(angle)
            yield Place(round(x, 1), round(y, 1), label)


def _turned(angle: float) -> Label:
    degrees = round(angle * 180 / pi, 2)
    if cos(angle) >= 0:
        return Label(turn=degrees, x=OFF, y=0, anchor="start")
    # On the left, names would stand on their heads.
    return Label(turn=degrees + 180, x=-OFF, y=0, anchor="end")


def _upright(angle: float) -> Label:
    x, y = round(OFF * cos(angle), 1), round(OFF * 1.4 * sin(angle), 1)
    anchor = "middle" if abs(cos(angle)) < 0.3 else "start" if cos(angle) > 0 else "end"
    return Label(turn=0, x=x, y=y, anchor=anchor)
