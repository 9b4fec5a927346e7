"""What a firewall may say, and where it goes."""

from __future__ import annotations

from typing import Any

import pytest

from streams.codec import Poison, decode, encode
from streams.flow.gate import FIREWALLS_SIDE, Checks, handle
from streams.flow.output import FIREWALL_CHANGES, GRAPH_EDITS, GRAPH_FACTS, Refusal, Send
from streams.records.cause import Source
from streams.records.facts import ChangeSet, FirewallChange, GraphFact
from streams.records.marks import Mark, MarkKind
from streams.records.rules import Action, Protocol, Rule

CHECKS = Checks(frozenset({"main"}), frozenset({"10.0.0.1"}))
AT = Source(topic="firewall-changes", partition=3, offset=7, at=1.5)
RULE = Rule(action=Action.ALLOW, source="10.1.0.1", destination="*", protocol=Protocol.TCP)


def change(**said: Any) -> FirewallChange:
    return FirewallChange(**{"graph": "main", "firewall": "10.0.0.1", "added": (RULE,), **said})


def topics(outputs: list[Send | Refusal]) -> list[str]:
    return [each.topic if isinstance(each, Send) else each.reason for each in outputs]


def test_a_change_becomes_a_fact_of_its_graph() -> None:
    (sent,) = handle(change(), "main", AT, CHECKS)

    assert isinstance(sent, Send)
    assert (sent.topic, sent.key) == (GRAPH_FACTS, "main")
    assert isinstance(sent.value, GraphFact)
    assert sent.value.cause == AT.cause()
    assert sent.value.change == change(cause=AT.cause())


def test_the_key_names_the_graph_where_the_record_does_not() -> None:
    (sent,) = handle(change(graph=""), "main", AT, CHECKS)

    assert isinstance(sent, Send)
    assert isinstance(sent.value, GraphFact)
    assert sent.value.change is not None
    assert (sent.key, sent.value.graph, sent.value.change.graph) == ("main", "main", "main")


def test_a_change_under_another_key_is_sent_on_once_under_its_graphs() -> None:
    (sent,) = handle(change(), "somebody", AT, CHECKS)

    assert isinstance(sent, Send)
    assert (sent.topic, sent.key) == (FIREWALL_CHANGES, "main")
    arrived = decode(encode(sent.value), FirewallChange)
    assert arrived == change(forwarded=True, cause=AT.cause())
    later = AT.model_copy(update={"partition": 1, "offset": 20})
    (fact,) = handle(arrived, "main", later, CHECKS)
    assert isinstance(fact, Send)
    assert isinstance(fact.value, GraphFact)
    assert (fact.value.rev, fact.value.origin) == ((1, 20), (3, 7))


def test_a_mark_under_another_key_is_sent_on_as_well() -> None:
    read = FirewallChange(graph="main", mark=Mark(kind=MarkKind.FIREWALLS_READ, id="m", epoch=1))

    (sent,) = handle(read, "somebody", AT, CHECKS)

    assert isinstance(sent, Send)
    assert sent.key == "main"
    assert topics(handle(sent.value, "main", AT, CHECKS)) == [GRAPH_FACTS]  # type: ignore[arg-type]


def test_what_was_sent_on_and_still_lies_elsewhere_goes_round_no_more() -> None:
    assert topics(handle(change(forwarded=True), "somebody", AT, CHECKS)) == ["bad-key"]


def test_what_was_polled_is_remembered_by_the_aligner_as_well() -> None:
    outputs = handle(change(polled=True), "main", AT, CHECKS)

    assert topics(outputs) == [GRAPH_FACTS, GRAPH_EDITS]
    assert outputs[0].value == outputs[1].value  # type: ignore[union-attr]


@pytest.mark.parametrize("polled", [True, False])
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"graph": "other"}, "unknown-graph"),
        ({"firewall": "10.0.0.2"}, "unknown-firewall"),
        ({"default_action": Action.ALLOW}, "default-allow"),
    ],
)
@pytest.mark.threat("T1")
def test_what_nobody_configured_is_refused(said: dict[str, Any], reason: str, polled: bool) -> None:
    assert topics(handle(change(polled=polled, **said), "main", AT, CHECKS)) == [reason]


def test_a_firewall_may_default_to_allow_where_somebody_asked_for_it() -> None:
    asked = CHECKS._replace(default_allow=True)

    assert topics(handle(change(default_action=Action.ALLOW), "main", AT, asked)) == [GRAPH_FACTS]


@pytest.mark.parametrize(
    ("kind", "side"), [(MarkKind.FIREWALLS_READ, 3), (MarkKind.BARRIER, FIREWALLS_SIDE)]
)
def test_a_mark_goes_to_the_router_alone(kind: MarkKind, side: int) -> None:
    mark = Mark(kind=kind, id="m", epoch=2)

    (sent,) = handle(FirewallChange(mark=mark), "main", AT, CHECKS)

    assert isinstance(sent, Send)
    assert isinstance(sent.value, GraphFact)
    assert sent.topic == GRAPH_FACTS
    assert sent.value.mark == mark.model_copy(update={"graph": "main", "partition": side})


def test_a_default_alone_can_be_said_and_survives_the_journey() -> None:
    said = decode(b'{"firewall":"10.0.0.1","defaultAction":"DENY"}', FirewallChange)

    assert isinstance(said, FirewallChange)
    assert decode(encode(said), FirewallChange) == said


@pytest.mark.parametrize(
    "raw",
    [
        b'{"firewall":"10.0.0.1"}',
        b'{"firewall":"10.0.0.1","defaultAction":"DENY","gone":true,"elements":[]}',
        b'{"firewall":"10.0.0.1","defaultAction":"ALLOW_COND"}',
        b'{"firewall":"10.0.0.1","defaultAction":null}',
        b'{"firewall":"10.0.0.1","defaultAction":"DENY","polled":"true"}',
    ],
)
def test_what_says_nothing_or_two_things_at_once_is_poison(raw: bytes) -> None:
    assert isinstance(decode(raw, FirewallChange), Poison)


def test_a_part_of_a_set_stays_one() -> None:
    part = change(change_set=ChangeSet(id="s", part=1, of=2))

    (sent,) = handle(part, "main", AT, CHECKS)

    assert isinstance(sent, Send)
    assert isinstance(sent.value, GraphFact)
    assert sent.value.change is not None
    assert sent.value.change.change_set == part.change_set
