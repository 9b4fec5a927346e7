"""A rule between two clusters becomes its half in each, and says what that widens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.flow import router
from streams.flow.crossing import Link
from streams.flow.judging import Judging
from streams.flow.output import Refusal, Send
from streams.records.facts import GraphFact, PodClaim
from streams.records.marks import Mark, MarkKind, Stamp
from streams.records.reasons import InexactReason, LetterReason
from streams.records.views import Errs, Identity, PodRef, Service, ServicePort
from streams.rules.verdict import Exactness
from tests.reading import Reach, allowed_ports
from tests.unit.flow.records import GRAPH, ROUTING, Routed, allow, at, change, listed
from tests.unit.rules.brute_force import packets, passes
from tests.unit.rules.worlds import rules

ONE, TWO = "one", "two"
# Two pods in each cluster.
HOMES = {"a": ONE, "b": ONE, "c": TWO, "d": TWO}
ADDRESSES = {name: f"10.{1 + (home == TWO)}.0.{ord(name)}" for name, home in HOMES.items()}
GATES = {ONE: "172.16.1.1", TWO: "172.16.2.1"}
NOTHING = Reach((), (), (), False)
patterns = st.sampled_from([*ADDRESSES.values(), *ADDRESSES.values(), "*", "10.1.0.-1"])


def claim(who: str, rev: int = 0, live: bool = True, **pod: Any) -> GraphFact:
    """Claim an address for a pod, or for an identity."""
    said = {
        "cluster": HOMES[who],
        "namespace": "default",
        "name": who,
        "uid": f"uid-{who}",
        "address": ADDRESSES[who],
        "labels": {"app": who},
    }
    ref = PodRef.model_validate(said | pod)
    since = Stamp(lease=1, n=0)
    # Each cluster counts for itself: what one says is never older than what the other said.
    partition = int(HOMES[who] == TWO)
    told = PodClaim(pod=ref, live=live, rev=rev, partition=partition, since=since)
    return GraphFact(graph=GRAPH, claim=told)


def workload(name: str, rev: int, *aliases: str, live: bool = True) -> GraphFact:
    """Claim an address for a Deployment that is seen under its pods' addresses as well."""
    said = Identity(kind="Deployment", name=name, selector={"app": name}, aliases=aliases)
    return claim(name, rev, live, name=f"deployment.{name}", identity=said)


def opening() -> list[GraphFact]:
    """Return the marks that make the router speak: each cluster is listed, the graph is read."""
    lists = [listed(0).model_copy(update={"cluster": home}) for home in (ONE, TWO)]
    read = Mark(kind=MarkKind.FIREWALLS_READ, id="r", epoch=1)
    return [GraphFact(graph=GRAPH, mark=mark) for mark in (*lists, read)]


def world(links: Iterable[Link], *facts: GraphFact, **judging: Any) -> Routed:
    read = Judging(links=tuple(links), **judging)
    routed = Routed(ROUTING._replace(clusters=(ONE, TWO), judging=read))
    routed.tell(*facts, *opening())
    return routed


def halves(routed: Routed, source: str, destination: str, links: Iterable[Link]) -> list[Reach]:
    """Return what the source's cluster lets out to the destination, and what its lets in."""
    by_pair = {(each.source, each.destination): each for each in links}
    link = by_pair.get((HOMES[source], HOMES[destination]))
    if HOMES[source] == HOMES[destination]:
        ends = (ADDRESSES[source], ADDRESSES[destination])
        return [allowed_ports(manifests(routed, HOMES[source]), known(HOMES[source]), *ends)]
    dialled = (link.dialled if link else None) or (f"{ADDRESSES[destination]}/32",)
    seen = (link.seen if link else None) or (f"{ADDRESSES[source]}/32",)
    out = (ADDRESSES[source], dialled[0].partition("/")[0])
    into = (seen[0].partition("/")[0], ADDRESSES[destination])
    return [
        allowed_ports(manifests(routed, home), known(home), *ends)
        for home, ends in ((HOMES[source], out), (HOMES[destination], into))
    ]


def manifests(routed: Routed, cluster: str) -> list[dict[str, Any]]:
    return [
        row.patch.manifest
        for key, row in sorted(routed.compiled.items())
        if key.startswith(f"{cluster}/") and row.patch and row.patch.manifest
    ]


def known(cluster: str) -> list[dict[str, Any]]:
    return [
        {"namespace": "default", "name": name, "labels": {"app": name}, "ip": ADDRESSES[name]}
        for name, home in HOMES.items()
        if home == cluster
    ]


def reported(routed: Routed, name: str) -> set[tuple[str, str, Errs]]:
    found = [row.patch for key, row in routed.compiled.items() if key.endswith(f"/{name}")]
    return {
        (each.rule, each.reason, each.errs)
        for patch in found
        if patch is not None
        for each in patch.inexact
    }


def lets(reach: Reach, packet: Any) -> bool:
    if packet.protocol == "ICMP":
        return reach.icmp
    spans = getattr(reach, packet.protocol.lower())
    return any(first <= packet.dst_port <= last for first, last in spans)


@st.composite
def two_links(draw: Any) -> list[Link]:
    found = []
    for source, destination in ((ONE, TWO), (TWO, ONE)):
        sides = [
            draw(st.sampled_from([None, (f"{GATES[home]}/32",)])) for home in (source, destination)
        ]
        if draw(st.booleans()):
            found.append(Link(source, destination, *sides))
    return found


@settings(max_examples=2 * settings().max_examples)
@given(
    st.lists(rules(patterns), max_size=5),
    st.booleans(),
    two_links(),
    st.sampled_from(Exactness),
)
def test_the_halves_together_let_through_what_the_rules_do(said, ordered, links, exactness):
    facts = [claim(name) for name in HOMES]
    elements = change(0, elements=tuple(said), ordered=ordered)
    routed = world(links, *facts, elements, exactness=exactness)

    pairs = {(each.source, each.destination): each for each in links}
    for source in HOMES:
        for destination in HOMES.keys() - {source}:
            out, *into = halves(routed, source, destination, links)
            ends = (ADDRESSES[source], ADDRESSES[destination])
            pair = (HOMES[source], HOMES[destination])
            link = pairs.get(pair)
            closed = pair[0] != pair[1] and link is None
            shared = link and (link.seen or link.dialled)
            unsaid = exactness is Exactness.STRICT or any(
                each.errs is Errs.NARROWER
                for row in routed.compiled.values()
                if row.patch
                for each in row.patch.inexact
                if each.reason not in (InexactReason.OTHER_CLUSTER, InexactReason.SHARED_ADDRESS)
            )
            widened = any(each.src_port != "*" for each in said)
            for packet in packets(said):
                meant = passes(said, "DENY", ordered, *ends, packet)
                done = lets(out, packet) and all(lets(each, packet) for each in into)
                if closed or (shared and exactness is Exactness.STRICT):
                    assert not done
                elif not (link and link.dialled and link.seen):
                    # With one side exact, what the other side shares opens nothing among ours.
                    assert done <= meant or widened, (*ends, packet)
                    assert done >= meant or unsaid, (*ends, packet)
                else:
                    assert done >= meant or unsaid, (*ends, packet)


A_TO_C = change(0, added=(allow(ADDRESSES["a"], ADDRESSES["c"]),))
ROUTED = Link(ONE, TWO)
HIDDEN = Link(ONE, TWO, seen=(f"{GATES[ONE]}/32",))


def specs(routed: Routed, name: str) -> Any:
    (found,) = [
        each["spec"]
        for each in manifests(routed, HOMES[name])
        if each["metadata"]["name"].endswith(name)
    ]
    return found


def blocks(routed: Routed, name: str, side: str) -> list[str]:
    """Return the address blocks of one direction of a policy."""
    rows = specs(routed, name)["ingress" if side == "from" else "egress"]
    return [peer["ipBlock"]["cidr"] for rule in rows for peer in rule[side] if "ipBlock" in peer]


def test_each_cluster_gets_the_half_with_its_own_pod_in_it():
    routed = world([HIDDEN], *map(claim, HOMES), A_TO_C)
    port = [{"protocol": "TCP", "port": 80}]

    assert specs(routed, "a")["podSelector"] == {"matchLabels": {"app": "a"}}
    to = [{"ipBlock": {"cidr": f"{ADDRESSES['c']}/32"}}]
    assert specs(routed, "a")["egress"] == [{"to": to, "ports": port}]
    came = [{"ipBlock": {"cidr": f"{GATES[ONE]}/32"}}]
    assert specs(routed, "c")["ingress"] == [{"from": came, "ports": port}]
    assert blocks(routed, "b", "to") == blocks(routed, "d", "from") == []


def test_what_a_shared_address_widens_is_said_where_it_is_widened():
    routed = world([HIDDEN], *map(claim, HOMES), A_TO_C)

    shared = ("ingress one/default/a", InexactReason.SHARED_ADDRESS, Errs.WIDER)
    assert reported(routed, "c") == {shared}
    assert reported(routed, "a") == set()


def test_strictly_nothing_is_allowed_at_a_shared_address():
    routed = world([HIDDEN], *map(claim, HOMES), A_TO_C, exactness=Exactness.STRICT)

    left_out = ("ingress one/default/a", InexactReason.SHARED_ADDRESS, Errs.NARROWER)
    assert reported(routed, "c") == {left_out}
    assert blocks(routed, "c", "from") == []


def test_without_a_link_it_is_said_on_both_sides_that_nothing_flows():
    routed = world([Link(TWO, ONE)], *map(claim, HOMES), A_TO_C)

    none = (InexactReason.OTHER_CLUSTER, Errs.NARROWER)
    assert reported(routed, "a") == {("egress two/default/c", *none)}
    assert reported(routed, "c") == {("ingress one/default/a", *none)}


def test_where_pods_are_routed_the_other_cluster_follows_a_workloads_addresses():
    routed = world([ROUTED], workload("a", 0, "10.1.7.1"), workload("c", 0, "10.2.7.1"), A_TO_C)
    assert blocks(routed, "c", "from") == ["10.1.7.1/32"]
    assert blocks(routed, "a", "to") == ["10.2.7.1/32"]

    patches = routed.tell(workload("a", 1, "10.1.7.1", "10.1.7.9"))
    assert blocks(routed, "c", "from") == ["10.1.7.1/32", "10.1.7.9/32"]
    assert {each.key for each in patches} == {"two/default/deployment.c"}

    routed.tell(workload("a", 2))
    assert blocks(routed, "c", "from") == []
    routed.tell(workload("a", 3, "10.1.7.2"))
    assert blocks(routed, "c", "from") == ["10.1.7.2/32"]


def test_where_an_address_is_shared_scaling_writes_nothing_in_the_other_cluster():
    routed = world([HIDDEN], workload("a", 0, "10.1.7.1"), workload("c", 0, "10.2.7.1"), A_TO_C)

    assert routed.tell(workload("a", 1, "10.1.7.1", "10.1.7.9"), workload("a", 2)) == []


def test_an_address_that_two_clusters_claim_is_written_for_neither_until_one_lets_go():
    routed = world([ROUTED], workload("a", 0, "10.1.7.1"), workload("c", 0, "10.2.7.1"), A_TO_C)

    routed.tell(workload("d", 0, "10.1.7.1"))
    assert blocks(routed, "c", "from") == []
    twice = ("ingress one/default/deployment.a", InexactReason.SHARED_ADDRESS, Errs.NARROWER)
    assert reported(routed, "deployment.c") == {twice}

    routed.tell(workload("d", 1))
    assert blocks(routed, "c", "from") == ["10.1.7.1/32"]


def test_an_address_of_pods_in_two_clusters_is_nobodys_and_refused():
    routed = world([ROUTED], *map(claim, HOMES), A_TO_C)
    same = claim("d", 1, address=ADDRESSES["a"])
    outputs = router.handle(routed.graph, same, at(50), routed.routing)

    refused = [each for each in outputs if isinstance(each, Refusal)]
    assert [each.reason for each in refused] == [LetterReason.ADDRESS_TWICE]
    assert "one/default/a and two/default/d" in refused[0].detail
    list(routed._compile([each for each in outputs if not isinstance(each, Refusal)]))
    assert blocks(routed, "c", "from") == []

    routed.facts += [same] * 60
    routed.tell(claim("d", 2, address=ADDRESSES["d"]))
    assert blocks(routed, "c", "from") == [f"{ADDRESSES['a']}/32"]


aliases = st.lists(st.sampled_from([f"10.3.0.{n}" for n in range(3)]), max_size=2, unique=True)


@given(
    two_links(),
    st.lists(st.tuples(st.sampled_from(sorted(HOMES)), aliases, st.booleans()), max_size=8),
    st.lists(rules(patterns), max_size=3),
)
def test_whatever_comes_and_goes_the_policies_are_those_of_who_is_there(links, changes, said):
    begin = [workload(name, 0) for name in HOMES]
    stated = change(0, elements=tuple(said))
    lived = world(links, *begin, stated)
    newest = {name: fact for name, fact in zip(HOMES, begin, strict=True)}
    for rev, (name, held, live) in enumerate(changes, 1):
        newest[name] = workload(name, rev, *sorted(held), live=live)
        lived.tell(newest[name])

    anew = world(links, *begin, stated, *newest.values())
    for home in (ONE, TWO):
        found = [(each["metadata"]["name"], each["spec"]) for each in manifests(lived, home)]
        fresh = [(each["metadata"]["name"], each["spec"]) for each in manifests(anew, home)]
        assert found == fresh


@pytest.mark.parametrize("silent", [ONE, TWO])
def test_a_cluster_that_is_silent_keeps_its_pods_and_its_half(silent):
    routed = world([ROUTED], *map(claim, HOMES), A_TO_C)
    before = [manifests(routed, home) for home in (ONE, TWO)]

    routed.restart()
    other = ONE if silent == TWO else TWO
    for n in range(1, 4):
        mark = listed(n).model_copy(update={"cluster": other})
        assert routed.tell(GraphFact(graph=GRAPH, mark=mark)) == []

    assert [manifests(routed, home) for home in (ONE, TWO)] == before


def service(
    home: str, rev: int, address: str, *further: str, live: bool = True, **selector: str
) -> GraphFact:
    """Claim addresses for a Service, behind which are the pods with these labels; else nobody."""
    said = Service(ports=(ServicePort(port=80, target=80),), further=further, selector=selector)
    who = "a" if home == ONE else "c"
    return claim(who, rev, live, name="s", uid="s", address=address, labels={}, service=said)


@pytest.mark.parametrize("claimed", [("10.1.7.1",), ("10.96.0.1", "10.1.7.1")])
def test_an_address_that_a_service_has_as_well_is_written_for_nobody_until_it_lets_go(claimed):
    routed = world([ROUTED], workload("a", 0, "10.1.7.1"), workload("c", 0, "10.2.7.1"), A_TO_C)

    routed.tell(service(TWO, 1, *claimed))
    assert blocks(routed, "c", "from") == []
    routed.tell(service(TWO, 2, *claimed, live=False))
    assert blocks(routed, "c", "from") == ["10.1.7.1/32"]
    routed.tell(service(TWO, 3, *claimed))
    assert blocks(routed, "c", "from") == []


def test_an_address_is_nobodys_also_while_one_of_two_claimants_has_none_of_his_own():
    routed = world([ROUTED], workload("a", 0, "10.1.7.1"), workload("c", 0, "10.2.7.1"), A_TO_C)
    said = Identity(kind="Deployment", name="d", selector={"app": "d"}, aliases=("10.1.7.1",))

    routed.tell(claim("d", 1, name="deployment.d", address=None, identity=said))
    assert blocks(routed, "c", "from") == []
    routed.tell(change(1, added=(allow("10.1.7.1", ADDRESSES["c"], 81),)))
    assert routed.graph.index.holder("10.1.7.1") is None

    routed.tell(workload("d", 2))
    assert blocks(routed, "c", "from") == ["10.1.7.1/32"]
    ports = [{"protocol": "TCP", "port": 80, "endPort": 81}]
    assert specs(routed, "c")["ingress"][0]["ports"] == ports


def relisted(n: int) -> GraphFact:
    """Return that one of the clusters was listed whole once more."""
    return GraphFact(graph=GRAPH, mark=listed(n).model_copy(update={"cluster": ONE}))


def test_a_link_that_is_taken_out_of_the_settings_closes_at_the_next_listing():
    routed = world([ROUTED], *map(claim, HOMES), A_TO_C)
    assert blocks(routed, "a", "to") == [f"{ADDRESSES['c']}/32"]
    assert blocks(routed, "c", "from") == [f"{ADDRESSES['a']}/32"]

    routed.routing = routed.routing._replace(judging=Judging())
    routed.restart()
    routed.tell(relisted(1))
    assert blocks(routed, "a", "to") == blocks(routed, "c", "from") == []

    outputs = router.handle(routed.graph, relisted(2), at(50), routed.routing)
    assert [each for each in outputs if isinstance(each, Send) and each.value.mark is None] == []


def test_what_other_settings_close_is_said_again_where_a_kill_lost_it():
    routed = world([ROUTED], *map(claim, HOMES), A_TO_C)
    routed.routing = routed.routing._replace(judging=Judging())
    routed.restart()
    lost = router.handle(routed.graph, relisted(1), at(len(routed.facts)), routed.routing)

    routed.restart()
    routed.tell(relisted(1))

    assert any(isinstance(each, Send) and each.key == "two/default/c" for each in lost)
    assert blocks(routed, "a", "to") == blocks(routed, "c", "from") == []
