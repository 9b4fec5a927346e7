"""Short words for the records of these tests."""

from __future__ import annotations

from collections.abc import Iterable

from streams.flow import compiler, router, tracker
from streams.flow.output import GRAPH_FACTS, Outputs, Send
from streams.records.cause import Source
from streams.records.facts import FirewallChange, GraphFact, PodClaim
from streams.records.marks import Mark, MarkKind, Stamp
from streams.records.pods import PodEvent
from streams.records.policies import PolicyPatch
from streams.records.rules import Action, Protocol, Rule
from streams.records.views import PodRef

GRAPH, FIREWALL, CLUSTER = "main", "10.9.0.1", "local"
TRACKING = tracker.Tracking(CLUSTER, (GRAPH,), frozenset({"default"}), frozenset({FIREWALL}))
ROUTING = router.Routing(partitions=1, epoch=1, clusters=(CLUSTER,))
COMPILING = compiler.Compiling("demo", 1, (CLUSTER,))


def at(offset: int, partition: int = 0) -> Source:
    return Source(topic="t", partition=partition, offset=offset)


def told(event: str, uid: str, address: str | None, n: int, name: str = "a", **more) -> PodEvent:
    """Return what a watcher tells of a pod."""
    said = {
        "podName": name,
        "podIP": address,
        "event": event,
        "cluster": CLUSTER,
        "namespace": "default",
        "uid": uid,
        "labels": {"app": name},
        "stamp": {"lease": more.pop("lease", 1), "n": n},
    }
    return PodEvent.model_validate(said | more)


def five(event: str, address: str, name: str = "a") -> PodEvent:
    """Return what a producer of five fields tells."""
    code = {"ADDED": 0, "MODIFIED": 1, "DELETED": 2}[event]
    said = {"podName": name, "podIP": address, "hostname": "h", "event": event, "eventCode": code}
    return PodEvent.model_validate(said)


def listed(n: int, kind: MarkKind = MarkKind.LIST_COMPLETE, lease: int = 1) -> Mark:
    """Return the mark of a listing that began at this stamp."""
    stamp = Stamp(lease=lease, n=n)
    return Mark(kind=kind, id="l", cluster=CLUSTER, epoch=1, stamp=stamp, started=stamp)


def address_of(name: str) -> str:
    return f"10.0.0.{ord(name) - ord('a') + 11}"


def claim(name: str, rev: int, live: bool = True, uid: str = "", address: str = "") -> GraphFact:
    pod = PodRef(
        cluster=CLUSTER,
        namespace="default",
        name=name,
        uid=uid or f"uid-{name}",
        address=address or address_of(name),
        labels={"app": name},
        incarnation=rev,
    )
    since = Stamp(lease=1, n=rev)
    return GraphFact(graph=GRAPH, claim=PodClaim(pod=pod, live=live, rev=rev, since=since))


def allow(source: str, destination: str, port: int | str = 80) -> Rule:
    """Allow TCP between two pods, or any patterns."""
    ends = (address_of(end) if end.isalpha() else end for end in (source, destination))
    known = dict(zip(("source", "destination"), ends, strict=True))
    return Rule(action=Action.ALLOW, protocol=Protocol.TCP, dst_port=str(port), **known)


def change(rev: int, **said) -> GraphFact:
    known = {"graph": GRAPH, "firewall": FIREWALL} | said
    return GraphFact(graph=GRAPH, change=FirewallChange.model_validate(known), rev=(0, rev))


def opening() -> list[GraphFact]:
    """Return the marks that make a router speak."""
    read = Mark(kind=MarkKind.FIREWALLS_READ, id="r", epoch=1)
    return [GraphFact(graph=GRAPH, mark=listed(0)), GraphFact(graph=GRAPH, mark=read)]


class Tracked:
    """A tracker with its rows, told one event after the other."""

    def __init__(self) -> None:
        self.rows: dict[str, tracker.PodRow] = {}
        self.offset = -1

    def tell(self, event: PodEvent, key: str | None = None, partition: int = 0) -> Outputs:
        self.offset += 1
        canonical = event.key(CLUSTER)
        place = at(self.offset, partition)
        return tracker.handle(self.rows, event, key or canonical, place, TRACKING)

    def again(self, event: PodEvent, offset: int) -> Outputs:
        return tracker.handle(self.rows, event, event.key(CLUSTER), at(offset), TRACKING)


class Routed:
    """A router and the compilers behind it: facts in, patches out."""

    def __init__(self, routing: router.Routing = ROUTING) -> None:
        self.routing = routing
        self.pods: dict = {}
        self.rows: dict = {}
        self.compiled: dict[str, compiler.PodRulesRow] = {}
        self.graph = router.Graph(GRAPH, self.pods, self.rows)
        self.facts: list[GraphFact] = []
        self.views = 0

    def restart(self) -> None:
        """Build the index anew from the rows."""
        self.graph = router.Graph(GRAPH, self.pods, self.rows)

    def tell(self, *facts: GraphFact) -> list[PolicyPatch]:
        """Return the patches that follow."""
        patches = []
        for fact in facts:
            self.facts.append(fact)
            outputs = router.handle(self.graph, fact, at(len(self.facts) - 1), self.routing)
            patches += self._compile(outputs)
        return patches

    def again(self, offset: int) -> Outputs:
        """Meet a fact again, as after a crash."""
        return router.handle(self.graph, self.facts[offset], at(offset), self.routing)

    def _compile(self, outputs: Outputs) -> Iterable[PolicyPatch]:
        for output in outputs:
            assert isinstance(output, Send)
            self.views += 1
            place = at(self.views)
            for sent in compiler.handle(self.compiled, output.value, output.key, place, COMPILING):
                if sent.value.mark is None:
                    yield sent.value


def claims(outputs: Outputs) -> list[tuple[str, bool, str, str | None]]:
    """Return what the graph is told: name, live, uid, address."""
    sent = [each for each in outputs if isinstance(each, Send) and each.topic == GRAPH_FACTS]
    found = [each.value.claim for each in sent if each.value.claim is not None]
    return [(one.pod.name, one.live, one.pod.uid, one.pod.address) for one in found]
