"""What an explanation says: whether something gets through, and what decides it, part by part."""

from __future__ import annotations

from typing import Any

from agents.asking.unsaid import Unsaid
from agents.asking.view import View


class Said(View):
    """A rule about this pair at the port that was asked for, and whether it is what decides."""

    graph: str
    key: str
    firewall: str
    text: str
    action: str
    order: str
    said: str
    decides: bool


class Opening(View):
    """The very rule of a policy that lets it through, and which of its rules that is."""

    number: int
    rule: dict[str, Any]


class Closing(View):
    """A stored policy that selects one of the two pods, and whether it lets this through."""

    name: str
    key: str
    ours: bool
    revision: str
    lets: bool
    openings: tuple[Opening, ...]


class Standing(View):
    """How the policy stands that rules make for a pod: what came of it, in words as well."""

    key: str
    revision: str
    outcome: str
    drift: str
    in_force: bool
    words: str
    reason: str
    cause: str


class Half(View):
    """One side of the way: what the policies of that pod let through."""

    way: str
    pod: str
    ports: str
    lets: bool
    elsewhere: str
    policies: tuple[Closing, ...]
    standing: Standing | None


class Way(View):
    """What one pod may send to another, and by which rules, policies and objects.

    Whether rules allow it is None where another part of the installation knows them.
    """

    source: str
    to: str
    port: str
    reaches: bool
    allowed: bool | None
    ports: str
    why: str
    rules: tuple[Said, ...]
    orphaned: tuple[Said, ...]
    egress: Half
    ingress: Half
    in_the_way: tuple[str, ...]
    unsaid: tuple[Unsaid, ...]


class Explained(View):
    """The whole answer: one way for each pod that is meant; several stand behind a Service."""

    source: str
    to: str
    port: str
    reaches: bool
    why: str
    ways: tuple[Way, ...]
