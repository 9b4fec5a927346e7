"""The ways firewalls can be placed; a new one is a new file and a line here."""

from __future__ import annotations

from collections.abc import Callable

from streams.graph import star
from streams.graph.wanted import WantedGraph

PLACEMENTS: dict[str, Callable[..., WantedGraph]] = {
    "star": star.wanted,
}
