"""What a graph becomes on the way from pods to workloads: new nodes, then one list a firewall."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest

from streams.flow.compiler import Compiling
from streams.flow.foresight import Foresight, Surroundings
from streams.flow.identities import Identifying
from streams.flow.migrating import Pod, bound, meant, will_mean, with_hosts, with_rules
from streams.flow.rewriting import Nodes, rewrite
from streams.flow.router import Routing
from streams.flow.tracker import Tracking
from streams.graph.alignment import align
from streams.graph.edits import AddNeighbour, AddNode, SetRules
from streams.graph.model import GraphState, parse_graph
from streams.graph.wanted import Owner, owner_of
from streams.records.facts import Assignment, FirewallChange
from streams.records.marks import Stamp
from streams.records.pods import PodEvent, PodEventType
from streams.records.rules import Action, Protocol, Rule
from streams.records.views import Workload

pytestmark = pytest.mark.unit

Json = dict[str, Any]
FIREWALL = "10.0.0.1"
PODS = {"web-1": "10.244.0.1", "web-2": "10.244.0.2", "db-1": "10.244.0.3"}
HOMES = {"web": "10.112.0.1", "db": "10.112.0.2"}


def key(name: str) -> str:
    return f"local/default/{name}"


def identity(pod: str) -> str:
    return key(f"deployment.{pod.partition('-')[0]}")


LIVING = {
    key(name): Pod(f"uid-{name}", address, frozenset({identity(name)}))
    for name, address in PODS.items()
}


def allow(source: str, destination: str) -> Rule:
    ends = {"source": source, "destination": destination}
    return Rule(action=Action.ALLOW, protocol=Protocol.TCP, dst_port="80", **ends)


def host(nid: int, address: str, name: str, uid: str) -> Json:
    configuration = {"id": nid, "name": name, "description": uid}
    return {
        "id": nid,
        "name": address,
        "functionalType": "ENDHOST",
        "neighbour": [{"id": nid, "name": FIREWALL}],
        "configuration": configuration,
    }


def graph(rules: list[Rule], *hosts: Json) -> GraphState:
    elements = [rule.model_dump(mode="json", by_alias=True) for rule in rules]
    firewall = {
        "id": 0,
        "name": FIREWALL,
        "functionalType": "FIREWALL",
        "neighbour": [{"id": 100 + each["id"], "name": each["name"]} for each in hosts],
        "configuration": {
            "id": 0,
            "name": FIREWALL,
            "description": "star",
            "firewall": {"defaultAction": "DENY", "elements": elements},
        },
    }
    server = {"id": 99, "name": "10.9.9.9", "functionalType": "WEBSERVER", "configuration": None}
    return parse_graph({"id": 1, "node": [firewall, *hosts, server]})


OF_PODS = [
    host(number, address, key(name), f"uid-{name}")
    for number, (name, address) in enumerate(PODS.items(), 1)
]
OF_WORKLOADS = [
    host(number, address, f"local/default/Deployment/{name}", f"uid-{name}")
    for number, (name, address) in enumerate(HOMES.items(), 11)
]


def test_an_address_means_the_pod_or_the_pods_of_the_workload_that_its_node_stands_for() -> None:
    gone = host(9, "10.244.0.9", key("web-9"), "uid-web-9")
    reborn = host(3, PODS["db-1"], key("db-1"), "uid-of-another")
    found = meant(graph([], *OF_PODS[:2], reborn, gone, OF_WORKLOADS[0]), LIVING, aliases=False)

    assert found[PODS["web-1"]] == {key("web-1")}
    assert found[HOMES["web"]] == {key("web-1"), key("web-2")}
    assert found[PODS["db-1"]] == found["10.244.0.9"] == frozenset()


def test_without_a_node_of_its_own_a_pod_is_meant_alone_or_with_its_workload() -> None:
    of_pods = meant(graph([]), LIVING, aliases=False)
    of_workloads = meant(graph([], *OF_WORKLOADS), LIVING, aliases=True)

    assert of_pods[PODS["web-1"]] == {key("web-1")}
    assert of_workloads[PODS["web-1"]] == {key("web-1"), key("web-2")}


def test_new_nodes_come_and_then_one_list_for_the_firewall_and_nothing_goes() -> None:
    said = [allow(PODS[web], PODS["db-1"]) for web in ("web-1", "web-2")]
    before = graph(said, *OF_PODS)
    hosts = {
        address: Owner(f"local/default/Deployment/{name}", f"uid-{name}")
        for name, address in HOMES.items()
    }
    edits = align(before, with_hosts(before, hosts, FIREWALL))
    assert [type(each) for each in edits] == [AddNode, AddNode, AddNeighbour, AddNeighbour]

    after = graph(said, *OF_PODS, *OF_WORKLOADS)
    assert align(after, with_hosts(after, hosts, FIREWALL)) == []
    homes = {HOMES[name]: frozenset(k for k in LIVING if name in k) for name in HOMES}
    done = rewrite(said, Nodes(meant(after, LIVING, aliases=False), homes))
    (edit,) = align(after, with_rules(after, {FIREWALL: done}))
    assert isinstance(edit, SetRules)
    wanted = allow(HOMES["web"], HOMES["db"])
    assert edit.remaining == [wanted.model_dump(mode="json", by_alias=True)]

    written = graph([wanted], *OF_PODS, *OF_WORKLOADS)
    assert align(written, with_rules(written, {FIREWALL: done})) == []


def event(number: int, name: str) -> PodEvent:
    workload = name.partition("-")[0]
    return PodEvent(
        pod_name=name,
        pod_ip=PODS[name],
        event=PodEventType.ADDED,
        namespace="default",
        uid=f"uid-{name}",
        labels={"app": workload},
        workload=Workload(kind="Deployment", name=workload, selector={"app": workload}),
        stamp=Stamp(lease=0, n=number),
    )


def foresight(assigned: list[Assignment]) -> Foresight:
    identifying = Identifying(
        4, 3, ("local",), IPv4Network("10.112.0.0/24"), frozenset({FIREWALL}), 60.0
    )
    tracking = Tracking(
        "local", ("main",), frozenset({"default"}), frozenset({FIREWALL}), identities=True
    )
    routing, compiling = Routing(4, 3, ("local",)), Compiling("main", 3, ("local",))
    ours = Surroundings("main", tracking, identifying, routing, compiling)
    found = Foresight(ours, assigned)
    for number, name in enumerate(PODS, 1):
        found.hear(event(number, name))
    return found


def test_what_is_foreseen_are_the_policies_of_workloads_with_the_addresses_they_have() -> None:
    name = "local/default/Deployment/db"
    found = foresight([Assignment(address="10.112.0.77", name=name, uid="kept")])
    nodes = found.nodes()
    web, db = nodes[key("deployment.web")], nodes[key("deployment.db")]
    assert (web.address, db.address, db.uid) == ("10.112.0.1", "10.112.0.77", "kept")
    assert owner_of(db) == Owner(name, "kept")
    pods = {
        each: Pod(pod.uid, pod.address, frozenset({identity(pod.name)}))
        for each, pod in found.tracked().items()
    }
    assert will_mean(nodes, pods) == {
        "10.112.0.1": {key("web-1"), key("web-2")},
        "10.112.0.77": {key("db-1")},
    }

    found.say(
        FirewallChange(graph="main", firewall=FIREWALL, added=(allow("10.112.0.1", "10.112.0.77"),))
    )
    patches = found.policies()

    assert patches.keys() == {key("deployment.web"), key("deployment.db")}
    manifest = patches[key("deployment.db")].manifest
    assert manifest is not None
    ports = {"ports": [{"protocol": "TCP", "port": 80}]}
    assert {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], **ports} in (
        manifest["spec"]["ingress"]
    )


def test_a_rule_is_said_of_whom_it_is_bound_to_and_of_nobody_who_is_gone() -> None:
    found = foresight([])
    rule = allow(PODS["web-1"], PODS["db-1"])
    found.say(FirewallChange(graph="main", firewall=FIREWALL, added=(rule,)))
    index = found.graph.index

    (said,) = bound(index).values()
    assert said == allow("10.112.0.1", "10.112.0.2")
    for node in [row for row in index.pods.values() if "db" in row.pod.name]:
        index.put_pod(node.pod.key, node.model_copy(update={"live": False}))
    assert list(bound(index).values()) == [None]
