"""Every fault of the catalogue, with the tests that bring it about."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from tests.faults.catalog import FAULTS, UNTRIED
from tests.house.pages.markdown import link, page, table

ROOT = Path(__file__).parents[3]
INTRO = """
What was done to vereflow, and by which tests. Those below `tests/faults` happen to a whole
installation under load: rules that come and go, each with a port of its own, and pods that are born
and die. A witness follows every version of every policy that the API server stores meanwhile. None
may be older than one before it, nor open a port that the rules of no moment since had open; in the
end everything is what the rules and pods say, nothing foreign was touched, the graph is the pods,
and what could not be read lies among the dead letters. The others happen to one part.

`make faults` tries all of them, and prints for each how often, what was violated, and the slowest
recovery beside its bound. `make soak MINUTES=30 SEED=1` has many happen one after the other.
""".strip()
LEFT = """
## Not tried

No test brings these about, and nobody should believe that they are survived:
""".strip()


def faults() -> str:
    """Return the page of faults."""
    tests = marked()
    tried = [(id, what, ", ".join(tests[id])) for id, what in FAULTS.items() if id in tests]
    left = [(id, FAULTS[id], why) for id, why in UNTRIED.items()]
    return page(
        "Faults",
        INTRO,
        table(("id", "what happens", "tests"), tried),
        LEFT,
        table(("id", "what happens", "why not"), left),
    )


def marked() -> dict[str, list[str]]:
    """Return, for each fault, links to the files whose tests bear its id."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT).as_posix()
        for id in sorted(_ids_in(path)):
            found[id].append(link(name, name.removeprefix("tests/").removesuffix(".py")))
    return found


def _ids_in(path: Path) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return {
        argument.value
        for call in calls
        if ast.unparse(call.func) == "pytest.mark.fault"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }
