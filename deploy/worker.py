"""One worker: its parts created, declared, connected and installed, once."""

from __future__ import annotations

import asyncio
import socket
import sys
from functools import partial
from typing import Any

from agents import barrier_caller
from agents.clients.waiting import first_to_end
from agents.metrics import Metrics
from agents.outlet import Outlet
from agents.web.server import install as install_web
from deploy.cluster_part import ClusterPart
from deploy.core_part import CorePart
from deploy.login import credentials
from deploy.part import Base, Hand, Part
from deploy.tracing import traces_of
from deploy.web_access import access_of
from streams import faust_topics
from streams.app import KafkaOptions, create_app
from streams.settings import Settings
from tables import faust_tables
from tables.catalog import tables_of

GAUGE_SECONDS = 1.0


class Worker:
    """An app with everything attached; nothing is connected before it starts."""

    def __init__(
        self,
        settings: Settings,
        epoch: int,
        listener: socket.socket | None = None,
        prepare: str | None = None,
    ) -> None:
        self.app = create_app(_options(settings, epoch), credentials=credentials(settings.kafka))
        topics = faust_topics.declare(self.app, settings)
        tables = faust_tables.declare(self.app, settings.kafka.partitions, tables_of(settings))
        metrics = Metrics()
        self._traces = traces_of(settings, metrics)
        outlet = Outlet(topics, metrics, self._traces)
        base = Base(settings, epoch, self.app, topics, tables, outlet, metrics)
        self._parts = _parts(base)
        listeners = [each for part in self._parts for each in part.listeners]
        barrier_caller.install(self.app, topics, outlet, listeners)
        self._install_hands()
        install_web(
            self.app,
            tables,
            metrics,
            checks={name: check for part in self._parts for name, check in part.checks.items()},
            status=self._status,
            worker_name=settings.state_dir.name,
            pages=partial(_page_command, settings.state_dir.name, prepare or ""),
            writable=settings.web.writable,
            access=access_of(settings.web),
            listener=listener,
            probe_port=settings.web.probe_port,
        )

    def _install_hands(self) -> None:
        @self.app.task
        async def work() -> None:
            # Faust would leave a hand that failed lying; a worker without one is no worker.
            try:
                hands: list[Hand] = [hand for part in self._parts for hand in part.hands]
                await first_to_end(*hands, self._gauge())
            finally:
                for part in self._parts:
                    await part.close()
                if self._traces is not None:
                    await self._traces.close()

    async def _gauge(self) -> None:
        while True:
            for part in self._parts:
                part.gauge()
            await asyncio.sleep(GAUGE_SECONDS)

    def _status(self) -> dict[str, Any]:
        return {hand: said for part in self._parts for hand, said in part.status.items()}


def _parts(base: Base) -> tuple[Part, ...]:
    if base.settings.part == "whole":
        return ClusterPart(base), CorePart(base)
    return (CorePart(base),) if base.settings.part == "core" else (ClusterPart(base),)


def _page_command(worker: str, hook: str, url: str) -> tuple[str, ...]:
    return sys.executable, "-m", "deploy.pages", worker, url, hook


def _options(settings: Settings, epoch: int) -> KafkaOptions:
    kafka = settings.kafka
    return KafkaOptions(
        broker=kafka.broker,
        app_id=settings.app_id,
        datadir=settings.state_dir / "tables",
        partitions=kafka.partitions,
        replication=kafka.replication,
        web_port=settings.web.port if settings.web.enabled else None,
        web_bind=settings.web.host,
        web_url=settings.web.url,
        session_timeout=kafka.session_timeout,
        heartbeat=kafka.heartbeat,
        epoch=epoch,
    )
