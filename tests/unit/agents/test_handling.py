"""Every record has its effect or one dead letter, or the worker ends with the record in hand."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from agents.handling import handle_each, judge
from agents.outlet import MAX_RAW, Outlet
from streams.codec import KEY_MARK, MAX_BYTES, Poison, RecordTooLarge, Unread
from streams.flow.output import DEAD_LETTERS, PATCH_OUTCOMES, Outputs, Refusal
from streams.records.cause import Source
from tests.unit.agents.handled import App, Stream, Topics, event, outcome, sent

GOOD = outcome().to_bytes()
AT = Source(topic="patch-outcomes", partition=3, offset=7)


@pytest.fixture(autouse=True)
def said() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


async def handled(
    events: list[Any], handle: Any, topics: Topics | None = None
) -> tuple[Topics, Stream]:
    """Handle every record to the end of the stream."""
    topics, stream = topics or Topics(), Stream(events)
    await asyncio.wait_for(handle_each(App(), stream, Outlet(topics), handle), 60)  # type: ignore[arg-type]
    return topics, stream


async def ended(events: list[Any], handle: Any, topics: Topics) -> tuple[App, Stream]:
    """Handle records until the worker is ended; return what was acknowledged by then."""
    app, stream = App(), Stream(events)
    body = asyncio.create_task(handle_each(app, stream, Outlet(topics), handle))  # type: ignore[arg-type]
    await asyncio.wait_for(app.crashed.wait(), 60)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not body.done()
    acknowledged = list(stream.acknowledged)
    body.cancel()
    await asyncio.wait({body})
    stream.acknowledged = acknowledged
    return app, stream


def letters(topics: Topics) -> list[tuple[str, str, str]]:
    """Return key, reason and detail of every dead letter."""
    found = topics.of(DEAD_LETTERS)
    return [(each["key"], each["value"].reason, each["value"].detail) for each in found]


def nothing(value: Any, key: str, source: Source) -> Outputs:
    return []


async def test_what_a_handler_returns_is_sent_in_its_order() -> None:
    topics, stream = await handled([event(1, GOOD)], lambda *_: [sent("one"), sent("two")])

    assert [each["value"].reason for each in topics.of(PATCH_OUTCOMES)] == ["one", "two"]
    assert letters(topics) == []
    assert stream.acknowledged == [1]


@pytest.mark.parametrize(
    "bug", [ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError, AssertionError]
)
async def test_a_bug_in_a_handler_is_one_dead_letter_and_the_next_record_is_handled(
    bug: type[Exception],
) -> None:
    def handle(value: Any, key: str, source: Source) -> Outputs:
        if source.offset == 7:
            raise bug("oh\nno")
        return [sent(str(source.offset))]

    topics, stream = await handled([event(each, GOOD) for each in (6, 7, 8)], handle)

    ((key, reason, detail),) = letters(topics)
    assert (key, reason) == ("patch-outcomes/3/7", "internal-error")
    assert detail.startswith(bug.__name__)
    assert "\n" not in detail
    assert [each["value"].reason for each in topics.of(PATCH_OUTCOMES)] == ["6", "8"]
    assert stream.acknowledged == [6, 7, 8]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (event(7, None), "tombstone"),
        (event(7, b"\xff"), "not-utf8"),
        (event(7, b"[]"), "not-an-object"),
        (event(7, b'{"revision": 1}'), "bad-field"),
        (event(7, GOOD, key=f"{KEY_MARK}\\xff"), "bad-key"),
    ],
)
async def test_what_cannot_be_read_is_one_dead_letter_and_never_reaches_the_handler(
    given: Any, reason: str
) -> None:
    reached: list[Any] = []

    def handle(value: Any, key: str, source: Source) -> Outputs:
        reached.append(value)
        return []

    topics, stream = await handled([given, event(8, GOOD)], handle)

    assert [each[:2] for each in letters(topics)] == [("patch-outcomes/3/7", reason)]
    assert reached == [outcome()]
    assert stream.acknowledged == [7, 8]


async def test_a_dead_letter_carries_the_record_and_where_it_lay() -> None:
    raw = b"\xff not ours \n"

    topics, _ = await handled([event(7, raw)], nothing)

    letter = topics.of(DEAD_LETTERS)[0]["value"]
    assert (letter.topic, letter.partition, letter.offset) == ("patch-outcomes", 3, 7)
    assert base64.b64decode(letter.raw) == raw


async def test_of_a_huge_record_the_beginning_is_kept() -> None:
    topics, _ = await handled([event(7, b"x" * (MAX_BYTES + 1))], nothing)

    letter = topics.of(DEAD_LETTERS)[0]["value"]
    assert letter.reason == "too-large"
    assert base64.b64decode(letter.raw) == b"x" * MAX_RAW


async def test_a_record_handled_again_is_the_same_letter_again() -> None:
    topics, _ = await handled([event(7, b"[]"), event(7, b"[]")], nothing)

    assert len({key for key, _, _ in letters(topics)}) == 1


async def test_nobody_waits_until_a_dead_letter_is_at_the_broker() -> None:
    # Who commits does, for everything that was sent.
    topics = Topics()

    def handle(value: Any, key: str, source: Source) -> Outputs:
        topics.log.append(("handled", "", source.offset))
        return []

    await handled([event(7, b"[]"), event(8, GOOD)], handle, topics)

    assert [what for what, _, _ in topics.log] == ["sent", "handled"]


async def test_what_is_too_large_to_send_is_a_dead_letter_and_the_rest_is_sent() -> None:
    huge = outcome().model_copy(update={"reason": "x" * MAX_BYTES})
    outputs = [sent("one"), sent()._replace(value=huge), sent("three")]

    topics, stream = await handled([event(7, GOOD)], lambda *_: outputs)

    assert [each["value"].reason for each in topics.of(PATCH_OUTCOMES)] == ["one", "three"]
    assert [each[:2] for each in letters(topics)] == [("patch-outcomes/3/7", "too-large")]
    assert stream.acknowledged == [7]


async def test_a_row_too_large_to_keep_is_a_dead_letter() -> None:
    def handle(value: Any, key: str, source: Source) -> Outputs:
        raise RecordTooLarge("PodRow of 2000000 bytes")

    topics, _ = await handled([event(7, GOOD)], handle)

    assert letters(topics) == [("patch-outcomes/3/7", "too-large", "PodRow of 2000000 bytes")]


@pytest.mark.row("L")
async def test_what_a_handler_refuses_is_counted_and_said_once(said: list[Any]) -> None:
    topics = Topics()
    outlet = Outlet(topics)  # type: ignore[arg-type]

    await handle_each(
        App(), Stream([event(7, GOOD)]), outlet, lambda *_: [Refusal("bad-address", "a\x1b[2J")]
    )

    assert letters(topics) == [("patch-outcomes/3/7", "bad-address", "a\\x1b[2J")]
    count = outlet.metrics.registry.get_sample_value
    assert count("vereflow_dead_letters_total", {"reason": "bad-address"}) == 1
    assert count("vereflow_records_handled_total", {"topic": "patch-outcomes"}) == 1
    assert [(line["event"], line["reason"]) for line in said] == [("dead letter", "bad-address")]


@pytest.mark.parametrize("error", [RuntimeError("store closed"), OSError("disk full"), Exception()])
async def test_a_store_that_fails_ends_the_worker_with_the_record_in_hand(
    error: Exception,
) -> None:
    topics = Topics()

    def handle(value: Any, key: str, source: Source) -> Outputs:
        if source.offset == 7:
            raise error
        return []

    app, stream = await ended([event(each, GOOD) for each in (6, 7, 8)], handle, topics)

    assert app.reason is error
    assert stream.acknowledged == [6]
    assert topics.log == []


@pytest.mark.parametrize(
    ("failing", "raw"), [(PATCH_OUTCOMES, GOOD), (DEAD_LETTERS, b"[]")], ids=["sends", "letters"]
)
async def test_a_broker_that_fails_ends_the_worker_with_the_record_in_hand(
    failing: str, raw: bytes
) -> None:
    topics = Topics(failing)

    app, stream = await ended([event(7, raw), event(8, GOOD)], lambda *_: [sent()], topics)

    assert isinstance(app.reason, ConnectionError)
    assert stream.acknowledged == []


def test_what_nobody_could_read_ends_the_worker_and_is_no_dead_letter() -> None:
    with pytest.raises(MemoryError):
        judge(Unread(MemoryError()), "pod", AT, lambda *_: [sent()])


def test_a_record_without_a_key_is_handled_under_the_empty_key() -> None:
    keys: list[str] = []

    def handle(value: Any, key: str, source: Source) -> Outputs:
        keys.append(key)
        return []

    assert judge(outcome(), None, AT, handle) == []
    assert keys == [""]


def test_a_reason_of_the_codec_is_the_reason_of_the_letter() -> None:
    assert judge(Poison(b"", "empty", "why"), "key", AT, nothing) == [Refusal("empty", "why")]
