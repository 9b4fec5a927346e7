"""Put our routes in place of Faust's own, on the server that Faust starts before recovery."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import faust
import httpx
from aiohttp import web
from faust.web.drivers.aiohttp import Web

from agents.asking.connecting import client
from agents.asking.workers import get
from agents.metrics import Metrics
from agents.web.access import Access, Door
from agents.web.beside import Beside, PageCommand
from agents.web.events import Moving
from agents.web.guard import guard
from agents.web.health import Check, Health, unready
from agents.web.held import Held
from agents.web.login import Login
from agents.web.peers import Around, Peers, around_of
from agents.web.static import Static
from agents.web.views import Views
from agents.web.worker import WorkerState, look_at
from streams.settings_values import ANY
from tables.catalog import Tables

LOOK_EVERY = 5.0
KEEP_ALIVE = 30.0
# Of a form.
MAX_BODY = 1 << 12

# A traceback for every line a stranger sends that is not HTTP would fill the log.
_protocol = logging.getLogger("agents.web.protocol")
_protocol.setLevel(logging.CRITICAL)


def install(
    app: faust.App,
    tables: Tables,
    metrics: Metrics,
    *,
    checks: Mapping[str, Check],
    status: Callable[[], dict[str, Any]],
    worker_name: str,
    pages: PageCommand,
    access: Access,
    writable: bool = False,
    listener: socket.socket | None = None,
    probe_port: int | None = None,
) -> None:
    """Serve this worker's health and metrics, and the pages; call it before the app starts.

    A listener is a socket that already holds the port of the app's settings. On the port of probes
    health and metrics are served to other machines, and nothing else.
    """
    watch = Watch(app, metrics, checks)
    held = {name: Held(app, name, table) for name, table in tables.by_name.items()}
    views = Views(watch, held, metrics, status, partial(around_of, app), worker_name)
    http = client(access.connect)

    async def around() -> Around:
        return around_of(app)

    login = Login(Door(access.keys, metrics.refused), bool(access.tls)) if access.keys else None
    stays = login.stays if login else None
    moving = Moving(Peers(around, partial(get, http)), views.pulses, stays=stays)
    beside = Beside(lambda: pages(around_of(app).ours), writable)
    hosts = (app.conf.web_bind, urlsplit(str(app.conf.canonical_url)).hostname or "", *access.names)
    routes = [*views.routes(), *Static().routes(), *moving.routes()]
    routes += [*(login.routes() if login else ()), *beside.routes()]
    served = application(routes, hosts, login)
    served.on_shutdown.extend((moving.stop, beside.stop))
    app.web = OurWeb(app, served, watch, http, access.tls, listener)
    if probe_port is not None:
        app.web.probes = Probes(application(views.probes(), hosts), probe_port)


def application(
    routes: Iterable[web.RouteDef], hosts: tuple[str, ...], login: Login | None = None
) -> web.Application:
    """Return an aiohttp application that serves these routes to whoever may ask."""
    passed = [guard(hosts), *([login.middleware] if login else [])]
    served = web.Application(middlewares=passed, client_max_size=MAX_BODY)
    served.add_routes(routes)
    return served


def runner(served: web.Application) -> web.AppRunner:
    """Return what serves an application, and lets go of it at once when it is to end."""
    return web.AppRunner(
        served,
        access_log=None,
        keepalive_timeout=KEEP_ALIVE,
        shutdown_timeout=1.0,
        logger=_protocol,
    )


class Probes:
    """What is served on every address of this machine."""

    def __init__(self, served: web.Application, port: int) -> None:
        self._runner = runner(served)
        self._port = port

    async def start(self) -> None:
        """Listen; raise OSError where the port is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, None, self._port).start()

    async def stop(self) -> None:
        """Close what is open."""
        await self._runner.cleanup()


class Watch:
    """Looks at the worker again and again: that it stands still shows only over time."""

    def __init__(self, app: Any, metrics: Metrics, checks: Mapping[str, Check]) -> None:
        self._app = app
        self._metrics = metrics
        self._checks = checks
        self._health = Health()

    def look(self) -> tuple[WorkerState, list[str], list[str]]:
        """Return the state, what is wedged, and why the worker is not ready."""
        state = look_at(self._app)
        wedged = self._health.observe(state, time.monotonic())
        reasons = unready(state, wedged, self._checks)
        self._metrics.ready(not reasons)
        self._metrics.assigned(state.sizes())
        self._metrics.lag(state.lag_by_topic())
        return state, wedged, reasons

    async def forever(self) -> None:
        """Look at a fixed pace."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY)


class OurWeb(Web):
    """Faust's web server with none of Faust's views, and without its open CORS."""

    default_blueprints = ()
    production_blueprints = ()
    debug_blueprints = ()
    optional_blueprints = ()

    def __init__(
        self,
        app: Any,
        served: web.Application,
        watch: Watch,
        http: httpx.AsyncClient,
        tls: ssl.SSLContext | None,
        listener: socket.socket | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(app, **kwargs)
        self._watch = watch
        self._http = http
        self._tls = tls
        self._listener = listener
        self.web_app = served
        self._runner = runner(served)
        self.probes: Probes | None = None

    async def on_start(self) -> None:
        """Serve, and keep looking."""
        self.init_server()
        await self.start_server()
        if self.probes is not None:
            await self.probes.start()
        self.add_future(self._watch.forever())

    async def start_server(self) -> None:
        """Listen where the settings say, or on the socket that was handed over."""
        await self._runner.setup()
        await self._site().start()

    def _site(self) -> web.BaseSite:
        if self._listener is not None:
            return web.SockSite(self._runner, self._listener, ssl_context=self._tls)
        conf = self.app.conf
        host = None if conf.web_bind == ANY else conf.web_bind
        return web.TCPSite(self._runner, host, conf.web_port, ssl_context=self._tls)

    async def on_stop(self) -> None:
        """Close what is open."""
        if self.probes is not None:
            await self.probes.stop()
        await self._runner.cleanup()
        await self._http.aclose()
