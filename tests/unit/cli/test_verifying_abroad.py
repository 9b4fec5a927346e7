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


def at(cluster: str) -> Settings:
    return load(cluster={"name": cluster}, graph={"clusters": [ONE, TWO], "links": [LINK]})


def found(
    cluster: str,
    policies: list[dict[str, Any]],
    claims: Iterable[GraphFact] = tuple(map(claim, HOMES)),
    held: Mapping[str, str] = ADDRESSES,
) -> Findings:
    settings = at(cluster)
    routed = world(judging_of(settings).links, *claims, A_TO_C)
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
