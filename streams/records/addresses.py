"""Addresses of a rule: exact, ``10.0.0.-1`` (any last octet) or ``*``, on the wire as text."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address
from typing import Annotated

from pydantic import AfterValidator

ANY_ADDRESS = "*"
_OCTETS = re.compile(r"(?:-1|[0-9]{1,3})(?:\.(?:-1|[0-9]{1,3})){3}")


def check_pattern(text: str) -> str:
    """Return the pattern in its one spelling; raise ValueError for anything else.

    Octet-wise wildcards are Verefoo's: ``-1`` stands for any octet, in any place.
    """
    if text == ANY_ADDRESS:
        return text
    if _OCTETS.fullmatch(text) is None:
        raise ValueError(f"not an address, a range like 10.0.0.-1, or *: {text[:60]!r}")
    for octet in text.split("."):
        if octet != "-1" and (int(octet) > 255 or (len(octet) > 1 and octet[0] == "0")):
            raise ValueError(f"an octet is 0 to 255 without leading zeros: {text!r}")
    return ANY_ADDRESS if text == "-1.-1.-1.-1" else text


def is_exact(pattern: str) -> bool:
    """Tell whether the pattern names one address."""
    return pattern != ANY_ADDRESS and "-1" not in pattern.split(".")


def matches(pattern: str, address: str) -> bool:
    """Tell whether the pattern covers a dotted-quad address."""
    if pattern in (ANY_ADDRESS, address):
        return True
    return all(
        want in ("-1", have)
        for want, have in zip(pattern.split("."), address.split("."), strict=True)
    )


def check_subnet(text: str) -> str:
    """Return the pattern of a network of whole octets; raise ValueError for anything else."""
    octets = check_pattern(text).split(".")
    known = [octet for octet in octets if octet != "-1"]
    if len(octets) != 4 or not 1 <= len(known) <= 3 or octets[: len(known)] != known:
        raise ValueError("a subnet is like 10.2.-1.-1")
    return text


def network_of(subnet: str) -> str:
    """Return the network that a subnet's pattern covers, as CIDR."""
    return f"{subnet.replace('-1', '0')}/{32 - 8 * subnet.count('-1')}"


def check_pod_address(text: str) -> str:
    """Return a unicast IPv4 address a pod can hold; raise ValueError for anything else."""
    try:
        address = IPv4Address(text)
    except AddressValueError as error:
        raise ValueError(f"not an IPv4 address: {text[:60]!r}") from error
    special = address.is_multicast or address.is_loopback or address.is_unspecified
    if special or address.is_link_local or address.is_reserved:
        raise ValueError(f"no pod holds {text}")
    return text


AddressPattern = Annotated[str, AfterValidator(check_pattern)]
Subnet = Annotated[str, AfterValidator(check_subnet)]
PodAddress = Annotated[str, AfterValidator(check_pod_address)]
