"""From a stored policy, and from a rule in Verefoo, to the first packet that is judged by it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

from deploy.local.broker import quirks
from deploy.local.packets.lacking import lacking
from deploy.local.packets.namespaces import Namespace
from deploy.local.packets.network import link_of
from deploy.local.packets.probing import Probe, Verdict, probe_all
from tests.benchmarks.figures import Spread
from tests.benchmarks.watching import watched
from tests.e2e.acting import Actor, acting
from tests.integration.packets.crowd import Crowd
from tests.integration.packets.node import Node, running
from tests.unit.local.packets.worlds import pod, policy

CHANGES = 100
PODS = 20
PORTS = (80, 443, 2000)
# A packet that should arrive is sent so often; one that should not is lost when it has no answer
# by then, and so must the next be.
TRY_EVERY = 0.005
LOST_AFTER = 0.05
GIVE_UP_AFTER = 60.0
ENDS = {"pod-a": "10.244.7.1", "pod-b": "10.244.7.2"}
RULE = {
    "action": "ALLOW",
    "source": ENDS["pod-a"],
    "destination": ENDS["pod-b"],
    "protocol": "TCP",
    "srcPort": "*",
    "dstPort": "80",
    "directional": True,
}


async def node_alone() -> None:
    """Print what the node agent costs by itself, or why that cannot be said."""
    if lacks := lacking():
        print(lacks)
        return
    with tempfile.TemporaryDirectory() as folder:
        await many_pods(Path(folder))
        async with running(Path(folder)) as node:
            await stored_policies(node)


async def main(parts: dict[str, Any]) -> None:
    """Run one world of these parts with packets, and print from the rule to the packet."""
    if lacking():
        return
    quirks.install()
    with tempfile.TemporaryDirectory() as folder:
        async with acting(Path(folder), workers=1, packets=True, **parts) as actor:
            await written_rules(actor)


async def many_pods(folder: Path) -> None:
    """Print how long many pods take to start, and a packet of every kind between all of them."""
    ports = tuple((f"p{each}", protocol, each) for each in PORTS for protocol in ("TCP", "UDP"))
    pods = [pod(f"pod-{each}", f"10.244.7.{each}", ports=ports) for each in range(1, PODS + 1)]
    began = time.monotonic()
    async with Crowd(folder / "crowd", pods) as crowd:
        print(f"{PODS} pods{time.monotonic() - began:29.2f} s")
        flows = [*((each, port) for each in ("TCP", "UDP") for port in PORTS), ("ICMP", 0)]
        pairs = permutations((each["metadata"]["name"] for each in pods), 2)
        probes = [crowd.probe(*pair, *flow) for pair in pairs for flow in flows]
        for name, policies in (("open", []), ("closed", [policy()])):
            await crowd.enforce(*policies)
            began = time.monotonic()
            seen = await asyncio.to_thread(probe_all, probes)
            taken = time.monotonic() - began
            arrived = sum(each.verdict is Verdict.OPEN for each in seen)
            print(f"{len(probes)} probes, {name:7s}{taken:18.2f} s, {arrived} arrived")


async def stored_policies(node: Node) -> None:
    """Print how long a policy takes from its storing to the first packet."""
    await node.world.add_pod("a")
    await node.world.add_pod("b")
    ends = await node.runs("a"), await node.runs("b")
    closed, opened = [], []
    closing = policy("closed", podSelector={"matchLabels": {"app": "b"}}, ingress=[])
    del closing["metadata"]["uid"]
    ask = _asking(node.namespace("a"), *ends)
    await _until(ask, True)
    for _ in range(CHANGES):
        await node.world.add_policy(closing)
        closed.append(-time.monotonic() + await _until(ask, False))
        await node.world.delete_policy("closed")
        opened.append(-time.monotonic() + await _until(ask, True))
    _show("policy stored -> dropped", closed)
    _show("policy deleted -> open", opened)


async def written_rules(actor: Actor) -> None:
    """Print how long a rule takes from its PUT to the first packet, and until it is stored."""
    await actor.create_pods(ENDS)
    await actor.settled()
    link = link_of(actor.world.plan.state_dir / "packets", "default", "pod-a")
    ask = _asking(Namespace.at(link), *ENDS.values())
    parts: dict[str, list[float]] = {}
    await _until(ask, False)
    async with watched(actor) as stored:
        for number in range(CHANGES):
            for turn, (name, rules) in enumerate((("opened", [RULE]), ("closed", []))):
                began = time.monotonic()
                await actor.write_rules(rules)
                seen = await _until(ask, bool(rules))
                # Both pods' policies change each time.
                at = await stored.until(2 * (2 * number + turn + 1))
                parts.setdefault(f"PUT -> {name}", []).append(seen - began)
                parts.setdefault("  ours: PUT -> stored", []).append(at - began)
                parts.setdefault("  node agent: the rest", []).append(seen - at)
    for name, seconds in parts.items():
        _show(name, seconds)


def _show(name: str, seconds: list[float]) -> None:
    print(f"{name:26s}{Spread.of(seconds).text}")


def _asking(namespace: Namespace, source: str, destination: str) -> Callable[[float], bool]:
    probe = Probe(namespace, source, destination, "TCP", 80)

    def ask(wait: float) -> bool:
        return probe_all([probe], wait)[0].verdict is Verdict.OPEN

    return ask


async def _until(ask: Callable[[float], bool], arrives: bool) -> float:
    """Return when the first packet was sent that fared as it should from then on."""
    first, deadline = 0.0, time.monotonic() + GIVE_UP_AFTER
    while time.monotonic() < deadline:
        sent = time.monotonic()
        if await asyncio.to_thread(ask, TRY_EVERY if arrives else LOST_AFTER) is not arrives:
            first = 0.0
        elif arrives or first:
            return first or sent
        else:
            first = sent
        await asyncio.sleep(TRY_EVERY)
    raise AssertionError("the packets never fared as they should")
