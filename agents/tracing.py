"""Follow one change across topics and calls: each hop is a span, after the hops that led to it.

Off, there are no traces in which to begin a span, and nothing here does anything. Nothing here
knows OpenTelemetry either: `agents/clients/traces.py` does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple, Protocol

from streams.codec import escape
from streams.flow.output import Send
from streams.records.cause import Source
from streams.records.facts import FirewallChange, GraphFact
from streams.records.pods import PodEvent
from streams.records.policies import PatchOutcome
from streams.traceparent import HEADER, TraceParent, parent_in

# Of what led to one piece of work the newest so many are named.
MOST_LEADS = 16

Said = str | int
Headers = dict[str, bytes]


class Hop(NamedTuple):
    """What is said of a span from its beginning: its kind is one of OpenTelemetry's."""

    name: str
    kind: Literal["PRODUCER", "CONSUMER", "CLIENT", "INTERNAL"]
    said: Mapping[str, Said]


class Span(Protocol):
    """A hop while it is made."""

    @property
    def parent(self) -> TraceParent | None:
        """How those name it who follow it; None where nobody can."""

    def fail(self, why: str) -> None:
        """Say that it went wrong, in one word."""

    def end(self) -> None:
        """Say that it is over."""


class Traces(Protocol):
    """Where spans go: of traces that are not kept there are none, only word of that goes on."""

    def begin(self, hop: Hop, led: Sequence[TraceParent]) -> Span:
        """Begin a span after the last of these, with links to the others; after none, a trace."""


class Lead(NamedTuple):
    """A hop to follow, even when it is over."""

    traces: Traces
    parent: TraceParent


_NOTHING: AbstractContextManager[None] = nullcontext()
_lead: ContextVar[Lead | None] = ContextVar("lead", default=None)


class Leads:
    """What led to work that is done later, and all at once."""

    def __init__(self) -> None:
        self._leads: deque[Lead] = deque(maxlen=MOST_LEADS)

    def note(self) -> None:
        """Note the hop that is being made, if one is."""
        if (lead := _lead.get()) is not None:
            self._leads.append(lead)

    def take(self) -> tuple[Lead, ...]:
        """Return what was noted, and forget it."""
        taken = tuple(self._leads)
        self._leads.clear()
        return taken

    def put_back(self, taken: Sequence[Lead]) -> None:
        """Note again, as older than all else, what led to work that is not done yet."""
        self._leads = deque([*taken, *self._leads], maxlen=MOST_LEADS)


def lead() -> Lead | None:
    """Return the hop that is being made, for what will follow from it."""
    return _lead.get()


@contextmanager
def after(lead: Lead | None) -> Iterator[None]:
    """Have what is done here follow a hop, which may be over."""
    token = _lead.set(lead)
    try:
        yield
    finally:
        _lead.reset(token)


def receiving(traces: Traces | None, event: Any, source: Source) -> AbstractContextManager[Any]:
    """Make the hop of handling a record: in the trace that its headers name, or in a new one."""
    if traces is None:
        return _NOTHING
    parent = parent_in(event.message.headers)
    if parent is None and not _begins(event.value):
        return _NOTHING
    if parent is not None and not parent.sampled:
        return after(Lead(traces, parent))
    cause = getattr(event.value, "cause", None) or source
    said = _messaging(source.topic, event.key, "process") | {
        "messaging.destination.partition.id": str(source.partition),
        "messaging.kafka.offset": source.offset,
        "vereflow.cause": escape(cause.text),
    }
    if isinstance(event.value, PatchOutcome):
        said["vereflow.outcome"] = str(event.value.outcome)
    hop = Hop(f"process {source.topic}", "CONSUMER", said)
    return _making(traces, hop, () if parent is None else (parent,))


def sending(
    traces: Traces | None, output: Send, topic: Any
) -> AbstractContextManager[Headers | None]:
    """Make the hop of sending a record to one of Faust's topics; yield with which headers."""
    lead = _lead.get()
    if lead is not None and not lead.parent.sampled:
        return nullcontext(_headers(lead.parent))
    if lead is not None:
        return _sending(lead.traces, output, topic.get_topic_name(), (lead.parent,))
    if traces is None or not _begins(output.value):
        return _NOTHING
    return _sending(traces, output, topic.get_topic_name(), ())


def calling(method: str, path: str, whom: str) -> AbstractContextManager[Span | None]:
    """Make the hop of a call, where it is made for a change that is followed."""
    lead = _lead.get()
    if lead is None or not lead.parent.sampled:
        return _NOTHING
    said = {"http.request.method": method, "url.path": escape(path)}
    return _making(lead.traces, Hop(f"{method} {whom}", "CLIENT", said), (lead.parent,))


def following(leads: Sequence[Lead], name: str, **said: str) -> AbstractContextManager[Span | None]:
    """Make the hop of what these led to, if any did: after the newest, with links to the others.

    Of traces that nobody keeps there is nothing to link to.
    """
    if not leads:
        return _NOTHING
    kept = [each.parent for each in leads if each.parent.sampled]
    if not kept:
        return after(leads[-1])
    hop = Hop(name, "INTERNAL", {f"vereflow.{what}": escape(text) for what, text in said.items()})
    return _making(leads[-1].traces, hop, kept)


@contextmanager
def _making(traces: Traces, hop: Hop, led: Sequence[TraceParent]) -> Iterator[Span]:
    span = traces.begin(hop, led)
    token = _lead.set(None if span.parent is None else Lead(traces, span.parent))
    try:
        yield span
    except BaseException as error:
        span.fail(type(error).__name__)
        raise
    finally:
        _lead.reset(token)
        span.end()


@contextmanager
def _sending(
    traces: Traces, output: Send, topic: str, led: Sequence[TraceParent]
) -> Iterator[Headers | None]:
    hop = Hop(f"send {topic}", "PRODUCER", _messaging(topic, output.key, "send"))
    with _making(traces, hop, led) as span:
        yield None if span.parent is None else _headers(span.parent)


def _headers(parent: TraceParent) -> Headers:
    return {HEADER: parent.text.encode()}


def _begins(value: Any) -> bool:
    """Tell whether a trace may begin with a record: with a change, and nothing that is no news."""
    return isinstance(value, PodEvent | FirewallChange | GraphFact) and value.mark is None


def _messaging(topic: str, key: str | None, operation: str) -> dict[str, Said]:
    """Return what OpenTelemetry's conventions for messaging ask for."""
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": topic,
        "messaging.kafka.message.key": escape(key or ""),
    }
