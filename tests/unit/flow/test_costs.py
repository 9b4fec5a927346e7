"""What one event costs in records and in work, counted to the last: never more in a larger world.

``d`` are the peers of the pod concerned, ``p`` the pods that a rule is about, ``r`` the rules of a
change, and ``b`` the ends of rules that are bound by it. Of what is looked at, ``c`` policies mean
something else than before; and the cluster answers once for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from streams.flow import compiler, router
from streams.flow.output import (
    FIREWALL_CHANGES,
    GRAPH_EDITS,
    GRAPH_FACTS,
    PATCH_OUTCOMES,
    POD_RULES,
)
from tests.inputs.pipeline import GRAPH, PATCHES, Pipeline
from tests.inputs.rows import RULE, raw

DEGREE, PEERS = 5, 50
# Bytes that a peer may add to a row: it holds his part of the view, and of the policy.
PER_PEER = 400
SMALL, LARGE = (100, 100), (10_000, 10_000)


def address(number: int) -> str:
    return f"10.{100 + number // 60_000}.{number // 250 % 240}.{number % 250 + 1}"


def name(number: int) -> str:
    return f"pod-{number:05d}"


def rule(source: int, destination: int, port: int = 80) -> dict[str, Any]:
    ends = {"source": address(source), "destination": address(destination)}
    return RULE | ends | {"dstPort": str(port)}


class World(Pipeline):
    """A pod, number 0, that is still to come, those that rules about it name, and a crowd."""

    def __init__(self, pods: int = 20, rules: int = 20, degree: int = DEGREE) -> None:
        # However many there are, numbers have as many digits.
        super().__init__(first=10_000_000)
        self.peers = range(1, degree + 1)
        self.begin()
        for number in self.peers:
            self.comes(number)
        self.say(added=[rule(0, each) for each in self.peers])
        crowd = range(degree + 1, degree + 1 + pods)
        ends = [(each, crowd[(7 * each + 1) % pods]) for each in crowd]
        self.crowd(
            [(name(each), address(each)) for each in crowd],
            [rule(*ends[each % pods], port=1 + each // pods) for each in range(rules)],
        )

    def comes(self, number: int) -> None:
        self.pod(name(number), address(number), f"uid-{number}")

    def goes(self, number: int) -> None:
        self.pod(name(number), address(number), f"uid-{number}", event="DELETED")

    def say(self, **said: Any) -> None:
        self.feed(FIREWALL_CHANGES, raw({"firewall": "10.0.0.1", **said}), GRAPH)


class Cost(NamedTuple):
    """Records on topics, without the one that came in, and on changelogs, by their names."""

    topics: dict[str, int]
    changelogs: dict[str, int]


def cost(world: World, act: Callable[[], None]) -> Cost:
    sent, told = Counter(world.sent), {each: rows.told for each, rows in world.tables.items()}
    act()
    changed = Counter({each: rows.told - told[each] for each, rows in world.tables.items()})
    return Cost(dict(world.sent - sent), dict(+changed))


def of_a_pod(d: int, c: int, b: int) -> Cost:
    topics = {GRAPH_FACTS: 1, GRAPH_EDITS: 1, POD_RULES: 1 + d, PATCHES: c, PATCH_OUTCOMES: c}
    kept = {"pods": 1, "graphs": 1, "graph-pods": 1 + b}
    return Cost(topics, kept | {"pod-rules": 1 + d, "wanted": c, "policies": c})


def of_a_rule(p: int, r: int, b: int, polled: bool) -> Cost:
    topics = {GRAPH_FACTS: 1, POD_RULES: p, PATCHES: p, PATCH_OUTCOMES: p}
    kept = {"graph-pods": b, "graph-rules": 1 + r, "pod-rules": p, "wanted": p, "policies": p}
    if polled:
        topics, kept = topics | {GRAPH_EDITS: 1}, kept | {"graphs": 2 + r}
    return Cost(topics, {each: count for each, count in kept.items() if count})


@pytest.mark.count("C3")
@pytest.mark.parametrize("degree", [0, 1, 5])
def test_a_pod_costs_two_facts_and_three_records_for_itself_and_each_peer(degree: int) -> None:
    """Topics: 2 + (1 + d) + 2c. Changelogs: 3 + b + (1 + d) + 2c. Here c = 1 + d, b = d."""
    world = World(degree=degree)

    came = cost(world, lambda: world.comes(0))
    went = cost(world, lambda: world.goes(0))

    assert came == of_a_pod(d=degree, c=1 + degree, b=degree)
    assert went == of_a_pod(d=degree, c=1 + degree, b=0)
    assert sum(came.topics.values()) == 2 + 3 * (1 + degree)
    assert sum(came.changelogs.values()) == 3 + degree + 3 * (1 + degree)


@pytest.mark.count("C3")
@pytest.mark.parametrize("polled", [False, True], ids=["by topic", "from Verefoo"])
def test_a_rule_costs_one_fact_and_three_records_for_each_of_its_pods(polled: bool) -> None:
    """Topics: 1 + 3p, one more if polled. Changelogs: 1 + r + b + 3p, 2 + r more if polled."""
    world = World()
    world.comes(0)
    added = [rule(0, 1, port=443), rule(2, 1, port=443)]

    given = cost(world, lambda: world.say(added=added, polled=polled))
    taken = cost(world, lambda: world.say(removed=added, polled=polled))

    assert given == of_a_rule(p=3, r=2, b=4, polled=polled)
    assert taken == of_a_rule(p=3, r=2, b=0, polled=polled)
    assert sum(given.topics.values()) == 1 + polled + 3 * 3


@pytest.mark.count("C3")
def test_what_changes_nothing_is_looked_at_and_said_to_nobody() -> None:
    """A pod seen again costs its row, which keeps when it was seen; a rule said again by topic the
    fact, which the gate cannot know, and the row that tells it from an older one."""
    world = World()
    world.comes(0)

    assert cost(world, lambda: world.comes(0)) == Cost({}, {"pods": 1})
    again = cost(world, lambda: world.say(added=[rule(0, 1)]))
    assert again == Cost({GRAPH_FACTS: 1}, {"graph-rules": 1})


@pytest.mark.count("C6")
@pytest.mark.parametrize(("pods", "rules"), [SMALL, LARGE])
def test_an_event_computes_the_policies_of_its_pod_and_its_peers_in_any_world(
    counted: Counter[str], pods: int, rules: int
) -> None:
    world = World(pods, rules)
    counted.clear()

    world.comes(0)
    assert counted == {"resolved": 1 + DEGREE, "compiled": 1 + DEGREE}
    counted.clear()

    world.say(added=[rule(0, 1, port=443)])
    assert counted == {"resolved": 2, "compiled": 2}
    counted.clear()

    world.goes(0)
    # Of a pod that is gone nothing is to be computed.
    assert counted == {"resolved": DEGREE, "compiled": DEGREE}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a view is resolved and a policy compiled."""
    counts: Counter[str] = Counter()
    resolve, compile_policy = router.resolve, compiler.compile_policy

    def resolved(*told: Any) -> Any:
        counts["resolved"] += 1
        return resolve(*told)

    def compiled(*told: Any) -> Any:
        counts["compiled"] += 1
        return compile_policy(*told)

    monkeypatch.setattr(router, "resolve", resolved)
    monkeypatch.setattr(compiler, "compile_policy", compiled)
    return counts


@pytest.mark.count("C8")
def test_no_row_and_no_record_is_longer_in_a_larger_world() -> None:
    small, large = (lengths(*size) for size in (SMALL, LARGE))

    assert small == large
    assert max(small.values()) <= PEERS * PER_PEER


def lengths(pods: int, rules: int) -> dict[str, int]:
    """Return the longest value of each topic and changelog that one pod with many peers causes."""
    world = World(pods, rules, degree=PEERS)
    world.longest.clear()
    for rows in world.tables.values():
        rows.longest = 0
    world.comes(0)
    world.say(added=[rule(0, 1, port=443)], polled=True)
    world.say(removed=[rule(0, 1, port=443)], polled=True)
    world.goes(0)
    kept = {f"{each}-changelog": rows.longest for each, rows in world.tables.items()}
    return dict(world.longest) | kept
