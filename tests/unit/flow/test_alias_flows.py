"""What policies let flow is what rules allow, whichever alias of an identity or Service they name.

From pods, Services and settings to the policies of one to three clusters: where these say more or
less than the rules, they say so themselves, of those very packets.
"""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.flow.crossing import Link
from streams.records.rules import Action, Rule
from streams.records.views import Errs
from tests.unit.flow.keeping import FIRST, SECOND
from tests.unit.flow.meant_flows import PORTS, WIDE
from tests.unit.flow.records import CLUSTER, allow
from tests.unit.flow.told_story import Story

NAMES = "abc"
CLUSTERS = (CLUSTER, "one", "two")
SERVICES = {"s": "10.96.0.1", "t": "10.96.0.2"}
# Of pods, of load balancers, of elsewhere: anybody may have each of them.
EVERYWHERE = ["10.0.0.1", "10.0.0.2", "203.0.113.1", "203.0.113.2"]
ENDS = [FIRST, SECOND, *EVERYWHERE, *EVERYWHERE, *SERVICES.values(), *WIDE]


rules = st.builds(
    lambda action, ends, port: allow(*ends, port).model_copy(update={"action": action}),
    st.sampled_from([Action.ALLOW, Action.ALLOW, Action.ALLOW, Action.DENY]),
    st.tuples(*[st.sampled_from(ENDS)] * 2),
    st.sampled_from(["80", "80-81", "8080"]),
)
names, addresses = st.sampled_from(NAMES), st.sampled_from(EVERYWHERE)
taken = (
    st.tuples(st.just("pod"), names, st.integers(0, 1), addresses | st.none()),
    st.tuples(st.just("pod"), names, st.integers(0, 1), addresses),
    st.tuples(st.just("elsewhere"), addresses, names | st.none()),
    st.tuples(st.just("service"), st.sampled_from("st"), names, st.sets(addresses, max_size=2)),
    st.tuples(st.just("service"), st.sampled_from("st"), st.none(), st.just(frozenset())),
    st.tuples(st.just("said"), st.lists(rules, min_size=1, max_size=2)),
    st.tuples(st.just("said"), st.lists(rules, min_size=1, max_size=2)),
    st.tuples(st.just("unsaid"), st.integers(0, 3)),
    st.tuples(st.just("restart")),
    st.tuples(st.just("replay"), st.integers(1, 12)),
    st.tuples(st.just("killed"), st.integers(1, 4)),
)
steps = st.one_of(*taken)

# A world in which nearly every step is one for somebody.
BUSY = [
    ("pod", "a", 0, EVERYWHERE[0]),
    ("pod", "b", 0, EVERYWHERE[1]),
    ("pod", "c", 0, "10.0.0.9"),
    ("service", "s", "b", frozenset(EVERYWHERE[2:3])),
    ("elsewhere", EVERYWHERE[3], "c"),
]


@given(st.lists(rules, min_size=3, max_size=6), st.lists(steps, max_size=8))
def test_at_every_step_what_flows_is_what_the_rules_allow(
    rules: list[Rule], taken: list[tuple[Any, ...]]
) -> None:
    story = Story(dict.fromkeys("abcst", CLUSTER), SERVICES)

    for kind, *said in [*BUSY, ("said", rules), *taken]:
        getattr(story, kind)(*said)
        story.meant.bind()
        judge(story)


@st.composite
def links(draw: Any) -> list[Link]:
    """Return how some clusters see some others: by pods' addresses, or by shared ones."""
    found = []
    for pair in itertools.permutations(CLUSTERS, 2):
        gates = [(f"172.16.{CLUSTERS.index(each)}.1/32",) for each in pair]
        if draw(st.integers(0, 3)):
            found.append(
                Link(*pair, *(draw(st.sampled_from([None, None, gate])) for gate in gates))
            )
    return found


@st.composite
def beginnings(draw: Any) -> tuple[dict[str, str], dict[str, str], list[Link]]:
    """Return who is in which of one to three clusters; some may give the same addresses."""
    homes = {each: draw(st.sampled_from(CLUSTERS)) for each in "bcst"} | {"a": CLUSTER}
    own = {"s": "10.96.0.1", "t": "10.96.0.2"}
    if homes["s"] != homes["t"]:
        own["t"] = draw(st.sampled_from(["10.96.0.1", "10.96.0.2", *EVERYWHERE]))
    return homes, own, draw(links())


abroad = st.one_of(*taken, *taken, st.tuples(st.just("linked"), links()))


@settings(max_examples=2 * settings().max_examples)
@given(beginnings(), st.lists(rules, min_size=3, max_size=6), st.lists(abroad, max_size=8))
def test_at_every_step_what_flows_between_clusters_is_what_rules_allow_but_for_what_is_certified(
    began: Any, rules: list[Rule], taken: list[tuple[Any, ...]]
) -> None:
    story = Story(*began)

    for kind, *said in [*BUSY, ("said", rules), *taken]:
        getattr(story, kind)(*said)
        story.meant.bind()
        judge(story)
        assert story.world.untold() == [], kind


def judge(story: Story) -> None:
    allowed, world = story.meant.flows(), story.world
    for source, destination in itertools.permutations(story.places(), 2):
        if source.name == destination.name:
            continue
        flowing = world.passes(source, destination)
        for port in PORTS:
            meant = (source.name, destination.name, port) in allowed
            packet = (source, destination, port)
            if port in flowing and not meant:
                assert all(world.certified(Errs.WIDER, *packet)), packet
            elif meant and port not in flowing:
                assert any(world.certified(Errs.NARROWER, *packet)), packet
