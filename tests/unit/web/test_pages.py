"""Each page says what the rows, the cluster and the newest records say, and what it lacks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from agents.asking.newest import Newest
from agents.asking.rows import TABLES
from streams.records.facts import FirewallChange
from streams.records.rules import Rule
from streams.rules.wording import one_line
from tables.catalog import CATALOG
from tests.unit.web.elements import Elements
from tests.unit.web.living import CAUSE, RULE, RULE_KEY, key, live, manifest, patch, stored
from tests.unit.web.site import Site, opened

POD_A, POD_B, POD_C = map(key, ("pod-a", "pod-b", "pod-c"))


async def test_what_is_wrong_comes_first_and_what_needs_somebody_before_the_rest(
    lived: Site,
) -> None:
    overview = await lived.ask_json("/")

    assert [(each["kind"], each["count"]) for each in overview["troubles"]] == [
        ("refused", 1),
        ("dead letters", 1),
        ("inexact", 2),
    ]
    assert overview["troubles"][0]["examples"][0]["policy"] == POD_C
    assert overview["counts"]["pods"] == 3
    assert [(each["name"], each["ready"], each["lag"]) for each in overview["workers"]] == [
        ("worker-0", True, 2)
    ]


async def test_a_worker_that_is_not_ready_is_what_is_wrong(lived: Site) -> None:
    lived.looker.reasons = ["rebalancing"]

    page = Elements(await lived.ask_page("/"))

    assert "Something needs attention" in page.text
    assert "rebalancing" in page.text


async def test_where_nothing_is_wrong_it_says_so(small: Site) -> None:
    for table in small.held:
        opened(small, table)

    assert "Nothing is wrong" in Elements(await small.ask_page("/")).text


async def test_every_pod_is_listed_with_how_its_policy_stands(lived: Site) -> None:
    pods = (await lived.ask_json("/pods"))["pods"]

    assert {pod["key"]: pod["policy"]["outcome"] for pod in pods} == {
        POD_A: "APPLIED",
        POD_B: "APPLIED",
        POD_C: "REFUSED",
    }
    assert [pod["address"] for pod in pods] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


async def test_a_list_is_searched_and_goes_on_page_by_page(lived: Site) -> None:
    one = await lived.ask_json("/pods?q=POD-B")
    first = await lived.ask_json("/pods?limit=2")
    second = await lived.ask_json(f"/pods?limit=2&after={quote(first['next'])}")

    assert [pod["key"] for pod in one["pods"]] == [POD_B]
    assert [pod["key"] for pod in first["pods"] + second["pods"]] == [POD_A, POD_B, POD_C]
    assert (first["total"], second["next"]) == (3, None)


async def test_a_pod_has_its_rules_its_policy_its_peers_and_its_past(lived: Site) -> None:
    pod = await lived.ask_json(f"/pods/{POD_A}")

    assert [each["text"] for each in pod["rules"]] == [RULE]
    assert pod["reaches"] == [{"name": "default/pod-b", "ports": "TCP 80"}]
    assert pod["reachedBy"] == []
    assert pod["policy"]["wanted"]["metadata"]["name"] == "pod-a"
    assert "managedFields" not in pod["policy"]["stored"]["metadata"]
    assert [each["outcome"] for each in pod["history"]] == ["APPLIED"]


async def test_a_rule_says_whom_it_is_bound_to_what_it_became_and_what_was_not_said(
    lived: Site,
) -> None:
    (line,) = (await lived.ask_json("/rules"))["rules"]
    rule = await lived.ask_json(f"/rule?graph=main&key={quote(RULE_KEY)}")

    assert (line["source"]["pod"], line["destination"]["pod"]) == (POD_A, POD_B)
    assert line["inForce"] is True
    assert [each["key"] for each in rule["policies"]] == [POD_A, POD_B]
    assert [each["policy"] for each in rule["unsaid"]] == [POD_A, POD_B]
    assert rule["unsaid"][0]["unsaid"]["advice"]


@pytest.mark.parametrize(
    ("spoilt", "drift"),
    [
        (lambda policies: None, "as wanted"),
        (lambda policies: policies[0]["spec"].update(egress=[{}]), "differs"),
        (lambda policies: policies.pop(0), "not stored"),
    ],
)
async def test_a_policy_that_is_not_stored_as_wanted_is_said_to_drift(
    lived: Site, spoilt: Any, drift: str
) -> None:
    policies = stored("fine").policies
    spoilt(policies)
    lived.stored = lived.stored._replace(policies=policies)

    told = {each["key"]: each["drift"] for each in (await lived.ask_json("/policies"))["policies"]}

    assert told[POD_A] == drift
    assert told[POD_B] == "as wanted"


async def test_where_a_stored_policy_differs_is_shown_line_by_line(lived: Site) -> None:
    policies = stored("fine").policies
    policies[0]["spec"]["egress"][0]["ports"][0]["port"] = 81
    lived.stored = lived.stored._replace(policies=policies)

    lines = (await lived.ask_json(f"/policies/{POD_A}"))["difference"]

    changed = [(line[0], line[1:].strip()) for line in lines if line[0] != " "]
    assert changed == [("-", "port: 80"), ("+", "port: 81")]


async def test_policies_of_others_are_named(lived: Site) -> None:
    assert (await lived.ask_json("/policies"))["foreign"] == ["default/of others fine"]


async def test_a_policy_names_the_rules_that_open_it_and_the_policies_that_add_to_it(
    lived: Site,
) -> None:
    policies = stored("fine").policies
    other = next(each for each in policies if each["metadata"]["name"].startswith("of others"))
    other["spec"] |= {"podSelector": {}, "ingress": [{}]}
    lived.stored = lived.stored._replace(policies=policies)

    told = await lived.ask_json(f"/policies/{POD_A}")
    page = Elements(await lived.ask_page(f"/policies/{POD_A}"))

    (opening,) = told["openings"]
    assert (opening["direction"], opening["peers"]) == ("egress", ["default/pod-b"])
    assert [each["text"] for each in opening["rules"]] == [RULE]
    (beside,) = told["beside"]
    assert (beside["name"], beside["ours"]) == ("default/of others fine", False)
    for said in (RULE, "default/of others fine", "What other policies add"):
        assert said in page.text


async def test_reach_names_rule_policy_and_object_both_ways(lived: Site) -> None:
    reach = await lived.ask_json("/reach?from=pod-a&to=pod-b&port=80")

    there, back = reach["there"], reach["back"]
    assert (there["reaches"], back["reaches"]) == (True, False)
    assert [(each["text"], each["decides"]) for each in there["rules"]] == [(RULE, True)]
    for kind, name in (("egress", "pod-a"), ("ingress", "pod-b")):
        side = there[kind]
        (policy,) = side["policies"]
        (opening,) = manifest(name, "fine")["spec"][kind]
        assert policy == {
            "name": f"default/{name}",
            "key": key(name),
            "ours": True,
            "revision": "1.1.5",
            "lets": True,
            "openings": [{"number": 1, "rule": opening}],
        }
        assert side["standing"]["inForce"] is True
    assert back["rules"] == []
    assert "No rule allows it" in back["why"]
    assert not any(each["lets"] for each in back["egress"]["policies"])


@pytest.mark.parametrize(
    ("port", "reaches", "rules"), [("80", True, 1), ("81", False, 0), ("80/UDP", False, 0)]
)
async def test_reach_is_about_the_port_that_is_asked_for(
    lived: Site, port: str, reaches: bool, rules: int
) -> None:
    told = (await lived.ask_json(f"/reach?from=pod-a&to=pod-b&port={port}"))["there"]

    assert (told["reaches"], len(told["rules"])) == (reaches, rules)


async def test_of_two_policies_only_the_one_that_lets_it_through_is_said_to(lived: Site) -> None:
    policies = stored("fine").policies
    other = next(each for each in policies if each["metadata"]["name"].startswith("of others"))
    other["spec"]["podSelector"] = {}
    lived.stored = lived.stored._replace(policies=policies)

    there = (await lived.ask_json("/reach?from=pod-a&to=pod-b&port=80"))["there"]

    for side, ours in (("egress", "pod-a"), ("ingress", "pod-b")):
        assert {each["name"]: each["lets"] for each in there[side]["policies"]} == {
            f"default/{ours}": True,
            "default/of others fine": False,
        }


async def test_what_a_foreign_policy_opens_is_said_to_be_nobodys_rule(lived: Site) -> None:
    opened = [each for each in stored("fine").policies if each["metadata"]["name"] == "pod-c"]
    opened[0]["metadata"]["labels"] = {}
    opened[0]["spec"] |= {"egress": [{}], "ingress": [{}]}
    lived.stored = lived.stored._replace(policies=opened)

    told = (await lived.ask_json("/reach?from=pod-c&to=pod-b"))["there"]

    assert told["reaches"] is True
    assert told["egress"]["policies"][0]["ours"] is False
    assert "No rule allows it" in told["why"]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ("from=nobody&to=pod-b", "no pod"),
        ("from=pod-a&to=pod-b&port=http", "is no port"),
        ("from=pod-a&to=pod-b&port=70000", "is no port"),
    ],
)
async def test_what_cannot_be_answered_is_said(lived: Site, asked: str, error: str) -> None:
    told = await lived.ask_json(f"/reach?{asked}")

    assert error in told["error"]
    assert told["there"] is None


async def test_the_timeline_says_the_cause_and_how_long_each_hop_took(lived: Site) -> None:
    change = (await lived.ask_json("/timeline"))["changes"][0]

    assert change["cause"] == CAUSE.text
    assert change["took"] == "500 ms"
    assert change["hops"] == [
        {"name": "routed", "took": "100 ms"},
        {"name": "compiled", "took": "200 ms"},
        {"name": "written", "took": "200 ms"},
    ]


async def test_a_change_names_the_rules_that_its_cause_said_about_its_pod(lived: Site) -> None:
    one, other = (
        Rule(action="ALLOW", protocol="TCP", source=source, destination="10.0.0.2", dst_port="80")
        for source in ("10.0.0.1", "10.0.0.3")
    )
    told = FirewallChange(graph="main", firewall="10.0.0.9", added=(one,), removed=(other,))
    record = SimpleNamespace(topic=CAUSE.topic, partition=7, offset=2, value=told.to_bytes())
    lived.newest["firewall-changes"] = Newest([record], more=False)

    found = (await lived.ask_json("/timeline"))["changes"]
    page = Elements(await lived.ask_page("/timeline")).text

    came, went = f"+ {one_line(one)}", f"- {one_line(other)}"
    assert {each["name"]: each["rules"] for each in found} == {
        "default/pod-a": [came],
        "default/pod-b": [came, went],
        "default/pod-c": [went],
    }
    assert came in page


async def test_what_is_not_kept_any_more_took_its_time_with_the_next_hop(lived: Site) -> None:
    del lived.newest["pod-rules"]

    change = (await lived.ask_json("/timeline"))["changes"][0]

    assert [each["took"] for each in change["hops"]] == ["300 ms", "200 ms"]


async def test_the_pages_of_the_timeline_hold_every_change_once(lived: Site) -> None:
    found, after = [], ""
    for _ in range(3):
        page = await lived.ask_json(f"/timeline?limit=1&after={quote(after)}")
        found += [each["name"] for each in page["changes"]]
        after = page["next"] or ""

    assert sorted(found) == ["default/pod-a", "default/pod-b", "default/pod-c"]
    assert after == ""


async def test_a_dead_letter_has_its_reason_its_meaning_and_its_bytes(small: Site) -> None:
    live(small, "not-json")

    (letter,) = (await small.ask_json("/dead-letters"))["letters"]

    assert (letter["key"], letter["reason"]) == ("pod-events/1/7", "not-json")
    assert (letter["text"], letter["size"]) == ("not-json", 8)
    assert letter["meaning"]
    assert letter["advice"]


async def test_the_picture_has_every_pod_and_every_flow(lived: Site) -> None:
    picture = await lived.ask_json("/topology")

    assert [node["name"] for node in picture["nodes"]] == [f"default/pod-{each}" for each in "abc"]
    assert [(each["source"], each["to"], each["ports"]) for each in picture["lines"]] == [
        ("default/pod-a", "default/pod-b", "TCP 80")
    ]
    assert picture["grouped"] is False


async def test_too_many_pods_are_drawn_as_their_namespaces(
    lived: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.web.pages.topology.MOST_PODS", 2)

    picture = await lived.ask_json("/topology")

    assert [(node["name"], node["pods"]) for node in picture["nodes"]] == [("default", 3)]
    assert [(each["source"], each["to"], each["pairs"]) for each in picture["lines"]] == [
        ("default", "default", 1)
    ]


@pytest.mark.parametrize("path", ["/pods", "/policies"])
async def test_who_is_not_there_is_not_found(lived: Site, path: str) -> None:
    assert (await lived.ask(f"{path}/local/default/nobody")).status == 404


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "limit=", f"q={'x' * 201}", "gone=perhaps"]
)
@pytest.mark.row("W03")
async def test_what_cannot_be_asked_is_refused(site: Site, query: str) -> None:
    assert (await site.ask(f"/pods?{query}")).status == 400


async def test_every_page_has_its_twin(lived: Site) -> None:
    paths = ["/pods", "/rules", "/policies", "/timeline", "/topology", f"/pods/{POD_A}", "/tables"]

    for path in paths:
        assert await lived.ask_json(f"{path}.json") == await lived.ask_json(path)
    assert await lived.ask_json("/overview.json") == await lived.ask_json("/")


async def test_a_name_that_ends_like_a_twin_has_a_page_and_a_twin(lived: Site) -> None:
    named = patch("pod-a", "").model_copy(update={"key": key("a.json")})
    lived.put("wanted", [(key("a.json"), named)])

    page = await lived.ask(f"/policies/{key('a.json')}?format=html")
    twin = await lived.ask_json(f"/policies/{key('a.json')}.json")

    assert (page.status, page.content_type) == (200, "text/html")
    assert twin["line"]["key"] == key("a.json")


async def test_rows_that_cannot_be_read_spoil_no_page(lived: Site) -> None:
    for table in ("pods", "wanted", "policies", "graph-pods", "graph-rules"):
        lived.tables[table].data._db_for_partition(0).put(b"broken", b"{")

    for path in ("/", "/pods", "/rules", "/policies", "/timeline"):
        assert (await lived.ask(path)).status == 200


def test_the_rows_of_the_tables_are_what_pages_take_them_for() -> None:
    assert {name: CATALOG[name].row for name in TABLES} == dict(TABLES)
