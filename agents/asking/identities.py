"""What graphs were told of identities, for which pods each stands, and whose policy a pod has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from agents.asking.times import clock
from streams.flow.graph_rows import GraphPodRow, PodsRow
from streams.flow.identity_rows import IdentitiesRow, Version
from streams.flow.workloads import identity_key
from streams.records.policies import PolicyPatch
from streams.records.views import PodRef

Json = dict[str, Any]


def newest(rows: Mapping[str, IdentitiesRow]) -> Iterator[Version]:
    """Yield what each row says now."""
    return (row.versions[-1] for row in rows.values() if row.versions)


def policy_key(pod: PodRef) -> str:
    """Return the key of the policy that selects a pod: its own, or that of its identity."""
    return identity_key(pod) if pod.workload is not None else pod.key


def list_identities(
    told: Mapping[str, PodsRow],
    rows: Mapping[str, IdentitiesRow],
    wanted: Mapping[str, PolicyPatch],
) -> list[Json]:
    """Return every identity as plain data, as its graph was told of it."""
    pods, empty = defaultdict[str, list[str]](list), dict[str, float]()
    for version in newest(rows):
        if version.pod is not None and version.pod.live:
            pods[identity_key(version.pod.pod)].append(version.pod.pod.name)
        if version.identity is not None and version.identity.empty is not None:
            empty[version.identity.pod.key] = version.identity.empty
    found = (row.pod for row in told.values() if row.pod and row.pod.pod.identity)
    return [
        _said(each, pods[key], empty.get(key), wanted.get(key))
        for each in found
        if (key := each.pod.key)
    ]


def _said(
    row: GraphPodRow, pods: list[str], empty: float | None, patch: PolicyPatch | None
) -> Json:
    pod, identity = row.pod, row.pod.identity
    assert identity is not None
    return {
        "key": pod.key,
        "namespace": pod.namespace,
        "kind": identity.kind,
        "name": identity.name,
        "address": pod.address,
        "uid": pod.uid,
        "live": row.live,
        "pods": sorted(pods),
        "emptySince": clock(empty) if empty is not None else "",
        "selector": dict(identity.selector),
        "sharedWith": identity.shared_with,
        "aliases": list(identity.aliases),
        "onHosts": identity.on_hosts,
        "policy": pod.name if patch is not None and patch.manifest is not None else "",
        "unprotected": patch.unprotected if patch is not None and row.live else "",
    }
