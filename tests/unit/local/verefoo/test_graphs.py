"""What the embedded Verefoo keeps of a graph, and how it tells it."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.local.verefoo.store import Store
from tests.unit.local.verefoo.in_process import ask

POD = {"name": "10.1.0.5", "functionalType": "ENDHOST", "neighbour": [{"name": "10.0.0.1"}]}


def rule(number: int = 0, **other: Any) -> dict[str, Any]:
    return {
        "action": "ALLOW",
        "source": f"10.1.0.{number}",
        "destination": "10.1.0.5",
        "protocol": "TCP",
        "srcPort": "*",
        "dstPort": "80",
        "directional": True,
    } | other


def firewall(*rules: dict[str, Any], **other: Any) -> dict[str, Any]:
    function = {"defaultAction": "DENY", "elements": list(rules)} | other
    configuration = {"name": "fw", "description": "d", "firewall": function}
    return {
        "name": "10.0.0.1",
        "functionalType": "FIREWALL",
        "neighbour": [],
        "configuration": configuration,
    }


@pytest.fixture
def store() -> Store:
    store = Store()
    ask(store, "POST", "/adp/graphs", {"graph": [{"node": []}]})
    return store


def created(store: Store, path: str, body: Any) -> int:
    reply = ask(store, "POST", path, body)
    assert reply.status == 201
    assert isinstance(reply.body, dict)
    return int(reply.body["_embedded"]["longList"][0])


def shown(store: Store, path: str = "/adp/graphs/0") -> Any:
    reply = ask(store, "GET", path)
    assert isinstance(reply.body, dict)
    (values,) = reply.body["_embedded"].values()
    return values[0]


def test_the_first_graph_has_the_id_zero(store: Store) -> None:
    assert shown(store) == {"node": [], "id": 0, "serviceGraph": False}


def test_a_configuration_shows_all_eighteen_alternatives(store: Store) -> None:
    created(store, "/adp/graphs/0/nodes", firewall(rule()))

    configuration = shown(store)["node"][0]["configuration"]

    alternatives = {name for name in configuration if name not in ("id", "name", "description")}
    assert len(alternatives) == 18
    assert [name for name in alternatives if configuration[name] is not None] == ["firewall"]


def test_a_rule_is_shown_without_its_id_and_priority(store: Store) -> None:
    created(store, "/adp/graphs/0/nodes", firewall(rule(1, id=7, priority="5")))

    (element,) = shown(store)["node"][0]["configuration"]["firewall"]["elements"]

    assert element == rule(1) | {"id": None, "priority": None}


def test_a_freed_id_is_used_again_at_once(store: Store) -> None:
    nid = created(store, "/adp/graphs/0/nodes", {"name": "a"})
    ask(store, "DELETE", f"/adp/graphs/0/nodes/{nid}")

    assert created(store, "/adp/graphs/0/nodes", {"name": "b"}) == nid


def test_ids_in_a_body_are_not_believed(store: Store) -> None:
    nid = created(store, "/adp/graphs/0/nodes", POD | {"id": 77})

    assert nid != 77
    assert shown(store)["node"][0]["id"] == nid


def test_order_is_lost_at_a_write_and_stable_between_reads(store: Store) -> None:
    rules = [rule(number) for number in range(20)]
    created(store, "/adp/graphs/0/nodes", firewall(*rules))

    elements = shown(store)["node"][0]["configuration"]["firewall"]["elements"]

    sources = [element["source"] for element in elements]
    assert sources != [each["source"] for each in rules]
    assert sorted(sources) == sorted(each["source"] for each in rules)
    assert shown(store)["node"][0]["configuration"]["firewall"]["elements"] == elements


@pytest.mark.parametrize(
    "node",
    [
        firewall(rule(action=None)),
        firewall(rule(protocol=None)),
        firewall(rule(action="ALLOW_COND")),
        firewall(defaultAction=None),
        POD | {"configuration": {"name": "e", "endhost": {}}},
    ],
)
def test_what_the_storage_looks_up_unasked_must_be_there(
    store: Store, node: dict[str, Any]
) -> None:
    assert ask(store, "POST", "/adp/graphs/0/nodes", node).status == 500
    assert shown(store)["node"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        {"name": "x", "functionalType": "firewall"},
        {"name": "x", "neighbour": {"name": "y"}},
        firewall(rule(directional="yes")),
        firewall(rule(action="")),
    ],
)
def test_a_body_that_makes_no_sense_is_a_bad_request(store: Store, body: Any) -> None:
    assert ask(store, "POST", "/adp/graphs/0/nodes", body).status == 400


def test_numbers_are_taken_for_texts_and_other_spellings_for_nothing(store: Store) -> None:
    element = rule()
    element["src_port"] = "22"
    element["dstPort"] = 80
    node = firewall(element) | {"functional_type": "NAT"}
    created(store, "/adp/graphs/0/nodes", node)

    (kept,) = shown(store)["node"]

    (element,) = kept["configuration"]["firewall"]["elements"]
    assert kept["functionalType"] == "FIREWALL"
    assert (element["srcPort"], element["dstPort"]) == ("*", "80")


def test_a_node_without_a_configuration_can_be_given_one(store: Store) -> None:
    nid = created(store, "/adp/graphs/0/nodes", POD | {"configuration": None})

    reply = ask(store, "PUT", f"/adp/graphs/0/nodes/{nid}/configuration/0", {"name": "c"})

    assert reply.status == 200
    assert shown(store)["node"][0]["configuration"]["name"] == "c"
    assert shown(store)["node"][0]["functionalType"] == "ENDHOST"


def test_a_configuration_keeps_its_id_and_decides_the_type(store: Store) -> None:
    nid = created(store, "/adp/graphs/0/nodes", POD | {"configuration": {"name": "c"}})
    cid = shown(store)["node"][0]["configuration"]["id"]
    path = f"/adp/graphs/0/nodes/{nid}/configuration"

    ask(store, "PUT", f"{path}/{cid}", firewall()["configuration"])

    assert shown(store, path)["id"] == cid
    assert shown(store)["node"][0]["functionalType"] == "FIREWALL"


def test_another_configurations_id_changes_nothing(store: Store) -> None:
    nid = created(store, "/adp/graphs/0/nodes", firewall(rule()))
    before = shown(store)

    reply = ask(store, "PUT", f"/adp/graphs/0/nodes/{nid}/configuration/999", {"name": "c"})

    assert reply.status == 404
    assert shown(store) == before


def test_deleting_a_node_leaves_what_names_it(store: Store) -> None:
    fid = created(store, "/adp/graphs/0/nodes", firewall(rule()))
    nid = created(store, "/adp/graphs/0/nodes", POD)
    created(store, f"/adp/graphs/0/nodes/{fid}/neighbours", {"name": "10.1.0.5"})

    assert ask(store, "DELETE", f"/adp/graphs/0/nodes/{nid}").status == 200

    (node,) = shown(store)["node"]
    assert [entry["name"] for entry in node["neighbour"]] == ["10.1.0.5"]
    assert len(node["configuration"]["firewall"]["elements"]) == 1


def test_deleting_through_another_graph_destroys_nothing(store: Store) -> None:
    other = created(store, "/adp/graphs", {"graph": [{"node": [POD]}]})
    nid = shown(store, f"/adp/graphs/{other}")["node"][0]["id"]

    assert ask(store, "DELETE", f"/adp/graphs/0/nodes/{nid}").status == 404
    assert len(shown(store, f"/adp/graphs/{other}")["node"]) == 1


def test_a_node_put_without_neighbours_loses_them(store: Store) -> None:
    nid = created(store, "/adp/graphs/0/nodes", POD)

    ask(store, "PUT", f"/adp/graphs/0/nodes/{nid}", {"name": "n", "functionalType": "ENDHOST"})

    (node,) = shown(store)["node"]
    assert (node["id"], node["name"], node["neighbour"]) == (nid, "n", [])


def test_a_graph_put_keeps_ids_by_place_and_not_by_name(store: Store) -> None:
    nodes = [POD | {"name": name} for name in ("a", "b", "c")]
    gid = created(store, "/adp/graphs", {"graph": [{"node": nodes}]})
    before = {node["id"] for node in shown(store, f"/adp/graphs/{gid}")["node"]}

    ask(store, "PUT", f"/adp/graphs/{gid}", {"node": nodes[:2], "serviceGraph": True})

    graph = shown(store, f"/adp/graphs/{gid}")
    assert graph["serviceGraph"] is True
    assert {node["name"] for node in graph["node"]} == {"a", "b"}
    assert {node["id"] for node in graph["node"]} < before


def test_a_saved_store_is_the_same_when_loaded(store: Store, tmp_path: Any) -> None:
    created(store, "/adp/graphs/0/nodes", firewall(rule()))
    ask(store, "PUT", "/adp/graphs/0/constraints", {"nodeConstraints": {}})
    created(store, "/adp/requirements", {"property": [{"name": "ISOLATION_PROPERTY", "graph": 0}]})
    again = Store()

    store.save(tmp_path / "verefoo.json")
    again.load(tmp_path / "verefoo.json")

    for path in ("/adp/graphs/0", "/adp/graphs/0/constraints", "/adp/requirements"):
        assert ask(again, "GET", path).body == ask(store, "GET", path).body
    assert created(again, "/adp/graphs/0/nodes", {}) == created(store, "/adp/graphs/0/nodes", {})
