"""A RocksDB store that serves no damaged rows: what it cannot read whole is built anew.

Stock Faust ends the worker when a database does not open, and so does every start after that. A
block that was damaged on the disk is noticed only when somebody reads it.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faust.stores.rocksdb import Store

# In RocksDB's words: a checksum or a length that is wrong, and a file that its manifest names.
SIGNS = ("Corruption", "No such file")

log = logging.getLogger(__name__)


class SoundStore(Store):
    """Reads each partition whole before anybody uses it: its blocks have checksums.

    A damaged partition is moved aside, for whoever wants to know what happened; then it is empty,
    and knows of no offset, so that recovery reads its changelog from the beginning.
    """

    def _open_for_partition(self, partition: int) -> Any:
        path = Path(self.partition_path(partition))
        try:
            db = super()._open_for_partition(partition)
        except Exception as error:
            # A lock that somebody holds is no damage.
            if not any(sign in str(error) for sign in SIGNS):
                raise
            found = str(error)
        else:
            found = damage_in(db)
            if not found:
                return db
            db.close()
        log.error("rows damaged, to be rebuilt from their changelog: %s: %s", path.name, found)
        aside = path.with_name(f"{path.name}.damaged")
        shutil.rmtree(aside, ignore_errors=True)
        if path.exists():
            path.rename(aside)
        return super()._open_for_partition(partition)

    def _visible_items(self, db: Any) -> Iterator[tuple[bytes, bytes]]:
        return ((key, value) for key, value in all_rows(db) if key != self.offset_key)


def damage_in(db: Any) -> str:
    """Return why a database cannot be read whole, if it cannot."""
    try:
        for _ in all_rows(db):
            pass
    except Exception as error:
        return str(error)
    # By now nothing holds the database open but its owner, which an iterator would.
    return ""


def all_rows(db: Any) -> Iterator[tuple[bytes, bytes]]:
    """Yield every key and value of a database; raise at a block that cannot be read.

    Its own iterator ends there, as if nothing came after it.
    """
    place = db.iter()
    place.seek_to_first()
    while place.valid():
        yield place.key(), place.value()
        place.next()
    place.status()
