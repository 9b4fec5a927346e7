"""Which tests bear an id of a catalogue: of a fault, an input, a threat, a count."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from tests.house.pages.markdown import link

ROOT = Path(__file__).parents[3]


def marked(mark: str) -> dict[str, list[str]]:
    """Return, for each id that ``pytest.mark.<mark>`` gives, links to the files that have it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT).as_posix()
        for id in sorted(_ids_in(path, mark)):
            found[id].append(link(name, name.removeprefix("tests/").removesuffix(".py")))
    return found


def _ids_in(path: Path, mark: str) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return {
        argument.value
        for call in calls
        if ast.unparse(call.func) == f"pytest.mark.{mark}"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }
