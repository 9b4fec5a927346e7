"""The pods of a world: born, given an address, finished, dead, and reborn under the same name."""

from __future__ import annotations

import random
from collections.abc import Sequence

from streams.flow.output import Send
from streams.records.pods import PodEventType
from tests.simulation.cluster import Cluster, LivePod
from tests.simulation.ruling import ADDRESSES
from tests.simulation.watching import Happened, five_fields

NAMES = ("a", "b", "c", "d", "e")
# Pods that no watcher sees: somebody else tells of them, in five fields.
TOLD_BY_OTHERS = ("y",)


class Population:
    """Whoever starts and stops pods; what happened is kept in order for the watchers."""

    def __init__(
        self,
        chance: random.Random,
        cluster: Cluster,
        addresses: Sequence[str] = ADDRESSES,
        home: str = "local",
    ) -> None:
        self.chance = chance
        self.cluster = cluster
        self.addresses = addresses
        self.home = home
        self.uid = "uid" if home == "local" else f"uid-{home}"
        # Who tells of pods in five fields can name no other cluster.
        self.names = (*NAMES, *(TOLD_BY_OTHERS if home == "local" else ()))
        self.events: list[Happened] = []
        self.uids = 0
        self.foreign_key: str | None = "somebody"

    def change(self) -> list[Send]:
        """Let something happen to a pod; return what its five-field producer says of it."""
        pods = self.cluster.pods
        name = self.chance.choice(self.names)
        pod = pods.get(f"{self.home}/default/{name}")
        if pod is None:
            return self._born(name)
        if pod.address is None:
            return self._became(pod._replace(address=self._free_address()))
        dice = self.chance.random()
        if dice < 0.55:
            return self._died(pod)
        if dice < 0.65 and pod.told == "watcher":
            # Five fields cannot say that a pod has finished.
            return self._became(pod._replace(phase="Succeeded"))
        if dice < 0.9:
            # Gone and there again before anybody looked, often at the address just left.
            said = self._died(pod)
            return [*said, *self._born(name)]
        return self._became(pod)

    def say_again(self) -> list[Send]:
        """Return what the five-field producers say once more to new topics."""
        pods = self.cluster.pods.values()
        return [
            five_fields(PodEventType.ADDED, pod, self.foreign_key)
            for pod in pods
            if pod.told != "watcher"
        ]

    def _born(self, name: str) -> list[Send]:
        by_others = name in TOLD_BY_OTHERS
        known_at_once = by_others or self.chance.random() < 0.7
        address = self._free_address() if known_at_once else None
        if by_others and address is None:
            return []
        self.uids += 1
        self.cluster.clock += 1
        label = name if by_others or self.chance.random() < 0.93 else f"not-{name}"
        pod = LivePod(
            name=name,
            uid=f"address-{address}" if by_others else f"{self.uid}-{self.uids}",
            address=address,
            labels={"app": label},
            phase="Running",
            born=self.cluster.clock,
            told="others" if by_others else "watcher",
            cluster=self.home,
        )
        return self._happened(PodEventType.ADDED, pod)

    def _became(self, pod: LivePod) -> list[Send]:
        return self._happened(PodEventType.MODIFIED, pod)

    def _died(self, pod: LivePod) -> list[Send]:
        del self.cluster.pods[pod.key]
        return self._tell(PodEventType.DELETED, pod)

    def _happened(self, event: PodEventType, pod: LivePod) -> list[Send]:
        self.cluster.pods[pod.key] = pod
        return self._tell(event, pod)

    def _tell(self, event: PodEventType, pod: LivePod) -> list[Send]:
        self.events.append((event, pod))
        return [] if pod.told == "watcher" else [five_fields(event, pod, self.foreign_key)]

    def _free_address(self) -> str | None:
        here = (pod for pod in self.cluster.pods.values() if pod.cluster == self.home)
        held = {pod.address for pod in here}
        free = [address for address in self.addresses if address not in held]
        return self.chance.choice(free) if free else None
