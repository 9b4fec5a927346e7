"""Read the dead letters from the broker.

reads   dead-letters
"""

from __future__ import annotations

from typing import Any

from agents.asking.letters import list_letters
from deploy.cli.broker import read_newest
from deploy.mending import MOST_READ
from streams.flow.output import DEAD_LETTERS
from streams.settings import Settings
from streams.topics import names


async def read_letters(settings: Settings) -> tuple[list[dict[str, Any]], bool]:
    """Return the dead letters, newest last, and whether there are older ones still."""
    records, more = await read_newest(settings, names(settings)[DEAD_LETTERS], MOST_READ)
    return list_letters(records), more
