"""How a policy points at a pod: by an ``app`` label that says the pod's name."""

from __future__ import annotations

import re

from streams.records.views import PodRef

LABEL = "app"
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def selected_as(pod: PodRef) -> str:
    """Return the key of the pod whose policy selects this one; no pod need have it."""
    return f"{pod.cluster}/{pod.namespace}/{pod.labels.get(LABEL, '')}"


def selectable(pod: PodRef) -> bool:
    """Tell whether the pod's own label picks it out by its name."""
    return pod.labels.get(LABEL) == pod.name and _LABEL_VALUE.fullmatch(pod.name) is not None
