"""vereflow demo: the story on real processes, checked at every step."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import httpx
import typer

from deploy.cli.answers import NO, console, errors, plain_errors
from deploy.demo.expected import FIREWALL
from deploy.demo.show import Narrator
from deploy.demo.stage import Stage
from deploy.demo.story import Story
from deploy.hooks import call_hook
from deploy.waiting import wait_for_effects
from deploy.world import BROKER_HOOK, Plan, World

SETTLED_WITHIN = 30.0


def demo() -> None:
    """Play the story and check it: pods appear, a rule is written, a pod goes.

    Example: vereflow demo
    """
    with plain_errors(), tempfile.TemporaryDirectory(prefix="vereflow-demo-") as folder:
        call_hook(BROKER_HOOK)
        narrator = Narrator(console)
        asyncio.run(_demo(Path(folder), narrator))
    console.print()
    if narrator.broken:
        console.print(f"{len(narrator.broken)} of the claims did not come true:", style="bold red")
        for claim in narrator.broken:
            console.print(f"  {claim}", markup=False)
        raise typer.Exit(NO)
    console.print(f"All {narrator.kept} claims came true.", style="bold green")


async def _demo(folder: Path, narrator: Narrator) -> None:
    world = World(Plan(folder))
    began = time.monotonic()
    with errors.status("starting broker, API server, Verefoo and a worker"):
        await world.start()
    narrator.say(f"Broker, API server, Verefoo and worker: {time.monotonic() - began:.1f} s.")
    try:
        assert world.kubernetes is not None
        json = {"Accept": "application/json"}
        async with (
            httpx.AsyncClient(base_url=world.kubernetes.url, trust_env=False) as kube,
            httpx.AsyncClient(
                base_url=world.settings.verefoo.url, headers=json, trust_env=False
            ) as verefoo,
        ):
            graph = world.endpoints()["verefoo"]["graph"]
            stage = Stage(kube, verefoo, graph, FIREWALL)
            await Story(stage, narrator, lambda: _settled(world)).play()
    finally:
        await world.stop()


async def _settled(world: World) -> bool:
    return not await wait_for_effects(world.settings, SETTLED_WITHIN)
