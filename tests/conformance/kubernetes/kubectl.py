"""The official command line, as its users have it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

BINARY = Path(sys.executable).parent / "kubectl"
SECONDS = 120


class Said(NamedTuple):
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


class Kubectl:
    """Runs kubectl in one namespace of one cluster."""

    def __init__(self, kubeconfig: Path, namespace: str, cache: Path) -> None:
        self._flags = (f"--namespace={namespace}",)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(cache),
            "KUBECONFIG": str(kubeconfig),
            "KUBECACHEDIR": str(cache),
        }

    async def __call__(self, *words: str, stdin: str = "") -> str:
        """Return what the command printed; it must succeed."""
        said = await self.ask(*words, stdin=stdin)
        assert said.code == 0, said
        return said.out

    async def ask(self, *words: str, stdin: str = "") -> Said:
        """Return how the command ended."""
        process = await self._start(*words)
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    @asynccontextmanager
    async def lines(self, *words: str) -> AsyncIterator[asyncio.StreamReader]:
        """Yield the lines of a command that goes on until it is stopped."""
        process = await self._start(*words)
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.terminate()
            await process.communicate()

    async def _start(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            BINARY,
            *words,
            *self._flags,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )
