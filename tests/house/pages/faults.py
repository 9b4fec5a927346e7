"""Every fault of the catalogue, with the tests that bring it about."""

from __future__ import annotations

from tests.faults.catalog import FAULTS, UNTRIED
from tests.house.pages.markdown import page, table
from tests.house.pages.marks import marked

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
    tests = marked("fault")
    tried = [(id, what, ", ".join(tests[id])) for id, what in FAULTS.items() if id in tests]
    left = [(id, FAULTS[id], why) for id, why in UNTRIED.items()]
    untried = (LEFT, table(("id", "what happens", "why not"), left)) if left else ()
    return page("Faults", INTRO, table(("id", "what happens", "tests"), tried), *untried)
