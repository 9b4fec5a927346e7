"""The rows of one graph's identities, and who is whose in memory; no row grows with the graph.

A row keeps what it said at the last commit that is known of, and all it has said since. Whoever
begins again at a fact takes every row as it was before that fact: so all that follows from it
follows once more, each address is given to whom it was given, and each claim is sent as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import MutableMapping

from pydantic import Field

from streams.flow.allocation import Addresses
from streams.flow.wearing import Wearing, discard
from streams.flow.workloads import identity_key, key_named
from streams.records.base import Record
from streams.records.facts import GraphFact
from streams.records.marks import Stamp
from streams.records.views import PodRef


class Member(Record):
    """A pod as the identities know it."""

    pod: PodRef
    live: bool
    rev: int
    partition: int
    since: Stamp | None = None

    @property
    def age(self) -> tuple[tuple[int, int], int, str]:
        """Return what tells which of two pods is the newer."""
        return (self.since.order if self.since else (-1, -1), self.rev, self.pod.key)


class Standing(Record):
    """What of an identity does not follow from the pods that it has now.

    It ``began`` at a fact. ``peopled`` tells whether it has pods, and ``empty`` since when it has
    had none; ``pod`` says what the last ones wore.
    """

    pod: PodRef
    live: bool = True
    began: int
    since: Stamp | None = None
    peopled: bool = False
    empty: float | None = None

    @property
    def waits(self) -> bool:
        """Tell whether it has no address, and should."""
        return self.live and self.pod.address is None


class Alias(Record):
    """Who is seen under an address of elsewhere, there or not, as the settings name him.

    Without a name it is nobody any more.
    """

    address: str
    name: str

    @property
    def key(self) -> str:
        """Return the key of that identity; empty for nobody."""
        return key_named(self.name) if self.name else ""


class Synced(Record):
    """What of the first sync was seen: since when addresses are given, and who is listed."""

    epoch: int = 0
    opened_at: int = -1
    lists: dict[str, list[int]] = Field(default_factory=dict)
    listing: dict[str, tuple[int, int]] = Field(default_factory=dict)


class Forgotten(Record):
    """Per partition of pod-events, the newest claim of the pods that were forgotten.

    It was last raised when ``raised_below`` was committed. Of facts below ``done`` all is known to
    be committed: should they be met again, for their group was lost, they have had their effect.
    """

    revs: dict[int, int] = Field(default_factory=dict)
    raised_below: int = -1
    done: int = -1


class Version(Record):
    """What a row has said since the fact at this offset: exactly one of these."""

    at: int
    pod: Member | None = None
    identity: Standing | None = None
    freed: str | None = None
    held: GraphFact | None = None
    alias: Alias | None = None
    synced: Synced | None = None
    forgotten: Forgotten | None = None


class IdentitiesRow(Record):
    """One row of ``identities``, the oldest version first."""

    versions: tuple[Version, ...] = ()

    def before(self, offset: int) -> IdentitiesRow:
        """Return the row as it was before a fact."""
        return IdentitiesRow(versions=tuple(each for each in self.versions if each.at < offset))

    def since(self, offset: int) -> IdentitiesRow:
        """Return the row without what no fact from an offset on can ask for."""
        older = [each for each in self.versions if each.at < offset]
        return IdentitiesRow(versions=self.versions[max(len(older) - 1, 0) :])


class Identities:
    """One graph's identities: its rows, and what they say by key, by label and by address.

    ``means`` is what each live identity is, by the pods that it has now.
    """

    def __init__(self, graph_name: str, rows: MutableMapping[str, IdentitiesRow]) -> None:
        self.name = graph_name
        self.rows = rows
        self._begun = False
        self._build()

    def begin_at(self, offset: int) -> bool:
        """Be as before a fact that is met first, or again; tell whether anything had to be done."""
        if self._begun and self._newest < offset:
            return False
        for key, row in self._own():
            before = row.before(offset)
            if before.versions and before != row:
                self.rows[key] = before
            elif not before.versions:
                del self.rows[key]
        self._begun = True
        self._build()
        return True

    def put_pod(self, at: int, row: Member) -> None:
        """Store what is known of a pod."""
        self._put(f"pod|{row.pod.key}", Version(at=at, pod=row))

    def put_identity(self, at: int, row: Standing) -> None:
        """Store what is known of an identity."""
        self._put(f"identity|{row.pod.key}", Version(at=at, identity=row))

    def put_freed(self, at: int, address: str) -> None:
        """Store that an address was freed."""
        self._put(f"freed|{address}", Version(at=at, freed=address))

    def put_held(self, at: int, fact: GraphFact) -> None:
        """Keep a mark until it may go on."""
        self._put(f"held|{at}", Version(at=at, held=fact))

    def put_alias(self, at: int, row: Alias) -> None:
        """Store who is seen under an address of elsewhere."""
        self._put(f"alias|{row.address}", Version(at=at, alias=row))

    def put_synced(self, at: int, row: Synced) -> None:
        """Store what of the first sync was seen."""
        self._put("synced", Version(at=at, synced=row))

    def note_committed(self, committed: int) -> None:
        """Take in up to where nobody begins again: what rows said before that is kept no longer."""
        if committed > self.forgotten.done:
            self._put_forgotten(done=committed)

    def forget(self, committed: int) -> None:
        """Drop what only a replay below the committed offset could ask for."""
        self.note_committed(committed)
        for key, row in list(self._own()):
            if row.versions[-1].at < committed and self._is_over(row.versions[-1], committed):
                del self.rows[key]
                self._drop(row.versions[-1])
        self._raise_forgotten(committed)

    def mean(self, identity: PodRef) -> None:
        """Take in what an identity is now."""
        self.means[identity.key] = identity
        self.wearing.select(identity)

    def end(self, key: str) -> None:
        """Take in that an identity is nothing any more."""
        self.means.pop(key, None)
        self.wearing.unselect(key)

    def _build(self) -> None:
        self._newest = -1
        self.pods: dict[str, Member] = {}
        self.identities: dict[str, Standing] = {}
        self.members: defaultdict[str, set[str]] = defaultdict(set)
        self.means: dict[str, PodRef] = {}
        self.wearing = Wearing()
        self.addresses = Addresses()
        self.held: dict[int, GraphFact] = {}
        # Addresses of elsewhere; and by the key of an identity, under which of them it is seen.
        self.aliases: dict[str, Alias] = {}
        self.seen_as: defaultdict[str, set[str]] = defaultdict(set)
        self.synced = Synced()
        self.forgotten = Forgotten()
        # The live ones that have no pods, and those that have no address.
        self.idle: set[str] = set()
        self.waiting: set[str] = set()
        for _, row in self._own():
            self._take_in(row.versions[-1])

    def _own(self) -> list[tuple[str, IdentitiesRow]]:
        prefix = f"{self.name}|"
        return [(key, row) for key, row in list(self.rows.items()) if key.startswith(prefix)]

    def _put(self, key: str, version: Version) -> None:
        known = self.rows.get(f"{self.name}|{key}") or IdentitiesRow()
        kept = known.since(self.forgotten.done).before(version.at)
        self.rows[f"{self.name}|{key}"] = IdentitiesRow(versions=(*kept.versions, version))
        self._take_in(version)

    def _take_in(self, version: Version) -> None:
        self._newest = max(self._newest, version.at)
        if version.pod is not None:
            self._take_pod(version.pod)
        elif version.identity is not None:
            self._take_identity(version.identity)
        elif version.freed is not None:
            self.addresses.free(version.freed, version.at)
        elif version.held is not None:
            self.held[version.at] = version.held
        elif version.alias is not None:
            self._take_alias(version.alias)
        elif version.synced is not None:
            self.synced = version.synced
        elif version.forgotten is not None:
            self.forgotten = version.forgotten

    def _take_pod(self, row: Member) -> None:
        key = row.pod.key
        old = self.pods.get(key)
        if old is not None and old.live:
            discard(self.members, identity_key(old.pod), key)
            self.wearing.take_off(old.pod)
        self.pods[key] = row
        if row.live:
            self.members[identity_key(row.pod)].add(key)
            self.wearing.put_on(row.pod)

    def _take_identity(self, row: Standing) -> None:
        key = row.pod.key
        old = self.identities.get(key)
        if old is not None and old.pod.address:
            self.addresses.release(old.pod.address, key)
        if row.live and row.pod.address:
            self.addresses.hold(row.pod.address, key)
        self.identities[key] = row
        for keys, belongs in (
            (self.idle, row.live and not row.peopled),
            (self.waiting, row.waits),
        ):
            if belongs:
                keys.add(key)
            else:
                keys.discard(key)

    def _take_alias(self, row: Alias) -> None:
        old = self.aliases.get(row.address)
        if old is not None:
            discard(self.seen_as, old.key, row.address)
        self.aliases[row.address] = row
        if row.name:
            self.seen_as[row.key].add(row.address)

    def _is_over(self, version: Version, committed: int) -> bool:
        pod = version.pod
        if pod is not None:
            remembered = pod.rev <= self.forgotten.revs.get(pod.partition, -1)
            # Only after a commit has saved up to where the forgotten are remembered.
            return not pod.live and remembered and self.forgotten.raised_below < committed
        if version.identity is not None:
            return not version.identity.live
        if version.alias is not None:
            return not version.alias.name
        return version.held is not None and version.at < self.synced.opened_at < committed

    def _drop(self, version: Version) -> None:
        if version.pod is not None:
            del self.pods[version.pod.pod.key]
        elif version.identity is not None:
            del self.identities[version.identity.pod.key]
        elif version.alias is not None:
            del self.aliases[version.alias.address]
        else:
            del self.held[version.at]

    def _raise_forgotten(self, committed: int) -> None:
        if self.forgotten.raised_below >= committed:
            return
        revs = dict(self.forgotten.revs)
        for _, row in self._own():
            pod = row.versions[-1].pod
            if pod is not None and not pod.live and row.versions[-1].at < committed:
                revs[pod.partition] = max(pod.rev, revs.get(pod.partition, -1))
        if revs != self.forgotten.revs:
            self._put_forgotten(revs=revs, raised_below=committed)

    def _put_forgotten(self, **changes: object) -> None:
        # Of no fact: whoever begins again before this one has forgotten all the same.
        forgotten = self.forgotten.model_copy(update=changes)
        self._put("forgotten", Version(at=-1, forgotten=forgotten))
