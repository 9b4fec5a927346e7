"""The documents speak of what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.cli import COMMANDS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(ROOT.glob("*.md"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_local_link_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", document.read_text())

    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_everything_the_map_names_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rows = text[text.index("## Where is") :].splitlines()
    named = [path for row in rows for path in re.findall(r"`([a-z_]+/[a-z_/.]*)`", row)]

    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_command_is_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()

    assert len(COMMANDS) > 10
    assert [name for name in COMMANDS if name not in text] == []
