"""A change that would open something for too many pods at once is refused, and leaves no trace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.flow import router
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging
from streams.flow.output import GRAPH_EDITS, POD_RULES, Outputs, Refusal, Send
from streams.records.facts import FirewallChange, GraphFact
from streams.records.rules import Action, Rule
from streams.rules.spaces import EVERYWHERE, minus, networks
from tests.unit.flow.logged import Logged
from tests.unit.flow.records import GRAPH, ROUTING, allow, at, change, claim, opening

pytestmark = [pytest.mark.row("X26"), pytest.mark.threat("T1")]

NAMES = "abcdef"
ALL = Rule(action=Action.ALLOW, source="*", destination="*", protocol="ANY")
PLAIN = Judging()
OUTSIDE = Judging(outside=minus(EVERYWHERE, networks(["10.0.0.0/8"])))


class Limited:
    """A router that has six pods and a limit, told one fact after the other."""

    def __init__(self, limit: int | None, *before: GraphFact, judging: Judging = PLAIN) -> None:
        self.routing = ROUTING._replace(judging=judging)
        self.graph = router.Graph(GRAPH, {}, {})
        self.facts: list[GraphFact] = []
        self.tell(*map(claim, NAMES, range(len(NAMES))), *opening(), *before)
        self.routing = self.routing._replace(blast_limit=limit)

    def tell(self, *facts: GraphFact) -> Outputs:
        """Return what follows from the last of these facts."""
        outputs: Outputs = []
        for fact in facts:
            self.facts.append(fact)
            outputs = self.again(len(self.facts) - 1)
        return outputs

    def again(self, offset: int) -> Outputs:
        return router.handle(self.graph, self.facts[offset], at(offset), self.routing)

    def restart(self) -> None:
        self.graph = router.Graph(GRAPH, self.graph.pods, self.graph.rows)

    def standing(self) -> set[Rule]:
        rows = self.graph.index.rules.values()
        return {row.rule for row in rows if not row.dropped}


def refusals(outputs: Outputs) -> list[str]:
    return [each.detail for each in outputs if isinstance(each, Refusal)]


def viewed(outputs: Outputs) -> set[str]:
    sent = [each for each in outputs if isinstance(each, Send) and each.topic == POD_RULES]
    return {each.value.subject.name for each in sent if each.value.subject is not None}


def left_out(outputs: Outputs) -> list[FirewallChange]:
    sent = [each for each in outputs if isinstance(each, Send) and each.topic == GRAPH_EDITS]
    return [each.value.refused for each in sent]


def deny(source: str, destination: str) -> Rule:
    return allow(source, destination).model_copy(update={"action": Action.DENY})


def test_whoever_allows_all_to_all_is_told_how_many_pods_that_would_open() -> None:
    world = Limited(5)

    outputs = world.tell(change(0, elements=(ALL,)))

    assert refusals(outputs) == ["it would open something for 6 pods, and the limit is 5"]
    assert len(outputs) == 1
    assert world.standing() == set()


@pytest.mark.parametrize("limit", [6, None])
def test_what_opens_no_more_than_may_is_taken(limit: int | None) -> None:
    world = Limited(limit)

    outputs = world.tell(change(0, elements=(ALL,)))

    assert viewed(outputs) == set(NAMES)
    assert refusals(outputs) == []


def test_whoever_says_that_he_means_it_may_go_beyond() -> None:
    world = Limited(0)

    outputs = world.tell(change(0, elements=(ALL,), beyondLimit=True))

    assert viewed(outputs) == set(NAMES)


@pytest.mark.parametrize(
    "closing",
    [{"removed": (ALL,)}, {"elements": ()}, {"added": (deny("*", "*"),)}, {"gone": True}],
    ids=lambda said: next(iter(said)),
)
def test_what_only_closes_never_waits(closing: dict[str, Any]) -> None:
    world = Limited(0, change(0, elements=(ALL,)))

    outputs = world.tell(change(1, **closing))

    assert viewed(outputs) == set(NAMES)
    assert refusals(outputs) == []


@pytest.mark.parametrize(
    ("before", "after", "pods"),
    [
        (allow("a", "b", "80"), allow("a", "b", "80-90"), 2),
        (allow("a", "b", "80-90"), allow("a", "b", "80"), 0),
        (allow("a", "b"), allow("a", "c"), 2),
        (ALL, allow("a", "b"), 0),
        (deny("a", "b"), allow("a", "b"), 2),
    ],
    ids=["wider-ports", "narrower-ports", "another-peer", "one-of-all", "instead-of-deny"],
)
def test_pods_count_that_something_new_is_open_for(before: Rule, after: Rule, pods: int) -> None:
    world = Limited(pods, change(0, elements=(before,)))
    assert refusals(world.tell(change(1, elements=(after,)))) == []

    stricter = Limited(pods - 1 if pods else 0, change(0, elements=(before,)))
    assert len(refusals(stricter.tell(change(1, elements=(after,))))) == (pods > 0)


def test_a_deny_that_goes_opens_what_it_closed() -> None:
    world = Limited(1, change(0, elements=(ALL, deny("a", "b"))))

    outputs = world.tell(change(1, removed=(deny("a", "b"),)))

    assert refusals(outputs) == ["it would open something for 2 pods, and the limit is 1"]


def test_a_default_that_allows_opens_everything() -> None:
    world = Limited(5, change(0, elements=()))

    outputs = world.tell(change(1, defaultAction="ALLOW"))

    assert refusals(outputs) == ["it would open something for 6 pods, and the limit is 5"]
    assert world.graph.index.firewalls["10.9.0.1"].default_action is Action.DENY


def test_the_parts_of_a_set_count_together() -> None:
    world = Limited(3)
    sets = [{"id": "s", "part": part, "of": 2} for part in (1, 2)]

    outputs = world.tell(
        change(0, added=(allow("a", "b"),), changeSet=sets[0]),
        change(1, added=(allow("c", "d"),), changeSet=sets[1]),
    )

    assert refusals(outputs) == ["it would open something for 4 pods, and the limit is 3"]
    assert world.standing() == set()


def test_what_is_said_before_the_first_sync_is_how_things_are() -> None:
    graph = router.Graph(GRAPH, {}, {})
    strict = ROUTING._replace(blast_limit=0)
    facts = [*map(claim, NAMES, range(len(NAMES))), change(0, elements=(ALL,)), *opening()]

    outputs = [router.handle(graph, fact, at(n), strict) for n, fact in enumerate(facts)]

    assert not any(map(refusals, outputs))
    assert viewed(outputs[-1]) == set(NAMES)


@pytest.mark.parametrize(
    ("before", "after", "pods"),
    [("*", "8.8.8.8", 0), ("8.8.-1.-1", "8.8.8.-1", 0), ("8.8.8.-1", "8.8.-1.-1", 1)],
)
def test_addresses_outside_count_as_well(before: str, after: str, pods: int) -> None:
    world = Limited(0, change(0, elements=(allow("a", before),)), judging=OUTSIDE)
    inside = [each for each in NAMES if before == "*" and each != "a"]

    outputs = world.tell(change(1, elements=(allow("a", after),)))

    assert bool(refusals(outputs)) is bool(pods)
    assert viewed(outputs) == ({"a", *inside} if not pods else set())


def test_of_a_poll_only_what_opens_is_left_out_and_whoever_polled_is_told() -> None:
    narrow = allow("a", "b")
    world = Limited(1, change(0, elements=(narrow,)))

    outputs = world.tell(
        change(1, added=(ALL, deny("c", "d")), removed=(narrow,), polled=True, holders={})
    )

    assert len(refusals(outputs)) == 1
    assert world.standing() == {deny("c", "d")}
    assert viewed(outputs) == {"a", "b", "c", "d"}
    assert [(each.added, each.removed) for each in left_out(outputs)] == [((ALL,), ())]


def test_a_deny_that_a_poll_no_longer_finds_stays_as_long_as_that_would_open_too_much() -> None:
    rules = (ALL, deny("a", "b"))
    world = Limited(1, change(0, elements=rules))

    outputs = world.tell(change(1, removed=rules[1:], polled=True))

    assert world.standing() == set(rules)
    assert [(each.added, each.removed) for each in left_out(outputs)] == [((), rules[1:])]


def test_what_claims_to_be_polled_and_is_a_whole_list_is_refused_whole() -> None:
    world = Limited(1, change(0, elements=(allow("a", "b"),)))

    outputs = world.tell(change(1, elements=(ALL,), ordered=True, polled=True))

    assert len(outputs) == 1
    assert world.standing() == {allow("a", "b")}


def test_met_again_a_change_is_decided_as_it_was_whatever_came_since() -> None:
    world = Limited(5, change(0, elements=(allow("a", "b"),)))
    refused = world.tell(change(1, elements=(ALL,)))
    at_offset = len(world.facts) - 1
    world.tell(change(2, elements=(ALL,), beyondLimit=True))

    world.restart()

    assert world.again(at_offset) == refused
    assert world.standing() == {ALL}


def test_a_limit_that_is_new_takes_back_nothing_that_was_taken() -> None:
    world = Limited(None)
    world.tell(change(0, elements=(ALL,)))

    world.routing = ROUTING._replace(blast_limit=0)
    world.restart()

    assert viewed(world.again(len(world.facts) - 1)) == set(NAMES)


def test_how_a_change_was_decided_is_forgotten_once_it_is_committed() -> None:
    world = Limited(0)
    world.tell(change(0, elements=(ALL,)))

    router.forget(world.graph, committed=len(world.facts))

    assert world.graph.index.verdicts == {}
    assert not [key for key in (*world.graph.pods, *world.graph.rows) if "verdict" in key]


def known(index: GraphIndex) -> dict[str, Any]:
    """Return what an index says, without what it merely looked up."""
    told = {name: value for name, value in vars(index).items() if name != "_called"}
    return {
        name: {key: each for key, each in value.items() if each}
        if isinstance(value, defaultdict)
        else value
        for name, value in told.items()
    }


ENDS = st.sampled_from(["a", "b", "c", "10.0.0.77", "*"])
RULES = st.lists(st.builds(allow, ENDS, ENDS, st.sampled_from([80, 81])), max_size=3)
SAID = st.one_of(
    st.builds(lambda rules: {"elements": rules}, RULES),
    st.builds(lambda rule: {"added": [rule]}, st.builds(allow, ENDS, ENDS)),
    st.just({"defaultAction": "ALLOW"}),
    st.builds(lambda rules: {"elements": rules, "beyondLimit": True}, RULES),
)


FACTS = st.lists(
    st.one_of(
        st.builds(lambda said: ("change", said), SAID),
        st.builds(lambda name, live: (name, live), st.sampled_from("abc"), st.booleans()),
    ),
    min_size=1,
    max_size=10,
)


def told(steps: Iterable[tuple[str, Any]]) -> list[GraphFact]:
    """Return a fact for each step: a change, or a pod that lives or dies."""
    return [
        change(n, **what) if kind == "change" else claim(kind, n, live=what)
        for n, (kind, what) in enumerate(steps, 2)
    ]


@given(FACTS, st.integers(0, 2), st.data())
def test_whatever_of_two_changelogs_a_crash_lets_survive_decides_nothing_anew(
    steps: list[tuple[str, Any]], limit: int, data: st.DataObject
) -> None:
    facts = [*opening(), *told(steps)]
    ours = ROUTING._replace(blast_limit=limit)
    pods, rows = Logged(), Logged()
    graph = router.Graph(GRAPH, pods, rows)
    written: list[tuple[int, int]] = []
    first: list[list[str]] = []
    for offset, fact in enumerate(facts):
        written.append((len(pods.puts), len(rows.puts)))
        first.append(refusals(router.handle(graph, fact, at(offset), ours)))

    committed = data.draw(st.integers(0, len(facts) - 1), "committed")
    kept = [
        each.puts[: data.draw(st.integers(least, len(each.puts)), "in a changelog")]
        for each, least in zip((pods, rows), written[committed], strict=True)
    ]
    again = router.Graph(GRAPH, Logged(kept[0]), Logged(kept[1]))
    second = [
        refusals(router.handle(again, fact, at(offset), ours))
        for offset, fact in enumerate(facts[committed:], committed)
    ]

    assert second == first[committed:]


@given(st.lists(SAID, min_size=1, max_size=6))
def test_what_was_only_tried_is_nowhere_to_be_found(said: Iterable[dict[str, Any]]) -> None:
    world = Limited(0)

    for number, each in enumerate(said):
        world.tell(change(number, **each))
        assert known(world.graph.index) == known(
            GraphIndex.of(GRAPH, world.graph.pods, world.graph.rows)
        )
