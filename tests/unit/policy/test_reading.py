"""The reader that judges our policies falls into none of the known traps."""

from __future__ import annotations

import pytest

from tests.reading import ALL, Reach, allowed_ports, connects

A = {"namespace": "default", "name": "a", "labels": {"app": "a", "tier": "web"}, "ip": "10.0.0.1"}
B = {"namespace": "default", "name": "b", "labels": {"app": "b"}, "ip": "10.0.0.2"}
C = {"namespace": "shop", "name": "c", "labels": {"app": "c"}, "ip": "10.0.0.3"}
PODS = [A, B, C]
OUTSIDE = "192.0.2.7"
SHOP = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}


def policy(namespace="default", **spec):
    return {"metadata": {"namespace": namespace}, "spec": {"podSelector": {}, **spec}}


def into_b(*rules):
    """A policy for b alone, with these ingress rules."""
    selector = {"matchLabels": {"app": "b"}}
    return policy(podSelector=selector, policyTypes=["Ingress"], ingress=list(rules))


def who_reaches_b(*policies):
    sources = {"a": "default/a", "c": "shop/c", "outside": OUTSIDE}
    return {
        name
        for name, source in sources.items()
        if connects(policies, PODS, source, "default/b", "TCP", 80)
    }


def test_without_policies_everybody_reaches_everybody():
    assert allowed_ports([], PODS, "default/a", "shop/c") == ALL
    assert who_reaches_b() == {"a", "c", "outside"}


def test_a_selected_pod_without_rules_is_closed_but_to_itself():
    assert who_reaches_b(into_b()) == set()
    assert connects([into_b()], PODS, "default/b", "10.0.0.2", "TCP", 80)


@pytest.mark.parametrize("rule", [{}, {"from": []}, {"from": None, "ports": []}])
def test_a_rule_without_peers_admits_all(rule):
    assert who_reaches_b(into_b(rule)) == {"a", "c", "outside"}


@pytest.mark.parametrize(
    ("peers", "admitted"),
    [
        ([{"podSelector": {}}], {"a"}),
        ([{"namespaceSelector": {}}], {"a", "c"}),
        ([SHOP], {"c"}),
        ([{**SHOP, "podSelector": {"matchLabels": {"app": "a"}}}], set()),
        ([SHOP, {"podSelector": {"matchLabels": {"app": "a"}}}], {"a", "c"}),
        ([{"podSelector": {"matchLabels": {"app": "c"}}}], set()),
        ([{"ipBlock": {"cidr": "10.0.0.0/24"}}], {"a", "c"}),
        ([{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.1/32"]}}], {"c", "outside"}),
        ([{"podSelector": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}}], {"a"}),
    ],
)
def test_peers_are_read_as_documented(peers, admitted):
    assert who_reaches_b(into_b({"from": peers})) == admitted


def test_a_rule_with_ports_carries_no_icmp_and_one_without_does():
    narrow = into_b({"ports": [{"port": 80}, {"protocol": "UDP"}]})

    assert allowed_ports([narrow], PODS, "default/a", "default/b") == Reach(
        ((80, 80),), ((0, 65535),), (), False
    )
    assert not connects([narrow], PODS, "default/a", "default/b", "ICMP")
    assert connects([narrow, into_b({})], PODS, "default/a", "default/b", "ICMP")


def test_both_ends_must_agree():
    leave = policy(policyTypes=["Egress"], egress=[{"ports": [{"port": 80, "endPort": 90}]}])
    enter = into_b({"ports": [{"port": 85, "endPort": 99}]})

    reach = allowed_ports([leave, enter], PODS, "default/a", "default/b")

    assert reach == Reach(((85, 90),), (), (), False)


def test_policies_add_up():
    both = [into_b({"from": [SHOP]}), into_b({"from": [{"podSelector": {}}]})]

    assert who_reaches_b(*both) == {"a", "c"}


def test_missing_types_mean_ingress_and_egress_only_if_it_is_there():
    closed = policy(ingress=[])
    both = policy(egress=[{"ports": [{"port": 80}]}])

    assert connects([closed], PODS, "default/a", "shop/c", "TCP", 80)
    assert not connects([both], PODS, "default/a", "shop/c", "TCP", 81)
    assert connects([both], PODS, "default/a", "shop/c", "TCP", 80)


@pytest.mark.parametrize("port", [{"port": 0}, {"port": 9, "endPort": 8}, {"port": 70000}])
def test_what_the_server_would_refuse_is_not_read(port):
    with pytest.raises(ValueError, match="refuses"):
        who_reaches_b(into_b({"ports": [port]}))
