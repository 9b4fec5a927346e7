"""What the API server stores that decides who reaches whom."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from agents.clients.errors import NotThere, Refused
from agents.clients.kubernetes import Cluster
from streams.settings import ClusterSettings

Json = Mapping[str, Any]

ANSWER_WITHIN = 10.0
_FINISHED = ("Succeeded", "Failed")


class Stored(NamedTuple):
    """The pods, by namespace/name, all their namespaces' policies, whosever they are, and labels.

    ``notes`` say what this picture lacks.
    """

    pods: Mapping[str, Json]
    policies: list[Json]
    labels: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...] = ()


def cluster_of(settings: ClusterSettings) -> Cluster:
    """Return the cluster that is set; raise ValueError if its kubeconfig is no file."""
    path = settings.kubeconfig
    if path is not None and not path.is_file():
        raise ValueError(f"setting cluster__kubeconfig: {path} is no file")
    return Cluster.of(path, settings.context, ANSWER_WITHIN)


async def read_stored(settings: ClusterSettings) -> Stored:
    """Read pods and policies of the managed namespaces."""
    cluster = cluster_of(settings)
    try:
        parts = await asyncio.gather(*(_namespace(cluster, each) for each in settings.namespaces))
    finally:
        await cluster.close()
    return Stored(
        {key: pod for part in parts for key, pod in sorted(part.pods.items())},
        [policy for part in parts for policy in part.policies],
        {name: labels for part in parts for name, labels in part.labels.items()},
        tuple(note for part in parts for note in part.notes),
    )


async def _namespace(cluster: Cluster, namespace: str) -> Stored:
    pods = (await cluster.list_pods(namespace)).items
    policies = (await cluster.list_policies(namespace, "")).items
    labels, notes = await _labels(cluster, namespace)
    found: dict[str, Json] = {}
    for pod in pods:
        status, name = pod.get("status") or {}, f"{namespace}/{pod['metadata']['name']}"
        if status.get("phase") in _FINISHED:
            continue
        why = _not_judged(pod)
        if why:
            notes.append(f"{name} is left out: it {why}")
        else:
            found[name] = pod
    return Stored(found, list(policies), {namespace: labels}, tuple(notes))


async def _labels(cluster: Cluster, namespace: str) -> tuple[dict[str, str], list[str]]:
    try:
        return await cluster.namespace_labels(namespace), []
    except (NotThere, Refused) as error:
        return {}, [f"the labels of namespace {namespace} are not known: {error}"]


def _not_judged(pod: Json) -> str:
    if (pod.get("spec") or {}).get("hostNetwork"):
        return "uses its node's network, where policies do not hold"
    if not (pod.get("status") or {}).get("podIP"):
        return "has no address yet"
    return ""
