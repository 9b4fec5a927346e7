"""vereflow worker: one replica."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import time
from typing import Annotated, Any

import faust
import structlog
import typer
import uvloop

from deploy import logs
from deploy.cli.answers import plain_errors
from deploy.cli.broker import BrokerSilent, reach_broker
from deploy.cli.state_dir import claim_state_dir, drop_rows_of_before
from deploy.hooks import call_hook
from deploy.installation import (
    NotInitialised,
    check_migrated,
    check_nodes,
    read_installation,
)
from deploy.kafka_rights import require_group
from deploy.login import client_options
from deploy.provision import check
from deploy.worker import Worker
from streams.settings import Settings, load
from streams.topics import specs
from tables.catalog import tables_of

# A broker that was away for a session has ended all its workers: they begin again before it does.
PATIENCE = 60.0

log = structlog.get_logger()


def worker(
    prepare: Annotated[
        str | None, typer.Option(hidden=True, help="A hook to call before anything connects.")
    ] = None,
    web_socket: Annotated[
        int | None, typer.Option(hidden=True, help="An open socket to serve the web pages on.")
    ] = None,
) -> None:
    """Run one replica; start as many as there are partitions, each with a state dir.

    Example: VEREFLOW_STATE_DIR=/var/lib/vereflow vereflow worker
    """
    with plain_errors():
        settings = load()
        logs.configure(settings.log.format, settings.log.level)
        lock = claim_state_dir(settings.state_dir)
    # By policy: Faust's consumer makes a loop of its own, in a thread.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    with lock:
        with plain_errors():
            if prepare:
                call_hook(prepare)
            epoch = asyncio.run(_check(settings))
            drop_rows_of_before(settings.state_dir, epoch)
            listener = socket.socket(fileno=web_socket) if web_socket is not None else None
            app = Worker(settings, epoch, listener, prepare).app
        run(app, settings.log.level)


class _Process(faust.Worker):
    """Faust's own, but that no signal stops it in its tracks."""

    def _install_signal_handlers_unix(self) -> None:
        super()._install_signal_handlers_unix()
        # Whoever sends it closes the terminal, or hopes that settings are read anew.
        self.loop.add_signal_handler(signal.SIGHUP, self._on_sigterm)
        # Faust would begin a debugger, and wait for somebody to use it.
        self.loop.add_signal_handler(signal.SIGUSR2, self._on_sigusr1)


def run(app: Any, level: str) -> None:
    """Run the app until a signal ends it."""
    if os.geteuid() == 0:
        log.warning("runs as root, and needs none of root's rights")
    # Faust collects garbage for every table whenever partitions move, and nothing else runs
    # meanwhile: what lives as long as the process need not be looked through each time.
    gc.collect()
    gc.freeze()
    # It draws a spinner, and would wait for whoever is to see it.
    with open(os.devnull, "w") as nowhere:
        _Process(
            app,
            loglevel=level,
            override_logging=False,
            redirect_stdouts=False,
            stdout=nowhere,
        ).execute_from_commandline()


async def _check(settings: Settings) -> int:
    """Refuse to run on topics that are not right; return the epoch of this installation."""
    await _reach_broker(settings)
    client = client_options(settings.kafka)
    await check(specs(settings, tables_of(settings)), **client)
    await check_nodes(settings)
    await require_group(settings, **client)
    known = await read_installation(settings)
    check_migrated(known)
    if known is None:
        raise NotInitialised("this installation has no epoch; run `vereflow init`")
    return known.epoch


async def _reach_broker(settings: Settings) -> None:
    """Return if a broker lets us in; who has run here before knows it and waits a while for it."""
    patience = PATIENCE if (settings.state_dir / "tables").exists() else 0.0
    deadline = time.monotonic() + patience
    while True:
        try:
            return await reach_broker(settings)
        except BrokerSilent as silent:
            if time.monotonic() >= deadline:
                raise
            log.warning("no broker yet", reason=str(silent))
            await asyncio.sleep(1)
