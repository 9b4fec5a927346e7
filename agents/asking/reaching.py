"""Answer who reaches whom, and who is in the way, from what is stored."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from agents.asking.stored import Stored
from streams.policy.reach import Reach, Side, both_sides
from streams.records.rules import Protocol

_PORT = re.compile(r"([0-9]{1,5})(?:/(TCP|UDP|SCTP))?", re.IGNORECASE)


class Port(NamedTuple):
    """A port somebody asks about."""

    protocol: Protocol
    number: int

    @property
    def text(self) -> str:
        """Return the port as reports say it."""
        return f"{self.protocol} {self.number}"


class Answer(NamedTuple):
    """What one pod may send to another, and what keeps it from all or the asked rest."""

    source: str
    destination: str
    egress: Side
    ingress: Side
    port: Port | None = None

    @property
    def both(self) -> Reach:
        """What gets through on both sides."""
        return Reach(self.egress.reach.ports & self.ingress.reach.ports)

    @property
    def yes(self) -> bool:
        """Whether the port that was asked about gets through, or without one anything."""
        return lets_through(self.both, self.port)

    @property
    def in_the_way(self) -> list[str]:
        """Return why it does not get through: the policies that have no rule for it."""
        if self.yes:
            return []
        closed = [
            f"no {kind} policy rule lets it {way} {end}: {', '.join(side.policies)}"
            for kind, way, end, side in (
                ("egress", "out of", self.source, self.egress),
                ("ingress", "into", self.destination, self.ingress),
            )
            if not lets_through(side.reach, self.port)
        ]
        return closed or [
            f"out go {self.egress.reach.text}, in come {self.ingress.reach.text}:"
            f" nothing in common: {', '.join((*self.egress.policies, *self.ingress.policies))}"
        ]

    def as_data(self) -> dict[str, Any]:
        """Return the answer as plain data."""
        return {
            "from": self.source,
            "to": self.destination,
            "port": self.port.text if self.port else "",
            "reaches": self.yes,
            "ports": self.both.text,
            "egress": {"ports": self.egress.reach.text, "policies": [*self.egress.policies]},
            "ingress": {"ports": self.ingress.reach.text, "policies": [*self.ingress.policies]},
            "inTheWay": self.in_the_way,
        }


def parse_port(text: str) -> Port:
    """Read ``80`` or ``5000/UDP``; raise ValueError for anything else."""
    match = _PORT.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise ValueError(f"{text!r} is no port: say 80, 53/UDP or 9899/SCTP")
    return Port(Protocol((match[2] or "TCP").upper()), int(match[1]))


def find_pod(stored: Stored, name: str) -> str:
    """Return the namespace/name of a pod that is named either way; raise ValueError if unclear."""
    found = pod_named(stored, name)
    if found is None:
        raise ValueError(f"no pod {name!r} with an address in the managed namespaces")
    return found


def pod_named(stored: Stored, name: str) -> str | None:
    """Return the same, or that there is none; raise ValueError if there are several."""
    found = [key for key in stored.pods if name in (key, key.partition("/")[2])]
    if len(found) > 1:
        raise ValueError(f"{name} is in several namespaces: {', '.join(found)}")
    return found[0] if found else None


def judge(stored: Stored, source: str, destination: str, port: Port | None = None) -> Answer:
    """Return what one pod may send to another."""
    pods = stored.pods[source], stored.pods[destination]
    egress, ingress = both_sides(stored.policies, *pods, stored.labels)
    return Answer(source, destination, egress, ingress, port)


def lets_through(reach: Reach, port: Port | None) -> bool:
    """Tell whether a port gets through, or where none is asked for anything."""
    return bool(reach) if port is None else reach.admits(port.protocol, port.number)
