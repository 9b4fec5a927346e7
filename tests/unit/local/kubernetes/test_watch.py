"""A watch misses nothing from its first moment on, and ends when it must."""

from __future__ import annotations

import asyncio
from typing import Any

from deploy.local.kubernetes import watch as watching
from deploy.local.kubernetes.kinds import PODS, Json
from deploy.local.kubernetes.selectors import parse
from deploy.local.kubernetes.store import Store
from deploy.local.kubernetes.watch import Watch, WatchRequest


def put(store: Store, name: str, namespace: str = "default") -> None:
    store.put(PODS, {"metadata": {"namespace": namespace, "name": name, "labels": {"n": name}}})


def opened(store: Store, selector: str = "", **more: Any) -> Watch:
    version = more.pop("version", str(store.revision))
    request = WatchRequest(PODS, "default", parse(PODS, selector, ""), version=version, **more)
    return Watch(store, request)


async def all_of(watch: Watch, bookmark_seconds: float = 60.0) -> list[Json]:
    async with asyncio.timeout(60):
        return [event async for event in watch.events(bookmark_seconds)]


def names(events: list[Json]) -> str:
    return "".join(event["object"]["metadata"].get("name", "?") for event in events)


async def test_what_happens_before_the_first_read_is_told() -> None:
    store = Store()
    watch = opened(store)
    for name in "abc":
        put(store, name)
    watch.close()

    assert names(await all_of(watch)) == "abc"


async def test_another_namespace_is_not_told() -> None:
    store = Store()
    watch = opened(store)
    put(store, "a", "other")
    put(store, "b")
    watch.close()

    assert names(await all_of(watch)) == "b"


async def test_a_forgotten_watch_hears_no_more() -> None:
    store = Store()
    watch = opened(store)
    put(store, "a")
    watch.forget()
    put(store, "b")
    watch.close()

    assert names(await all_of(watch)) == "a"


async def test_who_is_too_far_behind_is_cut_off(monkeypatch: Any) -> None:
    monkeypatch.setattr(watching, "BACKLOG", 3)
    store = Store()
    watch = opened(store)
    for name in "abcdef":
        put(store, name)

    assert names(await all_of(watch)) == "abc"


async def test_a_place_ahead_hears_nothing_older() -> None:
    store = Store()
    watch = opened(store, version=str(store.revision + 2))
    for name in "abc":
        put(store, name)
    watch.close()

    assert names(await all_of(watch)) == "c"


async def test_it_ends_in_time() -> None:
    assert await all_of(opened(Store(), seconds=0.01)) == []


async def test_a_bookmark_never_runs_ahead_of_what_was_told() -> None:
    store = Store()
    watch = opened(store, seconds=0.2, bookmarks=True)
    put(store, "a")
    put(store, "b")
    told = 0

    async for event in watch.events(bookmark_seconds=0.0):
        place = int(event["object"]["metadata"]["resourceVersion"])
        assert place >= told
        if event["type"] == "BOOKMARK":
            behind = [change.revision for change in store.since(place)]
            assert len(behind) + (told > 0) <= 2
        told = place
        if told == store.revision:
            break

    assert told == store.revision


async def test_where_nothing_happens_there_is_no_bookmark() -> None:
    store = Store()
    put(store, "a")

    assert await all_of(opened(store, seconds=0.1, bookmarks=True), bookmark_seconds=0.01) == []


async def test_a_selective_watch_of_a_busy_kind_gets_bookmarks() -> None:
    store = Store()
    watch = opened(store, "n=none", bookmarks=True)
    events = watch.events(bookmark_seconds=0.02)
    waiting = asyncio.ensure_future(anext(events))
    for _ in range(500):
        put(store, "a")
        await asyncio.sleep(0.001)
        if waiting.done():
            break

    event = await asyncio.wait_for(waiting, 60)
    await events.aclose()

    assert event["type"] == "BOOKMARK"
