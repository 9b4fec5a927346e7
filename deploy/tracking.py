"""What the stages between the pods and the graph must know, by the settings."""

from __future__ import annotations

from ipaddress import IPv4Network

from deploy.placing import reserved_addresses
from streams.flow.identities import Identifying
from streams.flow.tracker import Tracking
from streams.settings import Settings


def tracking_of(settings: Settings) -> Tracking:
    """Return what the tracker must know."""
    told = settings.cluster
    return Tracking(
        told.name,
        (settings.graph.name,),
        None if told.namespace_selector else frozenset(told.namespaces),
        reserved_addresses(settings.graph),
        told.never_managed,
        told.identity != "pod",
        frozenset(settings.clusters),
    )


def identifying_of(settings: Settings, epoch: int) -> Identifying:
    """Return what must be known where nodes are no pods."""
    return Identifying(
        partitions=settings.kafka.partitions,
        epoch=epoch,
        clusters=settings.clusters,
        addresses=IPv4Network(settings.graph.identities),
        reserved=reserved_addresses(settings.graph),
        grace_seconds=settings.graph.grace_minutes * 60.0,
    )
