"""What our client makes of the real Verefoo's answers, each as it was recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from agents.clients.errors import ClientError, Conflict, NotThere, Refused, TryLater
from agents.clients.verefoo import Verefoo
from tests.conformance.verefoo.test_recorded import RECORDED, Json
from tests.unit.local.verefoo.in_process import client_that

ERRORS: dict[int, type[ClientError]] = {
    400: Refused,
    404: NotThere,
    405: Refused,
    406: TryLater,  # a page: not Verefoo's words
    415: Refused,
    424: Conflict,
    500: TryLater,
}
ANY_ID = r"(\w+)"
Ask = Callable[[Verefoo, list[int]], Awaitable[Any]]
CALLS: dict[tuple[str, str], Ask] = {
    ("GET", "/adp/graphs"): lambda verefoo, ids: verefoo.graphs(),
    ("GET", "/adp/graphs/{}"): lambda verefoo, ids: verefoo.graph(*ids),
    ("POST", "/adp/graphs"): lambda verefoo, ids: verefoo.create_graph([]),
    ("DELETE", "/adp/graphs/{}/nodes/{}"): lambda verefoo, ids: verefoo.delete_node(*ids),
    ("DELETE", "/adp/graphs/{}/nodes/{}/neighbours/{}"): (
        lambda verefoo, ids: verefoo.delete_neighbour(*ids)
    ),
    ("POST", "/adp/graphs/{}/nodes/{}/neighbours"): (
        lambda verefoo, ids: verefoo.add_neighbour(*ids, "x")
    ),
    ("PUT", "/adp/graphs/{}/nodes/{}/configuration/{}"): (
        lambda verefoo, ids: verefoo.put_configuration(*ids, {})
    ),
}


def met() -> Iterator[Any]:
    """Yield what our client can meet: its own calls, whatever they were answered."""
    for number, recorded in enumerate(RECORDED):
        for (method, template), ask in CALLS.items():
            match = re.fullmatch(template.replace("{}", ANY_ID), recorded["path"])
            if match and method == recorded["method"] and match[0].find("abc") < 0:
                ids = [int(text) for text in match.groups()]
                yield pytest.param(recorded, ask, ids, id=f"{number}-{method}-{recorded['status']}")


@pytest.mark.parametrize(("recorded", "ask", "ids"), list(met()))
async def test_an_answer_is_understood(recorded: Json, ask: Ask, ids: list[int]) -> None:
    verefoo = Verefoo(client_that(lambda request: _response(recorded)))
    error = ERRORS.get(recorded["status"])
    if error is not None and not (recorded["path"] == "/adp/graphs" and error is NotThere):
        with pytest.raises(error) as caught:
            await ask(verefoo, ids)
        assert type(caught.value) is error
        return

    understood = await ask(verefoo, ids)

    told = recorded.get("told", {})
    lists = told.get("_embedded", {}) if isinstance(told, dict) else {}
    if "longList" in lists:
        assert understood == lists["longList"][0]
    elif "graphList" in lists:
        (graph,) = lists["graphList"]
        assert understood.gid == graph["id"]
        names = [str(node.get("name") or "") for node in graph["node"]]
        assert [node.name or "" for node in understood.nodes] == names
    elif "graphsList" in lists:
        graphs = lists["graphsList"][0]["graph"]
        assert [graph.gid for graph in understood] == [graph["id"] for graph in graphs]
    else:
        assert not understood


def _response(recorded: Json) -> httpx.Response:
    told = recorded.get("told")
    kind = {"Content-Type": recorded["type"]} if "type" in recorded else {}
    if recorded["status"] >= 400 and isinstance(told, list):
        told = dict.fromkeys(told, "said") | {"status": recorded["status"]}
    content = "<html>" if told == "text" else "" if told is None else json.dumps(told)
    if recorded["status"] in (200, 201) and told is None:
        content = '{"_links": {}}'
    return httpx.Response(recorded["status"], content=content, headers=kind)
