"""What Faust 0.15.3 loses when partitions move, kept: hand these classes to the app.

- `SteadyTableManager`: records fetched while a worker resumed were dropped, then committed past.
- `SteadyConsumer`: records fetched during recovery were dropped if nothing was committed yet.
- `SteadyThread`: records of a paused partition were dropped, although it had been sought already.
- `SteadyListener`: who opens tables for longer than a session was expelled, again and again.
- `SteadyTable`: one late write of a frozen worker made its old local state pass for the newest.
- `SteadyRecovery`: a changelog that lost its end was taken for whole by whoever had no rows.

What was committed before it was sent is held back in `streams/sending.py`. What cannot be cured but
must be noticed is in `streams/stop.py`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import faust
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException
from faust.exceptions import ConsistencyError
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers.aiokafka import (
    AIOKafkaConsumerThread,
    Consumer,
    ConsumerRebalanceListener,
)
from faust.types import TP
from yarl import URL

from streams.codec import escape
from streams.ends import note, noting, read
from streams.failpoint import passing
from streams.membership import Membership
from streams.sound import SoundStore
from streams.unpacking import flaw_of

ROWS_AHEAD = (
    "The broker lost the end of a changelog: stop every worker, delete all state_dirs and the"
    " offsets of the group, and start again; all is read anew, and what is right stays as it is"
)
# Offsets a table remembers beyond a gap; past that the next recovery reads a little more.
MAX_REMEMBERED = 10_000


@contextmanager
def fetch_held_back(consumer: Any) -> Iterator[None]:
    """Open the fetch of resumed partitions only once the flow runs.

    Faust opens it first, then seeks, then resumes the flow, which empties the queues: what was
    fetched in between is gone, and what is fetched again counts as already read.
    """
    held: set[Any] = set()

    def resume_flow() -> None:
        # No await between these two: the fetcher must not run on a half-resumed consumer.
        type(consumer).resume_flow(consumer)
        type(consumer).resume_partitions(consumer, held)

    consumer.resume_partitions = held.update
    consumer.resume_flow = resume_flow
    try:
        yield
    finally:
        del consumer.resume_partitions, consumer.resume_flow


class DamagedBatch(RuntimeError):
    """Records whose checksum is wrong: nobody knows what they say, so nobody passes them over.

    Asked again, the client would go on behind what came before them, which it did not hand out.
    """


def where_damaged(consumer: Any, error: Exception) -> str:
    """Return the first record of the batch that could not be read, and what helps."""
    held = consumer._fetcher._records
    found = next((tp for tp in held if str(tp) in str(error)), None)
    if found is None:
        return str(error)
    offset = held[found]._partition_records.next_fetch_offset
    return (
        f"{found.topic}/{found.partition}/{offset}: damaged at the broker, and not passed over:"
        " have another replica lead this partition, or delete its records up to there"
    )


class SteadyListener(ConsumerRebalanceListener):
    """Stays in the group while the tables of new partitions are opened.

    aiokafka sends no heartbeat before this returns. On a busy machine that takes longer than a
    session; whoever is expelled for it joins again, opens again and is expelled again.
    """

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Open the tables, with the heart beating."""
        coordinator = self._thread._ensure_consumer()._coordinator
        self._thread.membership.follow(coordinator)
        coordinator._start_heartbeat_task()
        await super().on_partitions_assigned(assigned)

    def on_partitions_revoked(self, revoked: Iterable[Any]) -> Awaitable[None]:
        """Let go of everything; what still waited to be sent is sent by then."""
        # Faust takes note at once, and awaits the rest.
        return self._let_go(super().on_partitions_revoked(revoked))

    async def _let_go(self, letting_go: Awaitable[None]) -> None:
        await letting_go
        self._thread.membership.ended()


class SteadyThread(AIOKafkaConsumerThread):
    """Fetches from the broker, and puts back what nobody takes any more."""

    notes: Mapping[int, str] = {}
    """What is noted beside the offsets of each partition that are committed next."""
    _answered = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heard_at = time.monotonic()
        self.membership = Membership(self.app.conf.broker_session_timeout)

    async def _fetch_records(self, consumer: Any, active_partitions: Any, **limits: Any) -> Any:
        """Return what was fetched; go back before the records of partitions paused meanwhile.

        A fetch asked for before a rebalance is answered after it, maybe between the seek of a
        partition and its resuming. Faust drops such records, and their position stays behind them.
        """
        try:
            records = await super()._fetch_records(consumer, active_partitions, **limits)
        except CorruptRecordException as error:
            raise DamagedBatch(where_damaged(consumer, error)) from error
        self._hear(consumer)
        # No await from here on: nobody seeks between the fetch and our going back.
        if active_partitions is None:
            return records
        for tp in [tp for tp in records if not self.consumer.takes(tp)]:
            first = records.pop(tp)[0].offset
            if tp in consumer.assignment():
                self.log.info("Go back to offset %s of %s: paused while it was fetched", first, tp)
                consumer.seek(tp, first)
        return records

    async def _commit(self, offsets: Any) -> bool:
        with noting(self._ensure_consumer(), self.notes):
            committed: bool = await super()._commit(offsets)
        return committed

    async def committed_notes(self, partitions: Iterable[Any]) -> dict[Any, str]:
        """Return what was noted beside the offsets that are committed."""
        return cast(dict[Any, str], await self.call_thread(self._committed_notes, partitions))

    async def _committed_notes(self, partitions: Iterable[Any]) -> dict[Any, str]:
        coordinator = self._ensure_consumer()._coordinator
        wanted = [TopicPartition(*tp) for tp in partitions]
        committed = await coordinator.fetch_committed_offsets(wanted)
        return {tp: each.metadata for tp, each in committed.items()}

    def _hear(self, consumer: Any) -> None:
        """Note when the broker answered a fetch, be it that there is nothing new."""
        told = (consumer.last_poll_timestamp(tp) for tp in consumer.assignment())
        answered = max((at for at in told if at is not None), default=0)
        # By a clock that may be set; here it only tells that there was another answer.
        if answered != self._answered:
            self._answered, self.heard_at = answered, time.monotonic()


class SteadyConsumer(Consumer):
    """A consumer that fetches what it was asked for, and goes back to the first record too."""

    RebalanceListener = SteadyListener

    def __init__(self, *args: Any, epoch: int = 0, **kwargs: Any) -> None:
        self._epoch = epoch
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return SteadyThread(self, loop=self.loop, beacon=self.beacon)

    def assigned(self) -> frozenset[Any]:
        """Return the partitions held here: the same object until others are assigned."""
        held: frozenset[Any] = self._thread._ensure_consumer().assignment()
        return held

    def unproven(self) -> float:
        """Return for how many seconds others may own what is held here; 0 while they cannot."""
        return self._thread.membership.unproven()

    @property
    def silence(self) -> float:
        """For how many seconds the broker has answered no fetch."""
        return time.monotonic() - self._thread.heard_at

    def takes(self, tp: Any) -> bool:
        """Return whether records of this partition would be handed on now."""
        active: Any = self._active_partitions or ()
        return self.flow_active and (tp in active or tp in self._buffered_partitions)

    async def verify_all_partitions_active(self) -> None:
        """Look at no partition: `streams/stop.py` ends what stands still, Faust would only log it.

        Looking at each in turn took a seventh of what an idle worker costs.
        """

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Forget which buffers are full: a rebalance empties them.

        Records of a partition with a full buffer are handed on even while it is paused.
        """
        self._buffered_partitions.clear()
        await super().on_partitions_revoked(revoked)

    async def _getmany(self, active_partitions: set[Any] | None, timeout: float) -> Any:  # noqa: ASYNC109
        # Faust shares the set with whoever pauses partitions; aiokafka takes an empty one for all.
        asked = None if active_partitions is None else set(active_partitions)
        return await super()._getmany(asked, timeout)

    async def _commit(self, offsets: Any) -> bool:
        passing("committing")
        tables, numbers = self.app.tables, {tp.partition for tp in offsets}
        self._thread.notes = {
            number: note(self._epoch, {name: table.end(number) for name, table in tables.items()})
            for number in numbers
        }
        committed: bool = await super()._commit(offsets)
        return committed

    async def noted_ends(self) -> dict[TP, int]:
        """Return how far the changelogs of what is assigned here went at the last commits."""
        tables, changelogs = self.app.tables, self.app.tables.changelog_topics
        streams = [tp for tp in self.assignment() if tp.topic not in changelogs]
        found: dict[TP, int] = {}
        for tp, text in (await self._thread.committed_notes(streams)).items():
            for name, end in read(text, self._epoch).items():
                if name in tables:
                    changelog = TP(tables[name].changelog_topic_name, tp.partition)
                    found[changelog] = max(end, found.get(changelog, -1))
        return found

    async def perform_seek(self) -> None:
        """Seek to what is committed; where nothing is, to the beginning."""
        await super().perform_seek()
        changelogs = self.app.tables.changelog_topics
        streams = (tp for tp in self.assignment() if tp.topic not in changelogs)
        fresh = {TopicPartition(*tp) for tp in streams if not self._read_offset.get(tp)}
        if fresh:
            # aiokafka leaves these where they are, and that may be behind records already dropped.
            await self._thread.seek_to_beginning(*fresh)


class SteadyRecovery(Recovery):
    """Recovery whose last step loses nothing: seek, resume the flow, and only then fetch."""

    async def crash(self, reason: BaseException) -> None:
        """Say what helps where rows know of more than their changelog."""
        # Faust advises to delete the rows alone: then what the changelog lost is lost for good.
        if isinstance(reason, ConsistencyError):
            self.log.error(ROWS_AHEAD)
        await super().crash(reason)

    async def _build_highwaters(
        self, consumer: Any, tps: set[TP], destination: Any, title: str
    ) -> None:
        await super()._build_highwaters(consumer, tps, destination, title)
        for tp, end in (await consumer.noted_ends()).items():
            if tp in tps and destination[tp] < end:
                raise ConsistencyError(f"{tp} ends at {destination[tp]}, and went to {end} before")

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Resume a worker that has tables."""
        with fetch_held_back(self.app.consumer):
            await super().on_recovery_completed(generation_id)

    async def _resume_streams(self, generation_id: int = 0) -> None:
        with fetch_held_back(self.app.consumer):
            await super()._resume_streams(generation_id)


class SteadyTableManager(TableManager):
    """The table manager that recovers steadily, and at once."""

    _recovery: Recovery | None

    async def on_start(self) -> None:
        """Start without the second that Faust waits for tables made by agents: we have none."""
        await self._update_channels()
        await self.recovery.start()

    @property
    def recovery(self) -> Recovery:
        """Recovery service used by this table manager."""
        if self._recovery is None:
            self._recovery = SteadyRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


@dataclass
class Contiguous:
    """Up to which offset everything written to a changelog is known here."""

    reached: int = -1
    _ahead: set[int] = field(default_factory=set)

    def advance(self, known: int, written: int) -> int:
        """Take in what recovery knows and one offset of our own; return how far that reaches."""
        self.reached = max(self.reached, known)
        if written > self.reached:
            self._ahead.add(written)
        while self.reached + 1 in self._ahead:
            self.reached += 1
            self._ahead.discard(self.reached)
        if len(self._ahead) > MAX_REMEMBERED:
            self._ahead.clear()
        return self.reached


class SteadyTable(faust.Table):
    """A table that starts recovery where its own knowledge ends.

    Stock Faust stores the offset of any changelog record it wrote. One late write after another
    worker took over then hides everything the other wrote in between, for good.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._written: dict[Any, Contiguous] = {}
        self._ends: dict[TP, int] = {}

    def end(self, partition: int) -> int:
        """Return the newest offset that is known to be in a changelog partition; -1: none is."""
        tp = TP(self.changelog_topic_name, partition)
        recovered = self.app.tables.recovery.active_offsets.get(tp)
        return max(self._ends.get(tp, -1), -1 if recovered is None else recovered)

    async def on_changelog_event(self, event: Any) -> None:
        """Say aloud that somebody else wrote here: no writer of ours makes such a record."""
        if flaw := flaw_of(event.message.headers):
            tp, offset = event.message.tp, event.message.offset
            self.log.warning("%s at offset %d: %s", tp, offset, escape(flaw.text))
        await super().on_changelog_event(event)

    def _new_store_by_url(self, url: Any) -> Any:
        if URL(url).scheme != "rocksdb":
            return super()._new_store_by_url(url)
        # As Faust makes its own.
        return SoundStore(
            url,
            self.app,
            self,
            table_name=self.name,
            key_type=self.key_type,
            key_serializer=self.key_serializer,
            value_serializer=self.value_serializer,
            value_type=self.value_type,
            loop=self.loop,
            options=self.options,
        )

    def _on_changelog_sent(self, fut: Any) -> None:
        sent = fut.result()
        tp, offset = sent.topic_partition, sent.offset
        self._ends[tp] = max(self._ends.get(tp, -1), offset)
        known = self.data.persisted_offset(tp)
        if known is None:
            # Nothing stored yet: recovery knows where this changelog began for us.
            known = self.app.tables.recovery.active_offsets.get(tp)
        known = -1 if known is None else known
        reached = self._written.setdefault(tp, Contiguous()).advance(known, offset)
        if reached > known:
            self.data.set_persisted_offset(tp, reached)
