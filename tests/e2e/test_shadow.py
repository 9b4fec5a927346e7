"""In shadow everything is computed and said, and nothing is written; going live is a setting."""

from __future__ import annotations

import signal

import pytest

from tests.e2e.acting import Actor
from tests.e2e.conftest import Start
from tests.e2e.test_commands import PODS, A, Asking, B, allow

SHADOW = "VEREFLOW_CLUSTER__SHADOW"


async def test_a_namespace_in_shadow_is_written_to_only_when_it_goes_live(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SHADOW, '["*"]')
    monkeypatch.setenv("VEREFLOW_CLUSTER__ISOLATION", "namespace")
    actor = await start()
    asking = Asking(actor)
    await actor.create_pods(PODS)
    await actor.write_rules([allow(A, B)])
    await actor.settled()

    assert await actor.policies() == {}
    told = (await asking.data("policies"))["policies"]
    assert {each["outcome"] for each in told} == {"SHADOWED"}
    assert {each["reason"] for each in told} == {"it would be created"}

    going = await asking.data("diff", status=1)
    assert going["create"] == [*(f"default/{name}" for name in PODS), "default/vereflow-isolation"]
    flows = {(each["opens"], each["closes"]): each["count"] for each in going["flows"]}
    assert sum(flows.values()) == 6
    assert flows["", "everything"] == 5
    shown = await asking.ends(1, "diff")
    assert "it would create 4 policies, open something for 0 pairs, close for 6" in shown

    await go_live(actor, monkeypatch)
    await actor.settled()
    assert (await actor.policies()).keys() == {*PODS, "vereflow-isolation"}
    await asking.ends(0, "diff")
    await asking.ends(0, "verify")


async def go_live(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the worker again without the setting."""
    monkeypatch.delenv(SHADOW)
    (worker,) = actor.world.workers.workers
    assert worker.process is not None
    worker.process.send_signal(signal.SIGTERM)
    worker.process.wait(60)
    worker.start()
    await actor.world.workers.until_ready()
