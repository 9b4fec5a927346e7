"""Rules and stored policies are equal where they are, and every kind of difference is found."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.asking.stored import Stored
from agents.asking.workers import Answers, Told
from deploy.cli.verifying import Findings, verify_all
from streams.records.rules import Action, Protocol, Rule
from streams.settings import load
from tests.unit.flow.identified import identity
from tests.unit.flow.records import (
    Routed,
    address_of,
    allow,
    change,
    claim,
    opening,
)
from tests.unit.rules.worlds import rules

PODS = "abcd"
URL = "http://127.0.0.1:6066"
ends = st.sampled_from([*map(address_of, PODS), "10.0.0.-1", "*"])


def world(*told: Rule, **said: Any) -> Routed:
    routed = Routed()
    claims = [claim(name, rev) for rev, name in enumerate(PODS)]
    routed.tell(*claims, change(0, elements=told, **said), *opening())
    return routed


def pods_of(names: str = PODS) -> dict[str, dict[str, Any]]:
    return {f"default/{name}": stored_pod(name, address_of(name)) for name in names}


def stored_pod(name: str, address: str) -> dict[str, Any]:
    meta = {"uid": f"uid-{name}", "name": name, "namespace": "default", "labels": {"app": name}}
    return {"metadata": meta, "status": {"podIP": address}}


def manifests(routed: Routed) -> list[dict[str, Any]]:
    found = [row.patch.manifest for row in routed.compiled.values() if row.patch is not None]
    return [manifest for manifest in found if manifest is not None]


def found(routed: Routed, stored: Stored) -> Findings:
    rows = {"graph-pods": routed.pods, "graph-rules": routed.rows}
    return verify_all(Answers({URL: Told({}, rows, True)}, {}), stored, load())


def told(routed: Routed, *foreign: dict[str, Any], **more: Any) -> Findings:
    pods = more.pop("pods", pods_of())
    return found(routed, Stored(pods, [*manifests(routed), *foreign], {"default": {}}, **more))


def policy(name: str, selects: dict[str, str], **spec: Any) -> dict[str, Any]:
    whole = {"podSelector": {"matchLabels": selects}, **spec}
    return {"metadata": {"namespace": "default", "name": name}, "spec": whole}


def test_what_the_pipeline_wrote_is_what_the_rules_say() -> None:
    findings = told(world(allow("a", "b"), allow("b", "c", "5000-5010")))

    assert findings.equal
    assert findings.summary == "equal: 4 pods, 4 policies, 2 rules, 2 pairs that reach each other"


@given(st.lists(rules(ends), max_size=5), st.sampled_from(Action), st.booleans())
def test_it_is_so_for_all_rules_but_for_what_is_reported(
    listed: list[Rule], default: Action, ordered: bool
) -> None:
    findings = told(world(*listed, default_action=default, ordered=ordered))

    assert findings.differences == []
    assert findings.unsettled == []
    assert findings.unprotected == []


def test_a_foreign_policy_that_opens_what_we_closed_is_found() -> None:
    # What comes in must also go out: theirs opens both.
    foreign = policy("theirs", {}, ingress=[{}], egress=[{"ports": [{"port": 22}]}])

    findings = told(world(allow("a", "b")), foreign)

    assert not findings.equal
    (one,) = findings.differences
    assert one["pairs"][:2] == ["default/a -> default/b", "default/a -> default/c"]
    assert one | {"pairs": []} == {
        "errs": "wider",
        "example": "TCP 22 default/a -> default/b",
        "ports": "TCP 22",
        "policies": ["default/theirs"],
        "rules": [],
        "count": 4 * 3,
        "pairs": [],
    }
    assert findings.summary.startswith("not equal: 12 pairs wider; looked at")


def test_one_of_ours_that_was_edited_by_hand_is_found_with_the_rule_that_misses() -> None:
    routed = world(allow("a", "b"))
    edited = [
        each | {"spec": {**each["spec"], "ingress": [{"from": [{"podSelector": {}}]}]}}
        if each["metadata"]["name"] == "c"
        else each | {"spec": {**each["spec"], "egress": []}}
        for each in manifests(routed)
    ]

    findings = found(routed, Stored(pods_of(), edited, {"default": {}}))

    (missing,) = findings.differences
    assert missing["errs"] == "narrower"
    assert missing["policies"] == ["default/a"]
    assert missing["rules"] == [f"ALLOW TCP {address_of('a')}:* -> {address_of('b')}:80"]


def test_a_rule_that_no_policy_can_say_is_found_with_a_packet() -> None:
    rule = allow("a", "b").model_copy(update={"src_port": "80"})

    findings = told(world(rule))

    assert not findings.equal
    assert findings.settled
    (inexact,) = findings.inexact
    assert (inexact["errs"], inexact["reason"]) == ("wider", "source-port")
    assert inexact["example"].startswith("TCP 10.0.0.11:")


@pytest.mark.row("E33")
def test_a_pod_on_its_nodes_network_is_never_fine() -> None:
    findings = told(world(), on_host=("default/agent",))

    assert not findings.equal
    assert [each["pod"] for each in findings.unprotected] == ["default/agent"]
    assert "1 pods open" in findings.summary


def test_a_pod_that_nobody_closes_is_found() -> None:
    routed = world()
    routed.compiled.pop(next(key for key in routed.compiled if key.endswith("/d")))

    findings = told(routed)

    assert {each["pod"] for each in findings.unprotected} == {"default/d"}
    assert findings.differences == []


@pytest.mark.parametrize(
    ("pods", "line"),
    [
        (pods_of("abcde"), "default/e is in no graph yet"),
        (pods_of("abc"), "default/d is in a graph, and not in the cluster with an address"),
    ],
)
def test_what_only_one_side_knows_is_not_settled(pods: dict[str, Any], line: str) -> None:
    findings = told(world(), pods=pods)

    assert findings.unsettled == [line]
    assert not findings.settled


def test_a_range_beyond_the_pods_is_reported() -> None:
    wide = Rule(
        action=Action.ALLOW, source="10.0.0.-1", destination=address_of("b"), protocol=Protocol.TCP
    )

    reasons = {each["reason"] for each in told(world(wide)).inexact}

    assert reasons == {"unknown-addresses"}


def of_identities(**of_a: Any) -> tuple[Routed, dict[str, dict[str, Any]]]:
    """Let the two pods of identity a talk to those of b."""
    addresses = {"a": ("10.0.0.11", "10.0.0.21"), "b": ("10.0.0.12", "10.0.0.22")}
    routed = Routed()
    claims = [identity(each, n, *addresses[each]) for n, each in enumerate(addresses)]
    last = identity("a", 9, *addresses["a"], **of_a)
    routed.tell(*claims, change(0, elements=(allow("10.0.0.21", "b"),)), last, *opening())
    pods = {
        f"default/{each}-{n}": {
            "metadata": {
                "uid": f"uid-{each}-{n}",
                "name": f"{each}-{n}",
                "namespace": "default",
                "labels": {"app": each, "part": "web", "n": str(n)},
            },
            "status": {"podIP": address},
        }
        for each, known in addresses.items()
        for n, address in enumerate(known)
    }
    return routed, pods


def test_what_is_said_of_identities_is_said_of_each_of_their_pods() -> None:
    routed, pods = of_identities()

    findings = told(routed, pods=pods)

    assert findings.equal
    # Four from a to b, and within each both ways.
    looked = "4 pods, 2 policies, 1 rules, 8 pairs that reach each other"
    assert findings.summary == f"equal: {looked}"


def test_a_pod_of_an_identity_that_is_let_through_too_much_is_found() -> None:
    routed, pods = of_identities()
    wide = policy("wide", {"n": "1"}, policyTypes=["Ingress", "Egress"], ingress=[{}], egress=[{}])

    differences = told(routed, wide, pods=pods).differences

    assert {each["errs"] for each in differences} == {"wider"}
    pairs = {pair for each in differences for pair in each["pairs"]}
    ends = "default/a-1", "default/b-1"
    assert pairs == {" -> ".join(ends), " -> ".join(reversed(ends))}


def test_between_pods_of_an_identity_with_a_stranger_among_them_nothing_is_meant_to_flow() -> None:
    routed, pods = of_identities(shared_with="default/x")

    findings = told(routed, pods=pods)

    assert not findings.differences
    assert {each["reason"] for each in findings.inexact} == {"shared-label"}


def test_a_pod_of_no_identity_is_not_settled() -> None:
    routed, pods = of_identities()
    pods["default/a-1"]["status"]["podIP"] = "10.0.0.99"

    assert told(routed, pods=pods).unsettled == ["default/a-1 is in no graph yet"]
