"""A world of two clusters: a watcher and an applier at each, one core, and a way between them.

Packets from the first arrive at the second under a shared address; the way back is routed. Some
addresses are those of pods in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.flow.crossing import Link
from streams.flow.judging import Judging
from streams.flow.output import Send
from tests import reading
from tests.simulation.cluster import LivePod, Policy
from tests.simulation.identified import (
    PODS,
    Crowd,
    IdentityJudge,
    IdentityRun,
    node_of,
    running,
    whose,
)
from tests.simulation.judging import probed, readable
from tests.simulation.living import Population
from tests.simulation.meant import NOTHING, Bound, Packets
from tests.simulation.ruling import Firewall
from tests.simulation.running import CLUSTER

OTHER = "other"
GATE = "172.16.0.1"
LINKS = (Link(CLUSTER, OTHER, seen=(f"{GATE}/32",)), Link(OTHER, CLUSTER))
ADDRESSES = {CLUSTER: PODS, OTHER: [f"10.2.0.{last}" for last in range(5, 11)]}
NOWHERE = "::1"


class ClustersJudge(IdentityJudge):
    """Judges packets between two clusters by both halves of what lets them through."""

    def hear(self, key: str, old: Any, new: Any, decided: int) -> None:
        """Judge one write of one policy: whom it lets in at the shared address, too."""
        super().hear(key, old, new, decided)
        node = self._node(key)
        if node is None or node.cluster != OTHER:
            return
        ever = [node_of(pod) for pod in self.told().ever.values() if pod.cluster == CLUSTER]
        meant = NOTHING.union(*(self._ever_allowed(each, node) for each in ever))
        if more := self._enters(GATE, node, [new]) - meant:
            self._wrong(f"wider: {GATE} to {node.key}: {sorted(more)}")

    def _said(self, source: LivePod, destination: LivePod, policies: list[Policy]) -> Packets:
        if source.cluster == destination.cluster:
            return super()._said(source, destination, self._of(source.cluster, policies))
        if source.address is None or destination.address is None:
            return NOTHING
        came = GATE if source.cluster == CLUSTER else source.address
        own, name = readable(source._replace(address=NOWHERE)), f"default/{source.name}"
        mine = self._of(source.cluster, policies)
        leaves = probed(reading.allowed_ports(mine, [own], name, destination.address))
        return leaves & self._enters(came, destination, policies)

    def _enters(self, came: str, pod: LivePod, policies: list[Policy]) -> Packets:
        own, mine = readable(pod._replace(address=NOWHERE)), self._of(pod.cluster, policies)
        return probed(reading.allowed_ports(mine, [own], came, f"default/{pod.name}"))

    def _of(self, cluster: str, policies: list[Policy]) -> list[Policy]:
        known = self.cluster.policies.items()
        mine = {id(policy) for key, policy in known if key.startswith(f"{cluster}/")}
        return [policy for policy in policies if id(policy) in mine]

    def _meant(
        self, source: LivePod, destination: LivePod, shared: set[str], bound: Bound
    ) -> Packets:
        met = (destination,) if source.cluster == CLUSTER else (source, destination)
        if source.cluster != destination.cluster and not (
            source.address and all(map(self._is_only, met))
        ):
            # What two have is nobody's, and reported.
            return NOTHING
        return super()._meant(source, destination, shared, bound)

    def _is_only(self, pod: LivePod) -> bool:
        if pod.address is None:
            return False
        return {whose(each) for each in running(self.cluster) if each.address == pod.address} == {
            whose(pod)
        }


class Crowds:
    """Whoever starts and stops pods in either cluster."""

    def __init__(self, *crowds: Crowd) -> None:
        self.at = {crowd.home: crowd for crowd in crowds}
        self._chance = crowds[0].chance

    @property
    def foreign_key(self) -> str | None:
        """Under which key five-field producers write, if not under the proper one."""
        return self.at[CLUSTER].foreign_key

    @foreign_key.setter
    def foreign_key(self, key: str | None) -> None:
        self.at[CLUSTER].foreign_key = key

    def change(self) -> list[Send]:
        """Let something happen to a pod somewhere."""
        return self._chance.choice(list(self.at.values())).change()

    def say_again(self) -> list[Send]:
        """Return what the five-field producers say once more to new topics."""
        return [send for crowd in self.at.values() for send in crowd.say_again()]


class ClustersRun(IdentityRun):
    """A world whose graph has the workloads of two clusters."""

    clusters = (CLUSTER, OTHER)
    judging = Judging(links=LINKS)

    def _judge(self, firewalls: Mapping[str, Firewall]) -> ClustersJudge:
        return ClustersJudge(firewalls, self.told)

    def _people(self) -> Any:
        return Crowds(
            *(Crowd(self.chance, self.cluster, ADDRESSES[home], home) for home in self.clusters)
        )

    def _people_at(self, home: str) -> Population:
        return self.people.at[home]
