"""One site for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.web.living import live
from tests.unit.web.site import THERE, Site, opened


@pytest.fixture
async def site(tmp_path: Path) -> Site:
    """The site of a worker that owns everything."""
    return opened(Site(tmp_path))


@pytest.fixture
async def small(tmp_path: Path) -> Site:
    """The site of a worker that owns everything, in one partition: quicker to open."""
    return Site(tmp_path, partitions=1)


@pytest.fixture
async def half(tmp_path: Path) -> Site:
    """The site of a worker that owns two partitions of four, and holds copies of the others."""
    return opened(Site(tmp_path, owned={0, 1}))


@pytest.fixture
async def two(half: Site, tmp_path: Path) -> Site:
    """The site of one of two workers; the other one owns the other partitions."""
    half.other = opened(Site(tmp_path / "other", owned={2, 3}, url=THERE))
    half.other.other = half
    return half


@pytest.fixture
async def lived(small: Site) -> Site:
    """The site of a worker that knows three pods."""
    live(small)
    return small
