"""Marks for the tests on real servers: they run where VEREFLOW_REAL=1, and nowhere else.

There nothing is skipped: what is missing makes its tests fail, and says how to get it.
"""

from __future__ import annotations

import os

import pytest

# Taken out: whatever the tests start would take it for a setting of ours that sets nothing.
DEMANDED = os.environ.pop("VEREFLOW_REAL", "") == "1"
# Hundreds of worlds of packets instead of a few.
ALL_PACKETS = os.environ.pop("VEREFLOW_PACKETS", "") == "all"
HOW = "`make real` runs them: they need Java with Maven, and root with nftables"

needs_java = pytest.mark.real("Java and Maven")
needs_packets = pytest.mark.real("root with nftables and iproute2")
