"""Watches: everything that happens, in order, once."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import httpx
import pytest

from tests.conformance.kubernetes.calls import (
    apply,
    core,
    created,
    events,
    merge,
    pod,
    policies,
    policy,
    told,
    version,
    watched,
)

LABEL = {"metadata": {"labels": {"app": "web"}}}
NO_LABEL = {"metadata": {"labels": {"app": None}}}


async def test_history_is_told_from_where_a_list_ended(
    http: httpx.AsyncClient, namespace: str
) -> None:
    path = core(namespace, "pods")
    since = await version(http, path)
    await created(http, path, pod("a"))
    await merge(http, f"{path}/a", LABEL)
    await created(http, path, pod("b"))
    await http.delete(f"{path}/a")

    seen = await watched(http, path, 5, resourceVersion=since)

    assert told(seen) == [
        ("ADDED", "a"),
        ("MODIFIED", "a"),
        ("ADDED", "b"),
        ("MODIFIED", "a"),
        ("DELETED", "a"),
    ]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in seen]
    assert versions == sorted(set(versions))
    assert all(event["object"]["kind"] == "Pod" for event in seen)


async def test_what_happens_later_is_told_as_it_happens(
    http: httpx.AsyncClient, namespace: str
) -> None:
    path = policies(namespace)
    since = await version(http, path)
    async with asyncio.timeout(90), aclosing(events(http, path, resourceVersion=since)) as stream:
        for name in "abc":
            made = await created(http, path, policy(name))

            event = await anext(stream)

            assert event == {"type": "ADDED", "object": made}


async def test_only_the_watched_kind_is_told(http: httpx.AsyncClient, namespace: str) -> None:
    path = core(namespace, "pods")
    since = await version(http, path)
    await created(http, policies(namespace), policy())
    await created(http, core(namespace, "configmaps"), {"metadata": {"name": "a"}})
    await created(http, path, pod("a"))

    seen = await watched(http, path, 1, resourceVersion=since)

    assert told(seen) == [("ADDED", "a")]


@pytest.mark.parametrize("since", ["", "0"])
async def test_a_watch_from_nowhere_begins_with_what_there_is(
    http: httpx.AsyncClient, namespace: str, since: str
) -> None:
    path = core(namespace, "pods")
    for name in "ab":
        await created(http, path, pod(name))

    seen = await watched(http, path, 2, **({"resourceVersion": since} if since else {}))

    assert sorted(told(seen)) == [("ADDED", "a"), ("ADDED", "b")]


async def test_through_a_selector_a_change_of_label_comes_and_goes(
    http: httpx.AsyncClient, namespace: str
) -> None:
    path = core(namespace, "pods")
    since = await version(http, path)
    await created(http, path, pod("a", labels={"app": "other"}))
    await merge(http, f"{path}/a", LABEL)
    await merge(http, f"{path}/a", {"metadata": {"labels": {"more": "1"}}})
    gone = (await merge(http, f"{path}/a", NO_LABEL)).json()
    await merge(http, f"{path}/a", {"metadata": {"labels": {"more": "2"}}})
    await merge(http, f"{path}/a", LABEL)

    seen = await watched(http, path, 4, resourceVersion=since, labelSelector="app=web")

    assert [event["type"] for event in seen] == ["ADDED", "MODIFIED", "DELETED", "ADDED"]
    last = seen[2]["object"]["metadata"]
    assert last["labels"]["app"] == "web"
    assert last["resourceVersion"] == gone["metadata"]["resourceVersion"]


async def test_one_object_can_be_watched(http: httpx.AsyncClient, namespace: str) -> None:
    path = core(namespace, "pods")
    since = await version(http, path)
    for name in "ab":
        await created(http, path, pod(name))
    await http.delete(f"{path}/b")

    seen = await watched(http, path, 3, resourceVersion=since, fieldSelector="metadata.name=b")

    assert told(seen) == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "b")]


async def test_a_place_too_old_is_said_in_the_stream(
    http: httpx.AsyncClient, namespace: str
) -> None:
    seen = await watched(http, core(namespace, "pods"), 99, resourceVersion="1")

    (event,) = seen
    assert event["type"] == "ERROR"
    assert event["object"]["kind"] == "Status"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert "too old resource version: 1" in event["object"]["message"]


async def test_a_place_that_is_none_is_an_internal_error(
    http: httpx.AsyncClient, namespace: str
) -> None:
    query = {"watch": "1", "resourceVersion": "abc"}

    assert (await http.get(core(namespace, "pods"), params=query)).status_code == 500


async def test_bookmarks_move_the_place_on(http: httpx.AsyncClient, namespace: str) -> None:
    path = core(namespace, "pods")
    since = await version(http, path)
    made = await created(http, policies(namespace), policy())
    query = {"resourceVersion": since, "allowWatchBookmarks": "true"}
    async with asyncio.timeout(90), aclosing(events(http, path, **query)) as stream:
        event = await anext(stream)

    assert event["type"] == "BOOKMARK"
    assert event["object"]["kind"] == "Pod"
    place = int(event["object"]["metadata"]["resourceVersion"])
    assert place >= int(made["metadata"]["resourceVersion"])


async def test_bookmarks_come_also_while_others_are_busy(
    http: httpx.AsyncClient, namespace: str
) -> None:
    path = core(namespace, "pods")
    await created(http, path, pod("a"))
    since = await version(http, path)
    query = {"resourceVersion": since, "allowWatchBookmarks": "1", "labelSelector": "app=none"}

    async def be_busy() -> None:
        for number in range(2000):
            await merge(http, f"{path}/a", {"metadata": {"labels": {"n": str(number)}}})
            await asyncio.sleep(0.05)

    busy = asyncio.create_task(be_busy())
    async with asyncio.timeout(90), aclosing(events(http, path, **query)) as stream:
        event = await anext(stream)
    busy.cancel()

    assert event["type"] == "BOOKMARK"
    assert int(event["object"]["metadata"]["resourceVersion"]) > int(since)


async def test_who_did_not_ask_gets_no_bookmarks(http: httpx.AsyncClient, namespace: str) -> None:
    path = core(namespace, "pods")
    since = await version(http, path)

    assert await watched(http, path, 1, resourceVersion=since, timeoutSeconds=1) == []


async def test_a_watch_can_begin_with_a_list(http: httpx.AsyncClient, namespace: str) -> None:
    path = core(namespace, "pods")
    for name in "ab":
        await created(http, path, pod(name))
    query = {
        "sendInitialEvents": "true",
        "allowWatchBookmarks": "true",
        "resourceVersionMatch": "NotOlderThan",
    }

    seen = await watched(http, path, 3, **query)

    assert sorted(told(seen[:2])) == [("ADDED", "a"), ("ADDED", "b")]
    assert seen[2]["type"] == "BOOKMARK"
    annotations = seen[2]["object"]["metadata"]["annotations"]
    assert annotations["k8s.io/initial-events-end"] == "true"


async def test_a_watch_that_begins_with_a_list_says_how_new_it_must_be(
    http: httpx.AsyncClient, namespace: str
) -> None:
    query = {"watch": "1", "sendInitialEvents": "true", "allowWatchBookmarks": "true"}

    answer = await http.get(core(namespace, "pods"), params=query)

    assert answer.status_code == 422
    assert "resourceVersionMatch" in answer.json()["message"]


async def test_a_write_that_changes_nothing_is_not_told(
    http: httpx.AsyncClient, namespace: str
) -> None:
    path = policies(namespace)
    await apply(http, policies(namespace, "web"), policy())
    since = await version(http, path)
    await apply(http, policies(namespace, "web"), policy())
    await merge(http, policies(namespace, "web"), {"spec": {"policyTypes": ["Ingress"]}})
    await created(http, path, policy("last"))

    seen = await watched(http, path, 1, resourceVersion=since)

    assert told(seen) == [("ADDED", "last")]
