"""Strimzi's topics are those that `vereflow init` would create, and its user has our rights."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.kafka_rights import rights
from streams.settings import Settings, load
from streams.topics import specs
from tables.catalog import tables_of
from tests.integration.chart.cases import BASE, STRIMZI, over
from tests.integration.chart.rendering import needs_helm, rendered

Json = dict[str, Any]

pytestmark = needs_helm

TOLD: dict[str, Json] = {
    "defaults": {"kafka": {"prefix": "vereflow-"}},
    "a prefix that no object can have": {"kafka": {"prefix": "vereflow-Our_Own."}},
    "all": {
        "kafka": {
            "prefix": "second-",
            "app_id": "second",
            "partitions": 3,
            "replication": 2,
            "retention_hours": 1234567,
            "frame_minutes": 60,
        },
        "cluster": {"name": "north"},
    },
    "nodes that are workloads": {
        "kafka": {"prefix": "vereflow-"},
        "cluster": {"identity": "workload"},
    },
}


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
def test_the_topics_are_those_of_init(told: Json) -> None:
    found = rendered(with_strimzi(told)).of("KafkaTopic")

    topics = {each["spec"]["topicName"]: each["spec"] for each in found}
    settings = settings_of(told)
    wanted = {spec.name: spec for spec in specs(settings, tables_of(settings))}
    assert topics.keys() == wanted.keys()
    for name, spec in wanted.items():
        assert topics[name]["partitions"] == spec.partitions
        assert topics[name]["replicas"] == spec.replication
        assert topics[name]["config"] == spec.configs


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
def test_the_user_may_do_what_a_worker_must(told: Json) -> None:
    user = rendered(with_strimzi(told)).one("KafkaUser")

    patterns = {"prefixed": "prefix", "literal": "literal"}
    assert user["spec"]["authorization"]["acls"] == [
        {
            "resource": {
                "type": right.resource,
                "patternType": patterns[right.pattern],
                "name": right.name,
            },
            "operations": list(right.operations),
        }
        for right in rights(settings_of(told))
    ]


def test_topics_stay_when_the_release_goes() -> None:
    for each in rendered(over(BASE, STRIMZI)).of("KafkaTopic"):
        assert each["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert each["metadata"]["labels"]["strimzi.io/cluster"] == "events"


def test_the_newest_version_that_the_cluster_knows_is_taken() -> None:
    versions = {
        each["apiVersion"]
        for apis in ((), ("kafka.strimzi.io/v1",))
        for each in rendered(over(BASE, STRIMZI), apis=apis).of("KafkaTopic")
    }

    assert versions == {"kafka.strimzi.io/v1beta2", "kafka.strimzi.io/v1"}


def with_strimzi(told: Json) -> Json:
    kafka = {"topics": True, "user": True, "cluster": "events"}
    return over(BASE, {"settings": told, "strimzi": kafka})


def settings_of(told: Json) -> Settings:
    """Return the settings with the chart's own defaults."""
    return load(**over({"kafka": {"replication": 3}}, told))
