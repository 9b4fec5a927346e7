"""Identities, a router and compilers that are told a story; what their policies let through."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from streams.flow import compiler, identities, router
from streams.flow.crossing import Link
from streams.flow.identity_rows import Identities
from streams.flow.judging import Judging
from streams.flow.output import GRAPH_FACTS, IDENTITY_FACTS, Outputs, Send
from streams.records.cause import Source
from streams.records.facts import Aliases, GraphFact
from streams.records.policies import PodRules
from streams.records.reasons import InexactReason
from streams.records.rules import Rule
from streams.records.views import Errs, Inexactness, Service, ServicePort
from tests.reading import allowed_ports
from tests.unit.flow.keeping import OURS, deployment, gone, pod, read
from tests.unit.flow.meant_flows import PORTS, Known, Meant
from tests.unit.flow.records import COMPILING, GRAPH, ROUTING, at, change, listed

NOBODY = "::1"


class Place(NamedTuple):
    """A pod: of which identity, where, and under which address."""

    name: str
    number: int
    cluster: str
    address: str

    @property
    def key(self) -> str:
        """Return the key of its identity."""
        return f"{self.cluster}/default/deployment.{self.name}"

    def seen(self, address: str) -> dict[str, Any]:
        """Return the pod as policies see it, under this address."""
        name = f"{self.name}-{self.number}"
        return {"namespace": "default", "name": name, "labels": {"app": self.name}, "ip": address}


class World:
    """The stages of a graph with their rows; each fact may be handled twice, as after a kill."""

    def __init__(self, clusters: Iterable[str], links: Iterable[Link]) -> None:
        self.clusters = tuple(clusters)
        self.rows: dict[str, Any] = {}
        self.pods: dict[str, Any] = {}
        self.rules: dict[str, Any] = {}
        self.compiled: dict[str, compiler.PodRulesRow] = {}
        self.told: list[GraphFact] = []
        self.routed: list[GraphFact] = []
        self.views, self.listings = itertools.count(1), itertools.count()
        self.kills = 0
        self.link(links)
        self.tell(read())
        self.list()
        self.route(read())

    def link(self, links: Iterable[Link]) -> None:
        """Begin again with other settings."""
        self.links = {(each.source, each.destination): each for each in links}
        judging = Judging(links=tuple(self.links.values()))
        self.routing = ROUTING._replace(clusters=self.clusters, judging=judging)
        self.restart()

    def list(self) -> None:
        """Let every cluster be listed whole."""
        for cluster in self.clusters:
            mark = listed(next(self.listings)).model_copy(update={"cluster": cluster})
            self.route(GraphFact(graph=GRAPH, mark=mark))

    def restart(self) -> None:
        """Build all that is in memory anew from the rows."""
        self.kept = Identities(GRAPH, self.rows)
        self.graph = router.Graph(GRAPH, self.pods, self.rules)

    def replay(self, most: int) -> None:
        """Begin again so many facts ago, at each stage."""
        self.restart()
        for offset in range(max(0, len(self.told) - most), len(self.told)):
            self._pass_on(self._keep(offset))
        known = len(self.routed)
        for offset in range(max(0, known - most), known):
            self._pass_on(self._route(offset))

    def tell(self, fact: GraphFact) -> None:
        """Tell the identities something."""
        self.told.append(fact)
        if self._is_killed():
            self._keep(len(self.told) - 1)
            self.restart()
        self._pass_on(self._keep(len(self.told) - 1))

    def route(self, fact: GraphFact) -> None:
        """Tell the router something."""
        self.routed.append(fact)
        offset = len(self.routed) - 1
        if self._is_killed():
            self._route(offset)
            self.restart()
        self._pass_on(self._route(offset))

    def _is_killed(self) -> bool:
        self.kills -= 1
        return self.kills >= 0

    def _keep(self, offset: int) -> Outputs:
        source = Source(topic=IDENTITY_FACTS, partition=1, offset=offset, at=1.0)
        return identities.handle(self.kept, self.told[offset], source, OURS)

    def _route(self, offset: int) -> Outputs:
        return router.handle(self.graph, self.routed[offset], at(offset), self.routing)

    def _pass_on(self, outputs: Outputs) -> None:
        for sent in outputs:
            if not isinstance(sent, Send):
                continue
            if sent.topic == GRAPH_FACTS and isinstance(sent.value, GraphFact):
                self.route(sent.value)
            elif isinstance(sent.value, PodRules) and sent.value.mark is None:
                place = at(next(self.views))
                compiler.handle(self.compiled, sent.value, sent.key, place, COMPILING)

    def passes(self, source: Place, destination: Place) -> set[int]:
        """Return at which ports packets of one pod arrive at another."""
        if source.cluster == destination.cluster:
            ends = [source.seen(source.address), destination.seen(destination.address)]
            return self._open(source.cluster, ends, *(f"default/{each['name']}" for each in ends))
        link = self.links.get((source.cluster, destination.cluster))
        if link is None:
            return set()
        sends, takes = source.seen(NOBODY), destination.seen(NOBODY)
        to, came = (
            side[0].partition("/")[0] if side else own.address
            for side, own in ((link.dialled, destination), (link.seen, source))
        )
        return self._open(source.cluster, [sends], f"default/{sends['name']}", to) & self._open(
            destination.cluster, [takes], came, f"default/{takes['name']}"
        )

    def untold(self) -> list[str]:
        """Return the keys of the policies that would be others, or say other things, if asked."""
        fresh: dict[str, compiler.PodRulesRow] = {}
        here = at(len(self.routed))
        for sent in router.speak(self.graph, self.graph.index.pods, here, None, self.routing):
            assert isinstance(sent, Send)
            compiler.handle(fresh, sent.value, sent.key, here, COMPILING)
        return [key for key, row in fresh.items() if _said(row) != _said(self.compiled.get(key))]

    def _open(self, cluster: str, pods: list[Any], source: str, destination: str) -> set[int]:
        spans = allowed_ports(list(self._policies(cluster)), pods, source, destination).tcp
        return {port for port in PORTS if any(first <= port <= last for first, last in spans)}

    def _policies(self, cluster: str) -> Iterator[dict[str, Any]]:
        for key, row in self.compiled.items():
            if key.startswith(f"{cluster}/") and row.patch and row.patch.manifest:
                yield row.patch.manifest

    def certified(self, errs: Errs, source: Place, destination: Place, port: int) -> list[bool]:
        """Tell of either half whether it is said to err so for these packets."""
        link = self.links.get((source.cluster, destination.cluster))
        sides = (
            (source, "egress", destination, link.dialled if link else None),
            (destination, "ingress", source, link.seen if link else None),
        )
        return [
            any(
                _names(each, errs, f"{way} {peer.key}", met, port)
                or (link is None and _is_unlinked(each, errs, f"{way} {peer.key}"))
                for met in [", ".join(networks or (peer.address,))]
                for each in self._reports(subject.key)
            )
            for subject, way, peer, networks in sides
        ]

    def _reports(self, key: str) -> tuple[Inexactness, ...]:
        row = self.compiled.get(key)
        return row.patch.inexact if row is not None and row.patch is not None else ()


def _said(row: compiler.PodRulesRow | None) -> tuple[Any, ...]:
    patch = row.patch if row is not None else None
    return (patch.digest, patch.pod_uid, patch.inexact) if patch is not None else ()


def _is_unlinked(report: Inexactness, errs: Errs, rule: str) -> bool:
    said = (report.reason, report.errs, report.rule)
    return said == (InexactReason.OTHER_CLUSTER, errs, rule)


def _names(report: Inexactness, errs: Errs, rule: str, met: str, port: int) -> bool:
    """Tell whether a report is of packets with this port at an address where a peer is met.

    What is wider is so for all who are met there: only one of them is named.
    """
    said = (report.reason, report.errs)
    if said != (InexactReason.SHARED_ADDRESS, errs) or (
        errs is Errs.NARROWER and report.rule != rule
    ):
        return False
    sent, _, destination = report.example.rpartition(" -> ")
    ports, _, source = sent.rpartition(" ")
    spans = [each.partition(" ")[2].split("-") for each in ports.split(", ")]
    reached = ports == "everything" or any(int(one) <= port <= int(two) for one, two in spans)
    return reached and met == (source if rule.startswith("ingress") else destination)


class Story:
    """Does each step in the world, and says it of what is meant."""

    def __init__(
        self, homes: dict[str, str], services: dict[str, str], links: Iterable[Link] = ()
    ) -> None:
        """Begin; ``homes`` are the clusters of all, ``services`` the addresses of Services."""
        clusters = sorted(set(homes.values()))
        self.services = services
        self.meant, self.world = Meant(homes), World(clusters, links)
        self._revs = itertools.count(1)

    def places(self) -> list[Place]:
        """Return the pods that there are."""
        homes, pods = self.meant.homes, self.meant.pods
        return [Place(*key, homes[key[0]], address) for key, address in pods.items()]

    def pod(self, name: str, number: int, address: str | None) -> None:
        held = self.meant.pods.pop((name, number), None)
        if address is None and held is None:
            return
        cluster, of = self.meant.homes[name], deployment(name)
        fact = pod(f"{name}-{number}", next(self._revs), of, address or held, cluster=cluster)
        if address is not None:
            self.meant.pods[name, number] = address
        self.world.tell(fact if address else gone(fact, next(self._revs)))
        own = self.world.kept.identities[f"{cluster}/default/deployment.{name}"].pod.address
        self.meant.addresses[name] = str(own)

    def elsewhere(self, address: str, name: str | None) -> None:
        self.meant.elsewhere.pop(address, None)
        if name is not None:
            self.meant.elsewhere[address] = name
        said, homes = self.meant.elsewhere.items(), self.meant.homes
        named = {each: f"{homes[of]}/default/Deployment/{of}" for each, of in said}
        self.world.tell(GraphFact(graph=GRAPH, aliases=Aliases(named=named, epoch=1)))

    def service(self, name: str, before: str | None, further: frozenset[str]) -> None:
        known, rev = self.meant.services.pop(name, None), next(self._revs)
        if known is None and before is None:
            return
        uid, own = known.uid if known else f"{name}-{rev}", self.services[name]
        cluster = self.meant.homes[name]
        behind = Known(name, uid, cluster, own, frozenset(further), before or "")
        if before is not None:
            self.meant.services[name] = behind
        told = known if before is None and known else behind
        service = Service(
            selector={"app": told.before},
            ports=(ServicePort(port=80, target=8080),),
            further=tuple(sorted(told.aliases)),
        )
        fact = pod(name, rev, None, own, uid=uid, service=service, cluster=cluster)
        self.world.tell(fact if before else gone(fact, rev))

    def said(self, added: list[Rule]) -> None:
        for rule in added:
            self.meant.rules.setdefault(rule, [None, None])
        self.world.route(change(next(self._revs), added=tuple(added)))

    def unsaid(self, number: int) -> None:
        for rule in list(self.meant.rules)[number : number + 1]:
            del self.meant.rules[rule]
            self.world.route(change(next(self._revs), removed=(rule,)))

    def linked(self, links: list[Link]) -> None:
        self.world.link(links)
        self.world.list()

    def restart(self) -> None:
        self.world.restart()

    def replay(self, most: int) -> None:
        self.world.replay(most)

    def killed(self, times: int) -> None:
        self.world.kills = times
