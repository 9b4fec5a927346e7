"""The ways firewalls can be placed; a new one is a new file and a name here."""

from __future__ import annotations

from streams.graph.distributed import Distributed
from streams.graph.star import Star

Placement = Star | Distributed
