"""A NetworkPolicy spec in its one spelling: equal meaning, equal value.

Server defaults are filled in, what a peer may exchange is gathered over all rules that
name it, port ranges are joined, and peers with equal ports share one rule.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from streams.records.ports import ANY_PORT, PortRange
from streams.rules.ranges import merged

_EVERYBODY = ""  # where other peers have their JSON text
_DIRECTIONS = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}


def meaning(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec in its one spelling."""
    types = set(spec.get("policyTypes") or ())
    if not types:
        types = {"Ingress", "Egress"} if spec.get("egress") else {"Ingress"}
    result: dict[str, Any] = {
        "podSelector": _selector(spec.get("podSelector") or {}),
        "policyTypes": sorted(types),
    }
    for kind in types:
        direction, side = _DIRECTIONS[kind]
        result[direction] = _rules(spec.get(direction) or (), side)
    return result


def text_of(value: Any) -> str:
    """Return JSON text with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _rules(rules: Iterable[Mapping[str, Any]], side: str) -> list[dict[str, Any]]:
    allowed: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for rule in rules:
        peers = [text_of(_peer(peer)) for peer in rule.get(side) or ()]
        for peer in peers or [_EVERYBODY]:
            # No list of ports means all of them, of every protocol.
            allowed[peer] += rule.get("ports") or [{"everything": True}]
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for peer, ports in allowed.items():
        alike[text_of(_ports(ports))].append(peer)
    return sorted((_rule(*item, side) for item in alike.items()), key=text_of)


def _rule(ports: str, peers: list[str], side: str) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    if _EVERYBODY not in peers:
        rule[side] = [json.loads(peer) for peer in sorted(peers)]
    if ports != "[]":
        rule["ports"] = json.loads(ports)
    return rule


def _ports(ports: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the ports, or an empty list for everything."""
    if any("everything" in port for port in ports):
        return []
    named: set[tuple[str, str]] = set()
    ranges: defaultdict[str, list[PortRange]] = defaultdict(list)
    for port in ports:
        protocol, number = port.get("protocol") or "TCP", port.get("port")
        if isinstance(number, str):
            named.add((protocol, number))
        elif number is None:
            ranges[protocol].append(ANY_PORT)
        else:
            ranges[protocol].append(PortRange(number, port.get("endPort") or number))
    numbered = [
        _port(protocol, piece) for protocol in sorted(ranges) for piece in merged(ranges[protocol])
    ]
    return numbered + [{"protocol": protocol, "port": name} for protocol, name in sorted(named)]


def _port(protocol: str, piece: PortRange) -> dict[str, Any]:
    if piece == ANY_PORT:
        return {"protocol": protocol}
    if piece.first == piece.last:
        return {"protocol": protocol, "port": piece.first}
    return {"protocol": protocol, "port": piece.first, "endPort": piece.last}


def _peer(peer: Mapping[str, Any]) -> dict[str, Any]:
    block = peer.get("ipBlock")
    if block:
        excepted = sorted(block.get("except") or ())
        return {"ipBlock": {"cidr": block["cidr"], **({"except": excepted} if excepted else {})}}
    # An empty selector selects all; an absent one says nothing.
    return {
        key: _selector(peer[key])
        for key in ("namespaceSelector", "podSelector")
        if peer.get(key) is not None
    }


def _selector(selector: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if labels := selector.get("matchLabels"):
        result["matchLabels"] = dict(labels)
    if expressions := selector.get("matchExpressions"):
        result["matchExpressions"] = sorted(map(_expression, expressions), key=text_of)
    return result


def _expression(expression: Mapping[str, Any]) -> dict[str, Any]:
    values = expression.get("values")
    return {**expression, "values": sorted(values)} if values else dict(expression)
