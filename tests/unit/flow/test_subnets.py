"""A cluster that is one node of the graph: a rule about it is one about each of its pods."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.flow.crossing import Link
from streams.records.reasons import InexactReason
from streams.records.rules import Rule
from streams.records.views import Errs
from streams.rules.verdict import Exactness
from tests.unit.flow.records import allow, change
from tests.unit.flow.test_crossing import (
    ADDRESSES,
    GATES,
    HOMES,
    ONE,
    TWO,
    blocks,
    claim,
    halves,
    lets,
    manifests,
    reported,
    two_links,
    world,
)
from tests.unit.rules.brute_force import packets, passes
from tests.unit.rules.worlds import rules

NET = "10.2.-1.-1"
# What a rule says of the cluster it says of an address there that no pod has.
SOMEWHERE = "10.2.9.9"
A = ADDRESSES["a"]
# Both are hidden: one behind its gate, two behind what is the cluster's address.
LINKS = [
    Link(source, destination, (f"{GATES[source]}/32",), (f"{GATES[destination]}/32",))
    for source, destination in ((ONE, TWO), (TWO, ONE))
]
ends = st.sampled_from([A, ADDRESSES["b"], NET, NET])


def node(name: str) -> str:
    """Return at which address the graph has a pod."""
    return ADDRESSES[name] if HOMES[name] == ONE else SOMEWHERE


@given(
    st.lists(rules(ends), max_size=4),
    two_links() | st.just(LINKS),
    st.lists(st.sampled_from("cd"), max_size=3),
)
def test_at_every_step_each_pod_may_what_its_cluster_may(
    said: list[Rule], links: list[Link], steps: list[str]
) -> None:
    routed = world(links, claim("a"), claim("b"), change(0, elements=tuple(said)))
    living = {"a", "b"}
    for rev, name in enumerate(steps, 1):
        living ^= {name}
        routed.tell(claim(name, rev, name in living))
        check(routed, living, links, said)


def check(routed: Any, living: Collection[str], links: list[Link], said: list[Rule]) -> None:
    linked = {(each.source, each.destination) for each in links}
    widened = any(each.src_port != "*" for each in said)
    for source in living:
        for destination in living - {source}:
            pair = (HOMES[source], HOMES[destination])
            reaches = halves(routed, source, destination, links)
            for packet in packets(said):
                through = (node(source), node(destination))
                meant = passes(said, "DENY", False, *through, packet)
                done = all(lets(each, packet) for each in reaches)
                if pair[0] != pair[1] and pair not in linked:
                    assert not done
                else:
                    # Whatever is shared: one of the two halves is its own pod's alone.
                    assert done <= meant or widened, (source, destination, packet)
                    assert done >= meant or unsaid(routed), (source, destination, packet)


def unsaid(routed: Any) -> bool:
    """Tell whether something is reported as left out that no link is the cause of."""
    of_links = (InexactReason.OTHER_CLUSTER, InexactReason.SHARED_ADDRESS)
    patches = (row.patch for row in routed.compiled.values() if row.patch)
    said = (each for patch in patches for each in patch.inexact)
    return any(each.errs is Errs.NARROWER and each.reason not in of_links for each in said)


def to_two(*names: str, **judging: Any) -> Any:
    return world(LINKS, *map(claim, names), change(0, added=(allow(A, NET),)), **judging)


def test_the_block_is_the_clusters_address_and_each_pod_there_has_the_other_half() -> None:
    routed = to_two(*HOMES)

    assert blocks(routed, "a", "to") == [f"{GATES[TWO]}/32"]
    assert blocks(routed, "b", "to") == []
    for name in "cd":
        assert blocks(routed, name, "from") == [f"{GATES[ONE]}/32"]
        assert blocks(routed, name, "to") == []


def test_who_comes_and_goes_there_writes_nothing_here_but_the_first_and_the_last() -> None:
    routed = to_two("a", "b")
    assert blocks(routed, "a", "to") == []
    routed.tell(claim("c"))
    assert blocks(routed, "a", "to") == [f"{GATES[TWO]}/32"]

    before = manifests(routed, ONE)
    routed.tell(claim("d", 1), claim("c", 2, live=False))
    assert manifests(routed, ONE) == before

    routed.tell(claim("d", 3, live=False))
    assert blocks(routed, "a", "to") == []


@pytest.mark.parametrize(
    ("exactness", "errs"), [(Exactness.WIDEN, Errs.WIDER), (Exactness.STRICT, Errs.NARROWER)]
)
def test_that_others_are_behind_the_clusters_address_is_said(
    exactness: Exactness, errs: Errs
) -> None:
    routed = to_two("a", "b", "c", exactness=exactness)

    shared = (InexactReason.SHARED_ADDRESS, errs)
    assert reported(routed, "a") == {("egress two/default/c", *shared)}
    assert reported(routed, "c") == {("ingress one/default/a", *shared)}
    assert bool(blocks(routed, "a", "to")) == (errs is Errs.WIDER)
