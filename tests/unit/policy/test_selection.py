"""By which label a policy selects a pod, and who is to be given one of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.policy.compile import compile_policy
from streams.policy.selection import LABEL, OWN_LABEL, Selector, selected_by, selector_of, worn
from streams.policy.stamping import Wearers
from streams.records.views import PodRef
from tests.unit.policy.pods import allow, manifest, pod

NAMES = ("web", "db", "n" * 80)


def test_our_label_counts_before_the_pods_own():
    both = pod("web", uid="u-1", labels={LABEL: "web", OWN_LABEL: "u-1"})

    assert selector_of(both) == Selector(((OWN_LABEL, "u-1"),))


@pytest.mark.threat("T7")
def test_a_label_of_ours_that_names_another_pod_does_not_count():
    stolen = pod("web", uid="u-1", labels={LABEL: "web", OWN_LABEL: "u-2"})

    assert selector_of(stolen) == Selector(((LABEL, "web"),))
    assert selected_by(pod("x", uid="u-2", labels={OWN_LABEL: "u-2"})) in worn(stolen)


def test_a_policy_selects_by_the_labels_its_pods_wear():
    subject = pod("web-1", uid="u-1", labels={LABEL: "web", OWN_LABEL: "u-1"})
    peer = pod("n" * 80, uid="u-2", labels={OWN_LABEL: "u-2"})

    allowances = [allow("egress", peer, "TCP 80")]

    spec = manifest(subject, *allowances)["spec"]
    assert spec["podSelector"] == {"matchLabels": {OWN_LABEL: "u-1"}}
    assert spec["egress"][0]["to"] == [{"podSelector": {"matchLabels": {OWN_LABEL: "u-2"}}}]
    assert compile_policy(subject, allowances)[1] == ()


def test_the_owner_of_a_label_needs_ours_as_soon_as_another_wears_it():
    wearers = Wearers()
    owner = pod("web", uid="u-1")
    assert [wearers.needs(each) for each in wearers.put(owner)] == [False]

    thief = pod("thief", uid="u-2", labels={LABEL: "web"})
    touched = {each.name: wearers.needs(each) for each in wearers.put(thief)}
    assert touched == {"thief": True, "web": True}

    assert {each.name: wearers.needs(each) for each in wearers.drop(thief.key)} == {"web": False}


@st.composite
def crowds(draw: st.DrawFn) -> list[PodRef | str]:
    """Return pods that come and change, and keys of pods that go."""
    steps: list[PodRef | str] = []
    for number in range(draw(st.integers(1, 12))):
        name = draw(st.sampled_from(NAMES))
        if draw(st.booleans()):
            labels = draw(
                st.dictionaries(st.sampled_from((LABEL, OWN_LABEL)), st.sampled_from((*NAMES, "u")))
            )
            uid = draw(st.sampled_from((f"u-{number}", "u")))
            steps.append(pod(name, uid=uid, labels=labels))
        else:
            steps.append(pod(name).key)
    return steps


@given(crowds())
def test_whoever_changes_between_needing_and_not_is_said(steps: list[PodRef | str]) -> None:
    wearers = Wearers()
    alive: dict[str, PodRef] = {}
    believed: dict[str, bool] = {}
    for step in steps:
        if isinstance(step, str):
            alive.pop(step, None)
            believed.pop(step, None)
            touched = wearers.drop(step)
        else:
            alive[step.key] = step
            touched = wearers.put(step)
        believed |= {each.key: wearers.needs(each) for each in touched}

        assert believed == {key: needs(each, alive) for key, each in alive.items()}


def needs(one: PodRef, alive: dict[str, PodRef]) -> bool:
    """Say the same in the words of the documents."""
    if OWN_LABEL in one.labels:
        return one.labels[OWN_LABEL] != one.uid
    alone = [each for each in alive.values() if each.labels.get(LABEL) == one.name] == [one]
    return not alone or len(one.name) > 63
