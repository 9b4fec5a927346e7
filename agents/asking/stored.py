"""What the API server stores that decides who reaches whom.

reads   the cluster's pods and policies
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from agents.clients.errors import NotThere, Refused
from agents.clients.kubernetes import Cluster

Json = Mapping[str, Any]

ON_HOST = "uses its node's network, where policies do not hold"
_FINISHED = ("Succeeded", "Failed")


class Stored(NamedTuple):
    """The pods, by namespace/name, all their namespaces' policies, whosever they are, and labels.

    ``notes`` say what this picture lacks; ``on_host`` are pods for whom no policy holds.
    """

    pods: Mapping[str, Json]
    policies: list[Json]
    labels: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...] = ()
    on_host: tuple[str, ...] = ()


async def read_namespaces(cluster: Cluster, namespaces: Iterable[str]) -> Stored:
    """Read pods and policies of these namespaces."""
    parts = await asyncio.gather(*(_namespace(cluster, each) for each in namespaces))
    return Stored(
        {key: pod for part in parts for key, pod in sorted(part.pods.items())},
        [policy for part in parts for policy in part.policies],
        {name: labels for part in parts for name, labels in part.labels.items()},
        tuple(note for part in parts for note in part.notes),
        tuple(name for part in parts for name in part.on_host),
    )


async def _namespace(cluster: Cluster, namespace: str) -> Stored:
    pods = (await cluster.list_pods(namespace)).items
    policies = (await cluster.list_policies(namespace, "")).items
    labels, notes = await _labels(cluster, namespace)
    found: dict[str, Json] = {}
    on_host: list[str] = []
    for pod in pods:
        status, name = pod.get("status") or {}, f"{namespace}/{pod['metadata']['name']}"
        if status.get("phase") in _FINISHED:
            continue
        if (pod.get("spec") or {}).get("hostNetwork"):
            on_host.append(name)
        elif not status.get("podIP"):
            notes.append(f"{name} is left out: it has no address yet")
        else:
            found[name] = pod
    return Stored(found, list(policies), {namespace: labels}, tuple(notes), tuple(on_host))


async def _labels(cluster: Cluster, namespace: str) -> tuple[dict[str, str], list[str]]:
    try:
        return await cluster.namespace_labels(namespace), []
    except (NotThere, Refused) as error:
        return {}, [f"the labels of namespace {namespace} are not known: {error}"]
