"""What policies let flow is what rules allow between identities, whatever moves and whoever dies.

Who is meant is said here once more, slowly: a rule's end that names one address means whoever had
it alone when somebody first had it, a DENY everybody it ever could mean.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from streams.flow import compiler, router
from streams.flow.output import Outputs, Send
from streams.records.facts import GraphFact
from streams.records.policies import PodRules
from streams.records.rules import Action, Rule
from tests.reading import connects
from tests.unit.flow.identified import identity, key
from tests.unit.flow.logged import Logged, Puts
from tests.unit.flow.records import COMPILING, GRAPH, ROUTING, allow, at, change, opening
from tests.unit.rules.brute_force import Packet, passes

NAMES = "abcd"
ADDRESSES = [f"198.18.0.{number}" for number in range(1, 4)]
# The last is also where an identity may live: then it is that one's, and nobody's alias.
ALIASES = ["10.0.0.1", "10.0.0.2", "10.0.0.3", ADDRESSES[0]]
WIDE = ["*", "198.18.0.-1", "10.0.0.-1"]
FIREWALLS = ["10.9.0.1", "10.9.0.2"]
PORTS = (79, 80, 81)
Flows = set[tuple[str, str, int]]


class Living(NamedTuple):
    """An identity by its name: where it lives, as which of several of that name."""

    name: str
    uid: str
    address: str
    aliases: tuple[str, ...]
    shared: bool


class Said:
    """The rules that stand, and whom their ends have come to mean."""

    def __init__(self) -> None:
        self.living: dict[str, Living] = {}
        self.rules: dict[tuple[str, Rule], list[Living | None]] = {}

    def live(self, one: Living) -> None:
        self.living[one.name] = one
        self._bind()

    def die(self, name: str) -> None:
        self.living.pop(name, None)
        self._bind()

    def say(self, firewall: str, added: list[Rule], removed: list[Rule], whole: bool) -> None:
        mine = [rule for name, rule in self.rules if name == firewall]
        for each in [rule for rule in mine if rule in removed or (whole and rule not in added)]:
            del self.rules[firewall, each]
        for rule in added:
            self.rules.setdefault((firewall, rule), [None, None])
        self._bind()

    def _bind(self) -> None:
        for (_, rule), ends in self.rules.items():
            for number, name in enumerate((rule.source, rule.destination)):
                ends[number] = ends[number] or self._holder(name)

    def _holder(self, name: str) -> Living | None:
        own = [one for one in self.living.values() if one.address == name]
        seen = own or [one for one in self.living.values() if name in one.aliases]
        return seen[0] if len(seen) == 1 else None

    def flows(self) -> Flows:
        pairs = itertools.permutations(self.living.values(), 2)
        return {
            (one.name, two.name, port)
            for one, two in pairs
            for port in PORTS
            if not (one.shared or two.shared) and self._passes(one, two, port)
        }

    def _passes(self, source: Living, destination: Living, port: int) -> bool:
        packet = Packet("TCP", 1024, port)
        return any(
            passes(
                [
                    rule.model_copy(update={"source": "*", "destination": "*"})
                    for (name, rule), bound in self.rules.items()
                    if name == firewall
                    and self._means(rule, rule.source, bound[0], source)
                    and self._means(rule, rule.destination, bound[1], destination)
                ],
                "DENY",
                False,
                "10.0.0.1",
                "10.0.0.2",
                packet,
            )
            for firewall in FIREWALLS
        )

    def _means(self, rule: Rule, end: str, bound: Living | None, one: Living) -> bool:
        if end in WIDE:
            return end == "*" or end[:7] == one.address[:7]
        if rule.action is Action.ALLOW:
            return bound is not None and bound.uid == one.uid
        first = bound.address if bound is not None else ""
        return one.address in (end, first) or end in one.aliases


rules = st.builds(
    lambda action, ends, port: allow(*ends, port).model_copy(update={"action": action}),
    st.sampled_from([Action.ALLOW, Action.ALLOW, Action.DENY]),
    st.tuples(*[st.sampled_from([*ADDRESSES, *ALIASES, *ALIASES, *WIDE])] * 2),
    st.sampled_from(["80", "80-81"]),
)
aliases = st.sets(st.sampled_from(ALIASES), max_size=3).map(lambda some: tuple(sorted(some)))
steps = st.one_of(
    st.tuples(st.just("live"), st.sampled_from(NAMES), aliases, st.integers(0, 9)),
    st.tuples(st.just("live"), st.sampled_from(NAMES), aliases, st.integers(0, 9)),
    st.tuples(st.just("die"), st.sampled_from(NAMES)),
    st.tuples(st.just("added"), st.sampled_from(FIREWALLS), st.lists(rules, max_size=2)),
    st.tuples(st.just("elements"), st.sampled_from(FIREWALLS), st.lists(rules, max_size=3)),
    st.tuples(st.just("removed"), st.sampled_from(FIREWALLS), st.integers(0, 3)),
)


def lived(said: Said, taken: list[tuple[Any, ...]]) -> Iterator[tuple[GraphFact, Flows]]:
    """Yield a fact for each step, and what should flow after it."""
    for fact in opening():
        yield fact, set()
    for rev, (kind, name, *more) in enumerate(taken, 2):
        if kind == "live":
            fact = _live(said, rev, name, *more)
        elif kind == "die":
            fact = _die(said, rev, name)
        else:
            fact = _say(said, rev, kind, name, *more)
        if fact is not None:
            yield fact, said.flows()


def _live(said: Said, rev: int, name: str, aliases: tuple[str, ...], odds: int) -> GraphFact | None:
    known = said.living.get(name)
    free = [each for each in ADDRESSES if all(each != one.address for one in said.living.values())]
    if known is None and not free:
        return None
    uid, address = (known.uid, known.address) if known else (f"uid-{rev}", free[odds % len(free)])
    one = Living(name, uid, address, aliases, shared=odds == 9)
    said.live(one)
    stranger = "local/default/x" if one.shared else ""
    return identity(name, rev, *aliases, uid=uid, address=address, shared_with=stranger)


def _die(said: Said, rev: int, name: str) -> GraphFact | None:
    one = said.living.get(name)
    said.die(name)
    if one is None:
        return None
    return identity(name, rev, *one.aliases, live=False, uid=one.uid, address=one.address)


def _say(said: Said, rev: int, kind: str, firewall: str, what: Any) -> GraphFact | None:
    if kind == "removed":
        known = [rule for name, rule in said.rules if name == firewall]
        what = known[what : what + 1]
    if not what:
        return None
    given, taken = ([], what) if kind == "removed" else (what, [])
    said.say(firewall, given, taken, whole=kind == "elements")
    return change(rev, firewall=firewall, **{kind: tuple(what)})


class World:
    """A router with its two tables, and the policies that follow from what it says."""

    def __init__(self, pods: Logged, rows: Logged, compiled: dict[str, Any]) -> None:
        self.pods, self.rows, self.compiled = pods, rows, compiled
        self.graph = router.Graph(GRAPH, pods, rows)
        self.written: list[tuple[int, int]] = []
        self._views = itertools.count(max((row.at for row in compiled.values()), default=0) + 1)

    def take(self, fact: GraphFact, offset: int) -> Outputs:
        self.written.append((len(self.pods.puts), len(self.rows.puts)))
        return router.handle(self.graph, fact, at(offset), ROUTING)

    def compile(self, outputs: Outputs) -> None:
        for sent in outputs:
            if isinstance(sent, Send) and isinstance(sent.value, PodRules):
                place = at(next(self._views))
                compiler.handle(self.compiled, sent.value, sent.key, place, COMPILING)

    def flows(self, living: dict[str, Living]) -> Flows:
        """Return which pods of which identities reach each other, as the policies are read."""
        patches = [row.patch for row in self.compiled.values()]
        policies = [patch.manifest for patch in patches if patch and patch.manifest]
        assert {patch.key for patch in patches if patch and patch.manifest} == set(map(key, living))
        pods = [
            {"namespace": "n", "name": name, "labels": {"app": name, "part": "web"}, "ip": "::1"}
            for name in living
        ]
        policies = [{**each, "metadata": {"namespace": "n"}} for each in policies]
        return {
            (one, two, port)
            for one, two in itertools.permutations(living, 2)
            for port in PORTS
            if connects(policies, pods, f"n/{one}", f"n/{two}", "TCP", port)
        }


@given(st.lists(steps, max_size=12), st.booleans())
def test_at_every_step_what_flows_is_what_the_rules_allow(
    taken: list[tuple[Any, ...]], forgetful: bool
) -> None:
    said, world = Said(), World(Logged(), Logged(), {})

    for offset, (fact, expected) in enumerate(lived(said, taken)):
        if forgetful:
            router.forget(world.graph, offset)
        world.compile(world.take(fact, offset))
        assert world.flows(said.living) == expected


@given(st.lists(steps, min_size=1, max_size=12), st.data())
def test_after_a_kill_it_flows_as_if_there_had_been_none(
    taken: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    said = Said()
    facts = [fact for fact, _ in lived(said, taken)]
    committed = data.draw(st.integers(0, len(facts) - 1), "committed")
    killed = data.draw(st.integers(committed, len(facts)), "killed")
    heard = data.draw(st.integers(committed, killed), "heard")
    forget = data.draw(st.sets(st.integers(0, len(facts) - 1)), "forget")
    world = World(Logged(), Logged(), {})
    for offset, fact in enumerate(facts[:killed]):
        outputs = world.take(fact, offset)
        if offset < heard:
            world.compile(outputs)

    def cut(puts: Puts, least: int) -> Logged:
        """Keep more on the disk than in the changelog, and in both what was committed."""
        kept = data.draw(st.integers(least, len(puts)), "on disk")
        return Logged(puts[:kept], puts[: data.draw(st.integers(least, kept), "in the changelog")])

    world.written.append((len(world.pods.puts), len(world.rows.puts)))
    pods, rows = world.written[committed]
    again = World(cut(world.pods.puts, pods), cut(world.rows.puts, rows), world.compiled)
    for offset, fact in enumerate(facts[committed:], committed):
        if offset in forget:
            router.forget(again.graph, committed)
        again.compile(again.take(fact, offset))

    assert again.flows(said.living) == said.flows()
