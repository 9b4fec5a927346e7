"""Refuse what the real server refuses, with its words."""

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

from deploy.local.kubernetes import names
from deploy.local.kubernetes.complaints import forbidden, required, too_long, wrong
from deploy.local.kubernetes.errors import Cause, invalid
from deploy.local.kubernetes.kinds import (
    EVENTS,
    LEASES,
    NAMESPACES,
    NETWORK_POLICIES,
    PODS,
    SERVICES,
    Json,
    Kind,
)
from deploy.local.kubernetes.policy_validation import PORT_RANGE, policy_causes
from deploy.local.kubernetes.workload_validation import immutable_causes, workload_causes

ANNOTATIONS_LIMIT = 256 * 1024
_POD_CHANGEABLE = {"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"}
_POD_FOR_LIFE = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def validate(kind: Kind, stored: Json) -> None:
    """Refuse an object that breaks a rule of its kind."""
    metadata = stored["metadata"]
    causes = list(_metadata_causes(kind, metadata))
    causes += _CAUSES.get(kind, _no_causes)(stored)
    causes += workload_causes(kind, stored)
    if causes:
        raise invalid(kind.full_name, metadata["name"], causes)


def validate_update(kind: Kind, live: Json, after: Json) -> None:
    """Refuse a change of what is decided for an object's whole life."""
    if causes := list(immutable_causes(kind, live, after)):
        raise invalid(kind.full_name, live["metadata"]["name"], causes)
    if kind is PODS and _for_life(live["spec"]) != _for_life(after["spec"]):
        cause = forbidden("spec", _POD_FOR_LIFE)
        raise invalid(kind.full_name, live["metadata"]["name"], [cause])


def _for_life(spec: Json) -> Json:
    decided = {key: value for key, value in spec.items() if key not in _POD_CHANGEABLE}
    for key in ("containers", "initContainers"):
        if decided.get(key):
            decided[key] = [one | {"image": ""} for one in decided[key]]
    return decided


def _metadata_causes(kind: Kind, metadata: Json) -> Iterator[Cause]:
    check = names.dns_label if kind is NAMESPACES else names.subdomain
    for problem in check(metadata["name"]):
        yield wrong("metadata.name", metadata["name"], problem)
    yield from label_causes(metadata.get("labels") or {}, "metadata.labels")
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        # The real server judges annotation keys in lower case.
        for problem in names.label_key(key.lower()):
            yield wrong("metadata.annotations", key, problem)
    if _size(annotations) > ANNOTATIONS_LIMIT:
        yield too_long("metadata.annotations", ANNOTATIONS_LIMIT)
    yield from _owner_causes(metadata.get("ownerReferences") or [])


def _owner_causes(references: list[Json]) -> Iterator[Cause]:
    for index, one in enumerate(references):
        for key in ("apiVersion", "kind", "name", "uid"):
            if not one.get(key):
                yield required(f"metadata.ownerReferences[{index}].{key}", "must not be empty")
    named = [f"{one.get('kind')}/{one.get('name')}" for one in references if one.get("controller")]
    if len(named) > 1:
        why = 'Only one reference can have Controller set to true. Found "true" in references for '
        yield wrong("metadata.ownerReferences", references, why + " and ".join(named[:2]))


def label_causes(labels: dict[str, str], field: str) -> Iterator[Cause]:
    """Find the keys and values that are no labels."""
    for key, value in labels.items():
        for problem in names.label_key(key):
            yield wrong(field, key, problem)
        for problem in names.label_value(value):
            yield wrong(field, value, problem)


def _size(annotations: dict[str, str]) -> int:
    return sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())


def _no_causes(_: Json) -> Iterator[Cause]:
    return iter(())


def _policy_causes(stored: Json) -> Iterator[Cause]:
    return policy_causes(stored["spec"])


def _pod_causes(stored: Json) -> Iterator[Cause]:
    for index, one in enumerate(stored["status"].get("podIPs") or []):
        if not _is_address(one.get("ip") or ""):
            field = f"status.podIPs[{index}]"
            yield wrong(field, one.get("ip") or "", "must be a valid IP address")
    containers: list[dict[str, Any]] = stored["spec"].get("containers") or []
    if not containers:
        yield required("spec.containers")
    for index, container in enumerate(containers):
        for key in ("name", "image"):
            if not container.get(key):
                yield required(f"spec.containers[{index}].{key}")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _service_causes(stored: Json) -> Iterator[Cause]:
    for index, port in enumerate(stored["spec"].get("ports") or []):
        number = port.get("port") or 0
        if not 1 <= number <= 65535:
            yield wrong(f"spec.ports[{index}].port", number, PORT_RANGE)


def _event_causes(stored: Json) -> Iterator[Cause]:
    about = (stored.get("involvedObject") or {}).get("namespace") or "default"
    if about != stored["metadata"]["namespace"]:
        yield wrong("involvedObject.namespace", about, "does not match event.namespace")


def _lease_causes(stored: Json) -> Iterator[Cause]:
    spec = stored.get("spec") or {}
    if (seconds := spec.get("leaseDurationSeconds")) is not None and seconds <= 0:
        yield wrong("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    if (transitions := spec.get("leaseTransitions")) is not None and transitions < 0:
        why = "must be greater than or equal to 0"
        yield wrong("spec.leaseTransitions", transitions, why)


_CAUSES: dict[Kind, Callable[[Json], Iterator[Cause]]] = {
    NETWORK_POLICIES: _policy_causes,
    PODS: _pod_causes,
    SERVICES: _service_causes,
    EVENTS: _event_causes,
    LEASES: _lease_causes,
}
