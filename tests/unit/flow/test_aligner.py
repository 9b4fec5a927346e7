"""What the aligner remembers ends the same, however often and late it is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.flow.aligner import (
    FORGET_EVERY,
    KEPT_BARRIERS,
    KEPT_GONE,
    AlignerRow,
    Aligning,
    complete_barriers,
    is_complete,
    left_addresses,
    remember,
    said,
    wanted_owners,
)
from streams.graph.wanted import Owner
from streams.records.cause import Source
from streams.records.facts import ChangeSet, FirewallChange, GraphFact, PodClaim
from streams.records.marks import Mark, MarkKind, Stamp
from streams.records.rules import Action, Protocol, Rule
from streams.records.views import PodRef
from tests.unit.flow.identified import canonical, identity

OURS = Aligning(partitions=2, epoch=1, clusters=("local",))
FIREWALL = "10.0.0.1"


def claim(
    name: str, address: str | None, rev: int, *, live: bool = True, uid: str = "", n: int = 0
) -> GraphFact:
    pod = PodRef(
        cluster="local", namespace="default", name=name, uid=uid or f"{name}-{rev}", address=address
    )
    stamp = Stamp(lease=1, n=n) if n else None
    return GraphFact(graph="main", claim=PodClaim(pod=pod, live=live, rev=rev, since=stamp))


def rule(source: str, port: str = "80") -> Rule:
    return Rule(
        action=Action.ALLOW,
        source=source,
        destination="10.1.0.9",
        protocol=Protocol.TCP,
        dst_port=port,
    )


def polled(**more: Any) -> GraphFact:
    change = FirewallChange(graph="main", firewall=FIREWALL, polled=True, **more)
    return GraphFact(graph="main", change=change)


def complete(partition: int, n: int = 1, epoch: int = 1) -> GraphFact:
    mark = Mark(
        kind=MarkKind.LIST_COMPLETE,
        id=f"list-{n}",
        cluster="local",
        epoch=epoch,
        partition=partition,
        started=Stamp(lease=1, n=n),
    )
    return GraphFact(graph="main", mark=mark)


def barrier(name: str, partition: int) -> GraphFact:
    mark = Mark(kind=MarkKind.BARRIER, id=name, cluster="local", partition=partition)
    return GraphFact(graph="main", mark=mark)


def walk(*facts: GraphFact) -> dict[str, AlignerRow]:
    rows: dict[str, AlignerRow] = {}
    for offset, fact in enumerate(facts):
        tell(rows, fact, offset)
    return rows


def tell(rows: dict[str, AlignerRow], fact: GraphFact, offset: int = 0) -> bool:
    at = Source(topic="graph-edits", partition=0, offset=offset)
    return remember(rows, fact, at, OURS)


def ends(rows: dict[str, AlignerRow]) -> tuple[object, ...]:
    return (
        wanted_owners(rows, "main"),
        said(rows, "main"),
        is_complete(rows, "main", OURS),
        complete_barriers(rows, "main", OURS),
    )


STORY = [
    claim("a", None, 1),
    claim("a", "10.1.0.1", 2, uid="a-1"),
    claim("b", "10.1.0.2", 3),
    polled(added=(rule("10.1.0.1"), rule("10.1.0.2")), holders={"10.1.0.1": "a-1"}),
    complete(0),
    complete(1),
    barrier("w", 0),
    claim("b", "10.1.0.2", 4, live=False),
    polled(removed=(rule("10.1.0.2"),)),
    barrier("w", 1),
]


def test_every_fact_may_come_twice() -> None:
    doubled = [fact for fact in STORY for _ in range(2)]

    assert ends(walk(*doubled)) == ends(walk(*STORY))


@given(st.integers(0, len(STORY)))
def test_a_story_may_begin_again_anywhere(at: int) -> None:
    assert ends(walk(*STORY[:at], *STORY)) == ends(walk(*STORY))


@given(st.permutations([fact for fact in STORY if fact.claim]))
def test_claims_of_one_pod_may_overtake_each_other(facts: list[GraphFact]) -> None:
    assert wanted_owners(walk(*facts), "main") == {"10.1.0.1": Owner("local/default/a", "a-1")}


def test_a_fact_is_news_only_if_it_changes_a_node_or_a_mark() -> None:
    rows = walk(claim("a", "10.1.0.1", 1, uid="a-1"), complete(0))

    assert not tell(rows, claim("a", "10.1.0.1", 2, uid="a-1"))
    assert not tell(rows, claim("a", "10.1.0.7", 0, uid="a-0"))
    assert not tell(rows, complete(0))
    assert not tell(rows, polled(added=(rule("10.1.0.1"),)))
    assert tell(rows, claim("a", "10.1.0.2", 3, uid="a-1"))
    assert tell(rows, complete(1))


def test_of_two_pods_that_claim_one_address_the_later_holds_it() -> None:
    early, late = claim("a", "10.1.0.1", 9, n=1), claim("b", "10.1.0.1", 5, n=2)

    for facts in [(early, late), (late, early)]:
        assert wanted_owners(walk(*facts), "main")["10.1.0.1"].uid == "b-5"


def test_graphs_do_not_see_each_other() -> None:
    rows = walk(*STORY)

    assert ends({f"more|{key}": row for key, row in rows.items()}) == ends({})
    assert wanted_owners(rows, "mai") == {}


def test_rules_are_one_row_each() -> None:
    rows = walk(polled(added=tuple(rule("10.1.0.1", str(port)) for port in range(1, 100))))

    assert sum(row.rule is not None for row in rows.values()) == 99
    assert max(len(row.to_bytes()) for row in rows.values()) < 1000


def test_a_rule_remembers_only_whom_it_names() -> None:
    everybody = {"10.1.0.1": "a-1", "10.1.0.2": "b-1"}

    rows = walk(polled(added=(rule("10.1.0.1"),), holders=everybody))

    assert said(rows, "main")[FIREWALL].rules == {rule("10.1.0.1"): {"10.1.0.1": "a-1"}}


def test_a_default_alone_is_remembered() -> None:
    rows = walk(polled(default_action=Action.ALLOW))

    assert said(rows, "main")[FIREWALL].default is Action.ALLOW
    assert said(rows, "main")[FIREWALL].rules == {}


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (1, 1, 2), (2, 2, 1)])
def test_a_set_counts_when_it_is_whole(order: tuple[int, ...]) -> None:
    parts = {
        1: polled(removed=(rule("10.1.0.1"),), change_set=ChangeSet(id="s", part=1, of=2)),
        2: polled(added=(rule("10.1.0.1"),), change_set=ChangeSet(id="s", part=2, of=2)),
    }

    rows = walk(*(parts[part] for part in order[:-1]))

    assert said(rows, "main") == {}
    tell(rows, parts[order[-1]])
    assert set(said(rows, "main")[FIREWALL].rules) == {rule("10.1.0.1")}
    assert all(row.part is None for row in rows.values())


def test_what_a_gate_says_once_more_does_not_come_back() -> None:
    came, went = polled(added=(rule("10.1.0.1"),)), polled(removed=(rule("10.1.0.1"),))
    came, went = (fact.model_copy(update={"rev": (0, rev)}) for fact, rev in ((came, 5), (went, 6)))

    assert said(walk(came, went, came), "main")[FIREWALL].rules == {}


def test_a_change_met_again_is_put_again() -> None:
    came = polled(added=(rule("10.1.0.1"),)).model_copy(update={"rev": (0, 5)})
    rows = walk(came)
    lost = {key: row for key, row in rows.items() if row.rule is None}

    tell(lost, came, 0)

    assert lost == rows


def test_pods_are_all_known_once_every_partition_has_ended_one_listing() -> None:
    assert not is_complete(walk(complete(0, n=1), complete(1, n=2)), "main", OURS)
    assert is_complete(walk(complete(0, n=1), complete(0, n=2), complete(1, n=2)), "main", OURS)


def test_marks_of_an_older_listing_do_not_count_and_do_no_harm() -> None:
    facts = complete(0, n=2), complete(1, n=1)

    assert not is_complete(walk(*facts), "main", OURS)
    assert is_complete(walk(*facts, complete(1, n=2)), "main", OURS)


def test_pods_that_were_once_all_known_stay_known_through_the_next_listing() -> None:
    assert is_complete(walk(complete(0), complete(1), complete(0, n=2)), "main", OURS)


def test_a_listing_of_an_epoch_before_says_nothing() -> None:
    assert not is_complete(walk(complete(0, epoch=0), complete(1, epoch=0)), "main", OURS)
    next_epoch = OURS._replace(epoch=2)
    assert not is_complete(walk(complete(0), complete(1)), "main", next_epoch)


def test_every_cluster_has_to_be_listed() -> None:
    rows = walk(complete(0), complete(1))

    assert not is_complete(rows, "main", OURS._replace(clusters=("local", "far")))


def test_a_barrier_is_there_when_it_came_through_every_partition() -> None:
    rows = walk(barrier("w", 0), barrier("v", 1), barrier("w", 1))

    assert complete_barriers(rows, "main", OURS) == {"w"}


def test_a_barrier_has_to_come_from_every_cluster_of_the_graph() -> None:
    ours = OURS._replace(clusters=("local", "far"))
    rows: dict[str, AlignerRow] = {}
    places = [("local", 0), ("local", 1), ("elsewhere", 0), ("far", 0), ("far", 0), ("far", 1)]
    complete = []
    for offset, (cluster, partition) in enumerate(places):
        mark = Mark(kind=MarkKind.BARRIER, id="w", cluster=cluster, partition=partition)
        at = Source(topic="graph-edits", partition=0, offset=offset)
        remember(rows, GraphFact(graph="main", mark=mark), at, ours)
        complete.append(complete_barriers(rows, "main", ours))

    assert complete == [set()] * 5 + [{"w"}]


def test_only_the_newest_barriers_are_kept() -> None:
    rows = walk(*(barrier(f"w{n}", p) for n in range(KEPT_BARRIERS + 5) for p in (0, 1)))

    names = complete_barriers(rows, "main", OURS)
    assert names == {f"w{n}" for n in range(5, KEPT_BARRIERS + 5)}


def test_the_pods_that_went_longest_ago_are_forgotten() -> None:
    gone = [claim(f"p{n}", "10.1.0.1", n, live=False) for n in range(KEPT_GONE + FORGET_EVERY)]

    rows = walk(*gone)

    assert KEPT_GONE <= len(rows) < KEPT_GONE + FORGET_EVERY
    assert f"main|local/default/p{KEPT_GONE}" in rows
    assert "main|local/default/p0" not in rows


def test_an_identity_is_called_by_its_kind_and_changes_nothing_as_its_pods_come_and_go() -> None:
    rows: dict[str, AlignerRow] = {}

    assert tell(rows, identity("a", 1, "10.1.0.1"))
    assert not tell(rows, identity("a", 2, "10.1.0.1", "10.1.0.2"))

    owner = Owner("local/default/Deployment/a", "identity-1-a")
    assert wanted_owners(rows, "main") == {canonical("a"): owner}
    assert tell(rows, identity("a", 3, live=False))
    assert left_addresses(rows, "main") == {canonical("a")}
