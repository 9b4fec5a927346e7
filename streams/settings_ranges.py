"""What else may not have the addresses of identities."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, summarize_address_range
from itertools import combinations

from streams.graph.distributed import RESERVED
from streams.records.addresses import check_pod_address, network_of

# A network's first and last address are nobody's.
LONGEST_PREFIX = 30


def check_identities(told: str, firewall: str, base: str, pod_ranges: Iterable[str]) -> None:
    """Raise ValueError unless identities have at least two addresses, and those to themselves."""
    network = IPv4Network(told)
    if network.prefixlen > LONGEST_PREFIX:
        raise ValueError(f"graph.identities is too small: /{LONGEST_PREFIX} or larger")
    taken = {
        "graph.firewall": [IPv4Network(firewall)],
        "graph.base and the addresses behind it": _behind(base),
        "cluster.pod_ranges": map(IPv4Network, pod_ranges),
    }
    for name, networks in taken.items():
        if any(map(network.overlaps, networks)):
            raise ValueError(f"graph.identities overlaps {name}")
    for address in (network[1], network[-2]):
        check_pod_address(str(address))


def check_aliases(aliases: Iterable[str], identities: str, firewall: str, base: str) -> None:
    """Raise ValueError if an address of elsewhere is one that identities or firewalls are given."""
    taken = {
        "graph.identities": [IPv4Network(identities)],
        "graph.firewall": [IPv4Network(firewall)],
        "graph.base and the addresses behind it": list(_behind(base)),
    }
    for address in map(IPv4Address, aliases):
        for name, networks in taken.items():
            if any(address in network for network in networks):
                raise ValueError(f"graph.aliases overlaps {name}")


def check_subnets(subnets: Iterable[str], firewall: str, base: str) -> None:
    """Raise ValueError if a cluster's addresses are another one's, or firewalls have them."""
    networks = [IPv4Network(network_of(each)) for each in subnets]
    if any(one.overlaps(two) for one, two in combinations(networks, 2)):
        raise ValueError("graph.subnets overlap")
    for network in (IPv4Network(firewall), *_behind(base)):
        if any(map(network.overlaps, networks)):
            raise ValueError(
                "graph.subnets overlaps graph.firewall, or graph.base and what follows"
            )


def _behind(base: str) -> Iterable[IPv4Network]:
    first = IPv4Address(base)
    return summarize_address_range(first, first + RESERVED - 1)
