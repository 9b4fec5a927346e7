"""What a replay told of one moment: who lived then, and what the cluster should have held."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import BaseModel

from agents.asking.manifests import PodManifest, PolicyManifest
from agents.asking.stored import Stored
from streams.records.cause import Cause


class Place(BaseModel):
    """How far it came: the last fact of the graph, of how many, and when that was said."""

    frame: int | None
    facts: int
    fact: int
    at: str


class Then(NamedTuple):
    """One moment: what was stored is by namespace/name; so are the causes of the policies."""

    place: Place
    stored: Stored
    rules: tuple[str, ...]
    causes: Mapping[str, str]


class _Pod(BaseModel):
    name: str
    manifest: PodManifest


class _Policy(BaseModel):
    name: str
    manifest: PolicyManifest
    cause: Cause | None = None


class _Rule(BaseModel):
    firewall: str
    text: str


class _Told(BaseModel):
    replay: Place
    pods: list[_Pod]
    rules: list[_Rule]
    policies: list[_Policy]


def read_then(text: bytes) -> Then:
    """Read what `vereflow replay -o json` prints; raise ValueError if that is something else."""
    told = _Told.model_validate_json(text)
    return Then(
        told.replay,
        Stored(
            {each.name: each.manifest for each in told.pods},
            [e.manifest for e in told.policies],
            {},
        ),
        tuple(f"{each.text} of {each.firewall}" for each in told.rules),
        {each.name: each.cause.text for each in told.policies if each.cause is not None},
    )
