"""No setting is for nothing."""

from __future__ import annotations

import ast
from pathlib import Path

from streams.settings import Settings
from streams.settings_group import Group

ROOT = Path(__file__).parents[2]
PACKAGES = ("streams", "tables", "agents", "deploy")


def heeded() -> set[tuple[str, str]]:
    """Return every ``owner.name`` that stands in the code, whatever is before the owner."""
    found = set()
    for path in (path for each in PACKAGES for path in (ROOT / each).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                owner = node.value
                named = getattr(owner, "attr", None) or getattr(owner, "id", "")
                # A group's own checks call it self.
                group = "*" if named == "self" and path.stem.startswith("settings") else named
                found.add((group, node.attr))
    return found


def test_every_setting_is_heeded_somewhere() -> None:
    found = heeded()
    idle = []
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if not (isinstance(group, type) and issubclass(group, Group)):
            idle += [name] * all(attr != name for _, attr in found)
            continue
        for inner in group.model_fields:
            idle += [f"{name}.{inner}"] * found.isdisjoint({(name, inner), ("*", inner)})

    assert len(found) > 1000
    assert idle == []
