"""The lock file pins by hash and names no address."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()


# By httpcore, which asks for it and does not need it.
OTHERS_IMPORT = {"sniffio"}


@pytest.mark.threat("T9")
def test_every_pinned_package_has_a_hash() -> None:
    entries = re.split(r"\n(?=[a-zA-Z0-9])", LOCK.split("\n# ")[0].strip())

    assert len(entries) > 50
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_file_names_no_address() -> None:
    assert "://" not in LOCK
    assert "--find-links" not in LOCK


def test_nothing_is_asked_for_that_nobody_imports() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = [*project["dependencies"], *project["optional-dependencies"]["local"]]
    ours = ("streams", "tables", "agents", "deploy")
    text = "\n".join(path.read_text() for each in ours for path in (ROOT / each).rglob("*.py"))
    imported = set(re.findall(r"^\s*(?:from|import) (\w+)", text, re.MULTILINE))
    providers = packages_distributions()
    used = {
        name.lower().replace("_", "-") for module in imported for name in providers.get(module, ())
    }

    assert {Requirement(each).name for each in told} - used - OTHERS_IMPORT == set()
