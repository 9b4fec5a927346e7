"""The rows one graph keeps: small ones, one per pod, one per rule; no row grows with the graph.

Every row keeps ``at``, the offset of the fact that last changed it. A fact with a lower offset
leaves the row alone, and a fact met again at that very offset speaks again for all whom the row
touches now: that is the outbox, and it costs no row of its own.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from streams.records.base import Record
from streams.records.cause import Cause
from streams.records.facts import FirewallChange
from streams.records.marks import Stamp
from streams.records.rules import Action, Rule
from streams.records.views import PodRef


class End(StrEnum):
    """One of the two sides of a rule."""

    SOURCE = "source"
    DESTINATION = "destination"


def binding_key(rule: str, said: int, end: End) -> str:
    """Return the row key of what one end of a rule was bound to."""
    return f"bound|{rule}|{said}|{end}"


class GraphPodRow(Record):
    """A pod as this graph knows it.

    ``was`` are addresses it held before; ``wore`` labels by which it was selected before; ``shed``
    are the aliases of an identity that this very claim took from it.
    """

    pod: PodRef
    live: bool
    rev: int
    partition: int = -1
    since: Stamp | None = None
    was: tuple[str, ...] = ()
    wore: tuple[str, ...] = ()
    shed: tuple[str, ...] = ()
    at: int = -1
    cause: Cause | None = None

    @property
    def age(self) -> tuple[tuple[int, int], int, str]:
        """Return what decides between two claims to one address: the later one holds."""
        return (self.since.order if self.since else (-1, -1), self.rev, self.pod.uid)


class BindingRow(Record):
    """To which pod an exact end of a rule was bound: written once, and never differently.

    It lies beside the pods, for a pod must not be seen before whatever was bound before it came.
    ``said`` is the offset at which the rule was said: said anew, a rule binds anew. ``address`` is
    the identity's own, where the rule names an alias: it is meant from then on, whoever has the
    alias later.
    """

    rule: str
    said: int
    end: End
    uid: str
    at: int
    address: str = ""

    @property
    def key(self) -> str:
        """Return the row's key within its graph."""
        return binding_key(self.rule, self.said, self.end)


class VerdictRow(Record):
    """How the change at this offset was decided: for how many pods it would open something.

    ``limit`` is what that was too many for; None: it was taken. It lies beside the pods and beside
    the rules, written before whatever comes later: where it is lost, so are those.
    """

    at: int
    opens: int = 0
    limit: int | None = None

    @property
    def key(self) -> str:
        """Return the row's key within its graph."""
        return f"verdict|{self.at}"


class PodsRow(Record):
    """One row of ``graph-pods``: exactly one of these."""

    pod: GraphPodRow | None = None
    binding: BindingRow | None = None
    verdict: VerdictRow | None = None


class RuleRow(Record):
    """A rule, said at the offset ``at``; its exact ends without a binding are parked.

    A dropped rule stays until its fact is committed, so that a replay knows whom it touched.
    """

    firewall: str
    rule: Rule
    place: int = 0
    at: int = -1
    dropped: bool = False

    def ends(self) -> tuple[tuple[End, str], tuple[End, str]]:
        """Return both ends with the addresses they name."""
        return (End.SOURCE, self.rule.source), (End.DESTINATION, self.rule.destination)

    def read_as(self, rule: Rule) -> RuleRow:
        """Return the row with its rule in other words."""
        return self if rule is self.rule else self.model_copy(update={"rule": rule})


class FirewallRow(Record):
    """A firewall's default, whether its list has an order, and the pod it stands before."""

    firewall: str
    at: int = -1
    default_action: Action = Action.DENY
    ordered: bool = False
    owner: str = ""


class GateRow(Record):
    """Whether this graph may speak: what of the first sync it has seen.

    ``listing`` is the newest listing per cluster, ``lists`` the partitions whose end of it came.
    ``forgotten`` is, per partition of pod-events, the newest claim of the pods that were forgotten:
    an older claim of an unknown pod is about one of them. It was last raised when ``raised_below``
    was committed. ``framed`` is when the newest key frame was written. ``judged`` is the digest of
    how rules were read when it opened: read otherwise, it opens once more, and all is said again.
    """

    epoch: int = 0
    lists: dict[str, list[int]] = Field(default_factory=dict)
    listing: dict[str, tuple[int, int]] = Field(default_factory=dict)
    read: bool = False
    open: bool = False
    opened_at: int = -1
    barriers: dict[str, list[int]] = Field(default_factory=dict)
    forgotten: dict[int, int] = Field(default_factory=dict)
    raised_below: int = -1
    framed: float = 0.0
    judged: str = ""


class SaidRow(Record):
    """Which firewall change the fact at this offset was; older ones must not come back.

    ``origin`` is where it lay under a key that was not its graph's.
    """

    partition: int
    rev: int
    at: int
    origin: tuple[int, int] | None = None


class PartRow(Record):
    """A part of a change set; it stays until no replay can ask for the whole."""

    change: FirewallChange
    at: int

    @property
    def id(self) -> str:
        """Return the name of the set."""
        return self.change.change_set.id if self.change.change_set else ""

    @property
    def number(self) -> int:
        """Return which part of its set this is."""
        return self.change.change_set.part if self.change.change_set else 1

    @property
    def of(self) -> int:
        """Return how many parts the set has."""
        return self.change.change_set.of if self.change.change_set else 1


class GraphRow(Record):
    """One row of ``graph-rules``: exactly one of these."""

    rule: RuleRow | None = None
    firewall: FirewallRow | None = None
    gate: GateRow | None = None
    part: PartRow | None = None
    said: SaidRow | None = None
    verdict: VerdictRow | None = None
