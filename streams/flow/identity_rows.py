"""The rows of one graph's identities, and who is whose in memory; no row grows with the graph.

Every row keeps ``at``, the offset of the fact that last changed it. A fact with a lower offset
leaves the row alone, and a fact met again at that very offset is told again: that is the outbox.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, MutableMapping
from typing import TypeVar

from pydantic import Field

from streams.flow.allocation import Addresses
from streams.flow.workloads import home_of, identity_key, key_named
from streams.records.base import Record
from streams.records.cause import Cause
from streams.records.facts import GraphFact
from streams.records.marks import Stamp
from streams.records.views import PodRef

Pair = tuple[str, str, str]
K = TypeVar("K", str, Pair)


class MemberRow(Record):
    """A pod as the identities know it; ``told`` are those that were told of it, newest last."""

    pod: PodRef
    live: bool
    rev: int
    partition: int
    since: Stamp | None = None
    told: tuple[str, ...] = ()
    at: int

    @property
    def age(self) -> tuple[tuple[int, int], int, str]:
        """Return what tells which of two pods is the newer."""
        return (self.since.order if self.since else (-1, -1), self.rev, self.pod.key)


class IdentityRow(Record):
    """An identity, from the fact at which it ``began`` until its grace is over.

    ``rev`` is when it last meant something else, ``pods`` how many live pods are its own, and
    ``empty`` when the last of them went.
    """

    pod: PodRef
    live: bool
    began: int
    rev: int
    since: Stamp | None = None
    pods: int = 0
    empty: float | None = None
    at: int
    cause: Cause | None = None

    @property
    def selector(self) -> Mapping[str, str]:
        """Return the labels by which its policy selects pods."""
        return self.pod.identity.selector if self.pod.identity else {}

    @property
    def waits(self) -> bool:
        """Tell whether it has no address, and should."""
        return self.live and self.pod.address is None


class FreedRow(Record):
    """When an address was freed; while somebody holds it, that was another time."""

    address: str
    at: int


class AliasRow(Record):
    """Who is seen under an address of elsewhere, by the name that the settings say, there or not.

    Without a name it is nobody any more. ``before`` is who it was before that.
    """

    address: str
    name: str
    before: str = ""
    at: int

    @property
    def key(self) -> str:
        """Return the key of that identity; empty for nobody."""
        return key_named(self.name) if self.name else ""

    @property
    def key_before(self) -> str:
        """Return the key of who it was before."""
        return key_named(self.before) if self.before else ""


class HeldRow(Record):
    """A mark that came before it was known who has which address."""

    fact: GraphFact
    at: int


class KnownRow(Record):
    """What of the first sync was seen: since when addresses are given, and who is listed.

    ``forgotten`` is, per partition of pod-events, the newest claim of the pods that were forgotten;
    it was last raised when ``raised_below`` was committed.
    """

    epoch: int = 0
    opened_at: int = -1
    lists: dict[str, list[int]] = Field(default_factory=dict)
    listing: dict[str, tuple[int, int]] = Field(default_factory=dict)
    forgotten: dict[int, int] = Field(default_factory=dict)
    raised_below: int = -1


class IdentitiesRow(Record):
    """One row of ``identities``: exactly one of these."""

    pod: MemberRow | None = None
    identity: IdentityRow | None = None
    freed: FreedRow | None = None
    held: HeldRow | None = None
    alias: AliasRow | None = None
    known: KnownRow | None = None


class Identities:
    """One graph's identities: its rows, and what they say by key, by label and by address."""

    def __init__(self, graph_name: str, rows: MutableMapping[str, IdentitiesRow]) -> None:
        self.name = graph_name
        self.rows = rows
        self.pods: dict[str, MemberRow] = {}
        self.identities: dict[str, IdentityRow] = {}
        self.members: defaultdict[str, set[str]] = defaultdict(set)
        self.addresses = Addresses()
        self.held: dict[int, HeldRow] = {}
        # Addresses of elsewhere, and by the key of an identity under which of them it is seen.
        self.aliases: dict[str, AliasRow] = {}
        self.seen_as: defaultdict[str, set[str]] = defaultdict(set)
        self.known = KnownRow()
        # The live ones that have no pods, and those that have no address.
        self.idle: set[str] = set()
        self.waiting: set[str] = set()
        self._wearing: defaultdict[Pair, set[str]] = defaultdict(set)
        # Each under one label of its selector: that by which the fewest are found.
        self._selecting: defaultdict[Pair, set[str]] = defaultdict(set)
        self._filed: dict[str, Pair] = {}
        for key, row in list(rows.items()):
            if key.startswith(f"{graph_name}|"):
                self._take_in(row)

    def put_pod(self, row: MemberRow) -> None:
        """Store a pod's row."""
        self.take_pod(row)
        self._put(f"pod|{row.pod.key}", IdentitiesRow(pod=row))

    def put_identity(self, row: IdentityRow) -> None:
        """Store an identity's row."""
        self._put(f"identity|{row.pod.key}", IdentitiesRow(identity=row))
        self._take_identity(row)

    def put_freed(self, row: FreedRow) -> None:
        """Store that an address was freed."""
        self._put(f"freed|{row.address}", IdentitiesRow(freed=row))
        self.addresses.free(row.address, row.at)

    def put_alias(self, row: AliasRow) -> None:
        """Store who is seen under an address of elsewhere."""
        self._put(f"alias|{row.address}", IdentitiesRow(alias=row))
        self._take_alias(row)

    def put_held(self, row: HeldRow) -> None:
        """Keep a mark until it may go on."""
        self._put(f"held|{row.at}", IdentitiesRow(held=row))
        self.held[row.at] = row

    def put_known(self, row: KnownRow) -> None:
        """Store what of the first sync was seen."""
        self._put("", IdentitiesRow(known=row))
        self.known = row

    def drop_pod(self, key: str) -> None:
        """Forget a pod that is gone."""
        self.rows.pop(f"{self.name}|pod|{key}", None)
        del self.pods[key]

    def drop_identity(self, key: str) -> None:
        """Forget an identity that is gone."""
        self.rows.pop(f"{self.name}|identity|{key}", None)
        del self.identities[key]

    def drop_alias(self, address: str) -> None:
        """Forget an address under which nobody is seen any more."""
        self.rows.pop(f"{self.name}|alias|{address}", None)
        del self.aliases[address]

    def drop_held(self, at: int) -> None:
        """Forget a mark that has gone on."""
        self.rows.pop(f"{self.name}|held|{at}", None)
        del self.held[at]

    def take_pod(self, row: MemberRow) -> None:
        """Take in a pod, before those who are told of it are stored."""
        old = self.pods.get(row.pod.key)
        if old is not None:
            _discard(self.members, identity_key(old.pod), row.pod.key)
            for pair in _pairs(old.pod, old.pod.labels):
                _discard(self._wearing, pair, row.pod.key)
        self.pods[row.pod.key] = row
        if row.live:
            self.members[identity_key(row.pod)].add(row.pod.key)
            for pair in _pairs(row.pod, row.pod.labels):
                self._wearing[pair].add(row.pod.key)

    def wearing(self, row: IdentityRow) -> set[str]:
        """Return the keys of the live pods that an identity's policy selects."""
        found = [self._wearing.get(pair, set()) for pair in _pairs(row.pod, row.selector)]
        return set.intersection(*sorted(found, key=len)) if found else set()

    def selecting(self, pod: PodRef) -> set[str]:
        """Return the keys of the live identities whose policies select a pod."""
        near = (self._selecting.get(pair, ()) for pair in _pairs(pod, pod.labels))
        return {
            key
            for keys in near
            for key in keys
            if self.identities[key].selector.items() <= pod.labels.items()
        }

    def _put(self, key: str, row: IdentitiesRow) -> None:
        self.rows[f"{self.name}|{key}"] = row

    def _take_in(self, row: IdentitiesRow) -> None:
        if row.pod is not None:
            self.take_pod(row.pod)
        elif row.identity is not None:
            self._take_identity(row.identity)
        elif row.freed is not None:
            self.addresses.free(row.freed.address, row.freed.at)
        elif row.held is not None:
            self.held[row.held.at] = row.held
        elif row.alias is not None:
            self._take_alias(row.alias)
        elif row.known is not None:
            self.known = row.known

    def _take_alias(self, row: AliasRow) -> None:
        old = self.aliases.get(row.address)
        if old is not None:
            _discard(self.seen_as, old.key, row.address)
        self.aliases[row.address] = row
        if row.name:
            self.seen_as[row.key].add(row.address)

    def _take_identity(self, row: IdentityRow) -> None:
        key = row.pod.key
        old = self.identities.get(key)
        if old is not None and old.pod.address:
            self.addresses.release(old.pod.address, key)
        if row.live and row.pod.address:
            self.addresses.hold(row.pod.address, key)
        self.identities[key] = row
        for keys, belongs in ((self.idle, row.live and not row.pods), (self.waiting, row.waits)):
            if belongs:
                keys.add(key)
            else:
                keys.discard(key)
        self._file(key, row)

    def _file(self, key: str, row: IdentityRow) -> None:
        if filed := self._filed.pop(key, None):
            _discard(self._selecting, filed, key)
        pairs = _pairs(row.pod, row.selector)
        if row.live and pairs:
            fewest = min(pairs, key=lambda pair: len(self._selecting.get(pair, ())))
            self._filed[key] = fewest
            self._selecting[fewest].add(key)


def _discard(sets: dict[K, set[str]], key: K, value: str) -> None:
    """Take a value out of one of the sets; of what is empty nothing is left."""
    found = sets.get(key, set())
    found.discard(value)
    if not found:
        sets.pop(key, None)


def _pairs(pod: PodRef, labels: Mapping[str, str]) -> list[Pair]:
    home = home_of(pod)
    return [(home, label, value) for label, value in sorted(labels.items())]
