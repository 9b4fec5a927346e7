"""What the kubelet stand-in does about answers other than yes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from deploy.local.kubernetes import Kubelet


class Server:
    """Remembers what it was asked, and answers as told."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.asked: list[tuple[str, str]] = []
        self._answer = answer

    def client(self) -> httpx.AsyncClient:
        def handle(request: httpx.Request) -> httpx.Response:
            self.asked.append((request.method, request.url.path))
            return self._answer(request)

        return httpx.AsyncClient(base_url="http://kube", transport=httpx.MockTransport(handle))


def pod(uid: str, name: str = "a", **metadata: Any) -> dict[str, Any]:
    about = {"uid": uid, "name": name, "namespace": "n"} | metadata
    containers = [{"name": "main", "image": "nginx"}]
    return {"metadata": about, "spec": {"containers": containers}, "status": {"phase": "Pending"}}


def address(request: httpx.Request) -> str:
    return str(json.loads(request.content)["status"]["podIP"])


@pytest.mark.parametrize("code", [429, 500, 503])
@pytest.mark.parametrize("going", [False, True])
async def test_trouble_that_passes_begins_everything_again(code: int, going: bool) -> None:
    server = Server(lambda _: httpx.Response(code))
    mark = {"deletionTimestamp": "2026-01-02T03:04:05Z"} if going else {}

    async with server.client() as client:
        with pytest.raises(httpx.HTTPStatusError):
            await Kubelet(client).serve("ADDED", pod("1", **mark))


@pytest.mark.parametrize("code", [404, 409, 422])
async def test_a_refused_address_is_free_again(code: int) -> None:
    given: list[str] = []

    def refuse_the_first(request: httpx.Request) -> httpx.Response:
        given.append(address(request))
        return httpx.Response(code if len(given) == 1 else 200)

    async with Server(refuse_the_first).client() as client:
        kubelet = Kubelet(client, pod_range="10.0.0.0/28")
        for uid in "123456":
            await kubelet.serve("ADDED", pod(uid))

    assert len(given) == 6
    assert given[0] == given[-1]
    assert len(set(given[1:])) == 5


async def test_a_pod_seen_twice_is_started_once() -> None:
    server = Server(lambda _: httpx.Response(200))

    async with server.client() as client:
        kubelet = Kubelet(client)
        await kubelet.serve("ADDED", pod("1"))
        await kubelet.serve("MODIFIED", pod("1"))

    assert server.asked == [("PATCH", "/api/v1/namespaces/n/pods/a/status")]


async def test_a_start_is_meant_for_one_uid() -> None:
    bodies: list[Any] = []

    def keep(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(200)

    async with Server(keep).client() as client:
        await Kubelet(client).serve("ADDED", pod("1"))

    assert bodies[0]["metadata"] == {"uid": "1"}


async def test_a_pod_that_waited_in_vain_is_forgotten() -> None:
    server = Server(lambda _: httpx.Response(200))
    wish = {"annotations": {"vereflow.io/pod-ip": "10.0.0.1"}}

    async with server.client() as client:
        kubelet = Kubelet(client)
        await kubelet.serve("ADDED", pod("1", "a", **wish))
        await kubelet.serve("ADDED", pod("2", "b", **wish))
        await kubelet.serve("DELETED", pod("2", "b", **wish))
        await kubelet.serve("DELETED", pod("1", "a", **wish))

    assert server.asked == [("PATCH", "/api/v1/namespaces/n/pods/a/status")]


class Places:
    """Remembers which pods live where, and has no room for some."""

    def __init__(self, full: bool = False) -> None:
        self.homes: dict[str, str] = {}
        self._full = full

    async def start(self, pod: dict[str, Any], address: str) -> None:
        if self._full:
            raise ValueError("no room")
        self.homes[pod["metadata"]["uid"]] = address

    async def stop(self, uid: str) -> None:
        self.homes.pop(uid, None)


def running(uid: str, address: str, phase: str = "Running") -> dict[str, Any]:
    return {**pod(uid, f"pod-{uid}"), "status": {"phase": phase, "podIP": address}}


async def test_a_pod_has_its_place_before_it_is_said_to_run() -> None:
    places = Places()
    then: list[dict[str, str]] = []

    def look(request: httpx.Request) -> httpx.Response:
        then.append(dict(places.homes))
        return httpx.Response(200)

    async with Server(look).client() as client:
        await Kubelet(client, sandboxes=places).serve("ADDED", pod("1"))

    assert then == [{"1": "10.244.0.10"}]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DELETED", running("1", "10.244.0.10")),
        ("MODIFIED", running("1", "10.244.0.10", "Succeeded")),
    ],
)
async def test_a_pod_that_is_over_leaves_its_place(change: str, told: dict[str, Any]) -> None:
    places = Places()

    async with Server(lambda _: httpx.Response(200)).client() as client:
        kubelet = Kubelet(client, sandboxes=places)
        await kubelet.serve("ADDED", running("1", "10.244.0.10"))
        await kubelet.serve("ADDED", running("2", "10.244.0.11"))
        await kubelet.serve(change, told)

    assert places.homes == {"2": "10.244.0.11"}


async def test_a_listing_says_who_lives_and_who_has_gone_unseen() -> None:
    places = Places()
    listings = [["1", "2"], ["2", "3"]]

    def list_pods(_: httpx.Request) -> httpx.Response:
        items = [running(uid, f"10.244.0.1{uid}") for uid in listings.pop(0)]
        return httpx.Response(200, json={"metadata": {"resourceVersion": "1"}, "items": items})

    async with Server(list_pods).client() as client:
        kubelet = Kubelet(client, sandboxes=places)
        await kubelet.list_once()
        await kubelet.list_once()

    assert places.homes == {"2": "10.244.0.12", "3": "10.244.0.13"}


async def test_a_pod_without_a_place_does_not_run_and_says_why() -> None:
    bodies: list[Any] = []

    def keep(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(201)

    server = Server(keep)
    async with server.client() as client:
        await Kubelet(client, sandboxes=Places(full=True)).serve("ADDED", pod("1"))

    assert server.asked == [("POST", "/api/v1/namespaces/n/events")]
    assert bodies[0]["message"] == "no room"
    assert bodies[0]["involvedObject"]["uid"] == "1"


async def test_who_waits_for_an_address_gets_it_once_the_place_is_empty() -> None:
    places = Places()
    wish = {"annotations": {"vereflow.io/pod-ip": "10.0.0.1"}}

    async with Server(lambda _: httpx.Response(200)).client() as client:
        kubelet = Kubelet(client, sandboxes=places)
        await kubelet.serve("ADDED", pod("1", "a", **wish))
        await kubelet.serve("ADDED", pod("2", "b", **wish))
        assert places.homes == {"1": "10.0.0.1"}
        await kubelet.serve("DELETED", pod("1", "a", **wish))

    assert places.homes == {"2": "10.0.0.1"}
