"""Declare the tables on an app."""

from __future__ import annotations

from collections.abc import Iterable

import faust

from streams.app import rocksdb_options
from streams.faust_codec import FaustKey, faust_type
from tables.catalog import CATALOG, NAMES, Tables


def declare(app: faust.App, partitions: int, names: Iterable[str] = NAMES) -> Tables:
    """Declare these tables on the app, with bounded RocksDB memory."""
    return Tables(
        {
            name: app.Table(
                name,
                key_type=FaustKey,
                value_type=faust_type(CATALOG[name].row),
                partitions=partitions,
                options=rocksdb_options(),
            )
            for name in names
        }
    )
