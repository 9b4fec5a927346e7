"""Which addresses of a range are given, and which is given next."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Set
from ipaddress import AddressValueError, IPv4Address, IPv4Network


class Addresses:
    """Who holds which address, and when those that nobody holds were freed."""

    def __init__(self) -> None:
        self.freed: dict[str, int] = {}
        self._holders: defaultdict[str, set[str]] = defaultdict(set)
        self._waiting: list[tuple[int, IPv4Address]] = []
        # All before this one were given once, or are nobody's to give.
        self._next = 0

    def hold(self, address: str, key: str) -> None:
        """Take in that an address is held."""
        self._holders[address].add(key)

    def release(self, address: str, key: str) -> None:
        """Take in that an address is held no more by somebody."""
        self._holders[address].discard(key)
        if not self._holders[address]:
            del self._holders[address]

    def free(self, address: str, at: int) -> None:
        """Take in when an address was freed."""
        self.freed[address] = at
        heapq.heappush(self._waiting, (at, IPv4Address(address)))

    def may_give(self, address: str, network: IPv4Network, reserved: Set[str]) -> bool:
        """Tell whether the address is one of the range that nobody holds."""
        return is_in(address, network) and address not in reserved and not self._held(address)

    def next(self, network: IPv4Network, reserved: Set[str]) -> str | None:
        """Return the first that was never given, else the one freed longest ago; None: no more."""
        first, last = _ends(network)
        while first + self._next <= last:
            address = str(IPv4Address(first + self._next))
            if address not in self.freed and self.may_give(address, network, reserved):
                return address
            self._next += 1
        return self._freed_longest_ago(network, reserved)

    def _freed_longest_ago(self, network: IPv4Network, reserved: Set[str]) -> str | None:
        while self._waiting:
            at, address = self._waiting[0]
            name = str(address)
            if self.freed[name] == at and self.may_give(name, network, reserved):
                return name
            # Whoever holds it says anew when it is freed.
            heapq.heappop(self._waiting)
        return None

    def _held(self, address: str) -> bool:
        return address in self._holders


def is_in(address: str | None, network: IPv4Network) -> bool:
    """Tell whether an address is one that a host of the range may have."""
    try:
        number = int(IPv4Address(address or ""))
    except AddressValueError:
        return False
    first, last = _ends(network)
    return first <= number <= last


def _ends(network: IPv4Network) -> tuple[int, int]:
    edge = 1 if network.prefixlen < 31 else 0
    first = int(network.network_address)
    return first + edge, first + network.num_addresses - 1 - edge
