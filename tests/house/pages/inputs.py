"""Every row of the checklist of inputs, with the tests that try it."""

from __future__ import annotations

from tests.house.pages.markdown import link, page, table
from tests.house.pages.marks import marked
from tests.inputs.catalog import INPUTS, UNTRIED
from tests.inputs.rows import FIREWALL_CHANGES, POD_EVENTS

INTRO = """
What is given to vereflow that nobody should give it, or that is odd, and by which tests: by pod
events (E), by firewall changes (X), in the replies of Verefoo and of the API server (R), at its web
pages (W), by its environment, files and signals (G), and in texts that end in a log (L).

Where nothing else is said, a record becomes exactly one dead letter with its reason, an answer is
not believed and asked for again, a request gets a 4xx, and a setting ends the command with status 2
and one line. Nothing is written, nothing stands still, and everybody else is served as ever.
""".strip()
LEFT = """
## Not tried

No test gives these:
""".strip()
LISTED = link("tests/unit/inputs/test_bad_records.py", "unit/inputs/test_bad_records")


def inputs() -> str:
    """Return the page of inputs."""
    tests = tried()
    found = [(id, what, ", ".join(tests[id])) for id, what in INPUTS.items() if id in tests]
    left = [(id, INPUTS[id], why) for id, why in UNTRIED.items()]
    return page(
        "Inputs",
        INTRO,
        table(("id", "what is given", "tests"), found),
        LEFT,
        table(("id", "what is given", "why not"), left),
    )


def tried() -> dict[str, list[str]]:
    """Return, for each row, links to the tests that try it, whether they name it or list it."""
    tests = marked("row")
    for given in (*POD_EVENTS, *FIREWALL_CHANGES):
        tests[given.row].append(LISTED)
    return {id: sorted(set(links)) for id, links in tests.items()}
