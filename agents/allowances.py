"""Find out what pods may do beside their rules, by asking the cluster again and again.

reads   the cluster's services, ingresses, webhook configurations, pods
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from agents.clients.errors import NotThere
from agents.clients.kubernetes import Cluster
from streams.policy.dialects.allowing import (
    Backend,
    Port,
    asking_dns,
    ingress_backends,
    labelled,
    missing,
    scraped,
    served,
    webhook_backends,
)
from streams.policy.dialects.standing import DNS, INGRESS, PROMETHEUS, WEBHOOKS

Json = dict[str, Any]


class Found(NamedTuple):
    """The specs that are wanted by now, and what could not be allowed.

    ``specs`` are by namespace and by the name of the policy.
    """

    specs: dict[tuple[str, str], Json]
    untold: tuple[str, ...] = ()


class Allowance(Protocol):
    """Something that pods may do whatever the rules say."""

    kind: str
    patience: int
    """How many times longer than others it is not read again: what it reads may be much."""

    async def read(self, namespaces: Iterable[str]) -> Found:
        """Return what is wanted in these namespaces; raise ClientError, or ValueError."""


class AskingDns:
    """Every pod may ask the pods behind the cluster's DNS service, ``NAMESPACE/NAME``."""

    kind = DNS
    patience = 1

    def __init__(self, cluster: Cluster, service: str) -> None:
        self._cluster = cluster
        self._namespace, _, self._name = service.partition("/")

    async def read(self, namespaces: Iterable[str]) -> Found:
        """Return one policy for every namespace."""
        spec = asking_dns(await self._cluster.get_service(self._namespace, self._name))
        return Found({(namespace, DNS): spec for namespace in namespaces})


class BeingScraped:
    """Prometheus, ``NAMESPACE/KEY=VALUE``, may scrape the pods that ask for it by annotation."""

    kind = PROMETHEUS
    patience = 3

    def __init__(self, cluster: Cluster, prometheus: str) -> None:
        self._cluster = cluster
        self._caller = labelled(prometheus)

    async def read(self, namespaces: Iterable[str]) -> Found:
        """Return one policy for each namespace in which a pod asks."""
        specs: dict[tuple[str, str], Json] = {}
        for namespace in namespaces:
            listing = await self._cluster.list_pods(namespace)
            if spec := scraped(listing.items, self._caller):
                specs[namespace, PROMETHEUS] = spec
        return Found(specs)


class BeingServed:
    """Ingress controllers, ``NAMESPACE/KEY=VALUE``, may reach the pods that Ingresses send to."""

    kind = INGRESS
    patience = 1

    def __init__(self, cluster: Cluster, controllers: str) -> None:
        self._cluster = cluster
        self._caller = labelled(controllers)

    async def read(self, namespaces: Iterable[str]) -> Found:
        """Return one policy for each Service that is sent to."""
        backends: list[Backend] = []
        for namespace in namespaces:
            for ingress in (await self._cluster.list_ingresses(namespace)).items:
                backends += ingress_backends(ingress)
        return await _behind(self._cluster, INGRESS, backends, [self._caller])


class BeingCalled:
    """The API server, from these networks, may call the pods behind admission webhooks."""

    kind = WEBHOOKS
    patience = 1

    def __init__(self, cluster: Cluster, networks: Iterable[str]) -> None:
        self._cluster = cluster
        self._callers = [{"ipBlock": {"cidr": network}} for network in networks]

    async def read(self, namespaces: Iterable[str]) -> Found:
        """Return one policy for each Service in these namespaces that is called."""
        known = set(namespaces)
        configurations = await self._cluster.list_webhooks()
        backends = [each for one in configurations for each in webhook_backends(one)]
        here = [each for each in backends if each.namespace in known]
        return await _behind(self._cluster, WEBHOOKS, here, self._callers)


async def _behind(
    cluster: Cluster, kind: str, backends: Iterable[Backend], callers: list[Json]
) -> Found:
    ports: defaultdict[tuple[str, str], set[Port]] = defaultdict(set)
    for backend in backends:
        ports[backend.namespace, backend.service].add(backend.port)
    specs: dict[tuple[str, str], Json] = {}
    untold: list[str] = []
    for (namespace, name), wanted in sorted(ports.items()):
        try:
            service = await cluster.get_service(namespace, name)
            specs[namespace, f"{kind}.{name}"] = served(service, wanted, callers)
            untold += [
                f"{namespace}/{name} has no port {port}" for port in missing(service, wanted)
            ]
        except (NotThere, ValueError) as why:
            # Whoever sends there reaches nobody, or nobody whom a policy could select.
            untold.append(f"{namespace}/{name}: {why}")
    return Found(specs, tuple(untold))
