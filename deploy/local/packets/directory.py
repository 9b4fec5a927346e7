"""Find pods by namespace and labels, without looking at all of them for each selector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from deploy.local.packets.objects import Json, Labels, Pod

_NAME_LABEL = "kubernetes.io/metadata.name"


class Directory:
    """All pods and the labels of their namespaces, at one moment."""

    def __init__(self, pods: Iterable[Pod], namespaces: Iterable[Json]) -> None:
        self.pods = tuple(pods)
        told = {each["metadata"]["name"]: each["metadata"].get("labels") for each in namespaces}
        names = {pod.namespace for pod in self.pods}
        self._namespaces = {name: {_NAME_LABEL: name, **(told.get(name) or {})} for name in names}
        self._in: Mapping[str, list[Pod]] = defaultdict(list)
        self._labelled: Mapping[tuple[str, str, str], list[Pod]] = defaultdict(list)
        for pod in self.pods:
            self._in[pod.namespace].append(pod)
            for key, value in pod.labels.items():
                self._labelled[pod.namespace, key, value].append(pod)

    def in_namespace(self, namespace: str, selector: Json) -> list[Pod]:
        """Return the pods of a namespace that a selector picks."""
        wanted = selector.get("matchLabels") or {}
        likely = [self._labelled.get((namespace, *label), []) for label in wanted.items()]
        fewest = min(likely, key=len, default=self._in.get(namespace, []))
        return [pod for pod in fewest if selects(selector, pod.labels)]

    def in_namespaces(self, namespace_selector: Json, selector: Json) -> list[Pod]:
        """Return the pods that a selector picks in the namespaces that another picks."""
        return [
            pod
            for name, labels in self._namespaces.items()
            if selects(namespace_selector, labels)
            for pod in self.in_namespace(name, selector)
        ]


def selects(selector: Json, labels: Labels) -> bool:
    """Tell whether a label selector picks an object with these labels."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions") or []
    )


def _holds(expression: Json, labels: Labels) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    raise ValueError(f"unknown operator {expression['operator']!r}")
