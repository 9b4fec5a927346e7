"""A replay from any key frame ends where the system ended that took every fact."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.codec import decode, encode
from streams.flow import framing, router
from streams.flow.framing import KeyFrame, complete, frame, graph_rows, pods_rows
from streams.flow.output import KEY_FRAMES
from streams.flow.replaying import Replay
from streams.records.facts import GraphFact
from streams.records.policies import PolicyPatch
from tests.unit.flow.records import (
    COMPILING,
    GRAPH,
    ROUTING,
    Routed,
    allow,
    at,
    change,
    claim,
    opening,
)

NAMES = "abcd"


@st.composite
def histories(draw) -> list[GraphFact]:
    """Return what a graph is told: pods come, go and take each other's addresses, rules as well."""
    dice = random.Random(draw(st.integers(0, 1 << 32)))
    facts: list[GraphFact] = [*opening()]
    revs = iter(range(1_000))
    for rev in range(draw(st.integers(1, 25))):
        one, two = dice.sample(NAMES, 2)
        if dice.random() < 0.5:
            uid, address = f"{one}{dice.randrange(2)}", f"10.0.0.{dice.randrange(11, 15)}"
            facts.append(claim(one, next(revs), dice.random() < 0.7, uid, address))
        else:
            kind = dice.choice(["added", "added", "removed", "elements"])
            facts.append(change(rev, **{kind: (allow(one, two, dice.choice([80, 443])),)}))
        if dice.random() < 0.1:
            facts.append(opening()[0])
    return facts


def replay() -> Replay:
    return Replay(GRAPH, ROUTING, COMPILING)


def told(*facts: GraphFact) -> Replay:
    one = replay()
    for offset, fact in enumerate(facts):
        one.take(fact, at(offset))
    return one


def meant(patches: dict[str, PolicyPatch]) -> dict:
    """Return what the cluster is to hold; a pod that is long gone may be forgotten by a frame."""
    return {key: each.manifest["spec"] for key, each in patches.items() if each.manifest}


def standing(replay: Replay) -> dict:
    return {key: row for key, row in replay.graph.index.rules.items() if not row.dropped}


def travelled(parts: list[KeyFrame]) -> list[KeyFrame]:
    return [decode(encode(each), KeyFrame) for each in parts]  # type: ignore[misc]


@given(histories(), st.data())
def test_a_frame_and_the_facts_after_it_say_what_all_facts_say(facts, data):
    cut = data.draw(st.integers(2, len(facts)), label="cut")
    world = Routed()
    world.tell(*facts[:cut])

    one = replay()
    one.begin(travelled(frame(GRAPH, world.graph.index, cut - 1)))
    for offset in range(cut, len(facts)):
        one.take(facts[offset], at(offset))
    world.tell(*facts[cut:])

    live = {key: row.patch for key, row in world.compiled.items() if row.patch}
    assert meant(one.patches()) == meant(live) == meant(told(*facts).patches())
    assert one.pods() == told(*facts).pods()
    assert standing(one) == standing(told(*facts))


@pytest.mark.row("X26")
@given(histories(), st.data())
def test_what_was_refused_for_opening_too_much_is_refused_by_a_replay_from_any_frame(facts, data):
    limited = ROUTING._replace(blast_limit=1)
    cut = data.draw(st.integers(2, len(facts)), label="cut")
    since = data.draw(st.integers(0, cut), label="since")
    graph = router.Graph(GRAPH, {}, {})
    for offset, fact in enumerate(facts[:cut]):
        router.handle(graph, fact, at(offset), limited)

    one = Replay(GRAPH, limited, COMPILING)
    one.begin(travelled(frame(GRAPH, graph.index, since)))
    for offset in range(since, len(facts)):
        one.take(facts[offset], at(offset))
    for offset, fact in enumerate(facts[cut:], cut):
        router.handle(graph, fact, at(offset), limited)

    there = {key: row for key, row in graph.index.rules.items() if not row.dropped}
    assert standing(one) == there


@given(histories(), st.data())
def test_a_fact_met_again_after_its_frame_changes_nothing(facts, data):
    # A worker that was killed had rows of facts it had not committed.
    cut = data.draw(st.integers(2, len(facts)), label="cut")
    since = data.draw(st.integers(0, cut), label="since")
    world = Routed()
    world.tell(*facts[:cut])

    one = replay()
    one.begin(frame(GRAPH, world.graph.index, since))
    for offset in range(since, len(facts)):
        one.take(facts[offset], at(offset))

    assert meant(one.patches()) == meant(told(*facts).patches())


@given(histories())
def test_a_frame_holds_every_row(facts):
    world = Routed()
    world.tell(*facts)
    index = world.graph.index

    assert {f"{GRAPH}|{key}": row for key, row in pods_rows(index)} == world.pods
    assert {f"{GRAPH}|{key}": row for key, row in graph_rows(index)} == world.rows


def test_a_large_frame_goes_in_parts(monkeypatch):
    monkeypatch.setattr(framing, "MOST_BYTES", 1_000)
    world = Routed()
    world.tell(*opening(), *(claim(name, rev) for rev, name in enumerate("abcdefghij")))
    parts = frame(GRAPH, world.graph.index, 11)

    assert len(parts) > 3
    assert [each.part for each in parts] == [*range(1, len(parts) + 1)]
    assert {each.of for each in parts} == {len(parts)}
    assert sum(len(each.pods) for each in parts) == 10


def test_of_frames_the_newest_that_is_whole_is_taken():
    old = [KeyFrame(graph=GRAPH, at=1, part=1, of=1)]
    half = [KeyFrame(graph=GRAPH, at=9, part=1, of=2)]
    rest = [KeyFrame(graph=GRAPH, at=9, part=2, of=2)]

    assert complete([*old, *half]) == old
    assert complete([*old, *half, *half]) == old
    assert complete([*old, *rest, *half]) == [*half, *rest]
    assert complete(half) == []


def frames_of(world: Routed, fact: GraphFact, now: float) -> list[KeyFrame]:
    world.facts.append(fact)
    source = at(len(world.facts) - 1).model_copy(update={"at": now})
    sent = router.handle(world.graph, fact, source, world.routing)
    return [each.value for each in sent if each.topic == KEY_FRAMES]


def test_a_graph_is_written_down_whole_with_a_listing_now_and_then():
    world = Routed(ROUTING._replace(frame_seconds=100))
    world.tell(*opening())
    listing = opening()[0]

    assert len(frames_of(world, listing, 1_000)) == 1
    assert frames_of(world, listing, 1_010) == []
    assert len(frames_of(world, listing, 1_060)) == 1


def test_a_graph_that_has_not_seen_everything_is_not_written_down():
    world = Routed(ROUTING._replace(frame_seconds=100))

    assert frames_of(world, opening()[0], 1_000) == []


def test_a_listing_met_again_is_written_down_again():
    world = Routed(ROUTING._replace(frame_seconds=100))
    world.tell(*opening())
    first = frames_of(world, opening()[0], 1_000)
    del world.facts[-1]

    again = frames_of(world, opening()[0], 1_000)

    assert [(each.at, each.part) for each in again] == [(each.at, each.part) for each in first]


def test_a_rule_that_is_replayed_says_which_record_caused_it():
    one = told(*opening(), claim("a", 0), claim("b", 1))
    one.news()
    cause = {"topic": "firewall-changes", "partition": 3, "offset": 7, "at": 5.0}
    fact = change(0, added=(allow("a", "b"),))
    one.take(GraphFact.model_validate({**fact.model_dump(), "cause": cause}), at(4))

    news = one.news()

    assert [each.key for each in news] == ["local/default/a", "local/default/b"]
    assert {(each.cause.topic, each.cause.partition, each.cause.offset) for each in news} == {
        ("firewall-changes", 3, 7)
    }


@pytest.mark.parametrize("epochs", [(1, 2), (3, 4)])
def test_a_replay_follows_the_workers_into_another_epoch(epochs):
    def of(fact: GraphFact, epoch: int) -> GraphFact:
        assert fact.mark is not None
        return fact.model_copy(update={"mark": fact.mark.model_copy(update={"epoch": epoch})})

    first, second = epochs
    pods = [claim(name, rev) for rev, name in enumerate(NAMES)]
    facts = [*(of(each, first) for each in opening()), *pods, change(0, added=(allow("a", "b"),))]
    one = told(*facts, *(of(each, second) for each in opening()))

    assert len(meant(one.patches())) == len(NAMES)
