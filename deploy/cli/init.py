"""vereflow init: make the topics what the pipeline needs, before anybody writes to them."""

from __future__ import annotations

import asyncio

from deploy.cli.answers import console, errors, plain_errors
from deploy.cli.broker import reach_broker
from deploy.installation import initialise
from deploy.provision import Provisioned
from streams.settings import Settings, load


def init() -> None:
    """Create or check every topic, changelogs included, and wait until each has a leader.

    Example: VEREFLOW_KAFKA__BROKER=kafka:9092 vereflow init
    """
    with plain_errors(), errors.status("creating and checking topics"):
        done, epoch = asyncio.run(_init(load()))
    for name in done.created:
        console.print(f"created  {name}", markup=False)
    console.print(f"{len(done.created)} created, {len(done.found)} checked, epoch {epoch}")


async def _init(settings: Settings) -> tuple[Provisioned, int]:
    await reach_broker(settings)
    return await initialise(settings)
