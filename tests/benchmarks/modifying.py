"""Events of pods that change nothing, at a rate: what a busy cluster says most of the time."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import Any

from tests.benchmarks.ground import Ground, pod_name
from tests.benchmarks.routing import address

# Beyond every number the watcher gives: what it said of these pods is over.
_NUMBERS = itertools.count(1_000_000_000)


async def modify(world: Ground, rate: float, seconds: float) -> int:
    """Tell at this rate that pods are as they were, one after the other; return how often."""
    stamp, began, sent = await _newest_lease(world), time.monotonic(), 0
    uids = {each["metadata"]["name"]: each["metadata"]["uid"] for each in await world.actor.pods()}
    living = list(world.pods)
    while time.monotonic() - began < seconds:
        number = living[sent % len(living)]
        name = pod_name(number)
        stamped = {"uid": uids[name], "stamp": {"lease": stamp, "n": next(_NUMBERS)}}
        await world.tell("pod-events", f"local/default/{name}", _modified(number) | stamped)
        sent += 1
        await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
    return sent


async def _newest_lease(world: Ground) -> int:
    stamps = [
        json.loads(each.value).get("stamp") for each in await world.actor.consume("pod-events")
    ]
    return max(stamp["lease"] for stamp in stamps if stamp)


def _modified(number: int) -> dict[str, Any]:
    name = pod_name(number)
    return {
        "podName": name,
        "podIP": address(number),
        "hostname": "node",
        "event": "MODIFIED",
        "namespace": "default",
        "labels": {"app": name},
    }
