"""vereflow graph: the graph in Verefoo, as a list, as text for Graphviz, or as a picture."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from agents.asking.graphs import GraphNode, VerefooGraph, graph_of
from agents.clients.errors import NotThere
from agents.clients.verefoo import Verefoo
from deploy.cli.answers import NO, plain_errors, warn
from deploy.cli.drawing import MOST_DRAWN, dot, svg
from deploy.cli.endpoints import settings_of
from deploy.cli.options import EndpointsFile, Output
from deploy.cli.showing import Format, show, table
from deploy.cli.stored import ANSWER_WITHIN
from deploy.placing import placement_of
from deploy.verefoo_login import verefoo_client
from streams.graph.model import GraphState
from streams.settings import Settings

_HEADERS = ("NODE", "KIND", "STANDS FOR", "DEFAULT", "RULES", "JOINED TO")
_MOST_NAMED = 8


def graph(
    as_dot: Annotated[bool, typer.Option("--dot", help="As text for Graphviz.")] = False,
    as_svg: Annotated[bool, typer.Option("--svg", help="As a picture.")] = False,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
) -> None:
    """Show the graph in Verefoo, as a list or as a picture; exit 1 if there is none.

    Example: vereflow graph --svg > graph.svg
    """
    if as_dot and as_svg:
        raise typer.BadParameter("say --dot or --svg")
    with plain_errors():
        settings = settings_of(endpoints)
        state = asyncio.run(_read(settings))
    if state is None:
        warn([f"no graph of ours at {settings.verefoo.url}: a worker makes one"])
        raise typer.Exit(NO)
    found = graph_of(settings.graph.name, state)
    if as_dot or as_svg:
        drawn = _cut(found)
        typer.echo("\n".join(dot(drawn) if as_dot else svg(drawn)))
        return
    content = found.model_dump(mode="json", by_alias=True)
    show(content, output, lambda: [table(_HEADERS, map(_cells, found.nodes))])


async def _read(settings: Settings) -> GraphState | None:
    """Return the graph by its number, or, where none is set, the first that looks like ours."""
    async with verefoo_client(settings.verefoo) as http:
        verefoo, gid = Verefoo(http, ANSWER_WITHIN), settings.graph.id
        if gid is None:
            is_ours = placement_of(settings.graph).is_ours
            found = [each for each in await verefoo.graphs() if is_ours(each)]
            return min(found, key=lambda each: each.gid, default=None)
        try:
            return await verefoo.graph(gid)
        except NotThere:
            return None


def _cut(found: VerefooGraph) -> VerefooGraph:
    """Return what is drawn of it: all, unless nothing could be seen any more."""
    if len(found.nodes) <= MOST_DRAWN:
        return found
    warn([f"the first {MOST_DRAWN} of {len(found.nodes)} nodes are drawn: -o json has all"])
    nodes = found.nodes[:MOST_DRAWN]
    known = {each.id for each in nodes}
    links = tuple(each for each in found.links if {each.source, each.to} <= known)
    return found.model_copy(update={"nodes": nodes, "links": links})


def _cells(node: GraphNode) -> tuple[object, ...]:
    missing = [f"{each} (no such node)" for each in node.missing]
    named = [*missing, *node.neighbours]
    more = len(named) - _MOST_NAMED
    joined = ", ".join([*named[:_MOST_NAMED], *([f"{more} more"] if more > 0 else [])])
    rules = node.rules if node.default_action else "-"
    return (
        node.name,
        node.kind,
        node.stands_for or "-",
        node.default_action or "-",
        rules,
        joined or "-",
    )
