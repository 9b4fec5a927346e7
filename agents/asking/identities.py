"""What the rows of identities say, each as it was said last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from streams.flow.identity_rows import IdentitiesRow, Version


def newest(rows: Mapping[str, IdentitiesRow]) -> Iterator[Version]:
    """Yield what each row says now."""
    return (row.versions[-1] for row in rows.values() if row.versions)
