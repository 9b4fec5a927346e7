"""The body all agents share: no exception leaves it, for Faust would acknowledge the record.

What a handler refuses, or fails on, becomes one dead letter. What fails below the handlers (the
store, the broker) ends the worker with the record unacknowledged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from agents.outlet import Outlet
from agents.tracing import receiving
from streams.codec import KEY_MARK, Poison, RecordTooLarge, Unread, escape
from streams.failpoint import passing
from streams.flow.output import Outputs, Refusal, Send
from streams.records.cause import Source
from streams.records.reasons import LetterReason
from streams.stop import fail_stop
from streams.unpacking import flaw_of

Handle = Callable[[Any, str, Source], Outputs]

# A record that makes a handler trip over itself is as good as unreadable.
BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)

log = structlog.get_logger()


async def handle_each(app: Any, stream: Any, outlet: Outlet, handle: Handle) -> None:
    """Handle every record of a stream, in order, each to its end before the next."""
    async for event in stream.events():
        try:
            await _take(event, outlet, handle)
        except Exception as error:
            await fail_stop(app, error)


async def _take(event: Any, outlet: Outlet, handle: Handle) -> None:
    source = source_of(event)
    with receiving(outlet.traces, event, source) as span:
        refused = await _follow(event, source, outlet, handle)
        if span is not None and refused is not None:
            span.fail(refused.reason)


async def _follow(event: Any, source: Source, outlet: Outlet, handle: Handle) -> Refusal | None:
    """Send what follows from a record; return why it is buried, if it is."""
    raw, refused = event.message.value, None
    if flaw := flaw_of(event.message.headers):
        raw = raw or flaw.raw
        outputs: Outputs = [Refusal(LetterReason.UNREADABLE, flaw.text)]
    else:
        outputs = judge(event.value, event.key, source, handle, outlet.lines)
    passing("stored")
    for output in outputs:
        refusal = output if isinstance(output, Refusal) else None
        if isinstance(output, Send):
            try:
                await outlet.send(output)
            except RecordTooLarge as error:
                refusal = Refusal(LetterReason.TOO_LARGE, str(error))
        if refusal is not None:
            refused = refusal
            outlet.lines.warning("dead letter", source=source.text, reason=refusal.reason)
            await outlet.bury(source, raw, refusal.reason, refusal.detail)
    outlet.metrics.handled(source.topic)
    passing("sent")
    return refused


def source_of(event: Any) -> Source:
    """Return where an event's record lies, and when it was written."""
    message = event.message
    return Source(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        at=message.timestamp or 0.0,
    )


def judge(value: Any, key: str | None, source: Source, handle: Handle, lines: Any = log) -> Outputs:
    """Return what follows from one record; never raise for anything the record says."""
    if isinstance(value, Unread):
        raise value.error
    if value is None:
        return [Refusal(LetterReason.TOMBSTONE)]
    if isinstance(value, Poison):
        return [Refusal(value.reason, value.detail)]
    if key is not None and key.startswith(KEY_MARK):
        return [Refusal(LetterReason.BAD_KEY, key)]
    try:
        return handle(value, key or "", source)
    except RecordTooLarge as error:
        return [Refusal(LetterReason.TOO_LARGE, str(error))]
    except BUGS as error:
        lines.exception("handler failed", source=source.text)
        return [Refusal(LetterReason.INTERNAL_ERROR, escape(f"{type(error).__name__}: {error}"))]
