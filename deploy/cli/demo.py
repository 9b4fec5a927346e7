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
from deploy.cli.parts import Broker, starting
from deploy.demo.distributed import DistributedStory, HubStory
from deploy.demo.packets import Witness
from deploy.demo.show import Narrator
from deploy.demo.stage import Stage
from deploy.demo.star import StarStory
from deploy.demo.story import Story
from deploy.hooks import call_hook
from deploy.local_cluster import APISERVER, EMBEDDED
from deploy.waiting import wait_for_effects
from deploy.world import BROKER_HOOK, Plan, World, WorldError

SETTLED_WITHIN = 30.0
STORIES: dict[str, type[Story]] = {
    "star": StarStory,
    "distributed": DistributedStory,
    "distributed:hub": HubStory,
}


def demo(
    broker: Broker = EMBEDDED,
    kube: Annotated[str, typer.Option(help="embedded; or apiserver, our own.")] = EMBEDDED,
    packets: Annotated[
        bool, typer.Option("--packets", help="Send real packets between real pods as well.")
    ] = False,
    placement: Annotated[
        list[str],
        typer.Option(help="star, distributed or distributed:hub; several play one by one."),
    ] = ["star", "distributed"],  # noqa: B006
) -> None:
    """Play the story and check it: pods appear, a rule is written, a pod goes.

    Example: vereflow demo --placement star
    """
    with plain_errors(), tempfile.TemporaryDirectory(prefix="vereflow-demo-") as folder:
        if kube not in (EMBEDDED, APISERVER):
            raise WorldError("the story makes pods of its own: --kube is embedded or apiserver")
        if unknown := set(placement) - STORIES.keys():
            raise WorldError(f"{min(unknown)[:60]!r} is no placement: {', '.join(STORIES)}")
        narrator = Narrator(console)
        for number, name in enumerate(placement):
            plan = Plan(
                Path(folder) / str(number),
                # With packets the story begins before anybody isolates the pods.
                workers=0 if packets else 1,
                broker=broker,
                kube=kube,
                packets=packets,
                placement=name,
            )
            narrator.part(f"Placement: {name}")
            asyncio.run(_demo(plan, narrator))
    console.print()
    if narrator.broken:
        console.print(f"{len(narrator.broken)} of the claims did not come true:", style="bold red")
        for claim in narrator.broken:
            console.print(f"  {claim}", markup=False)
        raise typer.Exit(NO)
    console.print(f"All {narrator.kept} claims came true.", style="bold green")


async def _demo(plan: Plan, narrator: Narrator) -> None:
    if plan.broker == EMBEDDED:
        call_hook(BROKER_HOOK)
    world = World(plan)
    began = time.monotonic()
    with errors.status(starting(plan)):
        await world.start()
    narrator.say(f"Broker, API server and Verefoo are ready: {time.monotonic() - began:.1f} s.")
    try:
        assert world.kubernetes is not None
        json = {"Accept": "application/json"}
        async with (
            world.kubernetes.client() as kube,
            httpx.AsyncClient(
                base_url=world.settings.verefoo.url, headers=json, trust_env=False
            ) as verefoo,
        ):
            graph = world.endpoints()["verefoo"]["graph"]
            stage = Stage(kube, verefoo, graph)
            witness = Witness(plan.state_dir / "packets", narrator) if plan.packets else None
            isolate = None if plan.workers else lambda: world.start_workers(1)
            story = STORIES[plan.placement]
            await story(stage, narrator, lambda: _settled(world), witness, isolate).play()
    finally:
        await world.stop()


async def _settled(world: World) -> bool:
    return not await wait_for_effects(world.settings, SETTLED_WITHIN)
