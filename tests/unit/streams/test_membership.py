"""A worker may send for as long as an answer of its group proves, counted from the question."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from streams.membership import Membership


class Group:
    """A coordinator whose answers take their time, and a clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.answers = True
        self.takes = 0.0
        self.coordinator = SimpleNamespace(_do_heartbeat=self._answer)
        self.membership = Membership(10.0, clock=lambda: self.now)

    async def _answer(self) -> bool:
        self.now += self.takes
        return self.answers

    async def beat(self) -> None:
        await self.coordinator._do_heartbeat()


@pytest.fixture
def group() -> Group:
    """One that has just taken us in."""
    group = Group()
    group.membership.follow(group.coordinator)
    return group


def test_nobody_is_missed_who_holds_nothing() -> None:
    assert Membership(10.0, clock=lambda: 1e6).unproven() == 0.0


async def test_a_heartbeat_proves_as_much_as_was_so_when_it_was_sent(group: Group) -> None:
    group.now, group.takes = 105.0, 6.0
    await group.beat()

    assert group.membership.unproven() == 0.0
    group.now = 113.5
    assert group.membership.unproven() == pytest.approx(8.5)


async def test_a_heartbeat_that_is_refused_proves_nothing(group: Group) -> None:
    group.now, group.answers = 107.0, False
    await group.beat()
    group.now = 108.5

    assert group.membership.unproven() == pytest.approx(8.5)


async def test_who_let_go_of_everything_need_not_prove_anything(group: Group) -> None:
    group.membership.ended()
    await group.beat()
    group.now = 200.0

    assert group.membership.unproven() == 0.0


async def test_who_joins_again_is_followed_once(group: Group) -> None:
    heartbeat = group.coordinator._do_heartbeat
    group.membership.ended()
    group.now = 150.0
    group.membership.follow(group.coordinator)

    assert group.coordinator._do_heartbeat is heartbeat
    group.now = 157.0
    assert group.membership.unproven() == 0.0
