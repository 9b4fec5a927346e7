"""The policy of an identity: whom it selects, what it always allows, and when it goes."""

from __future__ import annotations

from typing import Any

import pytest

from streams.flow.fence import Step, Verb, decide
from streams.policy.narrowing import narrows
from streams.records.policies import Outcome, PolicyPatch, Revision
from tests.reading import connects
from tests.unit.flow.identified import identity, key, living
from tests.unit.flow.records import Routed, allow, change, opening

A, B = "10.0.0.11", "10.0.0.12"
LABELS = {"app": "a", "part": "web"}
# Two pods of each of two workloads, and one that wears all of a's labels and more.
PODS = [
    {"namespace": "default", "name": f"{name}-{n}", "labels": labels, "ip": f"10.0.{n}.{last}"}
    for last, (name, labels) in enumerate(
        (("a", LABELS), ("b", {"app": "b", "part": "web"}), ("x", LABELS | {"more": "1"})), 11
    )
    for n in (0, 1)
]


def world(**of_a: Any) -> Routed:
    """Let a talk to b on TCP 80."""
    routed = Routed()
    rules = change(0, added=(allow(A, B),))
    routed.tell(*living("ab"), identity("a", 5, A, **of_a), rules, *opening())
    return routed


def patch_of(routed: Routed, name: str) -> PolicyPatch:
    patch = routed.compiled[key(name)].patch
    assert patch is not None
    return patch


def manifests(routed: Routed) -> list[dict[str, Any]]:
    found = [row.patch.manifest for row in routed.compiled.values() if row.patch]
    return [manifest for manifest in found if manifest is not None]


def reaches(routed: Routed, source: str, destination: str, port: int = 80) -> bool:
    ends = (f"default/{source}", f"default/{destination}")
    return connects(manifests(routed), PODS, *ends, "TCP", port)


def test_it_is_named_like_the_identity_and_says_whose_it_is() -> None:
    manifest = patch_of(world(), "a").manifest

    assert manifest is not None
    assert manifest["metadata"]["name"] == "deployment.a"
    assert manifest["metadata"]["annotations"]["vereflow.io/identity"] == "Deployment/a"
    assert manifest["spec"]["podSelector"] == {"matchLabels": LABELS}


def test_each_pod_of_one_reaches_each_pod_of_the_other_as_the_rule_says() -> None:
    routed = world()

    assert all(reaches(routed, f"a-{n}", f"b-{m}") for n in (0, 1) for m in (0, 1))
    assert not any(reaches(routed, f"a-{n}", "b-0", 81) for n in (0, 1))
    assert not reaches(routed, "b-0", "a-0")


def test_pods_of_one_identity_reach_each_other_whatever_else_is_allowed() -> None:
    routed = Routed()
    routed.tell(*living("ab"), *opening())
    assert reaches(routed, "a-0", "a-1")

    routed.tell(change(0, added=(allow(A, B), allow(B, A))))

    assert reaches(routed, "a-0", "a-1")


def test_who_wears_the_labels_of_an_identity_gets_nothing_by_it() -> None:
    routed = world(shared_with="local/default/x-0")

    others = ("a-1", "b-0", "x-0")
    assert not any(
        reaches(routed, "a-0", other) or reaches(routed, other, "a-0") for other in others
    )
    assert not reaches(routed, "x-0", "x-1")
    assert reaches(routed, "b-0", "b-1")


def test_that_somebody_else_wears_the_labels_is_a_revocation() -> None:
    routed = Routed()
    routed.tell(*living("ab"), *opening())
    before = patch_of(routed, "a").manifest

    routed.tell(identity("a", 5, A, shared_with="local/default/x-0"))
    after = patch_of(routed, "a").manifest

    assert before is not None
    assert after is not None
    assert narrows(before["spec"], after)
    assert not narrows(after["spec"], before)


def test_without_a_label_in_common_no_policy_selects_anybody() -> None:
    routed = world(selector={})

    patch = patch_of(routed, "a")
    assert patch.manifest is None
    assert patch.unprotected == "the pods of Deployment a share no label"
    assert all(manifest["spec"]["podSelector"] for manifest in manifests(routed))
    (report,) = patch_of(routed, "b").inexact
    assert report.reason == "unselectable"


def test_who_came_last_and_shares_no_label_with_the_others_is_named_and_what_is_stored_closes() -> (
    None
):
    patch = patch_of(world(selector={}, stray="local/default/odd"), "a")

    made = step(patch, stored(STORED), lives=True)

    assert patch.unprotected.endswith("share no label, but all without local/default/odd do")
    assert (made.verb, made.outcome, made.reason) == (
        Verb.UPDATE,
        Outcome.UNPROTECTED,
        patch.unprotected,
    )
    assert made.manifest is not None
    assert narrows(stored(STORED)["spec"], made.manifest)


STORED = patch_of(world(), "a")
GONE = STORED.model_copy(
    update={"manifest": None, "digest": "gone", "revision": Revision(epoch=1, offset=99)}
)


def stored(patch: PolicyPatch) -> dict[str, Any]:
    assert patch.manifest is not None
    meta = {**patch.manifest["metadata"], "uid": "p1", "resourceVersion": "7"}
    return {**patch.manifest, "metadata": meta}


def step(wanted: PolicyPatch, found: dict[str, Any] | None, lives: bool) -> Step:
    return decide(wanted, found, lives, "demo")


@pytest.mark.parametrize("lives", [True, False])
def test_it_is_created_whether_there_are_pods_or_not(lives: bool) -> None:
    assert step(STORED, None, lives)[:2] == (Verb.CREATE, Outcome.APPLIED)


def test_it_goes_when_nobody_is_selected_by_it() -> None:
    assert step(GONE, stored(STORED), lives=False)[:2] == (Verb.DELETE, Outcome.DELETED)


def test_where_somebody_is_selected_it_is_closed_and_not_deleted() -> None:
    made = step(GONE, stored(STORED), lives=True)

    itself = {"podSelector": {"matchLabels": LABELS}}
    assert made.verb is Verb.UPDATE
    assert made.manifest is not None
    assert made.manifest["spec"]["ingress"] == [{"from": [itself]}]
    assert made.manifest["spec"]["egress"] == [{"to": [itself]}]
    assert "vereflow.io/identity" in made.manifest["metadata"]["annotations"]


def test_what_let_no_stranger_in_lets_none_in_when_it_is_closed() -> None:
    shared = patch_of(world(shared_with="local/default/x-0"), "a")

    made = step(GONE, stored(shared), lives=True)

    assert made.manifest is None or not (
        made.manifest["spec"]["ingress"] or made.manifest["spec"]["egress"]
    )
