"""A world that is started again in the same folder is the same world, never wider meanwhile."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.kubernetes.server import KubernetesServer
from deploy.world import Plan, World, WorldError
from tests.e2e.acting import acting
from tests.e2e.test_counts import PODS, A, B, C, allow

POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"


class Witness:
    """Sees every version of every policy from the first moment of a server on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[str, str, Any]] = []
        self._watch: asyncio.Task[None] | None = None
        start = KubernetesServer.start

        async def watched(server: KubernetesServer) -> None:
            # Read before anybody can reach the server.
            version = server.store.revision
            await start(server)
            self._watch = asyncio.create_task(self._look(server.url, version))

        monkeypatch.setattr(KubernetesServer, "start", watched)

    async def end(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch

    async def _look(self, url: str, version: int) -> None:
        options = {"watch": "1", "resourceVersion": str(version)}
        with suppress(httpx.HTTPError):
            async with (
                httpx.AsyncClient(base_url=url, trust_env=False, timeout=None) as http,
                http.stream("GET", POLICIES, params=options) as lines,
            ):
                async for line in lines.aiter_lines():
                    event = json.loads(line)
                    name = event["object"]["metadata"].get("name", "")
                    self.events.append((event["type"], name, event["object"].get("spec")))


async def test_a_restart_in_the_same_folder_changes_no_policy_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with acting(tmp_path, 1) as actor:
        await actor.create_pods(PODS)
        await actor.write_rules([allow(A, B), allow(C, B)])
        await actor.settled()
        pods = {pod["metadata"]["uid"] for pod in await actor.pods()}
        before = {name: policy["spec"] for name, policy in (await actor.policies()).items()}
        rules = await actor.graph_rules()
        graph = await actor.neighbours()

    with monkeypatch.context() as patch:
        witness = Witness(patch)
        async with acting(tmp_path, 1) as actor:
            await actor.settled()

            assert {pod["metadata"]["uid"] for pod in await actor.pods()} == pods
            assert await actor.graph_rules() == rules
            assert await actor.neighbours() == graph
            after = await actor.policies()
            assert {name: policy["spec"] for name, policy in after.items()} == before
            epochs = {
                policy["metadata"]["annotations"]["vereflow.io/revision"].split(".")[0]
                for policy in after.values()
            }
            assert await actor.dead_letters() == {}
            await witness.end()

    assert before.keys() == PODS.keys()
    # Nothing was deleted, created, opened or cut; at most the revision was written anew.
    assert [event for event in witness.events if event[0] != "MODIFIED"] == []
    assert [name for _, name, spec in witness.events if spec != before[name]] == []
    # The topics are new, so what was stored before must not pass for newer.
    assert epochs == {"2"}
    assert {name for _, name, _ in witness.events} == before.keys()


async def test_two_worlds_do_not_share_a_folder(tmp_path: Path) -> None:
    async with acting(tmp_path, 1) as actor:
        with pytest.raises(WorldError, match="in use by another"):
            await World(Plan(tmp_path / "state")).start()

        # The first one has not noticed.
        await actor.settled()
