"""What policies let flow is what rules allow, whichever alias of an identity or Service they name.

From pods, Services and settings to policies: who is meant is said here once more, slowly.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from streams.flow import compiler, identities, router
from streams.flow.identity_rows import Identities
from streams.flow.output import GRAPH_FACTS, IDENTITY_FACTS, Outputs, Send
from streams.records.cause import Source
from streams.records.facts import Aliases, GraphFact
from streams.records.policies import PodRules
from streams.records.rules import Action, Rule
from streams.records.views import Service, ServicePort
from tests.reading import allowed_ports
from tests.unit.flow.keeping import FIRST, OURS, SECOND, deployment, gone, pod, read
from tests.unit.flow.records import COMPILING, GRAPH, ROUTING, allow, at, change, listed
from tests.unit.rules.brute_force import Packet, passes

NAMES = "abc"
SERVICES = {"s": "10.96.0.1", "t": "10.96.0.2"}
# Of pods, of load balancers, of elsewhere: anybody may have each of them.
EVERYWHERE = ["10.0.0.1", "10.0.0.2", "203.0.113.1", "203.0.113.2"]
WIDE = ["*", "198.18.0.-1"]
ENDS = [FIRST, SECOND, *EVERYWHERE, *EVERYWHERE, *SERVICES.values(), *WIDE]
PORTS = (80, 8080)
Flows = set[tuple[str, str, int]]


class Known(NamedTuple):
    """Whom a rule may mean: an identity or a Service, as which of several of that name."""

    name: str
    uid: str
    own: str
    aliases: frozenset[str]
    before: str = ""
    """The identity that stands behind a Service."""


class Meant:
    """The pods, Services and rules that there are, and whom rules have come to mean."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.pods: dict[tuple[str, int], str] = {}
        self.elsewhere: dict[str, str] = {}
        self.services: dict[str, Known] = {}
        self.rules: dict[Rule, list[Known | None]] = {}

    def identities(self) -> list[Known]:
        """Return those that ever had a pod: none of them ends here."""
        return [
            Known(name, name, own, frozenset(self._aliases(name)))
            for name, own in self.addresses.items()
        ]

    def _aliases(self, name: str) -> Iterator[str]:
        yield from (address for (of, _), address in self.pods.items() if of == name)
        yield from (address for address, of in self.elsewhere.items() if of == name)

    def bind(self) -> None:
        for rule, ends in self.rules.items():
            for number, name in enumerate((rule.source, rule.destination)):
                ends[number] = ends[number] or self._holder(name)

    def _holder(self, name: str) -> Known | None:
        everybody = [*self.identities(), *self.services.values()]
        own = [one for one in everybody if one.own == name]
        seen = own or [one for one in everybody if name in one.aliases]
        return seen[0] if len(seen) == 1 else None

    def flows(self) -> Flows:
        return {
            (one.name, two.name, port)
            for one, two in itertools.permutations(self.identities(), 2)
            for port in PORTS
            if self._passes(one, two, port)
        }

    def _passes(self, source: Known, destination: Known, port: int) -> bool:
        about = [
            rule.model_copy(update={"source": "*", "destination": "*", "dst_port": reached})
            for rule, (first, second) in self.rules.items()
            if _means(rule, rule.source, first, source)
            for reached in self._reached(rule, second, destination)
        ]
        return passes(about, "DENY", False, "10.0.0.1", "10.0.0.2", Packet("TCP", 1, port))

    def _reached(self, rule: Rule, bound: Known | None, destination: Known) -> Iterator[str]:
        """Yield at which ports of the destination a rule's packets arrive."""
        if _means(rule, rule.destination, bound, destination):
            yield rule.dst_port
        for service in self.services.values():
            named = rule.destination not in WIDE and _means(rule, rule.destination, bound, service)
            if named and service.before == destination.name and rule.dst_port in ("80", "80-81"):
                yield "8080"


def _means(rule: Rule, end: str, bound: Known | None, one: Known) -> bool:
    if end in WIDE:
        return end == "*" or one.own.startswith("198.18.0.")
    if rule.action is Action.ALLOW:
        return bound is not None and (bound.own, bound.uid) == (one.own, one.uid)
    first = bound.own if bound is not None else ""
    return one.own in (end, first) or end in one.aliases


class World:
    """The identities, the router and the compilers behind it, fed by what is said in a story."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}
        self.pods: dict[str, Any] = {}
        self.rules: dict[str, Any] = {}
        self.compiled: dict[str, compiler.PodRulesRow] = {}
        self.facts, self.routed, self.views = (itertools.count(number) for number in (0, 0, 1))
        self.restart()
        self.tell(read())
        self.route(GraphFact(graph=GRAPH, mark=listed(0)))
        self.route(read())

    def restart(self) -> None:
        self.kept = Identities(GRAPH, self.rows)
        self.graph = router.Graph(GRAPH, self.pods, self.rules)

    def tell(self, fact: GraphFact) -> None:
        source = Source(topic=IDENTITY_FACTS, partition=1, offset=next(self.facts), at=1.0)
        self._pass_on(identities.handle(self.kept, fact, source, OURS))

    def route(self, fact: GraphFact) -> None:
        self._pass_on(router.handle(self.graph, fact, at(next(self.routed)), ROUTING))

    def _pass_on(self, outputs: Outputs) -> None:
        for sent in outputs:
            assert isinstance(sent, Send)
            if sent.topic == GRAPH_FACTS and isinstance(sent.value, GraphFact):
                self.route(sent.value)
            elif isinstance(sent.value, PodRules) and sent.value.mark is None:
                place = at(next(self.views))
                compiler.handle(self.compiled, sent.value, sent.key, place, COMPILING)

    def flows(self, names: list[str]) -> Flows:
        patches = [row.patch for row in self.compiled.values()]
        policies = [patch.manifest for patch in patches if patch and patch.manifest]
        pods = [
            {"namespace": "default", "name": name, "labels": {"app": name}, "ip": "::1"}
            for name in names
        ]
        return {
            (one, two, port)
            for one, two in itertools.permutations(names, 2)
            for spans in [allowed_ports(policies, pods, f"default/{one}", f"default/{two}").tcp]
            for port in PORTS
            if any(first <= port <= last for first, last in spans)
        }


rules = st.builds(
    lambda action, ends, port: allow(*ends, port).model_copy(update={"action": action}),
    st.sampled_from([Action.ALLOW, Action.ALLOW, Action.ALLOW, Action.DENY]),
    st.tuples(*[st.sampled_from(ENDS)] * 2),
    st.sampled_from(["80", "80-81", "8080"]),
)
names, addresses = st.sampled_from(NAMES), st.sampled_from(EVERYWHERE)
steps = st.one_of(
    st.tuples(st.just("pod"), names, st.integers(0, 1), addresses | st.none()),
    st.tuples(st.just("pod"), names, st.integers(0, 1), addresses),
    st.tuples(st.just("elsewhere"), addresses, names | st.none()),
    st.tuples(st.just("service"), st.sampled_from("st"), names, st.sets(addresses, max_size=2)),
    st.tuples(st.just("service"), st.sampled_from("st"), st.none(), st.just(frozenset())),
    st.tuples(st.just("said"), st.lists(rules, min_size=1, max_size=2)),
    st.tuples(st.just("said"), st.lists(rules, min_size=1, max_size=2)),
    st.tuples(st.just("unsaid"), st.integers(0, 3)),
    st.tuples(st.just("restart")),
)


class Story:
    """Does each step in the world, and says it of what is meant."""

    def __init__(self) -> None:
        self.meant, self.world = Meant(), World()
        self._revs = itertools.count(1)

    def pod(self, name: str, number: int, address: str | None) -> None:
        held = self.meant.pods.pop((name, number), None)
        fact = pod(f"{name}-{number}", next(self._revs), deployment(name), address or held)
        if address is None and held is None:
            return
        if address is not None:
            self.meant.pods[name, number] = address
        self.world.tell(fact if address else gone(fact, next(self._revs)))
        own = self.world.kept.identities[f"local/default/deployment.{name}"].pod.address
        self.meant.addresses[name] = str(own)

    def elsewhere(self, address: str, name: str | None) -> None:
        self.meant.elsewhere.pop(address, None)
        if name is not None:
            self.meant.elsewhere[address] = name
        said = self.meant.elsewhere.items()
        named = {each: f"local/default/Deployment/{of}" for each, of in said}
        self.world.tell(GraphFact(graph=GRAPH, aliases=Aliases(named=named, epoch=1)))

    def service(self, name: str, before: str | None, further: frozenset[str]) -> None:
        known, rev = self.meant.services.pop(name, None), next(self._revs)
        if known is None and before is None:
            return
        uid, own = known.uid if known else f"{name}-{rev}", SERVICES[name]
        behind = Known(name, uid, own, frozenset(further), before or "")
        if before is not None:
            self.meant.services[name] = behind
        told = known if before is None and known else behind
        service = Service(
            selector={"app": told.before},
            ports=(ServicePort(port=80, target=8080),),
            further=tuple(sorted(told.aliases)),
        )
        fact = pod(name, rev, None, own, uid=uid, service=service)
        self.world.tell(fact if before else gone(fact, rev))

    def said(self, added: list[Rule]) -> None:
        for rule in added:
            self.meant.rules.setdefault(rule, [None, None])
        self.world.route(change(next(self._revs), added=tuple(added)))

    def unsaid(self, number: int) -> None:
        for rule in list(self.meant.rules)[number : number + 1]:
            del self.meant.rules[rule]
            self.world.route(change(next(self._revs), removed=(rule,)))

    def restart(self) -> None:
        self.world.restart()


# A world in which nearly every step is one for somebody.
BUSY = [
    ("pod", "a", 0, EVERYWHERE[0]),
    ("pod", "b", 0, EVERYWHERE[1]),
    ("pod", "c", 0, "10.0.0.9"),
    ("service", "s", "b", frozenset(EVERYWHERE[2:3])),
    ("elsewhere", EVERYWHERE[3], "c"),
]


@given(st.lists(rules, min_size=3, max_size=6), st.lists(steps, max_size=8))
def test_at_every_step_what_flows_is_what_the_rules_allow(
    rules: list[Rule], taken: list[tuple[Any, ...]]
) -> None:
    story = Story()

    for kind, *said in [*BUSY, ("said", rules), *taken]:
        getattr(story, kind)(*said)
        story.meant.bind()
        assert story.world.flows(list(story.meant.addresses)) == story.meant.flows()
