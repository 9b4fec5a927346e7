"""A pod that wears another's label gets what was meant for that one, and everybody is told."""

from __future__ import annotations

import pytest

from streams.flow import router
from streams.flow.judging import Judging
from streams.policy.selection import OWN_LABEL
from streams.records.facts import GraphFact
from streams.records.policies import PodRules, PolicyPatch
from streams.records.views import Errs, Inexactness
from streams.rules.verdict import Exactness
from tests import reading
from tests.unit.flow.records import ROUTING, Routed, allow, at, change, claim, opening

A, B, X = "local/default/a", "local/default/b", "local/default/x"
NOBODY = {"role": "batch"}


def stranger(rev: int, live: bool = True, **labels: str) -> GraphFact:
    return wearing("x", rev, live, **labels)


def wearing(name: str, rev: int, live: bool = True, **labels: str) -> GraphFact:
    fact = claim(name, rev, live)
    assert fact.claim is not None
    pod = fact.claim.pod.model_copy(update={"labels": labels})
    return fact.model_copy(update={"claim": fact.claim.model_copy(update={"pod": pod})})


def world(*facts: GraphFact) -> Routed:
    """Let a talk to b on TCP 80, and c to nobody."""
    routed = Routed()
    pods = [claim(name, rev) for rev, name in enumerate("abc")]
    routed.tell(*pods, change(0, added=(allow("a", "b"),)), *facts, *opening())
    return routed


def reported(routed: Routed) -> dict[str, list[tuple[str, str]]]:
    patches = {key: row.patch for key, row in routed.compiled.items() if row.patch}
    return {
        key: [(one.rule, one.example) for one in patch.inexact if one.reason == "shared-label"]
        for key, patch in sorted(patches.items())
        if any(one.reason == "shared-label" for one in patch.inexact)
    }


def manifests(routed: Routed) -> list[dict]:
    patches = (row.patch for row in routed.compiled.values())
    return [patch.manifest for patch in patches if patch is not None and patch.manifest]


@pytest.mark.row("E36")
def test_the_owner_of_a_label_and_his_peers_are_told_who_else_wears_it() -> None:
    routed = world(stranger(9, app="a"))

    flow = f"TCP 80 {X} -> {B}"
    assert reported(routed) == {A: [(f"egress {B}", flow)], B: [(f"ingress {A}", flow)]}


def test_what_is_reported_can_really_flow() -> None:
    routed = world(stranger(9, app="b"))

    ends = [
        {"namespace": "default", "name": name, "labels": {"app": label}, "ip": f"10.0.0.{last}"}
        for last, (name, label) in enumerate((("a", "a"), ("b", "b"), ("x", "b")), 11)
    ]
    assert reading.connects(manifests(routed), ends, "default/a", "default/x", "TCP", 80)
    assert (f"egress {B}", f"TCP 80 {A} -> {X}") in reported(routed)[A]


@pytest.mark.parametrize(
    "ending", [stranger(10, live=False, app="a"), stranger(10, app="x"), stranger(10)]
)
def test_the_report_ends_when_nobody_else_wears_the_label(ending: GraphFact) -> None:
    routed = world(stranger(9, app="a"))
    before = manifests(routed)

    routed.tell(ending)

    assert reported(routed) == {}
    assert all(manifest in manifests(routed) for manifest in before)


def test_the_report_ends_when_the_owner_is_known_to_wear_our_label() -> None:
    routed = world(stranger(9, app="a"))

    patches = routed.tell(wearing("a", 10, app="a", **{OWN_LABEL: "uid-a"}))

    assert reported(routed) == {}
    (mine,) = (each.manifest for each in patches if each.key == A and each.manifest)
    assert mine["spec"]["podSelector"]["matchLabels"] == {OWN_LABEL: "uid-a"}
    (peers,) = (each.manifest for each in patches if each.key == B and each.manifest)
    assert "uid-a" in str(peers["spec"]["ingress"])


def test_who_wears_our_label_of_another_is_reported_like_any_thief() -> None:
    routed = world(wearing("a", 9, **{OWN_LABEL: "uid-a"}))

    routed.tell(stranger(10, app="x", **{OWN_LABEL: "uid-a"}))
    assert reported(routed).keys() == {A, B}

    routed.tell(stranger(11, app="x", **{OWN_LABEL: "uid-x"}))
    assert reported(routed) == {}


def test_a_pod_that_loses_our_label_is_selected_by_its_own_again() -> None:
    routed = world(wearing("a", 9, app="a", **{OWN_LABEL: "uid-a"}))

    patches = routed.tell(wearing("a", 10, app="a"))

    assert {each.key for each in patches} == {A, B}
    assert all(f"'{OWN_LABEL}'" not in str(manifest) for manifest in manifests(routed))


def test_met_again_after_its_label_changed_a_pod_touches_the_first_owner_too() -> None:
    routed = world(stranger(9, app="a"))
    routed.tell(stranger(10, app="c"))
    last = len(routed.facts) - 1

    sent = routed.again(last)

    assert {one.key for one in sent if isinstance(one.value, PodRules)} >= {A, B}  # type: ignore[union-attr]


@pytest.mark.parametrize("labels", [{"app": "c"}, {"app": "nobody"}, NOBODY, {}])
def test_a_label_of_somebody_without_allowances_or_of_nobody_widens_nothing(
    labels: dict[str, str],
) -> None:
    assert reported(world(stranger(9, **labels))) == {}


@pytest.mark.row("E36")
@pytest.mark.threat("T7")
def test_strictly_what_would_reach_a_stranger_is_left_out() -> None:
    routed = world(stranger(9, app="a"))
    strict = ROUTING._replace(judging=Judging(Exactness.STRICT))

    sent = router.handle(routed.graph, stranger(11, app="a", more="1"), at(50), strict)

    views = {one.key: one.value for one in sent}  # type: ignore[union-attr]
    assert all(not views[key].allowances for key in (A, B))  # type: ignore[union-attr]
    (report,) = views[A].inexact  # type: ignore[union-attr]
    flow = f"TCP 80 {A} -> {B}"
    assert report == Inexactness(
        rule=f"egress {B}", errs=Errs.NARROWER, reason="shared-label", example=flow
    )


def test_a_report_alone_writes_no_policy() -> None:
    routed = world()
    before = manifests(routed)

    patches: list[PolicyPatch] = routed.tell(stranger(9, app="a"))

    assert {patch.key for patch in patches if patch.inexact} == {A, B}
    assert all(patch.manifest in before for patch in patches if patch.inexact)
