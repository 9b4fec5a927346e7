"""Have the nodes of an installation stand for something else, step by step, while nobody works.

Every step may be the last that is taken: begun again, what was done is found done. Until the last
one no worker runs, and policies stay as they are. Changelogs go, and the topic of the identities.

reads   Verefoo
writes  Verefoo, firewall-changes, installation; the cluster's pods: one label
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code

from agents.clients.errors import Conflict, NotThere, TryLater
from agents.clients.verefoo import Verefoo
from agents.graph_edits import carry_out
from deploy.cli.migration import Migration, find
from deploy.cli.remembered import Memory
from deploy.cli.stored import cluster_of
from deploy.installation import (
    Installation,
    changelogs_of_rows,
    initialise,
    write_epoch,
    write_installation,
)
from deploy.login import client_options
from deploy.provision import TopicsRefused, absent
from streams.codec import encode
from streams.failpoint import MIGRATING, passing
from streams.flow.migrating import with_hosts, with_rules
from streams.flow.output import (
    FIREWALL_CHANGES,
    GRAPH_EDITS,
    GRAPH_FACTS,
    IDENTITY_FACTS,
    POD_EVENTS,
    POD_RULES,
    POLICY_PATCHES,
)
from streams.graph.wanted import WantedGraph
from streams.policy.selection import OWN_LABEL
from streams.records.facts import FirewallChange
from streams.records.views import PodRef
from streams.settings import Settings
from streams.topics import names

GONE_WITHIN = 60.0
LOOK_EVERY = 0.1


async def begin(settings: Settings, known: Installation) -> Installation:
    """Keep every worker from starting, whatever nodes are to stand for by its settings."""
    begun = known._replace(migrating=settings.cluster.identity)
    await write_installation(settings, begun)
    passing(MIGRATING)
    return begun


async def label(settings: Settings, pods: Sequence[PodRef]) -> None:
    """Have pods wear our label before any policy selects others by it."""
    cluster = cluster_of(settings.cluster)
    try:
        for pod in pods:
            with suppress(NotThere, Conflict):
                await cluster.label_pod(pod.namespace, pod.name, pod.uid, {OWN_LABEL: pod.uid})
    finally:
        await cluster.close()


async def rewrite_graph(settings: Settings, verefoo: Verefoo, migration: Migration) -> None:
    """Have the new nodes in the graph, then the rules: whom an address means is said first."""
    state = await find(settings, verefoo)
    await _make_so(settings, verefoo, with_hosts(state, migration.hosts, settings.graph.firewall))
    state = await find(settings, verefoo)
    await _make_so(settings, verefoo, with_rules(state, migration.lists))


async def forget(
    settings: Settings, memory: Memory, begun: Installation, spoken: Sequence[FirewallChange]
) -> None:
    """Have the workers begin behind all that was said, but for the rules that came by topic."""
    place = memory.place(FIREWALL_CHANGES)
    begins = await _say(settings, place, spoken)
    passing(MIGRATING)
    await memory.skip(_topics(settings), {} if begins is None else {place: begins})
    await write_installation(settings, begun._replace(anew=True))
    passing(MIGRATING)


async def end(settings: Settings) -> int:
    """Have all rows begin anew, in a new epoch, and let workers start; return the epoch."""
    client = client_options(settings.kafka)
    going = [*changelogs_of_rows(settings), settings.kafka.prefix + IDENTITY_FACTS]
    gone = set(await absent(going, **client))
    await _delete([each for each in going if each not in gone], **client)
    passing(MIGRATING)
    _, epoch = await initialise(settings, settings.cluster.identity)
    passing(MIGRATING)
    await write_epoch(settings, epoch)
    return epoch


async def _make_so(settings: Settings, verefoo: Verefoo, wanted: WantedGraph) -> None:
    """Return when the graph is as wanted."""
    while True:
        done = await carry_out(verefoo, await find(settings, verefoo), wanted)
        if done.trouble is not None:
            raise done.trouble
        if done.done:
            return


async def _say(
    settings: Settings, place: TopicPartition, changes: Sequence[FirewallChange]
) -> int | None:
    """Send a change set; return where it begins."""
    begins: int | None = None
    async with AIOKafkaProducer(**client_options(settings.kafka)) as producer:
        for change in changes:
            key = settings.graph.name.encode()
            sent = await producer.send_and_wait(
                place.topic, encode(change), key, partition=place.partition
            )
            begins = sent.offset if begins is None else begins
    return begins


def _topics(settings: Settings) -> list[str]:
    """Return the topics of which everything is told anew."""
    own = [FIREWALL_CHANGES, POD_EVENTS, GRAPH_FACTS, GRAPH_EDITS, POD_RULES]
    own.append(f"{POLICY_PATCHES}.{settings.cluster.name}")
    return [names(settings)[each] for each in own]


async def _delete(topics: list[str], **client: Any) -> None:
    """Return when there are no such topics any more."""
    if not topics:
        return
    admin = AIOKafkaAdminClient(**client)
    try:
        await admin.start()
        answer = await admin.delete_topics(topics)
    finally:
        await admin.close()
    refused = {topic: for_code(code).__name__ for topic, code in answer.topic_error_codes if code}
    if refused:
        raise TopicsRefused("; ".join(f"{topic}: {why}" for topic, why in refused.items()))
    for _ in range(round(GONE_WITHIN / LOOK_EVERY)):
        if len(await absent(topics, **client)) == len(topics):
            return
        await asyncio.sleep(LOOK_EVERY)
    raise TryLater(f"topics do not go: {', '.join(topics)}")
