"""Which pods need a label of our own: those that their ``app`` label does not pick out alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from streams.policy.selection import LABEL, OWN_LABEL, selected_by, selector_of, worn
from streams.records.views import PodRef


class Wearers:
    """The pods of one cluster, by the labels they wear."""

    def __init__(self) -> None:
        self._pods: dict[str, PodRef] = {}
        self._wearing: defaultdict[str | None, set[str]] = defaultdict(set)

    def put(self, pod: PodRef) -> Iterator[PodRef]:
        """Take in what a pod is by now; yield whoever may need a label, or need none, by that."""
        touched = {pod.key, *self._owners(pod), *self._without(pod.key)}
        self._pods[pod.key] = pod
        for label in worn(pod):
            self._wearing[label].add(pod.key)
        yield from (self._pods[key] for key in sorted(touched) if key in self._pods)

    def drop(self, key: str) -> Iterator[PodRef]:
        """Forget a pod; yield whoever may need no label any more."""
        touched = self._without(key)
        yield from (self._pods[each] for each in sorted(touched) if each in self._pods)

    def needs(self, pod: PodRef) -> bool:
        """Tell whether the pod is to be given our label, or wears one that is not its own."""
        if OWN_LABEL in pod.labels:
            return pod.labels[OWN_LABEL] != pod.uid
        return selector_of(pod) is None or len(self._wearing[selected_by(pod)]) > 1

    def _without(self, key: str) -> set[str]:
        old = self._pods.pop(key, None)
        if old is None:
            return set()
        for label in worn(old):
            self._wearing[label].discard(key)
        return self._owners(old)

    def _owners(self, pod: PodRef) -> set[str]:
        """Return the key of the pod whose name this one wears."""
        return {f"{pod.cluster}/{pod.namespace}/{pod.labels.get(LABEL, '')}"}
