"""Declare the tables on an app."""

from __future__ import annotations

import faust

from streams.app import rocksdb_options
from streams.faust_codec import FaustKey, faust_type
from tables.catalog import CATALOG, Tables


def declare(app: faust.App, partitions: int) -> Tables:
    """Declare every table on the app, with bounded RocksDB memory."""
    return Tables(
        {
            name: app.Table(
                name,
                key_type=FaustKey,
                value_type=faust_type(kept.row),
                partitions=partitions,
                options=rocksdb_options(),
            )
            for name, kept in CATALOG.items()
        }
    )
