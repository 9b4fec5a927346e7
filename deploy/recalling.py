"""Have a process of its own replay the past: none of the agents' time, and none of their memory.

reads   key-frames, graph-facts, and whatever a cause names
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping

from agents.asking.moments import Moment
from agents.asking.turns import MOST_TURNS, Course
from agents.clients.errors import TryLater
from agents.web.beside import put_last
from streams.codec import escape

WITHIN = 60.0
# Some 10,000 pods with a policy each.
MOST_BYTES = 64 << 20
MOST_SAID = 1_000


async def recall(prepare: str | None, question: Moment | Course) -> bytes:
    """Return as JSON what `vereflow replay` prints of a moment, or `vereflow history` of a flow.

    It is asked under the settings of this process. Raise TryLater with what it says if that is
    nothing, too much, or too late.
    """
    hook = ("--prepare", prepare) if prepare else ()
    # In a group of its own, which no signal to the worker reaches: it is ended below.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", *_asked(question)),
        *("--output", "json", *hook),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(os.environ),
        start_new_session=True,
    )
    try:
        put_last(process.pid)
        async with asyncio.timeout(WITHIN):
            told, said = await asyncio.gather(
                _read(process.stdout, MOST_BYTES), _read(process.stderr, MOST_SAID)
            )
            status = await process.wait()
    except TimeoutError:
        raise TryLater(
            f"no replay within {WITHIN:.0f} s; `vereflow replay` may take longer"
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if len(told) > MOST_BYTES:
        raise TryLater(f"more than {MOST_BYTES} bytes; `vereflow replay` shows them")
    if status != 0:
        words = said.decode(errors="replace").strip().removeprefix("vereflow: ")
        raise TryLater(escape(words) or f"the replay ended with {status}")
    return told


def _asked(question: Moment | Course) -> tuple[str, ...]:
    """Return the command; whom a course means are keys and addresses, never a text as typed."""
    if isinstance(question, Moment):
        return ("replay", "--until", question.text)
    port = ("--port", question.port_text) if question.port else ()
    flow = ("history", question.source, "--to", question.to, *port)
    return (*flow, "--since", question.since.text, "--limit", str(MOST_TURNS))


async def _read(stream: asyncio.StreamReader | None, most: int) -> bytes:
    """Return what comes, and of more than so many bytes that it is more."""
    kept = bytearray()
    while stream is not None and (some := await stream.read(1 << 16)):
        kept += some[: most + 1 - len(kept)]
    return bytes(kept)


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    # What `vereflow up` wrote for commands is not under what a worker runs.
    return {name: value for name, value in ours.items() if name != "VEREFLOW_ENDPOINTS"}
