"""Of which identity a pod is, what that is called, and which labels outlive a pod."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from streams.records.views import PodRef, Workload

POD = "Pod"
LONGEST_NAME = 253
_DIGITS = 10
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
# What a controller writes on a pod to tell it from others of the same workload.
_VOLATILE = frozenset(
    {
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "controller-uid",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
    }
)
_JOB_NAMES = frozenset({"job-name", "batch.kubernetes.io/job-name"})
_OURS = "vereflow.io/"


def workload_of(pod: PodRef) -> Workload:
    """Return the workload a pod is of; without its workload's labels a pod stands for itself.

    No policy for the workload would select it.
    """
    said = pod.workload
    if said is None or not (said.selector or {}).items() <= pod.labels.items():
        return Workload(kind=POD, name=pod.name)
    return said


def identity_key(pod: PodRef) -> str:
    """Return the key of the identity that a pod is of."""
    workload = workload_of(pod)
    return f"{home_of(pod)}/{identity_name(workload.kind, workload.name)}"


def key_named(name: str) -> str:
    """Return the key of an identity that is named ``cluster/namespace/kind/name``."""
    cluster, namespace, kind, workload = name.split("/")
    return f"{cluster}/{namespace}/{identity_name(kind, workload)}"


def home_of(pod: PodRef) -> str:
    """Return where selectors look: the cluster and the namespace."""
    return f"{pod.cluster}/{pod.namespace}"


def identity_name(kind: str, name: str) -> str:
    """Return the name of an identity, which is that of its policy: long ones end in a digest."""
    plain = f"{kind.lower()}.{name}"
    if len(plain) <= LONGEST_NAME and _NAME.fullmatch(plain):
        return plain
    # Without a dot, it is no other's plain name.
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower())[: LONGEST_NAME - _DIGITS - 1].strip("-")
    digest = hashlib.sha256(plain.encode()).hexdigest()[:_DIGITS]
    return f"{words}-{digest}" if words else digest


def steady(labels: Mapping[str, str], workload: Workload) -> dict[str, str]:
    """Return the labels that the workload's next pod will wear as well."""
    return {
        label: value
        for label, value in labels.items()
        if label not in _VOLATILE
        and not label.startswith(_OURS)
        and (label not in _JOB_NAMES or value == workload.name)
    }
