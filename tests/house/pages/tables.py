"""Every table, from the catalogue and from what the agents say that they write."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from streams.settings import Settings
from streams.topics import rows
from tables.catalog import CATALOG
from tests.house.hands import ROOT, Hand, hands
from tests.house.pages.markdown import code, link, page, table
from tests.house.pages.topics import label

INTRO = """
What workers remember, in RocksDB under `state_dir`, with a compacted topic behind each table from
which it is recovered. A table is written by one agent only, and shares the partitions of the topic
which that agent reads: a handler sees the rows of its record's partition, and no others. Every
worker shows the rows of all workers at `/tables/NAME` of its web server, read-only.
""".strip()


def tables() -> str:
    """Return the page of tables."""
    headers = ("table", "what it keeps", "row", "written by", "partitions of", "changelog")
    return page("Tables", INTRO, table(headers, _rows()))


def _rows() -> Iterator[tuple[str, ...]]:
    for name, kept in CATALOG.items():
        owner = owner_of(name)
        source = inspect.getsourcefile(kept.row)
        assert source is not None
        (topic,) = (each for each in owner.reads if not each.startswith("["))
        spec = rows(Settings(), name)
        yield (
            code(name),
            kept.what,
            link(source.removeprefix(f"{ROOT}/"), kept.row.__name__),
            link(owner.name, label(owner)),
            code(topic),
            code(spec.name),
        )


def owner_of(name: str) -> Hand:
    """Return the one agent that says it writes this table."""
    (owner,) = (hand for hand in hands() if f"[{name}]" in hand.writes)
    return owner
