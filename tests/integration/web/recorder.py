"""A worker of one agent and every table, with its web views, for the tests to start.

Run as ``python -m tests.integration.web.recorder BOOTSTRAP DATADIR SOCKET NAME``; what the
environment says of ``web`` holds.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import faust

from agents.metrics import Metrics
from agents.web import server
from agents.web.health import Health
from deploy import logs
from deploy.cli.worker import run
from deploy.local.broker import quirks
from deploy.web_access import access_of
from streams.app import KafkaOptions, create_app
from streams.faust_codec import FaustKey, faust_type
from streams.records.policies import PatchOutcome
from streams.settings import load
from streams.topicspec import TopicSpec, changelog
from tables import catalog, faust_tables

APP_ID = "recorder"
PARTITIONS = 4
# The embedded broker lets a lone member wait for half of this before it may begin.
SESSION_TIMEOUT = 4.0
TOPICS = [
    TopicSpec("patch-outcomes", PARTITIONS, 1),
    *(changelog(APP_ID, table, PARTITIONS, 1) for table in catalog.NAMES),
]
STUCK_KEY = "local/default/stuck"
HANDS: dict[str, Any] = {"recorder": {"well": True}}


def recorder(bootstrap: str, datadir: Path, listener: socket.socket, name: str) -> faust.App:
    """Return the app: patch-outcomes -> [policies], and one record that it never gets over."""
    web = load().web
    app = create_app(
        KafkaOptions(
            bootstrap,
            APP_ID,
            datadir,
            partitions=PARTITIONS,
            web_port=web.port,
            web_url=web.url,
            session_timeout=SESSION_TIMEOUT,
            heartbeat=SESSION_TIMEOUT / 4,
            exit_when_frozen=False,
        )
    )
    tables, metrics = faust_tables.declare(app, PARTITIONS), Metrics()
    kinds: dict[str, Any] = {"key_type": FaustKey, "value_type": faust_type(PatchOutcome)}

    @app.agent(app.topic("patch-outcomes", **kinds), name="outcome-recorder")
    async def record(stream: Any) -> None:
        async for key, outcome in stream.items():
            if key == STUCK_KEY:
                await asyncio.Event().wait()
            tables["policies"][key] = outcome
            metrics.handled("outcome-recorder")

    server.install(
        app,
        tables,
        metrics,
        checks={},
        status=lambda: HANDS,
        worker_name=name,
        pages=lambda url: (sys.executable, "-m", "tests.integration.web.pages", name, url),
        access=access_of(web),
        listener=listener,
    )
    return app


if __name__ == "__main__":
    quirks.install()
    # A minute is too long for a test; commits come every 2.8 s.
    server.LOOK_EVERY = 0.2
    Health.__init__.__defaults__ = (20.0,)
    listener = socket.socket(fileno=int(sys.argv[3]))
    app = recorder(sys.argv[1], Path(sys.argv[2]), listener, sys.argv[4])
    logs.configure()
    run(app, "info")
