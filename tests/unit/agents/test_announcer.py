"""Kubernetes is told what people should look at, once, and that it is over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents import announcer
from agents.announcer import MOST_WAITING, Announcer
from agents.clients.errors import TryLater
from agents.managed_namespaces import ManagedNamespaces
from streams.records.policies import Outcome, PatchOutcome, PolicyPatch
from streams.records.views import Errs, Inexactness

WIDER = Inexactness(rule="r", errs=Errs.WIDER, reason="source-port", example="e")
MANAGED = ManagedNamespaces(["default"])
NARROWER = WIDER.model_copy(update={"errs": Errs.NARROWER})


class Api:
    """Remembers the Events, and may be unable to take them."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.failing = 0

    async def create_event(
        self, kind: str, about: Any, reason: str, message: str, warning: bool
    ) -> None:
        if self.failing:
            self.failing -= 1
            raise TryLater("not now")
        self.events.append((kind, about["metadata"], str(reason), message, warning))

    @property
    def reasons(self) -> list[str]:
        return [reason for _, _, reason, _, _ in self.events]


class Told:
    """An announcer, and what came of what it was told."""

    def __init__(self, of_pods: bool = True) -> None:
        self.api = Api()
        self.announcer = Announcer(self.api, "local", MANAGED, of_pods=of_pods)  # type: ignore[arg-type]

    def tell(
        self, outcome: Outcome, *inexact: Inexactness, name: str = "a", reason: str = ""
    ) -> None:
        patch = PolicyPatch(key=f"local/default/{name}", pod_uid=f"uid-{name}", inexact=inexact)
        self.announcer.tell(patch, PatchOutcome(key=patch.key, outcome=outcome, reason=reason))

    async def say(self) -> list[str]:
        """Let it say what it has to; return the reasons of what was said since it began."""
        running = asyncio.create_task(self.announcer.run())
        while self.announcer.waiting:  # noqa: ASYNC110
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})
        return self.api.reasons


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcer, "SECONDS_EACH", 0)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.REFUSED, "PolicyRefused"),
        (Outcome.FOREIGN, "PolicyForeign"),
        (Outcome.UNPROTECTED, "PodUnprotected"),
    ],
)
async def test_what_does_not_hold_is_said_of_the_pod_and_that_it_is_over(
    outcome: Outcome, reason: str
) -> None:
    told = Told()

    told.tell(outcome, reason="because")
    await told.say()
    told.tell(Outcome.APPLIED)

    assert await told.say() == [reason, "PolicyInForce"]
    kind, meta, _, message, warning = told.api.events[0]
    assert (kind, meta["name"], meta["uid"], warning) == ("Pod", "a", "uid-a", True)
    assert message.endswith(": because")
    assert told.api.events[1][-1] is False


async def test_where_nodes_are_identities_it_is_said_of_the_policy() -> None:
    told = Told(of_pods=False)

    told.tell(Outcome.REFUSED)
    await told.say()

    assert told.api.events[0][:2] == ("NetworkPolicy", {"namespace": "default", "name": "a"})


async def test_what_is_as_it_should_be_is_not_said() -> None:
    told = Told()

    for outcome in (Outcome.APPLIED, Outcome.UNCHANGED, Outcome.SUPERSEDED, Outcome.SHADOWED):
        told.tell(outcome)

    assert await told.say() == []


async def test_what_cannot_be_said_exactly_warns_where_it_opens_more() -> None:
    told = Told()

    told.tell(Outcome.APPLIED, NARROWER, NARROWER)
    await told.say()
    told.tell(Outcome.APPLIED, NARROWER, WIDER)
    await told.say()
    told.tell(Outcome.UNCHANGED, NARROWER, WIDER)
    await told.say()

    assert [(message, warning) for *_, message, warning in told.api.events] == [
        ("not as its rules: source-port narrower (2)", False),
        ("not as its rules: source-port narrower (1), source-port wider (1)", True),
    ]


async def test_of_each_policy_the_newest_is_said() -> None:
    told = Told()

    told.tell(Outcome.REFUSED)
    told.tell(Outcome.FOREIGN, name="b")
    told.tell(Outcome.FOREIGN)

    assert await told.say() == ["PolicyForeign", "PolicyForeign"]


async def test_a_policy_that_goes_is_not_mourned() -> None:
    told = Told()

    told.tell(Outcome.REFUSED)
    await told.say()
    told.tell(Outcome.DELETED)
    told.tell(Outcome.APPLIED)

    assert await told.say() == ["PolicyRefused"]


async def test_a_server_that_takes_no_events_holds_nobody_up() -> None:
    told = Told()
    told.api.failing = 1

    told.tell(Outcome.REFUSED, name="lost")
    told.tell(Outcome.REFUSED)

    assert await told.say() == ["PolicyRefused"]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "x",
        "local/default",
        "local/default/",
        "local/default/a/b",
        "local/others/a",
        "b/default/a",
    ],
)
async def test_of_what_is_no_policy_of_ours_nobody_is_told(key: str) -> None:
    told = Told()

    refused = PatchOutcome(key=key, outcome=Outcome.REFUSED)
    told.announcer.tell(PolicyPatch(key=key, pod_uid="u"), refused)

    assert await told.say() == []


async def test_a_flood_is_bounded() -> None:
    told = Told()

    for number in range(2 * MOST_WAITING):
        told.tell(Outcome.REFUSED, name=f"pod-{number}")

    assert len(await told.say()) == MOST_WAITING
