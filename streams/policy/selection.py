"""How a policy points at a pod: by one label that this pod wears, and should wear alone."""

from __future__ import annotations

import re
from typing import NamedTuple

from streams.records.views import PodRef

LABEL = "app"
# Says the uid of the pod: it is never given twice, and no policy for a pod outlives it by accident.
OWN_LABEL = "vereflow.io/pod"
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


class Selector(NamedTuple):
    """The label that picks out a pod, and what it says."""

    label: str
    value: str


def selector_of(pod: PodRef) -> Selector | None:
    """Return by which label a policy selects the pod; None: by none.

    Our own label counts as soon as the pod is seen to wear it, so that a policy changes over from
    one label to the other while the pod wears both.
    """
    for label, value in ((OWN_LABEL, pod.uid), (LABEL, pod.name)):
        if pod.labels.get(label) == value and _LABEL_VALUE.fullmatch(value):
            return Selector(label, value)
    return None


def selected_by(pod: PodRef) -> str | None:
    """Return the label that picks out the pod as a key; whoever else wears it is meant as well."""
    selector = selector_of(pod)
    return _key(pod, *selector) if selector else None


def worn(pod: PodRef) -> frozenset[str]:
    """Return the keys of the labels that the pod wears, whomever they should pick out."""
    labels = (label for label in (OWN_LABEL, LABEL) if label in pod.labels)
    return frozenset(_key(pod, label, pod.labels[label]) for label in labels)


def _key(pod: PodRef, label: str, value: str) -> str:
    return f"{pod.cluster}/{pod.namespace}/{label}={value}"
