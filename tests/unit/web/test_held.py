"""A worker tells programs what it owns, in order and by pages, and names who has the rest."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.web import held as held_module
from streams.codec import KEY_MARK
from streams.flow.graph_rows import GraphPodRow, PodsRow
from streams.records.views import PodRef
from tests.unit.web import site as site_module
from tests.unit.web.site import HERE, PARTITIONS, THERE, Site, outcome

KEYS = [f"local/default/pod-{number:03}" for number in range(120)]


async def pages(site: Site, query: str) -> list[list[str]]:
    found, after = [], ""
    for _ in range(len(KEYS) + 2):
        content = await site.ask_json(f"/held/policies?{query}&after={quote(after, safe='')}")
        found.append([row["key"] for row in content["rows"]])
        if content["next"] is None:
            return found
        after = content["next"]
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("limit", [1, 7, 50, 119, 120, 500])
async def test_the_pages_hold_every_row_once_and_in_order(site: Site, limit: int) -> None:
    site.put("policies", [(key, outcome(key)) for key in KEYS])

    found = await pages(site, f"limit={limit}")

    assert [key for page in found for key in page] == KEYS
    assert all(len(page) == limit for page in found[:-1])
    assert found[-1]


async def test_a_page_has_fifty_rows_unless_told_and_never_more_than_500(site: Site) -> None:
    many = [f"local/default/pod-{number:04}" for number in range(600)]
    site.put("policies", [(key, outcome(key)) for key in many])

    sizes = [
        len((await site.ask_json(f"/held/policies{query}"))["rows"])
        for query in ("", "?limit=500", "?limit=501", "?limit=99999999999999999999")
    ]

    assert sizes == [50, 500, 500, 500]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "1.5", "\u0665", "1e3"])
async def test_a_limit_that_is_no_number_is_refused(site: Site, limit: str) -> None:
    response = await site.ask(f"/held/policies?limit={quote(limit)}")

    assert response.status == 400


async def test_only_keys_with_the_prefix_are_listed(site: Site) -> None:
    site.put("policies", [(key, outcome(key)) for key in [*KEYS, "local/other/pod-000", "a", "z"]])

    found = await pages(site, "limit=3&prefix=local%2Fdefault%2Fpod-01")

    assert [key for page in found for key in page] == [k for k in KEYS if "pod-01" in k]


async def test_no_more_keys_are_read_than_a_page_needs(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put("policies", [(key, outcome(key)) for key in KEYS])
    read: list[str] = []
    keys = held_module.Held._keys

    def counted(*args: object) -> object:
        for key in keys(*args):  # type: ignore[arg-type]
            read.append(key)
            yield key

    monkeypatch.setattr(held_module.Held, "_keys", counted)
    await site.ask_json(f"/held/policies?limit=5&after={quote(KEYS[60], safe='')}")

    # One more than the page, and one waiting in each partition.
    assert len(read) <= 5 + 1 + PARTITIONS


async def test_rows_come_with_the_keys_when_asked_for(site: Site) -> None:
    site.put("policies", [("local/default/a", outcome("local/default/a", "because"))])

    without = await site.ask_json("/held/policies")
    with_rows = await site.ask_json("/held/policies?rows=true")

    assert "row" not in without["rows"][0]
    assert with_rows["rows"][0]["row"]["reason"] == "because"
    assert with_rows["table"] == "policies"
    assert with_rows["next"] is None


async def test_a_page_of_large_rows_ends_early_and_goes_on_behind_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_module, "MAX_PAGE_BYTES", 2_000)
    site.put("policies", [(key, outcome(key, "x" * 600)) for key in KEYS])

    found = await pages(site, "limit=500&rows=true")

    assert [key for page in found for key in page] == KEYS
    assert max(len(page) for page in found) < 5


async def test_standby_copies_are_not_shown(half: Site) -> None:
    half.put("policies", [(key, outcome(key)) for key in KEYS])

    found = await pages(half, "limit=50")

    ours = [key for key in KEYS if half.held["policies"].place(key) in half.owned]
    assert [key for page in found for key in page] == ours
    assert 0 < len(ours) < len(KEYS)


async def test_a_partition_that_is_closed_is_neither_shown_nor_opened(site: Site) -> None:
    site.put("policies", [(key, outcome(key)) for key in KEYS])
    del site.tables["policies"].data._dbs[2]

    found = await pages(site, "limit=500")

    assert all(site.held["policies"].place(key) != 2 for page in found for key in page)
    assert 2 not in site.tables["policies"].data._dbs


async def test_a_row_says_where_it_lies_and_whose_it_is(site: Site) -> None:
    key = "local/default/pod-a"
    site.put("policies", [(key, outcome(key))])
    place = site.held["policies"].place(key)
    topic = site.held["policies"].changelog
    site.tables["policies"].data._db_for_partition(place).put(b"__faust\0offset__", b"41")

    content = await site.ask_json(f"/held/policies/{quote(key, safe='')}")

    assert content == {
        "table": "policies",
        "key": key,
        "partition": place,
        "row": content["row"],
        "owner": HERE,
        "changelog": {"topic": topic, "partition": place, "offset": 41},
    }
    assert content["row"]["outcome"] == "APPLIED"


async def test_slashes_of_a_key_may_be_plain_or_encoded(site: Site) -> None:
    key = "local/default/pod-a"
    site.put("policies", [(key, outcome(key))])

    plain = await site.ask_json(f"/held/policies/{key}")
    encoded = await site.ask_json(f"/held/policies/{quote(key, safe='')}")

    assert plain == encoded
    assert plain["key"] == key


async def test_a_row_of_another_worker_is_answered_with_its_owner(half: Site) -> None:
    theirs = next(key for key in KEYS if half.held["policies"].place(key) == 3)
    # A standby copy is held here, and is not the answer.
    half.put("policies", [(theirs, outcome(theirs))])

    content = await half.ask_json(f"/held/policies/{theirs}")

    assert (content["owner"], content["row"], content["partition"]) == (THERE, None, 3)
    assert content["changelog"]["offset"] is None


async def test_nobody_is_named_where_another_worker_goes_by_our_own_name(
    half: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = next(key for key in KEYS if half.held["policies"].place(key) == 3)
    monkeypatch.setattr(site_module, "THERE", HERE)

    content = await half.ask_json(f"/held/policies/{theirs}")

    assert (content["row"], content["owner"]) == (None, None)


async def test_a_row_of_ours_that_is_not_there_is_not_found(site: Site) -> None:
    assert (await site.ask("/held/policies/local/default/nobody")).status == 404


async def test_what_a_graph_owns_lies_where_the_graph_does(site: Site) -> None:
    pod = PodRef(cluster="local", namespace="default", name="a", uid="u")
    key, place = f"main|{pod.key}", site.held["graph-pods"].place("main")
    site.put_at(place, "graph-pods", key, PodsRow(pod=GraphPodRow(pod=pod, live=True, rev=1)))

    content = await site.ask_json(f"/held/graph-pods/{quote(key, safe='')}")

    assert content["partition"] == place
    assert site.held["graph-pods"].place(key) == place


async def test_a_row_that_cannot_be_read_any_more_is_listed_and_empty(site: Site) -> None:
    site.tables["policies"].data._db_for_partition(0).put(b"broken", b"{")

    content = await site.ask_json("/held/policies?rows=true")

    assert content["rows"] == [{"key": "broken", "partition": 0, "row": None}]


async def test_what_no_handler_wrote_as_a_key_is_left_out(site: Site) -> None:
    store = site.tables["policies"].data
    store._db_for_partition(0).put(b"\xff\xfe", b"{}")
    store._db_for_partition(0).put(b"__faust\0offset__", b"5")

    content = await site.ask_json("/held/policies")
    offset = await site.ask("/held/policies/__faust%00offset__")

    assert content["rows"] == []
    assert offset.status == 404 or KEY_MARK not in (offset.text or "")


async def test_all_tables_are_summed_up(site: Site) -> None:
    site.put("policies", [(key, outcome(key)) for key in KEYS])

    content = await site.ask_json("/held")

    by_name = {table["table"]: table for table in content["tables"]}
    assert set(by_name) == set(site.tables.by_name)
    assert (by_name["policies"]["rows"], by_name["pods"]["rows"]) == (120, 0)
    assert by_name["policies"]["changelog"] == "x-policies-changelog"
    assert [part["partition"] for part in by_name["policies"]["partitions"]] == [0, 1, 2, 3]


async def test_counting_ends_where_it_would_hold_up_the_agents(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_module, "MAX_COUNTED", 100)
    site.put("policies", [(key, outcome(key)) for key in KEYS[:100]])
    exact = site.held["policies"].count()
    site.put("policies", [(KEYS[100], outcome(KEYS[100]))])

    assert (exact, site.held["policies"].count()) == ((100, False), (100, True))


@pytest.mark.parametrize(
    "change", [{"recovering": True}, {"rebalancing": True}, {"tables_ready": False}]
)
async def test_what_is_not_recovered_yet_is_not_said_to_be_missing(
    site: Site, change: dict[str, bool]
) -> None:
    before = [await site.ask_json(path) for path in ("/held", "/held/policies")]
    site.looker.state = replace(site.looker.state, **change)

    after = [await site.ask_json(path) for path in ("/held", "/held/policies")]
    row = await site.ask("/held/policies/local/default/nobody")

    assert [content["complete"] for content in before + after] == [True, True, False, False]
    assert row.status == 503


async def test_a_table_nobody_has_is_not_found(site: Site) -> None:
    answers = [await site.ask(path) for path in ("/held/nothing", "/held/nothing/key")]

    assert [answer.status for answer in answers] == [404, 404]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=settings().max_examples // 2,
)
@given(key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
async def test_any_key_is_found_by_the_link_its_list_shows(site: Site, key: str) -> None:
    if key.startswith(KEY_MARK):
        return
    site.put("policies", [(key, outcome("k"))])

    content = await site.ask_json(f"/held/policies/{quote(key, safe='')}")

    assert content["key"] == key
    assert content["row"]["key"] == "k"
