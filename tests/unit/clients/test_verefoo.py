"""What the Verefoo client makes of good answers, and of every bad one."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import httpx
import pytest

from agents.clients.errors import ClientError, Conflict, NotThere, Refused, TryLater
from agents.clients.verefoo import LARGEST_ANSWER, Verefoo
from streams.graph.model import Neighbour, Node
from streams.graph.wanted import WantedNode
from tests.unit.local.verefoo.in_process import BASE, client_that

GRAPH = {"node": [], "id": 0, "serviceGraph": False}
ERROR = {"timestamp": 1, "status": 500, "error": "x", "message": "No message available"}
POD = WantedNode("10.1.0.5", "ENDHOST", ("10.0.0.1",), {"name": "c/n/p", "description": "u"})

XML = """<?xml version="1.0"?>
<!DOCTYPE graph [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY file SYSTEM "file:///etc/passwd">]>
<graph id="1"><node>&b;&file;</node></graph>"""


def verefoo_that_says(status: int, body: Any = None, **more: Any) -> Verefoo:
    if body is ERROR:
        body = ERROR | {"status": status}
    if body is not None:
        more["json"] = body
    return Verefoo(client_that(lambda _: httpx.Response(status, **more)))


def embedded(key: str, *values: Any) -> dict[str, Any]:
    return {"_embedded": {key: list(values)}, "_links": {}}


async def test_a_graph_is_unwrapped_and_read() -> None:
    told = {
        "neighbour": [{"id": 3, "name": "10.0.0.1"}],
        "configuration": {"id": 0, "name": "c/n/p", "description": "u", "firewall": None},
        "id": 0,
        "name": "10.1.0.5",
        "functionalType": "ENDHOST",
    }
    verefoo = verefoo_that_says(200, embedded("graphList", GRAPH | {"node": [told]}))

    (node,) = (await verefoo.graph(0)).nodes

    neighbours = (Neighbour(3, "10.0.0.1"),)
    assert node == Node(0, "10.1.0.5", "ENDHOST", neighbours, 0, told["configuration"])


async def test_a_graph_told_in_the_same_words_is_the_same_and_in_others_another() -> None:
    told = [GRAPH, GRAPH, GRAPH | {"serviceGraph": True}, GRAPH]
    answers = iter(told)
    verefoo = Verefoo(client_that(lambda _: httpx.Response(200, json=next(answers))))

    first, same, other, again = [await verefoo.graph(0) for _ in told]

    assert same is first
    assert other is not first
    assert again is not other
    assert again == first


async def test_known_words_with_another_status_or_id_are_not_believed() -> None:
    answers = iter([httpx.Response(200, json=GRAPH), httpx.Response(500, json=GRAPH)] * 2)
    verefoo = Verefoo(client_that(lambda _: next(answers)))
    await verefoo.graph(0)

    with pytest.raises(TryLater):
        await verefoo.graph(0)
    with pytest.raises(TryLater, match="answered with graph 0"):
        await verefoo.graph(1)


async def test_a_large_graph_is_read_like_a_small_one() -> None:
    nodes = [
        {"id": number, "name": f"10.1.{number // 250}.{number % 250}", "functionalType": "ENDHOST"}
        for number in range(5000)
    ]

    state = await verefoo_that_says(200, GRAPH | {"node": nodes}).graph(0)

    assert [node.nid for node in state.nodes] == list(range(5000))


async def test_a_graph_without_an_envelope_is_read_as_well() -> None:
    assert (await verefoo_that_says(200, GRAPH).graph(0)).gid == 0


async def test_no_graphs_at_all_are_no_graphs() -> None:
    assert await verefoo_that_says(404, ERROR).graphs() == ()


async def test_all_graphs_are_read() -> None:
    verefoo = verefoo_that_says(200, embedded("graphsList", {"graph": [GRAPH]}))

    assert [graph.gid for graph in await verefoo.graphs()] == [0]


async def test_json_is_asked_for_and_sent_always() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json=embedded("longList", 0))

    assert await Verefoo(client_that(answer)).add_node(4, POD) == 0

    (request,) = seen
    assert request.url.path == "/verefoo/adp/graphs/4/nodes"
    assert request.headers["Accept"] == request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == {
        "name": "10.1.0.5",
        "functionalType": "ENDHOST",
        "neighbour": [{"name": "10.0.0.1"}],
        "configuration": {"name": "c/n/p", "description": "u"},
    }


@pytest.mark.parametrize("status", [200, 204, 304])
async def test_links_only_and_nothing_at_all_are_success(status: int) -> None:
    body = {"_links": {}} if status == 200 else None

    await verefoo_that_says(status, body).delete_node(0, 0)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (404, NotThere),
        (405, Refused),
        (409, Conflict),
        (415, Refused),
        (424, Conflict),
        (429, TryLater),
        (500, TryLater),
        (503, TryLater),
    ],
)
@pytest.mark.parametrize("write", [True, False])
@pytest.mark.row("R12")
async def test_a_status_says_what_can_be_done(
    status: int, error: type[ClientError], write: bool
) -> None:
    verefoo = verefoo_that_says(status, ERROR)

    with pytest.raises(error) as caught:
        await (verefoo.delete_neighbour(1, 2, 3) if write else verefoo.graph(1))

    assert type(caught.value) is error


async def test_a_message_says_what_was_tried_and_answered() -> None:
    with pytest.raises(TryLater) as caught:
        await verefoo_that_says(500, ERROR).put_configuration(1, 2, 3, {})

    tried = "PUT /adp/graphs/1/nodes/2/configuration/3"
    assert str(caught.value) == f"{tried}: 500 Internal Server Error: No message available"


async def test_a_message_is_bounded() -> None:
    with pytest.raises(Refused) as caught:
        await verefoo_that_says(400, {"status": 400, "message": "long " * 1000}).graph(1)

    assert len(str(caught.value)) <= 300


@pytest.mark.parametrize("status", [200, 201, 301, 400, 404, 500, 502])
@pytest.mark.parametrize("text", ["<html>starting</html>", "", "[1", "\ufeff", "[" * 100_000, XML])
@pytest.mark.row("R01", "R02", "R03", "R08")
async def test_what_is_not_json_was_not_said_by_verefoo(status: int, text: str) -> None:
    with pytest.raises(TryLater, match="GET /adp/graphs/1"):
        await verefoo_that_says(status, text=text).graph(1)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"_links": {}},
        {"_embedded": None},
        {"_embedded": {"graphList": []}},
        {"_embedded": {"graphList": [7]}},
        {"_embedded": {"graphList": [{"node": {}, "id": 1}]}},
        {"_embedded": {"graphList": [{"node": [], "id": "1"}]}},
        {"_embedded": {"graphList": [{"node": [], "id": 2}]}},
        {"_embedded": {"graphList": [{"node": [{"id": None}], "id": 1}]}},
        {"_embedded": {"graphList": [{"node": [{"id": 1, "name": 5}], "id": 1}]}},
    ],
)
@pytest.mark.row("R09")
async def test_an_answer_that_is_no_graph_is_no_graph(body: Any) -> None:
    with pytest.raises(TryLater, match="GET /adp/graphs/1"):
        await verefoo_that_says(200, body).graph(1)


@pytest.mark.parametrize("body", [{"_links": {}}, embedded("longList"), embedded("longList", "a")])
async def test_a_creation_without_an_id_is_not_believed(body: Any) -> None:
    with pytest.raises(TryLater, match="without an id"):
        await verefoo_that_says(201, body).add_neighbour(1, 2, "x")


@pytest.mark.fault("F42")
@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("to", ["/elsewhere", "http://169.254.169.254/latest/meta-data/"])
@pytest.mark.row("R06", "R07")
async def test_a_redirect_is_not_followed(status: int, to: str) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(status, headers={"Location": to}, json={})

    with pytest.raises(TryLater, match=str(status)):
        await Verefoo(client_that(answer)).graph(1)

    assert seen == [f"{BASE}/adp/graphs/1"]


@pytest.mark.row("R07")
async def test_links_to_another_host_are_not_followed() -> None:
    seen: list[str] = []
    links = {"self": {"href": "http://evil.example/"}, "next": {"href": "http://evil.example/2"}}

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        told = embedded("longList", 7) | {"_links": links}
        return httpx.Response(201, json=told, headers={"Location": "http://evil.example/7"})

    verefoo = Verefoo(client_that(answer))
    nid = await verefoo.add_node(4, POD)
    await verefoo.delete_node(4, nid)

    assert seen == [httpx.URL(BASE).host] * 2


@pytest.mark.fault("F42")
@pytest.mark.row("R04")
async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    sent = 0

    async def chunks() -> Any:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 1024 * 1024

    with pytest.raises(TryLater, match="bytes of answer"):
        await verefoo_that_says(200, content=chunks()).graph(1)

    assert sent <= LARGEST_ANSWER // (1024 * 1024) + 1


@pytest.mark.row("R05")
async def test_a_packed_answer_is_not_unpacked() -> None:
    packed, sent = gzip.compress(b" " * (1 << 24)), 0

    async def chunks() -> Any:
        nonlocal sent
        for begin in range(0, len(packed), 1024):
            sent += 1
            yield packed[begin : begin + 1024]

    headers = {"Content-Encoding": "gzip"}

    with pytest.raises(TryLater, match="answered in gzip"):
        await verefoo_that_says(200, content=chunks(), headers=headers).graph(1)

    assert sent == 0


@pytest.mark.fault("F39")
@pytest.mark.row("R11")
async def test_an_answer_that_trickles_is_late_in_the_end() -> None:
    async def drops() -> Any:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    slow = client_that(lambda _: httpx.Response(200, content=drops()))

    with pytest.raises(TryLater, match=r"no answer within 0\.05 s"):
        await Verefoo(slow, deadline=0.05).graph(1)


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("hung up"),
    ],
)
async def test_silence_is_worth_another_try(fault: httpx.HTTPError) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise fault

    with pytest.raises(TryLater, match=f"PUT .*{type(fault).__name__}"):
        await Verefoo(client_that(answer)).put_configuration(1, 2, 3, {})
