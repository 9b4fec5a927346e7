"""What our settings would make of the pods there are now: read once, and nothing written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agents.asking.stored import Stored
from agents.clients.owners import Owners
from agents.clients.pod_events import pod_event, service_event
from agents.clients.workloads import ServiceAccounts
from agents.managed_namespaces import covers
from deploy.cli.stored import cluster_of, read_stored
from deploy.judging import judging_of
from deploy.managing import namespaces_now
from deploy.tracking import identifying_of, tracking_of
from streams.flow.compiler import Compiling
from streams.flow.foresight import Surroundings
from streams.flow.router import Routing
from streams.flow.workloads import identity_key
from streams.policy.selection import OWN_LABEL
from streams.policy.stamping import Wearers
from streams.records.marks import Stamp
from streams.records.pods import FINISHED, PodEvent
from streams.records.views import PodRef, Workload
from streams.settings import ClusterSettings, Settings

Json = dict[str, Any]


class Unreadable(ValueError):
    """Whose pods are cannot be read, and must not be guessed."""


class Seen(NamedTuple):
    """The pods and Services, and for each pod the keys of the identities that may be its own.

    ``unlabelled`` are the pods that are taken to wear a label of ours, and do not yet.
    """

    events: list[PodEvent]
    homes: dict[str, frozenset[str]]
    stored: Stored
    unlabelled: tuple[PodRef, ...] = ()


async def look(settings: Settings) -> Seen:
    """Read all pods with their owners, and what is stored; labels that we would give are worn."""
    cluster = cluster_of(settings.cluster)
    owners, accounts = Owners(cluster), ServiceAccounts()
    events: list[PodEvent] = []
    homes: dict[str, frozenset[str]] = {}
    here = settings.cluster.name
    try:
        for namespace in await namespaces_now(cluster, settings.cluster):
            pods = (await cluster.list_pods(namespace)).items
            await owners.begin(pods)
            for pod in pods:
                event = pod_event(pod, "ADDED", here, _stamp(events))
                both = [await owners.workload(pod), await accounts.workload(pod)]
                if event.phase in FINISHED:
                    continue
                homes[event.key(here)] = frozenset(_home(event, here, each) for each in both)
                by_account = settings.cluster.identity == "service-account"
                events.append(event.model_copy(update={"workload": both[by_account]}))
            for service in (await cluster.list_services(namespace)).items:
                told = service_event(service, "ADDED", here, _stamp(events))
                events += [told] if told else []
    finally:
        await cluster.close()
    if owners.unread:
        raise Unreadable(f"owners of pods cannot be read: {'; '.join(owners.unread)}")
    seen = Seen(events, homes, await read_stored(settings.cluster))
    return _labelled(seen, settings.cluster) if settings.cluster.selection == "label" else seen


def surroundings(settings: Settings, epoch: int) -> Surroundings:
    """Return what each part of a pipeline with our settings knows."""
    identifying = identifying_of(settings, epoch)
    return Surroundings(
        settings.graph.name,
        tracking_of(settings),
        None if settings.cluster.identity == "pod" else identifying,
        Routing(1, 0, settings.clusters, judging_of(settings)),
        Compiling(settings.instance, 0, settings.clusters),
    )


def _stamp(events: Sequence[PodEvent]) -> Stamp:
    return Stamp(lease=0, n=1 + len(events))


def _home(event: PodEvent, cluster: str, workload: Workload) -> str:
    return identity_key(_pod(event, cluster).model_copy(update={"workload": workload}))


def _pod(event: PodEvent, cluster: str) -> PodRef:
    return PodRef(
        cluster=cluster,
        namespace=event.namespace,
        name=event.pod_name,
        uid=event.uid,
        labels=event.labels,
    )


def _labelled(seen: Seen, settings: ClusterSettings) -> Seen:
    """Return it with the labels of ours that pods would be given."""
    wearers, here = Wearers(), settings.name
    pods = [_pod(each, here) for each in seen.events if not each.service and not each.host_network]
    for pod in pods:
        list(wearers.put(pod))
    needing = [
        pod for pod in pods if wearers.needs(pod) and not covers(settings.shadowed, pod.namespace)
    ]
    given = {pod.key: {OWN_LABEL: pod.uid} for pod in needing}
    events = [
        each.model_copy(update={"labels": {**each.labels, **given.get(each.key(here), {})}})
        for each in seen.events
    ]
    stored = {
        name: _worn(pod, given.get(f"{here}/{name}", {})) for name, pod in seen.stored.pods.items()
    }
    return seen._replace(
        events=events, stored=seen.stored._replace(pods=stored), unlabelled=tuple(needing)
    )


def _worn(pod: Mapping[str, Any], given: Mapping[str, str]) -> Json:
    meta = pod["metadata"]
    return {**pod, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), **given}}}
