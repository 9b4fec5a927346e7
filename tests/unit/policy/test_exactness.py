"""The written policies let through exactly what the rules do, but for what is reported."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.records.views import Errs
from streams.rules.verdict import Exactness, Reading
from tests.reading import allowed_ports
from tests.unit.policy.pods import compiled, pod, readable
from tests.unit.rules.brute_force import Packet, packets, passes
from tests.unit.rules.worlds import ADDRESSES, firewalls

# In CI as many as take two minutes; the same ones each time, so that what fails fails again.
MANY = os.environ.get("CI") and settings().max_examples >= 100
CASES = 20_000 if MANY else 3 * settings().max_examples
NAMES = ["pod-a", "pod-b", "pod-c", "pod-d", "pod-e"]
clusters = st.lists(st.sampled_from(["default", "shop"]), min_size=2, max_size=5).map(
    lambda homes: [
        pod(name, address, home)
        for name, address, home in zip(NAMES, ADDRESSES, homes, strict=False)
    ]
)
networks = st.lists(firewalls(most=5), min_size=1, max_size=2)


def carries(reach, packet: Packet) -> bool:
    if packet.protocol == "ICMP":
        return reach.icmp
    spans = getattr(reach, packet.protocol.lower())
    return any(first <= packet.dst_port <= last for first, last in spans)


@settings(max_examples=CASES)
@given(clusters, networks, st.sampled_from(Exactness), st.sampled_from(["any-end", "every-hop"]))
def test_policies_let_through_what_the_rules_do(pods, walls, exactness, reading):
    manifests, reported = compiled(pods, walls, exactness, Reading(reading))

    known = readable(pods)
    number = {one.address: each for each, one in enumerate(pods)}
    for (source, destination), found in reported.items():
        reach = allowed_ports(manifests, known, source, destination)
        errs = {one.errs for one in found if one.reason != "not-directional"}
        near = [
            wall._replace(rules=[one for one in wall.rules if speaks(one, source, destination)])
            for wall in walls
        ]
        for packet in packets(one for wall in near for one in wall.rules):
            letting = [passes(*wall, source, destination, packet) for wall in near]
            hops = [letting[number[end] % len(near)] for end in (source, destination)]
            meant = any(letting) if reading == "any-end" else all(hops)
            done = carries(reach, packet)
            assert done <= meant or Errs.WIDER in errs, (source, destination, packet)
            assert done >= meant or Errs.NARROWER in errs, (source, destination, packet)


def speaks(rule, source, destination) -> bool:
    """Tell whether the rule is about this pair, by its own reading of wildcards."""
    ends = zip((rule.source, rule.destination), (source, destination), strict=True)
    return all(
        pattern in ("*", address, "10.0.0.-1") or (pattern == "10.-1.0.1" and address == "10.0.0.1")
        for pattern, address in ends
    )


@settings(max_examples=settings().max_examples // 2)
@given(clusters, networks, st.randoms(use_true_random=False))
def test_neither_the_order_of_pods_nor_of_unordered_rules_changes_a_policy(pods, walls, random):
    unordered = [wall._replace(ordered=False) for wall in walls]
    shuffled = [
        wall._replace(rules=random.sample(wall.rules, len(wall.rules))) for wall in unordered
    ]
    mixed = random.sample(pods, len(pods))

    before, _ = compiled(pods, unordered)
    after, _ = compiled(mixed, shuffled[::-1])

    by_name = {one["metadata"]["name"]: one for one in after}
    assert [by_name[one["metadata"]["name"]] for one in before] == before
