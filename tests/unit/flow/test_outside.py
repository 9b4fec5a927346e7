"""Rules about addresses outside the cluster become address blocks that say the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.flow import outside
from streams.flow.judging import Judging
from streams.records.reasons import InexactReason
from streams.records.rules import Rule
from streams.records.views import Errs
from streams.rules.spaces import EVERYWHERE, minus, networks
from streams.rules.verdict import Exactness
from tests.reading import allowed_ports
from tests.unit.flow.records import ROUTING, Routed, address_of, change, claim, opening
from tests.unit.rules.brute_force import packets, passes
from tests.unit.rules.worlds import rule, rules

RANGE = "10.0.0.0/24"
OUTSIDE = minus(EVERYWHERE, networks([RANGE]))
PODS = ["a", "b"]
# One of each kind that the patterns below tell apart.
STRANGERS = ["8.8.8.8", "8.8.8.9", "8.9.1.8", "192.168.1.5", "192.7.1.5", "10.0.1.1", "1.2.3.4"]
ends = st.sampled_from(
    [
        *(address_of(name) for name in PODS),
        *["8.8.8.8", "8.8.-1.-1", "8.-1.1.8", "-1.-1.1.5", "*", "*", "10.0.0.-1", "10.-1.-1.-1"],
    ]
)

defaults = st.sampled_from(["DENY", "ALLOW"])


def world(*firewalls: dict[str, Any], **judging: Any) -> Routed:
    known = {"outside": OUTSIDE} | judging
    routed = Routed(ROUTING._replace(judging=Judging(**known)))
    routed.tell(*(claim(name, rev) for rev, name in enumerate(PODS)))
    for number, said in enumerate(firewalls):
        routed.tell(change(number, firewall=f"10.0.9.{number}", **said))
    routed.tell(*opening())
    return routed


def manifests(routed: Routed) -> list[dict[str, Any]]:
    return [
        row.patch.manifest
        for row in routed.compiled.values()
        if row.patch is not None and row.patch.manifest is not None
    ]


def spec(routed: Routed, name: str = "a") -> dict[str, Any]:
    (found,) = [each for each in manifests(routed) if each["metadata"]["name"] == name]
    return found["spec"]


def reported(routed: Routed) -> set[tuple[str, Errs]]:
    return {
        (each.reason, each.errs)
        for row in routed.compiled.values()
        if row.patch is not None
        for each in row.patch.inexact
    }


@settings(max_examples=2 * settings().max_examples)
@given(
    st.lists(
        st.tuples(
            st.lists(rules(ends), max_size=5), st.booleans(), st.sampled_from(["DENY", "ALLOW"])
        ),
        min_size=1,
        max_size=2,
    ),
    st.sampled_from(Exactness),
)
def test_strangers_reach_and_are_reached_as_the_rules_say(
    walls: list[tuple[list[Rule], bool, str]], exactness: Exactness
) -> None:
    routed = world(
        *(
            {"elements": tuple(told), "ordered": ordered, "default_action": default}
            for told, ordered, default in walls
        ),
        exactness=exactness,
    )
    written, errs = manifests(routed), {each for _, each in reported(routed)}
    known = [
        {"namespace": "default", "name": name, "labels": {"app": name}, "ip": address_of(name)}
        for name in PODS
    ]

    for stranger in STRANGERS:
        for name in PODS:
            for pair in ((address_of(name), stranger), (stranger, address_of(name))):
                reach = allowed_ports(written, known, *pair)
                for packet in packets(one for told, _, _ in walls for one in told):
                    meant = any(
                        passes(told, default, ordered, *pair, packet)
                        for told, ordered, default in walls
                    )
                    if packet.protocol == "ICMP":
                        done = reach.icmp
                    else:
                        spans = getattr(reach, packet.protocol.lower())
                        done = any(low <= packet.dst_port <= high for low, high in spans)
                    assert done <= meant or Errs.WIDER in errs, (pair, packet)
                    assert done >= meant or Errs.NARROWER in errs, (pair, packet)


def test_one_address_and_a_network_are_blocks_of_their_own() -> None:
    told = (rule("ALLOW TCP 10.0.0.11 -> 8.8.8.8:443"), rule("ALLOW UDP 8.8.-1.-1 -> 10.0.0.11:53"))

    found = spec(world({"added": told}))

    assert found["egress"] == [
        {"to": [{"ipBlock": {"cidr": "8.8.8.8/32"}}], "ports": [{"protocol": "TCP", "port": 443}]}
    ]
    assert found["ingress"] == [
        {"from": [{"ipBlock": {"cidr": "8.8.0.0/16"}}], "ports": [{"protocol": "UDP", "port": 53}]}
    ]


def test_a_star_means_everything_the_pods_by_their_labels_and_the_rest_by_one_block() -> None:
    found = spec(world({"added": (rule("ALLOW ANY 10.0.0.11 -> *"),)}))

    assert found["egress"] == [
        {
            "to": [
                {"podSelector": {"matchLabels": {"app": "b"}}},
                {"ipBlock": {"cidr": "0.0.0.0/0", "except": [RANGE]}},
            ]
        }
    ]


def test_a_denied_address_is_excepted() -> None:
    told = (rule("ALLOW ANY 10.0.0.11 -> *"), rule("DENY ANY 10.0.0.11 -> 8.8.8.8"))

    blocks = [peer.get("ipBlock") for peer in spec(world({"added": told}))["egress"][0]["to"]]

    assert blocks[-1] == {"cidr": "0.0.0.0/0", "except": ["8.8.8.8/32", RANGE]}


def test_where_nobody_says_where_pods_are_no_address_is_outside() -> None:
    routed = world({"added": (rule("ALLOW ANY 10.0.0.11 -> 8.8.8.8"),)}, outside=())

    assert spec(routed)["egress"] == [{"to": [{"podSelector": {"matchLabels": {"app": "a"}}}]}]


@pytest.mark.parametrize("action", ["ALLOW", "DENY"])
def test_addresses_here_and_there_are_left_out_and_reported(action: str) -> None:
    told = (
        rule(f"{action} ANY 10.0.0.11 -> -1.-1.1.5"),
        rule("ALLOW TCP 10.0.0.11 -> 8.8.8.8:443"),
    )

    routed = world({"added": told})

    assert (InexactReason.UNKNOWN_ADDRESSES, Errs.NARROWER) in reported(routed)
    reached = [peer for each in spec(routed)["egress"] for peer in each["to"] if "ipBlock" in peer]
    assert len(reached) == (action == "ALLOW")


def test_a_set_of_too_many_networks_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "MOST_BLOCKS", 4)
    told = tuple(rule(f"ALLOW TCP 10.0.0.11 -> 9.0.{number}.8:443") for number in range(5))

    routed = world({"added": told})

    assert (InexactReason.UNKNOWN_ADDRESSES, Errs.NARROWER) in reported(routed)
    assert spec(routed)["egress"] == [{"to": [{"podSelector": {"matchLabels": {"app": "a"}}}]}]


def test_a_rule_about_strangers_costs_the_one_policy_it_changes() -> None:
    routed = world({"elements": ()})

    patches = routed.tell(
        change(7, firewall="10.0.9.0", added=(rule("ALLOW ANY 10.0.0.11 -> 1.1.1.1"),))
    )

    assert [patch.key for patch in patches] == ["local/default/a"]
