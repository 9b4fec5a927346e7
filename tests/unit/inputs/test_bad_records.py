"""Every row of the checklist: one dead letter with its reason, or the stated other outcome."""

from __future__ import annotations

import pytest

from streams.flow.output import FIREWALL_CHANGES, POD_EVENTS
from tests.inputs.pipeline import FIREWALL, GRAPH, Pipeline
from tests.inputs.rows import FIREWALL_CHANGES as CHANGES
from tests.inputs.rows import POD_EVENTS as EVENTS
from tests.inputs.rows import RULE, Input, change, each_of
from tests.inputs.three_pods import A, B, C, reaches


@pytest.mark.parametrize("given", each_of(each for each in EVENTS if each.reason))
def test_a_bad_pod_event_is_one_dead_letter_and_nothing_else(
    pipeline: Pipeline, given: Input
) -> None:
    before = list(pipeline.patches)

    refused = pipeline.feed(POD_EVENTS, given.value, "gabuscemaw")

    assert [refusal.reason for refusal in refused] == [given.reason]
    assert pipeline.patches == before


@pytest.mark.parametrize("given", each_of(each for each in CHANGES if each.reason))
@pytest.mark.threat("T1")
def test_a_bad_firewall_change_is_one_dead_letter_and_nothing_else(
    pipeline: Pipeline, given: Input
) -> None:
    before = list(pipeline.patches)

    refused = pipeline.feed(FIREWALL_CHANGES, given.value, GRAPH)

    assert [refusal.reason for refusal in refused] == [given.reason]
    assert pipeline.patches == before


@pytest.mark.parametrize("given", each_of(each for each in EVENTS if not each.reason))
@pytest.mark.threat("T2")
def test_an_odd_pod_event_opens_nothing(pipeline: Pipeline, given: Input) -> None:
    refused = pipeline.feed(POD_EVENTS, given.value, "gabuscemaw")

    assert refused == []
    assert reaches(pipeline, A, B)
    for one, two in [(B, A), (A, C), (C, A), (B, C), (C, B)]:
        assert not reaches(pipeline, one, two)


def test_five_fields_under_any_key_are_a_pod_like_any_other(pipeline: Pipeline) -> None:
    event = b'{"podName":"pod-d","podIP":"10.0.0.9","hostname":"h","event":"ADDED","eventCode":0}'

    refused = pipeline.feed(POD_EVENTS, event, "gabuscemaw")

    assert refused == []
    assert pipeline.newest["local/default/pod-d"].manifest is not None


@pytest.mark.parametrize("given", each_of(each for each in CHANGES if not each.reason))
def test_an_odd_firewall_change_is_accepted(pipeline: Pipeline, given: Input) -> None:
    assert pipeline.feed(FIREWALL_CHANGES, given.value, GRAPH) == []


def feed_rules(pipeline: Pipeline, *changes: dict[str, object]) -> None:
    rules = [RULE | each for each in changes]
    assert pipeline.feed(FIREWALL_CHANGES, change(*rules), GRAPH) == []


def test_e17_a_pod_whose_name_no_label_can_carry_is_reported_unprotected(
    pipeline: Pipeline,
) -> None:
    given = next(each for each in EVENTS if each.row == "E17")

    pipeline.feed(POD_EVENTS, given.value, "")

    patch = pipeline.newest[f"local/default/{'p' * 200}"]
    assert patch.manifest is None
    assert "does not pick out" in patch.unprotected


def test_e19_a_pod_without_an_address_waits_isolated(pipeline: Pipeline) -> None:
    given = next(each for each in EVENTS if each.row == "E19")

    pipeline.feed(POD_EVENTS, given.value, "")

    manifest = pipeline.newest["local/default/pod-e19"].manifest
    assert manifest is not None
    assert manifest["spec"]["ingress"] == [
        {"from": [{"podSelector": {"matchLabels": {"app": "pod-e19"}}}]}
    ]


@pytest.mark.threat("T2")
def test_e25_who_takes_a_living_pods_address_gets_none_of_its_rules(pipeline: Pipeline) -> None:
    given = next(each for each in EVENTS if each.row == "E25")

    pipeline.feed(POD_EVENTS, given.value, "")

    manifest = pipeline.newest["local/default/pod-e25"].manifest
    assert manifest is not None
    assert "ports" not in str(manifest["spec"]["ingress"])


def test_e28_and_e29_late_or_unknown_ends_change_nothing(pipeline: Pipeline) -> None:
    before = list(pipeline.patches)

    for given in EVENTS:
        if given.row in ("E28", "E29"):
            pipeline.feed(POD_EVENTS, given.value, "")

    assert pipeline.patches == before


def test_x02_deny_where_denying_is_the_default_is_absence(pipeline: Pipeline) -> None:
    feed_rules(pipeline, {"action": "DENY"})

    assert not reaches(pipeline, A, B)


def test_x05_a_wildcard_becomes_the_pods_it_covers_and_never_an_empty_selector(
    pipeline: Pipeline,
) -> None:
    feed_rules(pipeline, {"source": "*", "destination": "10.244.120.-1"})

    assert all(reaches(pipeline, one, two) for one in (A, B, C) for two in (A, B, C))
    assert "'podSelector': {}" not in str(pipeline.policies())
    assert "ipBlock" not in str(pipeline.policies())


def test_x06_an_address_no_pod_holds_is_parked_until_one_does(pipeline: Pipeline) -> None:
    feed_rules(pipeline, {"source": "10.244.120.77"})
    assert "ports" not in str(pipeline.newest["local/default/pod-b"].manifest)

    pipeline.pod("pod-d", "10.244.120.77", "uid-d")

    assert "pod-d" in str(pipeline.newest["local/default/pod-b"].manifest)


def test_x10_all_ports_of_one_protocol_leave_the_other_protocols_closed(pipeline: Pipeline) -> None:
    feed_rules(pipeline, {"dstPort": "0-65535"})

    assert reaches(pipeline, A, B, "TCP", 1)
    assert not reaches(pipeline, A, B, "UDP", 80)
    assert not reaches(pipeline, A, B, "ICMP", 0)


def test_x11_a_range_is_its_ports_and_no_others(pipeline: Pipeline) -> None:
    feed_rules(pipeline, {"dstPort": "80-90"})

    assert [port for port in (79, 80, 90, 91) if reaches(pipeline, A, B, port=port)] == [80, 90]


@pytest.mark.parametrize(
    ("row", "changes", "reason"),
    [
        ("X12", {"srcPort": "80"}, "source-port"),
        ("X08", {"protocol": "OTHER", "dstPort": "*"}, "protocol-other"),
        ("X13", {"directional": False}, "not-directional"),
    ],
)
def test_what_a_policy_cannot_say_is_reported(
    pipeline: Pipeline, row: str, changes: dict[str, object], reason: str
) -> None:
    feed_rules(pipeline, changes)

    patch = pipeline.newest["local/default/pod-b"]
    assert reason in {one.reason for one in patch.inexact}


def test_x14_where_rules_contradict_deny_wins_and_that_is_reported(pipeline: Pipeline) -> None:
    feed_rules(pipeline, {}, {"action": "DENY"}, {"dstPort": "70-90"})

    assert not reaches(pipeline, A, B, port=80)
    assert reaches(pipeline, A, B, port=81)
    inexact = pipeline.newest["local/default/pod-b"].inexact
    assert "order-unknown" in {one.reason for one in inexact}


def test_x18_a_rule_for_a_pod_that_is_gone_opens_nothing(pipeline: Pipeline) -> None:
    before = pipeline.policies()

    pipeline.feed(FIREWALL_CHANGES, change(RULE, RULE | {"source": "10.244.120.77"}), GRAPH)

    assert pipeline.policies() == before


def test_x21_the_same_change_again_and_again_is_one_change(pipeline: Pipeline) -> None:
    before = list(pipeline.patches)

    for _ in range(1000):
        pipeline.feed(FIREWALL_CHANGES, change(RULE), GRAPH)

    assert pipeline.patches == before


def test_x22_of_two_changes_the_later_in_the_log_holds(pipeline: Pipeline) -> None:
    feed_rules(pipeline, {"dstPort": "443"})

    feed_rules(pipeline, {})

    assert reaches(pipeline, A, B, port=80)
    assert not reaches(pipeline, A, B, port=443)


def test_x23_an_empty_list_isolates_in_so_many_words(pipeline: Pipeline) -> None:
    pipeline.feed(FIREWALL_CHANGES, change(), GRAPH)

    itself = {"podSelector": {"matchLabels": {"app": "pod-b"}}}
    manifest = pipeline.newest["local/default/pod-b"].manifest
    assert manifest is not None
    assert manifest["spec"]["ingress"] == [{"from": [itself]}]
    assert manifest["spec"]["egress"] == [{"to": [itself]}]
    assert manifest["spec"]["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.threat("T1")
def test_x15_a_pod_with_too_many_peers_is_refused_and_keeps_what_it_had(
    pipeline: Pipeline,
) -> None:
    for number in range(2600):
        address = f"10.245.{number // 250}.{number % 250 + 1}"
        pipeline.pod(f"crowd-{number}", address, f"uid-crowd-{number}")

    refused = pipeline.feed(
        FIREWALL_CHANGES, change(RULE, RULE | {"source": "10.245.-1.-1"}), GRAPH
    )

    assert [refusal.reason for refusal in refused] == ["too-many-peers"]
    assert reaches(pipeline, A, B)
    assert FIREWALL not in str(pipeline.newest["local/default/pod-b"].manifest)
