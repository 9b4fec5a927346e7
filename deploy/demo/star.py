"""The story of the star: pods appear, a rule is written, two policies change, a pod goes."""

from __future__ import annotations

from deploy.demo.expected import (
    A_AND_B,
    A_TO_B,
    A_TO_B_ARRIVES,
    ADDRESSES,
    MANY,
    MANY_ARRIVE,
    MANY_RULES,
    isolated,
)
from deploy.demo.stage import FIREWALL
from deploy.demo.story import Story, changed


class StarStory(Story):
    """One firewall for all pods (thesis, figures 6.5 to 6.8)."""

    async def play(self) -> None:
        """Play all chapters; the narrator knows what did not come true."""
        await self._pods_appear("1. Three pods appear")
        star = {FIREWALL: sorted(ADDRESSES.values())}
        star |= {address: [FIREWALL] for address in ADDRESSES.values()}
        await self._check_neighbours("the graph is the star around the firewall", star)
        await self._a_rule_is_written()
        await self._a_pod_goes()
        await self._rules_of_every_kind()

    async def _a_rule_is_written(self) -> None:
        self._tell.chapter("2. Somebody lets pod-a talk to pod-b on TCP 80")
        self._tell.say(f"ALLOW TCP {A_TO_B['source']}:80 -> {A_TO_B['destination']}:80 on 10.0.0.1")
        before = await self._stage.policies()
        await self._stage.write_rules([A_TO_B])
        if self._witness is not None:
            await self._witness.connects("a connection from pod-a to pod-b", "pod-a", "pod-b")
        await self._check_stored("egress of pod-a and ingress of pod-b say so", A_AND_B)
        await self._check_settled()
        await self._check_written(before, ["pod-a", "pod-b"])
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
        self._tell.check("pod-c's policy was not touched", "pod-c" not in changed(before, after))
        found = await self._stage.neighbours()
        self._tell.neighbours(found)
        gone = ADDRESSES["pod-a"]
        named = gone in found or any(gone in names for names in found.values())
        self._tell.check("its node and its edges have left the graph", not named)
        self._tell.check(
            "the rule that named it has left the firewall", not await self._stage.rules()
        )
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
