"""Whatever bytes lie on a topic: records and refusals come of them, never an exception."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from agents import outcome_recorder, policy_applier
from agents.handling import judge
from streams.codec import decode, encode
from streams.flow import aligner, compiler, gate, identities, router, tracker
from streams.flow.framing import KeyFrame
from streams.flow.identity_rows import Identities
from streams.flow.output import (
    BARRIERS,
    DEAD_LETTERS,
    FIREWALL_CHANGES,
    GRAPH_EDITS,
    GRAPH_FACTS,
    IDENTITY_FACTS,
    KEY_FRAMES,
    PATCH_OUTCOMES,
    POD_EVENTS,
    POD_RULES,
    POLICY_PATCHES,
    Outputs,
    Refusal,
    Send,
)
from streams.flow.replaying import Replay
from streams.records.cause import Source
from streams.records.facts import GraphFact
from streams.topics import VOCABULARY

GRAPH, CLUSTER, KEY = "main", "local", "local/default/pod-a"
POD = {
    "cluster": CLUSTER,
    "namespace": "default",
    "name": "pod-a",
    "uid": "uid-a",
    "address": "10.244.0.10",
    "labels": {"app": "pod-a"},
}
RULE = {"action": "ALLOW", "source": "10.244.0.10", "destination": "10.244.0.11"}
RULE |= {"protocol": "TCP", "dstPort": "80"}
CHANGE = {"graph": GRAPH, "firewall": "10.0.0.1", "elements": [RULE]}
MARK = {
    "kind": "LIST_COMPLETE",
    "id": "m",
    "cluster": CLUSTER,
    "graph": GRAPH,
    "stamp": {"lease": 1, "n": 2},
    "started": {"lease": 1, "n": 1},
}
POD_EVENT = {
    "podName": "pod-a",
    "podIP": "10.244.0.10",
    "hostname": "a",
    "event": "ADDED",
    "namespace": "default",
    "uid": "uid-a",
    "labels": {"app": "pod-a"},
    "stamp": {"lease": 1, "n": 3},
}
ALLOWANCE = {
    "direction": "egress",
    "peer": {**POD, "name": "pod-b", "uid": "uid-b"},
    "ports": [{"protocol": "TCP", "first": 80, "last": 80}],
}
VIEW = {"graph": GRAPH, "subject": POD, "revision": 5, "epoch": 1, "allowances": [ALLOWANCE]}
PATCH = {"key": KEY, "revision": {"epoch": 1, "incarnation": 0, "offset": 5}, "manifest": {}}
FACTS = [
    {"graph": GRAPH, "claim": {"pod": POD, "live": True, "rev": 3}},
    {"graph": GRAPH, "change": CHANGE, "rev": [0, 4]},
    {"graph": GRAPH, "mark": MARK},
]
WORKLOAD = {"kind": "Deployment", "name": "web", "selector": {"app": "pod-a"}}
ASSIGNED = {"address": "198.18.0.9", "name": "local/default/Deployment/web", "uid": "identity-1-2"}
OF_IDENTITIES = [
    {"graph": GRAPH, "claim": {"pod": {**POD, "workload": WORKLOAD}, "live": True, "rev": 3}},
    {"graph": GRAPH, "assigned": ASSIGNED},
    {"graph": GRAPH, "mark": {"kind": "FIREWALLS_READ", "id": "r", "epoch": 1}},
    {"graph": GRAPH, "mark": {**MARK, "epoch": 1}},
    {"graph": GRAPH, "mark": {"kind": "GRACE_OVER", "id": "g", "epoch": 1}},
]
FRAME = {
    "graph": GRAPH,
    "at": 9,
    "part": 1,
    "of": 1,
    "pods": {
        KEY: {"pod": {"pod": POD, "live": True, "rev": 3}},
        "bound|r|4|source": {
            "binding": {"rule": "r", "said": 4, "end": "source", "uid": "uid-a", "at": 4}
        },
    },
    "rows": {
        "": {"gate": {"epoch": 1, "open": True, "opened_at": 2}},
        "r": {"rule": {"firewall": "10.0.0.1", "rule": RULE, "at": 4}},
        "10.0.0.1|": {"firewall": {"firewall": "10.0.0.1", "at": 4}},
    },
}
SEEDS: dict[str, list[dict[str, Any]]] = {
    POD_EVENTS: [POD_EVENT, {"mark": MARK}],
    FIREWALL_CHANGES: [CHANGE, {"graph": GRAPH, "firewall": "10.0.0.1", "added": [RULE]}],
    IDENTITY_FACTS: [*OF_IDENTITIES, *FACTS],
    GRAPH_FACTS: FACTS,
    GRAPH_EDITS: FACTS,
    KEY_FRAMES: [FRAME],
    POD_RULES: [VIEW],
    POLICY_PATCHES: [PATCH],
    PATCH_OUTCOMES: [{"key": KEY, "outcome": "APPLIED", "reason": ""}],
    DEAD_LETTERS: [{"topic": "x", "partition": 0, "offset": 1, "reason": "empty"}],
    BARRIERS: [{"id": "b", "at": 1.0}],
}


def handlers() -> dict[str, Callable[..., Outputs]]:
    """Return a handler for every topic, each with rows of its own that are empty."""
    pods: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    rows: dict[str, dict[str, Any]] = {name: {} for name in VOCABULARY}
    graph = router.Graph(GRAPH, {}, {})
    tracking = tracker.Tracking(CLUSTER, (GRAPH,), frozenset({"default"}), frozenset({"10.0.0.1"}))
    checks = gate.Checks(frozenset({GRAPH}), frozenset({"10.0.0.1"}))
    routing = router.Routing(2, 1, (CLUSTER,))
    aligning = aligner.Aligning(2, 1, (CLUSTER,))
    compiling = compiler.Compiling("main", 1, (CLUSTER,))
    known = Identities(GRAPH, {})
    addresses = IPv4Network("198.18.0.0/30")
    identifying = identities.Identifying(2, 1, (CLUSTER,), addresses, frozenset(), 0.0)

    def align(fact: GraphFact, at: Source) -> Outputs:
        aligner.remember(rows[GRAPH_EDITS], fact, at, aligning)
        aligner.wanted_owners(rows[GRAPH_EDITS], fact.graph)
        aligner.said(rows[GRAPH_EDITS], fact.graph)
        return []

    def begin(frame: KeyFrame) -> Outputs:
        replay = Replay(GRAPH, routing, compiling)
        replay.begin([frame])
        replay.patches()
        return []

    return {
        POD_EVENTS: lambda it, key, at: tracker.handle(pods, it, key, at, tracking),
        FIREWALL_CHANGES: lambda it, key, at: gate.handle(it, key, at, checks),
        IDENTITY_FACTS: lambda it, key, at: identities.handle(known, it, at, identifying),
        GRAPH_FACTS: lambda it, key, at: router.handle(graph, it, at, routing),
        GRAPH_EDITS: lambda it, key, at: align(it, at),
        KEY_FRAMES: lambda it, key, at: begin(it),
        POD_RULES: lambda it, key, at: compiler.handle(rules, it, key, at, compiling),
        POLICY_PATCHES: lambda it, key, at: policy_applier.handle(
            rows["policy-patches"], it, key, at
        ),
        PATCH_OUTCOMES: lambda it, key, at: outcome_recorder.handle(
            rows[PATCH_OUTCOMES], it, key, at
        ),
        DEAD_LETTERS: lambda it, key, at: [],
        BARRIERS: lambda it, key, at: [],
    }


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value inside a value."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for step, inner in items:
        yield (*path, step)
        yield from paths(inner, (*path, step))


# What is nearly right gets further than noise.
WORDS = (
    "* -1 10.244.0.11 10.244.-1.-1 0.0.0.0 a/b default main local 80 70-90 TCP ANY OTHER ALLOW"
    " DENY DELETED ingress BARRIER LIST_STARTED FIREWALLS_READ REFUSED"
)
words = st.sampled_from(WORDS.split())
odd = st.sampled_from(["", "\ud83d", "\x00", "x" * 300])
scalars = (
    st.none() | st.booleans() | st.integers(-2, 1 << 65) | st.floats() | words | odd | st.text()
)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | st.text(), inner),
    max_leaves=6,
)


@st.composite
def nearly_right(draw: st.DrawFn, topic: str) -> bytes:
    """Return a record of this topic in which some values were replaced, or taken away."""
    value = json.loads(json.dumps(draw(st.sampled_from(SEEDS[topic]))))
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from([*paths(value)] or [("x",)]))
        where = value
        with suppress(KeyError, IndexError):
            for step in path[:-1]:
                where = where[step]
            if draw(st.booleans()):
                where[path[-1]] = draw(junk)
            else:
                del where[path[-1]]
    return json.dumps(value).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("topic", VOCABULARY)
def test_the_seeds_are_records_that_are_handled(topic: str) -> None:
    handle = handlers()[topic]

    for offset, seed in enumerate(SEEDS[topic]):
        record = decode(json.dumps(seed).encode(), VOCABULARY[topic].record)
        outputs = judge(record, KEY, Source(topic=topic, partition=0, offset=offset), handle)

        assert [each for each in outputs if isinstance(each, Refusal)] == []


@pytest.mark.parametrize("topic", VOCABULARY)
@given(data=st.data())
def test_records_and_refusals_come_of_any_bytes_and_nothing_else(
    topic: str, data: st.DataObject
) -> None:
    handle = handlers()[topic]
    raws = data.draw(st.lists(st.binary() | nearly_right(topic), min_size=1, max_size=6))
    keys = st.sampled_from([KEY, None, "", GRAPH, "a//b", "\ufffd\\xff", "local/default/pod-b"])

    for offset, raw in enumerate(raws):
        source = Source(topic=topic, partition=0, offset=offset)
        with capture_logs() as said:
            outputs = judge(decode(raw, VOCABULARY[topic].record), data.draw(keys), source, handle)

        # A handler that trips was not written for what the codec lets through.
        assert said == []
        for output in outputs:
            assert isinstance(output, Send | Refusal)
            if isinstance(output, Send):
                kind = VOCABULARY[output.topic.partition(".")[0]].record
                assert isinstance(output.value, kind)
                assert decode(encode(output.value), kind) == output.value
