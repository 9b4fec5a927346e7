"""See every version of every policy, from the server's own watch, and hold it against the rules.

The rules of a pair of pods come and go in one order, each with a port of its own, so what a policy
says tells up to which record it is true: its age. Ages never go back, and no port is open that no
such moment had open.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import httpx

from deploy.demo.stage import POLICIES
from streams.records.policies import parse_revision
from tests.e2e.storm import FIRST_PORT, LIVING, PAIRS, PODS

Json = dict[str, Any]
NOTE = "vereflow.io/revision"
NAMES = list(PODS)


class Version(NamedTuple):
    """One policy as it was stored from a moment on; a spec of None is its removal."""

    at: float
    name: str
    uid: str
    revision: str
    spec: Json | None


class Witness:
    """Follows the policies of one server, through its deaths as well."""

    def __init__(self, kube: httpx.AsyncClient) -> None:
        self.versions: list[Version] = []
        self._kube = kube
        self._version = ""
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Look on from now on."""
        await self._list()
        self._task = asyncio.create_task(self._follow())

    async def end(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _list(self) -> None:
        answer = (await self._kube.get(POLICIES)).raise_for_status().json()
        for item in answer["items"]:
            self._note("ADDED", item)
        self._version = answer["metadata"]["resourceVersion"]

    async def _follow(self) -> None:
        while True:
            with suppress(httpx.HTTPError):
                await self._watch()
            await asyncio.sleep(0.05)

    async def _watch(self) -> None:
        options = {"watch": "1", "resourceVersion": self._version}
        watch = self._kube.stream("GET", POLICIES, params=options, timeout=None)
        async with watch as lines:
            async for line in lines.aiter_lines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    # A server that was restarted knows of nothing before; nobody wrote meanwhile.
                    return await self._list()
                self._version = event["object"]["metadata"]["resourceVersion"]
                self._note(event["type"], event["object"])

    def _note(self, kind: str, policy: Json) -> None:
        meta = policy["metadata"]
        revision = (meta.get("annotations") or {}).get(NOTE, "")
        spec = None if kind == "DELETED" else policy["spec"]
        self.versions.append(Version(time.monotonic(), meta["name"], meta["uid"], revision, spec))

    def violations(self) -> list[str]:
        """Return every moment at which a policy went back, or allowed what was never allowed."""
        return [*self._went_back(), *self._wider()]

    def _went_back(self) -> Iterator[str]:
        newest: dict[str, tuple[int, int, int]] = {}
        for each in self.versions:
            if each.spec is None:
                continue
            order = parse_revision(each.revision).order
            if order < newest.get(each.uid, order):
                yield f"{each.name} went back to revision {each.revision}"
            newest[each.uid] = order

    def _wider(self) -> Iterator[str]:
        ages: defaultdict[str, int] = defaultdict(lambda: -1)
        for each in self.versions:
            if each.name not in PODS:
                if each.spec is not None and ports_in(each.spec):
                    yield f"{each.name}, of whom no rule speaks, has open {ports_in(each.spec)}"
                continue
            if each.spec is None:
                yield f"{each.name} has no policy any more"
                continue
            age = age_of(NAMES.index(each.name) // 2, ports_in(each.spec))
            if age is None:
                yield f"{each.name} has open what no moment had: {sorted(ports_in(each.spec))}"
            elif age < ages[each.name]:
                yield f"{each.name} went back from rule {ages[each.name]} to {age}"
            else:
                ages[each.name] = age


def age_of(pair: int, ports: frozenset[int]) -> int | None:
    """Return the newest of the rules that these ports are, -1 before the first; None: no moment."""
    if not ports:
        return -1
    newest = max(ports) - FIRST_PORT
    turns = range(max(0, newest // PAIRS - LIVING + 1), newest // PAIRS + 1)
    expected = {FIRST_PORT + pair + PAIRS * turn for turn in turns}
    return newest if expected == ports else None


def ports_in(spec: Mapping[str, Any]) -> frozenset[int]:
    """Return every port that a policy opens to others, in either direction."""
    himself = {"podSelector": spec["podSelector"]}
    return frozenset(
        number
        for side, peers in (("ingress", "from"), ("egress", "to"))
        for rule in spec.get(side) or ()
        if rule.get(peers) != [himself]
        for port in rule.get("ports") or ({"port": 0},)
        for number in range(int(port["port"]), int(port.get("endPort") or port["port"]) + 1)
    )
