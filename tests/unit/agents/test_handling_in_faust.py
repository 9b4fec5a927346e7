"""What the shared body does holds on a stream of Faust's own, which acknowledges by itself."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import faust
import pytest
from faust.types import Message

from agents.handling import Handle, handle_each
from agents.outlet import Outlet
from streams.app import KafkaOptions, create_app
from streams.codec import KEY_MARK, MAX_BYTES, RecordTooLarge
from streams.faust_codec import FaustKey, faust_type
from streams.flow.output import DEAD_LETTERS, PATCH_OUTCOMES, Outputs
from streams.records.cause import Source
from streams.records.policies import PatchOutcome
from tables import faust_tables
from tables.partition import PartitionRows
from tests.unit.agents.handled import Topics, outcome, sent

KEY = b"local/default/pod-a"
GOOD = outcome().to_bytes()
PARTITION = 3
Headers = tuple[tuple[str, bytes], ...]


class Noted(Message):  # type: ignore[misc]
    """A record that notes when Faust marks it as done: from then on it may be committed."""

    __slots__ = ("done", "log")

    def __init__(
        self, log: list[Any], offset: int, key: bytes, value: bytes | None, headers: Headers
    ) -> None:
        self.log = log
        super().__init__("patch-outcomes", PARTITION, offset, 1.5, 0, headers, key, value, None)

    @property
    def acked(self) -> bool:
        return self.done

    @acked.setter
    def acked(self, done: bool) -> None:
        self.done = done
        if done:
            self.log.append(("acknowledged", "", self.offset))


class Feed:
    """An agent at work, and the records it is given."""

    def __init__(self, app: faust.App, source: Any, agent: Any, log: list[Any]) -> None:
        self.app = app
        self.log = log
        self._source = source
        self._agent = agent
        self._offset = 0

    async def put(self, *values: bytes | None, key: bytes = KEY, headers: Headers = ()) -> None:
        """Hand records over as the consumer does: decoded, in the channel."""
        for value in values:
            message = Noted(self.log, self._offset, key, value, headers)
            # What was fetched before a rebalance would be dropped.
            message.generation_id = self.app.consumer_generation_id
            await self._agent.stream().channel.put(await self._source.decode(message))
            self._offset += 1

    async def until(self, true: Callable[[], object]) -> None:
        """Let the agent work until something has become true."""
        async with asyncio.timeout(60):
            # A turn of the loop is all it needs: there is nobody else.
            while not true():  # noqa: ASYNC110
                await asyncio.sleep(0)

    async def handled(self, *values: bytes | None, key: bytes = KEY, headers: Headers = ()) -> None:
        """Hand records over and return when all of them are acknowledged."""
        await self.put(*values, key=key, headers=headers)
        await self.until(lambda: len(self.acknowledged) == self._offset)

    async def ended(self, *values: bytes | None) -> BaseException:
        """Hand records over, and return why the worker ended with them in hand."""
        await self.put(*values)
        await self.until(lambda: self.app.crashed)
        for _ in range(20):
            await asyncio.sleep(0)
        reason = self.app.crash_reason
        assert reason is not None
        return reason

    @property
    def acknowledged(self) -> list[int]:
        return [offset for what, _, offset in self.log if what == "acknowledged"]


@asynccontextmanager
async def at_work(app: faust.App, handle: Handle, topics: Topics) -> AsyncIterator[Feed]:
    """Run an agent of Faust whose body is ours."""
    app.finalize()
    source = app.topic("patch-outcomes", key_type=FaustKey, value_type=faust_type(PatchOutcome))

    @app.agent(source)
    async def body(outcomes: Any) -> None:
        await handle_each(app, outcomes, Outlet(topics), handle)  # type: ignore[arg-type]

    async with body.test_context() as agent:
        yield Feed(app, source, agent, topics.log)
    # The consumer, which is never started, made a loop for its thread.
    app.consumer._thread.thread_loop.close()


@pytest.fixture
def app(tmp_path: Path) -> faust.App:
    return create_app(KafkaOptions("127.0.0.1:1", "x", tmp_path, partitions=PARTITION + 1))


def echo(value: PatchOutcome, key: str, source: Source) -> Outputs:
    return [sent(str(source.offset))]


def letters(topics: Topics) -> list[tuple[str, str]]:
    return [(each["key"], each["value"].reason) for each in topics.of(DEAD_LETTERS)]


def echoed(topics: Topics) -> list[str]:
    return [each["value"].reason for each in topics.of(PATCH_OUTCOMES)]


@pytest.mark.parametrize(
    ("reason", "raw", "key"),
    [
        ("tombstone", None, KEY),
        ("not-utf8", b"\xff", KEY),
        ("not-an-object", b"[]", KEY),
        ("bad-field", b'{"revision": 1}', KEY),
        ("too-large", b"x" * (MAX_BYTES + 1), KEY),
        ("bad-key", GOOD, b"\xff"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
@pytest.mark.fault("F25")
@pytest.mark.threat("T3")
async def test_what_cannot_be_read_is_one_dead_letter_and_the_next_record_is_handled(
    app: faust.App, reason: str, raw: bytes | None, key: bytes
) -> None:
    topics = Topics()

    async with at_work(app, echo, topics) as feed:
        await feed.handled(raw, key=key)
        await feed.handled(GOOD)

    assert letters(topics) == [(f"patch-outcomes/{PARTITION}/0", reason)]
    assert echoed(topics) == ["1"]
    assert feed.acknowledged == [0, 1]


@pytest.mark.row("E40")
@pytest.mark.parametrize(
    "headers",
    [
        tuple((f"name-{number}", b"x" * 100) for number in range(1000)),
        (("binary", bytes(range(256))), ("", b"")),
        (("Faust-Ag-ReplyTo", b"firewall-changes"), ("Faust-Ag-CorrelationId", b"7")),
    ],
    ids=["thousand", "binary", "reply"],
)
async def test_headers_change_nothing_and_get_no_answer(app: faust.App, headers: Headers) -> None:
    topics = Topics()

    async with at_work(app, echo, topics) as feed:
        await feed.handled(GOOD, headers=headers)

    assert [(what, name) for what, name, _ in topics.log] == [
        ("sent", PATCH_OUTCOMES),
        ("acknowledged", ""),
    ]


@pytest.mark.row("E48")
@pytest.mark.threat("T3")
@pytest.mark.parametrize(
    ("raw", "headers", "kept"),
    [(GOOD, ((KEY_MARK, b"x"),), GOOD), (None, ((f"{KEY_MARK} -1 headers", b"torn"),), b"torn")],
    ids=["name", "torn"],
)
async def test_what_is_not_put_together_as_a_record_is_one_dead_letter(
    app: faust.App, raw: bytes | None, headers: Headers, kept: bytes
) -> None:
    topics = Topics()

    async with at_work(app, echo, topics) as feed:
        await feed.handled(raw, headers=headers)
        await feed.handled(GOOD)

    assert letters(topics) == [(f"patch-outcomes/{PARTITION}/0", "unreadable")]
    assert [each["value"].raw for each in topics.of(DEAD_LETTERS)] == [b64encode(kept).decode()]
    assert echoed(topics) == ["1"]


@pytest.mark.row("E41")
async def test_a_request_of_fausts_own_gets_no_answer(app: faust.App) -> None:
    topics = Topics()
    request = {"__faust": {"ns": "faust.agents.models.ReqRepRequest"}}
    asked = {"value": {}, "reply_to": "firewall-changes", "correlation_id": "7"}

    async with at_work(app, echo, topics) as feed:
        await feed.handled(json.dumps(request | asked).encode())

    assert {name for what, name, _ in topics.log if what == "sent"} == {PATCH_OUTCOMES}


@pytest.mark.parametrize(
    ("bug", "reason"),
    [
        (IndexError, "internal-error"),
        (ValueError, "internal-error"),
        (TypeError, "internal-error"),
        (RecordTooLarge, "too-large"),
    ],
)
@pytest.mark.fault("F24")
async def test_a_bug_is_one_dead_letter_and_the_next_record_is_handled(
    app: faust.App, bug: type[Exception], reason: str
) -> None:
    topics = Topics()

    def handle(value: PatchOutcome, key: str, source: Source) -> Outputs:
        if source.offset == 0:
            raise bug("tripped")
        return echo(value, key, source)

    async with at_work(app, handle, topics) as feed:
        await feed.handled(GOOD, GOOD)

    assert letters(topics) == [(f"patch-outcomes/{PARTITION}/0", reason)]
    assert echoed(topics) == ["1"]


async def test_a_store_that_fails_ends_the_worker_with_this_and_all_later_records_in_hand(
    app: faust.App,
) -> None:
    topics, full = Topics(), OSError("disk full")

    def handle(value: PatchOutcome, key: str, source: Source) -> Outputs:
        if source.offset == 1:
            raise full
        return echo(value, key, source)

    async with at_work(app, handle, topics) as feed:
        reason = await feed.ended(GOOD, GOOD, GOOD)
        done = list(feed.acknowledged)

    assert reason is full
    assert done == [0]
    assert echoed(topics) == ["0"]


@pytest.mark.parametrize(
    ("failing", "raw"), [(PATCH_OUTCOMES, GOOD), (DEAD_LETTERS, b"[]")], ids=["sends", "letters"]
)
async def test_a_producer_that_fails_ends_the_worker_with_the_record_in_hand(
    app: faust.App, failing: str, raw: bytes
) -> None:
    topics = Topics(failing)

    async with at_work(app, echo, topics) as feed:
        reason = await feed.ended(raw, GOOD)
        happened = list(topics.log)

    assert isinstance(reason, ConnectionError)
    assert happened == []


async def test_a_row_is_stored_before_what_follows_is_sent_and_that_before_the_record_is_done(
    app: faust.App, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = Topics()
    table = faust_tables.declare(app, PARTITION + 1)["policies"]
    rows = PartitionRows[PatchOutcome](table, PARTITION)

    send_changelog = table.send_changelog

    def noted(*sending: Any, **more: Any) -> Any:
        topics.log.append(("logged", "", None))
        return send_changelog(*sending, **more)

    def handle(value: PatchOutcome, key: str, source: Source) -> Outputs:
        rows[key] = value
        topics.log.append(("stored", rows[key].key, None))
        return [sent("one"), sent("two")]

    monkeypatch.setattr(table, "send_changelog", noted)
    async with at_work(app, handle, topics) as feed:
        await feed.handled(GOOD, b"[]")

    row, letter = ["logged", "stored", "sent", "sent"], ["sent"]
    assert [what for what, _, _ in topics.log] == [*row, "acknowledged", *letter, "acknowledged"]
