"""Where nodes stand for workloads, pages say for which, and lead from pods to them and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tables.catalog import CATALOG
from tests.unit.web.elements import Elements
from tests.unit.web.living import key, live
from tests.unit.web.site import Site
from tests.unit.web.workloads import ALONE_KEY, RULE, WEB_KEY, live_in_workloads

POD_A, POD_B = key("pod-a"), key("pod-b")


@pytest.fixture
async def workloads(tmp_path: Path) -> Site:
    """A site whose graph knows a Deployment of two pods, and a pod that is alone."""
    site = Site(tmp_path, partitions=1, kept=tuple(CATALOG))
    live_in_workloads(site)
    return site


async def test_each_is_listed_with_its_pods_and_addresses(workloads: Site) -> None:
    listed = (await workloads.ask_json("/identities"))["identities"]

    assert [(each["name"], each["address"], each["pods"]) for each in listed] == [
        ("default/Deployment/web", "198.18.0.1", [POD_A, POD_B]),
        ("default/Pod/pod-c", "198.18.0.2", [key("pod-c")]),
    ]
    assert listed[0]["aliases"] == ["10.0.0.1", "10.0.0.2"]


async def test_it_is_found_by_an_address_of_one_of_its_pods(workloads: Site) -> None:
    found = (await workloads.ask_json("/identities?q=10.0.0.3"))["identities"]

    assert [each["key"] for each in found] == [ALONE_KEY]


async def test_one_has_its_rules_its_policy_and_its_past(workloads: Site) -> None:
    told = await workloads.ask_json(f"/identities/{WEB_KEY}")

    assert [each["text"] for each in told["rules"]] == [RULE]
    assert told["policy"]["wanted"]["metadata"]["name"] == "deployment.web"
    assert told["policy"]["kind"] == "identity"


async def test_a_pod_has_the_policy_and_the_rules_of_its_identity(workloads: Site) -> None:
    pod = await workloads.ask_json(f"/pods/{POD_A}")

    assert (pod["pod"]["identity"], pod["pod"]["policy"]["key"]) == (WEB_KEY, WEB_KEY)
    assert [each["text"] for each in pod["rules"]] == [RULE]


async def test_which_rule_lets_a_pod_reach_another_is_known_of_their_identities(
    workloads: Site,
) -> None:
    reach = await workloads.ask_json("/reach?from=pod-b&to=pod-c&port=80")

    assert [each["text"] for each in reach["there"]["rules"]] == [RULE]
    assert reach["back"]["rules"] == []


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("/rules", f"/identities/{WEB_KEY}"),
        (f"/pods/{POD_A}", f"/identities/{WEB_KEY}"),
        (f"/identities/{WEB_KEY}", f"/pods/{POD_B}"),
        (f"/policies/{WEB_KEY}", f"/identities/{WEB_KEY}"),
        ("/", "/identities"),
    ],
)
async def test_pages_lead_to_it(workloads: Site, page: str, link: str) -> None:
    assert link in Elements(await workloads.ask_page(page)).links
    assert (await workloads.ask(link)).status == 200


async def test_where_nodes_are_pods_no_page_leads_there_and_the_page_says_so(small: Site) -> None:
    live(small)

    assert "/identities" not in Elements(await small.ask_page("/")).links
    assert "each node stands for a pod" in Elements(await small.ask_page("/identities")).text
    assert (await small.ask(f"/identities/{WEB_KEY}")).status == 404
