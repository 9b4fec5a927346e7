"""One site for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.web.site import PARTITIONS, Site


@pytest.fixture
async def site(tmp_path: Path) -> Site:
    """The site of a worker that owns everything."""
    return opened(Site(tmp_path))


@pytest.fixture
async def half(tmp_path: Path) -> Site:
    """The site of a worker that owns two partitions of four, and holds copies of the others."""
    return opened(Site(tmp_path, owned={0, 1}))


def opened(site: Site) -> Site:
    # Only the table the tests write to: every partition is a database of its own.
    for partition in range(PARTITIONS):
        site.tables["policies"].data._db_for_partition(partition)
    return site
