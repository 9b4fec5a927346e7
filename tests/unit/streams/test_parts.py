"""What each part of an installation reads, writes and may, where its parts run apart."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from deploy.cli.facts import NoHistory, open_history
from deploy.kafka_rights import rights
from streams.settings import Settings, load
from streams.topics import names, rows, specs
from tables.catalog import NAMES, tables_of

BOTH = {"clusters": ("one", "two")}


def part(name: str, cluster: str = "one", **graph: object) -> Settings:
    return load(part=name, cluster={"name": cluster}, graph=BOTH | graph)


def test_the_tables_of_the_parts_are_those_of_a_whole_worker() -> None:
    core, cluster = tables_of(part("core")), tables_of(part("cluster"))

    assert set(core).isdisjoint(cluster)
    assert {*core, *cluster} == set(tables_of(part("whole"))) == set(NAMES)


def test_the_parts_of_two_clusters_share_no_group_and_no_changelog() -> None:
    parts = [part("core"), part("cluster"), part("cluster", "two")]
    kept = [rows(each, table).name for each in parts for table in tables_of(each)]

    assert [each.app_id for each in parts] == ["vereflow", "vereflow-at-one", "vereflow-at-two"]
    assert part("whole").app_id == "vereflow"
    assert len(set(kept)) == len(kept)


def test_the_core_speaks_to_every_cluster_and_a_cluster_hears_its_own_patches_only() -> None:
    core, two = names(part("core")), names(part("cluster", "two"))

    assert {"policy-patches.one", "policy-patches.two"} <= core.keys()
    assert {each for each in two if each.startswith("policy-patches")} == {"policy-patches.two"}
    assert {"graph-facts", "firewall-changes", "pod-rules"}.isdisjoint(two)
    assert two.keys() <= core.keys()


@pytest.mark.threat("T3")
def test_a_part_at_a_cluster_has_a_right_for_each_of_its_topics_and_no_other() -> None:
    settings = part("cluster", "two")
    given = rights(settings)
    topics = {each.name: each.operations for each in given if each.resource == "topic"}

    assert {each.pattern for each in given} == {"literal"}
    assert topics.keys() == {each.name for each in specs(settings, tables_of(settings))}
    assert {name for name, may in topics.items() if "Write" in may} == {
        "pod-events",
        "patch-outcomes",
        "dead-letters",
        "vereflow-at-two-wanted-changelog",
    }
    assert {each.name for each in given if each.resource == "group"} == {"vereflow-at-two"}


async def test_who_is_at_a_cluster_is_told_who_knows_the_past() -> None:
    with pytest.raises(NoHistory, match="ask with the settings of the core"):
        async with open_history(part("cluster")):
            pass


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"cluster": {"name": "three"}, "graph": BOTH}, "cluster.name is not in graph.clusters"),
        ({"graph": {"links": [{"source": "a", "destination": "b"}]}}, "not in clusters: a, b"),
        ({"graph": {"links": [{"source": "a", "destination": "a"}]}}, "to another one"),
        (
            {
                "cluster": {"name": "one"},
                "graph": {**BOTH, "links": [{"source": "one", "destination": "two"}] * 2},
            },
            "two links from one cluster to one other",
        ),
        (
            {
                "cluster": {"name": "one"},
                "graph": {
                    **BOTH,
                    "links": [{"source": "one", "destination": "two", "seen": ["10.0.0.1/8"]}],
                },
            },
            "a range is an IPv4 network",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(told: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        load(**told)
