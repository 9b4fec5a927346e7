"""Store what identities are after a fact, and tell what of it is new."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from streams.flow.identifying import Identifying, next_address, standing, with_address
from streams.flow.identity_rows import Identities, IdentityRow
from streams.flow.output import GRAPH_EDITS, GRAPH_FACTS, Outputs, Refusal, Send
from streams.records.cause import Cause, Source
from streams.records.facts import GraphFact, PodClaim
from streams.records.reasons import LetterReason

_MOST_NAMES = 5


class Telling(NamedTuple):
    """One fact in hand; ``opened``: addresses were given by then."""

    state: Identities
    source: Source
    cause: Cause | None
    ours: Identifying
    opened: bool

    def tell(self, keys: Iterable[str], *, again: bool = False) -> Outputs:
        """Return what of these identities is new; all of them, if the fact is met again."""
        return [output for key in keys for output in self._tell(key, again)]

    def ended(self, row: IdentityRow) -> Outputs:
        """Return that an identity is gone."""
        return self.store(row.model_copy(update={"live": False}), new=True)

    def refused(self, keys: Iterable[str]) -> Outputs:
        """Return that there is no address for some of these identities, if that is so."""
        waiting = [key for key in keys if key in self.state.waiting] if self.opened else []
        named = ", ".join(waiting[:_MOST_NAMES])
        more = f" and {len(waiting) - _MOST_NAMES} more" if len(waiting) > _MOST_NAMES else ""
        return [Refusal(LetterReason.RANGE_EXHAUSTED, named + more)] if waiting else []

    def store(self, row: IdentityRow, *, new: bool) -> Outputs:
        """Store an identity; return its claim, if that says something new."""
        at = self.source.offset
        stamps = {"at": at, "rev": at if new else row.rev, "cause": self.cause}
        row = row.model_copy(update=stamps)
        self.state.put_identity(row)
        return self._say(row) if new else []

    def _tell(self, key: str, again: bool) -> Outputs:
        known = self.state.identities.get(key)
        if known is not None and known.at > self.source.offset:
            # Met again, and the row says already what comes later.
            return self._say(known)
        row = standing(self.state, key, self.source, self.ours)
        if row is None:
            return []
        if self.opened and row.waits:
            address = next_address(self.state, self.ours)
            row = with_address(row, address, self.source, self.ours)
        # Of the same fact: it was killed before it was at its end.
        again |= known is not None and known.at == self.source.offset
        if row == known and not again:
            return []
        meant = known is None or (row.live, row.pod) != (known.live, known.pod)
        return self.store(row, new=again or meant)

    def _say(self, row: IdentityRow) -> Outputs:
        if not self.opened:
            return []
        claim = PodClaim(
            pod=row.pod,
            live=row.live,
            rev=row.rev,
            # Apart from the claims of pods: Services have such.
            partition=self.ours.partitions + self.source.partition,
            since=row.since,
        )
        fact = GraphFact(graph=self.state.name, claim=claim, cause=row.cause)
        return on_both_ways(fact)


def on_both_ways(fact: GraphFact) -> Outputs:
    """Return a fact for whoever routes, and for whoever keeps the graph."""
    return [Send(topic, fact.graph, fact) for topic in (GRAPH_FACTS, GRAPH_EDITS)]
