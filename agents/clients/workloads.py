"""What a node of the graph stands for beside pods, and who says which pod is of which."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Protocol

from agents.clients.kubernetes import Cluster
from agents.clients.owners import Owners
from streams.records.views import Workload

Json = dict[str, Any]


class Workloads(Protocol):
    """Says of which workload a pod is."""

    @property
    def unread(self) -> list[str]:
        """Say what could not be read for want of a right."""

    async def begin(self, pods: Iterable[Json]) -> None:
        """Prepare for a whole listing; raise TryLater."""

    async def workload(self, pod: Json) -> Workload:
        """Return the workload of a pod; raise TryLater."""


class ServiceAccounts:
    """All pods of a service account are one workload."""

    @property
    def unread(self) -> list[str]:
        """Nothing is read."""
        return []

    async def begin(self, pods: Iterable[Json]) -> None:
        """Nothing is to be prepared."""

    async def workload(self, pod: Json) -> Workload:
        """Return the service account of a pod; one that names none has the default one."""
        name = (pod.get("spec") or {}).get("serviceAccountName") or "default"
        return Workload(kind="ServiceAccount", name=name)


def workloads_of(
    cluster: Cluster, identity: Literal["pod", "workload", "service-account"]
) -> Workloads | None:
    """Return who says of which workload pods are, unless pods stand for themselves."""
    if identity == "pod":
        return None
    return ServiceAccounts() if identity == "service-account" else Owners(cluster)
