"""A worker of two agents with a table each, for the tests to start and to kill.

Run as ``python -m tests.integration.broker.two_hops BOOTSTRAP DATADIR SESSION [quirks] [slowly]``:
slowly, it takes three sessions to open its tables.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import faust

from deploy.local.broker import quirks
from streams.app import KafkaOptions, create_app, rocksdb_options
from streams.faust_codec import FaustKey, faust_type
from streams.records.base import Record
from streams.topicspec import TopicSpec, changelog

APP_ID = "two-hops"
PARTITIONS = 4
TOPICS = [
    TopicSpec("notes", PARTITIONS, 1),
    TopicSpec("copies", PARTITIONS, 1),
    TopicSpec("results", PARTITIONS, 1),
    changelog(APP_ID, "first", PARTITIONS, 1),
    changelog(APP_ID, "second", PARTITIONS, 1),
]


class Note(Record):
    """A number that must not get lost."""

    number: int


def hops(bootstrap: str, datadir: Path, session: float) -> faust.App:
    """Return the app: notes -> [first] -> copies -> [second] -> results."""
    options = KafkaOptions(
        bootstrap,
        APP_ID,
        datadir,
        partitions=PARTITIONS,
        web_port=None,
        session_timeout=session,
        heartbeat=session / 4,
        exit_when_frozen=True,
    )
    app = create_app(options)

    def hop(source: str, table_name: str, target: str) -> None:
        kinds: dict[str, Any] = {"key_type": FaustKey, "value_type": faust_type(Note)}
        outlet = app.topic(target, **kinds)
        table = app.Table(table_name, partitions=PARTITIONS, options=rocksdb_options(), **kinds)

        @app.agent(app.topic(source, **kinds), name=source)
        async def forward(stream: Any) -> None:
            async for key, note in stream.items():
                table[key] = note
                await outlet.send(key=key, value=note)

    hop("notes", "first", "copies")
    hop("copies", "second", "results")
    return app


def open_slowly(app: faust.App, seconds: float) -> None:
    """Take so long whenever partitions are assigned."""
    open_tables = app.tables.on_rebalance

    async def slowly(*moved: Any, **more: Any) -> None:
        await asyncio.sleep(seconds)
        await open_tables(*moved, **more)

    app.tables.on_rebalance = slowly


if __name__ == "__main__":
    if "quirks" in sys.argv:
        quirks.install()
    app = hops(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
    if "slowly" in sys.argv:
        open_slowly(app, 3 * float(sys.argv[3]))
    faust.Worker(app, loglevel="info").execute_from_commandline()
