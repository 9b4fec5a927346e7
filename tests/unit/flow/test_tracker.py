"""The noisy life of pods, and the few claims that follow from it."""

from __future__ import annotations

import itertools

import pytest

from streams.flow.output import POD_EVENTS, Refusal
from streams.flow.tracker import PodRow, handle
from streams.records.cause import Source
from streams.records.marks import MarkKind
from streams.records.pods import PodEvent
from streams.records.reasons import LetterReason
from tests.unit.flow.records import CLUSTER, TRACKING, Tracked, at, claims, five, listed, told

X, Y = "10.0.0.11", "10.0.0.12"
LIFE = [
    told("ADDED", "u1", None, 1, phase="Pending"),
    told("MODIFIED", "u1", X, 2),
    told("MODIFIED", "u1", None, 3),
    told("MODIFIED", "u1", X, 4, phase="Succeeded"),
    told("DELETED", "u1", X, 5),
    told("ADDED", "u2", X, 6),
    told("DELETED", "u2", X, 7),
    told("ADDED", "u3", Y, 8),
]


def walk(events: list[PodEvent]) -> tuple[Tracked, list]:
    pods = Tracked()
    return pods, [said for event in events for said in claims(pods.tell(event))]


def end(pods: Tracked) -> tuple:
    row = pods.rows["local/default/a"]
    return row.live, row.pod.uid, row.pod.address


def test_a_life_is_told_once_for_each_thing_that_changed():
    _, said = walk(LIFE)

    assert said == [
        ("a", True, "u1", None),
        ("a", True, "u1", X),
        ("a", False, "u1", X),
        ("a", True, "u2", X),
        ("a", False, "u2", X),
        ("a", True, "u3", Y),
    ]


@pytest.mark.row("E30")
def test_every_step_doubled_says_nothing_more():
    doubled = [event for event in LIFE for _ in range(2)]

    assert walk(doubled)[1] == walk(LIFE)[1]
    assert end(walk(doubled)[0]) == end(walk(LIFE)[0])


def test_a_life_walked_backwards_ends_the_same():
    pods, said = walk(LIFE[::-1])

    assert end(pods) == (True, "u3", Y)
    assert said == [("a", True, "u3", Y)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(5, 8))))
def test_the_last_pod_of_a_name_stands_whatever_comes_first(order):
    pods, _ = walk([LIFE[index] for index in order])

    assert end(pods) == (True, "u3", Y)


def test_a_record_met_again_says_what_is_true_now():
    pods, _ = walk(LIFE)

    assert [claims(pods.again(event, offset)) for offset, event in enumerate(LIFE)] == [
        [("a", True, "u3", Y)]
    ] * len(LIFE)


@pytest.mark.fault("F52")
def test_an_address_may_be_missing_for_a_moment():
    pods, _ = walk(LIFE[:3])

    assert end(pods) == (True, "u1", X)


@pytest.mark.row("R14")
def test_a_change_of_a_pod_that_nobody_told_of_is_its_beginning():
    _, said = walk([told("MODIFIED", "u1", X, 1)])

    assert said == [("a", True, "u1", X)]


@pytest.mark.row("E39")
@pytest.mark.parametrize("at", [-1.0, 0.0, 1.0, 4_291_747_200.0, float(2**62)])
def test_no_time_of_a_record_decides_what_a_pod_is(at):
    def claimed(at: float) -> list:
        rows: dict = {}
        source = Source(topic="pod-events", partition=0, offset=0, at=at)
        first, second = told("ADDED", "u1", X, 1), told("MODIFIED", "u1", Y, 2)
        later = Source(topic="pod-events", partition=0, offset=1, at=0.0)
        return [
            each
            for event, where in ((first, source), (second, later))
            for each in claims(handle(rows, event, event.key(CLUSTER), where, TRACKING))
        ]

    assert claimed(at) == [("a", True, "u1", X), ("a", True, "u1", Y)]


def test_a_late_end_of_another_uid_ends_nobody():
    pods, _ = walk([told("ADDED", "u2", X, 6)])

    assert claims(pods.tell(told("DELETED", "u1", X, 9))) == []
    assert end(pods) == (True, "u2", X)


def test_a_uid_that_was_seen_to_end_never_comes_back():
    pods, _ = walk(LIFE[:6])

    assert claims(pods.tell(told("MODIFIED", "u1", X, 99))) == []


def test_a_uid_that_an_older_listing_displaced_comes_back_with_what_happened_since():
    pods, _ = walk(
        [
            told("ADDED", "u2", X, 5, lease=1),
            # The new leader listed before u2 was born, and follows from there.
            told("ADDED", "u1", X, 1, lease=2),
            told("DELETED", "u1", X, 2, lease=2),
            told("ADDED", "u2", X, 3, lease=2),
        ]
    )

    assert end(pods) == (True, "u2", X)


def test_the_incarnation_rises_with_uid_or_address_and_with_nothing_else():
    pods = Tracked()
    seen = []
    for event in (
        told("ADDED", "u1", X, 1),
        told("MODIFIED", "u1", X, 2, labels={"app": "a", "tier": "web"}),
        told("MODIFIED", "u1", Y, 3),
        told("ADDED", "u2", Y, 4),
    ):
        pods.tell(event)
        seen.append(pods.rows["local/default/a"].pod.incarnation)

    assert seen == [0, 0, 2, 3]


@pytest.mark.row("E33")
def test_a_pod_on_its_hosts_network_claims_no_address():
    pods = Tracked()

    said = claims(pods.tell(told("ADDED", "u1", "192.168.1.10", 1, hostNetwork=True)))

    assert said == [("a", True, "u1", None)]


@pytest.mark.row("E38")
def test_a_record_under_a_foreign_key_is_sent_on_before_any_row_is_touched():
    pods = Tracked()

    (sent,) = pods.tell(five("ADDED", X), key="somebody")

    assert (sent.topic, sent.key, sent.value.forwarded) == (POD_EVENTS, "local/default/a", True)
    assert pods.rows == {}


@pytest.mark.row("E38")
def test_a_record_is_sent_on_only_once():
    pods = Tracked()
    (sent,) = pods.tell(five("ADDED", X), key="somebody")

    (refusal,) = pods.tell(sent.value, key="somebody else")

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "bad-key"


def test_a_record_sent_on_twice_counts_once():
    pods = Tracked()
    sent = [pods.tell(five(event, X), key="me")[0].value for event in ("ADDED", "DELETED")]
    for event in sent:
        pods.tell(event)

    # A worker that was frozen delivers what it forwarded long ago.
    late = claims(pods.tell(sent[0]))

    assert late == []
    assert not pods.rows["local/default/a"].live


def test_five_fields_never_overrule_what_a_watcher_sees():
    pods, _ = walk([told("ADDED", "u1", X, 1)])

    assert claims(pods.tell(five("MODIFIED", Y))) == []
    assert claims(pods.tell(five("DELETED", Y))) == []


def test_whom_five_fields_ended_wrongly_a_watcher_brings_back():
    # They meant the pod that had this address before.
    pods, _ = walk([told("ADDED", "u2", X, 1)])
    ended = claims(pods.tell(five("DELETED", X)))

    said = claims(pods.tell(told("ADDED", "u2", X, 2)))

    assert (ended, said) == ([("a", False, "u2", X)], [("a", True, "u2", X)])


def test_a_listing_ends_whom_it_does_not_name():
    pods, _ = walk([told("ADDED", "u1", X, 1)])

    said = claims(pods.tell(PodEvent(mark=listed(5))))

    assert said == [("a", False, "u1", X)]


def test_a_listing_met_again_says_again_whom_it_ended():
    pods, _ = walk([told("ADDED", "u1", X, 1)])
    mark = PodEvent(mark=listed(5))
    first = claims(pods.tell(mark))

    assert claims(pods.again(mark, pods.offset)) == first


def test_whom_a_listing_named_it_does_not_end():
    pods, _ = walk([told("ADDED", "u1", X, 6)])

    assert claims(pods.tell(PodEvent(mark=listed(5)))) == []


def test_whom_a_listing_ended_wrongly_the_next_word_of_the_new_leader_brings_back():
    # The old leader told of a pod that was born after the new one had read its list.
    pods, _ = walk([told("ADDED", "u1", X, 9, lease=1)])
    pods.tell(PodEvent(mark=listed(1, lease=2)))

    said = claims(pods.tell(told("ADDED", "u1", X, 2, lease=2)))

    assert said == [("a", True, "u1", X)]


def test_what_an_old_leader_said_before_a_listing_counts_no_more_when_it_comes_late():
    pods = Tracked()
    pods.tell(PodEvent(mark=listed(1, lease=2)))

    # Dead before the new leader looked: nobody would ever say that it is gone.
    late = claims(pods.tell(told("ADDED", "u1", X, 7, lease=1)))

    assert late == []


def test_a_listing_that_began_says_nothing():
    pods, _ = walk([told("ADDED", "u1", X, 1)])

    assert pods.tell(PodEvent(mark=listed(5, MarkKind.LIST_STARTED))) == []


def test_a_pod_and_a_listing_of_a_cluster_that_is_not_in_the_graph_are_refused():
    ours = TRACKING._replace(clusters=frozenset({CLUSTER, "far"}))
    rows: dict[str, PodRow] = {}
    for cluster, known in (("far", True), ("elsewhere", False)):
        event = told("ADDED", "u", "10.0.0.11", 1).model_copy(update={"cluster": cluster})
        mark = PodEvent(mark=listed(0).model_copy(update={"cluster": cluster}), cluster=cluster)
        for each in (event, mark):
            outputs = handle(rows, each, f"{cluster}/default/a", at(1), ours)
            refused = [one.reason for one in outputs if isinstance(one, Refusal)]
            assert refused == ([] if known else [LetterReason.UNKNOWN_CLUSTER])


def test_what_is_managed_elsewhere_is_known_there():
    ours = TRACKING._replace(clusters=frozenset({CLUSTER, "far"}), never=frozenset({"kube-system"}))
    found = [
        ours.manages(cluster, namespace)
        for cluster in (CLUSTER, "far")
        for namespace in ("default", "shop", "kube-system")
    ]

    assert found == [True, False, False, True, True, False]
