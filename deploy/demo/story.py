"""What all stories share: a stage, a narrator, and ways to check what came of an act."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from deploy.demo.expected import ADDRESSES, ALL_ARRIVE, isolated
from deploy.demo.packets import Pair, Witness
from deploy.demo.show import Narrator
from deploy.demo.stage import Stage, same, until
from streams.policy.reach import reach

Json = dict[str, Any]
Policies = dict[str, Json]
Wait = Callable[[], Awaitable[bool]]


class Story(ABC):
    """
    One performance on one stage, by one placement; ``settled`` returns once all that was said
    had its effect.

    A witness also asks the kernel. It needs pods that nobody isolates at first:
    ``isolate`` begins that.
    """

    def __init__(
        self,
        stage: Stage,
        narrator: Narrator,
        settled: Wait,
        witness: Witness | None = None,
        isolate: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._stage = stage
        self._tell = narrator
        self._settled = settled
        self._witness = witness
        self._isolate = isolate

    @abstractmethod
    async def play(self) -> None:
        """Play all chapters; the narrator knows what did not come true."""

    async def _pods_appear(self, title: str) -> None:
        self._tell.chapter(title)
        self._tell.say("Without a policy everybody reaches everybody. vereflow isolates each pod.")
        for name, address in ADDRESSES.items():
            await self._stage.create_pod(name, address)
        if self._isolate is not None:
            await self._check_run()
            await self._check_packets("as yet every packet arrives", ALL_ARRIVE)
            self._tell.say("Now a worker starts.")
            await self._isolate()
        wanted = {name: isolated(name) for name in ADDRESSES}
        await self._check_stored("every pod has its isolation policy", wanted)
        await self._check_settled()
        await self._show_matrix("Who reaches whom now")
        nothing = [(a, b) for a in ADDRESSES for b in ADDRESSES if a != b]
        await self._check_reach("no pod reaches another", nothing, lambda found: found == "")
        await self._check_packets("no packet arrives any more", {})

    async def _check_run(self) -> None:
        async def all_run() -> bool:
            return all(pod["status"].get("podIP") for pod in await self._stage.pods())

        self._tell.took("every pod runs, with its address", await until(all_run))

    async def _check_packets(
        self, claim: str, wanted: Mapping[Pair, set[str]], pods: Iterable[str] = ADDRESSES
    ) -> None:
        if self._witness is not None:
            await self._witness.check(claim, wanted, pods)

    async def _check_stored(self, claim: str, wanted: Policies) -> None:
        seconds = await until(lambda: self._stored(wanted))
        self._tell.took(claim, seconds)
        if seconds is None:
            found = await self._stage.policies()
            for name in sorted(wanted.keys() | found.keys()):
                spec = found.get(name, {}).get("spec", {})
                self._tell.difference(name, _sorted(wanted.get(name, {})), _sorted(spec))

    async def _check_settled(self) -> None:
        if not await self._settled():
            self._tell.check("nothing more is on its way", False)

    async def _stored(self, wanted: Policies) -> bool:
        found = {name: each["spec"] for name, each in (await self._stage.policies()).items()}
        return same(_sorted(found), _sorted(wanted))

    async def _check_neighbours(self, claim: str, wanted: Mapping[str, list[str]]) -> None:
        found = await self._stage.neighbours()
        self._tell.neighbours(found)
        self._tell.check(claim, same(found, wanted))

    async def _check_written(self, before: Policies, wanted: list[str]) -> None:
        after = await self._stage.policies()
        names = changed(before, after)
        for name in names:
            self._tell.difference(name, before[name]["spec"], after[name]["spec"])
        self._tell.check("exactly two policies were written", names == wanted)

    async def _show_matrix(self, title: str) -> None:
        flows = await self._flows()
        self._tell.matrix(title, list(ADDRESSES), lambda one, two: flows[one, two])

    async def _check_reach(
        self, claim: str, pairs: Iterable[tuple[str, str]], holds: Callable[[str], bool]
    ) -> None:
        flows = await self._flows()
        wrong = [
            f"{a} -> {b}: {flows[a, b] or 'nothing'}" for a, b in pairs if not holds(flows[a, b])
        ]
        self._tell.check(claim, not wrong, ", ".join(wrong))

    async def _flows(self) -> dict[tuple[str, str], str]:
        pods = {pod["metadata"]["name"]: pod for pod in await self._stage.pods()}
        policies = list((await self._stage.policies()).values())
        return {
            (a, b): reach(policies, pods[a], pods[b]).text if {a, b} <= pods.keys() else ""
            for a in ADDRESSES
            for b in ADDRESSES
        }


def changed(before: Policies, after: Policies) -> list[str]:
    """Return the names of the policies that were written in between."""
    return sorted(
        name
        for name in before.keys() & after.keys()
        if before[name]["metadata"]["resourceVersion"] != after[name]["metadata"]["resourceVersion"]
    )


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _sorted(value: Any) -> Any:
    """Return the value with every list in one order: the order of a policy's lists says nothing."""
    if isinstance(value, dict):
        return {key: _sorted(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(each) for each in value), key=_text)
    return value
