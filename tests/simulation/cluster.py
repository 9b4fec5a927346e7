"""An API server that knows pods and policies, and enforces uid and resourceVersion."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams.flow.fence import Step, Verb
from streams.records.views import Workload

Policy = dict[str, Any]


class LivePod(NamedTuple):
    """A pod as the cluster has it; ``told`` by a watcher, or by somebody's five fields."""

    name: str
    uid: str
    address: str | None
    labels: dict[str, str]
    phase: str
    born: int
    told: str = "watcher"
    workload: Workload | None = None
    cluster: str = "local"

    @property
    def key(self) -> str:
        """Return the key of the pod and its policy."""
        return f"{self.cluster}/default/{self.name}"


class Conflict(Exception):
    """What was read is not what is there."""


@dataclass
class Cluster:
    """Pods by key and policies by key; whoever judges hears of every write of a policy."""

    heard: Callable[[str, Policy | None, Policy | None, int], None]
    pods: dict[str, LivePod] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    writes: int = 0
    clock: int = 0

    def lives(self, key: str) -> bool:
        """Tell whether a pod of that name runs."""
        return key in self.pods and self.pods[key].phase == "Running"

    def carry_out(self, key: str, step: Step, decided: int) -> None:
        """Do what a step asks; raise Conflict when it read something else."""
        stored = self.policies.get(key)
        if step.verb is Verb.CREATE:
            if stored is not None:
                raise Conflict
            self._store(key, step.manifest, {"uid": f"policy-{self.clock}"}, decided)
            return
        if stored is None:
            raise Conflict
        meta = stored["metadata"]
        if (meta["uid"], meta["resourceVersion"]) != (step.uid, step.resource_version):
            raise Conflict
        self._store(key, step.manifest, {"uid": meta["uid"]}, decided)

    def put_foreign(self, key: str, manifest: Policy) -> None:
        """Let somebody else write a policy."""
        self._store(key, manifest, {"uid": f"policy-{self.clock}"}, self.clock)

    def _store(self, key: str, manifest: Policy | None, meta: dict[str, str], decided: int) -> None:
        old = self.policies.pop(key, None)
        self.clock += 1
        self.writes += 1
        if manifest is not None:
            new = copy.deepcopy(manifest)
            new["metadata"] |= meta | {"resourceVersion": str(self.clock)}
            self.policies[key] = new
        self.heard(key, old, self.policies.get(key), decided)
