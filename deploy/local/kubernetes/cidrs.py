"""Address ranges as strictly as a new cluster reads them."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_NO_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def cidr_problems(text: str) -> Iterator[str]:
    """Say what is wrong with a range."""
    address, _, length = text.partition("/")
    # Python also reads netmasks and zones.
    if not re.fullmatch("[0-9]+", length) or "%" in address:
        yield _NO_CIDR
        return
    if _has_leading_zeros(text):
        yield "must not have leading 0s in IP or prefix length"
        return
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        yield _NO_CIDR
        return
    first = ip_address(address)
    if isinstance(first, IPv6Address) and first.ipv4_mapped is not None:
        yield "must not have an IPv4-mapped IPv6 address"
    elif network.network_address != first:
        yield "must not have bits set beyond the prefix length"


def _has_leading_zeros(text: str) -> bool:
    address, _, length = text.partition("/")
    dotted = "." in address and any(re.fullmatch(r"0\d+", part) for part in address.split("."))
    return bool(dotted or re.fullmatch(r"0\d+", length))


def is_strict_subset(inner: str, outer: str) -> bool:
    """Return whether one range lies inside another and is smaller."""
    small, large = ip_network(inner, strict=False), ip_network(outer, strict=False)
    if isinstance(small, IPv4Network) and isinstance(large, IPv4Network):
        return small != large and small.subnet_of(large)
    if isinstance(small, IPv6Network) and isinstance(large, IPv6Network):
        return small != large and small.subnet_of(large)
    return False
