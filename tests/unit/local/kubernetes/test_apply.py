"""Server-side apply as laws: what is declared holds, is owned, and is declared once."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.kubernetes.apply import apply
from deploy.local.kubernetes.errors import ApiError
from deploy.local.kubernetes.fields import from_fields_v1, leaves, to_fields_v1
from deploy.local.kubernetes.kinds import NETWORK_POLICIES, SERVICES, Json
from deploy.local.kubernetes.ownership import APPLY, UPDATE, Manager, Owners, has, owners_of
from tests.unit.local.kubernetes.objects import apply_policy, new_api, policies, refusal

M1 = Manager("m1", APPLY, "networking.k8s.io/v1")
M2 = Manager("m2", APPLY, "networking.k8s.io/v1")
KEYS = st.sampled_from(["a", "b", "f:c", ".", "x/y"])
PATHS = st.sets(st.lists(KEYS, min_size=1, max_size=3).map(tuple), max_size=6)


@given(PATHS)
def test_a_set_of_fields_is_read_back_as_it_was_written(paths: set[tuple[str, ...]]) -> None:
    assert from_fields_v1(to_fields_v1(paths)) == paths


def test_a_member_with_members_below_is_marked() -> None:
    written = to_fields_v1({("a",), ("a", "b"), ("c",)})

    assert written == {"f:a": {".": {}, "f:b": {}}, "f:c": {}}


def test_an_atomic_map_is_one_field() -> None:
    tree = {"spec": {"selector": {"app": "web"}, "type": "ClusterIP"}}

    assert set(leaves(SERVICES, tree)) == {("spec", "selector"), ("spec", "type")}


@given(policies())
def test_applying_again_changes_nothing(body: Json) -> None:
    api = new_api()
    first = apply_policy(api, body)

    second = apply_policy(api, copy.deepcopy(body))

    assert (first.code, second.code) == (201, 200)
    assert second.body == first.body
    assert api.store.revision == int(first.body["metadata"]["resourceVersion"])


@given(policies(), policies())
def test_what_is_declared_last_with_force_holds(one: Json, other: Json) -> None:
    api, alone = new_api(), new_api()
    apply_policy(api, one, "m1")

    stored = apply_policy(api, other, "m2", force=True).body

    expected = apply_policy(alone, other, "m2").body
    for path in leaves(NETWORK_POLICIES, other):
        assert has(stored, path) == has(expected, path)


@given(policies(), policies())
def test_one_managers_second_word_replaces_its_first(one: Json, other: Json) -> None:
    api, alone = new_api(), new_api()
    for body in (one, other):
        # Types once filled in stay, whatever the rules become.
        body["spec"].setdefault("policyTypes", ["Ingress"])
    apply_policy(api, one)

    stored = apply_policy(api, other).body

    expected = apply_policy(alone, other).body
    assert stored["spec"] == expected["spec"]
    for key in ("labels", "annotations"):
        assert stored["metadata"].get(key) == expected["metadata"].get(key)
    assert owners_of(stored) == owners_of(expected)


@given(policies(), policies())
def test_there_is_a_conflict_exactly_where_an_owned_field_differs(one: Json, other: Json) -> None:
    api = new_api()
    stored = apply_policy(api, one, "m1").body
    owned, live = leaves(NETWORK_POLICIES, one), leaves(NETWORK_POLICIES, stored)
    wanted = leaves(NETWORK_POLICIES, other)
    clash = {path for path in owned if path in live and wanted.get(path, live[path]) != live[path]}

    assert refusal(lambda: apply_policy(api, other, "m2")) == (409 if clash else 0)


@given(policies(), policies())
def test_a_refused_apply_leaves_everything_as_it_was(one: Json, other: Json) -> None:
    api = new_api()
    before = copy.deepcopy(apply_policy(api, one, "m1").body)

    refused = refusal(lambda: apply_policy(api, other, "m2"))

    assert not refused or api.get(NETWORK_POLICIES, "default", "web") == before


@given(policies(), policies())
def test_every_declared_field_is_owned(one: Json, other: Json) -> None:
    api = new_api()
    apply_policy(api, one, "m1")

    owners = owners_of(apply_policy(api, other, "m2", force=True).body)

    assert owners[M2] == set(leaves(NETWORK_POLICIES, other))
    assert owners[M1] <= set(leaves(NETWORK_POLICIES, one))


@given(policies(), policies())
def test_a_trial_answers_what_the_apply_would_and_stores_nothing(one: Json, other: Json) -> None:
    api = new_api()
    before = copy.deepcopy(apply_policy(api, one).body)

    tried = apply_policy(api, other, dry_run=True).body
    kept = copy.deepcopy(api.get(NETWORK_POLICIES, "default", "web"))
    done = apply_policy(api, other).body

    assert kept == before
    assert tried["spec"] == done["spec"]


def test_a_stored_object_is_never_changed_in_place() -> None:
    live = {"metadata": {"labels": {"a": "1", "b": "2"}}}
    before = copy.deepcopy(live)
    owners: Owners = {M1: {("metadata", "labels", "a"), ("metadata", "labels", "b")}}
    declared = {"metadata": {"labels": {"a": "1"}}}

    merged, _ = apply(NETWORK_POLICIES, live, owners, declared, M1, force=False)

    assert merged == declared
    assert live == before


def test_many_conflicts_are_listed_by_manager() -> None:
    live = {"metadata": {"labels": {"a": "1", "b": "2"}}}
    editor = Manager("editor", UPDATE, "networking.k8s.io/v1")
    owners: Owners = {M1: {("metadata", "labels", "a")}, editor: {("metadata", "labels", "b")}}
    declared = {"metadata": {"labels": {"a": "8", "b": "9"}}}

    with pytest.raises(ApiError) as caught:
        apply(NETWORK_POLICIES, live, owners, declared, M2, force=False)

    message = str(caught.value)
    assert message.startswith("Apply failed with 2 conflicts: ")
    assert 'conflicts with "m1":\n- .metadata.labels.a' in message
    assert 'conflicts with "editor" using networking.k8s.io/v1:\n- .metadata.labels.b' in message
