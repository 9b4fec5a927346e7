"""Lists: by label, by field, page by page."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conformance.kubernetes.calls import core, created, pod, policies, policy

PODS: dict[str, dict[str, str]] = {
    "a": {"app": "web", "tier": "front"},
    "b": {"app": "web", "tier": "back", "n": "7"},
    "c": {"app": "db", "example.com/x": ""},
    "d": {},
}


@pytest.fixture
async def pods(http: httpx.AsyncClient, namespace: str) -> str:
    """Return the path of a few pods."""
    for name, labels in PODS.items():
        await created(http, core(namespace, "pods"), pod(name, labels=labels))
    return core(namespace, "pods")


async def names(http: httpx.AsyncClient, path: str, **query: Any) -> str:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return "".join(one["metadata"]["name"] for one in answer.json()["items"])


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", "abcd"),
        ("app", "abc"),
        ("!app", "d"),
        ("app=web", "ab"),
        ("app==web", "ab"),
        ("app!=web", "cd"),
        ("app in (web,db)", "abc"),
        ("app in (web)", "ab"),
        ("app notin (web)", "cd"),
        ("app=web,tier!=back", "a"),
        ("app in (web, db),tier", "ab"),
        ("app=web, tier=back", "b"),
        ("example.com/x", "c"),
        ("example.com/x=", "c"),
        ("n>6", "b"),
        ("n<7", ""),
        ("app=none", ""),
    ],
)
async def test_labels_select(
    http: httpx.AsyncClient, pods: str, selector: str, expected: str
) -> None:
    assert await names(http, pods, labelSelector=selector) == expected


@pytest.mark.parametrize(
    "selector", ["a=b=c", "app in web", "app in (", "=", "-app=x", "app=a b", "app=web,", "n>x"]
)
async def test_a_label_selector_that_is_none_is_refused(
    http: httpx.AsyncClient, pods: str, selector: str
) -> None:
    answer = await http.get(pods, params={"labelSelector": selector})

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("metadata.name=a", "a"),
        ("metadata.name!=a", "bcd"),
        ("status.phase=Pending,metadata.name==b", "b"),
        ("status.phase=Running", ""),
        ("spec.nodeName=", "abcd"),
    ],
)
async def test_fields_select(
    http: httpx.AsyncClient, pods: str, selector: str, expected: str
) -> None:
    assert await names(http, pods, fieldSelector=selector) == expected


async def test_of_those_with_labels_who_have_not_finished_one_can_be_asked_for(
    http: httpx.AsyncClient, pods: str
) -> None:
    fields = "status.phase!=Succeeded,status.phase!=Failed"
    query = {"labelSelector": "app=web", "fieldSelector": fields, "limit": "1"}

    assert await names(http, pods, **query) == "a"
    assert await names(http, pods, **query | {"labelSelector": "app=web,tier=x"}) == ""


async def test_a_namespace_is_a_field_as_well(
    http: httpx.AsyncClient, pods: str, namespace: str
) -> None:
    query = f"metadata.namespace={namespace}"

    assert await names(http, "/api/v1/pods", fieldSelector=query) == "abcd"


async def test_few_fields_of_a_policy_select(http: httpx.AsyncClient, namespace: str) -> None:
    await created(http, policies(namespace), policy())

    assert await names(http, policies(namespace), fieldSelector="metadata.name=web") == "web"
    answer = await http.get(policies(namespace), params={"fieldSelector": "spec.x=1"})
    assert answer.status_code == 400
    known = 'only "metadata.name", "metadata.namespace"'
    assert answer.json()["message"] == f'"spec.x" is not a known field selector: {known}'


async def test_the_members_of_a_list_do_not_repeat_its_type(
    http: httpx.AsyncClient, pods: str
) -> None:
    listed = (await http.get(pods)).json()

    assert (listed["kind"], listed["apiVersion"]) == ("PodList", "v1")
    assert not any({"kind", "apiVersion"} & set(one) for one in listed["items"])


async def test_a_namespace_that_is_not_there_holds_nothing(http: httpx.AsyncClient) -> None:
    assert await names(http, core("test-nowhere", "pods")) == ""


async def test_pages_show_one_moment(http: httpx.AsyncClient, pods: str) -> None:
    first = (await http.get(pods, params={"limit": 3})).json()
    await created(http, pods, pod("e"))
    await http.delete(f"{pods}/d")
    token = first["metadata"]["continue"]

    second = (await http.get(pods, params={"limit": 3, "continue": token})).json()

    assert [one["metadata"]["name"] for one in first["items"]] == ["a", "b", "c"]
    assert first["metadata"]["remainingItemCount"] == 1
    assert [one["metadata"]["name"] for one in second["items"]] == ["d"]
    assert "continue" not in second["metadata"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_a_page_large_enough_is_the_whole_list(http: httpx.AsyncClient, pods: str) -> None:
    listed = (await http.get(pods, params={"limit": 4})).json()

    assert len(listed["items"]) == 4
    assert "continue" not in listed["metadata"]


@pytest.mark.parametrize("token", ["garbage", "e30", "%", "WzAsMV0", "ü"])
async def test_a_page_nobody_was_promised_is_refused(
    http: httpx.AsyncClient, pods: str, token: str
) -> None:
    answer = await http.get(pods, params={"continue": token})

    assert answer.status_code == 400


async def test_a_version_that_lies_ahead_is_waited_for_in_vain(
    http: httpx.AsyncClient, pods: str
) -> None:
    answer = await http.get(pods, params={"resourceVersion": "999999999"})

    assert answer.status_code == 504
    assert answer.json()["reason"] == "Timeout"
    assert "Too large resource version" in answer.json()["message"]
    assert answer.headers["Retry-After"] == "1"


async def test_any_version_will_do(http: httpx.AsyncClient, pods: str) -> None:
    assert await names(http, pods, resourceVersion="0") == "abcd"


async def test_names_alone_can_be_asked_for(http: httpx.AsyncClient, pods: str) -> None:
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

    listed = (await http.get(pods, headers={"Accept": accept})).json()

    assert listed["kind"] == "PartialObjectMetadataList"
    assert [set(one) for one in listed["items"]] == [{"kind", "apiVersion", "metadata"}] * 4


async def test_a_list_can_be_asked_for_as_a_table(http: httpx.AsyncClient, pods: str) -> None:
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

    table = (await http.get(pods, headers={"Accept": accept})).json()

    assert table["kind"] == "Table"
    assert [row["cells"][0] for row in table["rows"]] == ["a", "b", "c", "d"]
    assert {row["object"]["kind"] for row in table["rows"]} == {"PartialObjectMetadata"}
