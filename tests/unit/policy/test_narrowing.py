"""When a change of a policy counts as taking something away."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.policy.narrowing import narrows
from tests.reading import allowed_ports
from tests.unit.policy.pods import allow, manifest, pod, readable

A, B, C = (pod(name, f"10.1.0.{n}") for n, name in enumerate("abc", 1))
PAIRS = [(x.address, y.address) for x in (A, B, C) for y in (A, B, C) if A in (x, y)]

spans = st.builds(
    lambda protocol, first, more: f"{protocol} {first}-{first + more}",
    st.sampled_from(["TCP", "UDP", "SCTP"]),
    st.integers(1, 6),
    st.integers(0, 3),
)
allowances = st.builds(
    lambda direction, peer, ports: allow(direction, peer, *ports, everything=not ports),
    st.sampled_from(["ingress", "egress"]),
    st.sampled_from([B, C]),
    st.lists(spans, max_size=2),
)
manifests = st.lists(allowances, max_size=4).map(lambda given: manifest(A, *given))


def ports(intervals):
    return {port for first, last in intervals for port in range(first, min(last, 99) + 1)}


def takes_away(stored, wanted) -> bool:
    known = readable([A, B, C])
    for pair in PAIRS:
        have, want = (allowed_ports([one], known, *pair) for one in (stored, wanted))
        if have.icmp > want.icmp:
            return True
        if any(ports(x) - ports(y) for x, y in zip(have[:3], want[:3], strict=True)):
            return True
    return False


@settings(max_examples=3 * settings().max_examples)
@given(manifests, manifests)
def test_what_takes_something_away_is_never_missed(stored, wanted):
    assert narrows(stored["spec"], wanted) >= takes_away(stored, wanted)


@given(manifests)
def test_a_policy_does_not_narrow_itself(stored):
    assert not narrows(stored["spec"], stored)


@given(st.lists(allowances, max_size=4), st.lists(allowances, max_size=4))
def test_more_of_the_same_takes_nothing_away(few, more):
    assert not narrows(manifest(A, *few)["spec"], manifest(A, *few, *more))


@pytest.mark.parametrize(
    ("stored", "wanted", "taken"),
    [
        (["ingress"], ["ingress", "egress"], True),
        (["ingress", "egress"], ["ingress"], False),
        (["ingress", "egress"], ["ingress", "egress"], False),
    ],
)
def test_a_direction_nobody_speaks_of_is_open(stored, wanted, taken):
    one, two = manifest(A), manifest(A)
    one["spec"]["policyTypes"] = [name.capitalize() for name in stored]
    two["spec"]["policyTypes"] = [name.capitalize() for name in wanted]

    assert narrows(one["spec"], two) is taken


def test_everybody_covers_each():
    stored = manifest(A, allow("ingress", B, "TCP 80"))
    wanted = copy.deepcopy(stored)
    wanted["spec"]["ingress"] = [{"ports": [{"protocol": "TCP", "port": 1, "endPort": 100}]}]

    assert not narrows(stored["spec"], wanted)
    assert narrows(wanted["spec"], stored)


def test_a_named_port_is_covered_by_itself_or_everything():
    named = manifest(A, allow("ingress", B, "TCP 80"))
    named["spec"]["ingress"][0]["ports"] = [{"protocol": "TCP", "port": "http"}]
    other = copy.deepcopy(named)
    other["spec"]["ingress"][0]["ports"] = [{"protocol": "TCP", "port": "https"}]
    everything = manifest(A, allow("ingress", B, everything=True))

    assert narrows(named["spec"], other)
    assert not narrows(named["spec"], everything)


def test_another_subject_takes_the_policy_from_the_old_one():
    assert narrows(manifest(A)["spec"], manifest(B))
