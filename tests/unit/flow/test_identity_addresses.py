"""Who is given which address, from when on, and until when."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from tests.unit.flow.keeping import (
    FIFTH,
    FIRST,
    FOURTH,
    GRACE,
    OURS,
    SECOND,
    THIRD,
    Kept,
    barrier,
    deployment,
    found,
    gone,
    listed,
    marks,
    over,
    pod,
    read,
    refused,
    told,
)

NAMES = "abcdefgh"
WEB = deployment("web")


def of(name: str, rev: int):
    """Return the claim of the only pod of a workload."""
    return pod(f"{name}-1", rev, deployment(name), f"10.0.0.{11 + NAMES.find(name)}")


def ended(kept: Kept, *names: str) -> None:
    """Let the graces of some be over."""
    for name in names:
        kept.tell(gone(of(name, 0), 100 + len(kept.log)))
        kept.wait(1)
    kept.wait(GRACE)
    kept.tell(over())


def test_before_verefoo_was_read_nobody_has_an_address_and_nothing_is_said():
    kept = Kept()

    assert kept.tell(of("a", 0), listed(0), barrier(), of("b", 1)) == []
    assert set(kept.addresses().values()) == {None}
    assert not kept.due()


def test_then_all_have_one_in_the_order_in_which_they_came_and_the_marks_follow():
    kept = Kept(of("b", 0), listed(0), of("a", 1), barrier("later"))

    said = kept.tell(read())

    assert [claim.pod.name for claim in told(said)] == ["deployment.b", "deployment.a"]
    assert kept.addresses() == {"deployment.b": FIRST, "deployment.a": SECOND}
    assert marks(said) == ["l", "later"]
    assert [bool(each.value.mark) for each in said] == [False] * 4 + [True] * 4


def test_from_then_on_marks_go_on_as_they_come():
    kept = Kept(read())

    assert marks(kept.tell(barrier())) == ["b"]
    assert marks(kept.tell(listed(0))) == ["l"]


def test_that_verefoo_is_read_again_changes_nothing():
    kept = Kept(listed(0), read(), of("a", 0))

    assert kept.tell(read()) == []
    assert kept.tell(read(epoch=0)) == []


def test_what_an_older_epoch_read_does_not_count():
    kept = Kept(of("a", 0), ours=OURS._replace(epoch=2))

    assert kept.tell(read(epoch=1)) == []
    assert told(kept.tell(read(epoch=2))) != []


def test_the_first_of_the_range_that_is_not_reserved_is_given_first():
    kept = Kept(read(), *(of(name, rev) for rev, name in enumerate(NAMES[:3])))

    assert list(kept.addresses().values()) == [FIRST, SECOND, THIRD]


def test_an_address_is_given_again_only_after_all_others_and_the_one_freed_first_is_first():
    kept = Kept(read(), of("a", 0), of("b", 1), of("c", 2))
    ended(kept, "b")
    ended(kept, "a")

    kept.tell(*(of(name, 10 + rev) for rev, name in enumerate("defgh")))

    given = kept.addresses()
    assert [given[f"deployment.{name}"] for name in "defg"] == [FOURTH, FIFTH, SECOND, FIRST]
    assert given["deployment.h"] is None


def test_a_restart_forgets_no_order():
    kept = Kept(read(), of("a", 0), of("b", 1), of("c", 2))
    ended(kept, "b")
    ended(kept, "a")
    kept.restart()

    kept.tell(*(of(name, 10 + rev) for rev, name in enumerate("defg")))

    given = kept.addresses()
    assert [given[f"deployment.{name}"] for name in "defg"] == [FOURTH, FIFTH, SECOND, FIRST]


def test_who_finds_no_address_is_refused_once_and_isolated():
    kept = Kept(read(), *(of(name, rev) for rev, name in enumerate(NAMES[:5])))

    said = kept.tell(of("f", 5))
    grown = kept.tell(pod("f-2", 6, deployment("f"), "10.0.0.99"))

    (claim,) = told(said)
    assert (claim.live, claim.pod.address, claim.pod.uid) == (True, None, "identity-1-6")
    assert refused(said) == ["range-exhausted"] == refused(kept.again(6))
    assert refused(grown) == []


def test_what_is_freed_is_given_at_once_to_who_waits_longest():
    kept = Kept(read(), *(of(name, rev) for rev, name in enumerate(NAMES[:7])))
    kept.tell(gone(of("c", 2), 9))
    kept.wait(GRACE)

    said = told(kept.tell(over()))

    assert [(claim.pod.name, claim.live) for claim in said] == [
        ("deployment.c", False),
        ("deployment.f", True),
    ]
    assert kept.addresses()["deployment.f"] == THIRD
    assert kept.addresses()["deployment.g"] is None


def test_who_waits_is_helped_by_a_larger_range():
    kept = Kept(read(), *(of(name, rev) for rev, name in enumerate(NAMES[:6])))
    assert not kept.due()

    kept.ours = OURS._replace(addresses=IPv4Network("198.18.0.0/28"))

    assert kept.due()
    assert [claim.pod.address for claim in told(kept.tell(over()))] == ["198.18.0.7"]
    assert not kept.due()


def test_more_than_there_are_addresses_are_refused_together():
    kept = Kept(*(of(name, rev) for rev, name in enumerate(NAMES)))

    assert refused(kept.tell(read())) == ["range-exhausted"]


def test_a_node_that_is_found_in_verefoo_keeps_its_address_and_its_uid():
    kept = Kept(of("a", 0), found(FOURTH, "local/default/Deployment/a", "identity-1-9"), of("b", 1))

    (a, b) = told(kept.tell(read()))

    assert (a.pod.address, a.pod.uid, a.pod.incarnation) == (FOURTH, "identity-1-9", 1)
    assert b.pod.address == FIRST


def test_a_node_may_be_found_before_its_pods():
    kept = Kept(found(FOURTH, "local/default/Deployment/a", "identity-1-9"), of("a", 0), read())

    a = kept.identity("deployment.a")
    assert (a.address, a.uid, a.identity.aliases) == (FOURTH, "identity-1-9", ("10.0.0.11",))


@pytest.mark.parametrize(
    "node",
    [
        found("198.18.0.1", "local/default/Deployment/a"),
        found("198.18.0.0", "local/default/Deployment/a"),
        found("198.18.0.7", "local/default/Deployment/a"),
        found("10.0.0.1", "local/default/Deployment/a"),
        found("somewhere", "local/default/Deployment/a"),
        found(FOURTH, "local/default/a"),
    ],
    ids=["reserved", "network", "broadcast", "elsewhere", "nowhere", "a-pod"],
)
def test_a_node_that_no_identity_can_have_is_nobodys(node):
    kept = Kept(node, of("a", 0), read())

    assert kept.addresses() == {"deployment.a": FIRST}


def test_of_two_nodes_with_one_name_the_first_counts_and_of_two_names_for_one_as_well():
    kept = Kept(
        found(FOURTH, "local/default/Deployment/a"),
        found(FIFTH, "local/default/Deployment/a"),
        found(FOURTH, "local/default/Deployment/b"),
        read(),
    )

    assert kept.addresses() == {"deployment.a": FOURTH}


def test_what_the_rows_know_wins_over_what_verefoo_says():
    kept = Kept(read(), of("a", 0), of("b", 1))
    ended(kept, "b")
    kept.ours = OURS._replace(epoch=2)
    kept.restart()

    kept.tell(
        found(FIFTH, "local/default/Deployment/a"),
        found(SECOND, "local/default/Deployment/b"),
        found(FOURTH, "local/default/Deployment/c", "identity-1-7"),
        read(epoch=2),
    )

    assert kept.addresses() == {"deployment.a": FIRST, "deployment.c": FOURTH}


def test_what_is_found_after_addresses_are_given_is_late():
    # The node of one that has ended may still be there.
    kept = Kept(read(), found(FOURTH, "local/default/Deployment/a"))

    assert kept.addresses() == {}


def test_a_new_epoch_says_everything_again_after_verefoo_was_read_again():
    kept = Kept(read(), of("a", 0), of("b", 1))
    kept.ours = OURS._replace(epoch=2)
    kept.restart()

    assert kept.tell(of("c", 2), listed(0, epoch=2)) == []
    assert kept.tell(read(epoch=1)) == []
    said = kept.tell(read(epoch=2))

    assert {claim.pod.name: claim.pod.address for claim in told(said)} == {
        "deployment.a": FIRST,
        "deployment.b": SECOND,
        "deployment.c": THIRD,
    }
    assert marks(said) == ["l"]


def test_the_time_of_who_was_found_begins_when_all_clusters_are_listed():
    ours = OURS._replace(clusters=("local", "far"))
    kept = Kept(found(FOURTH, "local/default/Deployment/a"), listed(0), listed(1), ours=ours)
    kept.tell(read(), listed(0, cluster="far"))
    kept.wait(10 * GRACE)
    assert not kept.due()

    kept.tell(listed(1, cluster="far"))
    assert not kept.due()
    kept.wait(GRACE)
    assert kept.due()

    (claim,) = told(kept.tell(over()))
    assert (claim.pod.name, claim.live) == ("deployment.a", False)


def test_parts_of_two_listings_are_no_listing():
    kept = Kept(found(FOURTH, "local/default/Deployment/a"), read(), listed(0, 1), listed(1, 2))
    kept.wait(10 * GRACE)
    assert not kept.due()

    kept.tell(listed(0, 1), listed(0, 2))
    kept.wait(GRACE)
    assert kept.due()


def test_a_listing_that_was_whole_before_verefoo_was_read_is_one():
    kept = Kept(found(FOURTH, "local/default/Deployment/a"), listed(0), listed(1))
    kept.wait(10 * GRACE)
    kept.tell(read())
    assert not kept.due()

    kept.wait(GRACE)
    assert kept.due()


def test_without_grace_who_was_found_still_waits_for_its_pods():
    kept = Kept(
        found(FOURTH, "local/default/Deployment/a"), read(), ours=OURS._replace(grace_seconds=0)
    )
    kept.tell(gone(of("a", 0), 1), over())
    assert kept.addresses() == {"deployment.a": FOURTH}

    kept.tell(pod("a-2", 2, deployment("a"), "10.0.0.12"), listed(0), listed(1), over())
    assert kept.addresses() == {"deployment.a": FOURTH}


def test_a_thousand_jobs_an_hour_get_along_with_few_addresses():
    kept = Kept(read(), ours=OURS._replace(addresses=IPv4Network("198.18.0.0/25")))
    last: dict[str, float] = {}
    for number in range(500):
        job = pod(f"job-{number}-x", 2 * number, deployment(f"job-{number}"), "10.0.0.11")
        kept.tell(job)
        address = kept.identity(f"deployment.job-{number}").address
        assert kept.now - last.get(address, 0.0) >= GRACE
        kept.tell(gone(job, 2 * number + 1))
        last[address] = kept.now
        kept.wait(1.6)
        if kept.due():
            kept.tell(over())
            kept.forget()

    assert len(kept.rows) < 126 + 2 * 60
