"""Create every topic before anybody needs it, or say which one is not as it must be.

ProvisionError
├── MissingTopics   asked only to check, and some are not there
├── TopicsRefused   the broker would not create them, or delete them
├── TopicsNotReady  created, but still without a leader
└── WrongTopic      there, but different: its message names the command that helps
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest

from deploy.errors import Unusable
from streams.topicspec import TopicSpec

READY_WITHIN = 30.0
LOOK_EVERY = 0.1
# How long records are kept is for whoever runs the broker to say.
MAY_DIFFER = {"retention.ms"}


class ProvisionError(Unusable):
    """The topics are not as the pipeline needs them."""


class MissingTopics(ProvisionError):
    """Topics that nobody created yet."""


class TopicsRefused(ProvisionError):
    """Topics the broker declined to create, or to delete."""


class TopicsNotReady(ProvisionError):
    """Topics that have partitions without a leader."""


class WrongTopic(ProvisionError):
    """A topic that was created differently."""


@dataclass(frozen=True)
class Provisioned:
    """Names of the topics, by what had to be done about them."""

    created: tuple[str, ...]
    found: tuple[str, ...]


async def provision(topics: Sequence[TopicSpec], **client: Any) -> Provisioned:
    """Create the topics that are missing and check the others, as this client of aiokafka."""
    async with _admin(client) as admin:
        missing = await _missing(admin, topics)
        await _create(admin, missing)
        described = await _with_leaders(admin, topics)
        await _check(admin, client["bootstrap_servers"], topics, described)
    created = tuple(spec.name for spec in missing)
    return Provisioned(created, tuple(spec.name for spec in topics if spec.name not in created))


async def absent(names: Iterable[str], **client: Any) -> list[str]:
    """Return the names of which there is no topic."""
    async with _admin(client) as admin:
        there = set(await admin.list_topics())
    return [name for name in names if name not in there]


async def check(topics: Sequence[TopicSpec], **client: Any) -> None:
    """Raise unless every topic is there and right: what a worker asks before it starts."""
    async with _admin(client) as admin:
        missing = await _missing(admin, topics)
        if missing:
            names = ", ".join(spec.name for spec in missing)
            # A broker with rights shows nobody what he may not see.
            unseen = ", or our login may not see them" if "sasl_mechanism" in client else ""
            raise MissingTopics(f"no such topics{unseen}: {names}; run `vereflow init`")
        described = await _with_leaders(admin, topics)
        await _check(admin, client["bootstrap_servers"], topics, described)


@asynccontextmanager
async def _admin(client: Mapping[str, Any]) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(**client)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def _missing(admin: Any, topics: Sequence[TopicSpec]) -> list[TopicSpec]:
    # Asking for a topic by its name would create it on brokers that create on demand.
    there = set(await admin.list_topics())
    return [spec for spec in topics if spec.name not in there]


async def _create(admin: Any, missing: Sequence[TopicSpec]) -> None:
    if not missing:
        return
    response = await admin.create_topics(
        [
            NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=spec.configs)
            for spec in missing
        ]
    )
    refused = []
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        # Somebody else may provision at the same moment.
        if code and error is not TopicAlreadyExistsError:
            refused.append(f"{name}: {(message or [None])[0] or error.__name__}")
    if refused:
        raise TopicsRefused("; ".join(refused))


async def _with_leaders(admin: Any, topics: Sequence[TopicSpec]) -> dict[str, Any]:
    """Return the topics' descriptions once every broker knows where to write each partition.

    Creation is answered before the metadata has spread; a worker that subscribes in between
    ignores the topic for good.
    """
    names = [spec.name for spec in topics]
    deadline = time.monotonic() + READY_WITHIN
    while True:
        views = [view async for view in _views(admin, names)]
        waiting = [name for name in names if not all(_is_ready(view.get(name)) for view in views)]
        if views and not waiting:
            return views[0]
        if time.monotonic() > deadline:
            raise TopicsNotReady(f"no leader within {READY_WITHIN:.0f} s: {', '.join(waiting)}")
        await asyncio.sleep(LOOK_EVERY)


async def _views(admin: Any, names: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
    """Yield what each broker knows of these topics; one that does not answer knows nothing."""
    for broker in admin._client.cluster.brokers():
        try:
            answer = await admin._client.send(broker.nodeId, MetadataRequest(list(names)))
        except KafkaError:
            yield {}
        else:
            yield {topic["topic"]: topic for topic in answer.to_object()["topics"]}


def _is_ready(topic: Mapping[str, Any] | None) -> bool:
    return (
        topic is not None
        and topic["error_code"] == 0
        and bool(topic["partitions"])
        and all(partition["leader"] >= 0 for partition in topic["partitions"])
    )


async def _check(
    admin: Any, bootstrap: str, topics: Sequence[TopicSpec], described: Mapping[str, Any]
) -> None:
    configs = await _configs(admin, [spec.name for spec in topics])
    for spec in topics:
        partitions = described[spec.name]["partitions"]
        if len(partitions) != spec.partitions:
            # More partitions would send the same keys elsewhere, away from their table rows.
            raise WrongTopic(
                f"{spec.name} has {len(partitions)} partitions, not {spec.partitions}: set the"
                " number it has, or give up its records with `kafka-topics.sh"
                f" --bootstrap-server {bootstrap} --delete --topic {spec.name}`"
                " and run `vereflow init`"
            )
        replicas = min(len(partition["replicas"]) for partition in partitions)
        if replicas < spec.replication:
            raise WrongTopic(
                f"{spec.name} has {replicas} replicas, not {spec.replication}: add some with"
                f" `kafka-reassign-partitions.sh --bootstrap-server {bootstrap}`"
            )
        told = configs.get(spec.name, {})
        wrong = {
            name: wanted
            for name, wanted in spec.configs.items()
            if name not in MAY_DIFFER and told.get(name, wanted) != wanted
        }
        if wrong:
            has = ", ".join(f"{name} {told[name]}, not {wanted}" for name, wanted in wrong.items())
            settings = ",".join(f"{name}={wanted}" for name, wanted in wrong.items())
            raise WrongTopic(
                f"{spec.name} has {has}: run"
                f" `kafka-configs.sh --bootstrap-server {bootstrap} --alter --entity-type topics"
                f" --entity-name {spec.name} --add-config {settings}`"
            )


async def _configs(admin: Any, names: Sequence[str]) -> dict[str, dict[str, str]]:
    responses = await admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    )
    told = [resource for response in responses for resource in response.resources]
    for code, _, _, name, _ in told:
        if code == TopicAuthorizationFailedError.errno:
            raise WrongTopic(f"{name}: our login may not see its settings: give it DescribeConfigs")
    return {name: {entry[0]: entry[1] for entry in entries} for _, _, _, name, entries in told}
