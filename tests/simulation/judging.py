"""The judge: what must hold at every instant, and what must hold when all is quiet."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Mapping
from typing import Any

from streams.flow.fence import POD_UID, is_ours, revision_of
from streams.policy.canonical import spec_equal
from tests import reading
from tests.simulation.applying import INSTANCE
from tests.simulation.cluster import Cluster, LivePod, Policy
from tests.simulation.meant import ALL, ICMP, NOTHING, Bound, Packets, allowed
from tests.simulation.ruling import Firewall


class Judge:
    """Hears every write of a policy and every change of the world."""

    def __init__(self, firewalls: Mapping[str, Firewall]) -> None:
        self.firewalls = firewalls
        self.cluster = Cluster(self.hear)
        self.violations: list[str] = []
        # What the firewalls said since all was quiet: pods and rules come by different ways, so a
        # pod may be seen before rules that are older than itself.
        self.versions: list[dict[str, Firewall]] = []
        self._ever: dict[Any, tuple[int, Packets]] = {}
        self.covered: set[tuple[str, int]] = set()
        self.foreign: dict[str, Policy] = {}
        self.spec_writes = 0

    def hear(self, key: str, old: Policy | None, new: Policy | None, decided: int) -> None:
        """Judge one write of one policy."""
        self._judge_write(key, old, new)
        pod = self.cluster.pods.get(key)
        if pod is None or pod not in self.living():
            return
        if new is None and pod.born < decided:
            self._wrong(f"the policy of {key} was deleted while it lives")
        if self._covers(pod):
            self.covered.add((pod.uid, pod.born))
        for other in self.living():
            if other.key != key:
                self._never_wider(pod, other)
                self._never_wider(other, pod)

    def _judge_write(self, key: str, old: Policy | None, new: Policy | None) -> None:
        if old is not None and not is_ours(old, INSTANCE):
            self._wrong(f"foreign policy {key} written")
        if old is None or new is None:
            self.spec_writes += 1
            return
        self.spec_writes += not spec_equal(old["spec"], new["spec"])
        if revision_of(old).order > revision_of(new).order:
            self._wrong(f"{key} went back from {revision_of(old).text} to {revision_of(new).text}")

    def rules_changed(self) -> None:
        """Take in that the firewalls say something else now."""
        self.versions.append(dict(self.firewalls))

    def living(self) -> list[LivePod]:
        """Return the pods that run and can be protected."""
        running = (pod for key, pod in self.cluster.pods.items() if self.cluster.lives(key))
        return [pod for pod in running if protectable(pod) and pod.key not in self.foreign]

    def pairs(self) -> Iterator[tuple[LivePod, LivePod]]:
        """Yield all ordered pairs of pods that can be protected."""
        pods = self.living()
        return ((one, two) for one in pods for two in pods if one is not two)

    def quiet(self, bound: Bound) -> None:
        """Judge a world in which everything that was said has had its effect."""
        self._judge_policies()
        self._judge_reach(bound)
        # From here on, what was allowed before is no excuse.
        self.versions.clear()
        self._ever.clear()
        self.rules_changed()

    def _judge_policies(self) -> None:
        for pod in self.living():
            if not self._covers(pod):
                self._wrong(f"{pod.key} ({pod.uid}) has no policy of its own")
        # Beside a pod that no policy selects, the isolation of an earlier pod may stay.
        expected = {key for key in self.cluster.pods if self.cluster.lives(key)}
        for key, policy in self.cluster.policies.items():
            if is_ours(policy, INSTANCE) and key not in expected:
                self._wrong(f"orphan {key}")
        for key, policy in self.foreign.items():
            if self.cluster.policies.get(key) != policy:
                self._wrong(f"foreign policy {key} is another")

    def _judge_reach(self, bound: Bound) -> None:
        policies = list(self.cluster.policies.values())
        for source, destination in self.pairs():
            meant = allowed(source, destination, self.firewalls, bound)
            said = self._said(source, destination, policies)
            if said != meant:
                names = f"{source.name} to {destination.name}"
                self._wrong(f"{names}: {_text(said)} instead of {_text(meant)}")

    def put_foreign(self, key: str, policy: Policy) -> None:
        """Let somebody else's policy be there from the beginning."""
        self.cluster.put_foreign(key, policy)
        self.foreign[key] = copy.deepcopy(self.cluster.policies[key])

    def _never_wider(self, source: LivePod, destination: LivePod) -> None:
        if not (self._covers(source) and self._covers(destination)):
            for pod in (source, destination):
                if (pod.uid, pod.born) in self.covered and pod.key not in self.cluster.policies:
                    self._wrong(f"{pod.key} stands open")
            return
        policies = [self.cluster.policies[pod.key] for pod in (source, destination)]
        said = self._said(source, destination, policies)
        if more := said - self._ever_allowed(source, destination):
            self._wrong(f"wider: {source.name} to {destination.name}: {_text(more)}")

    def _ever_allowed(self, source: LivePod, destination: LivePod) -> Packets:
        known, ever = self._ever.get((key := (source[:3], destination[:3])), (0, NOTHING))
        for firewalls in self.versions[known:]:
            ever |= allowed(source, destination, firewalls)
        self._ever[key] = len(self.versions), ever
        return ever

    def _covers(self, pod: LivePod) -> bool:
        policy = self.cluster.policies.get(pod.key)
        if policy is None or not is_ours(policy, INSTANCE):
            return False
        return (policy["metadata"].get("annotations") or {}).get(POD_UID) == pod.uid

    def _said(self, source: LivePod, destination: LivePod, policies: list[Policy]) -> Packets:
        ends = [readable(source), readable(destination)]
        names = [f"default/{pod.name}" for pod in (source, destination)]
        return probed(reading.allowed_ports(policies, ends, *names))

    def _wrong(self, what: str) -> None:
        self.violations.append(what)


def protectable(pod: LivePod) -> bool:
    """Tell whether the pod's label picks it out."""
    return pod.labels.get("app") == pod.name


def readable(pod: LivePod) -> dict[str, object]:
    """Return the pod as who reads policies sees it."""
    address = pod.address or "10.255.255.255"
    return {"namespace": "default", "name": pod.name, "labels": pod.labels, "ip": address}


@functools.cache
def probed(reach: reading.Reach) -> Packets:
    """Return which of the probes get through."""
    found = {
        packet
        for packet in ALL - {ICMP}
        for first, last in getattr(reach, packet.protocol.lower())
        if first <= packet.dst_port <= last
    }
    return frozenset(found | ({ICMP} if reach.icmp else set()))


def _text(packets: Packets) -> str:
    return ", ".join(sorted(f"{one.protocol} {one.dst_port}" for one in packets)) or "nothing"
