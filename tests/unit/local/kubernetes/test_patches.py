"""Patches do what their RFCs say."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.kubernetes.errors import ApiError
from deploy.local.kubernetes.kinds import NETWORK_POLICIES, PODS, SERVICES, Json
from deploy.local.kubernetes.patches import json_patch, merge_patch, strategic_patch

#: Appendix A of RFC 7386.
RFC = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
LEAVES = st.integers() | st.text(max_size=2) | st.lists(st.integers(), max_size=2)
#: Without nulls: a merge patch cannot write them.
TREES = st.recursive(
    st.dictionaries(st.sampled_from("abc"), LEAVES, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | LEAVES, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(("target", "patch", "result"), RFC)
def test_the_examples_of_the_rfc_hold(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


@given(TREES, TREES)
def test_the_difference_merged_in_is_the_other(one: Json, other: Json) -> None:
    assert merge_patch(one, difference(one, other)) == other


@given(TREES, TREES)
def test_merging_twice_is_merging_once(one: Json, patch: Json) -> None:
    once = merge_patch(one, patch)

    assert merge_patch(once, patch) == once


@given(TREES, TREES)
def test_the_target_is_left_as_it_was(one: Json, patch: Json) -> None:
    before = copy.deepcopy(one)

    merge_patch(one, patch)

    assert one == before


@given(TREES, TREES)
def test_without_lists_that_have_keys_strategic_is_merge(one: Json, patch: Json) -> None:
    assert strategic_patch(NETWORK_POLICIES, one, patch) == merge_patch(one, patch)


def difference(one: Json, other: Json) -> Json:
    """Return the merge patch from one to the other."""
    patch: Json = {key: None for key in one if key not in other}
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(one.get(key), dict):
            patch[key] = difference(one[key], value)
        elif key not in one or one[key] != value or isinstance(value, dict):
            patch[key] = value
    return patch


def test_members_are_found_by_their_key() -> None:
    pod = {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]}
    patch = {"containers": [{"name": "b", "image": "3"}, {"name": "c"}], "$setElementOrder/x": []}

    patched = strategic_patch(PODS, pod, patch)

    assert patched == {
        "containers": [
            {"name": "a", "image": "1"},
            {"name": "b", "image": "3"},
            {"name": "c"},
        ]
    }


def test_a_member_can_be_deleted() -> None:
    service = {"ports": [{"port": 80}, {"port": 81}]}

    patched = strategic_patch(SERVICES, service, {"ports": [{"$patch": "delete", "port": 80}]})

    assert patched == {"ports": [{"port": 81}]}


def test_a_map_can_be_replaced_as_a_whole() -> None:
    patch = {"labels": {"$patch": "replace", "b": "2"}}

    assert strategic_patch(PODS, {"labels": {"a": "1"}}, patch) == {"labels": {"b": "2"}}


@pytest.mark.parametrize("member", [{"image": "1"}, "a", None])
def test_a_member_without_its_key_is_refused(member: Any) -> None:
    with pytest.raises(ApiError) as caught:
        strategic_patch(PODS, {}, {"containers": [member]})

    assert caught.value.code == 400


#: From appendix A of RFC 6902; None where the patch must be refused.
STEPS: list[tuple[Json, list[Json], Json | None]] = [
    ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
    ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
    ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": [2]}], {"a": [1, [2]]}),
    ({"a": 1, "b": 2}, [{"op": "remove", "path": "/b"}], {"a": 1}),
    ({"a": [1, 2, 3]}, [{"op": "remove", "path": "/a/1"}], {"a": [1, 3]}),
    ({"a": 1}, [{"op": "replace", "path": "/a", "value": 2}], {"a": 2}),
    ({"a": [1, 2]}, [{"op": "move", "from": "/a/0", "path": "/a/1"}], {"a": [2, 1]}),
    ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": 1}, "c": {"b": 1}}),
    ({"a/b": 1, "~c": 2}, [{"op": "remove", "path": "/a~1b"}], {"~c": 2}),
    ({"~1": 1}, [{"op": "remove", "path": "/~01"}], {}),
    ({"a": 1}, [{"op": "test", "path": "/a", "value": 1}], {"a": 1}),
    ({"a": 1}, [{"op": "test", "path": "/a", "value": 2}], None),
    ({"a": 1}, [{"op": "add", "path": "/b/c", "value": 2}], None),
    ({"a": 1}, [{"op": "remove", "path": "/b"}], None),
    ({"a": 1}, [{"op": "replace", "path": "/b", "value": 2}], None),
    ({"a": [1]}, [{"op": "add", "path": "/a/7", "value": 2}], None),
    ({"a": 1}, [{"op": "add", "path": 5, "value": 2}], None),
    ({"a": 1}, [{"op": "add", "path": "", "value": 2}], None),
    ({"a": 1}, [{"path": "/a"}], None),
    ({"a": 1}, [{"op": "shout", "path": "/a"}], None),
]


@pytest.mark.parametrize(("target", "steps", "result"), STEPS)
def test_steps_do_what_they_say(target: Json, steps: list[Json], result: Json | None) -> None:
    before = copy.deepcopy(target)

    if result is None:
        with pytest.raises(ApiError) as caught:
            json_patch(target, steps)
        assert 400 <= caught.value.code < 500
    else:
        assert json_patch(target, steps) == result
    assert target == before
