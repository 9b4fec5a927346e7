"""Kafka and Faust as far as handlers can feel them: logs, buffers, commits, crashes, zombies.

A put is on the worker's disk at once; what is sent, and what a put writes to its changelog, waits
in the producer. The producer keeps the order within one partition and none across partitions.
A commit flushes everything, then moves the offset. A crash loses what waits.
"""

from __future__ import annotations

import random
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from streams.flow.output import Outputs, Refusal, Send
from streams.records.cause import Source

Place = tuple[str, int]
Handle = Callable[[Any, str, Source], Outputs]


class Killed(BaseException):
    """The worker dies between two puts."""


class Put(NamedTuple):
    """What a table's changelog says: a row, or that it is gone."""

    table: str
    key: str
    row: Any


class Broker:
    """Every topic's partitions, and what stopped producers may still deliver one day."""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self.logs: defaultdict[Place, list[tuple[str, Any]]] = defaultdict(list)
        self.times: defaultdict[Place, list[float]] = defaultdict(list)
        self.now = 1.0
        self.late: list[list[Send]] = []

    def append(self, send: Send) -> None:
        """Write one record where it belongs."""
        place = self.place_of(send)
        self.logs[place].append((send.key, send.value))
        self.times[place].append(self.now)

    def lose_topics(self) -> None:
        """Forget every record, also what stopped producers still have."""
        self.logs.clear()
        self.times.clear()
        self.late.clear()

    def place_of(self, send: Send) -> Place:
        """Return the topic and partition of a record."""
        chosen = send.partition
        return (send.topic, self.partition_of(send.key) if chosen is None else chosen)

    def partition_of(self, key: str) -> int:
        """Return where a key belongs."""
        return zlib.crc32(key.encode()) % self.partitions

    def deliver_late(self, chance: random.Random) -> None:
        """Let one stopped producer deliver the oldest of what it still has."""
        producer = chance.choice(self.late)
        self.append(producer.pop(0))
        if not producer:
            self.late.remove(producer)


class Producer:
    """What waits to be sent; a changelog is one more place to send to."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.waiting: list[Send | Put] = []
        self.changelogs: defaultdict[str, list[Put]] = defaultdict(list)

    def flush(self) -> None:
        """Deliver everything."""
        for each in self.waiting:
            self._deliver(each)
        self.waiting = []

    def flush_some(self, chance: random.Random) -> None:
        """Deliver, for some places, the beginning of what waits for them."""
        places = sorted({self._place(each) for each in self.waiting})
        most = {place: chance.choice((0, 1, 3, 99)) for place in places}
        kept = []
        for each in self.waiting:
            place = self._place(each)
            most[place] -= 1
            if most[place] >= 0:
                self._deliver(each)
            else:
                kept.append(each)
        self.waiting = kept

    def _place(self, each: Send | Put) -> Place:
        return (f"#{each.table}", 0) if isinstance(each, Put) else self.broker.place_of(each)

    def _deliver(self, each: Send | Put) -> None:
        if isinstance(each, Put):
            self.changelogs[each.table].append(each)
        else:
            self.broker.append(each)


class Rows(dict[str, Any]):
    """One partition of a table on one worker's disk."""

    def __init__(self, task: Task, table: str) -> None:
        super().__init__()
        self._task = task
        self._table = table
        self.reached = 0

    def __setitem__(self, key: str, row: Any) -> None:
        self._task.before_put()
        super().__setitem__(key, row)
        self._task.producer.waiting.append(Put(self._table, key, row))

    def __delitem__(self, key: str) -> None:
        self._task.before_put()
        super().__delitem__(key)
        self._task.producer.waiting.append(Put(self._table, key, None))

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a row."""
        if key not in self:
            return default[0]
        row = self[key]
        del self[key]
        return row

    def catch_up(self, changelog: list[Put]) -> None:
        """Take in what the changelog says since this disk last knew."""
        for put in changelog[self.reached :]:
            if put.row is None:
                dict.pop(self, put.key, None)
            else:
                super().__setitem__(put.key, put.row)
        self.reached = len(changelog)


class Task:
    """One agent's work on one partition, on whichever worker it is at the moment."""

    def __init__(
        self, broker: Broker, topic: str, partition: int, make: Callable[[Task], Handle]
    ) -> None:
        self.broker = broker
        self.topic = topic
        self.partition = partition
        self.position = self.committed = 0
        self.producer = Producer(broker)
        self.refused: list[Refusal] = []
        self._make = make
        self._disks: list[dict[str, Rows]] = [{}]
        self._fuse = -1
        self._handle = make(self)

    def rows(self, table: str) -> Rows:
        """Return a table as it lies on the disk of the present worker."""
        disk = self._disks[-1]
        if table not in disk:
            disk[table] = Rows(self, table)
        return disk[table]

    def before_put(self) -> None:
        """Die here, if that was decided."""
        if self._fuse == 0:
            raise Killed
        self._fuse -= 1

    @property
    def behind(self) -> bool:
        """Tell whether there is a record to handle."""
        return self.position < len(self._log)

    @property
    def quiet(self) -> bool:
        """Tell whether nothing is left to do or to say."""
        return not self.behind and not self.producer.waiting

    @property
    def _log(self) -> list[tuple[str, Any]]:
        return self.broker.logs[(self.topic, self.partition)]

    def process(self, fuse: int = -1) -> None:
        """Handle the next record; with a fuse, die before that put."""
        key, value = self._log[self.position]
        at = self.broker.times[(self.topic, self.partition)][self.position]
        source = Source(topic=self.topic, partition=self.partition, offset=self.position, at=at)
        self._fuse = fuse
        for output in self._handle(value, key, source):
            if isinstance(output, Refusal):
                self.refused.append(output)
            else:
                self.producer.waiting.append(output)
        self._fuse = -1
        self.position += 1

    def commit(self) -> None:
        """Flush everything, then move the offset."""
        self.producer.flush()
        for name, rows in self._disks[-1].items():
            rows.reached = len(self.producer.changelogs[name])
        self.committed = self.position

    def crash(self, chance: random.Random, moves: bool, zombie: bool) -> None:
        """Lose what waits, or leave it to a zombie, and begin again at the commit."""
        self._fuse = -1
        left = [each for each in self.producer.waiting if isinstance(each, Send)]
        if zombie and left:
            self.broker.late.append(left)
        self.producer.waiting = []
        if moves:
            # To a worker that was never here, or to one that was and still has its old disk.
            disk: dict[str, Rows] = {}
            if len(self._disks) > 1 and chance.random() < 0.5:
                disk = self._disks.pop(0)
            self._disks = [*self._disks, disk][-2:]
        self._recover()

    def wipe(self) -> None:
        """Forget everything, changelogs and offsets too."""
        self.producer = Producer(self.broker)
        self._disks = [{}]
        self.position = self.committed = 0
        self._handle = self._make(self)

    def _recover(self) -> None:
        self.position = self.committed
        for name, changelog in self.producer.changelogs.items():
            self.rows(name).catch_up(changelog)
        self._handle = self._make(self)


def quiet(tasks: list[Task]) -> bool:
    """Tell whether all of them have nothing left to do."""
    return all(task.quiet for task in tasks)


def behind(tasks: list[Task]) -> Iterator[Task]:
    """Yield those that have a record to handle."""
    return (task for task in tasks if task.behind)
