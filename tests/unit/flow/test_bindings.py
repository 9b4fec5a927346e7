"""Whom a rule is meant for is decided once, whatever of two changelogs a crash lets survive."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from streams.flow import router
from streams.flow.graph_rows import End
from streams.records.facts import GraphFact
from streams.records.rules import Rule
from tests.unit.flow.logged import Logged, Puts
from tests.unit.flow.records import GRAPH, ROUTING, allow, at, change, claim

X, Y = "10.0.0.1", "10.0.0.2"
RULE = allow(X, Y)
Bound = dict[str, list[str | None]]


class World:
    """A router, its two tables, and how far each was written before each fact was handled."""

    def __init__(self, pods: Logged, rows: Logged) -> None:
        self.pods, self.rows = pods, rows
        self.graph = router.Graph(GRAPH, pods, rows)
        self.written: list[tuple[int, int]] = []

    def tell(self, facts: list[GraphFact], first: int = 0, forget: Collection[int] = ()) -> None:
        """Handle the facts from the first, and forget before some, down to the first."""
        for offset, fact in enumerate(facts[first:], first):
            self.written.append((len(self.pods.puts), len(self.rows.puts)))
            if offset in forget:
                router.forget(self.graph, first)
            router.handle(self.graph, fact, at(offset), ROUTING)

    def bound(self) -> Bound:
        index = self.graph.index
        standing = (key for key, row in index.rules.items() if not row.dropped)
        return {key: [index.uid(key, end) for end in End] for key in standing}


def lived(steps: list[tuple[str, str, str]]) -> list[GraphFact]:
    """Return a fact for each step: a rule comes or goes, or a pod lives or dies at an address."""
    facts = []
    for n, (kind, name, address) in enumerate(steps):
        if kind in ("live", "die"):
            uid = f"uid-{name}-{n}" if kind == "live" else f"uid-{name}"
            facts.append(claim(name, n, kind == "live", uid, address))
        else:
            rule: Rule = RULE if name == "a" else allow(address, "*")
            facts.append(change(n, **{kind: (rule,)}))
    return facts


STEPS = st.tuples(
    st.sampled_from(["live", "live", "die", "added", "removed"]),
    st.sampled_from("ab"),
    st.sampled_from([X, Y]),
)
# A rule waits for X, which a holds first and b after it.
WAITED_FOR = [("added", "a", X), ("live", "a", X), ("die", "a", X), ("live", "b", X)]


@given(st.lists(STEPS, min_size=1, max_size=12), st.data())
def test_what_is_met_again_binds_as_it_did_before(
    steps: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    facts = lived(steps)
    committed = data.draw(st.integers(0, len(facts) - 1), "committed")
    forget = data.draw(st.sets(st.integers(0, len(facts) - 1)), "forget")
    world = World(Logged(), Logged())
    world.tell(facts[:committed])
    world.tell(facts, committed, forget)

    def cut(puts: Puts, least: int) -> Logged:
        """Keep more on the disk than in the changelog, and in both what was committed."""
        kept = data.draw(st.integers(least, len(puts)), "on disk")
        return Logged(puts[:kept], puts[: data.draw(st.integers(least, kept), "in the changelog")])

    pods, rows = world.written[committed]
    again = World(cut(world.pods.puts, pods), cut(world.rows.puts, rows))
    again.tell(facts, committed, forget)
    # Nothing was committed meanwhile, and another worker knows the changelogs only.
    elsewhere = World(Logged(again.pods.puts), Logged(again.rows.puts))
    elsewhere.tell(facts, committed, forget)

    assert again.bound() == world.bound()
    assert elsewhere.bound() == world.bound()


def test_a_rule_that_waited_keeps_its_first_pod_when_its_own_row_was_lost() -> None:
    facts = lived(WAITED_FOR)
    world = World(Logged(), Logged())
    world.tell(facts)

    again = World(Logged(world.pods.puts), Logged())
    again.tell(facts)

    assert again.bound() == world.bound()
    assert "uid-a-1" in next(iter(again.bound().values()))


def test_a_binding_goes_once_a_rule_that_is_gone_can_no_longer_be_asked_for() -> None:
    facts = [*lived(WAITED_FOR), change(4, removed=(RULE,))]
    world = World(Logged(), Logged())
    world.tell(facts)

    def kept(committed: int) -> int:
        router.forget(world.graph, committed)
        return len(world.graph.index.bindings)

    assert [kept(committed) for committed in (1, 4, 5)] == [1, 1, 0]
    assert not [key for key in world.pods if "bound" in key]


def test_a_binding_stays_for_a_rule_whose_last_saying_was_lost() -> None:
    facts = lived([("live", "a", X), ("added", "a", X), ("removed", "a", X), ("added", "a", X)])
    world = World(Logged(), Logged())
    world.tell([*facts, claim("b", 4, uid="uid-b", address=X)])
    first_saying = world.rows.puts[: world.written[2][1]]

    again = World(Logged(world.pods.puts), Logged(first_saying))
    again.tell(facts, first=2, forget=(2,))

    assert again.bound() == world.bound()
