"""Say why a policy is as it is: which rules each opening comes from, and what adds to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agents.asking.origins import Origin, origins_of
from agents.asking.policies import Policy, policy_of
from agents.asking.seen import Seen
from agents.asking.stored import is_ours
from agents.asking.view import View, short
from streams.policy.reach import isolates, selects
from streams.records.views import Direction

Json = Mapping[str, Any]

# Of other policies, and of the openings of each.
MOST_BESIDE = 100
MOST_ADDED = 20


class Added(View):
    """One opening of another policy."""

    direction: str
    number: int
    rule: dict[str, Any]


class Beside(View):
    """Another stored policy that selects the same pods: policies only add to each other."""

    name: str
    ours: bool
    adds: tuple[Added, ...]


class Why(Policy):
    """One policy whole: as wanted and as stored, which rules it comes from, what adds to it."""

    openings: tuple[Origin, ...]
    beside: tuple[Beside, ...]


def why_of(seen: Seen, key: str) -> Why:
    """Return one policy of those that are wanted, and what it comes from."""
    beside = sorted(_beside(seen, key), key=lambda each: (each.ours, each.name))
    return Why(
        **dict(policy_of(seen, key)),
        openings=origins_of(seen, key),
        beside=tuple(beside[:MOST_BESIDE]),
    )


def _beside(seen: Seen, key: str) -> Iterator[Beside]:
    """Yield the other policies that let something through to or from whom this one selects."""
    manifest = seen.rows.wanted[key].manifest
    pods = [*_selected(seen, manifest)] if manifest is not None else []
    for name, policy in seen.cluster.policies.items():
        if name == short(key):
            continue
        added = tuple(_added(policy, pods))
        if added:
            yield Beside(name=name, ours=is_ours(policy), adds=added[:MOST_ADDED])


def _selected(seen: Seen, manifest: Json) -> Iterator[Json]:
    for pod in seen.cluster.stored.pods.values():
        meta = pod["metadata"]
        near = meta["namespace"] == manifest["metadata"]["namespace"]
        if near and selects(manifest["spec"]["podSelector"], meta.get("labels") or {}):
            yield pod


def _added(policy: Json, pods: list[Json]) -> Iterator[Added]:
    for direction in Direction:
        if any(isolates(policy, direction.capitalize(), pod) for pod in pods):
            rules = (policy.get("spec") or {}).get(direction) or ()
            for number, rule in enumerate(rules, 1):
                yield Added(direction=direction, number=number, rule=rule)
