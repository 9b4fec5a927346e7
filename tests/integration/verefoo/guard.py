"""What people put before Verefoo, which has neither TLS nor logins: a proxy that has both."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trustme
from aiohttp import ClientSession, web

from deploy.local.verefoo.server import VerefooServer


class Guard:
    """A proxy that lets in who shows the token; what else was shown is kept."""

    def __init__(self, upstream: VerefooServer, token: str) -> None:
        self.token = token
        self.shown: list[str] = []
        self.url = ""
        self._upstream = upstream

    async def serve(self, request: web.Request, session: ClientSession) -> web.Response:
        shown = request.headers.get("Authorization", "")
        self.shown.append(shown)
        if shown != f"Bearer {self.token}":
            # As some do, it repeats what it was told.
            return web.Response(status=401, text=f"no such token: {shown}")
        headers = {n: v for n, v in request.headers.items() if n in ("Accept", "Content-Type")}
        url = self._upstream.url.removesuffix("/verefoo") + request.path_qs
        async with session.request(
            request.method, url, data=await request.read(), headers=headers
        ) as answer:
            return web.Response(
                status=answer.status, body=await answer.read(), content_type=answer.content_type
            )


@asynccontextmanager
async def guarding(
    upstream: VerefooServer, certificate: trustme.LeafCert, token: str
) -> AsyncIterator[Guard]:
    """Stand before a Verefoo for a while."""
    guard = Guard(upstream, token)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    async with ClientSession() as session:

        async def serve(request: web.Request) -> web.Response:
            return await guard.serve(request, session)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", serve)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        guard.url = f"https://127.0.0.1:{runner.addresses[0][1]}/verefoo"
        try:
            yield guard
        finally:
            await runner.cleanup()


def authority_file(authority: trustme.CA, folder: Path) -> Path:
    """Write down who vouches for it."""
    folder.mkdir(exist_ok=True)
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path
