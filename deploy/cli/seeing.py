"""See all rows of a running system, and what its cluster stores."""

from __future__ import annotations

import asyncio

from agents.asking.rows import TABLES, Rows
from agents.asking.seen import Picture, Recent, Seen
from deploy.cli.endpoints import Running, ask_all
from deploy.cli.stored import read_stored
from deploy.judging import judging_of
from tables.catalog import IDENTITIES


async def see(running: Running) -> Seen:
    """Return everything but what topics tell; raise if no worker answers, or not the cluster."""
    settings = running.settings
    answers, stored = await asyncio.gather(ask_all(running, TABLES), read_stored(settings.cluster))
    # Where nodes are pods there are no identities.
    apart = answers.apart(TABLES.keys() - {IDENTITIES})
    rows = Rows(answers, settings.cluster.name, apart)
    gaps = (*rows.gaps(), *stored.notes)
    return Seen(rows, judging_of(settings), Picture(stored), Recent({}), Recent({}), gaps)
