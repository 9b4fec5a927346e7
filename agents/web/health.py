"""Decide whether a worker makes progress, and whether it is ready."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from agents.web.worker import Offsets, WorkerState
from streams.codec import escape
from streams.stop import STALL_AFTER, Stillness

# A fetch is answered within a second, also where there is nothing new.
SILENT_AFTER = 30.0

Check = Callable[[], str | None]
"""Return why something is not ready, or None."""


class Health:
    """Remembers since when what waits has not moved."""

    def __init__(self, after: float = STALL_AFTER) -> None:
        self._waiting: Stillness[str] = Stillness(after)

    def observe(self, state: WorkerState, now: float) -> list[str]:
        """Take in the state at a time that only grows; return what is wedged, and for how long."""
        still = self._waiting.observe(dict(_waiting(state)), now)
        wedged = [f"{name} stands still for {seconds:.0f} s" for name, seconds in still.items()]
        return ["stopping", *wedged] if state.stopping else wedged


def _waiting(state: WorkerState) -> Iterator[tuple[str, object]]:
    """Yield what waits to move, each with where it is."""
    if state.rebalancing and not state.recovering:
        yield "rebalance", state.rebalances
    if state.recovering:
        yield "recovery", (state.rebalances, state.to_recover)
    yield from _places("handling", state.handling)
    yield from _places("commit", state.handled)


def _places(what: str, offsets: Offsets) -> Iterator[tuple[str, object]]:
    for topic, partitions in offsets.items():
        for partition, offset in partitions.items():
            yield f"{what} of {topic}/{partition}", offset


def unready(state: WorkerState, wedged: list[str], checks: Mapping[str, Check]) -> list[str]:
    """Return why the worker is not ready; nothing when it is."""
    reasons = list(wedged)
    if not state.assigned:
        reasons.append("no partitions assigned")
    elif state.silence > SILENT_AFTER:
        # No wedge: another start of the worker cures no broker, and no line to it.
        reasons.append(f"the broker has been silent for {state.silence:.0f} s")
    if state.rebalancing:
        reasons.append("rebalancing")
    if state.recovering or not state.tables_ready:
        reasons.append("recovering tables")
    for name, check in checks.items():
        complaint = _ask(check)
        if complaint is not None:
            reasons.append(f"{name}: {complaint}")
    return reasons


def _ask(check: Check) -> str | None:
    try:
        return check()
    except Exception as error:
        # A hand that cannot say how it is, is not well.
        return escape(f"{type(error).__name__}: {error}")
