"""What a page is: where it lies, what may be asked of it, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from agents.asking.moments import parse_moment
from agents.asking.reaching import parse_port
from agents.asking.rows import Rows
from agents.asking.seen import Seen
from agents.asking.turns import DAY, Course, key_of
from agents.asking.view import View

MOST_LINES = 500
# As keys read, so that people can type them.
NAMED = "{cluster}/{namespace}/{name}"


class Asked(BaseModel):
    """What is asked of a page; what is not known is ignored."""

    model_config = ConfigDict(frozen=True)


class Listing(Asked):
    """What is asked of a page that lists many."""

    q: str = Field(default="", max_length=200, description="Only what has this text in it.")
    after: str = Field(default="", max_length=1000, description="Only what comes behind this key.")
    limit: int = Field(default=100, ge=1, le=MOST_LINES, description="So many at most.")


class AtMoment(Asked):
    """What is asked of a page that can be asked about the past."""

    at: str = Field(
        default="",
        max_length=40,
        description="As it was at 2026-11-27T08:00:00Z, 15m ago or after a fact; else as it is.",
    )


class AlongFlow(Asked):
    """What is asked of a page that can follow a flow through the past."""

    source: str = Field(default="", alias="from", max_length=507, description="A pod.")
    to: str = Field(default="", max_length=507, description="Another: what became of the way.")
    port: str = Field(default="", max_length=12, description="80 (TCP), 53/UDP or 9899/SCTP.")
    since: str = Field(default=DAY, max_length=40, description="15m ago, or since a moment.")

    @property
    def follows(self) -> bool:
        """Whether a flow is asked for at all."""
        return bool(self.source and self.to)

    def course(self, rows: Rows, now: datetime) -> Course:
        """Return what is asked for; raise ValueError if nobody is meant by it."""
        ends = key_of(rows, self.source), key_of(rows, self.to)
        port = parse_port(self.port) if self.port else None
        return Course(*ends, port, parse_moment(self.since or DAY, now))


class WithGone(Listing):
    """What is asked of a list that also knows what is gone."""

    gone: bool = Field(default=False, description="Also what is gone.")


class Named(Asked):
    """Which pod, identity or policy is asked for."""

    cluster: str = Field(max_length=253)
    namespace: str = Field(max_length=253)
    name: str = Field(max_length=253)

    @property
    def key(self) -> str:
        """Its key: a policy has that of whom it selects."""
        return f"{self.cluster}/{self.namespace}/{self.name}"


class NotHere(LookupError):
    """What was asked for is not there; the message says so to whoever asked."""


class Page(NamedTuple):
    """A page, and its JSON twin at the same path with ``.json``."""

    path: str
    template: str
    answer: Callable[[Seen, Any], View]
    asked: type[Asked]
    answers: type[View]
    needs: tuple[str, ...] = ()


def cut(
    found: Iterable[tuple[str, str]], asked: Listing
) -> tuple[tuple[str, ...], str | None, int]:
    """Return some of the keys, the one to go on behind, and how many match at all.

    What is found is sorted, each key with the text in which is looked for what is asked.
    """
    wanted = asked.q.lower()
    matching = [key for key, text in found if wanted in text.lower()]
    behind = [key for key in matching if key > asked.after]
    shown = tuple(behind[: asked.limit])
    return shown, shown[-1] if len(behind) > len(shown) else None, len(matching)
