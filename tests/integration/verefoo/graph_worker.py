"""A worker that keeps one graph, for the tests to start and to kill.

Run as ``python -m tests.integration.verefoo.graph_worker BOOTSTRAP DATADIR VEREFOO``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import faust
import httpx

from agents import firewall_gate, graph_aligner
from agents.clients.verefoo import Verefoo
from agents.graph_keeper import GraphKeeper
from agents.graph_ownership import Keeping
from agents.outlet import Outlet
from agents.ownership import owned_partitions
from deploy.local.broker import quirks
from streams import faust_topics, topics
from streams.app import KafkaOptions, create_app
from streams.flow.aligner import AlignerRow
from streams.flow.output import GRAPH_EDITS
from streams.settings import Settings
from streams.settings_kafka import KafkaSettings
from streams.topicspec import TopicSpec
from tables import catalog, faust_tables
from tables.partition import PartitionRows
from tests.unit.agents.graph_world import CHECKS, GRAPH, OURS

SETTINGS = Settings(kafka=KafkaSettings(partitions=1, app_id="graph-worker"))
# The embedded broker lets a lone member wait for half of this before it may begin.
SESSION_TIMEOUT = 4.0


def specs() -> list[TopicSpec]:
    """Return the topics it needs."""
    return topics.specs(SETTINGS, catalog.NAMES)


def worker(bootstrap: str, datadir: Path, verefoo: str) -> faust.App:
    """Return the app: firewall-changes -> graph-edits -> [graphs] -> Verefoo."""
    options = KafkaOptions(
        bootstrap,
        SETTINGS.kafka.app_id,
        datadir,
        partitions=1,
        web_port=None,
        session_timeout=SESSION_TIMEOUT,
        heartbeat=SESSION_TIMEOUT / 4,
    )
    app = create_app(options)
    declared = faust_topics.declare(app, SETTINGS)
    tables = faust_tables.declare(app, 1)
    outlet = Outlet(declared)

    owned = owned_partitions(app, GRAPH_EDITS)
    keeper = GraphKeeper(
        Verefoo(httpx.AsyncClient(base_url=verefoo, trust_env=False)),
        outlet,
        Keeping(GRAPH, None, OURS, poll_seconds=0.1),
        rows=lambda: PartitionRows[AlignerRow](tables["graphs"], 0),
        owns=lambda: 0 in owned(),
    )
    graph_aligner.install(app, declared, tables, outlet, {GRAPH: keeper}, OURS)
    firewall_gate.install(app, declared, outlet, CHECKS)

    @app.task
    async def keep() -> None:
        await keeper.run()

    return app


if __name__ == "__main__":
    quirks.install()
    app = worker(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
    faust.Worker(app, loglevel="info").execute_from_commandline()
