"""Judge packets by the text of a ruleset, read as nftables reads it: our small part of it."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from typing import NamedTuple

_CHAIN = re.compile(r"chain (\S+) \{\n(.*?)\n\}", re.DOTALL)
_SET = r"(?:\{ (.*?) \})"


class Packet(NamedTuple):
    """The first packet of a flow."""

    source: str
    destination: str
    protocol: str
    port: int = 0


def passes(ruleset: str, packet: Packet) -> bool:
    """Tell whether the forward hook lets a packet through."""
    assert ruleset.startswith(
        "add table ip vereflow\ndelete table ip vereflow\ntable ip vereflow {"
    )
    chains = {name: body.splitlines() for name, body in _CHAIN.findall(ruleset)}
    hook, answers, *maps = chains["forward"]
    assert hook == "type filter hook forward priority filter; policy accept;"
    # The first packet of a flow is no answer.
    assert answers.startswith("ct direction reply ct state")
    return all(_map_passes(line, chains, packet) for line in maps)


def _map_passes(line: str, chains: dict[str, list[str]], packet: Packet) -> bool:
    match = re.fullmatch(rf"ip (saddr|daddr) vmap {_SET}", line)
    assert match, line
    address = packet.source if match[1] == "saddr" else packet.destination
    jumps = dict(each.split(" : jump ") for each in match[2].split(", "))
    return address not in jumps or _chain_passes(chains[jumps[address]], packet)


def _chain_passes(rules: list[str], packet: Packet) -> bool:
    for rule in rules:
        if rule == "counter drop":
            return False
        if _applies(rule, packet):
            return True
    raise AssertionError("a chain without an end")


def _applies(rule: str, packet: Packet) -> bool:
    match = re.fullmatch(
        rf"(?:ip (saddr|daddr) {_SET} )?"
        rf"(?:meta l4proto (\w+) |(\w+) dport {_SET} )?return",
        rule,
    )
    assert match, rule
    field, networks, whole, protocol, ports = match.groups()
    if field and not _inside(packet, field, networks):
        return False
    if whole or protocol:
        return packet.protocol.lower() == (whole or protocol) and (
            bool(whole) or _listed(packet.port, ports)
        )
    return True


def _inside(packet: Packet, field: str, networks: str) -> bool:
    address = IPv4Address(packet.source if field == "saddr" else packet.destination)
    return any(address in IPv4Network(each) for each in networks.split(", "))


def _listed(port: int, text: str) -> bool:
    spans = [tuple(map(int, each.split("-"))) for each in text.split(", ")]
    # nftables refuses a set whose intervals overlap.
    assert all(one[-1] < two[0] for one, two in pairwise(spans)), text
    return any(span[0] <= port <= span[-1] for span in spans)
