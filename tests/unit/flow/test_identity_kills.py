"""Whatever happens to pods, and wherever who keeps their identities is killed: one end of it."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.flow import identities
from streams.flow.identity_rows import Identities
from streams.flow.output import GRAPH_FACTS, IDENTITY_FACTS, Send
from streams.records.facts import PodClaim
from streams.records.views import PodRef
from tests.simulation.kafka import Broker, Killed, Task
from tests.unit.flow.keeping import OURS, Kept
from tests.unit.flow.pod_histories import Timed, histories
from tests.unit.flow.records import GRAPH


class Heard:
    """Whoever is told, as far as it drops what is old: the last claim of each, and its marks."""

    def __init__(self, broker: Broker) -> None:
        self.claims: dict[str, PodClaim] = {}
        self.marks: list[str] = []
        for _, fact in broker.logs[(GRAPH_FACTS, broker.partition_of(GRAPH))]:
            if fact.claim is not None:
                known = self.claims.get(fact.claim.pod.key)
                if known is None or known.rev < fact.claim.rev:
                    self.claims[fact.claim.pod.key] = fact.claim
            elif fact.mark.id not in self.marks:
                self.marks.append(fact.mark.id)

    @property
    def end(self) -> dict[str, tuple[bool, PodRef]]:
        return {key: (claim.live, claim.pod) for key, claim in self.claims.items()}


class World:
    """The stage on the modelled Kafka, with a history that it is told."""

    def __init__(self, history: list[Timed], ours: identities.Identifying = OURS) -> None:
        self.broker = Broker(1)
        for fact, at in history:
            self.broker.now = at
            self.broker.append(Send(IDENTITY_FACTS, GRAPH, fact))
        self.ours = ours
        self.task = Task(self.broker, IDENTITY_FACTS, 0, self._stage)

    def _stage(self, task: Task):
        rows = task.rows("identities")
        state = self.state = Identities(GRAPH, rows)

        def handle(fact, key, source):
            if source.offset % 7 == 6:
                identities.forget(state, task.committed)
            outputs = identities.handle(state, fact, source, self.ours)
            check(state)
            return outputs

        return handle

    def settle(self) -> World:
        while self.task.behind:
            self.task.process()
        self.task.commit()
        return self

    def with_kills(self, chance: random.Random) -> World:
        """Let it be killed, moved and woken until it is at the end."""
        kills = 0
        while self.task.behind and kills < 30:
            dice = chance.random()
            if dice < 0.6:
                try:
                    self.task.process(chance.randint(0, 4) if chance.random() < 0.15 else -1)
                except Killed:
                    kills += 1
                    self.task.crash(chance, chance.random() < 0.5, False)
            elif dice < 0.75:
                self.task.producer.flush_some(chance)
            elif dice < 0.85:
                self.task.commit()
            else:
                kills += 1
                self.task.crash(chance, chance.random() < 0.5, chance.random() < 0.3)
        self.settle()
        while self.broker.late:
            self.broker.deliver_late(chance)
        return self

    def standing(self) -> dict[str, tuple[object, ...]]:
        """Return who lives and what each is, and when addresses were freed."""
        rows = self.state.identities
        living = {key: (row, self.state.means[key]) for key, row in rows.items() if row.live}
        return living | {"": self.state.addresses.freed}


def check(state: Identities) -> None:
    """What must hold after each fact: no two have one address, and memory is what the rows say."""
    held = [row.pod.address for row in state.identities.values() if row.live and row.pod.address]
    assert len(held) == len(set(held))
    assert not {"198.18.0.0", "198.18.0.1", "198.18.0.7"} & set(held)


SEEDS = st.integers(0, 1 << 32)


@given(SEEDS, SEEDS, st.integers(4, 40))
def test_a_history_with_kills_ends_as_it_ends_without(seed, kills, length):
    history = histories(seed, length)
    calm = World(history).settle()

    killed = World(history).with_kills(random.Random(kills))

    assert killed.standing() == calm.standing()
    assert Heard(killed.broker).end == Heard(calm.broker).end
    assert set(Heard(killed.broker).marks) == set(Heard(calm.broker).marks)


@settings(max_examples=settings().max_examples // 4)
@given(SEEDS, st.integers(4, 40))
def test_a_fact_met_again_says_what_it_said(seed, length):
    history = histories(seed, length)
    kept = Kept()
    said = []
    for fact, at in history:
        kept.now = at - 1
        said.append(kept.tell(fact))

    for begin in (length // 2, 0):
        kept.restart()
        assert [kept.again(offset) for offset in range(begin, length)] == said[begin:]
