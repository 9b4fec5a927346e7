"""Any past moment can be asked for: what stood in the cluster then, who reached whom, and why."""

from __future__ import annotations

import asyncio
import os
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.acting import Actor
from tests.e2e.conftest import Start
from tests.e2e.test_commands import Asking, allow

Json = dict[str, Any]
# How many quiet moments in how many seconds: 20 in 1,800 is half an hour of it.
MOMENTS = int(os.environ.get("MOMENTS", "5"))
SPREAD = float(os.environ.get("SPREAD", "40"))
NAMES = [f"p{number}" for number in range(6)]
ADDRESSES = [f"10.244.7.{number}" for number in range(1, 9)]


class Quiet(NamedTuple):
    """A moment at which everything said had had its effect, and what was so."""

    at: str
    policies: dict[str, Json]
    reach: list[Json]


async def test_any_past_moment_is_what_was_stored_then_and_says_why(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VEREFLOW_KAFKA__FRAME_MINUTES", "1")
    actor = await start(workers=2)
    asking = Asking(actor)
    moments = await many_moments(actor, asking)

    pasts = [await asking.data("replay", "--until", each.at) for each in moments]
    for moment, past in zip(moments, pasts, strict=True):
        assert policies_in(past) == moment.policies, moment.at
        assert in_order(past["reach"]) == moment.reach, moment.at
    # The later ones did not begin with the first fact of all.
    assert any(past["replay"]["frame"] for past in pasts)
    assert len({past["replay"]["frame"] for past in pasts}) > 1

    await says_what_changed(actor, asking)
    await tries_other_settings(asking, tmp_path)


async def many_moments(actor: Actor, asking: Asking) -> list[Quiet]:
    """Let pods and rules come and go, and remember what was so whenever all was quiet."""
    dice = random.Random(6)
    moments: list[Quiet] = []
    for number in range(MOMENTS):
        began = time.monotonic()
        for _ in range(3):
            await disturb(actor, dice)
        if number == MOMENTS // 2:
            await kill_one(actor)
        await actor.settled()
        reach = (await asking.data("reach"))["reach"]
        moments.append(Quiet(now(), specs(await actor.policies()), in_order(reach)))
        await asyncio.sleep(max(0.2, SPREAD / MOMENTS - (time.monotonic() - began)))
    return moments


async def disturb(actor: Actor, dice: random.Random) -> None:
    """Change something, as people and controllers do; addresses are taken over at once."""
    living = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in await actor.pods()}
    absent = [name for name in NAMES if name not in living]
    if absent and dice.random() < 0.6:
        free = [address for address in ADDRESSES if address not in living.values()]
        await actor.create_pods({dice.choice(absent): dice.choice(free)})
    elif len(living) > 3 and dice.random() < 0.5:
        await actor.delete_pod(dice.choice(sorted(living)))
    ends = [dice.sample(ADDRESSES, 2) for _ in range(dice.randrange(1, 12))]
    rules = [allow(one, two, str(dice.choice([80, 443]))) for one, two in ends]
    await actor.write_rules(
        [rule for number, rule in enumerate(rules) if rule not in rules[:number]]
    )


async def kill_one(actor: Actor) -> None:
    worker = actor.world.workers.workers[0]
    assert worker.process is not None
    worker.process.kill()
    worker.process.wait(60)
    worker.start()
    await actor.world.workers.until_ready()


async def says_what_changed(actor: Actor, asking: Asking) -> None:
    for pod in await actor.pods():
        await actor.delete_pod(pod["metadata"]["name"])
    one, two = ADDRESSES[:2]
    await actor.create_pods({"a": one, "b": two})
    await actor.settled()
    before = now()
    await asyncio.sleep(0.2)
    await actor.write_rules([allow(one, two)])
    await actor.settled()

    told = await asking.data("replay", "--from", before)
    assert sorted(each["policy"] for each in told["changes"]) == ["default/a", "default/b"]
    for change in told["changes"]:
        assert change["cause"]["topic"] == "firewall-changes"
        assert f"+ ALLOW TCP {one}:* -> {two}:80" in change["cause"]["said"]
    assert told["difference"]["flows"] == [
        {"opens": "TCP 80", "closes": "", "count": 1, "pairs": ["default/a -> default/b"]}
    ]
    assert (await asking.data("diff", "--at", before, "--at", "now", status=1)) == (
        told["difference"]
    )
    await asking.ends(0, "diff", "--at", "now", "--at", "now")

    shown = await asking.ends(0, "replay", "--from", before)
    for expected in ("default/a", "changed", f"-> {two}:80"):
        assert expected in shown
    assert "b TCP 80" in await asking.ends(0, "replay")
    assert "kind: NetworkPolicy" in await asking.ends(0, "replay", "a")


async def tries_other_settings(asking: Asking, folder: Path) -> None:
    other = folder / "other.yaml"
    other.write_text("rules:\n  exactness: widen\n")
    assert "write no policies" in await asking.ends(0, "replay", "--against", str(other))

    recorded = folder / "recorded.json"
    recorded.write_text(await asking.ends(0, "replay", "-o", "json"))
    await asking.ends(0, "replay", "--against", str(recorded))

    other.write_text("instance: another\nrules:\n  exactness: perhaps\n")
    assert "exactness" in await asking.ends(2, "replay", "--against", str(other))
    assert "key frame" in await asking.ends(0, "replay", "--until", "now")
    assert "is no moment" in await asking.ends(2, "replay", "--until", "yesterday")


def policies_in(past: Json) -> dict[str, Json]:
    return specs(
        {each["manifest"]["metadata"]["name"]: each["manifest"] for each in past["policies"]}
    )


def specs(policies: dict[str, Json]) -> dict[str, Json]:
    """Return what policies mean, and what of theirs is ours: labels and the pod they are for."""
    return {
        name: {
            "spec": policy["spec"],
            "labels": policy["metadata"]["labels"],
            "uid": policy["metadata"]["annotations"]["vereflow.io/pod-uid"],
        }
        for name, policy in policies.items()
    }


def in_order(reach: list[Json]) -> list[Json]:
    return sorted(reach, key=lambda each: (each["from"], each["to"]))


def now() -> str:
    return datetime.now(UTC).isoformat()
