"""Refuse what the real server refuses, with its words."""

from collections.abc import Iterator
from typing import Any

from deploy.local.kubernetes import names
from deploy.local.kubernetes.complaints import required, too_long, wrong
from deploy.local.kubernetes.errors import Cause, invalid
from deploy.local.kubernetes.kinds import NAMESPACES, NETWORK_POLICIES, PODS, Json, Kind
from deploy.local.kubernetes.policy_validation import policy_causes

ANNOTATIONS_LIMIT = 256 * 1024


def validate(kind: Kind, stored: Json) -> None:
    """Refuse an object that breaks a rule of its kind."""
    metadata = stored["metadata"]
    causes = list(_metadata_causes(kind, metadata))
    spec = stored.get("spec") or {}
    if kind is NETWORK_POLICIES:
        causes += policy_causes(spec)
    elif kind is PODS:
        causes += _pod_causes(spec)
    if causes:
        raise invalid(kind.full_name, metadata["name"], causes)


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


def label_causes(labels: dict[str, str], field: str) -> Iterator[Cause]:
    """Find the keys and values that are no labels."""
    for key, value in labels.items():
        for problem in names.label_key(key):
            yield wrong(field, key, problem)
        for problem in names.label_value(value):
            yield wrong(field, value, problem)


def _size(annotations: dict[str, str]) -> int:
    return sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())


def _pod_causes(spec: Json) -> Iterator[Cause]:
    containers: list[dict[str, Any]] = spec.get("containers") or []
    if not containers:
        yield required("spec.containers")
    for index, container in enumerate(containers):
        for key in ("name", "image"):
            if not container.get(key):
                yield required(f"spec.containers[{index}].{key}")
