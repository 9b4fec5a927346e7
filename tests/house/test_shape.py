"""Files stay small, and say what they are for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("streams", "tables", "agents", "deploy", "tests")
FILES = sorted(path for each in PACKAGES for path in (ROOT / each).rglob("*.py"))
MOST_LINES = 400
# Each with the reason why it is not two.
LONGER = {
    "tests/conformance/kubernetes/test_kubectl.py": "one tool's words, one after the other",
    "tests/conformance/kubernetes/test_objects.py": "the same verbs on every kind",
    "tests/integration/kubernetes/test_apply_queue.py": "one queue against one server, set up once",
    "tests/unit/agents/test_graph_keeper.py": "one loop in one world of stand-ins, set up once",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_a_file_is_short_or_has_a_reason() -> None:
    long = {name_of(path) for path in FILES if len(path.read_text().splitlines()) > MOST_LINES}

    assert len(FILES) > 300
    assert long == set(LONGER)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_states_its_job_in_its_first_line(package: str) -> None:
    ours = [path for path in FILES if path.is_relative_to(ROOT / package) and path.read_text()]
    said = {name_of(path): ast.get_docstring(ast.parse(path.read_text())) or "" for path in ours}

    assert [name for name, text in said.items() if not text.partition("\n")[0].endswith(".")] == []
