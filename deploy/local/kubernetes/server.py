"""The server itself: it starts, listens on loopback, and stops."""

from contextlib import aclosing
from pathlib import Path

import httpx
import orjson
from aiohttp import web

from deploy.local.kubernetes import state
from deploy.local.kubernetes.api import Api
from deploy.local.kubernetes.discovery import documents
from deploy.local.kubernetes.errors import ApiError
from deploy.local.kubernetes.handlers import BODY_LIMIT, Handlers, presented, respond
from deploy.local.kubernetes.kinds import NAMESPACES
from deploy.local.kubernetes.listing import Lister
from deploy.local.kubernetes.options import WriteOptions
from deploy.local.kubernetes.paths import Target, parse_path
from deploy.local.kubernetes.queries import truth, watch_request
from deploy.local.kubernetes.request_log import RequestLog, Write
from deploy.local.kubernetes.store import Store
from deploy.local.kubernetes.watch import Watch

#: Without TLS and users it must not be reachable from elsewhere.
_HOST = "127.0.0.1"
_FIRST_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_HEALTH = {"/healthz", "/livez", "/readyz"}
_EMPTY_OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


class KubernetesServer:
    """A Kubernetes API server, without TLS and without users, for one machine."""

    def __init__(
        self,
        port: int = 0,
        *,
        bookmark_seconds: float = 30.0,
        history: int = 10_000,
    ) -> None:
        self.store = Store(history)
        self.requests = RequestLog()
        self._port = port
        self._bookmark_seconds = bookmark_seconds
        self._lister = Lister(self.store)
        self._handlers = Handlers(Api(self.store), self._lister)
        self._documents = documents()
        self._watches: set[Watch] = set()
        self._runner: web.AppRunner | None = None
        for name in _FIRST_NAMESPACES:
            body = {"metadata": {"name": name}}
            Api(self.store).create(NAMESPACES, "", body, WriteOptions("kube-apiserver"))
        # The real server's watch history begins when it has started.
        self.store.compact()

    @property
    def url(self) -> str:
        """Where it listens, once started."""
        return f"http://{_HOST}:{self._port}"

    @property
    def watching(self) -> int:
        """How many watches are open."""
        return len(self._watches)

    def client(self) -> httpx.AsyncClient:
        """Return a client; closing it is the caller's affair."""
        return httpx.AsyncClient(base_url=self.url, timeout=60, trust_env=False)

    async def start(self) -> None:
        """Listen; port 0 becomes a free one and stays it."""
        app = web.Application(client_max_size=BODY_LIMIT + 1)
        app.router.add_route("*", "/{path:.*}", self._serve)
        # A watcher that goes away would otherwise be served until something happens.
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, _HOST, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """End every watch and stop listening; the objects stay."""
        self.close_watches()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def close_watches(self) -> None:
        """End every open watch, as the real server does now and then."""
        for watch in self._watches:
            watch.close()

    def compact(self) -> None:
        """Forget history and open pages: older versions are now 410."""
        self.store.compact()
        self._lister.forget()

    def writes(self, resource: str = "", namespace: str = "") -> list[Write]:
        """Return the newest write requests, oldest first."""
        return self.requests.writes(resource, namespace)

    def save(self, path: Path) -> None:
        """Keep all objects in a file."""
        state.save(self.store, path)

    def load(self, path: Path) -> None:
        """Take all objects from a file."""
        state.load(self.store, path)
        self._lister.forget()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path in _HEALTH:
            return web.Response(text="ok")
        if path in self._documents:
            return respond(200, self._documents[path])
        if path == "/openapi/v2":
            # No bytes are a valid, empty document: old kubectl then leaves validation to us.
            return web.Response(body=b"", headers={"Content-Type": _EMPTY_OPENAPI_V2})
        target = parse_path(path)
        if target is None:
            return web.Response(status=404, text="404 page not found\n")
        if request.method == "GET" and not target.name and truth(request.query, "watch"):
            return await self._watch(request, target)
        response = await self._handlers.answer(request, target)
        if request.method == "GET":
            self.requests.reads["GET" if target.name else "LIST", target.kind.plural] += 1
        else:
            where = (target.kind.plural, target.namespace, target.name)
            self.requests.add(Write(request.method, *where, response.status))
        return response

    async def _watch(self, request: web.Request, target: Target) -> web.StreamResponse:
        try:
            watch = Watch(self.store, watch_request(target, request.query))
        except ApiError as error:
            return respond(error.code, error.body)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        self._watches.add(watch)
        try:
            await response.prepare(request)
            async with aclosing(watch.events(self._bookmark_seconds)) as events:
                async for event in events:
                    shown = presented(request, target, event["object"])
                    await response.write(orjson.dumps(event | {"object": shown}) + b"\n")
        except ConnectionResetError:
            pass  # whoever watched has gone
        finally:
            watch.forget()
            self._watches.discard(watch)
        return response
