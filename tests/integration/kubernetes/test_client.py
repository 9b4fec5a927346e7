"""The client against a server over real sockets, and over lines that break."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from agents.clients import api_server, kubernetes
from agents.clients.errors import (
    AlreadyThere,
    ClientError,
    Conflict,
    NotThere,
    Owned,
    Refused,
    TryLater,
)
from agents.clients.kubernetes import Cluster
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from tests.integration.kubernetes.policies import manifest
from tests.integration.kubernetes.servers import ON_THE_EMBEDDED_ONE, Embedded, Server
from tests.integration.kubernetes.world import Proxy, World


def versions(policy: dict[str, Any]) -> tuple[str, str]:
    return policy["metadata"]["uid"], policy["metadata"]["resourceVersion"]


async def test_the_server_can_be_reached(cluster: Cluster) -> None:
    assert (await cluster.version()).startswith("v1.")


async def test_a_listing_of_many_pages_is_one_listing(
    cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes, "PAGE", 2)
    for number in range(5):
        await world.add_pod(f"pod-{number}")

    listed = await cluster.list_pods("default")

    assert [pod["metadata"]["name"] for pod in listed.items] == [f"pod-{n}" for n in range(5)]


@ON_THE_EMBEDDED_ONE
async def test_a_listing_that_expires_half_way_begins_again(
    proxied: Cluster, proxy: Proxy, world: World, server: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes, "PAGE", 2)
    for number in range(3):
        await world.add_pod(f"pod-{number}")
    compacted = 0

    async def compact_once(request: web.Request, go_on: Any) -> Any:
        nonlocal compacted
        if "continue=" in request.path_qs and not compacted:
            compacted += 1
            await world.add_pod("pod-3")
            server.compact()
        return await go_on()

    proxy.fault = compact_once

    listed = await proxied.list_pods("default")

    assert [pod["metadata"]["name"] for pod in listed.items] == [f"pod-{n}" for n in range(4)]


async def test_a_policy_is_created_only_where_there_is_none(cluster: Cluster) -> None:
    await cluster.create_policy(manifest("a"))

    with pytest.raises(AlreadyThere):
        await cluster.create_policy(manifest("a"))


async def test_an_apply_changes_only_the_object_that_was_read(
    cluster: Cluster, world: World
) -> None:
    first = await cluster.create_policy(manifest("a"))
    edited = await world.edit_policy("a", {"metadata": {"annotations": {"theirs": "1"}}})

    with pytest.raises(Conflict) as stale:
        await cluster.apply_policy(manifest("a", port=81), *versions(first), force=True)
    await world.delete_policy("a")
    with pytest.raises(Conflict):
        await cluster.apply_policy(manifest("a", port=81), *versions(edited), force=True)
    await world.add_policy(manifest("a"))
    with pytest.raises(Conflict):
        await cluster.apply_policy(
            manifest("a", port=81), edited["metadata"]["uid"], "", force=True
        )

    assert not isinstance(stale.value, Owned)
    assert (await world.policy("a"))["spec"] == manifest("a")["spec"]


@pytest.mark.row("R15")
async def test_fields_that_others_own_are_taken_by_force_only(
    cluster: Cluster, world: World
) -> None:
    await cluster.create_policy(manifest("a"))
    theirs = await world.apply_policy(manifest("a", port=99), "somebody")

    with pytest.raises(Owned) as owned:
        await cluster.apply_policy(manifest("a"), *versions(theirs))
    taken = await cluster.apply_policy(manifest("a"), *versions(theirs), force=True)

    assert owned.value.managers == {"somebody"}
    assert taken["spec"] == manifest("a")["spec"]


async def test_a_schema_error_is_refused_although_it_is_a_500(cluster: Cluster) -> None:
    stored = await cluster.create_policy(manifest("a"))
    wrong = manifest("a")
    wrong["spec"]["foo"] = 1

    with pytest.raises(Refused, match=r"500 .*field not declared in schema"):
        await cluster.apply_policy(wrong, *versions(stored), force=True)


async def test_only_the_object_that_was_read_is_deleted(cluster: Cluster, world: World) -> None:
    stored = await cluster.create_policy(manifest("a"))
    uid, version = versions(await world.edit_policy("a", {"metadata": {"labels": {"x": "1"}}}))

    for stale in (versions(stored), ("another", version)):
        with pytest.raises(Conflict):
            await cluster.delete_policy("default", "a", *stale)
    await cluster.delete_policy("default", "a", uid, version)

    with pytest.raises(NotThere):
        await cluster.delete_policy("default", "a", uid, version)


async def test_a_finished_pod_does_not_live(cluster: Cluster, world: World) -> None:
    await world.add_pod("runs", "10.1.0.1")
    await world.add_pod("done", "10.1.0.2")
    await world.set_status("done", {"phase": "Succeeded"})

    lives = [await cluster.pod_lives("default", name) for name in ("runs", "done", "never")]

    assert lives == [True, False, False]


async def test_somebody_lives_who_wears_all_labels_and_has_not_finished(
    cluster: Cluster, world: World
) -> None:
    await world.add_pod("done", "10.1.0.2", labels={"app": "web", "part": "x"})
    await world.set_status("done", {"phase": "Failed"})
    labels = {"app": "web", "part": "x"}
    assert not await cluster.any_lives("default", labels)

    await world.add_pod("runs", "10.1.0.1", labels=labels | {"more": ""})

    asked = (labels, {"more": ""}, labels | {"more": "1"}, {"app": "x"})
    assert [await cluster.any_lives("default", each) for each in asked] == [
        True,
        True,
        False,
        False,
    ]


async def test_an_event_is_about_its_object(cluster: Cluster, world: World) -> None:
    stored = await cluster.create_policy(manifest("a"))

    await cluster.create_event("NetworkPolicy", stored, "FieldsTakenBack", "from x", warning=True)

    (event,) = await world.events()
    assert event["involvedObject"]["uid"] == stored["metadata"]["uid"]
    assert (event["reason"], event["message"], event["type"]) == (
        "FieldsTakenBack",
        "from x",
        "Warning",
    )


async def test_an_event_may_be_about_what_is_not_stored(cluster: Cluster, world: World) -> None:
    about = {"metadata": {"namespace": "default", "name": "nobody"}}

    await cluster.create_event("NetworkPolicy", about, "PolicyRefused", "m", warning=True)

    (event,) = await world.events()
    assert event["involvedObject"]["name"] == "nobody"


@pytest.mark.parametrize("name", ["..", "a/b", "A", "", "a" * 254, "a..b"])
async def test_what_is_no_name_reaches_no_path(cluster: Cluster, server: Server, name: str) -> None:
    with pytest.raises(Refused, match="not a name"):
        await cluster.delete_policy("default", name or "/", "u", "1")

    assert server.writes() == []


async def test_no_server_is_try_later(tmp_path: Path) -> None:
    cluster = Cluster.of(write_kubeconfig(tmp_path / "config", "http://127.0.0.1:9"))

    with pytest.raises(TryLater, match="GET /version"):
        await cluster.version()

    await cluster.close()


@pytest.mark.parametrize("content", [None, "", "[]", "{", "clusters: 5", "current-context: x"])
async def test_a_kubeconfig_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)

    with pytest.raises(Refused, match="config"):
        await Cluster.of(path).version()


@pytest.mark.row("G01")
async def test_outside_of_a_cluster_a_kubeconfig_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(Refused, match="in-cluster credentials"):
        await Cluster.of(None).version()


async def test_an_unknown_context_is_refused(server: Server, tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", server.url)

    with pytest.raises(Refused, match="nowhere"):
        await Cluster.of(path, "nowhere").version()


@pytest.mark.fault("F58")
@pytest.mark.row("G09")
async def test_a_token_that_was_replaced_is_read_again(proxy: Proxy, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    path = write_kubeconfig(tmp_path / "config", proxy.url)
    config = yaml.safe_load(path.read_text())
    config["users"][0]["user"] = {"tokenFile": str(token)}
    path.write_text(yaml.safe_dump(config))
    good = "old"

    async def check(request: web.Request, go_on: Any) -> Any:
        if request.headers.get("Authorization") != f"Bearer {good}":
            return web.json_response({"kind": "Status", "message": "Unauthorized"}, status=401)
        return await go_on()

    proxy.fault = check
    cluster = Cluster.of(path)
    await cluster.version()
    good = "new"
    with pytest.raises(TryLater, match="401"):
        await cluster.version()
    token.write_text("new")

    assert await cluster.version()

    await cluster.close()


@pytest.mark.parametrize("length", [0, 10])
async def test_a_write_whose_answer_is_lost_may_have_been_done(
    proxied: Cluster, proxy: Proxy, world: World, length: int
) -> None:
    async def lose(request: web.Request, go_on: Any) -> Any:
        if request.method == "GET":
            return await go_on()
        await world.add_policy(await request.json())
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"{" * length)
        assert request.transport is not None
        request.transport.close()
        return response

    proxy.fault = lose

    with pytest.raises(TryLater):
        await proxied.create_policy(manifest("a"))

    assert (await proxied.get_policy("default", "a"))["spec"] == manifest("a")["spec"]


@pytest.mark.parametrize(
    ("status", "text", "headers", "error"),
    [
        (429, "Too many requests, please try again later.", {"Retry-After": "7"}, TryLater),
        (503, "", {}, TryLater),
        (200, "<html>", {}, TryLater),
        (200, "", {}, TryLater),
        (200, '{"kind": "Netw', {}, TryLater),
        (200, "<?xml version='1.0'?><policy/>", {}, TryLater),
        (200, "[]", {}, TryLater),
        (200, '{"kind": "NetworkPolicy"}', {}, TryLater),
        (200, '{"metadata": {"resourceVersion": ""}}', {}, TryLater),
        (403, '{"reason": "Forbidden"}', {}, Refused),
    ],
)
@pytest.mark.row("R01", "R02", "R03", "R08", "E37")
async def test_whatever_is_answered_is_one_of_our_errors(
    proxied: Cluster,
    proxy: Proxy,
    status: int,
    text: str,
    headers: dict[str, str],
    error: type[ClientError],
) -> None:
    async def answer(request: web.Request, go_on: Any) -> Any:
        return web.Response(status=status, text=text, headers=headers)

    proxy.fault = answer

    with pytest.raises(ClientError) as caught:
        await proxied.get_policy("default", "a")

    assert type(caught.value) is error
    if isinstance(caught.value, TryLater):
        wanted = headers.get("Retry-After")
        assert caught.value.retry_after == (float(wanted) if wanted else None)


@pytest.mark.parametrize("status", [301, 307])
@pytest.mark.row("R06", "R07")
async def test_a_redirect_is_neither_believed_nor_followed(
    proxied: Cluster, proxy: Proxy, status: int
) -> None:
    async def elsewhere(request: web.Request, go_on: Any) -> Any:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    proxy.fault = elsewhere

    with pytest.raises(TryLater, match="redirected to /elsewhere"):
        await proxied.version()

    assert proxy.requests == [("GET", "/version")]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.row("R04", "R05")
async def test_an_answer_that_is_too_much_is_not_read_to_its_end(
    proxied: Cluster, proxy: Proxy, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_server, "LARGEST_ANSWER", 1 << 20)
    blanks = b" " * (1 << 24)

    async def answer(request: web.Request, go_on: Any) -> Any:
        if packed:
            headers = {"Content-Encoding": "gzip"}
            return web.Response(body=gzip.compress(blanks), headers=headers)
        return web.Response(body=blanks)

    proxy.fault = answer

    with pytest.raises(TryLater, match=f"more than {1 << 20} bytes of answer"):
        await proxied.version()


@pytest.mark.parametrize("word", ["yes", "0o17", "1e3", "null", "~", "2026-01-01", "1_000"])
@pytest.mark.row("X24")
async def test_a_text_that_yaml_would_read_as_something_else_arrives_as_it_is(
    cluster: Cluster, word: str
) -> None:
    wanted = manifest("a")
    stored = await cluster.create_policy(wanted)
    wanted["metadata"]["annotations"] = {"vereflow.io/word": word}

    applied = await cluster.apply_policy(wanted, *versions(stored))

    assert applied["metadata"]["annotations"]["vereflow.io/word"] == word
