"""A login can do at Kafka what a worker must, and nothing else; without rights, nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import DeleteAclsRequest
from aiokafka.protocol.metadata import MetadataRequest

from deploy import kafka_rights
from deploy.errors import Unusable
from deploy.kafka_rights import Right, grant, require_group, rights
from deploy.local.broker.apache import ApacheBroker
from deploy.local.broker.secured import ADMIN, WORKER
from deploy.login import client_options
from deploy.provision import check, provision
from streams.settings import ClusterSettings, Settings
from streams.settings_graph import GraphSettings
from streams.settings_kafka import KafkaSettings
from streams.topics import specs
from streams.topicspec import TopicSpec
from tables.catalog import tables_of
from tests.e2e.acting import until_true
from tests.real import needs_java

RULES = TopicSpec("vereflow-firewall-changes", 1, 1)
ROWS = TopicSpec("vereflow-graph-rules-changelog", 1, 1)
FOREIGN = TopicSpec("orders", 1, 1)
WITHIN = 30.0
REFUSALS = ("Authorization", "our login may not", "needs ALTER permission")
Act = Callable[[], Awaitable[object]]


class User:
    """Somebody with a login, and what everybody might try."""

    def __init__(self, broker: ApacheBroker, user: str) -> None:
        assert broker.secured is not None
        kafka = KafkaSettings(
            broker=broker.bootstrap,
            prefix="vereflow-",
            tls=True,
            ca=broker.secured.ca,
            user=user,
            password_file=broker.secured.password_file(user),
        )
        self.settings = Settings(kafka=kafka)
        self.client = client_options(kafka)

    async def write(self, *topics: TopicSpec) -> None:
        async with AIOKafkaProducer(**self.client) as producer:
            for topic in topics:
                await producer.send_and_wait(topic.name, b"{}", b"key")

    async def read(self, topic: TopicSpec) -> None:
        # A consumer would go on asking for a topic that it may not see.
        await self._ask(lambda admin: described(admin, topic), "topics")
        async with AIOKafkaConsumer(auto_offset_reset="earliest", **self.client) as consumer:
            consumer.assign([TopicPartition(topic.name, 0)])
            await consumer.getone()

    async def look(self, topic: TopicSpec) -> None:
        await check([topic], **self.client)

    async def join(self, group: str) -> None:
        kafka = self.settings.kafka.model_copy(update={"app_id": group})
        settings = self.settings.model_copy(update={"kafka": kafka})
        await require_group(settings, **self.client)

    async def create(self) -> None:
        new = NewTopic(name="vereflow-new", num_partitions=1, replication_factor=1)
        await self._ask(lambda admin: admin.create_topics([new]), "topic_errors")

    async def delete(self, topic: TopicSpec) -> None:
        await self._ask(lambda admin: admin.delete_topics([topic.name]), "topic_error_codes")

    async def grow(self, topic: TopicSpec) -> None:
        more = {topic.name: NewPartitions(total_count=2)}
        await self._ask(lambda admin: admin.create_partitions(more), "topic_errors")

    async def empty(self, topic: TopicSpec) -> None:
        before = {TopicPartition(topic.name, 0): RecordsToDelete(before_offset=1)}
        await self._ask(lambda admin: admin.delete_records(before))

    async def configure(self, topic: TopicSpec) -> None:
        told = ConfigResource(ConfigResourceType.TOPIC, topic.name, {"retention.ms": "1"})

        async def alter(admin: Any) -> Any:
            (answer,) = await admin.alter_configs([told])
            return answer

        await self._ask(alter, "resources")

    async def grant(self) -> None:
        await grant([Right("topic", "prefixed", "", ("Read",))], WORKER, **self.client)

    async def _ask(self, act: Callable[[Any], Awaitable[Any]], where: str = "") -> None:
        admin = AIOKafkaAdminClient(**self.client)
        await admin.start()
        try:
            answer = await act(admin)
        finally:
            await admin.close()
        for each in getattr(answer, where) if where else ():
            code = next(part for part in each if isinstance(part, int))
            if code:
                raise for_code(code)


@needs_java
@pytest.mark.threat("T1", "T2", "T3", "T4", "T5", "T8")
async def test_a_login_can_do_what_a_worker_must_and_nothing_else(tmp_path: Path) -> None:
    async with ApacheBroker(tmp_path / "kafka", secured=True) as broker:
        admin, worker = User(broker, ADMIN), User(broker, WORKER)
        await provision([RULES, ROWS, FOREIGN], **admin.client)
        for topic in (RULES, ROWS, FOREIGN):
            await admin.write(topic)
        # As yet it is anybody: nothing that bears on a rule can be read or written.
        for topic in (RULES, ROWS):
            await refused(lambda topic=topic: worker.write(topic))
            await refused(lambda topic=topic: worker.read(topic))
        await grant(rights(admin.settings), WORKER, **admin.client)

        needed = {
            ("topic", "Write"): lambda: worker.write(RULES),
            ("topic", "Read"): lambda: worker.read(ROWS),
            ("topic", "DescribeConfigs"): lambda: worker.look(RULES),
            ("group", "Read"): lambda: worker.join("vereflow"),
        }
        for must in needed.values():
            await until_done(must)
        for must_not in (
            worker.create,
            lambda: worker.delete(RULES),
            lambda: worker.grow(RULES),
            lambda: worker.empty(RULES),
            lambda: worker.configure(RULES),
            worker.grant,
            lambda: worker.write(FOREIGN),
            lambda: worker.read(FOREIGN),
            lambda: worker.join("orders"),
        ):
            await refused(must_not)

        for right in rights(admin.settings):
            for operation in right.operations:
                # Whoever may read or write may describe, says Kafka's own authorizer.
                if operation != "Describe":
                    await take_away(admin, right, operation)
                    await until_refused(needed[right.resource, operation])
                    await grant([right], WORKER, **admin.client)
                    await until_done(needed[right.resource, operation])


@pytest.mark.long
@needs_java
@pytest.mark.threat("T1", "T3")
async def test_a_part_at_a_cluster_can_do_what_it_must_there_and_nothing_elsewhere(
    tmp_path: Path,
) -> None:
    async with ApacheBroker(tmp_path / "kafka", secured=True) as broker:
        admin, worker = User(broker, ADMIN), User(broker, WORKER)
        two = part(admin, "cluster")
        topics = {
            spec.name: spec
            for settings in (part(admin, "core"), two)
            for spec in specs(settings, tables_of(settings))
        }
        await provision([*topics.values()], **admin.client)
        await admin.write(*topics.values())
        given = rights(two)
        await grant(given, WORKER, **admin.client)

        acts = {"Read": worker.read, "Write": worker.write, "DescribeConfigs": worker.look}
        needed = {
            (right, operation): partial(acts[operation], topics[right.name])
            for right in given
            for operation in right.operations
            if right.resource == "topic" and operation != "Describe"
        }
        (group,) = (right for right in given if right.resource == "group")
        needed[group, "Read"] = partial(worker.join, "vereflow-at-two")
        for must in needed.values():
            await until_done(must)

        may = {right.name: right.operations for right in given}
        for name, topic in topics.items():
            for operation in {"Read", "Write"}.difference(may.get(name, ())):
                await refused(partial(acts[operation], topic))
        for other in ("vereflow", "vereflow-at-one"):
            await refused(partial(worker.join, other))

        for (right, operation), must in needed.items():
            await take_away(admin, right, operation)
            await until_refused(must)
            await grant([right], WORKER, **admin.client)
            await until_done(must)


def part(user: User, name: str) -> Settings:
    """Return the settings of a part of an installation over two clusters."""
    kafka = user.settings.kafka.model_copy(update={"partitions": 1})
    both = GraphSettings(clusters=("one", "two"))
    return Settings(part=name, kafka=kafka, graph=both, cluster=ClusterSettings(name="two"))


async def described(admin: Any, topic: TopicSpec) -> Any:
    """Return what the broker says of a topic."""
    return await admin._send_request(MetadataRequest([topic.name]))


async def refused(act: Act) -> None:
    """Act; fail unless the broker does not let us."""
    assert not await done(act)


async def done(act: Act) -> bool:
    """Act, and return whether the broker lets us."""
    try:
        async with asyncio.timeout(WITHIN):
            await act()
    except (KafkaError, Unusable) as error:
        said = f"{type(error).__name__} {error}"
        assert any(each in said for each in REFUSALS), said
        return False
    return True


async def until_done(act: Act) -> None:
    """Act until the broker lets us: it learns of rights a moment after they were given."""
    await until_true(lambda: done(act))


async def until_refused(act: Act) -> None:
    """Act until the broker no longer lets us."""

    async def over() -> bool:
        return not await done(act)

    await until_true(over)


async def take_away(admin: User, right: Right, operation: str) -> None:
    """Take one right of a worker away."""
    client = AIOKafkaAdminClient(**admin.client)
    await client.start()
    try:
        await client._send_to_controller(
            DeleteAclsRequest(
                resource_type=kafka_rights._RESOURCES[right.resource],
                resource_name=right.name,
                resource_pattern_type_filter=kafka_rights._PATTERNS[right.pattern],
                principal=f"User:{WORKER}",
                host="*",
                operation=kafka_rights._OPERATIONS[operation],
                permission_type=kafka_rights._ALLOW,
            )
        )
    finally:
        await client.close()
