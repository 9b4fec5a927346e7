"""What the commands list, from the rows that the workers hold."""

from __future__ import annotations

import pytest

from deploy.cli.pods import list_pods
from deploy.cli.policies import list_policies, show_policy
from deploy.cli.rules import list_firewalls, list_rules
from streams.flow.tracker import PodRow
from streams.records.policies import Outcome
from streams.records.views import Errs, PodRef
from streams.rules.spaces import networks
from tests.unit.cli.rows import (
    WIDER,
    bindings,
    firewall,
    graph_pod,
    key,
    outcome,
    patch,
    pod,
    rule,
)
from tests.unit.flow.identified import identity
from tests.unit.flow.records import Routed, allow, change

A, B = "10.0.0.1", "10.0.0.2"


def test_a_pod_is_listed_with_why_it_is_unprotected() -> None:
    rows = {key("a"): pod("a"), key("b"): pod("b", address=None)}
    wanted = {key("a"): patch("a", manifest=None, unprotected="no label")}

    one, two = list_pods(rows, wanted)

    assert (one["key"], one["address"], one["unprotected"]) == (key("a"), "10.0.0.1", "no label")
    assert (two["address"], two["live"], two["unprotected"]) == (None, True, "")


def test_a_pod_that_is_gone_needs_no_protection() -> None:
    (one,) = list_pods(
        {key("a"): pod("a", live=False)}, {key("a"): patch("a", unprotected="no label")}
    )

    assert (one["live"], one["unprotected"]) == (False, "")


def test_what_the_tracker_notes_of_a_partition_is_no_pod() -> None:
    note = PodRow(pod=PodRef(cluster="local", namespace="", name="", uid=""), live=False, rev=0)

    assert list_pods({"local//": note}, {}) == []


@pytest.mark.parametrize(
    ("row", "uids", "states"),
    [
        (rule(A, B), {"source": "uid-of-a", "destination": "uid-of-b"}, ("bound", "bound")),
        (rule(A, B), {"source": "uid-of-a"}, ("bound", "parked")),
        (rule(A, B), {"source": "uid-of-c"}, ("gone", "parked")),
        (rule(A, B, at=5), {"source": "uid-of-a"}, ("parked", "parked")),
        (rule("10.0.0.-1", "*"), {}, ("range", "range")),
        (rule(A, "8.8.8.8"), {"source": "uid-of-a"}, ("bound", "outside")),
    ],
    ids=["bound", "parked", "gone", "said-anew", "range", "outside"],
)
def test_each_end_of_a_rule_says_whom_it_is_bound_to(row, uids, states) -> None:
    place = "main|10.0.0.9|00000|x"
    pods = {f"main|{key(name)}": graph_pod(name, live=name != "c") for name in "abc"}

    (listed,) = list_rules({place: row}, pods | bindings(place, **uids), networks(["8.0.0.0/8"]))

    assert (listed["source"]["state"], listed["destination"]["state"]) == states
    for end in (listed["source"], listed["destination"]):
        assert bool(end["pod"]) == (end["state"] == "bound")


def test_an_alias_of_an_identity_is_bound_to_it_and_one_of_two_is_disputed() -> None:
    routed = Routed()
    routed.tell(identity("a", 0, A, B), identity("b", 1, B), change(0, added=(allow(A, B),)))

    (listed,) = list_rules(routed.rows, routed.pods)

    assert listed["source"]["pod"] == "local/default/deployment.a"
    assert listed["destination"]["state"] == "disputed"


def test_a_rule_is_said_in_words_and_in_full() -> None:
    (listed,) = list_rules({"main|10.0.0.9|00000|x": rule(A, B)}, {})

    assert listed["text"] == f"ALLOW TCP {A}:* -> {B}:80"
    assert listed["rule"]["dstPort"] == "80"
    assert (listed["graph"], listed["firewall"]) == ("main", "10.0.0.9")


def test_a_dropped_rule_is_neither_listed_nor_counted() -> None:
    rows = {
        "main|10.0.0.9|": firewall(),
        "main|10.0.0.9|00000|x": rule(A, B, dropped=True),
        "main|10.0.0.9|00000|y": rule(B, A),
        "other|10.0.0.9|00000|y": rule(B, A),
    }

    (listed,) = list_firewalls(rows)

    assert listed["rules"] == 1
    assert [each["graph"] for each in list_rules(rows, {})] == ["main", "other"]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (None, "PENDING"),
        (outcome("a", offset=1), "PENDING"),
        (outcome("a", offset=2), "APPLIED"),
        (outcome("a", Outcome.REFUSED, offset=2, reason="no quota"), "REFUSED"),
    ],
)
def test_a_policy_is_pending_until_its_own_revision_was_answered(known, said) -> None:
    outcomes = {key("a"): known} if known else {}

    (listed,) = list_policies({key("a"): patch("a", offset=2)}, outcomes)

    assert listed["outcome"] == said
    assert listed["reason"] == ("no quota" if said == "REFUSED" else "")
    assert listed["revision"] == "1.1.2"


def test_inexactnesses_are_counted_by_reason_and_direction() -> None:
    narrower = WIDER.model_copy(update={"errs": Errs.NARROWER})
    again = WIDER.model_copy(update={"rule": "another"})

    (listed,) = list_policies({key("a"): patch("a", inexact=(WIDER, narrower, again))}, {})

    assert listed["inexactCount"] == 3
    assert listed["inexactReasons"] == ["source-port narrower (1)", "source-port wider (2)"]


def test_a_policy_is_shown_whole() -> None:
    one = patch("a", inexact=(WIDER,))

    whole = show_policy(key("a"), one, outcome("a"), {})

    assert whole["manifest"] == one.manifest
    assert whole["inexact"] == [WIDER.model_dump(mode="json", by_alias=True)]


@pytest.mark.parametrize(("unprotected", "gone"), [("", True), ("no label", False)])
def test_only_a_policy_that_should_not_be_there_is_gone(unprotected: str, gone: bool) -> None:
    (listed,) = list_policies({key("a"): patch("a", manifest=None, unprotected=unprotected)}, {})

    assert listed["gone"] is gone
