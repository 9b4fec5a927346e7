"""The parts run apart and meet at Kafka only: near Verefoo the core, at each cluster the rest."""

from __future__ import annotations

from pathlib import Path

from deploy.demo.expected import isolated
from tests.e2e.apart import apart
from tests.e2e.test_commands import Asking, allow
from tests.e2e.test_counts import PODS, A, B


async def test_a_core_without_api_server_and_a_cluster_without_verefoo_play_the_story(
    tmp_path: Path,
) -> None:
    async with apart(tmp_path, clusters=1) as actor:
        await actor.create_pods(PODS)
        await actor.settled()
        assert {name: each["spec"] for name, each in (await actor.policies()).items()} == {
            name: isolated(name) for name in PODS
        }

        await actor.write_rules([allow(A, B)])
        await actor.settled()
        policies = await actor.policies()
        (port,) = policies["pod-a"]["spec"]["egress"][0]["ports"]
        assert port == {"protocol": "TCP", "port": 80}
        assert policies["pod-b"]["spec"]["ingress"][0]["ports"] == [port]
        await Asking(actor).ends(0, "verify")

        await actor.delete_pods(["pod-a"])
        await actor.settled()
        assert (await actor.policies())["pod-b"]["spec"] == isolated("pod-b")
        assert A not in await actor.neighbours()
        assert await actor.rules() == []

        told = await Asking(actor).data("status")
        assert told["ready"], told
        hands = {each["worker"]: each["hands"].keys() for each in told["workers"]}
        assert hands["core"] == {"graph_keeper"}
        assert hands["one"] == {"namespaces", "pod_watcher", "policy_applier"}
