"""The known traps of NetworkPolicy, by their numbers: we write into none, and read every one.

1 to 13 and 17 to 20 are shown here. Established connections (14) are left to each network plugin:
what is promised counts new ones. Whether policies are enforced at all (15) and from the first
moment (16) only packets tell: tests/e2e/test_packets.py and test_births.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from deploy.local.kubernetes.policy_validation import policy_causes
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging
from streams.flow.router import MOST_PEERS
from streams.flow.views import resolve
from streams.policy.flows import Flows
from streams.policy.selection import OWN_LABEL
from streams.policy.stamping import Wearers
from streams.records.views import Errs
from streams.rules.portsets import EVERYTHING, NOTHING
from streams.rules.ranges import ALL_PORTS
from streams.rules.spaces import EVERYWHERE, blocks, minus, networks
from streams.rules.verdict import Exactness
from tests.unit.policy.pods import allow, compiled, manifest, pod, wall
from tests.unit.policy.test_exactness import clusters
from tests.unit.policy.test_exactness import networks as walls

Json = dict[str, Any]
HOME, SHOP = "default", "shop"
HERE = {"kubernetes.io/metadata.name": HOME}


def stored(name: str, namespace: str = HOME, **more: Any) -> Json:
    meta = {"name": name, "namespace": namespace, "labels": {"app": name}}
    return {"metadata": meta, "status": {"podIP": f"10.0.0.{ord(name[0]) - 96}"}, **more}


A, B, C = stored("a"), stored("b"), stored("c", SHOP)
PODS = {each["metadata"]["name"]: each for each in (A, B, C)}


def into_b(**spec: Any) -> Json:
    spec = {"podSelector": {"matchLabels": {"app": "b"}}, **spec}
    return {"metadata": {"name": "p", "namespace": HOME}, "spec": spec}


def read(*policies: Json) -> Flows:
    return Flows(PODS, policies)


def who_reaches_b(*policies: Json) -> set[str]:
    flows = read(*policies)
    return {one for one in "ac" if flows.between(one, "b")}


def every_rule(found: Json) -> list[tuple[str, Json]]:
    spec = found["spec"]
    return [("from", each) for each in spec["ingress"]] + [("to", each) for each in spec["egress"]]


@given(clusters, walls)
def test_1_to_8_nothing_written_is_empty_or_left_to_a_default(pods, firewalls):
    for written in compiled(pods, firewalls)[0]:
        spec = written["spec"]
        assert spec["podSelector"]["matchLabels"]
        assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
        for side, one in every_rule(written):
            assert one[side]
            assert "ports" not in one or one["ports"]
            for peer in one[side]:
                assert peer["podSelector"]["matchLabels"]
                where = peer.get("namespaceSelector", {"matchLabels": HERE})
                assert where["matchLabels"]
            for port in one.get("ports", ()):
                assert port["protocol"] in ("TCP", "UDP", "SCTP")
                assert port.get("endPort", 65536) > port.get("port", 0)
        assert not list(policy_causes(written["spec"]))


def test_1_an_empty_pod_selector_is_every_pod_of_the_namespace():
    closing = into_b(podSelector={}, policyTypes=["Ingress", "Egress"])

    flows = read(closing)

    assert not flows.between("a", "b")
    assert (flows.wall("Ingress", "a").policies, flows.wall("Ingress", "c").policies) == (
        [f"{HOME}/p"],
        [],
    )


@pytest.mark.parametrize("rule", [{}, {"from": []}, {"ports": []}, {"from": None}])
def test_2_and_4_a_rule_that_names_nobody_is_for_everybody(rule):
    assert read(into_b(ingress=[rule])).between("c", "b") == EVERYTHING


def test_2_a_port_without_a_number_is_all_ports_of_its_protocol():
    ports = read(into_b(ingress=[{"ports": [{"protocol": "UDP"}]}])).between("a", "b")

    assert (ports.udp, ports.tcp, ports.other) == (ALL_PORTS, (), False)


def test_3_without_policy_types_egress_is_closed_only_by_a_policy_with_egress_rules():
    assert read(into_b()).wall("Egress", "b").policies == []
    assert read(into_b(egress=[{"ports": [{"port": 53}]}])).wall("Egress", "b").policies
    assert read(into_b(egress=[])).wall("Egress", "b").policies == []


def test_5_two_selectors_in_one_peer_must_both_match():
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SHOP}}}
    who = {"podSelector": {"matchLabels": {"app": "a"}}}

    assert who_reaches_b(into_b(ingress=[{"from": [{**where, **who}]}])) == set()
    assert who_reaches_b(into_b(ingress=[{"from": [where, who]}])) == {"a", "c"}


def test_6_an_empty_namespace_selector_is_every_namespace_and_none_is_our_own():
    assert who_reaches_b(into_b(ingress=[{"from": [{"namespaceSelector": {}}]}])) == {"a", "c"}
    assert who_reaches_b(into_b(ingress=[{"from": [{"podSelector": {}}]}])) == {"a"}


def test_7_a_port_without_a_protocol_is_tcp_and_icmp_needs_all_ports():
    ports = read(into_b(ingress=[{"ports": [{"port": 80}]}])).between("a", "b")

    assert (ports.tcp, ports.udp, ports.other) == (((80, 80),), (), False)


@pytest.mark.parametrize("port", [{"port": "http", "endPort": 90}, {"port": 90, "endPort": 80}])
def test_8_a_range_that_is_none_is_refused(port):
    written = manifest(pod("b"))
    written["spec"]["ingress"] = [{"ports": [{"protocol": "TCP", **port}]}]

    assert list(policy_causes(written["spec"]))


def test_9_a_named_port_is_another_number_on_every_pod():
    ports = [{"name": "http", "containerPort": 8080}]
    named = stored("b", spec={"containers": [{"name": "main", "ports": ports}]})
    opening = into_b(ingress=[{"ports": [{"port": "http"}]}])

    assert Flows({"a": A, "b": named}, [opening]).between("a", "b").tcp == ((8080, 8080),)
    assert read(opening).between("a", "b") == NOTHING


def test_10_a_deny_is_what_no_rule_says_and_another_policy_opens_it_again():
    pods = [pod("a", "10.0.0.1"), pod("b", "10.0.0.2")]
    written, _ = compiled(pods, [wall("DENY TCP * -> *:22", "ALLOW TCP * -> *")])
    theirs = into_b(podSelector={}, ingress=[{}], egress=[{}])

    assert 22 not in _numbers(read(*written).between("a", "b").tcp)
    opened = read(*written, theirs)
    assert 22 in _numbers(opened.between("a", "b").tcp)
    assert f"{HOME}/p" in opened.opening("a", "b", EVERYTHING)


def test_11_no_policy_closes_a_pod_to_itself_and_none_pretends_to():
    assert ("b", "b") not in {(one, two) for one, two, _ in read(into_b())}


def test_12_a_pod_on_its_nodes_network_has_no_address_of_its_own_and_no_rule_means_it():
    index = GraphIndex()

    assert resolve(index, pod("agent", address=None), Judging()).allowances == ()


def test_13_no_block_of_addresses_covers_a_pod():
    outside = minus(EVERYWHERE, networks(["10.0.0.0/8", "192.168.0.0/16"]))
    written = {
        "metadata": {"name": "p", "namespace": HOME},
        "spec": {
            "podSelector": {},
            "ingress": [
                {
                    "from": [
                        {"ipBlock": {"cidr": one.cidr, "except": list(one.excepted)}}
                        for one in blocks(outside)
                    ]
                }
            ],
        },
    }

    assert who_reaches_b(written) == set()


@pytest.mark.parametrize(
    ("exactness", "errs", "ports"),
    [(Exactness.WIDEN, Errs.WIDER, ((80, 80),)), (Exactness.STRICT, Errs.NARROWER, ())],
)
def test_17_a_source_port_is_never_dropped_without_a_word(exactness, errs, ports):
    pods = [pod("a", "10.0.0.1"), pod("b", "10.0.0.2")]

    written, reported = compiled(pods, [wall("ALLOW TCP 10.0.0.1:999 -> 10.0.0.2:80")], exactness)

    assert read(*written).between("a", "b").tcp == ports
    (report,) = reported["10.0.0.1", "10.0.0.2"]
    assert (report.reason, report.errs) == ("source-port", errs)
    assert report.example


def test_18_a_closed_pod_may_not_even_ask_for_names():
    resolver = stored("c", "kube-system")
    flows = Flows({"b": B, "c": resolver}, [manifest(pod("b"))])

    assert flows.between("b", "c") == NOTHING


def test_19_a_name_that_is_too_long_for_a_label_gets_one_that_is_not():
    long = pod("n" * 253, uid="0e7d0c2f-6a0f-4c0b-8d4e-0c9d8f0a1b2c")
    wearers = Wearers()

    (due,) = wearers.put(long)

    assert wearers.needs(due)
    stamped = due.model_copy(update={"labels": {OWN_LABEL: due.uid}})
    assert len(manifest(stamped)["spec"]["podSelector"]["matchLabels"][OWN_LABEL]) <= 63


def test_20_a_policy_with_the_most_peers_is_far_smaller_than_what_etcd_takes():
    names = [f"{'p' * 57}-{number:05d}" for number in range(MOST_PEERS)]
    peers = [pod(name, namespace="n" * 63) for name in names]
    spans = ("TCP 1-9", "UDP 53", "SCTP 7")

    # As JSON, with a namespace and a name as long as they may be.
    written = manifest(pod("b"), *(allow("ingress", peer, *spans) for peer in peers))

    assert 100_000 < len(str(written)) < 1_000_000


def _numbers(spans: Any) -> set[int]:
    return {number for first, last in spans for number in range(first, last + 1)}
