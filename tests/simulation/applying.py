"""The applier as a model: the agent stores what is wanted, a queue beside it makes it so."""

from __future__ import annotations

from typing import NamedTuple

from streams.flow.fence import Step, Verb, decide, is_ours
from streams.flow.output import Outputs
from streams.records.cause import Source
from streams.records.marks import MarkKind
from streams.records.policies import Outcome, PolicyPatch
from tests.simulation.cluster import Cluster, Conflict
from tests.simulation.kafka import Task

INSTANCE = "demo"
SYNCED = "#synced"


class Call(NamedTuple):
    """A request on its way; it arrives even if whoever sent it has died meanwhile."""

    queue: Queue
    key: str
    step: Step
    decided: int


class Queue:
    """What one partition's owner still compares; a new owner begins with everything."""

    def __init__(self, task: Task, cluster: Cluster, calls: list[Call], epoch: int) -> None:
        self.rows = task.rows("wanted")
        self.partition = task.partition
        self.home = task.topic.rpartition(".")[2]
        self.cluster = cluster
        self.calls = calls
        self.epoch = epoch
        self.partition_of = task.broker.partition_of
        self.keys: set[str] = set()
        self.flying: set[str] = set()
        self.everything()

    def everything(self) -> None:
        """Compare all there is."""
        self.keys |= {key for key in self.rows if key != SYNCED}
        self.keys |= {key for key in self.cluster.policies if self.owns(key)}

    def owns(self, key: str) -> bool:
        """Tell whether the key is of this cluster, and in this partition."""
        return key.startswith(f"{self.home}/") and self.partition_of(key) == self.partition

    def take(self, patch: PolicyPatch, key: str, source: Source) -> Outputs:
        """Store what is wanted and return; this is the agent."""
        if patch.mark is not None:
            if patch.mark.kind is MarkKind.SYNCED:
                self.rows[SYNCED] = patch
                self.everything()
            return []
        known = self.rows.get(key)
        if known is None or known.revision.order <= patch.revision.order:
            self.rows[key] = patch
        self.keys.add(key)
        return []

    @property
    def ready(self) -> list[str]:
        """Return what can be compared now."""
        return sorted(self.keys - self.flying)

    def compare(self, key: str) -> None:
        """Compare wanted with stored, and send the request that follows."""
        self.keys.discard(key)
        step = self._step(key)
        if step.verb is not Verb.NOTHING:
            self.flying.add(key)
            self.calls.append(Call(self, key, step, self.cluster.clock))

    def _step(self, key: str) -> Step:
        stored, wanted = self.cluster.policies.get(key), self.rows.get(key)
        lives = self.cluster.lives(key)
        if wanted is not None:
            return decide(wanted, stored, lives, INSTANCE)
        nothing = Step(Verb.NOTHING, Outcome.UNCHANGED)
        if stored is None or not is_ours(stored, INSTANCE) or lives or not self._synced():
            return nothing
        meta = stored["metadata"]
        return Step(Verb.DELETE, Outcome.DELETED, None, meta["uid"], meta["resourceVersion"])

    def _synced(self) -> bool:
        said = self.rows.get(SYNCED)
        return said is not None and said.mark is not None and said.mark.epoch == self.epoch


def arrive(call: Call) -> None:
    """Let a request reach the API server; after a conflict its sender looks again."""
    call.queue.flying.discard(call.key)
    try:
        call.queue.cluster.carry_out(call.key, call.step, call.decided)
    except Conflict:
        call.queue.keys.add(call.key)
