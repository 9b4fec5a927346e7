"""Say what one version of a policy opens that another does not, and what it closes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streams.policy.reach import Reach, ports_of
from streams.policy.selection import NAMESPACE_LABEL
from streams.records.views import Direction

Json = Mapping[str, Any]

MOST_SAID = 20


def changed(before: Json | None, after: Json | None) -> tuple[str, ...]:
    """Return a line for each peer that may do something more, or no more; None opens nothing."""
    old, new = dict.fromkeys(_openings(before)), dict.fromkeys(_openings(after))
    found = [f"+ {each}" for each in new if each not in old]
    found += [f"- {each}" for each in old if each not in new]
    more = len(found) - MOST_SAID
    return (*found[:MOST_SAID], *([f"and {more} more"] if more > 0 else ()))


def _openings(manifest: Json | None) -> Iterator[str]:
    spec: Json = manifest["spec"] if manifest is not None else {}
    for direction in Direction:
        side = "from" if direction is Direction.INGRESS else "to"
        for rule in spec.get(direction) or ():
            ports = Reach(ports_of(rule.get("ports") or (), {})).text
            # No list, or an empty one, means everybody.
            for peer in rule.get(side) or [dict[str, Any]()]:
                yield f"{direction} {peer_text(peer, spec['podSelector'])}: {ports}"


def peer_text(peer: Json, itself: Json) -> str:
    """Return whom a policy means by one of its peers; ``itself`` is whom it selects."""
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        holes = f" except {', '.join(block['except'])}" if block.get("except") else ""
        return f"{block['cidr']}{holes}"
    if peer == {"podSelector": itself}:
        return "itself"
    if not peer:
        return "everybody"
    home = _labels(peer.get("namespaceSelector") or {}).removeprefix(f"{NAMESPACE_LABEL}=")
    return "/".join(each for each in (home, _labels(peer.get("podSelector") or {})) if each)


def _labels(selector: Json) -> str:
    wanted = selector.get("matchLabels") or {}
    return ",".join(f"{name}={value}" for name, value in sorted(wanted.items()))
