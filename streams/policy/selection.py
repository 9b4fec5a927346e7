"""How a policy points at a pod: by labels that this pod wears, and should wear alone."""

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
    """The labels that pick out a pod, or the pods of an identity, and what they say; never none."""

    labels: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """What a report calls it: what one label says, or all of several."""
        if len(self.labels) == 1:
            return self.labels[0][1]
        return ",".join(f"{label}={value}" for label, value in self.labels)


def selector_of(pod: PodRef) -> Selector | None:
    """Return by which labels a policy selects the pod; None: by none.

    Our own label counts as soon as the pod is seen to wear it, so that a policy changes over from
    one label to the other while the pod wears both. An identity says by which it is selected.
    """
    if pod.identity is not None:
        labels = tuple(sorted(pod.identity.selector.items()))
        return Selector(labels) if labels else None
    for label, value in ((OWN_LABEL, pod.uid), (LABEL, pod.name)):
        if pod.labels.get(label) == value and _LABEL_VALUE.fullmatch(value):
            return Selector(((label, value),))
    return None


def selected_by(pod: PodRef) -> str | None:
    """Return the label that picks out the pod as a key; whoever else wears it is meant as well.

    None for an identity: whoever made it knows who else wears its labels.
    """
    selector = selector_of(pod) if pod.identity is None else None
    return _key(pod, *selector.labels[0]) if selector else None


def worn(pod: PodRef) -> frozenset[str]:
    """Return the keys of the labels that the pod wears, whomever they should pick out."""
    if pod.identity is not None:
        return frozenset()
    labels = (label for label in (OWN_LABEL, LABEL) if label in pod.labels)
    return frozenset(_key(pod, label, pod.labels[label]) for label in labels)


def _key(pod: PodRef, label: str, value: str) -> str:
    return f"{pod.cluster}/{pod.namespace}/{label}={value}"
