"""What does not answer, or is more than is read, is named on every page and in its twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.asking.explaining import APART
from agents.asking.stored import Stored
from agents.clients.errors import TryLater
from tables.catalog import AT_A_CLUSTER
from tests.unit.web.living import key, live, patch, stored
from tests.unit.web.site import HERE, THERE, Site, opened
from tests.unit.web.site import outcome as row

POD_A, POD_B, POD_C = map(key, ("pod-a", "pod-b", "pod-c"))


async def test_a_part_of_an_installation_says_what_another_part_knows(tmp_path: Path) -> None:
    site = opened(Site(tmp_path, partitions=1, kept=AT_A_CLUSTER), "wanted")
    site.put("wanted", [(POD_A, patch("pod-a", "fine"))])

    told = await site.ask_json("/policies")

    assert [each["outcome"] for each in told["policies"]] == ["not known"]
    assert "graph-pods, graph-rules, pods, policies: another part" in told["gaps"][0]


async def test_a_part_at_a_cluster_says_who_reaches_whom_and_that_the_core_knows_why(
    tmp_path: Path,
) -> None:
    site = opened(Site(tmp_path, partitions=1, kept=AT_A_CLUSTER), "wanted")
    site.stored = stored("fine")

    asked = "/reach?from=pod-a&to=pod-b&port=80"
    there, page = (await site.ask_json(asked))["there"], await site.ask_page(asked)

    assert (there["reaches"], there["allowed"]) == (True, None)
    assert APART in there["why"]
    assert "known to another part of this installation" in page
    assert "is about it" not in page


async def test_whoever_does_not_answer_is_named_and_nothing_is_claimed(
    lived: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent() -> Stored:
        raise TryLater("GET /api: timed out")

    monkeypatch.setattr(lived, "_stored", silent)
    lived.build()

    policies = await lived.ask_json("/policies")
    page = await lived.ask_page("/policies")

    assert {each["drift"] for each in policies["policies"]} == {"not known"}
    assert policies["gaps"] == ["what the cluster stores is not known: GET /api: timed out"]
    assert "This is not everything" in page


async def test_who_is_not_there_may_be_with_a_worker_that_does_not_answer(half: Site) -> None:
    response = await half.ask("/pods/local/default/nobody", Accept="text/html")

    assert response.status == 503
    assert THERE in (response.text or "")


async def test_what_another_worker_holds_is_shown_here_too(two: Site) -> None:
    assert two.other
    for site in (two, two.other):
        live(site)

    pods = await two.ask_json("/pods")
    overview = await two.ask_json("/")

    assert len(pods["pods"]) == 3
    assert pods["gaps"] == ["note: fine"]
    assert [worker["url"] for worker in overview["workers"]] == [HERE, THERE]


@pytest.mark.parametrize("path", ["/", "/pods", "/rules", "/timeline", "/tables", "/topology"])
async def test_a_worker_that_does_not_answer_is_named_on_every_page(half: Site, path: str) -> None:
    content = await half.ask_json(path)

    assert any(THERE in gap and "does not answer" in gap for gap in content["gaps"])
    assert THERE in await half.ask_page(path)


async def test_partitions_that_nobody_holds_are_named(half: Site) -> None:
    live(half)
    half.alone = True

    gaps = (await half.ask_json("/pods"))["gaps"]

    assert any("nobody who answers holds partition 2, 3" in gap for gap in gaps)


async def test_that_a_worker_holds_more_than_is_read_is_said(
    lived: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.asking.workers.PAGE", 1)
    monkeypatch.setattr("agents.web.peers.MOST_PAGES", 2)

    content = await lived.ask_json("/pods")

    assert f"{HERE} holds more of pods than is read, the rest is missing" in content["gaps"]


async def test_no_more_than_a_bound_is_read_of_the_others(
    two: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.asking.workers.PAGE", 1)
    monkeypatch.setattr("agents.web.peers.MOST_PAGES", 2)
    assert two.other
    keys = [f"a/b/{number}" for number in range(40)]
    theirs = [each for each in keys if two.held["policies"].place(each) in two.other.owned]
    two.other.put("policies", [(each, row(each)) for each in theirs])

    content = await two.ask_json("/policies")

    assert f"{THERE} holds more of policies than is read, the rest is missing" in content["gaps"]


async def test_a_row_that_cannot_be_read_is_counted_and_hides_no_other(lived: Site) -> None:
    place = lived.held["pods"].place("local/default/odd")
    lived.tables["pods"].data._db_for_partition(place).put(b"local/default/odd", b'{"odd": 1}')

    content = await lived.ask_json("/pods")

    assert len(content["pods"]) == 3
    assert f"{HERE} holds rows of pods that this version cannot read: 1" in content["gaps"]
