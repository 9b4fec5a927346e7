"""Which fields an object may have and of which JSON type; what kubectl calls strict."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.local.kubernetes.kinds import (
    CONFIG_MAPS,
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    EVENTS,
    JOBS,
    LEASES,
    NAMESPACES,
    NETWORK_POLICIES,
    PODS,
    REPLICA_SETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    STATEFUL_SETS,
    Json,
    Kind,
)

#: A type's name, a map of fields ("*": any other), a list of one type, or None: anything goes.
Schema = Any

_STRINGS = {"*": "string"}
_SELECTOR = {
    "matchLabels": _STRINGS,
    "matchExpressions": [{"key": "string", "operator": "string", "values": ["string"]}],
}
_PEER = {
    "podSelector": _SELECTOR,
    "namespaceSelector": _SELECTOR,
    "ipBlock": {"cidr": "string", "except": ["string"]},
}
_PORT = {"port": "int-or-string", "endPort": "integer", "protocol": "string"}
_POLICY_SPEC = {
    "podSelector": _SELECTOR,
    "ingress": [{"from": [_PEER], "ports": [_PORT]}],
    "egress": [{"to": [_PEER], "ports": [_PORT]}],
    "policyTypes": ["string"],
}
_METADATA = {
    "name": "string",
    "generateName": "string",
    "namespace": "string",
    "uid": "string",
    "resourceVersion": "string",
    "generation": "integer",
    "creationTimestamp": "string",
    "deletionTimestamp": "string",
    "deletionGracePeriodSeconds": "integer",
    "labels": _STRINGS,
    "annotations": _STRINGS,
    "finalizers": ["string"],
    "ownerReferences": [
        {
            "apiVersion": "string",
            "kind": "string",
            "name": "string",
            "uid": "string",
            "controller": "boolean",
            "blockOwnerDeletion": "boolean",
        }
    ],
    "managedFields": None,
    "selfLink": "string",
}
_ANY = {"*": None}
_CONTAINERS = [_ANY | {"name": "string", "image": "string"}]
_POD = {
    "spec": _ANY
    | {
        "containers": _CONTAINERS,
        "initContainers": _CONTAINERS,
        "nodeName": "string",
        "terminationGracePeriodSeconds": "integer",
    },
    "status": _ANY
    | {
        "phase": "string",
        "podIP": "string",
        "podIPs": [{"ip": "string"}],
        "conditions": [_ANY | {"type": "string", "status": "string"}],
    },
}
_SERVICE = {
    "spec": _ANY
    | {
        "type": "string",
        "clusterIP": "string",
        "clusterIPs": ["string"],
        "selector": _STRINGS,
        "ports": [_ANY | {"port": "integer", "targetPort": "int-or-string", "protocol": "string"}],
    },
    "status": _ANY,
}
_OBJECT = {
    key: "string"
    for key in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
}
_EVENT = {
    "involvedObject": _OBJECT,
    "related": _OBJECT,
    "reason": "string",
    "message": "string",
    "type": "string",
    "action": "string",
    "count": "integer",
    "firstTimestamp": "string",
    "lastTimestamp": "string",
    "eventTime": "microtime",
    "source": {"component": "string", "host": "string"},
    "series": {"count": "integer", "lastObservedTime": "microtime"},
    "reportingComponent": "string",
    "reportingInstance": "string",
}
_LEASE_SPEC = {
    "holderIdentity": "string",
    "leaseDurationSeconds": "integer",
    "leaseTransitions": "integer",
    "acquireTime": "microtime",
    "renewTime": "microtime",
    "strategy": "string",
    "preferredHolder": "string",
}
_TEMPLATE = {"metadata": _METADATA, "spec": _POD["spec"]}
_SELECTING = {"selector": _SELECTOR, "template": _TEMPLATE}
_REPLICAS = _SELECTING | {"replicas": "integer", "minReadySeconds": "integer"}
_ROLLED = {"revisionHistoryLimit": "integer"}
_JOB_SPEC = _SELECTING | {
    "parallelism": "integer",
    "completions": "integer",
    "activeDeadlineSeconds": "integer",
    "podFailurePolicy": _ANY,
    "successPolicy": _ANY,
    "backoffLimit": "integer",
    "backoffLimitPerIndex": "integer",
    "maxFailedIndexes": "integer",
    "manualSelector": "boolean",
    "ttlSecondsAfterFinished": "integer",
    "completionMode": "string",
    "suspend": "boolean",
    "podReplacementPolicy": "string",
    "managedBy": "string",
}
_WORKLOADS: dict[Kind, Json] = {
    DEPLOYMENTS: _REPLICAS
    | _ROLLED
    | {"strategy": _ANY, "paused": "boolean", "progressDeadlineSeconds": "integer"},
    REPLICA_SETS: _REPLICAS,
    STATEFUL_SETS: _REPLICAS
    | _ROLLED
    | {
        "serviceName": "string",
        "podManagementPolicy": "string",
        "updateStrategy": _ANY,
        "volumeClaimTemplates": [_ANY],
        "persistentVolumeClaimRetentionPolicy": _ANY,
        "ordinals": _ANY,
    },
    DAEMON_SETS: _SELECTING | _ROLLED | {"minReadySeconds": "integer", "updateStrategy": _ANY},
    JOBS: _JOB_SPEC,
    CRON_JOBS: {
        "schedule": "string",
        "timeZone": "string",
        "startingDeadlineSeconds": "integer",
        "concurrencyPolicy": "string",
        "suspend": "boolean",
        "jobTemplate": {"metadata": _METADATA, "spec": _JOB_SPEC},
        "successfulJobsHistoryLimit": "integer",
        "failedJobsHistoryLimit": "integer",
    },
}
_SPECIFIC: dict[Kind, Json] = {
    **{kind: {"spec": spec, "status": _ANY} for kind, spec in _WORKLOADS.items()},
    SERVICE_ACCOUNTS: {
        "secrets": [_ANY],
        "imagePullSecrets": [_ANY],
        "automountServiceAccountToken": "boolean",
    },
    PODS: _POD,
    NAMESPACES: {"spec": {"finalizers": ["string"]}, "status": _ANY},
    SERVICES: _SERVICE,
    EVENTS: _EVENT,
    LEASES: {"spec": _LEASE_SPEC},
    NETWORK_POLICIES: {"spec": _POLICY_SPEC},
    CONFIG_MAPS: {
        "data": _STRINGS,
        "binaryData": _STRINGS,
        "immutable": "boolean",
    },
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "int-or-string": (int, str),
    "microtime": (str,),
}
#: Six decimals, no fewer: what many a client library leaves out when they are zero.
_MICROTIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True)
class Misfit:
    """One place where an object is not shaped as its kind."""

    path: str
    #: The JSON type wanted; empty for a field nobody knows.
    wanted: str
    value: Any

    @property
    def unknown(self) -> bool:
        """Whether the field itself is the trouble."""
        return not self.wanted


def schema_of(kind: Kind) -> Schema:
    """Return the fields of a kind; of pods and services only what somebody reads is known."""
    common = {"apiVersion": "string", "kind": "string", "metadata": _METADATA}
    return common | _SPECIFIC[kind]


def misfits(schema: Schema, value: Any, path: str = "") -> Iterator[Misfit]:
    """Find what does not fit; null fits everywhere, as in Go."""
    if schema is None or value is None:
        return
    if isinstance(schema, dict):
        yield from _in_map(schema, value, path)
    elif isinstance(schema, list):
        yield from _in_list(schema[0], value, path)
    elif not _fits(schema, value):
        yield Misfit(path, schema, value)


def _fits(schema: str, value: Any) -> bool:
    # To Python a boolean is an integer.
    if isinstance(value, bool):
        return schema == "boolean"
    if schema == "microtime":
        return isinstance(value, str) and _MICROTIME.fullmatch(value) is not None
    return isinstance(value, _TYPES[schema]) and _fits_a_word(value)


def _fits_a_word(value: Any) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def settled(schema: Schema, value: Any) -> Any:
    """Return the value as Go reads it: null is nothing, and in a list or map an empty member."""
    if isinstance(schema, dict) and isinstance(value, dict):
        return {
            key: settled(schema.get(key, schema.get("*")), _member(schema, key, child))
            for key, child in value.items()
            if child is not None or key not in schema
        }
    if isinstance(schema, list) and isinstance(value, list):
        return [settled(schema[0], _empty(schema[0]) if one is None else one) for one in value]
    return value


def _member(schema: Json, key: str, value: Any) -> Any:
    if value is None and key not in schema and "*" in schema:
        return _empty(schema["*"])
    return value


def _empty(schema: Schema) -> Any:
    if isinstance(schema, dict):
        return {}
    return {"string": "", "integer": 0}.get(schema) if isinstance(schema, str) else None


def _in_map(schema: Json, value: Any, path: str) -> Iterator[Misfit]:
    if not isinstance(value, dict):
        yield Misfit(path, "map", value)
        return
    for key, child in value.items():
        below = f"{path}.{key}"
        if key in schema or "*" in schema:
            yield from misfits(schema.get(key, schema.get("*")), child, below)
        else:
            yield Misfit(below, "", child)


def _in_list(schema: Schema, value: Any, path: str) -> Iterator[Misfit]:
    if not isinstance(value, list):
        yield Misfit(path, "list", value)
        return
    for index, child in enumerate(value):
        yield from misfits(schema, child, f"{path}[{index}]")
