"""Tell whether a change of a policy takes something away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from streams.policy.dialects.kubernetes import is_identitys
from streams.policy.meaning import meaning, text_of
from streams.records.ports import ANY_PORT, PortRange
from streams.rules.ranges import Ranges, difference, merged

_DIRECTIONS = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}
_EVERYBODY = ""

# Per protocol its numbered ports; under _EVERYTHING and under each named port, whether it is there.
Ports = Mapping[tuple[str, str], Ranges]
_EVERYTHING = ("", "")


def narrows(stored_spec: Mapping[str, Any], wanted_manifest: Mapping[str, Any]) -> bool:
    """Tell whether something that is allowed now would no longer be.

    When in doubt the answer is yes: peers count as they are written, so that a peer who is only
    described in other words counts as taken away.
    """
    stored, wanted = meaning(stored_spec), meaning(wanted_manifest["spec"])
    if stored["podSelector"] != wanted["podSelector"]:
        return True
    # A pod reaches itself in any case: that rule only keeps a direction from being empty. The pods
    # of an identity are many.
    itself = text_of({"podSelector": stored["podSelector"]})
    ignored = "" if is_identitys(wanted_manifest) else itself
    return any(
        _narrows_direction(stored.get(direction), wanted.get(direction), side, ignored)
        for direction, side in _DIRECTIONS.values()
    )


def _narrows_direction(
    stored: list[dict[str, Any]] | None,
    wanted: list[dict[str, Any]] | None,
    side: str,
    ignored: str,
) -> bool:
    # A direction a policy does not speak of is open.
    if wanted is None or stored is None:
        return stored is None and wanted is not None
    have, want = _allowed(stored, side), _allowed(wanted, side)
    if ignored:
        have.pop(ignored, None)
    return any(_exceeds(ports, want[peer], want[_EVERYBODY]) for peer, ports in have.items())


def _allowed(rules: Iterable[dict[str, Any]], side: str) -> defaultdict[str, Ports]:
    allowed: defaultdict[str, Ports] = defaultdict(dict)
    for rule in rules:
        peers = [text_of(peer) for peer in rule.get(side) or ()] or [_EVERYBODY]
        for peer in peers:
            allowed[peer] = _ports(rule.get("ports"))
    return allowed


def _ports(ports: Iterable[Mapping[str, Any]] | None) -> Ports:
    if ports is None:
        return {_EVERYTHING: (ANY_PORT,)}
    found: defaultdict[tuple[str, str], list[PortRange]] = defaultdict(list)
    for port in ports:
        number = port.get("port")
        if isinstance(number, str):
            found[port["protocol"], number].append(ANY_PORT)
        elif number is None:
            found[port["protocol"], ""].append(ANY_PORT)
        else:
            found[port["protocol"], ""].append(PortRange(number, port.get("endPort") or number))
    return {which: merged(ranges) for which, ranges in found.items()}


def _exceeds(have: Ports, *covers: Ports) -> bool:
    if any(_EVERYTHING in cover for cover in covers):
        return False
    return any(
        difference(ranges, merged(piece for cover in covers for piece in cover.get(which, ())))
        for which, ranges in have.items()
    )
