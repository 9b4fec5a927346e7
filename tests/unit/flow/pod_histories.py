"""Random histories of pods with workloads, as the tracker tells them."""

from __future__ import annotations

import random
from collections.abc import Iterator

from streams.records.facts import GraphFact
from tests.unit.flow.keeping import GRACE, barrier, deployment, found, gone, listed, over, pod, read

WORKLOADS = (
    deployment("web"),
    deployment("db"),
    deployment("web-canary", {"app": "web"}),
    deployment("none", {}),
    None,
)
LABELS = ({"app": "web"}, {"app": "db"}, {"app": "web", "tier": "x"}, {"tier": "x"})
NAMED = ("local/default/Deployment/web", "local/default/Deployment/old", "local/default/Pod/p0")
Timed = tuple[GraphFact, float]


def histories(seed: int, length: int, names: tuple[str, ...] = NAMED) -> list[Timed]:
    """Return what is told of pods that come, go, change owners and take each other's addresses.

    Nodes of these names may be found in Verefoo before.
    """
    return list(History(random.Random(seed), names).told(length))


class History:
    """Somebody who starts and stops pods; the time that passes is short, or a whole grace."""

    def __init__(self, chance: random.Random, names: tuple[str, ...]) -> None:
        self.chance = chance
        self.names = names
        self.now = 1000.0
        self.rev = 0
        self.claims: dict[str, GraphFact] = {}

    def told(self, length: int) -> Iterator[Timed]:
        begins = self.chance.randrange(length // 2)
        for step in range(length):
            self.now += self.chance.choice((1.0, 1.0, 1.0, GRACE / 2, GRACE))
            if step < begins and self.names and self.chance.random() < 0.2:
                last = self.chance.randrange(2, 7)
                yield found(f"198.18.0.{last}", self.chance.choice(self.names)), self.now
            elif step == begins:
                yield read(), self.now
            else:
                yield self._fact(), self.now

    def _fact(self) -> GraphFact:
        dice = self.chance.random()
        if dice < 0.2:
            return over()
        if dice < 0.3:
            return listed(self.chance.randrange(2), self.chance.randrange(2))
        if dice < 0.35:
            return barrier(f"b{self.rev}")
        name = f"p{self.chance.randrange(5)}"
        known = self.claims.get(name)
        if known is not None and dice < 0.4:
            # Somebody who stood still says it once more.
            return known
        self.rev += 1
        if known is not None and known.claim is not None and known.claim.live and dice < 0.7:
            fact = gone(known, self.rev)
        else:
            fact = self._alive(name)
        self.claims[name] = fact
        return fact

    def _alive(self, name: str) -> GraphFact:
        workload = self.chance.choice(WORKLOADS)
        labels = dict(self.chance.choice(LABELS))
        if workload is not None and workload.selector and self.chance.random() < 0.8:
            labels |= workload.selector
        address = self.chance.choice((None, "10.0.0.1", "10.0.0.2", "10.0.0.3", "198.18.0.4"))
        uid = f"uid-{self.rev}"
        return pod(name, self.rev, workload, address, labels=labels, uid=uid)
