"""Have a process of its own make the pages: none of the agents' time, and none of their memory."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import aiohttp
from aiohttp import hdrs, web
from yarl import URL

from agents.web.guard import is_from_elsewhere
from agents.web.login import who_asks
from agents.web.mending import BY, PAGES

PageCommand = Callable[[str], Sequence[str]]
"""Returns what makes the pages of a worker that answers at this URL; a socket's number follows."""

# It may take what nobody else wants.
NICE = 10
# A look at the past may take a minute.
WITHIN = 75.0
ENDS_WITHIN = 3.0
# Of what it answers, and of what was asked, the rest is between it and us, or between others.
ASKED = (hdrs.ACCEPT, hdrs.CACHE_CONTROL, hdrs.CONTENT_TYPE)
ANSWERED = (hdrs.CONTENT_TYPE, hdrs.LOCATION, hdrs.ALLOW)


def put_last(pid: int) -> None:
    """Have a process stand back for everybody, also where memory runs out."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")


class _Maker(NamedTuple):
    """The process, and how it is spoken to."""

    process: Process
    http: aiohttp.ClientSession
    folder: tempfile.TemporaryDirectory[str]


class Beside:
    """Passes requests on to the process that makes pages, which begins when somebody looks."""

    def __init__(self, command: Callable[[], Sequence[str]], writable: bool) -> None:
        self._command = command
        self._writable = writable
        self._maker: _Maker | None = None
        self._starting = asyncio.Lock()

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes of whatever else is asked for."""
        writing = PAGES if self._writable else ()
        return [
            *(web.post(path, self.pass_on) for path in writing),
            web.get(r"/{path:[\s\S]*}", self.pass_on),
        ]

    async def pass_on(self, request: web.Request) -> web.Response:
        """Answer as the process does."""
        if request.method == hdrs.METH_POST and is_from_elsewhere(request):
            raise web.HTTPForbidden(text="only our own pages may ask for this")
        body = await request.read()
        asked = {BY: who_asks(request)}
        asked |= {name: request.headers[name] for name in ASKED if name in request.headers}
        try:
            try:
                return await self._ask(request, asked, body)
            except aiohttp.ClientConnectorError:
                # It ends where nobody looks for long, perhaps just now.
                return await self._ask(request, asked, body)
        except (aiohttp.ClientError, OSError) as error:
            raise web.HTTPServiceUnavailable(text="what makes the pages has ended") from error
        except TimeoutError as error:
            said = f"what makes the pages did not answer within {WITHIN:.0f} s"
            raise web.HTTPServiceUnavailable(text=said) from error

    async def stop(self, _: object = None) -> None:
        """End the process, with the server."""
        async with self._starting:
            await self._end()

    async def _ask(
        self, request: web.Request, headers: Mapping[str, str], body: bytes
    ) -> web.Response:
        maker = await self._running()
        url = URL.build(
            scheme="http",
            host="pages",
            path=request.rel_url.raw_path,
            query_string=request.rel_url.raw_query_string,
            encoded=True,
        )
        async with maker.http.request(
            request.method, url, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            kept = {name: answer.headers[name] for name in ANSWERED if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    async def _running(self) -> _Maker:
        async with self._starting:
            if self._maker is None or self._maker.process.returncode is not None:
                await self._end()
                self._maker = await self._start()
            return self._maker

    async def _start(self) -> _Maker:
        folder = tempfile.TemporaryDirectory(prefix="vereflow-")
        path = str(Path(folder.name) / "pages")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            # It ends when its standard input does: with us, however we end.
            process = await asyncio.create_subprocess_exec(
                *self._command(),
                str(listener.fileno()),
                stdin=PIPE,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
        put_last(process.pid)
        http = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path),
            timeout=aiohttp.ClientTimeout(total=WITHIN),
            auto_decompress=False,
        )
        return _Maker(process, http, folder)

    async def _end(self) -> None:
        if self._maker is None:
            return
        process, http, folder = self._maker
        self._maker = None
        await http.close()
        assert process.stdin is not None
        process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDS_WITHIN):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()
        folder.cleanup()
