"""A change is one trace: each hop comes after the one that led to it, and holds nobody up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan

from agents.due_policies import DuePolicies
from agents.handling import handle_each
from agents.outcome_teller import OutcomeTeller
from agents.outlet import Outlet
from agents.tracing import MOST_LEADS, Leads, after, calling, following, lead, receiving
from streams.flow.output import (
    GRAPH_FACTS,
    PATCH_OUTCOMES,
    POD_EVENTS,
    Outputs,
    Refusal,
    Send,
)
from streams.records.base import Record
from streams.records.cause import Cause, Source
from streams.records.facts import GraphFact
from streams.records.marks import Mark, MarkKind
from streams.records.pods import PodEvent
from streams.records.policies import Outcome, PatchOutcome, PolicyPatch
from streams.records.reasons import LetterReason
from streams.traceparent import HEADER, parent_in
from tests.unit.agents.handled import App, Stream
from tests.unit.agents.handled import Topics as Sent
from tests.unit.agents.traced import Traced

GOOD = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = GOOD[:-2] + b"00"
KEY = "local/default/pod-a"
EVENT = PodEvent(event="ADDED", pod_name="pod-a", pod_ip="10.0.0.1")
CAUSE = Cause(topic="pod-events", partition=1, offset=7)


class Topics(Sent):
    """Topics that have names at the broker as well."""

    def __getitem__(self, name: str) -> Any:
        found = super().__getitem__(name)
        found.get_topic_name = lambda: f"v.{name}"
        return found

    def headers(self) -> list[Any]:
        """Return the headers of all that was sent."""
        return [sending["headers"] for what, _, sending in self.log if what == "sent"]


def record(value: Any, headers: Any = None, topic: str = "pod-events") -> Any:
    message = SimpleNamespace(
        topic=topic, partition=1, offset=7, timestamp=1.5, value=b"{}", headers=headers
    )
    return SimpleNamespace(value=value, key=KEY, message=message)


async def handled(
    event: Any, outputs: Outputs, traces: Any, topics: Topics | None = None
) -> Topics:
    """Have one record handled by an agent; return what it sent."""
    topics = topics or Topics()
    await handle_each(App(), Stream([event]), Outlet(topics, traces=traces), lambda *_: outputs)
    return topics


def claim() -> Send:
    fact = GraphFact(graph="main", cause=CAUSE)
    return Send(GRAPH_FACTS, "main", fact)


def names(spans: Iterable[ReadableSpan]) -> list[str]:
    return [span.name for span in spans]


def follows(one: ReadableSpan, other: ReadableSpan) -> bool:
    assert other.context is not None
    return one.parent is not None and one.parent.span_id == other.context.span_id


async def test_a_record_that_is_sent_names_the_hop_that_whoever_handles_it_follows() -> None:
    traced = Traced()

    first = await handled(record(EVENT), [claim()], traced.traces)
    (headers,) = first.headers()
    told = PatchOutcome(key=KEY, cause=CAUSE)
    second = record(told, list(headers.items()), "patch-outcomes")
    await handled(second, [], traced.traces)

    spans = await traced.spans()
    assert names(spans) == ["process pod-events", "send v.graph-facts", "process patch-outcomes"]
    assert len({span.context.trace_id for span in spans if span.context}) == 1
    assert spans[0].parent is None
    assert follows(spans[1], spans[0])
    assert follows(spans[2], spans[1])
    assert dict(spans[2].attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "patch-outcomes",
        "messaging.destination.partition.id": "1",
        "messaging.kafka.message.key": KEY,
        "messaging.kafka.offset": 7,
        "vereflow.cause": "pod-events/1/7",
        "vereflow.outcome": "APPLIED",
    }


async def test_a_trace_that_others_began_goes_on() -> None:
    traced = Traced()

    topics = await handled(record(EVENT, [(HEADER, GOOD)]), [claim()], traced.traces)

    spans = await traced.spans()
    assert [f"{span.context.trace_id:032x}" for span in spans if span.context] == [
        GOOD[3:35].decode()
    ] * 2
    assert topics.headers()[0][HEADER].startswith(GOOD[:35])


@pytest.mark.parametrize(("ratio", "header"), [(0.0, None), (0.0, UNSAMPLED), (1.0, UNSAMPLED)])
async def test_that_a_trace_is_not_kept_is_said_to_whoever_follows(
    ratio: float, header: bytes | None
) -> None:
    traced = Traced(ratio=ratio)

    headers = [(HEADER, header)] if header else None
    topics = await handled(record(EVENT, headers), [claim()], traced.traces)

    assert topics.headers()[0][HEADER].endswith(b"-00")
    assert await traced.spans() == []


async def test_what_others_keep_is_kept_whatever_the_ratio() -> None:
    traced = Traced(ratio=0.0)

    await handled(record(EVENT, [(HEADER, GOOD)]), [], traced.traces)

    assert names(await traced.spans()) == ["process pod-events"]


@given(st.lists(st.tuples(st.sampled_from([HEADER, "other"]), st.none() | st.binary()), max_size=3))
async def test_no_header_keeps_a_record_from_being_handled(headers: list[Any]) -> None:
    traced = Traced()

    topics = await handled(record(EVENT, headers), [claim()], traced.traces)

    (sent,) = topics.headers()
    told = parent_in(list(sent.items()))
    assert told is not None
    # Garbage does not go on: either it was a span, or a trace of our own began.
    known = parent_in(headers)
    assert known is None or told.trace_id == known.trace_id
    await traced.traces.close()


@pytest.mark.parametrize(
    "value",
    [
        PodEvent(mark=Mark(kind=MarkKind.BARRIER, id="b")),
        PatchOutcome(key=KEY),
        None,
    ],
)
async def test_what_is_no_change_begins_no_trace(value: Record | None) -> None:
    traced = Traced()
    topics = Topics()
    outlet = Outlet(topics, traces=traced.traces)

    await handled(record(value), [], traced.traces, topics)
    if value is not None:
        await outlet.send(Send(POD_EVENTS, KEY, value))

    assert set(topics.headers()) <= {None}
    assert await traced.spans() == []


async def test_off_nothing_is_written_into_headers() -> None:
    topics = await handled(record(EVENT), [claim()], None)

    assert topics.headers() == [None]
    assert lead() is None


async def test_a_refusal_is_an_error_of_its_hop_and_its_letter_belongs_to_the_trace() -> None:
    traced = Traced()

    await handled(record(EVENT), [Refusal(LetterReason.BAD_KEY, "x")], traced.traces)

    process, letter = await traced.spans()
    assert (process.attributes or {})["error.type"] == "bad-key"
    assert not process.status.is_ok
    assert letter.name == "send v.dead-letters"
    assert follows(letter, process)


async def test_keys_are_said_short_and_printable() -> None:
    traced = Traced()
    event = record(EVENT)
    event.key = "\udcff\n" * 10_000

    await handled(event, [], traced.traces)

    (span,) = await traced.spans()
    said = (span.attributes or {})["messaging.kafka.message.key"]
    assert isinstance(said, str)
    assert len(said) <= 200
    assert said.isascii()
    assert said.isprintable()


async def test_a_call_is_a_hop_where_it_is_made_for_a_change_and_nowhere_else() -> None:
    traced = Traced()

    with calling("GET", "/pods", "kubernetes") as span:
        assert span is None
    with receiving(traced.traces, record(EVENT), Source(topic="t", partition=0, offset=0)):
        with pytest.raises(ConnectionError), calling("PUT", "/adp", "verefoo"):
            raise ConnectionError
        with calling("POST", "/apis", "kubernetes"):
            pass

    process, failed, done = await traced.spans()
    assert (failed.name, done.name) == ("PUT verefoo", "POST kubernetes")
    assert (failed.attributes or {})["error.type"] == "ConnectionError"
    assert failed.kind.name == "CLIENT"
    assert follows(failed, process)
    assert follows(done, process)
    assert done.status.is_unset


class Changes:
    """Changes that come one after the other, each with a hop of its own."""

    def __init__(self, traced: Traced) -> None:
        self._traced = traced

    def come(self, times: int, act: Callable[[], None]) -> None:
        for number in range(times):
            source = Source(topic=f"t{number}", partition=0, offset=number)
            with receiving(self._traced.traces, record(EVENT), source):
                act()


async def test_work_follows_the_newest_of_what_led_to_it_and_links_to_the_others() -> None:
    traced, leads = Traced(), Leads()
    Changes(traced).come(3, leads.note)

    with following(leads.take(), "align graph", graph="main"):
        pass
    with following(leads.take(), "align graph", graph="main"):
        pass

    *changes, work = await traced.spans()
    assert work.name == "align graph"
    assert follows(work, changes[2])
    assert [link.context.span_id for link in work.links] == [
        span.context.span_id for span in changes[:2] if span.context
    ]
    assert dict(work.attributes or {}) == {"vereflow.graph": "main"}


async def test_work_that_a_kept_trace_led_to_is_in_that_whatever_else_led_to_it() -> None:
    traced, leads = Traced(), Leads()
    for flags in (b"00", b"01", b"00"):
        source = Source(topic="t", partition=0, offset=0)
        with receiving(traced.traces, record(EVENT, [(HEADER, GOOD[:-2] + flags)]), source):
            leads.note()

    with following(leads.take(), "align graph"):
        pass

    kept, work = await traced.spans()
    assert follows(work, kept)
    assert not work.links


async def test_of_many_that_led_somewhere_the_newest_are_known() -> None:
    traced, leads = Traced(), Leads()
    changes = Changes(traced)
    changes.come(MOST_LEADS + 5, leads.note)
    first = leads.take()
    changes.come(2, leads.note)
    newest = leads.take()
    for each in newest:
        with after(each):
            leads.note()
    leads.put_back(first)

    assert len(first) == MOST_LEADS
    assert leads.take() == (*first[2:], *newest)
    await traced.traces.close()


async def test_a_policy_that_has_to_wait_keeps_what_led_to_it() -> None:
    traced, due = Traced(), DuePolicies()
    changes = Changes(traced)
    changes.come(2, lambda: due.put(0, "a", False))
    taken = due.take()
    assert taken is not None
    changes.come(1, lambda: due.put(0, "a", False))

    due.postponed("a")
    again = due.take()
    assert again is not None
    due.settled("a")
    due.put(0, "a", False)
    third = due.take()

    assert len(taken.leads) == 2
    assert again.leads[:2] == taken.leads
    assert len(again.leads) == 3
    assert third is not None
    assert third.leads == ()
    await traced.traces.close()


async def test_an_outcome_follows_the_write_also_when_it_is_told_later() -> None:
    traced, topics = Traced(), Topics()
    teller = OutcomeTeller(Outlet(topics, traces=traced.traces).deliver)
    leads = Leads()
    Changes(traced).come(1, leads.note)

    with following(leads.take(), "apply policy", policy=KEY):
        teller.tell(PolicyPatch(key=KEY), Outcome.APPLIED, "")
    teller.tell(PolicyPatch(key="local/default/pod-b"), Outcome.APPLIED, "")
    await teller.deliver()

    _, write, told = await traced.spans()
    assert (write.name, told.name) == ("apply policy", "send v.patch-outcomes")
    assert follows(told, write)
    assert len(topics.of(PATCH_OUTCOMES)) == 2
