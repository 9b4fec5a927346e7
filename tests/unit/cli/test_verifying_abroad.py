"""What rules say of pods in another cluster is compared with the address blocks that are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from agents.asking.workers import Answers, Told
from deploy.cli.stored import Stored
from deploy.cli.verifying import Findings, verify_all
from deploy.judging import judging_of
from streams.records.facts import GraphFact
from streams.settings import Settings, load
from tests.unit.cli.test_verifying import stored_pod
from tests.unit.flow.records import allow, change
from tests.unit.flow.test_crossing import (
    A_TO_C,
    ADDRESSES,
    GATES,
    HOMES,
    ONE,
    TWO,
    claim,
    manifests,
    workload,
    world,
)

LINK = {"source": ONE, "destination": TWO, "seen": [f"{GATES[ONE]}/32"]}


NET = "10.2.-1.-1"


def at(cluster: str, **graph: Any) -> Settings:
    told = {"clusters": [ONE, TWO], "links": [LINK], **graph}
    return load(cluster={"name": cluster}, graph=told)


def found(
    cluster: str,
    policies: list[dict[str, Any]],
    claims: Iterable[GraphFact] = tuple(map(claim, HOMES)),
    held: Mapping[str, str] = ADDRESSES,
    rule: GraphFact = A_TO_C,
    **graph: Any,
) -> Findings:
    settings = at(cluster, **graph)
    routed = world(judging_of(settings).links, *claims, rule)
    pods = {
        f"default/{name}": stored_pod(name, held[name])
        for name, home in HOMES.items()
        if home == cluster and name in held
    }
    rows = {"graph-pods": routed.pods, "graph-rules": routed.rows}
    answers = Answers({"http://127.0.0.1:1": Told({}, rows, True)}, {})
    stored = Stored(pods, policies or manifests(routed, cluster), {"default": {}})
    return verify_all(answers, stored, settings)


@pytest.mark.parametrize("cluster", [ONE, TWO])
def test_each_half_is_equal_to_the_rules(cluster: str) -> None:
    told = found(cluster, [])

    assert told.settled, told.differences
    assert {each["reason"] for each in told.inexact} == (
        {"shared-address"} if cluster == TWO else set()
    )


@pytest.mark.parametrize("cluster", [ONE, TWO])
@pytest.mark.parametrize(("subnets", "beyond"), [({TWO: NET}, set()), ({}, {"unknown-addresses"})])
def test_a_rule_about_a_whole_cluster_is_equal_to_its_halves(
    cluster: str, subnets: dict[str, str], beyond: set[str]
) -> None:
    rule = change(0, added=(allow(ADDRESSES["a"], NET),))
    told = found(cluster, [], rule=rule, subnets=subnets)

    assert told.settled, told.differences
    shared = {"shared-address"} if cluster == TWO else set()
    assert {each["reason"] for each in told.inexact} == shared | beyond


@pytest.mark.parametrize(("cluster", "missing"), [(ONE, ADDRESSES["c"]), (TWO, GATES[ONE])])
def test_a_half_that_is_not_stored_is_missed(cluster: str, missing: str) -> None:
    without = world([], *map(claim, HOMES), A_TO_C)

    (difference,) = found(cluster, manifests(without, cluster)).differences

    assert (difference["errs"], difference["ports"]) == ("narrower", "TCP 80")
    assert missing in difference["example"]


@pytest.mark.parametrize("cluster", [ONE, TWO])
def test_a_pod_whose_address_one_of_the_other_cluster_has_too_is_known(cluster: str) -> None:
    both = "10.9.0.1"
    told = found(
        cluster, [], [workload("a", 0, both), workload("c", 0, both)], dict(a=both, c=both)
    )

    assert (told.differences, told.unsettled) == ([], [])
