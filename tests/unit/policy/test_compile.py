"""From allowances to a policy: order does not matter, and nothing opens by accident."""

from __future__ import annotations

import itertools

import pytest

from streams.policy.canonical import canonical
from streams.policy.compile import compile_policy
from streams.policy.dialects import DIALECTS
from streams.policy.model import Peer, PolicyRule
from streams.policy.selection import LABEL, Selector, selector_of
from streams.records.views import Errs
from tests.unit.policy.pods import allow, manifest, pod

A, B, C = pod("pod-a"), pod("pod-b"), pod("pod-c")
ITSELF = (PolicyRule((Peer("default", Selector(((LABEL, "pod-a"),))),)),)
ALLOWANCES = [
    allow("egress", B, "TCP 80"),
    allow("egress", C, "TCP 80"),
    allow("egress", B, "TCP 81-90", "UDP 53"),
    allow("ingress", B, everything=True),
]


def test_a_pod_that_is_allowed_nothing_reaches_itself_only():
    policy, found = compile_policy(A, [])

    assert policy.ingress == policy.egress == ITSELF
    assert found == ()


def test_an_allowance_replaces_the_self_rule_in_its_direction_only():
    policy, _ = compile_policy(A, [allow("egress", B, "TCP 80")])

    assert [rule.peers for rule in policy.egress] == [
        (Peer("default", Selector(((LABEL, "pod-b"),))),)
    ]
    assert policy.ingress == ITSELF


@pytest.mark.parametrize("allowances", list(itertools.permutations(ALLOWANCES)))
def test_the_order_of_allowances_does_not_matter(allowances):
    assert manifest(A, *allowances) == manifest(A, *ALLOWANCES)


def test_doubled_allowances_compile_to_the_same_bytes():
    once, twice = manifest(A, *ALLOWANCES), manifest(A, *ALLOWANCES, *ALLOWANCES)

    assert canonical(once) == canonical(twice)


def test_peers_with_the_same_ports_share_one_rule():
    policy, _ = compile_policy(A, [allow("egress", one, "TCP 80") for one in (C, B)])

    (rule,) = policy.egress
    assert [peer.selector.text for peer in rule.peers] == ["pod-b", "pod-c"]


def test_overlapping_and_touching_spans_of_a_peer_become_one():
    spans = [allow("egress", B, span) for span in ("TCP 85-99", "TCP 80-90", "TCP 100")]

    policy, _ = compile_policy(A, spans)

    ((span,),) = [rule.ports for rule in policy.egress]
    assert (span.first, span.last) == (80, 100)


def test_everything_swallows_single_ports():
    policy, _ = compile_policy(
        A, [allow("egress", B, "TCP 80"), allow("egress", B, everything=True)]
    )

    assert [rule.everything for rule in policy.egress] == [True]


def test_three_whole_protocols_are_not_everything_for_they_lack_icmp():
    whole = allow("egress", B, "TCP 0-65535", "UDP 0-65535", "SCTP 0-65535")

    (rule,) = manifest(A, whole)["spec"]["egress"]

    assert rule["ports"] == [{"protocol": "TCP"}, {"protocol": "UDP"}, {"protocol": "SCTP"}]


def test_an_allowance_of_nothing_opens_nothing():
    policy, _ = compile_policy(A, [allow("egress", B)])

    assert policy.egress == ITSELF


def test_port_zero_never_reaches_the_server():
    policy, found = compile_policy(A, [allow("egress", B, "TCP 0-9"), allow("egress", C, "UDP 0")])

    assert [(span.first, span.last) for rule in policy.egress for span in rule.ports] == [(1, 9)]
    assert [one.reason for one in found] == ["port-zero", "port-zero"]


@pytest.mark.parametrize(
    ("peer", "reason"),
    [
        (pod("web", labels={"app": "frontend"}), "unselectable"),
        (pod("web", labels={}), "unselectable"),
        (pod("w" * 64), "unselectable"),
        (pod("web", cluster="other"), "other-cluster"),
    ],
)
def test_a_peer_that_no_selector_picks_out_is_left_out_and_reported(peer, reason):
    policy, (report,) = compile_policy(A, [allow("ingress", peer, everything=True)])

    assert policy.ingress == ITSELF
    assert report.reason == reason
    assert report.errs is Errs.NARROWER
    assert peer.key in report.rule


@pytest.mark.row("E36")
def test_a_subject_that_no_selector_picks_out_has_no_policy():
    with pytest.raises(ValueError, match="no label picks out kind/default/web"):
        compile_policy(pod("web", labels={"app": "db"}), [])


@pytest.mark.parametrize("name", ["a", "a" * 63, "web.v1", "x-1"])
def test_a_label_equal_to_the_name_picks_a_pod_out(name):
    assert selector_of(pod(name)) == Selector(((LABEL, name),))


@pytest.mark.parametrize("name", ["a" * 64, "", "web\n", "-a", "a-", "a/b"])
def test_a_name_that_is_no_label_value_does_not(name):
    assert selector_of(pod(name)) is None


def test_a_pod_reborn_under_its_name_is_one_peer():
    reborn = pod("pod-b", uid="uid-2", incarnation=1)

    policy, _ = compile_policy(A, [allow("egress", B, "TCP 80"), allow("egress", reborn, "TCP 80")])

    assert [len(rule.peers) for rule in policy.egress] == [1]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("allowances", [[], ALLOWANCES, [allow("egress", B)]])
def test_nothing_in_a_manifest_is_empty_for_that_would_mean_all(dialect, allowances):
    policy, _ = compile_policy(A, allowances)

    written = DIALECTS[dialect](policy, "demo", {})

    assert written["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not list(empty_parts(written))


def test_annotations_and_owner_are_written():
    policy, _ = compile_policy(A, [])

    metadata = DIALECTS["kubernetes"](policy, "demo", {"vereflow.io/revision": "7"})["metadata"]

    assert metadata["annotations"] == {"vereflow.io/revision": "7"}
    assert metadata["labels"] == {
        "app.kubernetes.io/managed-by": "vereflow",
        "vereflow.io/instance": "demo",
    }


def empty_parts(value, path="$"):
    if value in ({}, [], None, ""):
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from empty_parts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from empty_parts(inner, f"{path}[{index}]")
