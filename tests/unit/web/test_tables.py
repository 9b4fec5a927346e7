"""Any worker shows any row, by asking its owner, and says who does not answer."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from agents.web.held import Held
from tests.unit.web.site import HERE, PARTITIONS, THERE, Site, outcome

KEYS = [f"local/default/pod-{number:03}" for number in range(60)]


@pytest.fixture
async def both(two: Site) -> Site:
    """Two workers, each with its part of the rows."""
    assert two.other
    for site in (two, two.other):
        ours = [key for key in KEYS if site.held["policies"].place(key) in site.owned]
        site.put("policies", [(key, outcome(key)) for key in ours])
    return two


@pytest.mark.parametrize("limit", [1, 7, 59, 60, 61])
async def test_the_pages_hold_the_rows_of_all_workers_once_and_in_order(
    both: Site, limit: int
) -> None:
    found: list[str] = []
    after = ""
    for _ in range(len(KEYS) + 1):
        page = await both.ask_json(f"/tables/policies?limit={limit}&after={quote(after, safe='')}")
        found += [row["key"] for row in page["rows"]]
        if page["next"] is None:
            break
        assert len(page["rows"]) == limit
        after = page["next"]

    assert found == KEYS


async def test_every_row_names_its_owner(both: Site) -> None:
    rows = (await both.ask_json("/tables/policies?limit=100"))["rows"]

    owners = {row["key"]: row["owner"] for row in rows}
    places = {key: both.held["policies"].place(key) for key in KEYS}
    assert owners == {key: HERE if places[key] in both.owned else THERE for key in KEYS}


async def test_a_row_of_another_worker_is_shown_here(both: Site) -> None:
    theirs = next(key for key in KEYS if both.held["policies"].place(key) not in both.owned)

    row = await both.ask_json(f"/tables/policies/{theirs}")

    assert (row["owner"], row["row"]["key"], row["gaps"]) == (THERE, theirs, [])
    assert row["partition"] in (2, 3)


async def test_a_row_whose_owner_does_not_answer_is_not_said_to_be_missing(half: Site) -> None:
    theirs = next(key for key in KEYS if half.held["policies"].place(key) not in half.owned)

    row = await half.ask_json(f"/tables/policies/{theirs}")
    page = await half.ask_page(f"/tables/policies/{theirs}")

    assert (row["owner"], row["row"]) == (THERE, None)
    assert "does not answer" in row["gaps"][0]
    assert THERE in page


async def test_a_row_that_nobody_is_known_to_own_is_said_to_be_so(half: Site) -> None:
    half.alone = True
    theirs = next(key for key in KEYS if half.held["policies"].place(key) not in half.owned)

    row = await half.ask_json(f"/tables/policies/{theirs}")

    assert (row["owner"], row["row"]) == (None, None)
    assert "nobody is known" in row["gaps"][0]


async def test_a_row_that_its_owner_has_not_is_not_found(both: Site) -> None:
    held: Held = both.held["policies"]
    ours = next(f"n-{n}" for n in range(99) if held.place(f"n-{n}") in both.owned)
    theirs = next(f"n-{n}" for n in range(99) if held.place(f"n-{n}") not in both.owned)

    assert (await both.ask(f"/tables/policies/{ours}")).status == 404
    assert (await both.ask(f"/tables/policies/{theirs}")).status == 404


async def test_the_tables_are_summed_up_over_all_workers(both: Site) -> None:
    tables = {each["table"]: each for each in (await both.ask_json("/tables"))["tables"]}

    policies = tables["policies"]
    assert policies["rows"] == len(KEYS)
    assert {part["partition"]: part["owner"] for part in policies["partitions"]} == {
        0: HERE,
        1: HERE,
        2: THERE,
        3: THERE,
    }
    assert policies["unowned"] == []


async def test_partitions_that_nobody_has_are_listed(half: Site) -> None:
    tables = {each["table"]: each for each in (await half.ask_json("/tables"))["tables"]}

    assert tables["policies"]["unowned"] == [2, 3]
    assert tables["pods"]["unowned"] == [*range(PARTITIONS)]
