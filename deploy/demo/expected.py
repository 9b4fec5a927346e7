"""What the story says must be there, word by word: written by hand, not by the compiler."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

ADDRESSES = {
    "pod-a": "10.244.120.90",
    "pod-b": "10.244.120.91",
    "pod-c": "10.244.120.92",
}
A, B, C = ADDRESSES.values()


def rule(
    source: str, destination: str, protocol: str = "TCP", port: str = "*", action: str = "ALLOW"
) -> Json:
    """Return a rule in Verefoo's words; any source port."""
    return {
        "action": action,
        "source": source,
        "destination": destination,
        "protocol": protocol,
        "srcPort": "*",
        "dstPort": port,
        "directional": True,
    }


A_TO_B = {**rule(A, B, port="80"), "srcPort": "80"}

# Every kind of rule at once: whole protocols, ranges, wildcards, order-free DENY, ICMP.
MANY_RULES = [
    A_TO_B,
    rule(B, A, "ANY"),
    rule(C, B, "ANY"),
    rule(C, B, "TCP", "22", action="DENY"),
    rule("10.244.120.-1", A, "UDP", "5000-5010"),
    rule("*", C, "TCP"),
    rule(B, C, "TCP", "8080-8090", action="DENY"),
]


def _named(name: str) -> Json:
    return {"podSelector": {"matchLabels": {"app": name}}}


def _spec(name: str, ingress: list[Json], egress: list[Json]) -> Json:
    return {
        **_named(name),
        "ingress": ingress,
        "egress": egress,
        "policyTypes": ["Ingress", "Egress"],
    }


def _ports(*ports: tuple[str, int] | tuple[str, int, int] | tuple[str]) -> list[Json]:
    names = ("protocol", "port", "endPort")
    return [dict(zip(names, port, strict=False)) for port in ports]


def isolated(name: str) -> Json:
    """Return the spec of a pod that may exchange with itself only."""
    return _spec(name, [{"from": [_named(name)]}], [{"to": [_named(name)]}])


A_AND_B = {
    "pod-a": _spec(
        "pod-a",
        [{"from": [_named("pod-a")]}],
        [{"to": [_named("pod-b")], "ports": _ports(("TCP", 80))}],
    ),
    "pod-b": _spec(
        "pod-b",
        [{"from": [_named("pod-a")], "ports": _ports(("TCP", 80))}],
        [{"to": [_named("pod-b")]}],
    ),
    "pod-c": isolated("pod-c"),
}

_FROM_C = _ports(("TCP", 1, 21), ("TCP", 23, 65535), ("UDP",), ("SCTP",))
_FROM_B = _ports(("TCP", 1, 8079), ("TCP", 8091, 65535))
_UDP = _ports(("UDP", 5000, 5010))

MANY = {
    "pod-a": _spec(
        "pod-a",
        [{"from": [_named("pod-b")]}, {"from": [_named("pod-c")], "ports": _UDP}],
        [
            {"to": [_named("pod-b")], "ports": _ports(("TCP", 80))},
            {"to": [_named("pod-c")], "ports": _ports(("TCP",))},
        ],
    ),
    "pod-b": _spec(
        "pod-b",
        [
            {"from": [_named("pod-a")], "ports": _ports(("TCP", 80))},
            {"from": [_named("pod-c")], "ports": _FROM_C},
        ],
        [{"to": [_named("pod-a")]}, {"to": [_named("pod-c")], "ports": _FROM_B}],
    ),
    "pod-c": _spec(
        "pod-c",
        [
            {"from": [_named("pod-a")], "ports": _ports(("TCP",))},
            {"from": [_named("pod-b")], "ports": _FROM_B},
        ],
        [
            {"to": [_named("pod-a")], "ports": _UDP},
            {"to": [_named("pod-b")], "ports": _FROM_C},
        ],
    ),
}

# What really arrives, of a ping, TCP 80, TCP 81 and UDP 53; between all other pairs nothing does.
EVERYTHING = {"ping", "TCP 80", "TCP 81", "UDP 53"}
ALL_ARRIVE = {(one, two): EVERYTHING for one in ADDRESSES for two in ADDRESSES if one != two}
A_TO_B_ARRIVES = {("pod-a", "pod-b"): {"TCP 80"}}
MANY_ARRIVE = {
    ("pod-a", "pod-b"): {"TCP 80"},
    ("pod-a", "pod-c"): {"TCP 80", "TCP 81"},
    ("pod-b", "pod-a"): EVERYTHING,
    ("pod-b", "pod-c"): {"TCP 80", "TCP 81"},
    ("pod-c", "pod-b"): {"TCP 80", "TCP 81", "UDP 53"},
}

FIRST_FIREWALLS = ["10.0.0.0", "10.0.0.1", "10.0.0.2"]
HUB = "10.0.15.255"
B_TO_C = {**rule(B, C, port="80"), "srcPort": "80"}
B_AND_C = {
    "pod-a": isolated("pod-a"),
    "pod-b": _spec(
        "pod-b",
        [{"from": [_named("pod-b")]}],
        [{"to": [_named("pod-c")], "ports": _ports(("TCP", 80))}],
    ),
    "pod-c": _spec(
        "pod-c",
        [{"from": [_named("pod-b")], "ports": _ports(("TCP", 80))}],
        [{"to": [_named("pod-c")]}],
    ),
}
B_TO_C_ARRIVES = {("pod-b", "pod-c"): {"TCP 80"}}
