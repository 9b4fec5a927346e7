"""What pages are made of: the rows of all workers, the cluster, and the newest records."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeVar

from agents.asking.newest import Newest
from agents.asking.stored import Stored
from agents.asking.workers import Answers, Kinds, Places, Told
from agents.clients.errors import ClientError
from agents.web.held import Held
from agents.web.lately import Lately
from agents.web.peers import Peers
from streams.codec import decode, escape
from streams.flow.graph_rows import GraphRow, PodsRow
from streams.flow.index import GraphIndex
from streams.flow.judging import Judging
from streams.flow.output import DEAD_LETTERS, PATCH_OUTCOMES, POD_RULES, POLICY_PATCHES
from streams.flow.tracker import PodRow
from streams.policy.flows import Flows
from streams.policy.reach import name_of
from streams.records.base import Record
from streams.records.policies import PatchOutcome, PolicyPatch
from streams.records.views import Inexactness

R = TypeVar("R", bound=Record)

TABLES: Kinds = {
    "pods": PodRow,
    "graph-pods": PodsRow,
    "graph-rules": GraphRow,
    "wanted": PolicyPatch,
    "policies": PatchOutcome,
}
PAST = (POD_RULES, POLICY_PATCHES, PATCH_OUTCOMES)
# Of each table and worker: beyond it a page says that there is more.
MOST_ROWS = 20_000
# Of each partition.
MOST_LETTERS = 500
MOST_PAST = 300
WITHIN = 8.0


class Outside(NamedTuple):
    """How what lies outside of the workers is read, and how rules are."""

    stored: Callable[[], Awaitable[Stored]]
    newest: Callable[[Iterable[str], int], Awaitable[Mapping[str, Newest]]]
    judging: Judging


class Own(Protocol):
    """Whoever can say what this worker says of itself."""

    def content(self) -> dict[str, Any]:
        """Return everything this worker says of itself."""

    def complete(self) -> bool:
        """Tell whether all the rows are there that belong here."""


class Rows:
    """What all workers hold, and what follows from it: computed when a page first needs it."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    @cached_property
    def pods(self) -> dict[str, PodRow]:
        """The pods by their keys: no Services, and nothing that is kept of whole partitions."""
        rows = self.answers.rows("pods", PodRow)
        return {key: row for key, row in rows.items() if row.pod.name and not row.pod.service}

    @cached_property
    def wanted(self) -> dict[str, PolicyPatch]:
        """What the cluster should hold."""
        return self.answers.rows("wanted", PolicyPatch)

    @cached_property
    def outcomes(self) -> dict[str, PatchOutcome]:
        """What came of it."""
        return self.answers.rows("policies", PatchOutcome)

    @cached_property
    def graphs(self) -> dict[str, GraphIndex]:
        """What the rows say of each graph."""
        pods = self.answers.rows("graph-pods", PodsRow)
        rules = self.answers.rows("graph-rules", GraphRow)
        names = sorted({key.partition("|")[0] for key in (*pods, *rules)})
        return {name: GraphIndex.of(name, pods, rules) for name in names}

    @cached_property
    def unsaid(self) -> dict[str, list[tuple[str, Inexactness]]]:
        """By the text of a rule: the policies that do not say it exactly, and how."""
        found: dict[str, list[tuple[str, Inexactness]]] = {}
        for key, patch in self.wanted.items():
            for each in patch.inexact:
                found.setdefault(each.rule, []).append((key, each))
        return found


class Picture:
    """What the cluster stores, and whom that lets reach whom."""

    def __init__(self, stored: Stored, known: bool = True) -> None:
        self.stored = stored
        self.known = known

    @cached_property
    def policies(self) -> dict[str, dict[str, Any]]:
        """The policies by namespace/name, whosever they are."""
        return {name_of(each): dict(each) for each in self.stored.policies}

    @cached_property
    def flows(self) -> Flows:
        """Whom the policies let reach whom."""
        return Flows(self.stored.pods, self.stored.policies, self.stored.labels)


@dataclass(frozen=True)
class Seen:
    """Everything a page is made of, as it was when it was asked for; ``gaps`` say what lacks."""

    rows: Rows
    judging: Judging
    cluster: Picture
    newest: Mapping[str, Newest]
    gaps: tuple[str, ...]

    def records(self, topic: str, kind: type[R]) -> list[tuple[Any, R]]:
        """Return the newest records of a topic that can be read, each with where it lies."""
        found = self.newest.get(topic, Newest((), False)).records
        told = ((each, decode(each.value or b"", kind)) for each in found)
        return [(each, record) for each, record in told if isinstance(record, kind)]


class Knowing:
    """Asks for what pages need, and never raises: what does not answer is a gap."""

    def __init__(self, peers: Peers, held: Mapping[str, Held], own: Own, outside: Outside) -> None:
        self._peers = peers
        self._held = held
        self._own = own
        self._judging = outside.judging
        self._rows = Lately(self._ask_all)

        async def picture() -> Picture:
            return Picture(await outside.stored())

        self._parts: dict[str, Lately[Any]] = {
            "stored": Lately(picture),
            "letters": Lately(lambda: outside.newest((DEAD_LETTERS,), MOST_LETTERS)),
            "past": Lately(lambda: outside.newest(PAST, MOST_PAST)),
        }

    async def see(self, needs: Iterable[str] = (), *, fresh: bool = False) -> Seen:
        """Return the rows, and of ``stored``, ``letters`` and ``past`` what is needed as well."""
        names, gaps = sorted(needs), list[str]()
        rows, *parts = await asyncio.gather(
            self._rows.fresh() if fresh else self._rows.look(),
            *(self._one(name, fresh, gaps) for name in names),
        )
        told = dict(zip(names, parts, strict=True))
        cluster = told.get("stored") or Picture(Stored({}, [], {}), known=False)
        newest = {**(told.get("letters") or {}), **(told.get("past") or {})}
        gaps += [*rows.answers.gaps(), *cluster.stored.notes]
        return Seen(rows, self._judging, cluster, newest, tuple(gaps))

    async def _one(self, name: str, fresh: bool, gaps: list[str]) -> Any:
        part = self._parts[name]
        try:
            async with asyncio.timeout(WITHIN):
                return await (part.fresh() if fresh else part.look())
        except TimeoutError:
            gaps.append(f"{_NAMES[name]} not known: nobody answered within {WITHIN:.0f} s")
        except (ClientError, OSError, RuntimeError) as error:
            gaps.append(f"{_NAMES[name]} not known: {escape(error)}")
        return None

    async def _told(self) -> Told:
        rows = {name: await self._held[name].records(MOST_ROWS) for name in TABLES}
        places = {
            name: Places(frozenset(self._held[name].partitions), self._held[name].of)
            for name in TABLES
        }
        return Told(self._own.content(), rows, self._own.complete(), places)

    async def _ask_all(self) -> Rows:
        told, answers = await asyncio.gather(self._told(), self._peers.rows(TABLES))
        return Rows(Answers({self._peers.ours: told, **answers.told}, answers.silent))


_NAMES = {
    "stored": "what the cluster stores is",
    "letters": "dead letters are",
    "past": "recent changes are",
}
