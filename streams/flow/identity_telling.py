"""Store how identities stand after a fact, and tell what of it is new."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from streams.flow.identifying import Identifying, meaning, next_address, standing, with_address
from streams.flow.identity_rows import Identities, Standing
from streams.flow.output import GRAPH_EDITS, GRAPH_FACTS, Outputs, Refusal, Send
from streams.records.cause import Cause, Source
from streams.records.facts import GraphFact, PodClaim
from streams.records.reasons import LetterReason
from streams.records.views import PodRef

_MOST_NAMES = 5


class Telling(NamedTuple):
    """One fact in hand; ``opened``: addresses are given by now."""

    state: Identities
    source: Source
    cause: Cause | None
    ours: Identifying
    opened: bool

    def tell(self, keys: Iterable[str], *, again: bool = False) -> Outputs:
        """Return what of these identities is new; all that live, if it is to be told again."""
        return [output for key in keys for output in self._tell(key, again)]

    def end(self, key: str) -> Outputs:
        """Return that an identity is gone."""
        row, pod = self.state.identities[key], self.state.means[key]
        if row.pod.address is not None:
            self.state.put_freed(self.source.offset, row.pod.address)
        self.state.put_identity(self.source.offset, row.model_copy(update={"live": False}))
        self.state.end(key)
        return self._say(row, pod, live=False)

    def refused(self, keys: Iterable[str]) -> Outputs:
        """Return that there is no address for some of these identities, if that is so."""
        waiting = [key for key in keys if key in self.state.waiting] if self.opened else []
        more = f" and {len(waiting) - _MOST_NAMES} more" if len(waiting) > _MOST_NAMES else ""
        named = f"none for {', '.join(waiting[:_MOST_NAMES])}{more}"
        return [Refusal(LetterReason.RANGE_EXHAUSTED, named)] if waiting else []

    def _tell(self, key: str, again: bool) -> Outputs:
        row = standing(self.state, key, self.source, self.ours)
        if row is None or not row.live:
            return []
        if self.opened and row.waits:
            address = next_address(self.state, self.ours)
            row = with_address(row, address, self.source, self.ours)
        if row != self.state.identities.get(key):
            self.state.put_identity(self.source.offset, row)
        pod = meaning(self.state, row, self.ours)
        if pod == self.state.means.get(key) and not again:
            return []
        self.state.mean(pod)
        return self._say(row, pod, live=True) if self.opened else []

    def _say(self, row: Standing, pod: PodRef, *, live: bool) -> Outputs:
        claim = PodClaim(
            pod=pod,
            live=live,
            rev=self.source.offset,
            # Apart from the claims of pods: Services have such.
            partition=self.ours.partitions + self.source.partition,
            since=row.since,
        )
        return on_both_ways(GraphFact(graph=self.state.name, claim=claim, cause=self.cause))


def on_both_ways(fact: GraphFact) -> Outputs:
    """Return a fact for whoever routes, and for whoever keeps the graph."""
    return [Send(topic, fact.graph, fact) for topic in (GRAPH_FACTS, GRAPH_EDITS)]
