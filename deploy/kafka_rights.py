"""The rights of a worker at Kafka, and no right more than it uses.

With ``kafka.prefix`` beginning with ``kafka.app_id`` and a hyphen one right covers every topic and
every changelog; the part at a cluster has a right for each of its own. ``vereflow init`` has to
create topics as well: it is run by somebody who may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    for_code,
)
from aiokafka.protocol.admin import CreateAclsRequest
from aiokafka.protocol.group import HeartbeatRequest

from deploy.errors import Unusable
from streams.flow.output import BARRIERS, POLICY_PATCHES
from streams.settings import Settings
from streams.topics import installation_topic, names, rows
from tables.catalog import tables_of

# As Kafka's protocol numbers them.
_RESOURCES = {"topic": 2, "group": 3}
_PATTERNS = {"literal": 3, "prefixed": 4}
_OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8, "DescribeConfigs": 10}
_ALLOW = 3
_LOOKING = ("Describe", "DescribeConfigs")
READY_WITHIN = 30.0
LOOK_EVERY = 0.1


class Right(NamedTuple):
    """What somebody may do with the topics, or the groups, of a name or with a beginning."""

    resource: str
    pattern: str
    name: str
    operations: tuple[str, ...]


def rights(settings: Settings) -> tuple[Right, ...]:
    """Return what a worker needs; raise Unusable if no one beginning covers its topics.

    The part at a cluster may touch nothing that is about other clusters only.
    """
    if settings.part == "cluster":
        return (*_rights_at_a_cluster(settings), rights_in_group(settings))
    beginning = f"{settings.kafka.app_id}-"
    if not settings.kafka.prefix.startswith(beginning):
        raise Unusable(f"set kafka.prefix to {beginning!r}, so that one right covers every topic")
    return (
        Right("topic", "prefixed", beginning, ("Read", "Write", *_LOOKING)),
        rights_in_group(settings),
    )


def _rights_at_a_cluster(settings: Settings) -> Iterator[Right]:
    wanted = f"{POLICY_PATCHES}.{settings.cluster.name}"
    for topic, name in names(settings).items():
        does = "Read" if topic in (BARRIERS, wanted) else "Write"
        yield Right("topic", "literal", name, (does, *_LOOKING))
    yield Right("topic", "literal", installation_topic(settings), ("Read", *_LOOKING))
    for table in tables_of(settings):
        kept = rows(settings, table).name
        yield Right("topic", "literal", kept, ("Read", "Write", *_LOOKING))


def rights_in_group(settings: Settings) -> Right:
    """Return what a worker needs to be handed records."""
    return Right("group", "literal", settings.app_id, ("Read", "Describe"))


async def grant(granted: Iterable[Right], user: str, **admin: Any) -> None:
    """Give a user rights, as an administrator's client of aiokafka."""
    client = AIOKafkaAdminClient(**admin)
    await client.start()
    try:
        for right in granted:
            for operation in right.operations:
                await _create(client, right, operation, user)
    finally:
        await client.close()


async def require_group(settings: Settings, **client: Any) -> None:
    """Raise Unusable unless a worker of this login may take part in its group.

    It would be asked again and again for a coordinator, and never be handed a record.
    """
    admin = AIOKafkaAdminClient(**client)
    await admin.start()
    try:
        async with asyncio.timeout(READY_WITHIN):
            coordinator = await _coordinator(admin, settings.app_id)
        # Of nobody's membership: one who may join is told so, one who may not is told that.
        answer = await admin._send_request(HeartbeatRequest(settings.app_id, -1, ""), coordinator)
        allowed = answer.error_code != GroupAuthorizationFailedError.errno
    except GroupAuthorizationFailedError:
        allowed = False
    finally:
        await admin.close()
    if not allowed:
        needed = " and ".join(rights_in_group(settings).operations)
        raise Unusable(
            f"our login may not take part in group {settings.app_id}: give it {needed} there"
        )


async def _coordinator(admin: Any, group: str) -> int:
    """Return the broker that keeps a group; the first to ask has the topic of all groups made."""
    while True:
        try:
            node: int = await admin.find_coordinator(group)
        except GroupCoordinatorNotAvailableError:
            await asyncio.sleep(LOOK_EVERY)
        else:
            return node


async def _create(client: Any, right: Right, operation: str, user: str) -> None:
    request = CreateAclsRequest(
        resource_type=_RESOURCES[right.resource],
        resource_name=right.name,
        resource_pattern_type_filter=_PATTERNS[right.pattern],
        principal=f"User:{user}",
        host="*",
        operation=_OPERATIONS[operation],
        permission_type=_ALLOW,
    )
    answer = await client._send_to_controller(request)
    for code, message in answer.creation_responses:
        if code:
            raise Unusable(f"{operation} for {user}: {message or for_code(code).__name__}")
