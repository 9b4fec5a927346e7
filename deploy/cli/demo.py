"""vereflow demo: the story on real processes, checked at every step."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Annotated

import httpx
import typer

from deploy.cli.answers import NO, console, errors, plain_errors
from deploy.demo.expected import FIREWALL
from deploy.demo.packets import Witness
from deploy.demo.show import Narrator
from deploy.demo.stage import Stage
from deploy.demo.story import Story
from deploy.hooks import call_hook
from deploy.waiting import wait_for_effects
from deploy.world import BROKER_HOOK, Plan, World

SETTLED_WITHIN = 30.0


def demo(
    packets: Annotated[
        bool, typer.Option("--packets", help="Send real packets between real pods as well.")
    ] = False,
) -> None:
    """Play the story and check it: pods appear, a rule is written, a pod goes.

    Example: vereflow demo
    """
    with plain_errors(), tempfile.TemporaryDirectory(prefix="vereflow-demo-") as folder:
        call_hook(BROKER_HOOK)
        narrator = Narrator(console)
        asyncio.run(_demo(Path(folder), narrator, packets))
    console.print()
    if narrator.broken:
        console.print(f"{len(narrator.broken)} of the claims did not come true:", style="bold red")
        for claim in narrator.broken:
            console.print(f"  {claim}", markup=False)
        raise typer.Exit(NO)
    console.print(f"All {narrator.kept} claims came true.", style="bold green")


async def _demo(folder: Path, narrator: Narrator, packets: bool) -> None:
    # With packets the story begins before anybody isolates the pods.
    world = World(Plan(folder, workers=0 if packets else 1, packets=packets))
    parts = "broker, API server, Verefoo and " + ("a node" if packets else "a worker")
    began = time.monotonic()
    with errors.status(f"starting {parts}"):
        await world.start()
    narrator.say(f"{parts[0].upper()}{parts[1:]}: {time.monotonic() - began:.1f} s.")
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
            witness = Witness(folder / "packets", narrator) if packets else None
            isolate = (lambda: world.start_workers(1)) if packets else None
            await Story(stage, narrator, lambda: _settled(world), witness, isolate).play()
    finally:
        await world.stop()


async def _settled(world: World) -> bool:
    return not await wait_for_effects(world.settings, SETTLED_WITHIN)
