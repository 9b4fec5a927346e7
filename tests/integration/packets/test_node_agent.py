"""The node enforces what the API server stores, whatever becomes of the API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from deploy.local.kubernetes.kubelet import ADDRESS_ANNOTATION
from deploy.local.packets.lacking import lacking
from deploy.local.packets.namespaces import CommandFailed, Namespace
from deploy.local.packets.node_agent import Enforce, NodeAgent
from deploy.local.packets.probing import Probe, Verdict, probe_all
from tests.integration.kubernetes.servers import Embedded, Server
from tests.integration.kubernetes.world import World
from tests.integration.packets.crowd import echoed
from tests.integration.packets.node import Node, running, soon, task
from tests.real import needs_packets

OPEN, DROPPED = Verdict.OPEN, Verdict.DROPPED
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    assert lacking() == ""
    async with running(tmp_path) as node:
        await node.world.add_pod("a")
        await node.world.add_pod("b")
        await node.becomes(OPEN, "a", "b")
        yield node


def closed(name: str = "closed", namespace: str = "default", **ingress: object) -> dict:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": {"app": "b"}},
            "policyTypes": ["Ingress"],
            "ingress": [ingress] if ingress else [],
        },
    }


@needs_packets
async def test_a_policy_holds_while_it_is_stored(node: Node) -> None:
    await node.world.add_policy(closed())
    await node.becomes(DROPPED, "a", "b")
    assert await node.verdict("b", "a") is OPEN

    await node.world.delete_policy("closed")
    await node.becomes(OPEN, "a", "b")


@needs_packets
async def test_a_stored_deny_cuts_what_is_established(node: Node) -> None:
    namespace, loop = node.namespace("a"), asyncio.get_running_loop()
    with namespace.socket(1) as connection:
        namespace.close()
        await loop.sock_connect(connection, (await node.runs("b"), 80))
        assert await echoed(connection, b"before", 60)

        await node.world.add_policy(closed())
        await node.becomes(DROPPED, "a", "b")

        assert not await echoed(connection, b"after", 1)


@needs_packets
async def test_labels_of_pods_and_namespaces_count_as_they_are_now(node: Node) -> None:
    await node.world.add_policy(
        closed(**{"from": [{"namespaceSelector": {"matchLabels": {"friend": "yes"}}}]})
    )
    await node.becomes(DROPPED, "a", "b")

    await label_namespace(node.server, "default", friend="yes")
    await node.becomes(OPEN, "a", "b")
    await label_namespace(node.server, "default", friend=None)
    await node.becomes(DROPPED, "a", "b")
    await node.world.label_pod("b", app="c")
    await node.becomes(OPEN, "a", "b")


@needs_packets
@pytest.mark.parametrize("is_closed", [True, False])
async def test_a_pod_is_closed_from_birth_if_a_stored_policy_says_so(
    node: Node, is_closed: bool
) -> None:
    if is_closed:
        await node.world.add_policy(closed())
        await node.becomes(DROPPED, "a", "b")
    await node.world.delete_pod("b")
    await soon(lambda: gone(node, "b"))

    async with knocking(node, "a", "10.244.9.9") as heard:
        for _ in range(5):
            await born(node, "b", "10.244.9.9")
            await asyncio.sleep(0.3)
            await node.world.delete_pod("b")
            await soon(lambda: gone(node, "b"))

    assert len(heard) > 5
    assert (OPEN in heard) is not is_closed


@needs_packets
async def test_while_the_api_server_is_away_everything_stays_as_it_was(node: Node) -> None:
    await node.world.add_policy(closed())
    await node.becomes(DROPPED, "a", "b")

    await node.server.stop()
    assert await node.verdict("a", "b") is DROPPED
    assert await node.verdict("b", "a") is OPEN

    await node.server.start()
    await node.world.delete_policy("closed")
    await node.becomes(OPEN, "a", "b")


@needs_packets
async def test_a_forgotten_history_is_made_up_by_listing_again(node: Node) -> None:
    node.server.compact()
    node.server.close_watches()

    await node.world.add_policy(closed())

    await node.becomes(DROPPED, "a", "b")


async def test_what_could_not_be_enforced_is_tried_again(tmp_path: Path) -> None:
    tried: list[str] = []

    async def enforce(ruleset: str, known: frozenset[str]) -> None:
        tried.append(ruleset)
        if len(tried) < 3:
            raise CommandFailed("nft: busy")

    async with agent_of(tmp_path, enforce) as (agent, _):
        await asyncio.wait_for(agent.ready.wait(), 60)

    assert len(tried) == 3
    assert len(set(tried)) == 1


async def test_what_changes_no_packet_costs_no_ruleset(tmp_path: Path) -> None:
    tried: list[tuple[str, frozenset[str]]] = []

    async def enforce(ruleset: str, known: frozenset[str]) -> None:
        tried.append((ruleset, known))

    async def enforced() -> bool:
        return "10.244.0.10" in tried[-1][0]

    async with agent_of(tmp_path, enforce) as (agent, world):
        await asyncio.wait_for(agent.ready.wait(), 60)
        await world.add_pod("a", "10.244.0.9")
        await world.annotate_pod("a", note="nothing")
        await world.add_policy(closed())
        await world.add_pod("b", "10.244.0.10")
        await soon(enforced)

    assert len(set(tried)) == len(tried)
    assert len(tried[-1][1]) == 2


@asynccontextmanager
async def agent_of(folder: Path, enforce: Enforce) -> AsyncIterator[tuple[NodeAgent, World]]:
    """Run an agent whose node is a function."""
    server = Embedded()
    await server.start()
    agent = NodeAgent(server.kubeconfig(folder / "kubeconfig"), enforce)
    async with World(server) as world, task(agent.run()):
        yield agent, world
    await server.stop()


@asynccontextmanager
async def knocking(node: Node, source: str, address: str) -> AsyncIterator[list[Verdict]]:
    """Connect to an address again and again; what became of it is in the list."""
    heard: list[Verdict] = []
    own = await node.runs(source)

    async def knock(namespace: Namespace) -> None:
        probe = Probe(namespace, own, address, "TCP", 80)
        while True:
            heard.append((await asyncio.to_thread(probe_all, [probe], 0.01))[0].verdict)

    with closing(node.namespace(source)) as namespace:
        async with task(knock(namespace)):
            yield heard


async def born(node: Node, name: str, address: str) -> None:
    """Create a pod that wants a certain address, and return when it runs."""
    about = {"name": name, "labels": {"app": name}, "annotations": {ADDRESS_ANNOTATION: address}}
    body = {"metadata": about, "spec": {"containers": [{"name": "main", "image": "none"}]}}
    async with node.server.client() as http:
        (await http.post("/api/v1/namespaces/default/pods", json=body)).raise_for_status()
    assert await node.runs(name) == address


async def gone(node: Node, name: str) -> bool:
    return not (node.folder / "pods" / "default" / name).exists()


async def label_namespace(server: Server, name: str, **labels: str | None) -> None:
    async with server.client() as http:
        body = {"metadata": {"labels": labels}}
        path = f"/api/v1/namespaces/{name}"
        (await http.patch(path, json=body, headers=MERGE)).raise_for_status()
