"""What the API server stores that decides who reaches whom.

reads   the cluster's pods and policies
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from agents.clients.errors import NotThere, Refused
from agents.clients.kubernetes import Cluster
from streams.flow.fence import INSTANCE
from streams.policy.dialects.standing import STANDING
from streams.policy.selection import NAMESPACE_LABEL
from streams.records.views import PodRef

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
    """Read pods and policies of these namespaces, and their labels where a policy asks for them."""
    names = list(namespaces)
    parts = await asyncio.gather(*(_namespace(cluster, each) for each in names))
    policies = [policy for part in parts for policy in part.policies]
    # To read a namespace is a right of its own, which a worker has no other use for.
    asked = any(map(asks_for_labels, policies))
    told = await asyncio.gather(*(_labels(cluster, each) for each in names if asked))
    return Stored(
        {key: pod for part in parts for key, pod in sorted(part.pods.items())},
        policies,
        {name: dict[str, str]() for name in names} | {name: labels for name, labels, _ in told},
        (*(note for part in parts for note in part.notes), *(why for *_, why in told if why)),
        tuple(name for part in parts for name in part.on_host),
    )


def asks_for_labels(policy: Json) -> bool:
    """Tell whether a policy selects namespaces by labels other than the name that each bears."""
    spec = policy.get("spec") or {}
    rules = [*(spec.get("ingress") or ()), *(spec.get("egress") or ())]
    peers = [
        peer for rule in rules for peer in (*(rule.get("from") or ()), *(rule.get("to") or ()))
    ]
    selectors = [peer.get("namespaceSelector") or {} for peer in peers]
    return any(
        selector.get("matchExpressions")
        or {*(selector.get("matchLabels") or {})} - {NAMESPACE_LABEL}
        for selector in selectors
    )


def is_ours(policy: Json) -> bool:
    """Tell whether a stored policy was written by an installation of ours, for whatever purpose."""
    labels = policy["metadata"].get("labels") or {}
    return INSTANCE in labels or STANDING in labels


def as_stored(pod: PodRef) -> dict[str, Any]:
    """Return a pod that a graph knows as the API server would store it, as far as policies see."""
    ports = [
        {"name": name, "containerPort": number, "protocol": protocol}
        for (protocol, _, name), number in (
            (k.partition("/"), n) for k, n in pod.named_ports.items()
        )
    ]
    return {
        "metadata": {
            "name": pod.name,
            "namespace": pod.namespace,
            "uid": pod.uid,
            "labels": {**pod.labels, **(pod.identity.selector if pod.identity else {})},
        },
        "spec": {"containers": [{"name": "main", "ports": ports}] if ports else []},
        "status": {"podIP": pod.address},
    }


async def _namespace(cluster: Cluster, namespace: str) -> Stored:
    pods = (await cluster.list_pods(namespace)).items
    policies = (await cluster.list_policies(namespace, "")).items
    found: dict[str, Json] = {}
    notes: list[str] = []
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
    return Stored(found, list(policies), {}, tuple(notes), tuple(on_host))


async def _labels(cluster: Cluster, namespace: str) -> tuple[str, dict[str, str], str]:
    try:
        return namespace, await cluster.namespace_labels(namespace), ""
    except (NotThere, Refused) as error:
        return namespace, {}, f"the labels of namespace {namespace} are not known: {error}"
