"""Make aiokafka and Faust work with the embedded broker: called by a process told to use it.

Four things differ from Apache Kafka. The end of a partition is reported as the *first* offset of
the last batch plus one, so that a restart would skip what follows; a waiting fetch is not woken by
a produce, so that every hop would cost the whole wait; a member that falls silent is missed only
when somebody else speaks to its group, so that who only asks who is in it hears of the dead; and a
leader that leaves while the group forms stays its leader, so that it never forms again.

Who is no mere follower of a formed group therefore falls silent instead, and is missed after a
session, unless it is alone. So does a lone member of a new group: the first generation is number 0,
in which aiokafka takes no leave.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.group import HeartbeatRequest

FETCH_WAIT_MS = 20
END_WITHIN = 10.0
FORMED = "Stable"


def install() -> None:
    """Adapt every client of this process; twice is as good as once."""
    if AIOKafkaConsumer.end_offsets is _end_offsets:
        return
    AIOKafkaConsumer.__init__ = _init
    AIOKafkaConsumer.end_offsets = _end_offsets
    AIOKafkaAdminClient.describe_consumer_groups = _describe_consumer_groups
    CoordinatorGroupRebalance.perform_group_join = _perform_group_join
    CoordinatorGroupRebalance._on_join_follower = _on_join_follower
    GroupCoordinator._maybe_leave_group = _maybe_leave_group


_original_init = AIOKafkaConsumer.__init__
_original_end_offsets = AIOKafkaConsumer.end_offsets
_original_describe = AIOKafkaAdminClient.describe_consumer_groups
_original_join = CoordinatorGroupRebalance.perform_group_join
_original_follow = CoordinatorGroupRebalance._on_join_follower
_original_leave = GroupCoordinator._maybe_leave_group


def _init(self: Any, *topics: str, **options: Any) -> None:
    # Faust passes a wait of its own, so a default would not do.
    options["fetch_max_wait_ms"] = FETCH_WAIT_MS
    self.bootstrap_of_quirks = options.get("bootstrap_servers", "localhost")
    # The embedded broker knows no logins: whoever has one asks another broker, whose ends are true.
    self.secured_of_quirks = options.get("security_protocol", "PLAINTEXT") != "PLAINTEXT"
    _original_init(self, *topics, **options)


async def _end_offsets(self: Any, partitions: Iterable[Any]) -> dict[Any, int]:
    ends: dict[Any, int] = await _original_end_offsets(self, partitions)
    doubtful = {partition: end - 1 for partition, end in ends.items() if end > 0}
    if doubtful and not self.secured_of_quirks:
        ends.update(await _ends_of_last_batches(self.bootstrap_of_quirks, doubtful))
    return ends


async def _describe_consumer_groups(self: Any, group_ids: list[str], **options: Any) -> list[Any]:
    for group in group_ids:
        # Of nobody, who is refused; but then the broker looks whom it has not heard of for long.
        beat = HeartbeatRequest(group, 0, "nobody")
        await self._send_request(beat, await self.find_coordinator(group))
    described: list[Any] = await _original_describe(self, group_ids, **options)
    return described


async def _perform_group_join(self: Any) -> Any:
    self._coordinator.follows_of_quirks = False
    return await _original_join(self)


async def _on_join_follower(self: Any) -> Any:
    assignment = await _original_follow(self)
    self._coordinator.follows_of_quirks = assignment is not None
    return assignment


async def _maybe_leave_group(self: Any) -> None:
    if getattr(self, "follows_of_quirks", False) or await _is_alone(self):
        await _original_leave(self)
    else:
        self.reset_generation()


async def _is_alone(coordinator: Any) -> bool:
    """Tell whether a member is the only one of a formed group."""
    try:
        answer = await coordinator._send_req(DescribeGroupsRequest([coordinator.group_id]))
    except KafkaError:
        return False
    # By the protocol: error, group, state, type of protocol, protocol, members.
    (_, _, state, _, _, members, *_) = answer.groups[0]
    return bool(state == FORMED) and len(members) == 1


async def _ends_of_last_batches(bootstrap: Any, starts: dict[Any, int]) -> dict[Any, int]:
    """Fetch the last batches: the answer to a fetch carries the true end."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await reader.start()
    try:
        reader.assign(list(starts))
        for partition, offset in starts.items():
            reader.seek(partition, offset)
        deadline = time.monotonic() + END_WITHIN
        while any(reader.highwater(partition) is None for partition in starts):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no end of {sorted(starts)} within {END_WITHIN:.0f} s")
            await reader.getmany(timeout_ms=FETCH_WAIT_MS)
        return {
            partition: max(offset + 1, reader.highwater(partition))
            for partition, offset in starts.items()
        }
    finally:
        await reader.stop()
