"""A bad answer of Verefoo is no news: no rule ends, nothing is written, and it passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

from agents.clients.errors import ClientError
from tests.unit.agents.graph_world import FIREWALL, GraphWorld, rule

A, B = "10.1.0.1", "10.1.0.2"
Spoil = Callable[[httpx.Response], httpx.Response]
WRONG: tuple[Any, ...] = (None, 5, -1, 0.5, True, "x", "", {}, {"x": 1}, [None], ["x"], [[1]])
# Where something of this shape must stand, from the answer on; the firewall is the first node.
STRUCTURE = [
    ("_embedded",),
    ("_embedded", "graphList"),
    ("_embedded", "graphList", 0),
    ("_embedded", "graphList", 0, "id"),
    ("_embedded", "graphList", 0, "node"),
    ("_embedded", "graphList", 0, "node", 0),
    ("_embedded", "graphList", 0, "node", 0, "id"),
    ("_embedded", "graphList", 0, "node", 0, "configuration", "id"),
    ("_embedded", "graphList", 0, "node", 0, "configuration", "firewall", "elements"),
    ("_embedded", "graphList", 0, "node", 0, "configuration", "firewall", "elements", 0),
]


@pytest.fixture
async def world() -> GraphWorld:
    world = GraphWorld()
    for name, address in (("a", A), ("b", B)):
        world.claim(name, address)
    world.list_all()
    await world.rest()
    world.rule(rule(A, B))
    await world.rest()
    world.clear()
    return world


async def looks(world: GraphWorld, spoil: Spoil, method: str = "GET") -> None:
    """Have the keeper look three times at answers that are spoiled."""

    def spoiled(request: httpx.Request, answer: Any) -> httpx.Response:
        told = answer(request)
        return spoil(told) if request.method == method else told

    world.spoil = spoiled
    for _ in range(3):
        with suppress(ClientError):
            await world.keeper.step()
        world.settle()
    world.spoil = None


def firewall_first(answer: httpx.Response) -> Any:
    told = json.loads(answer.content)
    told["_embedded"]["graphList"][0]["node"].sort(key=lambda node: node["name"] != FIREWALL)
    return told


def instead(path: tuple[Any, ...], value: Any) -> Spoil:
    def spoil(answer: httpx.Response) -> httpx.Response:
        told = place = firewall_first(answer)
        for step in path[:-1]:
            place = place[step]
        if value is MISSING:
            place.pop(path[-1])
        else:
            place[path[-1]] = value
        return httpx.Response(200, json=told)

    return spoil


MISSING = object()


@pytest.mark.parametrize("path", STRUCTURE, ids=lambda path: str(path[-1]) if path[-1:] else "")
async def test_what_has_another_shape_ends_no_rule_and_makes_no_graph(
    world: GraphWorld, path: tuple[Any, ...]
) -> None:
    for value in (*WRONG, MISSING):
        if path[-1] == 0 and (value is MISSING or isinstance(value, dict)):
            # Of a list one may be gone, and a rule that cannot be read is said to be none.
            continue
        await looks(world, instead(path, value))

        assert world.changes() == [], value
        assert world.writes == 0, value
        assert len(world.store.graphs.rows) == 1
    await world.rest()
    assert world.keeper.last_error == ""


def doubled(name: str) -> Spoil:
    """Say a name a second time, as a list of nothing, behind what it says."""

    def spoil(answer: httpx.Response) -> httpx.Response:
        told = json.dumps(firewall_first(answer))
        begin = told.index(f'"{name}": [') + len(f'"{name}": [')
        depth = 1
        while depth:
            depth += {"[": 1, "]": -1}.get(told[begin], 0)
            begin += 1
        return httpx.Response(200, text=f'{told[:begin]}, "{name}": []{told[begin:]}')

    return spoil


def one_id(answer: httpx.Response) -> httpx.Response:
    """Give all nodes the id of the first."""
    told = firewall_first(answer)
    nodes = told["_embedded"]["graphList"][0]["node"]
    for node in nodes:
        node["id"] = nodes[0]["id"]
    return httpx.Response(200, json=told)


def says(status: int, text: str | bytes) -> Spoil:
    return lambda answer: httpx.Response(status, content=text)


GATEWAY = '{"message": "no Route matched with those values"}'


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(doubled("elements"), id="elements twice"),
        pytest.param(doubled("node"), id="node twice"),
        pytest.param(one_id, id="one id for all", marks=pytest.mark.row("R09")),
        pytest.param(says(404, GATEWAY), id="a 404 of a gateway"),
        pytest.param(says(404, "{}"), id="a 404 that says nothing"),
        pytest.param(says(204, ""), id="204"),
        pytest.param(says(304, ""), id="304"),
        pytest.param(says(200, '{"status": "DOWN"}'), id="health"),
        pytest.param(says(200, b'{"_embedded": {"graphList": [{"id": "\xff"}]}}'), id="not text"),
        pytest.param(says(200, b'{"_embedded":{"graphList":[' + b"{}," * 3_000_000), id="endless"),
    ],
)
@pytest.mark.fault("F42")
async def test_what_verefoo_never_says_is_not_believed(world: GraphWorld, spoil: Spoil) -> None:
    await looks(world, spoil)

    assert world.changes() == []
    assert world.writes == 0
    assert len(world.store.graphs.rows) == 1
    await world.rest()
    assert world.keeper.last_error == ""


@pytest.mark.parametrize("text", ["{}", '{"status": "DOWN"}', "[]", "<html>"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
async def test_a_change_somebody_else_answered_is_not_taken_for_done(
    world: GraphWorld, method: str, text: str
) -> None:
    world.claim("a", A, live=False)
    world.claim("c", "10.1.0.3")
    world.claim("d", "10.1.0.4")

    await looks(world, says(200, text), method)
    await world.rest()
    await world.rest()

    (graph,) = world.store.graphs.rows.values()
    assert sorted(node["name"] for node in graph["node"]) == [
        FIREWALL,
        B,
        "10.1.0.3",
        "10.1.0.4",
    ]
