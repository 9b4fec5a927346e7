"""A topic's wishes are written as Kafka's settings."""

from __future__ import annotations

import pytest

from streams.topicspec import TopicSpec, changelog


def test_a_changelog_is_compacted_and_has_the_name_that_faust_looks_for() -> None:
    spec = changelog("app", "pods", 8, 3)

    assert spec == TopicSpec("app-pods-changelog", 8, 3, compacted=True)
    assert spec.configs == {
        "cleanup.policy": "compact",
        "compression.type": "uncompressed",
        "min.insync.replicas": "2",
    }


@pytest.mark.parametrize(("replication", "least"), [(1, None), (2, None), (3, "2"), (5, "4")])
def test_where_there_are_three_replicas_one_broker_may_be_away_and_none_is_alone(
    replication: int, least: str | None
) -> None:
    assert TopicSpec("t", 1, replication).configs.get("min.insync.replicas") == least


def test_a_retention_is_given_in_milliseconds_and_the_time_is_the_brokers() -> None:
    assert TopicSpec("t", 1, 1, retention_ms=5).configs == {
        "cleanup.policy": "delete",
        "compression.type": "uncompressed",
        "retention.ms": "5",
        "message.timestamp.type": "LogAppendTime",
    }


def test_a_compacted_topic_is_never_deleted_by_time() -> None:
    with pytest.raises(ValueError, match="has no retention"):
        TopicSpec("t", 1, 1, compacted=True, retention_ms=5)
