"""The document describes every page, and every answer is as it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from agents.web.openapi import twin_of
from agents.web.site import Site as Pages
from tables.catalog import CATALOG
from tests.unit.web.living import RULE_KEY, key
from tests.unit.web.site import Site
from tests.unit.web.workloads import WEB_KEY, live_in_workloads

ANSWERED = {
    "/overview.json": "/",
    "/topology.json": "/topology",
    "/pods.json": "/pods",
    "/pods/{cluster}/{namespace}/{name}.json": f"/pods/{key('pod-a')}",
    "/identities.json": "/identities",
    "/identities/{cluster}/{namespace}/{name}.json": f"/identities/{WEB_KEY}",
    "/rules.json": "/rules",
    "/rule.json": f"/rule?graph=main&key={RULE_KEY.replace('|', '%7C')}",
    "/policies.json": "/policies",
    "/policies/{cluster}/{namespace}/{name}.json": f"/policies/{WEB_KEY}",
    "/reach.json": "/reach?from=pod-a&to=pod-b",
    "/timeline.json": "/timeline",
    "/past.json": "/past?at=3",
    "/dead-letters.json": "/dead-letters",
    "/tables.json": "/tables",
    "/tables/{name}.json": "/tables/policies?rows=true",
    "/tables/{name}/{key}.json": "/tables/policies/local%2Fdefault%2Fdeployment.web",
}


@pytest.fixture
async def small(tmp_path: Path) -> Site:
    """A site on which there is one of everything."""
    site = Site(tmp_path, partitions=1, kept=tuple(CATALOG))
    live_in_workloads(site)
    return site


@pytest.fixture
async def document(small: Site) -> Any:
    return await small.ask_json("/openapi.json")


async def test_every_page_is_described(small: Site, document: Any) -> None:
    routed = {route.resource.canonical for route in small.pages.router.routes() if route.resource}
    twins = {path for path in routed if path.endswith(".json") and path != "/openapi.json"}

    assert set(document["paths"]) == twins == set(ANSWERED)
    assert document["openapi"].startswith("3.1")


@pytest.mark.parametrize("path", ANSWERED)
async def test_an_answer_has_the_fields_that_are_described(
    small: Site, document: Any, path: str
) -> None:
    answer = await small.ask_json(ANSWERED[path])

    told = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    name = told["schema"]["$ref"].rpartition("/")[2]
    assert set(answer) == set(document["components"]["schemas"][name]["properties"])


async def test_every_reference_leads_somewhere(document: Any) -> None:
    references = re.findall(r"#/components/schemas/(\w+)", str(document))

    assert len(set(references)) > 20
    assert set(references) <= set(document["components"]["schemas"])


async def test_what_may_be_asked_is_described(document: Any) -> None:
    asked = document["paths"]["/reach.json"]["get"]["parameters"]
    row = document["paths"]["/tables/{name}/{key}.json"]["get"]["parameters"]

    assert [each["name"] for each in asked] == ["from", "to", "port"]
    assert [(each["name"], each["in"], each["required"]) for each in row] == [
        ("name", "path", True),
        ("key", "path", True),
    ]


def test_a_pattern_in_a_path_is_no_part_of_its_name() -> None:
    assert twin_of(r"/tables/{name}/{key:[\s\S]+}") == "/tables/{name}/{key}.json"
    assert Pages.openapi.__doc__


async def test_what_changes_something_is_described_where_it_is_allowed(small: Site) -> None:
    async def mend(*_: object) -> None: ...

    small.mend = mend
    small.build()

    paths = (await small.ask_json("/openapi.json"))["paths"]

    assert [path for path in paths if "post" in paths[path]] == ["/dead-letters.json"]
