"""Hypothesis strategies for rules that meet often, and firewalls of them."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from streams.records.rules import Action, Protocol, Rule

ADDRESSES = [f"10.0.0.{last}" for last in range(1, 6)]
# Few values, so that rules meet on a pair, overlap, touch and complete each other.
PATTERNS = [*ADDRESSES[:2], *ADDRESSES[:4], *["10.0.0.-1", "*"] * 3, "10.-1.0.1"]
PORTS = [
    "*",
    "80",
    "443",
    "0-1",
    "0-79",
    "0-80",
    "80-90",
    "81-65535",
    "85-443",
    "1-65535",
    "0-65534",
]

patterns = st.sampled_from(PATTERNS)
ports = st.one_of(st.just("*"), st.just("80"), st.sampled_from(PORTS))
free_mostly = st.one_of(st.just("*"), st.just("*"), st.just("*"), ports)
directional = st.sampled_from([True] * 19 + [False])


class Firewall(NamedTuple):
    rules: list[Rule]
    default: Action
    ordered: bool


def rules(ends: st.SearchStrategy[str] = patterns) -> st.SearchStrategy[Rule]:
    return st.builds(
        Rule,
        action=st.sampled_from(Action),
        source=ends,
        destination=ends,
        protocol=st.sampled_from(Protocol),
        src_port=free_mostly,
        dst_port=ports,
        directional=directional,
    )


def firewalls(
    ends: st.SearchStrategy[str] = patterns, most: int = 6
) -> st.SearchStrategy[Firewall]:
    return st.builds(
        Firewall,
        rules=st.lists(rules(ends), max_size=most),
        default=st.sampled_from(Action),
        ordered=st.booleans(),
    )


def rule(text: str, **changes: object) -> Rule:
    """Read ``ALLOW TCP 10.0.0.1:80 -> 10.0.0.2:80``; ports may be left out."""
    action, protocol, source, _, destination = text.split()
    source, _, src_port = source.partition(":")
    destination, _, dst_port = destination.partition(":")
    known = {
        "action": action,
        "protocol": protocol,
        "source": source,
        "destination": destination,
        "src_port": src_port or "*",
        "dst_port": dst_port or "*",
    }
    return Rule.model_validate(known | changes)
