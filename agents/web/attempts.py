"""Wrong tokens of each address: some at once, and then one every few seconds."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address, ip_network

AT_ONCE = 10
EVERY = 2.0
# Of addresses that were wrong lately; who comes from more of them has guessed nothing yet.
MOST = 1000


class Attempts:
    """Remembers until when each address has used up what it may get wrong."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: OrderedDict[str, float] = OrderedDict()

    def wait(self, address: str) -> float:
        """Return for how many seconds an address may not try; 0 when it may."""
        used = self._used.get(_whose(address), 0.0)
        return max(0.0, used - self._clock() - (AT_ONCE - 1) * EVERY)

    def failed(self, address: str) -> None:
        """Count one that was wrong."""
        whose = _whose(address)
        self._used[whose] = max(self._used.pop(whose, 0.0), self._clock()) + EVERY
        while len(self._used) > MOST:
            self._used.popitem(last=False)


def _whose(address: str) -> str:
    """Return what one machine has one of: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        told = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return str(ip_network((told, 64), strict=False)) if told.version == 6 else str(told)
