"""What the image installs: of what is pinned, the part that a worker needs."""

from __future__ import annotations

import re

from tests.house.hands import ROOT
from tests.house.pages.licences import packages

NOTE = "# Written by `make docs` from requirements.lock: what a worker needs, and no more.\n"


def image_lock() -> str:
    """Return deploy/image.lock."""
    worker = {package.name for package in packages() if package.needed == "worker"}
    found = entries((ROOT / "requirements.lock").read_text())
    return NOTE + "".join(found[name] for name in sorted(worker))


def entries(lock: str) -> dict[str, str]:
    """Return what a lock file says of each package, with its hashes."""
    parts = re.findall(r"^([a-z0-9.-]+)==(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    texts = re.findall(r"^[a-z0-9.-]+==(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    return dict(zip(parts, texts, strict=True))
