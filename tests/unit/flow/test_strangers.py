"""Whoever may write to the topic of pods can make some up: so many, and no more."""

from __future__ import annotations

import pytest

from streams.flow import tracker
from streams.flow.output import Outputs, Refusal
from streams.flow.strangers import Strangers
from streams.records.pods import PodEvent
from streams.records.reasons import LetterReason
from tests.unit.flow.records import CLUSTER, TRACKING, at, five, told

MOST = 10


class Partition:
    """A partition's pods as its agent keeps them."""

    def __init__(self, ours: tracker.Tracking = TRACKING) -> None:
        self.ours = ours
        self.rows: dict[str, tracker.PodRow] = {}
        self.strangers = Strangers(self.rows, MOST)
        self.offset = -1

    def tell(self, event: PodEvent, key: str = "") -> Outputs:
        self.offset += 1
        key = key or event.key(CLUSTER)
        refusal = self.strangers.refuse(event, key, self.ours)
        if refusal is not None:
            return [refusal]
        outputs = tracker.handle(self.rows, event, key, at(self.offset), self.ours)
        self.strangers.note(key)
        return outputs

    def living(self) -> set[str]:
        return {row.pod.name for row in self.rows.values() if row.live}


def made_up(number: int, event: str = "ADDED") -> PodEvent:
    return five(event, f"10.1.{number // 250}.{number % 250 + 1}", f"fake-{number}")


def refused(outputs: Outputs) -> bool:
    return [each.reason for each in outputs if isinstance(each, Refusal)] == [
        LetterReason.TOO_MANY_STRANGERS
    ]


@pytest.fixture
def flooded() -> Partition:
    partition = Partition()
    for number in range(MOST):
        assert not refused(partition.tell(made_up(number)))
    return partition


@pytest.mark.row("E44")
def test_a_flood_of_made_up_pods_ends_at_the_limit_and_each_refusal_is_said() -> None:
    partition = Partition()

    ended = [refused(partition.tell(made_up(number))) for number in range(2000)]

    assert ended == [False] * MOST + [True] * (2000 - MOST)
    assert len(partition.living()) == MOST


@pytest.mark.row("E44")
def test_what_a_watcher_sees_is_served_in_the_middle_of_a_flood(flooded: Partition) -> None:
    assert len(flooded.tell(told("ADDED", "u", "10.0.0.9", n=1, name="real"))) == 2
    assert "real" in flooded.living()


def test_those_that_are_known_change_and_end_as_before(flooded: Partition) -> None:
    assert not refused(flooded.tell(five("MODIFIED", "10.2.0.1", "fake-3")))
    assert not refused(flooded.tell(made_up(4, "DELETED")))
    assert "fake-4" not in flooded.living()


def test_whoever_goes_makes_room_for_another(flooded: Partition) -> None:
    flooded.tell(made_up(4, "DELETED"))

    assert not refused(flooded.tell(made_up(100)))
    assert refused(flooded.tell(made_up(101)))


def test_whom_a_watcher_has_seen_is_no_stranger_any_more(flooded: Partition) -> None:
    flooded.tell(told("ADDED", "u", "10.1.0.4", n=1, name="fake-3"))

    assert not refused(flooded.tell(made_up(100)))


def test_a_record_under_a_foreign_key_is_sent_on_and_judged_under_its_own(
    flooded: Partition,
) -> None:
    (sent,) = flooded.tell(made_up(100), "somebody's key")

    assert not isinstance(sent, Refusal)
    assert isinstance(sent.value, PodEvent)
    assert refused(flooded.tell(sent.value, sent.key))


def test_a_worker_that_takes_over_counts_those_that_are_there(flooded: Partition) -> None:
    flooded.strangers = Strangers(flooded.rows, MOST)

    assert refused(flooded.tell(made_up(100)))


@pytest.mark.row("E44")
def test_the_pods_that_are_made_up_in_other_clusters_are_as_many_strangers() -> None:
    ours = TRACKING._replace(clusters=frozenset({CLUSTER, "two"}))
    partition = Partition(ours)
    abroad = [made_up(n).model_copy(update={"cluster": "two"}) for n in range(MOST + 1)]

    assert [refused(partition.tell(each)) for each in abroad] == [False] * MOST + [True]
    assert refused(partition.tell(made_up(0)))
    seen = told("ADDED", "u", "10.1.0.1", n=1, name="fake-0", cluster="two")
    assert not refused(partition.tell(seen))
    assert not refused(partition.tell(made_up(0)))
    assert {key.partition("/")[0] for key in partition.rows} == {CLUSTER, "two"}


def test_where_only_the_other_clusters_watcher_knows_what_is_managed_its_strangers_count() -> None:
    ours = TRACKING._replace(clusters=frozenset({CLUSTER, "two"}))
    partition = Partition(ours)
    for number in range(MOST):
        partition.tell(made_up(number))
    elsewhere = made_up(100).model_copy(update={"namespace": "shop"})

    # Here nobody manages that namespace: it is nobody's, and no stranger.
    assert not refused(partition.tell(elsewhere))
    assert refused(partition.tell(elsewhere.model_copy(update={"cluster": "two"})))
