"""A network that stands until somebody kills its process, at most two minutes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.integration.packets.conftest import PODS
from tests.integration.packets.crowd import Crowd


async def stand(folder: Path) -> None:
    async with Crowd(folder, PODS):
        print("standing", flush=True)
        await asyncio.sleep(120)


asyncio.run(stand(Path(sys.argv[1])))
