"""Enforce what the API server stores, as the agent of a CNI does on its node."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from deploy.local.packets.mirror import Mirror
from deploy.local.packets.namespaces import CommandFailed
from deploy.local.packets.ruleset import render
from deploy.local.packets.translate import translate

Enforce = Callable[[str], Awaitable[None]]

# In the order in which they are translated.
_WATCHED = (
    "/api/v1/pods",
    "/api/v1/namespaces",
    "/apis/networking.k8s.io/v1/networkpolicies",
)
_RETRY_SECONDS = 0.5
_FAILED = (CommandFailed, OSError, ValueError, LookupError)
_log = structlog.get_logger()


class NodeAgent:
    """Watches pods, namespaces and policies; what they mean is enforced as a whole each time."""

    def __init__(self, kubeconfig: Path, enforce: Enforce) -> None:
        self._enforce = enforce
        self._changed = asyncio.Event()
        self._enforced = ""
        self.ready = asyncio.Event()
        self._mirrors = tuple(Mirror(kubeconfig, path, self._changed.set) for path in _WATCHED)

    async def run(self) -> None:
        """Work until cancelled; while anything fails, what was enforced last stays in force."""
        async with asyncio.TaskGroup() as tasks:
            for mirror in self._mirrors:
                tasks.create_task(mirror.follow())
            tasks.create_task(self._keep_enforcing())

    async def _keep_enforcing(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            # Half a picture would open what the other half closes.
            if all(mirror.complete for mirror in self._mirrors):
                await self._enforce_once()

    async def _enforce_once(self) -> None:
        try:
            seen = (mirror.objects for mirror in self._mirrors)
            ruleset = render(translate(*seen))
            if ruleset != self._enforced:
                await self._enforce(ruleset)
        except _FAILED as error:
            _log.error("not enforced", why=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
            self._changed.set()
        else:
            self._enforced = ruleset
            self.ready.set()
