"""Every threat of the catalogue, with what stands in its way and the tests of that."""

from __future__ import annotations

from tests.house.pages.markdown import page, table
from tests.house.pages.marks import marked
from tests.house.threats import LEFT, THREATS

INTRO = """
What vereflow guards is who reaches whom. Here is who might want to change that, or to learn it;
what he could do; what stands in his way; and the tests that try it.
""".strip()
BUT = "## What nothing stands in the way of"


def threats() -> str:
    """Return the page of threats."""
    tests = marked("threat")
    rows = [(id, *threat, ", ".join(tests.get(id, ()))) for id, threat in THREATS.items()]
    return page(
        "Threats",
        INTRO,
        table(("id", "who", "could", "but", "tests"), rows),
        BUT,
        "\n".join(f"- {each}" for each in LEFT),
    )
