"""The same meaning has the same bytes; another meaning has others."""

from __future__ import annotations

import copy
import hashlib

import pytest

from streams.policy.canonical import canonical, digest, spec_equal
from tests.unit.policy.pods import allow, manifest, pod

A, B, C = pod("pod-a"), pod("pod-b"), pod("pod-c", namespace="other")
FROM_B = {"from": [{"podSelector": {"matchLabels": {"app": "pod-b"}}}]}
WRITTEN = manifest(
    A,
    allow("ingress", B, "TCP 80", "TCP 90-99", "UDP 53"),
    allow("ingress", C, "TCP 80"),
    allow("egress", B, everything=True),
)


def ingress(*rules, **more):
    return {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": list(rules), **more}


def ports(*given):
    return ingress({**FROM_B, "ports": list(given)})


def backwards(value):
    """Turn every list and every mapping around."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(one) for one in reversed(value)] if isinstance(value, list) else value


def doubled(value):
    """Say every entry of every list twice."""
    if isinstance(value, dict):
        return {key: doubled(inner) for key, inner in value.items()}
    return [doubled(one) for one in value for _ in range(2)] if isinstance(value, list) else value


def test_backwards_and_doubled_manifests_have_the_same_bytes():
    assert canonical(backwards(WRITTEN)) == canonical(WRITTEN)
    assert canonical(doubled(WRITTEN)) == canonical(WRITTEN)


def test_the_one_spelling_is_its_own_spelling():
    spec = copy.deepcopy(WRITTEN["spec"])

    assert spec_equal(spec, WRITTEN["spec"])
    assert spec == WRITTEN["spec"]


def test_a_digest_is_half_a_sha256():
    assert digest(b"x") == hashlib.sha256(b"x").hexdigest()[:32]


def test_annotations_count():
    noted = copy.deepcopy(WRITTEN)
    noted["metadata"]["annotations"] = {"vereflow.io/pod-uid": "1"}

    assert canonical(noted) != canonical(WRITTEN)


@pytest.mark.parametrize(
    ("stored", "ours"),
    [
        (ports({"port": 80, "protocol": "TCP"}), ports({"port": 80})),
        (ports({"port": 80, "endPort": 80}), ports({"port": 80})),
        (ports({"port": 80}, {"port": 81}), ports({"port": 80, "endPort": 81})),
        (ports({"protocol": "UDP"}), ports({"protocol": "UDP"}, {"protocol": "UDP", "port": 5})),
        (ingress({**FROM_B, "ports": []}), ingress(FROM_B)),
        (ingress({"from": []}), ingress({})),
        (ingress(FROM_B, {**FROM_B, "ports": [{"port": 80}]}), ingress(FROM_B)),
        (ingress(FROM_B, egress=[]), ingress(FROM_B)),
        ({"podSelector": {}, "ingress": [FROM_B]}, ingress(FROM_B)),
        ({"policyTypes": ["Ingress"], "ingress": [FROM_B]}, ingress(FROM_B)),
        (ports({"port": "web", "protocol": "TCP"}), ports({"port": "web"})),
        (
            ingress({"from": [{"podSelector": {"matchLabels": {}}}]}),
            ingress({"from": [{"podSelector": {}}]}),
        ),
    ],
)
def test_what_the_server_fills_in_changes_no_meaning(stored, ours):
    assert spec_equal(stored, ours)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ingress(FROM_B), ingress()),
        (ingress(FROM_B), ingress({})),
        (ingress(FROM_B), ports({"protocol": "TCP"})),
        (ports({"protocol": "TCP"}), ports({"protocol": "UDP"})),
        (ports({"port": 80}), ports({"port": 80, "endPort": 81})),
        (ports({"port": 80}), ports({"port": "80"})),
        (ingress(FROM_B), ingress(FROM_B, policyTypes=["Ingress", "Egress"])),
        (ingress(), ingress(podSelector={"matchLabels": {"app": "pod-a"}})),
        (
            ingress({"from": [{"podSelector": {}}]}),
            ingress({"from": [{"podSelector": {}, "namespaceSelector": {}}]}),
        ),
        (
            ingress({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}),
            ingress({"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}),
        ),
    ],
)
def test_another_meaning_is_told_apart(one, other):
    assert not spec_equal(one, other)
