"""Enforce what the API server stores, as the agent of a CNI does on its node."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from deploy.local.packets.mirror import Mirror
from deploy.local.packets.namespaces import CommandFailed
from deploy.local.packets.objects import Json, read_pod
from deploy.local.packets.ruleset import render
from deploy.local.packets.translate import translate

# A ruleset, and the uids of the pods it knows.
Enforce = Callable[[str, frozenset[str]], Awaitable[None]]

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
        self._enforced: tuple[str, frozenset[str]] = "", frozenset()
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
            seen = [mirror.objects for mirror in self._mirrors]
            # Half a second for 500 pods, in which others have work to do.
            wanted = await asyncio.to_thread(_ruleset, *seen)
            if wanted != self._enforced:
                await self._enforce(*wanted)
        except _FAILED as error:
            _log.error("not enforced", why=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
            self._changed.set()
        else:
            self._enforced = wanted
            self.ready.set()


def _ruleset(
    pods: Sequence[Json], namespaces: Sequence[Json], policies: Sequence[Json]
) -> tuple[str, frozenset[str]]:
    known = frozenset(each["metadata"]["uid"] for each in pods if read_pod(each))
    return render(translate(pods, namespaces, policies)), known
