"""Identities are seen under addresses of elsewhere too: those that the settings name by now."""

from __future__ import annotations

import pytest

from tests.unit.flow.keeping import (
    GRACE,
    OURS,
    Kept,
    deployment,
    found,
    gone,
    over,
    pod,
    read,
    seen_as,
    told,
)

X, Y = "203.0.113.9", "203.0.113.10"
WEB, DB = pod("web-1", 0, deployment("web"), "10.0.0.11"), pod("db-1", 1, deployment("db"))
ON_WEB = seen_as(a203_0_113_9="web")


def aliases(kept: Kept, name: str = "web") -> tuple[str, ...]:
    return kept.identity(f"deployment.{name}").aliases


def test_an_identity_is_seen_under_what_is_named_beside_its_pods_addresses() -> None:
    kept = Kept(read(), WEB)

    (claim,) = told(kept.tell(seen_as(a203_0_113_9="web", a203_0_113_10="web")))

    assert claim.pod.aliases == ("10.0.0.11", Y, X)


def test_an_alias_waits_for_who_is_not_there_yet() -> None:
    kept = Kept(read())
    assert kept.tell(ON_WEB) == []

    (claim,) = told(kept.tell(WEB))

    assert claim.pod.aliases == ("10.0.0.11", X)


def test_it_stays_while_there_are_no_pods_and_is_the_next_ones_of_that_name() -> None:
    kept = Kept(read(), ON_WEB, WEB)

    kept.tell(gone(WEB, 2))
    assert aliases(kept) == (X,)
    kept.wait(GRACE)
    (ended,) = told(kept.tell(over()))
    assert not ended.live

    (claim,) = told(kept.tell(pod("web-2", 3, deployment("web"), "10.0.0.12")))
    assert claim.pod.aliases == ("10.0.0.12", X)


def test_a_map_that_is_said_again_changes_nothing() -> None:
    kept = Kept(read(), WEB, ON_WEB)

    assert kept.tell(ON_WEB) == []


def test_a_changed_map_takes_from_one_and_gives_to_another() -> None:
    kept = Kept(read(), WEB, DB, ON_WEB)

    said = told(kept.tell(seen_as(a203_0_113_9="db")))

    assert {claim.pod.name: X in claim.pod.aliases for claim in said} == {
        "deployment.web": False,
        "deployment.db": True,
    }


def test_an_empty_map_takes_all_and_what_is_forgotten_is_gone() -> None:
    kept = Kept(read(), WEB, ON_WEB)

    (claim,) = told(kept.tell(seen_as()))
    assert claim.pod.aliases == ("10.0.0.11",)
    kept.forget()
    assert kept.state.aliases == {}
    assert not any("alias" in key for key in kept.rows)


def test_an_older_epochs_map_counts_for_nothing() -> None:
    kept = Kept(read(2), WEB, ours=OURS._replace(epoch=2))

    assert kept.tell(seen_as(1, a203_0_113_9="web")) == []
    assert aliases(kept) == ("10.0.0.11",)


def test_before_addresses_are_given_nothing_is_said_and_then_all() -> None:
    kept = Kept(found("198.18.0.3", "local/default/Deployment/db"), WEB)
    assert kept.tell(seen_as(a203_0_113_9="web", a203_0_113_10="db")) == []

    said = told(kept.tell(read()))

    assert {claim.pod.name: claim.pod.aliases for claim in said} == {
        "deployment.web": ("10.0.0.11", X),
        "deployment.db": (Y,),
    }


@pytest.mark.parametrize("lost", [False, True])
def test_met_again_it_is_told_again_whatever_a_kill_left_on_the_disk(lost: bool) -> None:
    kept = Kept(read(), WEB, DB, ON_WEB)
    before = dict(kept.rows)
    first = kept.tell(seen_as(a203_0_113_9="db"))
    if lost:
        kept.rows |= before
    kept.restart()

    again = kept.again(len(kept.log) - 1)

    assert again == first
    assert told(again)
    assert X not in aliases(kept)
    assert X in aliases(kept, "db")


def test_what_was_committed_is_not_heard_again() -> None:
    kept = Kept(read(), WEB, DB, ON_WEB, seen_as(a203_0_113_9="db"))
    kept.forget()

    assert kept.again(3) == []

    assert X not in aliases(kept)
    assert X in aliases(kept, "db")
