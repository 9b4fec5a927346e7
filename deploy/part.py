"""What the parts of a worker have in common: what they stand on, and what they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple, Protocol

import faust

from agents.metrics import Metrics
from agents.outlet import Outlet
from agents.ownership import owned_partitions
from agents.web.health import Check
from streams.settings import Settings
from streams.topics import Topics, names
from tables.catalog import Tables

Hand = Coroutine[Any, Any, None]


class Base(NamedTuple):
    """What a worker has before any part of it: nothing is connected yet."""

    settings: Settings
    epoch: int
    app: faust.App
    topics: Topics
    tables: Tables
    outlet: Outlet
    metrics: Metrics

    def owned(self, topic: str) -> Callable[[], frozenset[int]]:
        """Return a function that tells which partitions of a topic are this worker's now."""
        return owned_partitions(self.app, names(self.settings)[topic])


class Part(Protocol):
    """A part of a worker, its agents installed."""

    @property
    def listeners(self) -> tuple[Callable[[str], None], ...]:
        """Who must hear of barriers."""

    @property
    def hands(self) -> list[Hand]:
        """What runs beside the agents."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """What must be well for the worker to be ready."""

    @property
    def status(self) -> dict[str, Any]:
        """What the hands say of themselves."""

    def gauge(self) -> None:
        """Say in the metrics how things are."""

    async def close(self) -> None:
        """Let go of what is connected."""
