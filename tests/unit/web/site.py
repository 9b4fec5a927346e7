"""A worker's site without Kafka and without sockets: real tables, requests made by hand."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from faust.types import TP

from agents.asking.letters import Doing
from agents.asking.newest import Newest
from agents.asking.stored import Stored
from agents.asking.workers import BadAnswer, NoSuch
from agents.clients.errors import TryLater
from agents.metrics import Metrics
from agents.web.beside import Beside
from agents.web.events import Moving
from agents.web.held import Held
from agents.web.knowing import Outside
from agents.web.login import Login
from agents.web.peers import Around, Peers, around_of, ask_around
from agents.web.recalled import Question
from agents.web.server import application
from agents.web.site import application as site
from agents.web.static import Static
from agents.web.views import Views
from agents.web.worker import WorkerState
from streams.app import KafkaOptions, create_app
from streams.flow.judging import Judging
from streams.records.base import Record
from streams.records.policies import Outcome, PatchOutcome
from tables import faust_tables
from tables.catalog import NAMES

PARTITIONS = 4
HERE = "http://127.0.0.1:6066"
THERE = "http://127.0.0.1:6067"


def outcome(key: str, reason: str = "") -> PatchOutcome:
    return PatchOutcome(key=key, outcome=Outcome.APPLIED, reason=reason)


def opened(site: Site, table: str = "policies") -> Site:
    """Open one table, as the agents do: every partition is a database of its own."""
    for partition in range(site.partitions):
        site.tables[table].data._db_for_partition(partition)
    return site


class StillLooker:
    """A worker that is always the same."""

    def __init__(self) -> None:
        self.state = WorkerState(
            tables_ready=True,
            assigned={"pod-events": [0, 1]},
            committed={"pod-events": {0: 7}},
            lag={"pod-events": {0: 2, 1: 0}},
        )
        self.wedged: list[str] = []
        self.reasons: list[str] = []

    def look(self) -> tuple[WorkerState, list[str], list[str]]:
        return self.state, self.wedged, self.reasons


async def nothing_kept(question: Question) -> bytes:
    raise TryLater("no key frame was written yet")


class Within(Beside):
    """Passes requests on to pages that are made in this very process."""

    def __init__(self, pages: web.Application, writable: bool) -> None:
        super().__init__(tuple, writable)
        self._pages = pages

    async def _ask(
        self, request: web.Request, headers: Mapping[str, str], body: bytes
    ) -> web.Response:
        asked = make_mocked_request(
            request.method, request.raw_path, headers=headers, app=self._pages
        )
        asked._read_bytes = body
        response = await self._pages._handle(asked)
        assert isinstance(response, web.Response)
        return response


class Site:
    """The site of a worker that owns some partitions of every table."""

    def __init__(
        self,
        folder: Path,
        owned: Iterable[int] = range(PARTITIONS),
        url: str = HERE,
        partitions: int = PARTITIONS,
        kept: tuple[str, ...] = NAMES,
    ) -> None:
        self.url = url
        self.partitions = partitions
        self.faust = create_app(KafkaOptions("127.0.0.1:1", "x", folder, partitions=partitions))
        self.tables = faust_tables.declare(self.faust, partitions, kept)
        self.owned = set(owned)
        self.looker = StillLooker()
        self.metrics = Metrics()
        self.status: Callable[[], dict[str, Any]] = lambda: {"watcher": {"listed": True}}
        self.stored = Stored({}, [], {})
        self.newest: dict[str, Newest] = {}
        self.other: Site | None = None
        self.held = {
            name: Held(self._app(), name, table) for name, table in self.tables.by_name.items()
        }
        self.alone = False
        self.recall: Callable[[Question], Awaitable[bytes]] = nothing_kept
        self.mend: Callable[[Doing, str], Awaitable[None]] | None = None
        self.login: Login | None = None
        self.build()

    def build(self) -> None:
        """Make the site anew: it remembers nothing of what it was asked."""
        views = Views(
            *(self.looker, self.held, self.metrics, lambda: self.status()),
            *(lambda: around_of(self._app()), "worker-0"),
        )
        outside = Outside(
            "local",
            self._stored,
            self._newest,
            Judging(),
            lambda question: self.recall(question),
            self.mend,
        )

        async def around() -> Around:
            return await ask_around(self.fetch, self.url)

        peers, login = Peers(around, self.fetch), self.login
        self.moving = Moving(peers, views.pulses, stays=login.stays if login else None)
        self.pages = site(peers, tuple(self.held), outside, "worker-0", login is not None)
        beside = Within(self.pages, self.mend is not None)
        parts = (views, Static(), self.moving, *([login] if login else []), beside)
        routes = [route for part in parts for route in part.routes()]
        self.served = application(routes, ("127.0.0.1",), login)
        self.pages.freeze()
        self.probes = application(views.probes(), ("127.0.0.1",))
        self.served.freeze()
        self.probes.freeze()

    def put(self, table: str, rows: Iterable[tuple[str, Record]]) -> None:
        """Store each row where its key belongs."""
        for key, row in rows:
            self.put_at(self.held[table].place(key), table, key, row)

    def put_at(self, partition: int, table: str, key: str, row: Record) -> None:
        store = self.tables[table].data
        raw = store._encode_value(row)
        store._db_for_partition(partition).put(store._encode_key(key), raw)

    async def ask(
        self, path: str, method: str = "GET", body: bytes = b"", **headers: str
    ) -> web.Response:
        headers = {"Host": "localhost:6066"} | {k.replace("_", "-"): v for k, v in headers.items()}
        request = make_mocked_request(method, path, headers=headers, app=self.served)
        request._read_bytes = body
        response = await self.served._handle(request)
        assert isinstance(response, web.Response)
        return response

    async def probe(self, path: str) -> int:
        """Ask as another machine would; return the status."""
        asked = {"Host": "127.0.0.1:6067"}
        request = make_mocked_request("GET", path, headers=asked, app=self.probes)
        return (await self.probes._handle(request)).status

    async def ask_json(self, path: str) -> Any:
        response = await self.ask(path, Accept="application/json")
        assert response.content_type == "application/json"
        return json.loads(response.text or "")

    async def ask_page(self, path: str) -> str:
        response = await self.ask(path, Accept="text/html")
        assert response.content_type == "text/html"
        return response.text or ""

    async def fetch(self, url: str) -> Any:
        """Answer for the worker at this address: this site, or the other one if there is one."""
        there = next(
            (each for each in (self, self.other) if each and url.startswith(each.url)), None
        )
        if there is None:
            raise BadAnswer("nobody listens")
        response = await there.ask(url.removeprefix(there.url))
        if response.status == 404:
            raise NoSuch
        if response.status != 200:
            raise BadAnswer(f"answered {response.status}")
        return json.loads(response.text or "")

    async def _stored(self) -> Stored:
        return self.stored

    async def _newest(self, topics: Iterable[str], most: int) -> dict[str, Newest]:
        return {topic: self.newest.get(topic, Newest([], False)) for topic in topics}

    def _app(self) -> Any:
        return SimpleNamespace(
            conf=SimpleNamespace(canonical_url=self.url),
            assignor=SimpleNamespace(
                assigned_actives=self._actives, tables_metadata=self._who_has_what
            ),
        )

    def _actives(self) -> set[TP]:
        return {TP(topic, number) for topic in self._changelogs() for number in self.owned}

    def _who_has_what(self) -> dict[str, dict[str, list[int]]]:
        others = sorted(set(range(self.partitions)) - self.owned)
        topics = self._changelogs()
        there = THERE if self.url == HERE else HERE
        ours = {self.url: {topic: sorted(self.owned) for topic in topics}}
        theirs = {there: {topic: others for topic in topics}}
        return ours | (theirs if others and not self.alone else {})

    def _changelogs(self) -> list[str]:
        return [table.changelog_topic_name for table in self.tables.by_name.values()]
