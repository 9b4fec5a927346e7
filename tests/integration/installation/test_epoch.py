"""The epoch of an installation only ever rises, whatever is lost or interrupted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from agents.clients.errors import ClientError
from deploy import installation
from deploy.installation import initialise, read_epoch, write_epoch
from deploy.local.kubernetes.server import KubernetesServer
from deploy.provision import TopicsRefused, WrongTopic, absent
from streams.settings import Settings
from streams.topics import installation_topic, specs
from tables.catalog import NAMES

POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
ROWS, WANTED = "vereflow-pod-rules-changelog", "vereflow-wanted-changelog"
CHANGELOGS = [f"vereflow-{table}-changelog" for table in NAMES]
# What became of policies is told again at every start.
ROWS_OF_ALL = [each for each in CHANGELOGS if each != "vereflow-policies-changelog"]


async def test_a_first_installation_begins_with_epoch_1_and_keeps_it(settings: Settings) -> None:
    first, epoch = await initialise(settings)
    second, kept = await initialise(settings)

    topics = {spec.name for spec in specs(settings, NAMES)}
    assert (epoch, kept) == (1, 1)
    assert (set(first.created), first.found) == (topics, ())
    assert (second.created, set(second.found)) == ((), topics)


async def test_new_topics_begin_above_every_policy_that_was_written_before(
    settings: Settings, server: KubernetesServer
) -> None:
    await store_policy(server, "one", "7.3.9")
    await store_policy(server, "two", "12.1.4", instance="other")
    await store_policy(server, "three", "no revision")

    _, epoch = await initialise(settings)

    assert epoch == 8
    assert await read_epoch(settings) == 8


@pytest.mark.parametrize("lost", [[ROWS], ["pod-rules", ROWS], [ROWS, WANTED], CHANGELOGS])
async def test_an_installation_whose_views_begin_anew_gets_a_new_epoch(
    settings: Settings, lost: list[str]
) -> None:
    await initialise(settings)
    await write_epoch(settings, 4)
    await delete_topics(settings, lost)

    done, epoch = await initialise(settings)

    assert sorted(done.created) == sorted(lost)
    assert epoch == 5


def _all_but(*lost: str) -> list[str]:
    return sorted(set(ROWS_OF_ALL) - set(lost))


@pytest.mark.parametrize(
    ("lost", "kept"),
    [
        (["pod-events"], ROWS_OF_ALL),
        (["graph-facts"], ROWS_OF_ALL),
        (
            ["graph-edits", "vereflow-graphs-changelog"],
            _all_but("vereflow-graphs-changelog"),
        ),
        (["pod-rules"], [ROWS]),
        (["policy-patches.local"], [ROWS, WANTED]),
        ([WANTED], [ROWS]),
        (["vereflow-graphs-changelog"], _all_but("vereflow-graphs-changelog")),
        (
            [ROWS, "vereflow-pods-changelog"],
            _all_but(ROWS, "vereflow-pods-changelog"),
        ),
    ],
    ids=str,
)
async def test_rows_do_not_begin_anew_beside_those_that_say_nothing_again(
    settings: Settings, lost: list[str], kept: Iterable[str]
) -> None:
    await initialise(settings)
    await delete_topics(settings, lost)

    with pytest.raises(WrongTopic) as refused:
        await initialise(settings)

    gone, _, rest = str(refused.value).partition(" gone, but what goes with it is not: delete ")
    advised, _, _ = rest.partition(" and every worker's state_dir as well")
    assert sorted(gone.split(" and ")) == sorted(lost)
    assert sorted(advised.split(" and ")) == sorted(kept)
    assert sorted(await absent(lost, bootstrap_servers=settings.kafka.broker)) == sorted(lost)
    assert await read_epoch(settings) == 1

    await delete_topics(settings, list(kept))
    assert (await initialise(settings))[1] == 2


async def test_a_topic_that_came_with_a_newer_version_leaves_the_epoch_alone(
    settings: Settings,
) -> None:
    await initialise(settings)
    await delete_topics(settings, ["barriers"])

    done, epoch = await initialise(settings)

    assert (done.created, epoch) == (("barriers",), 1)


async def test_an_interrupted_init_never_leaves_new_topics_with_an_old_epoch(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await initialise(settings)
    await write_epoch(settings, 4)
    await delete_topics(settings, ["pod-rules", ROWS])
    provision = installation.provision

    async def interrupted(topics: list, **client: object) -> object:
        if len(topics) > 1:
            await provision(topics, **client)
            raise TopicsRefused("interrupted")
        return await provision(topics, **client)

    monkeypatch.setattr(installation, "provision", interrupted)
    with pytest.raises(TopicsRefused):
        await initialise(settings)
    monkeypatch.undo()

    _, epoch = await initialise(settings)

    assert epoch == 5


async def test_without_an_answer_of_the_api_server_no_topic_of_the_pipeline_is_made(
    settings: Settings, server: KubernetesServer
) -> None:
    await server.stop()

    with pytest.raises(ClientError):
        await initialise(settings)

    topics = [spec.name for spec in specs(settings, NAMES)]
    others = [name for name in topics if name != installation_topic(settings)]
    assert await absent(topics, bootstrap_servers=settings.kafka.broker) == others


async def test_a_core_asks_no_api_server_and_each_cluster_its_own(
    settings: Settings, server: KubernetesServer
) -> None:
    core, cluster = apart(settings)
    await store_policy(server, "one", "7.3.9")

    _, first = await initialise(core)
    _, second = await initialise(cluster)

    assert (first, second) == (1, 8)
    assert (await initialise(core))[1] == (await initialise(cluster))[1] == 8


async def test_a_cluster_that_lost_what_was_wanted_gets_a_new_epoch(settings: Settings) -> None:
    core, cluster = apart(settings)
    await initialise(core)
    assert (await initialise(cluster))[1] == 1
    patches = "policy-patches.local"
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka.broker) as producer:
        await producer.send_and_wait(patches, b"{}", partition=0)
    await delete_topics(settings, [WANTED.replace("vereflow", cluster.app_id)])

    done, epoch = await initialise(cluster)

    assert (done.created, epoch) == ((WANTED.replace("vereflow", cluster.app_id),), 2)


async def test_a_cluster_joins_what_runs_without_a_new_epoch(settings: Settings) -> None:
    core, cluster = apart(settings)
    await initialise(core)
    more = core.graph.model_copy(update={"clusters": ("local", "far")})

    done, epoch = await initialise(core.model_copy(update={"graph": more}))
    far = cluster.cluster.model_copy(update={"name": "far"})
    _, joined = await initialise(cluster.model_copy(update={"cluster": far}))

    assert done.created == ("policy-patches.far",)
    assert epoch == joined == 1


def apart(settings: Settings) -> tuple[Settings, Settings]:
    """Return the settings of the core, to which no API server is known, and of the cluster."""
    nowhere = settings.cluster.model_copy(update={"kubeconfig": Path("/nowhere")})
    core = settings.model_copy(update={"part": "core", "cluster": nowhere})
    return core, settings.model_copy(update={"part": "cluster"})


async def test_who_never_ran_init_has_no_epoch(settings: Settings) -> None:
    await initialise(settings.model_copy(update={"instance": "other"}))

    assert await read_epoch(settings) is None


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"[]", b"{}", b'{"epoch": "9"}', b'{"epoch": 0}', b'{"epoch": true}']
)
async def test_what_is_no_epoch_is_passed_over(settings: Settings, value: bytes | None) -> None:
    await initialise(settings)
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka.broker) as producer:
        await producer.send_and_wait(installation_topic(settings), value, key=b"main", partition=0)

    assert await read_epoch(settings) == 1


async def delete_topics(settings: Settings, names: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.broker)
    await admin.start()
    try:
        await admin.delete_topics(names)
    finally:
        await admin.close()


async def store_policy(
    server: KubernetesServer, name: str, revision: str, instance: str = "main"
) -> None:
    manifest = {
        "metadata": {
            "name": name,
            "labels": {
                "app.kubernetes.io/managed-by": "vereflow",
                "vereflow.io/instance": instance,
            },
            "annotations": {"vereflow.io/revision": revision},
        },
        "spec": {"podSelector": {}},
    }
    async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as http:
        answer = await http.post(POLICIES, content=json.dumps(manifest))
        answer.raise_for_status()
