"""The epoch of an installation only ever rises, above all that was stored before."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from agents.clients.errors import ClientError
from deploy.installation import initialise, read_epoch, write_epoch
from deploy.local.broker.embedded import EmbeddedBroker
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from deploy.local.kubernetes.server import KubernetesServer
from deploy.local.ports import free_port
from deploy.provision import MissingTopics, check
from streams.settings import Settings
from streams.topics import specs
from tables.catalog import NAMES


async def store(
    server: KubernetesServer, name: str, revision: str, namespace: str = "default", **labels: str
) -> None:
    """Store a policy as an earlier run would have left it."""
    ours = {"app.kubernetes.io/managed-by": "vereflow", "vereflow.io/instance": "main"}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "labels": {key: labels.get(key.split("/")[1], value) for key, value in ours.items()},
            "annotations": {"vereflow.io/revision": revision},
        },
        "spec": {"podSelector": {"matchLabels": {"app": name}}},
    }
    path = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        (await http.post(path, json=policy)).raise_for_status()


def on_new_topics(settings: Settings, app_id: str) -> Settings:
    """Return the same installation as if all its topics had been made anew."""
    kafka = settings.kafka.model_copy(update={"app_id": app_id, "prefix": f"{app_id}."})
    return settings.model_copy(update={"kafka": kafka})


async def test_the_first_epoch_is_one_and_every_topic_is_there(settings: Settings) -> None:
    done, epoch = await initialise(settings)

    assert epoch == 1
    assert {spec.name for spec in specs(settings, NAMES)} == set(done.created)
    await check(settings.kafka.broker, specs(settings, NAMES))


async def test_initialising_again_keeps_the_epoch_and_creates_nothing(settings: Settings) -> None:
    await initialise(settings)

    done, epoch = await initialise(settings)

    assert (done.created, epoch) == ((), 1)


async def test_on_new_topics_the_epoch_is_above_every_stored_policy(
    settings: Settings, server: KubernetesServer
) -> None:
    await store(server, "pod-a", "2.0.3")
    await store(server, "pod-b", "4.0.7")
    await store(server, "pod-c", "4.0.1")

    _, epoch = await initialise(settings)

    assert epoch == 5
    assert await read_epoch(settings) == 5


async def test_topics_made_anew_raise_the_epoch_each_time(
    settings: Settings, server: KubernetesServer
) -> None:
    _, first = await initialise(settings)
    await store(server, "pod-a", f"{first}.0.7")

    _, second = await initialise(on_new_topics(settings, "again"))

    assert (first, second) == (1, 2)


async def test_policies_of_others_and_unreadable_revisions_do_not_count(
    settings: Settings, server: KubernetesServer
) -> None:
    await store(server, "another-installation", "8.0.1", instance="other")
    await store(server, "another-program", "9.0.1", **{"managed-by": "somebody"})
    await store(server, "not-managed", "7.0.1", namespace="kube-public")
    await store(server, "damaged", "seven")
    await store(server, "ours", "2.1.1")

    _, epoch = await initialise(settings)

    assert epoch == 3


async def test_without_an_api_server_there_is_no_epoch(settings: Settings, tmp_path: Path) -> None:
    nowhere = write_kubeconfig(tmp_path / "nowhere", f"http://127.0.0.1:{free_port()}")
    cluster = settings.cluster.model_copy(update={"kubeconfig": nowhere})

    with pytest.raises(ClientError):
        await initialise(settings.model_copy(update={"cluster": cluster}))

    assert await read_epoch(settings) is None
    # And when it is there again, the epoch is found as if nothing had been.
    _, epoch = await initialise(settings)
    assert epoch == 1


async def test_an_init_that_was_cut_off_does_not_fall_back_to_an_old_epoch(
    settings: Settings, server: KubernetesServer
) -> None:
    await initialise(settings)
    await store(server, "pod-a", "4.0.7")
    # The topic of epochs outlived the others, and the API server was away when they were made.
    survived = f"{settings.kafka.prefix}installation"
    again = settings.model_copy(
        update={"kafka": settings.kafka.model_copy(update={"app_id": "again"})}
    )
    assert survived == f"{again.kafka.prefix}installation"
    await server.stop()
    with pytest.raises(ClientError):
        await initialise(again)
    await server.start()

    _, epoch = await initialise(again)

    assert epoch == 5


async def test_the_newest_epoch_counts_and_only_of_this_installation(settings: Settings) -> None:
    await initialise(settings)
    other = settings.model_copy(update={"instance": "other"})
    for epoch in (2, 3):
        await write_epoch(settings, epoch)
    await write_epoch(other, 9)

    assert await read_epoch(settings) == 3
    assert await read_epoch(other) == 9


async def test_before_init_there_is_nothing_to_run_on(
    settings: Settings, broker: EmbeddedBroker
) -> None:
    with pytest.raises(MissingTopics, match="vereflow init"):
        await check(broker.bootstrap, specs(settings, NAMES))
