"""What an installation remembers of itself, in a topic: its epoch, which only ever rises.

Offsets begin again when topics are made anew. Revisions begin with the epoch, so that policies
written before cannot pass for newer than all that follows.

reads   installation
writes  installation
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Sequence, Set
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition

from agents.clients.kubernetes import Cluster
from deploy.consumers import make_consumer, stop_consumer
from deploy.errors import Unusable
from deploy.login import client_options
from deploy.managing import namespaces_now
from deploy.provision import Provisioned, WrongTopic, absent, provision
from streams.flow.fence import INSTANCE, MANAGED_BY, revision_of
from streams.flow.output import (
    GRAPH_EDITS,
    GRAPH_FACTS,
    IDENTITY_FACTS,
    POD_EVENTS,
    POD_RULES,
    POLICY_PATCHES,
)
from streams.settings import Settings
from streams.topics import installation_topic, names, rows, specs
from tables.catalog import IDENTITIES, tables_of

READ_WITHIN = 20.0
_STAND_FOR = (
    "the nodes of this graph stand for {}: set cluster.identity again, or run `vereflow migrate`"
)
# Which tables remember the offsets of which topic.
_READ_INTO = {
    POD_EVENTS: ("pods",),
    IDENTITY_FACTS: (IDENTITIES,),
    GRAPH_FACTS: ("graph-pods", "graph-rules"),
    GRAPH_EDITS: ("graphs",),
    POD_RULES: ("pod-rules",),
}


class NotInitialised(Unusable):
    """Nobody ran `vereflow init` for this installation."""


class Migrating(Unusable):
    """Somebody began to have nodes stand for something else, and has not ended."""


class Installation(NamedTuple):
    """What is remembered: the epoch, and for what nodes are to stand while that is changed.

    ``anew``: that was all but for the rows, which are to begin anew.
    """

    epoch: int
    migrating: str = ""
    anew: bool = False


async def initialise(settings: Settings, migrating: str = "") -> tuple[Provisioned, int]:
    """Create or check every topic; return what was done and the epoch that holds from now on.

    Raise Migrating unless it is ``migrating`` itself that asks. The epoch is raised before the
    topics that begin anew are there: whoever is interrupted in between raises it once more, and it
    is never too low.
    """
    client, wanted = client_options(settings.kafka), specs(settings, tables_of(settings))
    own = [spec for spec in wanted if spec.name == installation_topic(settings)]
    await check_nodes(settings)
    lacking = set(await absent([spec.name for spec in wanted], **client))
    known = None if own[0].name in lacking else await read_installation(settings)
    check_migrated(known, migrating)
    _check_rows(settings, lacking)
    created = (await provision(own, **client)).created
    epoch = known.epoch if known else None
    if epoch is None or await _must_hear_again(settings, lacking):
        epoch = 1 + max(epoch or 0, await _highest_epoch(settings))
        await write_installation(settings, (known or Installation(0))._replace(epoch=epoch))
    created += (await provision(wanted, **client)).created
    found = tuple(spec.name for spec in wanted if spec.name not in created)
    return Provisioned(created, found), epoch


async def _must_hear_again(settings: Settings, lacking: Collection[str]) -> bool:
    """Tell whether rows begin anew that others fill in a new epoch only."""
    if settings.part != "cluster":
        return rows(settings, "pod-rules").name in lacking
    if rows(settings, "wanted").name not in lacking:
        return False
    patches = names(settings)[f"{POLICY_PATCHES}.{settings.cluster.name}"]
    told = patches not in lacking and await _has_records(settings, patches)
    return told or await _highest_epoch(settings) > 0


async def _has_records(settings: Settings, topic: str) -> bool:
    consumer = make_consumer(**client_options(settings.kafka))
    await consumer.start()
    try:
        places = [TopicPartition(topic, each) for each in range(settings.kafka.partitions)]
        return any((await consumer.end_offsets(places)).values())
    finally:
        await stop_consumer(consumer)


async def check_nodes(settings: Settings) -> None:
    """Refuse to take rows about identities for rows about pods."""
    topic = settings.kafka.prefix + IDENTITY_FACTS
    of_pods = settings.cluster.identity == "pod"
    if of_pods and not await absent([topic], **client_options(settings.kafka)):
        raise WrongTopic(_STAND_FOR.format("identities"))


def _check_rows(settings: Settings, lacking: Collection[str]) -> None:
    """Refuse to let rows begin anew beside rows whose agents would not say everything again."""
    read_into, anew, gone = _read_into(settings), set[str](), list[str]()
    for name, tables in read_into.items():
        # Beside rows that counted its offsets every new record would pass for an old one.
        begin = [each for each in tables if {name, rows(settings, each).name} & set(lacking)]
        anew.update(begin)
        found = (name, *(rows(settings, each).name for each in tables))
        gone += [each for each in found if each in lacking]
    every = [table for tables in read_into.values() for table in tables]
    going = (rows(settings, each).name for each in _going_with(anew, every))
    kept = [each for each in going if each not in lacking]
    if kept and anew == {IDENTITIES} and settings.kafka.prefix + IDENTITY_FACTS in lacking:
        raise WrongTopic(_STAND_FOR.format("pods"))
    if kept:
        raise WrongTopic(
            f"{' and '.join(gone)} gone, but what goes with it is not: delete"
            f" {' and '.join(kept)} and every worker's state_dir as well, and run `vereflow init`"
        )


def changelogs_of_rows(settings: Settings) -> list[str]:
    """Return the changelogs of all rows that begin anew together, whatever nodes stand for."""
    tables = [table for tables in _READ_INTO.values() for table in tables]
    return [rows(settings, table).name for table in (*tables, "wanted")]


def _read_into(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return our tables that remember the offsets of each topic, by its name at the broker."""
    read = {**_READ_INTO, f"{POLICY_PATCHES}.{settings.cluster.name}": ("wanted",)}
    ours = tables_of(settings)
    kept = {
        name: tuple(each for each in read.get(topic, ()) if each in ours)
        for topic, name in names(settings).items()
    }
    return {name: tables for name, tables in kept.items() if tables}


def _going_with(anew: Set[str], every: Sequence[str]) -> Sequence[str]:
    """Return the tables, of all there are, that must begin anew if these do.

    A new epoch has the router send every view again; nobody else repeats what he has said. What
    nobody says again is what nobody wants: it would be closed, or removed from the graph.
    """
    behind = [each for each in ("pod-rules", "wanted") if each in every]
    if anew <= {"pod-rules"}:
        return list(anew)
    return behind if anew <= set(behind) else every


def check_migrated(known: Installation | None, by: str = "") -> None:
    """Raise Migrating while nodes are changed to stand for something else."""
    if known is not None and known.migrating != by:
        raise Migrating(
            f"nodes come to stand for a {known.migrating}, and that has not ended: set"
            " cluster.identity so, and run `vereflow migrate --go` again"
        )


async def write_epoch(settings: Settings, epoch: int) -> None:
    """Remember the epoch of this installation, and that nothing else is in the making."""
    await write_installation(settings, Installation(epoch))


async def write_installation(settings: Settings, told: Installation) -> None:
    """Remember this of the installation."""
    said = {name: value for name, value in told._asdict().items() if value}
    async with AIOKafkaProducer(**client_options(settings.kafka)) as producer:
        value = json.dumps(said).encode()
        key = settings.instance.encode()
        await producer.send_and_wait(installation_topic(settings), value, key, partition=0)


async def read_epoch(settings: Settings) -> int | None:
    """Return the epoch of this installation, or None if it never had one."""
    known = await read_installation(settings)
    return known.epoch if known else None


async def read_installation(settings: Settings) -> Installation | None:
    """Return what this installation remembers, or None if it is new."""
    consumer = make_consumer(auto_offset_reset="earliest", **client_options(settings.kafka))
    await consumer.start()
    try:
        return await asyncio.wait_for(_newest(consumer, settings), READ_WITHIN)
    finally:
        await stop_consumer(consumer)


async def _newest(consumer: Any, settings: Settings) -> Installation | None:
    place = TopicPartition(installation_topic(settings), 0)
    consumer.assign([place])
    end = (await consumer.end_offsets([place]))[place]
    found: Installation | None = None
    while await consumer.position(place) < end:
        for record in (await consumer.getmany(timeout_ms=200)).get(place, ()):
            if record.key == settings.instance.encode():
                found = _told(record.value) or found
    return found


def _told(value: bytes | None) -> Installation | None:
    try:
        told = json.loads(value or b"")
        found = Installation(told["epoch"], told.get("migrating", ""), told.get("anew", False))
    except (AttributeError, ValueError, LookupError, TypeError):
        # Somebody else's record: ours is among the others.
        return None
    epoch = found.epoch
    return found if type(epoch) is int and epoch > 0 else None


async def _highest_epoch(settings: Settings) -> int:
    """Return the highest epoch that any stored policy of this installation was written in.

    Each part at a cluster looks at its own.
    """
    if settings.part == "core":
        return 0
    cluster = Cluster.of(settings.cluster.kubeconfig, settings.cluster.context)
    selector = f"{MANAGED_BY}=vereflow,{INSTANCE}={settings.instance}"
    try:
        namespaces = await namespaces_now(cluster, settings.cluster)
        listings = [await cluster.list_policies(each, selector) for each in namespaces]
    finally:
        await cluster.close()
    stored = (policy for listing in listings for policy in listing.items)
    return max((revision_of(policy).epoch for policy in stored), default=0)
