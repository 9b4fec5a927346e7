"""The lock file pins by hash and names no address."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()


def test_every_pinned_package_has_a_hash() -> None:
    entries = re.split(r"\n(?=[a-zA-Z0-9])", LOCK.split("\n# ")[0].strip())

    assert len(entries) > 50
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_file_names_no_address() -> None:
    assert "://" not in LOCK
    assert "--find-links" not in LOCK
