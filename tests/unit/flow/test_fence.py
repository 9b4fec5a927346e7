"""One step from what is stored to what is wanted: late writers lose, nobody stands open."""

from __future__ import annotations

import pytest

from streams.flow.fence import REVISION, Step, Verb, decide, revision_of
from streams.policy.labels import EXACTNESS, SAYING
from streams.records.policies import Outcome, PolicyPatch, Revision
from tests.unit.flow.records import Routed, allow, change, claim, opening


def patches() -> list[PolicyPatch]:
    """Return the policy of one pod before and after a rule."""
    world = Routed()
    world.tell(claim("a", 0), claim("b", 1), change(0, gone=True))
    first = [patch for patch in world.tell(*opening()) if patch.key.endswith("/a")]
    return first + [
        patch
        for patch in world.tell(change(1, added=(allow("a", "b"),)))
        if patch.key.endswith("/a")
    ]


OLD, NEW = patches()
GONE = NEW.model_copy(
    update={"manifest": None, "digest": "gone", "revision": Revision(epoch=1, offset=99)}
)


def stored(patch: PolicyPatch, **changes) -> dict:
    assert patch.manifest is not None
    meta = {**patch.manifest["metadata"], "uid": "p1", "resourceVersion": "7", **changes}
    return {**patch.manifest, "metadata": meta}


def step(wanted: PolicyPatch, found: dict | None, lives: bool = True) -> Step:
    return decide(wanted, found, lives, "demo")


def test_what_is_not_there_is_created():
    assert step(OLD, None)[:2] == (Verb.CREATE, Outcome.APPLIED)


def test_nothing_is_created_for_a_pod_that_does_not_live():
    assert step(OLD, None, lives=False).verb is Verb.NOTHING


def test_an_update_names_what_it_read():
    assert step(NEW, stored(OLD))[:2] == (Verb.UPDATE, Outcome.APPLIED)
    assert step(NEW, stored(OLD))[3:5] == ("p1", "7")


def test_a_late_writer_loses():
    assert step(OLD, stored(NEW))[:2] == (Verb.NOTHING, Outcome.SUPERSEDED)


@pytest.mark.parametrize("text", ["", "x", "1.2", "--1.0.0", "1.0.--1", "1.0." + "9" * 5000])
def test_what_somebody_wrote_for_a_revision_is_older_than_all(text: str):
    notes = {"annotations": {REVISION: text}}

    assert revision_of(stored(NEW, **notes)).epoch == -1
    assert step(OLD, stored(NEW, **notes)).verb is Verb.UPDATE


def test_what_stands_already_is_left_alone():
    assert step(NEW, stored(NEW))[:2] == (Verb.NOTHING, Outcome.UNCHANGED)


def test_fields_that_somebody_took_are_taken_back():
    drifted = stored(NEW) | {"spec": {**stored(NEW)["spec"], "egress": [{}]}}

    assert step(NEW, drifted).verb is Verb.UPDATE


def test_labels_that_say_something_are_put_right_but_where_there_were_none_yet():
    told = stored(NEW)["metadata"]["labels"]
    without = {name: said for name, said in told.items() if name not in SAYING}
    partly = {name: said for name, said in told.items() if name != EXACTNESS}

    assert step(NEW, stored(NEW, labels=without)).verb is Verb.NOTHING
    for labels in (partly, told | {EXACTNESS: "wider"}):
        assert step(NEW, stored(NEW, labels=labels)).verb is Verb.UPDATE


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/managed-by": "vereflow"}])
def test_what_is_not_ours_is_never_written(labels):
    assert step(NEW, stored(OLD, labels=labels))[:2] == (Verb.NOTHING, Outcome.FOREIGN)
    assert step(GONE, stored(OLD, labels=labels), lives=False).verb is Verb.NOTHING


def newest(patch: PolicyPatch) -> PolicyPatch:
    return patch.model_copy(
        update={"revision": Revision(epoch=1, incarnation=9), "pod_uid": "uid-later"}
    )


def test_the_policy_of_a_pod_that_is_gone_goes():
    assert step(newest(GONE), stored(OLD), lives=False)[:2] == (Verb.DELETE, Outcome.DELETED)


def test_the_policy_of_a_living_name_is_closed_and_not_deleted():
    made = step(newest(GONE), stored(NEW))

    assert made.verb is Verb.UPDATE
    assert made.manifest is not None
    itself = {"podSelector": {"matchLabels": {"app": "a"}}}
    assert made.manifest["spec"]["egress"] == [{"to": [itself]}]
    assert step(newest(GONE), stored_as(made)).verb is Verb.NOTHING


def stored_as(made: Step) -> dict:
    assert made.manifest is not None
    meta = {**made.manifest["metadata"], "uid": "p1", "resourceVersion": "8"}
    return {**made.manifest, "metadata": meta}


def test_what_an_earlier_pod_left_goes_although_nobody_wrote_the_one_in_between():
    gone = newest(GONE)
    left = stored(OLD)

    assert left["metadata"]["annotations"]["vereflow.io/pod-uid"] != gone.pod_uid
    assert step(gone, left, lives=False).verb is Verb.DELETE


def test_a_late_end_does_not_delete_the_policy_of_a_later_pod():
    end = GONE.model_copy(update={"revision": Revision(epoch=1, offset=0)})

    assert step(end, stored(NEW), lives=False)[:2] == (Verb.NOTHING, Outcome.SUPERSEDED)


def test_a_pod_that_no_policy_selects_is_reported_and_what_is_there_is_closed():
    odd = newest(GONE).model_copy(update={"unprotected": "its label says another name"})

    assert step(odd, None)[:2] == (Verb.NOTHING, Outcome.UNPROTECTED)
    assert step(odd, stored(NEW))[:2] == (Verb.UPDATE, Outcome.UNPROTECTED)
    assert step(odd, stored(NEW), lives=False).verb is Verb.DELETE
