"""Answers look as the real Verefoo's do: same keys, same nulls, same order of fields."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

ALTERNATIVES = [
    "firewall",
    "endhost",
    "endpoint",
    "antispam",
    "cache",
    "dpi",
    "mailclient",
    "mailserver",
    "nat",
    "vpnaccess",
    "vpnexit",
    "webclient",
    "webserver",
    "fieldmodifier",
    "forwarder",
    "loadbalancer",
    "statefulFirewall",
    "webApplicationFirewall",
]
RULE = {
    "action": "ALLOW",
    "source": "192.168.1.7",
    "destination": "192.168.1.8",
    "protocol": "TCP",
    "srcPort": "80",
    "dstPort": "80",
    "directional": True,
}
FIREWALL = {
    "name": "10.0.0.1",
    "functionalType": "FIREWALL",
    "neighbour": [{"name": "192.168.1.7"}],
    "configuration": {
        "name": "fw",
        "description": "d",
        "firewall": {"defaultAction": "DENY", "elements": [RULE]},
    },
}
FUNCTIONS: dict[str, dict[str, Any]] = {
    "endhost": {"protocol": "HTTP_REQUEST", "destination": "10.0.0.9"},
    "endpoint": {"name": "e"},
    "antispam": {"source": ["a"]},
    "cache": {"resource": ["r"]},
    "dpi": {"defaultAction": "DENY", "dpiElements": [{"action": "ALLOW", "condition": "c"}]},
    "mailclient": {"mailserver": "m"},
    "mailserver": {"name": "m"},
    "nat": {"source": ["10.0.0.9"]},
    "vpnaccess": {"vpnexit": "x"},
    "vpnexit": {"vpnaccess": "a"},
    "webclient": {"nameWebServer": "10.0.0.9"},
    "webserver": {"name": "w"},
    "fieldmodifier": {"name": "f"},
    "forwarder": {"name": "f"},
    "loadbalancer": {"pool": ["10.0.0.9"]},
    "statefulFirewall": {"defaultAction": "DENY", "elements": [RULE]},
    "webApplicationFirewall": {
        "defaultAction": "DENY",
        "wafElements": [{"action": "ALLOW", "url": "u", "domain": "d"}],
    },
}


async def test_a_creation_answers_with_ids_and_links(http: httpx.AsyncClient, gid: int) -> None:
    response = await http.post(f"/adp/graphs/{gid}/nodes", json=FIREWALL)

    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert list(response.json()) == ["_embedded", "_links"]
    assert list(response.json()["_embedded"]) == ["longList"]


async def test_a_change_answers_with_links_only(http: httpx.AsyncClient, gid: int) -> None:
    created = await http.post(f"/adp/graphs/{gid}/nodes", json=FIREWALL)
    nid = created.json()["_embedded"]["longList"][0]

    for response in (
        await http.put(f"/adp/graphs/{gid}/nodes/{nid}", json=FIREWALL),
        await http.delete(f"/adp/graphs/{gid}/nodes/{nid}"),
        await http.delete(f"/adp/graphs/{gid}/nodes/{nid}"),
    ):
        assert response.status_code == 200
        assert list(response.json()) == ["_links"]


async def test_an_empty_graph_shows_all_it_has(http: httpx.AsyncClient, gid: int) -> None:
    answer = (await http.get(f"/adp/graphs/{gid}")).json()

    assert answer["_embedded"] == {"graphList": [{"node": [], "id": gid, "serviceGraph": False}]}


async def test_a_node_shows_every_field_in_order(http: httpx.AsyncClient, gid: int) -> None:
    await http.post(f"/adp/graphs/{gid}/nodes", json=FIREWALL)

    (graph,) = (await http.get(f"/adp/graphs/{gid}")).json()["_embedded"]["graphList"]

    (node,) = graph["node"]
    assert list(node) == ["neighbour", "configuration", "id", "name", "functionalType"]
    assert [list(entry) for entry in node["neighbour"]] == [["id", "name"]]
    assert list(node["configuration"]) == [*ALTERNATIVES, "id", "name", "description"]
    assert node["configuration"]["firewall"] == {
        "elements": [RULE | {"id": None, "priority": None}],
        "defaultAction": "DENY",
    }
    assert all(node["configuration"][each] is None for each in ALTERNATIVES[1:])


@pytest.mark.parametrize("function", FUNCTIONS)
async def test_every_function_comes_back_as_it_was_sent(
    http: httpx.AsyncClient, gid: int, function: str
) -> None:
    configuration = {"name": "c", "description": "d", function: FUNCTIONS[function]}
    created = await http.post(
        f"/adp/graphs/{gid}/nodes",
        json={"name": "n", "neighbour": [{"name": "x"}], "configuration": configuration},
    )
    (nid,) = created.json()["_embedded"]["longList"]

    answer = (await http.get(f"/adp/graphs/{gid}/nodes/{nid}/configuration")).json()

    (shown,) = answer["_embedded"]["configurationList"]
    assert _without_nulls(shown[function]) == FUNCTIONS[function]
    assert [each for each in ALTERNATIVES if shown[each] is not None] == [function]


async def test_a_node_that_is_not_there_has_no_configuration(
    http: httpx.AsyncClient, gid: int
) -> None:
    response = await http.get(f"/adp/graphs/{gid}/nodes/999999/configuration")

    assert response.status_code == 200
    assert "_embedded" not in response.json()


async def test_an_error_is_told_as_spring_boot_does(http: httpx.AsyncClient) -> None:
    response = await http.get("/adp/graphs/999999")

    assert response.status_code == 404
    told = response.json()
    assert isinstance(told.pop("timestamp"), int)
    assert told == {
        "status": 404,
        "error": "Not Found",
        "message": "The graph 999999 doesn't exist.",
        "path": "/verefoo/adp/graphs/999999",
    }


async def test_a_wrong_context_is_a_page(http: httpx.AsyncClient, verefoo_url: str) -> None:
    response = await http.get(verefoo_url.replace("/verefoo", "/VEREFOO") + "/adp/graphs")

    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(("node", "status"), [("{", 400), ('{"configuration":{"dpi":{}}}', 500)])
async def test_a_bad_request_costs_the_connection(
    http: httpx.AsyncClient, gid: int, node: str, status: int
) -> None:
    response = await http.post(f"/adp/graphs/{gid}/nodes", content=node)

    assert response.status_code == status
    assert response.headers["Connection"] == "close"


async def test_a_connection_serves_a_hundred_requests(http: httpx.AsyncClient) -> None:
    answers = [(await http.get("/adp/graphs")).headers.get("Connection") for _ in range(201)]

    assert [number for number, said in enumerate(answers, 1) if said == "close"] == [100, 200]


def _without_nulls(told: Any) -> Any:
    if isinstance(told, list):
        return [_without_nulls(each) for each in told]
    if isinstance(told, dict):
        return {key: _without_nulls(value) for key, value in told.items() if value is not None}
    return told
