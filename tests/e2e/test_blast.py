"""What opens too much at once waits for somebody to say that it is meant; what closes does not."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.e2e.acting import Actor
from tests.e2e.conftest import Start
from tests.e2e.test_commands import PODS, A, Asking, B, allow

LIMIT = "VEREFLOW_RULES__BLAST_LIMIT"
ALL = allow("*", "*")


@pytest.mark.long
@pytest.mark.row("X26")
@pytest.mark.threat("T1")
async def test_a_rule_for_all_pods_is_refused_reported_and_taken_once_the_limit_is_higher(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT, "2")
    actor = await start()
    asking = Asking(actor)
    await actor.create_pods(PODS)
    await actor.write_rules([allow(A, B)])
    await actor.settled()
    before = await actor.policies()

    await actor.write_rules([allow(A, B), ALL])
    await actor.settled()
    assert await actor.policies() == before
    assert list(await reasons(actor)) == ["blast-limit"]
    assert "blast-limit" in str((await asking.data("status"))["wrong"])

    said: dict[str, Any] = {"graph": "main", "firewall": "10.0.0.1"}
    record = json.dumps(said | {"added": [ALL]}).encode()
    await actor.produce("firewall-changes", [(b"main", record)])
    await actor.settled()
    assert await actor.policies() == before
    assert list(await reasons(actor)) == ["blast-limit"] * 2

    await actor.write_rules([ALL])
    await actor.settled()
    assert (await actor.policies())["pod-a"] != before["pod-a"]

    monkeypatch.setenv(LIMIT, "3")
    await begin_anew(actor)
    await actor.settled()
    assert len({str(each["spec"]["egress"]) for each in (await actor.policies()).values()}) == 3
    assert len(await reasons(actor)) == 2


async def reasons(actor: Actor) -> list[str]:
    return [letter["reason"] for letter in (await actor.dead_letters()).values()]


async def begin_anew(actor: Actor) -> None:
    """Stop the worker, and start it with the settings of now."""
    (worker,) = actor.world.workers.workers
    assert worker.process is not None
    worker.process.send_signal(signal.SIGTERM)
    worker.process.wait(60)
    worker.start()
    await actor.world.workers.until_ready()
