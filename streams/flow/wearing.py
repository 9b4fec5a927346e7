"""Which pods wear which labels, and which identities are selected by them: found by the label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeVar

from streams.flow.workloads import home_of
from streams.records.views import PodRef

Pair = tuple[str, str, str]
K = TypeVar("K", str, Pair)


class Wearing:
    """Pods and selectors by the labels of their namespace."""

    def __init__(self) -> None:
        self._pods: defaultdict[Pair, set[str]] = defaultdict(set)
        # Each under one label of its selector: that by which the fewest are found.
        self._filed: dict[str, Pair] = {}
        self._selecting: defaultdict[Pair, set[str]] = defaultdict(set)
        self._selectors: dict[str, Mapping[str, str]] = {}

    def put_on(self, pod: PodRef) -> None:
        """Take in what a pod wears."""
        for pair in _pairs(pod, pod.labels):
            self._pods[pair].add(pod.key)

    def take_off(self, pod: PodRef) -> None:
        """Take in that a pod wears nothing any more."""
        for pair in _pairs(pod, pod.labels):
            discard(self._pods, pair, pod.key)

    def select(self, identity: PodRef) -> None:
        """Take in by which labels an identity is selected; by none, it selects nobody."""
        self.unselect(identity.key)
        pairs = _pairs(identity, selector_of(identity))
        if pairs:
            fewest = min(pairs, key=lambda pair: len(self._selecting.get(pair, ())))
            self._filed[identity.key] = fewest
            self._selecting[fewest].add(identity.key)
            self._selectors[identity.key] = selector_of(identity)

    def unselect(self, key: str) -> None:
        """Take in that an identity is gone."""
        if filed := self._filed.pop(key, None):
            discard(self._selecting, filed, key)
            del self._selectors[key]

    def wearers(self, identity: PodRef) -> set[str]:
        """Return the keys of the pods that wear all by which an identity is selected."""
        pairs = _pairs(identity, selector_of(identity))
        found = [self._pods.get(pair, set()) for pair in pairs]
        return set.intersection(*sorted(found, key=len)) if found else set()

    def selecting(self, pod: PodRef) -> set[str]:
        """Return the keys of the identities that are selected by labels which a pod wears."""
        near = (self._selecting.get(pair, ()) for pair in _pairs(pod, pod.labels))
        return {
            key
            for keys in near
            for key in keys
            if self._selectors[key].items() <= pod.labels.items()
        }


def selector_of(identity: PodRef) -> Mapping[str, str]:
    """Return the labels by which policies select an identity's pods."""
    return identity.identity.selector if identity.identity is not None else {}


def discard(sets: dict[K, set[str]], key: K, value: str) -> None:
    """Take a value out of one of the sets; of what is empty nothing is left."""
    found = sets.get(key, set())
    found.discard(value)
    if not found:
        sets.pop(key, None)


def _pairs(pod: PodRef, labels: Mapping[str, str]) -> list[Pair]:
    home = home_of(pod)
    return [(home, label, value) for label, value in sorted(labels.items())]
