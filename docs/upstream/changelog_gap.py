"""A table stores the offset of whatever it wrote, also behind what somebody else wrote.

Exit 1: one late write makes an old state pass for the newest. Exit 0: it does not.
"""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

import faust
from faust.types import TP

CHANGELOG = TP("changelog", 0)
KNOWN, LATE = 610, 1512


class Store:
    """A store that remembers one offset."""

    offset = KNOWN

    def persisted_offset(self, tp: TP) -> int:
        """Return up to where the state on disk is known."""
        return self.offset

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Say that recovery may begin there."""
        self.offset = offset


async def main() -> int:
    """Freeze after offset 610; another worker writes 611 to 1511; then our last write arrives."""
    app = faust.App("gap", store="memory://", broker="kafka://127.0.0.1:1")
    table: Any = app.Table("t", partitions=1)
    table._data = store = Store()
    sent = SimpleNamespace(topic_partition=CHANGELOG, offset=LATE)

    table._on_changelog_sent(SimpleNamespace(result=lambda: sent))

    print(f"recovery begins at {store.offset}; this state ends at {KNOWN}")
    return int(store.offset != KNOWN)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
