"""One firewall, one pair: what flows, and what is reported."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from streams.records.rules import Action
from streams.records.views import Errs
from streams.rules.evaluate import evaluate
from streams.rules.grant import any_end
from streams.rules.outside import outside_inexactness
from streams.rules.portsets import EVERYTHING, NOTHING, PortSet
from streams.rules.verdict import Exactness
from tests.unit.rules.brute_force import Packet, packets, passes
from tests.unit.rules.worlds import firewalls, rule, rules

A, B = "10.0.0.1", "10.0.0.2"
ALL = ((0, 65535),)
ends = st.sampled_from([A, B, "10.0.0.-1", "*"])


def judge(*texts, default=Action.DENY, ordered=True, exactness=Exactness.WIDEN):
    return evaluate([rule(text) for text in texts], default, ordered, A, B, exactness)


def said(*verdicts):
    grant = any_end(verdicts)
    return [(span.protocol, span.first, span.last) for span in grant.ports]


def reports(result):
    return [(one.reason, one.errs) for one in result.inexactnesses]


def flows(portset, packet):
    if packet.protocol == "ICMP":
        return portset.other
    ranges = getattr(portset, packet.protocol.lower())
    return any(first <= packet.dst_port <= last for first, last in ranges)


def read(example):
    """Read a reported flow back as a packet."""
    protocol, source, _, destination = example.split()
    if protocol == "ICMP":
        return Packet("ICMP", -1, -1)
    return Packet(protocol, int(source.split(":")[1]), int(destination.split(":")[1]))


def test_the_first_match_wins():
    verdict = judge("DENY TCP * -> *:80", "ALLOW TCP * -> *:80-81", "DENY TCP * -> *:81")

    assert verdict.allowed == PortSet(tcp=((81, 81),))
    assert reports(verdict) == []


def test_nothing_that_matches_leaves_the_default():
    rules_for_others = ["ALLOW TCP 10.0.0.2 -> 10.0.0.1", "DENY ANY 10.0.0.3 -> *"]

    assert judge(*rules_for_others).allowed == NOTHING
    assert judge(*rules_for_others, default=Action.ALLOW).allowed == EVERYTHING


@pytest.mark.parametrize("ports", ["*", "0-65535"])
def test_any_with_any_port_is_everything_icmp_included(ports):
    verdict = judge(f"ALLOW ANY * -> *:{ports}")

    assert verdict.allowed == EVERYTHING
    assert any_end([verdict]).everything


def test_any_with_a_port_is_the_three_protocols_that_have_ports():
    verdict = judge("ALLOW ANY * -> *:80")

    assert said(verdict) == [("TCP", 80, 80), ("UDP", 80, 80), ("SCTP", 80, 80)]
    assert reports(any_end([verdict])) == []


def test_an_allow_with_a_source_port_errs_wider_and_says_so():
    verdict = judge("ALLOW TCP 10.0.0.1:80 -> 10.0.0.2:80")

    assert verdict.allowed == PortSet(tcp=((80, 80),))
    (report,) = verdict.inexactnesses
    assert report.reason == "source-port"
    assert report.errs is Errs.WIDER
    assert report.rule == "ALLOW TCP 10.0.0.1:80 -> 10.0.0.2:80"
    assert report.example == "TCP 10.0.0.1:65535 -> 10.0.0.2:80"


def test_strictly_such_a_rule_is_not_applied():
    verdict = judge("ALLOW TCP 10.0.0.1:80 -> 10.0.0.2:80", exactness=Exactness.STRICT)

    assert verdict.allowed == NOTHING
    assert reports(verdict) == [("source-port", Errs.NARROWER)]


def test_a_deny_with_a_source_port_errs_narrower():
    verdict = judge("DENY TCP *:5000 -> *:80", "ALLOW TCP * -> *:80-81")

    assert verdict.allowed == PortSet(tcp=((81, 81),))
    assert reports(verdict) == [("source-port", Errs.NARROWER)]


@pytest.mark.parametrize("exactness", Exactness)
@pytest.mark.parametrize(
    "texts",
    [
        ["ALLOW TCP * -> *:80", "DENY TCP *:7 -> *:80"],
        ["DENY TCP * -> *:80", "ALLOW TCP *:7 -> *:80"],
        ["ALLOW TCP *:0-99 -> *:80", "ALLOW TCP *:100-65535 -> *:80"],
        ["DENY TCP *:7 -> *:80"],
    ],
)
def test_a_source_port_that_makes_no_difference_is_not_reported(texts, exactness):
    assert judge(*texts, exactness=exactness).inexactnesses == ()


def test_other_alone_cannot_be_said():
    grant = any_end([judge("ALLOW OTHER * -> *")])

    assert not grant
    assert reports(grant) == [("protocol-other", Errs.NARROWER)]


def test_everything_but_other_can_be_said():
    verdict = judge("DENY OTHER * -> *", "ALLOW ANY * -> *")

    assert said(verdict) == [(name, 0, 65535) for name in ("TCP", "UDP", "SCTP")]
    assert reports(any_end([verdict])) == []


def test_icmp_is_lost_where_a_port_is_taken_from_everything():
    verdict = judge("DENY TCP * -> *:22", "ALLOW ANY * -> *")
    grant = any_end([verdict])

    assert said(verdict)[:2] == [("TCP", 1, 21), ("TCP", 23, 65535)]
    assert reports(grant) == [("icmp", Errs.NARROWER), ("port-zero", Errs.NARROWER)]


def test_other_with_a_port_opens_nothing_and_says_so():
    verdict = judge("ALLOW OTHER * -> *:80")

    assert verdict.allowed == NOTHING
    assert reports(verdict) == [("protocol-other", Errs.NARROWER)]


def test_other_with_a_port_stops_all_of_other_and_says_so():
    verdict = judge("DENY OTHER * -> *:80", "ALLOW ANY * -> *")

    assert verdict.allowed == PortSet(ALL, ALL, ALL)
    assert reports(verdict) == [("protocol-other", Errs.NARROWER)]


def test_port_zero_is_left_out_and_reported():
    verdict = judge("ALLOW TCP * -> *:0-9")

    assert said(verdict) == [("TCP", 1, 9)]
    assert reports(any_end([verdict])) == [("port-zero", Errs.NARROWER)]


def test_a_whole_protocol_has_its_port_zero():
    verdict = judge("ALLOW TCP * -> *:0-79", "ALLOW TCP * -> *:80-65535")

    assert said(verdict) == [("TCP", 0, 65535)]
    assert reports(any_end([verdict])) == []


def test_two_firewalls_complete_each_other_without_a_report():
    low, high = judge("ALLOW TCP * -> *:0-79"), judge("ALLOW TCP * -> *:80-65535")

    assert said(low, high) == [("TCP", 0, 65535)]
    assert reports(any_end([low, high])) == []


def test_of_two_firewalls_one_that_allows_is_enough():
    denying, allowing = judge("DENY ANY * -> *"), judge("ALLOW UDP * -> *:53")

    assert said(denying, allowing) == [("UDP", 53, 53)]
    assert not any_end([])


def test_without_an_order_deny_wins_and_the_overlap_is_reported():
    verdict = judge("ALLOW TCP * -> *:80-90", "DENY ANY * -> *:85", ordered=False)

    assert verdict.allowed == PortSet(tcp=((80, 84), (86, 90)))
    assert reports(verdict) == [("order-unknown", Errs.NARROWER)]


@pytest.mark.parametrize(
    "deny",
    [
        "DENY TCP * -> *:81",
        "DENY UDP * -> *:80",
        "DENY TCP *:1-2 -> *:80",
        "DENY TCP 10.0.0.3 -> *",
        "DENY OTHER * -> *",
    ],
)
def test_rules_that_never_meet_need_no_order(deny):
    verdict = judge("ALLOW TCP *:3-4 -> *:80", deny, ordered=False)

    assert ("order-unknown", Errs.NARROWER) not in reports(verdict)


def test_a_rule_for_both_directions_counts_for_one_and_says_so():
    both = rule("ALLOW TCP 10.0.0.1 -> 10.0.0.2:80", directional=False)

    there = evaluate([both], Action.DENY, True, A, B)
    back = evaluate([both], Action.DENY, True, B, A)

    assert there.allowed == PortSet(tcp=((80, 80),))
    assert reports(there) == [("not-directional", Errs.NARROWER)]
    assert back.allowed == NOTHING


def test_wildcards_reach_pods_only_and_say_so():
    exact, ranged, star = (
        rule("ALLOW TCP 10.0.0.1 -> 10.0.0.2:80"),
        rule("ALLOW TCP 10.0.0.-1 -> 10.0.0.2:80"),
        rule("ALLOW TCP 10.0.0.1 -> *:80"),
    )

    found = outside_inexactness([exact, ranged, star, rule("DENY ANY * -> *")])

    assert {one.reason for one in found} == {"unknown-addresses"}
    assert {one.errs for one in found} == {Errs.NARROWER}
    assert len(found) == 2


def test_the_subnet_of_a_whole_cluster_is_not_beyond_the_pods():
    known, other = rule("ALLOW TCP 10.0.0.1 -> 10.2.-1.-1:80"), rule("ALLOW ANY 10.2.-1.-1 -> *")

    (found,) = outside_inexactness([known, other], subnets=["10.2.-1.-1"])

    assert found.rule.startswith("ALLOW ANY")


def test_a_default_allow_says_once_that_it_ends_at_the_pods():
    found = outside_inexactness([rule("DENY ANY * -> *")], Action.ALLOW)

    assert [one.reason for one in found] == ["default-allow-outside"]


@given(firewalls(ends), st.sampled_from(Exactness))
def test_every_packet_fares_as_brute_force_says_or_as_reported(firewall, exactness):
    verdict = evaluate(*firewall, A, B, exactness)
    errs = {one.errs for one in verdict.inexactnesses if one.reason != "not-directional"}

    for packet in packets(firewall.rules):
        meant = passes(*firewall, A, B, packet)
        done = flows(verdict.allowed, packet)
        assert done <= meant or Errs.WIDER in errs, packet
        assert done >= meant or Errs.NARROWER in errs, packet


@given(firewalls(ends))
def test_strict_is_never_wider(firewall):
    verdict = evaluate(*firewall, A, B, Exactness.STRICT)

    for packet in packets(firewall.rules):
        assert flows(verdict.allowed, packet) <= passes(*firewall, A, B, packet), packet


@given(firewalls(ends), st.sampled_from(Exactness))
def test_every_example_is_a_flow_on_which_policy_and_rules_differ(firewall, exactness):
    verdict = evaluate(*firewall, A, B, exactness)
    grant = any_end([verdict])
    allowed = verdict.allowed.sayable()

    for one in grant.inexactnesses:
        packet = read(one.example) if one.example else None
        # Two reports on one flow may cancel out: port 0 is never said unless all is.
        if packet and (packet.dst_port != 0 or one.reason == "port-zero"):
            wider = one.errs is Errs.WIDER
            assert flows(allowed, packet) is wider, one
            assert passes(*firewall, A, B, packet) is not wider, one


@given(st.lists(rules(ends), max_size=4), st.sampled_from(Action))
def test_a_list_without_order_means_the_same_in_every_order(elements, default):
    orders = itertools.permutations(elements)

    verdicts = [evaluate(order, default, False, A, B) for order in orders]

    assert all(verdict == verdicts[0] for verdict in verdicts)


@given(firewalls(ends))
def test_a_rule_said_twice_says_nothing_new(firewall):
    doubled = firewall._replace(rules=[one for one in firewall.rules for _ in range(2)])

    assert evaluate(*doubled, A, B) == evaluate(*firewall, A, B)


@given(firewalls(ends))
def test_free_source_ports_are_never_reported(firewall):
    assume(all(one.src_port == "*" for one in firewall.rules))

    verdict = evaluate(*firewall, A, B)

    assert "source-port" not in {one.reason for one in verdict.inexactnesses}


def test_ten_thousand_rules_for_one_pair_are_judged_in_a_moment():
    texts = [rule(f"ALLOW TCP {A} -> {B}:{port}") for port in range(1, 20001, 2)]

    verdict = evaluate(texts, Action.DENY, True, A, B)

    assert len(verdict.allowed.tcp) == 10000
