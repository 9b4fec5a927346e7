"""What one graph is told, in one order: who claims which address, and what its firewalls say."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from streams.records.base import Record
from streams.records.cause import Cause
from streams.records.marks import Mark, Stamp
from streams.records.naming import Elsewhere
from streams.records.rules import Action, Rule
from streams.records.views import PodRef


class PodClaim(Record):
    """A pod (uid, incarnation) claims an address, or is gone.

    ``since`` is when this claim was first seen: of two live claims to one address the later holds.
    ``rev`` is the offset of the pod event it follows from: older claims of one pod are dropped.
    ``partition`` is where that event lay.
    """

    pod: PodRef
    live: bool
    rev: int
    partition: int = -1
    since: Stamp | None = None


class ChangeSet(Record):
    """Which set a record belongs to; the set counts when all its parts are there."""

    id: str = Field(max_length=128)
    part: int = Field(ge=1)
    of: int = Field(ge=1, le=10_000)


class FirewallChange(Record):
    """What a firewall says now: its whole list, or what came and went.

    Lists read from Verefoo have no order (its storage shuffles them): only a record that says
    ``ordered`` may rely on first match. A default or an order that is not said stays as it is where
    rules come and go; a whole list without them is unordered and denies. ``holders`` says which
    pod's uid the graph knew behind an address when the rules were read: they were meant for that
    pod and bind to it. ``polled`` changes are what we read in Verefoo ourselves: only those are
    compared with what it says next. A ``forwarded`` change lay under another key before, at the
    partition and offset that its cause names. ``owner`` is the uid of the pod that a firewall
    stands before; of none, if it is empty. ``beyond_limit`` says that whoever wrote this means to
    open something for more pods than one change may; one part says it for its whole set.
    """

    graph: str = Field(default="", max_length=128)
    firewall: str = Field(default="", max_length=64)
    default_action: Action | None = None
    elements: tuple[Rule, ...] | None = Field(default=None, max_length=2000)
    added: tuple[Rule, ...] = Field(default=(), max_length=2000)
    removed: tuple[Rule, ...] = Field(default=(), max_length=2000)
    ordered: Annotated[bool, Field(strict=True)] | None = None
    gone: bool = Field(default=False, strict=True)
    polled: bool = Field(default=False, strict=True)
    forwarded: bool = Field(default=False, strict=True)
    beyond_limit: bool = Field(default=False, strict=True)
    holders: dict[str, str] = Field(default_factory=dict, max_length=4000)
    change_set: ChangeSet | None = None
    owner: str | None = Field(default=None, max_length=253)
    mark: Mark | None = None
    cause: Cause | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        whole, delta = self.elements is not None, bool(self.added or self.removed)
        if self.mark is None and not self.firewall:
            raise PydanticCustomError("missing", "firewall is required")
        said = whole + delta + self.gone
        # A default alone must be meant: the one that was left out says nothing.
        by_default = said == 0 and self.default_action is not None
        if self.mark is None and said != 1 and not by_default:
            raise ValueError("say one of elements, added/removed, gone, or a defaultAction alone")
        return self


class Place(Record):
    """Which pod a firewall stands before, in a graph where each has its own; no uid: nobody's.

    ``session`` names who decided so.
    """

    firewall: str = Field(max_length=64)
    session: str = Field(default="", max_length=64)
    uid: str = Field(default="", max_length=253)


class Assignment(Record):
    """Which identity an address was found to stand for in Verefoo.

    ``name`` is ``cluster/namespace/kind/name``, ``uid`` says which identity of that name it was.
    """

    address: str = Field(max_length=64)
    name: str = Field(max_length=1024)
    uid: str = Field(max_length=253)


class Aliases(Record):
    """Under which addresses of elsewhere identities are seen: all that the settings name.

    Each is of ``cluster/namespace/kind/name``. Those of an older epoch count for nothing.
    """

    named: Elsewhere
    epoch: int = 0


class GraphFact(Record):
    """One entry in a graph's mailbox: one claim, change, refused, place, assigned, aliases or mark.

    ``rev`` is where a change lay (partition and offset of firewall-changes): a gate that begins
    again says everything again, and what was said before something newer must not come back.
    ``origin`` is where a forwarded change lay first; the same holds for it. ``refused`` is what of
    a polled change is not in force, for it would have opened too much at once.
    """

    graph: str
    claim: PodClaim | None = None
    change: FirewallChange | None = None
    refused: FirewallChange | None = None
    place: Place | None = None
    assigned: Assignment | None = None
    aliases: Aliases | None = None
    mark: Mark | None = None
    rev: tuple[int, int] | None = None
    origin: tuple[int, int] | None = None
    cause: Cause | None = None
