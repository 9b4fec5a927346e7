"""A Verefoo graph is listed and drawn, whatever its nodes are called."""

from __future__ import annotations

import json
from math import hypot
from typing import Any
from xml.etree import ElementTree

import pytest

from agents.asking.graphs import VerefooGraph, graph_of
from agents.clients.errors import NotThere
from deploy.cli import graph
from deploy.cli.drawing import dot, svg
from streams.graph.model import GraphState, parse_graph
from streams.settings import Settings, load
from tests.unit.cli.conftest import Invoke

EVIL = '</title><script>"\\N\x1b[2J'
SVG = "{http://www.w3.org/2000/svg}"


def state(*nodes: dict[str, Any]) -> GraphState:
    return parse_graph({"id": 7, "node": [{"id": at, **each} for at, each in enumerate(nodes)]})


def node(called: str, kind: str, *joined: str, **configuration: Any) -> dict[str, Any]:
    edges = [{"id": at, "name": each} for at, each in enumerate(joined)]
    known = {"id": 1, **configuration}
    return {"name": called, "functionalType": kind, "neighbour": edges, "configuration": known}


def host(address: str, pod: str, *joined: str) -> dict[str, Any]:
    return node(address, "ENDHOST", *joined, name=f"local/default/{pod}", description="uid")


def firewall(name: str, *joined: str) -> dict[str, Any]:
    return node(name, "FIREWALL", *joined, firewall={"defaultAction": "DENY", "elements": [{}]})


STAR = state(
    host("10.1.0.1", "pod-a", "10.0.0.1"),
    host("10.1.0.2", EVIL, "10.0.0.1"),
    host("10.1.0.3", "pod-c"),
    firewall("10.0.0.1", "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.9.9.9"),
)


def positions(shown: VerefooGraph) -> dict[str, tuple[float, float]]:
    """Return where the picture has each node, by the first words of its title."""
    root = ElementTree.fromstring("\n".join(svg(shown)))
    found = {}
    for group in root.iter(f"{SVG}g"):
        x, y = group.attrib["transform"][len("translate(") : -1].split()
        found[str(group.findtext(f"{SVG}title"))] = (float(x), float(y))
    return found


def test_a_graph_says_who_stands_for_whom_and_which_neighbour_is_not_there() -> None:
    found = graph_of("main", STAR)

    first, pod, *_ = found.nodes
    assert (first.kind, first.default_action, first.rules) == ("FIREWALL", "DENY", 1)
    assert (first.missing, len(first.neighbours)) == (("10.9.9.9",), 3)
    assert (pod.stands_for, pod.name) == ("default/pod-a", "10.1.0.1")
    assert sorted((each.source, each.to, each.both) for each in found.links) == [
        (0, 3, True),
        (1, 3, True),
        (3, 2, False),
    ]


def test_a_star_is_drawn_around_its_firewall_and_each_node_once() -> None:
    found = positions(graph_of("main", STAR))

    assert found["10.0.0.1 DENY, 1 rules"] == (0.0, 0.0)
    distances = {round(hypot(*spot)) for title, spot in found.items() if "DENY" not in title}
    assert (len(found), distances) == (4, {200})


def test_each_of_many_firewalls_is_drawn_before_its_own_pod() -> None:
    pods = [host(f"10.1.0.{n}", f"pod-{n}", f"10.0.0.{n}") for n in range(30)]
    walls = [firewall(f"10.0.0.{n}", f"10.1.0.{n}", "10.0.255.1") for n in range(30)]
    hub = node("10.0.255.1", "FORWARDER", *(f"10.0.0.{n}" for n in range(30)))

    found = positions(graph_of("main", state(*pods, *walls, hub)))

    assert found["10.0.255.1"] == (0.0, 0.0)
    for n in range(30):
        x, y = found[f"10.0.0.{n} DENY, 1 rules"]
        near = min(
            (each for each in found if "pod-" in each),
            key=lambda each: hypot(found[each][0] - x, found[each][1] - y),
        )
        assert near == f"default/pod-{n} 10.1.0.{n}"


def test_no_name_leaves_its_place_in_what_is_drawn() -> None:
    found = graph_of('main"', STAR)

    text, picture = "\n".join(dot(found)), "\n".join(svg(found))

    assert r'label="default/</title><script>\"\\N\\x1b[2J\n10.1.0.2"' in text
    assert text.startswith(r'digraph "main\"" {')
    assert "  n3 -> n2;" in text
    assert "  n0 -> n3 [dir=none];" in text
    assert "<script>" not in picture
    assert "\x1b" not in text + picture


@pytest.fixture
def verefoo(monkeypatch: pytest.MonkeyPatch) -> list[GraphState]:
    found: list[GraphState] = []

    async def read(settings: Settings) -> GraphState | None:
        return found[0] if found else None

    monkeypatch.setattr("deploy.cli.graph._read", read)
    return found


def test_the_command_lists_draws_and_says_what_it_leaves_out(
    verefoo: list[GraphState], invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    verefoo.append(STAR)

    listed = invoke("graph")
    told = json.loads(invoke("graph", "-o", "json").stdout)
    monkeypatch.setattr("deploy.cli.graph.MOST_DRAWN", 2)
    cut = invoke("graph", "--dot")

    assert "10.9.9.9 (no such node)" in listed.stdout
    assert "\x1b" not in listed.stdout
    assert (told["id"], told["nodes"][1]["standsFor"]) == (7, "default/pod-a")
    assert cut.stdout.count("shape=") == 2
    assert "the first 2 of 4 nodes are drawn" in cut.stderr


def test_without_a_graph_the_answer_is_no(verefoo: list[GraphState], invoke: Invoke) -> None:
    assert invoke("graph").exit_code == 1
    assert invoke("graph", "--dot", "--svg").exit_code == 2


@pytest.mark.parametrize(("number", "read"), [(None, 7), (9, 9), (8, None)])
async def test_the_graph_is_found_by_its_number_or_by_its_looks(
    monkeypatch: pytest.MonkeyPatch, number: int | None, read: int | None
) -> None:
    there = {gid: STAR._replace(gid=gid) for gid in (9, 7)} | {1: GraphState(1, ())}

    class Verefoo:
        def __init__(self, http: object, deadline: float) -> None: ...

        async def graphs(self) -> tuple[GraphState, ...]:
            return tuple(there.values())

        async def graph(self, gid: int) -> GraphState:
            if gid not in there:
                raise NotThere(str(gid))
            return there[gid]

    monkeypatch.setattr("deploy.cli.graph.Verefoo", Verefoo)

    found = await graph._read(load(graph={"id": number}))

    assert (found.gid if found else None) == read
