"""Which namespaces the settings have us manage."""

from __future__ import annotations

from agents.clients.kubernetes import Cluster
from agents.managed_namespaces import ManagedNamespaces
from streams.settings import ClusterSettings


def managed_namespaces(cluster: Cluster, told: ClusterSettings) -> ManagedNamespaces:
    """Return them, not followed yet."""
    return ManagedNamespaces(
        told.namespaces,
        cluster=cluster,
        selector=told.namespace_selector,
        never=told.never_managed,
    )


async def namespaces_now(cluster: Cluster, told: ClusterSettings) -> list[str]:
    """Ask which namespaces are managed at this moment."""
    names = set(told.namespaces)
    if told.namespace_selector:
        listing = await cluster.list_namespaces(told.namespace_selector)
        names |= {each["metadata"]["name"] for each in listing.items}
    return sorted(names - told.never_managed)
