"""The story itself: pods appear, a rule is written, exactly two policies change, a pod goes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from deploy.demo.expected import (
    A_AND_B,
    A_TO_B,
    A_TO_B_ARRIVES,
    ADDRESSES,
    ALL_ARRIVE,
    FIREWALL,
    MANY,
    MANY_ARRIVE,
    MANY_RULES,
    isolated,
)
from deploy.demo.packets import Pair, Witness
from deploy.demo.show import Narrator
from deploy.demo.stage import Stage, same, until
from streams.policy.reach import reach

Json = dict[str, Any]
Policies = dict[str, Json]
Wait = Callable[[], Awaitable[bool]]


class Story:
    """
    One performance on one stage; ``settled`` returns once everything said had its effect.

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

    async def play(self) -> None:
        """Play all chapters; the narrator knows what did not come true."""
        await self._pods_appear()
        await self._a_rule_is_written()
        await self._a_pod_goes()
        await self._rules_of_every_kind()

    async def _pods_appear(self) -> None:
        self._tell.chapter("1. Three pods appear")
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
        star = {FIREWALL: sorted(ADDRESSES.values())}
        star |= {address: [FIREWALL] for address in ADDRESSES.values()}
        found = await self._stage.neighbours()
        self._tell.neighbours(found)
        self._tell.check("the graph is the star around the firewall", same(found, star))

    async def _a_rule_is_written(self) -> None:
        self._tell.chapter("2. Somebody lets pod-a talk to pod-b on TCP 80")
        self._tell.say(f"ALLOW TCP {A_TO_B['source']}:80 -> {A_TO_B['destination']}:80 on 10.0.0.1")
        before = await self._stage.policies()
        await self._stage.write_rules([A_TO_B])
        if self._witness is not None:
            await self._witness.connects("a connection from pod-a to pod-b", "pod-a", "pod-b")
        await self._check_stored("egress of pod-a and ingress of pod-b say so", A_AND_B)
        await self._check_settled()
        after = await self._stage.policies()
        changed = _changed(before, after)
        for name in changed:
            self._tell.difference(name, before[name]["spec"], after[name]["spec"])
        self._tell.check("exactly two policies were written", changed == ["pod-a", "pod-b"])
        await self._show_matrix("Who reaches whom now")
        await self._check_reach("a -> b on TCP 80", [("pod-a", "pod-b")], lambda f: f == "TCP 80")
        closed = [("pod-b", "pod-a"), ("pod-a", "pod-c"), ("pod-c", "pod-b")]
        await self._check_reach("nobody else, nothing else", closed, lambda found: found == "")
        await self._check_packets("TCP 80 from a to b arrives, and nothing else", A_TO_B_ARRIVES)

    async def _a_pod_goes(self) -> None:
        self._tell.chapter("3. pod-a goes, and with it everything that named it")
        before = await self._stage.policies()
        await self._stage.delete_pod("pod-a")
        left = {name: isolated(name) for name in ("pod-b", "pod-c")}
        await self._check_stored("its policy is gone and pod-b is isolated again", left)
        await self._check_settled()
        after = await self._stage.policies()
        self._tell.check("pod-c's policy was not touched", "pod-c" not in _changed(before, after))
        found = await self._stage.neighbours()
        self._tell.neighbours(found)
        gone = ADDRESSES["pod-a"]
        named = gone in found or any(gone in names for names in found.values())
        self._tell.check("its node and its edges have left the graph", not named)
        self._tell.check("the rule that named it has left the firewall", not await self._rules())
        await self._check_packets("no packet arrives between those that are left", {}, left)

    async def _rules_of_every_kind(self) -> None:
        self._tell.chapter("4. pod-a comes back, and rules of every kind are written")
        await self._stage.create_pod("pod-a", ADDRESSES["pod-a"])
        wanted = {name: isolated(name) for name in ADDRESSES}
        await self._check_stored("pod-a is born isolated", wanted)
        await self._check_settled()
        for rule in MANY_RULES:
            ports = f"{rule['destination']}:{rule['dstPort']}"
            self._tell.say(f"  {rule['action']} {rule['protocol']} {rule['source']} -> {ports}")
        await self._stage.write_rules(MANY_RULES)
        await self._check_stored("every policy says exactly what the rules say", MANY)
        await self._check_settled()
        await self._show_matrix("Who reaches whom now")
        await self._check_packets(
            "what the rules let through arrives, and nothing else", MANY_ARRIVE
        )
        await self._stage.write_rules([])
        await self._check_stored("without rules every pod is isolated again", wanted)

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

    async def _rules(self) -> list[Json]:
        return await self._stage.rules()

    async def _stored(self, wanted: Policies) -> bool:
        found = {name: each["spec"] for name, each in (await self._stage.policies()).items()}
        return same(_sorted(found), _sorted(wanted))

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


def _changed(before: Policies, after: Policies) -> list[str]:
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
