"""Say where to keep what is fetched or built once, outside of any project."""

from __future__ import annotations

import os
from pathlib import Path


def cached(name: str) -> Path:
    """Return our place of this name in the user's cache (XDG Base Directory Specification)."""
    told = os.environ.get("XDG_CACHE_HOME")
    return (Path(told) if told else Path.home() / ".cache") / "vereflow" / name
