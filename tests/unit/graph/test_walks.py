"""However pods come, go and take over addresses, the graph ends as the last of it says."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streams.graph.edits import SetRules
from streams.graph.wanted import Owner
from tests.unit.graph.interpreter import FIREWALL, MemoryGraph, owner, rule, shape

Pods = dict[str, Owner]

ADDRESSES = [f"10.1.0.{last}" for last in range(1, 6)]
PARKED = "10.1.0.99"
moments = st.dictionaries(
    st.sampled_from(ADDRESSES),
    st.builds(owner, st.sampled_from("abc"), st.sampled_from(["u1", "u2"])),
)
walks = st.lists(moments, min_size=1, max_size=8)
ends = st.sampled_from([*ADDRESSES, PARKED, "*", "10.1.0.-1"])
rules = st.lists(st.builds(rule, ends, ends), max_size=6)


def end_of(walk: list[Pods]) -> MemoryGraph:
    graph = MemoryGraph()
    for pods in walk:
        graph.hold(pods)
    return graph


@given(walks)
def test_the_end_does_not_depend_on_the_way(walk: list[Pods]) -> None:
    doubled = [pods for pods in walk for _ in (1, 2)]
    there_and_back = [*walk, *reversed(walk), walk[-1]]
    straight = shape(end_of(walk[-1:]).state)

    for way in (walk, doubled, there_and_back):
        graph = end_of(way)
        assert shape(graph.state) == straight
        assert len(graph.nodes) == len(straight)


@given(walks)
def test_no_step_takes_more_writes_than_its_pods_allow(walk: list[Pods]) -> None:
    graph = MemoryGraph()
    graph.hold({})

    for before, after in pairwise([{}, *walk]):
        gone = [address for address, pod in before.items() if after.get(address) != pod]
        new = [address for address, pod in after.items() if before.get(address) != pod]
        graph.rule(*(rule(address, PARKED) for address in before))

        edits = graph.hold(after)

        assert len(edits) <= 2 * len(new) + 2 * len(gone) + bool(gone)
        assert graph.hold(after) == []


@given(moments, rules, moments)
def test_a_rule_goes_exactly_with_the_pod_it_names(
    before: Pods, given_rules: list[dict[str, str]], after: Pods
) -> None:
    graph = end_of([before])
    graph.rule(*given_rules)
    gone = {address for address, pod in before.items() if after.get(address) != pod}

    edits = graph.hold(after)

    stays = [each for each in given_rules if not {each["source"], each["destination"]} & gone]
    removed = [each for edit in edits if isinstance(edit, SetRules) for each in edit.removed]
    assert [(e["source"], e["destination"]) for e in graph.rules()] == [
        (e["source"], e["destination"]) for e in stays
    ]
    assert removed == [each for each in given_rules if each not in stays]
    assert graph.state.firewall(FIREWALL) is not None
