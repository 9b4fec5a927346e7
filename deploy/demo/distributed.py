"""The story of a firewall before every pod: a rule on one opens both ends, a pod takes its own."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.demo.expected import (
    ADDRESSES,
    B_AND_C,
    B_TO_C,
    B_TO_C_ARRIVES,
    FIRST_FIREWALLS,
    HUB,
    isolated,
)
from deploy.demo.story import Story, changed

A, B, C = ADDRESSES.values()


class DistributedStory(Story):
    """One firewall per pod, in a mesh (thesis, figures 6.9 to 6.12), or around a hub."""

    hub = False

    async def play(self) -> None:
        """Play all chapters; the narrator knows what did not come true."""
        await self._pods_appear("1. Three pods appear, and a firewall with each")
        fronts = await self._fronts()
        told = "each has a firewall of its own, 10.0.0.0 to 10.0.0.2"
        self._tell.check(told, sorted(fronts.values()) == FIRST_FIREWALLS)
        await self._check_neighbours(f"they are joined {self._how}", self._graph(fronts))
        await self._a_rule_is_written(fronts)
        await self._a_pod_goes(fronts)
        await self._it_comes_back(fronts)

    @property
    def _how(self) -> str:
        return "to one hub" if self.hub else "to each other"

    async def _fronts(self) -> dict[str, str]:
        """Return pod's address → its firewall, as the pod's only edge says."""
        found = await self._stage.neighbours()
        return {each: found[each][0] for each in ADDRESSES.values() if found.get(each)}

    def _graph(self, fronts: Mapping[str, str]) -> dict[str, list[str]]:
        names = sorted(fronts.values())
        graph = {address: [name] for address, name in fronts.items()}
        for address, name in fronts.items():
            others = [HUB] if self.hub else [each for each in names if each != name]
            graph[name] = sorted([address, *others])
        if self.hub:
            graph[HUB] = names
        return graph

    async def _a_rule_is_written(self, fronts: Mapping[str, str]) -> None:
        self._tell.chapter("2. Somebody lets pod-b talk to pod-c, on pod-b's firewall alone")
        self._tell.say(f"ALLOW TCP {B}:80 -> {C}:80 on {fronts[B]}")
        before = await self._stage.policies()
        await self._stage.write_rules([B_TO_C], fronts[B])
        if self._witness is not None:
            await self._witness.connects("a connection from pod-b to pod-c", "pod-b", "pod-c")
        await self._check_stored("egress of pod-b and ingress of pod-c say so", B_AND_C)
        await self._check_settled()
        await self._check_written(before, ["pod-b", "pod-c"])
        await self._show_matrix("Who reaches whom now")
        await self._check_reach("b -> c on TCP 80", [("pod-b", "pod-c")], lambda f: f == "TCP 80")
        closed = [("pod-c", "pod-b"), ("pod-a", "pod-c"), ("pod-b", "pod-a")]
        await self._check_reach("nobody else, nothing else", closed, lambda found: found == "")
        await self._check_packets("TCP 80 from b to c arrives, and nothing else", B_TO_C_ARRIVES)

    async def _a_pod_goes(self, fronts: Mapping[str, str]) -> None:
        self._tell.chapter("3. pod-c goes, with its firewall and every rule that named it")
        before = await self._stage.policies()
        await self._stage.delete_pod("pod-c")
        left = {name: isolated(name) for name in ("pod-a", "pod-b")}
        await self._check_stored("its policy is gone and pod-b is isolated again", left)
        await self._check_settled()
        after = await self._stage.policies()
        self._tell.check("pod-a's policy was not touched", "pod-a" not in changed(before, after))
        remaining = {address: name for address, name in fronts.items() if address != C}
        await self._check_neighbours("both its nodes have left", self._graph(remaining))
        left_rules = [await self._stage.rules(name) for name in remaining.values()]
        self._tell.check("no firewall names it any more", not any(left_rules))
        await self._check_packets("no packet arrives between those that are left", {}, left)

    async def _it_comes_back(self, fronts: Mapping[str, str]) -> None:
        self._tell.chapter("4. pod-c comes back, to the lowest firewall that is free")
        await self._stage.create_pod("pod-c", C)
        await self._check_stored(
            "it is born isolated", {name: isolated(name) for name in ADDRESSES}
        )
        await self._check_settled()
        await self._check_neighbours("the graph is whole again", self._graph(fronts))
        empty = await self._stage.rules(fronts[C]) == []
        self._tell.check("its firewall knows nothing of the one before", empty)


class HubStory(DistributedStory):
    """The same around one forwarder."""

    hub = True
