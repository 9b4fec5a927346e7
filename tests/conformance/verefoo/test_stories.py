"""Our client and our edits against a Verefoo, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from agents.clients.errors import NotThere, Refused, TryLater
from agents.clients.verefoo import Verefoo
from agents.graph_edits import carry_out
from deploy.local.verefoo import server
from deploy.local.verefoo.server import VerefooServer
from tests.unit.graph.interpreter import FIREWALL, owner, rule, shape, star

A, B, C = "10.1.0.1", "10.1.0.2", "10.1.0.3"
PODS = {A: owner("a"), B: owner("b"), C: owner("c")}


@pytest.fixture
async def verefoo(verefoo_url: str) -> AsyncIterator[Verefoo]:
    async with httpx.AsyncClient(base_url=verefoo_url, timeout=60, trust_env=False) as http:
        yield Verefoo(http)


async def give_rules(verefoo: Verefoo, gid: int, *rules: dict[str, object]) -> None:
    firewall = (await verefoo.graph(gid)).firewall(FIREWALL)
    assert firewall is not None
    assert firewall.configuration_id is not None
    function = {"defaultAction": "DENY", "elements": list(rules)}
    await verefoo.put_configuration(
        gid, firewall.nid, firewall.configuration_id, {"name": "fw", "firewall": function}
    )


async def test_a_new_graph_is_found_among_all(verefoo: Verefoo) -> None:
    gid = await verefoo.create_graph(star(PODS).nodes.values())

    found = [graph for graph in await verefoo.graphs() if graph.gid == gid]

    assert shape(found[0]) == shape(await verefoo.graph(gid))
    assert len(found[0].nodes) == 4


async def test_pods_come_go_and_are_replaced(verefoo: Verefoo, gid: int) -> None:
    born = await carry_out(verefoo, await verefoo.graph(gid), star(PODS))
    await give_rules(verefoo, gid, rule(A, B), rule(B, C), rule("10.1.0.99", B))

    left = await carry_out(
        verefoo, await verefoo.graph(gid), star({B: owner("b"), C: owner("c", uid="u2")})
    )

    assert born.done
    assert left.done
    assert {(each["source"], each["destination"]) for each in left.removed} == {(A, B), (B, C)}
    firewall = left.state.firewall(FIREWALL)
    assert firewall is not None
    assert [each["source"] for each in firewall.elements] == ["10.1.0.99"]
    assert {neighbour.name for neighbour in firewall.neighbours} == {B, C}
    marks = {node.name: node.mark for node in left.state.nodes if node.name != FIREWALL}
    assert marks == {B: owner("b"), C: owner("c", uid="u2")}


async def test_an_aligned_graph_is_left_alone(verefoo: Verefoo, gid: int) -> None:
    await carry_out(verefoo, await verefoo.graph(gid), star(PODS))

    assert (await carry_out(verefoo, await verefoo.graph(gid), star(PODS))).writes == 0


async def test_a_pods_node_can_be_configured_later(verefoo: Verefoo, gid: int) -> None:
    done = await carry_out(verefoo, await verefoo.graph(gid), star(PODS))
    node = next(node for node in done.state.nodes if node.name == A)
    assert node.configuration_id is not None

    await verefoo.put_configuration(
        gid, node.nid, node.configuration_id, {"name": "w", "webserver": {"name": A}}
    )

    again = next(node for node in (await verefoo.graph(gid)).nodes if node.name == A)
    assert again.functional_type == "WEBSERVER"


async def test_a_pods_node_is_a_host_without_a_function(
    verefoo: Verefoo, http: httpx.AsyncClient, gid: int
) -> None:
    done = await carry_out(verefoo, await verefoo.graph(gid), star({A: owner("a")}))
    nid = next(node.nid for node in done.state.nodes if node.name == A)

    told = (await http.get(f"/adp/graphs/{gid}/nodes/{nid}")).json()["_embedded"]
    (((node,),),) = (tuple(told.values()),)

    assert node["functionalType"] == "ENDHOST"
    # A configuration without any function: {} would do, ours says whose node it is.
    said = {name for name, each in node["configuration"].items() if each is not None}
    assert said == {"id", "name", "description"}


async def test_a_connection_that_was_closed_for_idleness_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "_IDLE_SECONDS", 0.2)
    embedded = VerefooServer()
    await embedded.start()
    async with httpx.AsyncClient(base_url=embedded.url, trust_env=False) as http:
        verefoo = Verefoo(http)
        gid = await verefoo.create_graph(())
        for _ in range(3):
            await asyncio.sleep(0.5)
            assert (await verefoo.graph(gid)).gid == gid
    await embedded.stop()


async def test_what_is_not_there_is_said_so(verefoo: Verefoo, gid: int) -> None:
    with pytest.raises(NotThere, match="The graph 999999 doesn't exist"):
        await verefoo.graph(999999)
    with pytest.raises(NotThere):
        await verefoo.add_neighbour(gid, 999999, "x")
    with pytest.raises(NotThere):
        await verefoo.delete_neighbour(gid, 1, 999999)


async def test_what_cannot_be_kept_is_no_lasting_refusal(verefoo: Verefoo, gid: int) -> None:
    done = await carry_out(verefoo, await verefoo.graph(gid), star({}))
    (firewall,) = done.state.nodes
    assert firewall.configuration_id is not None

    with pytest.raises(TryLater, match="500 Internal Server Error"):
        await verefoo.put_configuration(
            gid, firewall.nid, firewall.configuration_id, {"name": "x", "firewall": {}}
        )
    with pytest.raises(Refused, match="400 Bad Request"):
        await verefoo.put_configuration(
            gid, firewall.nid, firewall.configuration_id, {"firewall": []}
        )


async def test_a_graph_in_use_is_not_deleted(
    verefoo: Verefoo, http: httpx.AsyncClient, gid: int
) -> None:
    body = {"nodeConstraints": {}, "linkConstraints": {}, "allocationConstraints": {}}
    assert (await http.put(f"/adp/graphs/{gid}/constraints", json=body)).status_code == 200

    assert (await http.delete(f"/adp/graphs/{gid}")).status_code == 424

    assert (await verefoo.graph(gid)).gid == gid
    assert (await http.delete(f"/adp/graphs/{gid}/constraints")).status_code == 200


async def test_the_embedded_server_counts_the_writes_it_is_asked_for() -> None:
    server = VerefooServer()
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as http:
            verefoo = Verefoo(http)
            gid = await verefoo.create_graph([])
            await verefoo.graph(gid)
            await verefoo.delete_node(gid, 12)
    finally:
        await server.stop()

    assert server.writes() == [
        ("POST", "/verefoo/adp/graphs", 201),
        ("DELETE", "/verefoo/adp/graphs/0/nodes/12", 200),
    ]
