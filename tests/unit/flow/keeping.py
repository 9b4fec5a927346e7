"""Short words for the tests of identities: pods with workloads, and what is told of them."""

from __future__ import annotations

from collections.abc import MutableMapping
from ipaddress import IPv4Network
from typing import Any

from streams.flow import identities
from streams.flow.identities import Identifying
from streams.flow.identity_rows import Identities
from streams.flow.output import GRAPH_FACTS, IDENTITY_FACTS, Outputs, Refusal, Send
from streams.records.cause import Source
from streams.records.facts import Aliases, Assignment, GraphFact, PodClaim
from streams.records.marks import Mark, MarkKind, Stamp
from streams.records.views import PodRef, Workload
from tests.unit.flow.records import CLUSTER, GRAPH

GRACE = 60.0
OURS = Identifying(
    partitions=2,
    epoch=1,
    clusters=(CLUSTER,),
    addresses=IPv4Network("198.18.0.0/29"),
    reserved=frozenset({"198.18.0.1"}),
    grace_seconds=GRACE,
)
# What a /29 has, but for the one that is reserved.
FIRST, SECOND, THIRD, FOURTH, FIFTH = (f"198.18.0.{last}" for last in range(2, 7))


def deployment(name: str, selector: dict[str, str] | None = None) -> Workload:
    labels = {"app": name} if selector is None else selector
    return Workload(kind="Deployment", name=name, selector=labels)


def pod(
    name: str,
    rev: int,
    workload: Workload | None,
    address: str | None = "10.0.0.1",
    *,
    live: bool = True,
    partition: int = 0,
    **said: Any,
) -> GraphFact:
    """Return what the tracker claims for a pod; it wears what its workload selects."""
    labels = said.pop("labels", (workload.selector if workload else None) or {"app": name})
    ref = PodRef(
        cluster=said.pop("cluster", CLUSTER),
        namespace=said.pop("namespace", "default"),
        name=name,
        uid=said.pop("uid", f"uid-{name}"),
        address=address,
        labels=labels,
        workload=workload,
        **said,
    )
    since = Stamp(lease=1, n=rev)
    claim = PodClaim(pod=ref, live=live, rev=rev, partition=partition, since=since)
    return GraphFact(graph=GRAPH, claim=claim)


def gone(fact: GraphFact, rev: int) -> GraphFact:
    """Return that the pod of a claim is gone."""
    assert fact.claim is not None
    changes = {"live": False, "rev": rev}
    return fact.model_copy(update={"claim": fact.claim.model_copy(update=changes)})


def read(epoch: int = 1) -> GraphFact:
    """Return that Verefoo was read."""
    mark = Mark(kind=MarkKind.FIREWALLS_READ, id="r", graph=GRAPH, epoch=epoch)
    return GraphFact(graph=GRAPH, mark=mark)


def over() -> GraphFact:
    """Return that somebody's grace may be over."""
    return GraphFact(graph=GRAPH, mark=Mark(kind=MarkKind.GRACE_OVER, id="o", graph=GRAPH, epoch=1))


def listed(partition: int, n: int = 0, epoch: int = 1, cluster: str = CLUSTER) -> GraphFact:
    """Return that a partition was listed."""
    stamp = Stamp(lease=1, n=n)
    mark = Mark(
        kind=MarkKind.LIST_COMPLETE,
        id="l",
        cluster=cluster,
        epoch=epoch,
        partition=partition,
        stamp=stamp,
        started=stamp,
    )
    return GraphFact(graph=GRAPH, mark=mark)


def barrier(id: str = "b") -> GraphFact:
    return GraphFact(graph=GRAPH, mark=Mark(kind=MarkKind.BARRIER, id=id))


def found(address: str, name: str, uid: str = "identity-1-1") -> GraphFact:
    """Return for whom a node of Verefoo was found to stand."""
    return GraphFact(graph=GRAPH, assigned=Assignment(address=address, name=name, uid=uid))


def seen_as(epoch: int = 1, **names: str) -> GraphFact:
    """Return that the settings name the Deployments of these names, by ``a1_2_3_4``."""
    named = {
        address[1:].replace("_", "."): f"{CLUSTER}/default/Deployment/{name}"
        for address, name in names.items()
    }
    return GraphFact(graph=GRAPH, aliases=Aliases(named=named, epoch=epoch))


class Kept:
    """The identities of one graph, told one fact after the other; a second passes with each."""

    def __init__(
        self,
        *facts: GraphFact,
        ours: Identifying = OURS,
        rows: MutableMapping[str, Any] | None = None,
    ) -> None:
        self.ours = ours
        self.rows: MutableMapping[str, Any] = {} if rows is None else rows
        self.state = Identities(GRAPH, self.rows)
        self.log: list[tuple[GraphFact, float]] = []
        self.now = 1000.0
        self.tell(*facts)

    def restart(self) -> None:
        """Build from the rows alone."""
        self.state = Identities(GRAPH, self.rows)

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def tell(self, *facts: GraphFact) -> Outputs:
        """Return what follows."""
        outputs: Outputs = []
        for fact in facts:
            self.now += 1
            self.log.append((fact, self.now))
            outputs += self.again(len(self.log) - 1)
        return outputs

    def again(self, offset: int) -> Outputs:
        """Meet a fact again, as after a kill; the first time as well."""
        fact, at = self.log[offset]
        source = Source(topic=IDENTITY_FACTS, partition=1, offset=offset, at=at)
        return identities.handle(self.state, fact, source, self.ours)

    def due(self) -> bool:
        return identities.due(self.state, self.now, self.ours)

    def forget(self) -> None:
        identities.forget(self.state, len(self.log))

    def addresses(self) -> dict[str, str | None]:
        """Return the addresses of those that live."""
        rows = self.state.identities.values()
        return {row.pod.name: row.pod.address for row in rows if row.live}

    def identity(self, name: str) -> PodRef:
        return self.state.means[f"{CLUSTER}/default/{name}"]


def told(outputs: Outputs) -> list[PodClaim]:
    """Return what the router is told."""
    sent = [each.value for each in outputs if isinstance(each, Send) and each.topic == GRAPH_FACTS]
    return [fact.claim for fact in sent if isinstance(fact, GraphFact) and fact.claim is not None]


def marks(outputs: Outputs) -> list[str]:
    sent = [each.value for each in outputs if isinstance(each, Send) and each.topic == GRAPH_FACTS]
    return [fact.mark.id for fact in sent if isinstance(fact, GraphFact) and fact.mark is not None]


def refused(outputs: Outputs) -> list[str]:
    return [each.reason for each in outputs if isinstance(each, Refusal)]
