"""A graph is aligned step by step, whatever becomes of the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from agents.clients.errors import ClientError, Conflict, NotThere, TryLater
from agents.clients.verefoo import Verefoo
from agents.graph_edits import SETBACKS, Aligned, carry_out
from deploy.local.verefoo.store import Store
from streams.graph.alignment import align
from streams.graph.wanted import Owner
from tests.unit.graph.interpreter import FIREWALL, owner, rule, shape, star
from tests.unit.local.verefoo.in_process import ask, client_that, respond

A, B, C = "10.1.0.1", "10.1.0.2", "10.1.0.3"
PODS = {A: owner("a"), B: owner("b"), C: owner("c")}
Answers = Callable[[httpx.Request], httpx.Response]


class World:
    """An embedded Verefoo with one graph, and a way to spoil its answers."""

    def __init__(self) -> None:
        self.store = Store()
        self.asked: list[str] = []
        self.spoil: Callable[[httpx.Request, Answers], httpx.Response] | None = None
        ask(self.store, "POST", "/adp/graphs", {"graph": [{}]})

    @property
    def writes(self) -> list[str]:
        return [method for method in self.asked if method != "GET"]

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.method)
        if self.spoil is not None:
            return self.spoil(request, self._respond)
        return self._respond(request)

    async def hold(self, pods: Mapping[str, Owner]) -> Aligned:
        verefoo = Verefoo(client_that(self.answer))
        return await carry_out(verefoo, await verefoo.graph(0), star(pods))

    def rule(self, *rules: dict[str, Any]) -> None:
        (node,) = [n for n in self.store.graphs.get(0)["node"] if n["name"] == FIREWALL]
        node["configuration"]["firewall"]["elements"] = list(rules)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        return respond(self.store, request)


@pytest.fixture
async def world() -> World:
    world = World()
    assert (await world.hold(PODS)).done
    world.asked.clear()
    return world


def once(
    method: str, spoilt: Callable[[httpx.Request, Answers], httpx.Response]
) -> Callable[[httpx.Request, Answers], httpx.Response]:
    left = [1]

    def answer(request: httpx.Request, respond: Answers) -> httpx.Response:
        if request.method == method and left:
            left.clear()
            return spoilt(request, respond)
        return respond(request)

    return answer


def lost(request: httpx.Request, respond: Answers) -> httpx.Response:
    respond(request)
    raise httpx.ReadTimeout("lost", request=request)


def unheard(request: httpx.Request, respond: Answers) -> httpx.Response:
    raise httpx.ConnectError("unheard", request=request)


async def test_a_pod_that_comes_takes_two_writes_and_two_reads(world: World) -> None:
    result = await world.hold({**PODS, "10.1.0.4": owner("d")})

    assert result.done
    assert world.asked == ["GET", "POST", "POST", "GET"]
    assert align(result.state, star({**PODS, "10.1.0.4": owner("d")})) == []


async def test_a_pod_that_goes_takes_three_writes_each_after_a_read(world: World) -> None:
    world.rule(rule(A, B), rule(B, C))

    result = await world.hold({B: owner("b"), C: owner("c")})

    assert world.asked == ["GET", "PUT", "GET", "DELETE", "GET", "DELETE", "GET"]
    assert [(each["source"], each["destination"]) for each in result.removed] == [(A, B)]


async def test_an_aligned_graph_is_read_once_and_not_written(world: World) -> None:
    result = await world.hold(PODS)

    assert world.asked == ["GET"]
    assert result.writes == 0


@pytest.mark.parametrize("spoilt", [lost, unheard])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_write_without_an_answer_is_looked_up_before_it_is_repeated(
    world: World, method: str, spoilt: Any
) -> None:
    world.rule(rule(A, B), rule(B, C))
    world.spoil = once(method, spoilt)

    result = await world.hold({B: owner("b"), C: owner("c"), "10.1.0.4": owner("d")})

    assert result.done
    assert len(result.state.nodes) == 4
    assert len(world.writes) == (5 if spoilt is lost else 6)
    assert [(each["source"], each["destination"]) for each in result.removed] == [(A, B)]


async def test_rules_written_since_the_last_read_are_kept(world: World) -> None:
    world.rule(rule(A, B))

    def meanwhile(request: httpx.Request, respond: Answers) -> httpx.Response:
        world.rule(rule(A, B), rule(C, B))
        raise httpx.ConnectError("unheard", request=request)

    world.spoil = once("PUT", meanwhile)

    assert (await world.hold({B: owner("b"), C: owner("c")})).done

    firewall = (await Verefoo(client_that(world.answer)).graph(0)).firewall(FIREWALL)
    assert firewall is not None
    assert [each["source"] for each in firewall.elements] == [C]


async def test_a_write_that_never_works_is_given_up(world: World) -> None:
    def refuse(request: httpx.Request, respond: Answers) -> httpx.Response:
        return httpx.Response(500, json={}) if request.method == "POST" else respond(request)

    world.spoil = refuse

    result = await world.hold({**PODS, "10.1.0.4": owner("d")})

    assert isinstance(result.trouble, TryLater)
    assert len(world.writes) == SETBACKS + 1


async def test_a_write_that_is_answered_and_not_done_is_given_up(world: World) -> None:
    def pretend(request: httpx.Request, respond: Answers) -> httpx.Response:
        return httpx.Response(200, json={}) if request.method == "DELETE" else respond(request)

    world.spoil = pretend

    result = await world.hold({})

    assert not result.done
    assert len(world.writes) == SETBACKS + 1


async def test_what_was_removed_before_a_trouble_is_still_told(world: World) -> None:
    world.rule(rule(A, B))

    def pinned(request: httpx.Request, respond: Answers) -> httpx.Response:
        return (
            httpx.Response(424, json={"status": 424})
            if request.method == "DELETE"
            else respond(request)
        )

    world.spoil = pinned

    result = await world.hold({B: owner("b"), C: owner("c")})

    assert isinstance(result.trouble, Conflict)
    assert [each["source"] for each in result.removed] == [A]


@pytest.mark.parametrize(("status", "error"), [(404, NotThere), (500, TryLater)])
async def test_a_graph_that_cannot_be_read_is_not_written(
    world: World, status: int, error: type[ClientError]
) -> None:
    world.spoil = lambda _request, _respond: httpx.Response(status, json={"status": status})

    with pytest.raises(error):
        await world.hold({})

    assert world.writes == []


@pytest.mark.row("R09")
async def test_ids_that_are_used_again_mislead_nobody(world: World) -> None:
    moments: list[dict[str, Owner]] = [
        {B: owner("b"), "10.1.0.4": owner("d"), "10.1.0.5": owner("e")},
        {A: owner("x"), "10.1.0.5": owner("e", uid="u2")},
        PODS,
        {},
        {C: owner("c", uid="u3")},
    ]

    for pods in moments:
        result = await world.hold(pods)

        fresh = World()
        assert shape(result.state) == shape((await fresh.hold(pods)).state)
