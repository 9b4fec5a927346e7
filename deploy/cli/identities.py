"""vereflow identities: for which pods each node of the graph stands, where nodes are no pods."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer
from rich.table import Table

from agents.asking.aliases import list_aliases
from agents.asking.identities import list_identities
from agents.asking.plain import plain
from agents.asking.workers import Answers, Kinds
from deploy.cli.answers import plain_errors
from deploy.cli.endpoints import ask_all, find
from deploy.cli.options import EndpointsFile, Everything, Output, Watch, WebUrls
from deploy.cli.showing import Format, Shown, table
from deploy.cli.watching import answer
from streams.flow.graph_rows import PodsRow
from streams.flow.identity_rows import IdentitiesRow
from streams.records.policies import PolicyPatch

Json = dict[str, Any]

TABLES: Kinds = {"graph-pods": PodsRow, "identities": IdentitiesRow, "wanted": PolicyPatch}
_UNHELD = "some pods are on the network of their node: no policy holds those"
_HEADERS = ("IDENTITY", "ADDRESS", "PODS", "STATE", "SELECTOR", "SHARED WITH", "ALIASES")
_ALIAS_HEADERS = ("ALIAS", "STATE", "SET FOR", "CLAIMED BY")


def identities(
    name: Annotated[
        str | None,
        typer.Argument(help="Only this one; Deployment/web or web.", metavar="NAME"),
    ] = None,
    everything: Everything = False,
    watch: Watch = False,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
) -> None:
    """List what nodes stand for where they are no pods; exit 1 if there is no NAME.

    Behind them, addresses that the settings give to somebody, or that several claim.

    Example: vereflow identities Deployment/web -o yaml
    """
    with plain_errors():
        running = find(endpoints, web)

    def ask() -> Shown:
        return _shown(asyncio.run(ask_all(running, TABLES)), name, everything)

    answer(ask, output, watch)


def _shown(answers: Answers, name: str | None, everything: bool) -> Shown:
    told, rows = answers.rows("graph-pods", PodsRow), answers.rows("identities", IdentitiesRow)
    listed = list_identities(told, rows, answers.rows("wanted", PolicyPatch))
    shown = [
        each
        for each in listed
        if (everything or each["live"])
        and (name is None or f"/{each['kind']}/{each['name']}".endswith(f"/{name}"))
    ]
    if name is not None and not shown:
        gaps = [*answers.gaps(), f"no identity {plain(name)!r}"]
        return Shown(None, list, gaps, yes=False)
    aliases = list_aliases(rows, told) if name is None else []
    drawn: list[str | Table] = [table(_HEADERS, map(_cells, shown))]
    if aliases:
        drawn += ["", table(_ALIAS_HEADERS, map(_alias_cells, aliases))]
    return Shown({"identities": shown, "aliases": aliases}, lambda: drawn, answers.gaps())


def _cells(identity: Json) -> tuple[object, ...]:
    state = "live" if identity["live"] else "gone"
    if identity["unprotected"]:
        state = "unprotected"
    if identity["live"] and identity["emptySince"]:
        state = f"without pods since {identity['emptySince']}"
    if identity["live"] and identity["onHosts"]:
        state = _UNHELD
    return (
        f"{identity['namespace']}/{identity['kind']}/{identity['name']}",
        identity["address"] or "none left",
        len(identity["pods"]),
        state,
        ",".join(f"{label}={value}" for label, value in sorted(identity["selector"].items())),
        identity["sharedWith"].partition("/")[2],
        ", ".join(identity["aliases"]),
    )


def _alias_cells(alias: Json) -> tuple[object, ...]:
    claimants = [each.partition("/")[2] for each in alias["claimedBy"]]
    return (alias["address"], alias["state"], alias["setFor"], ", ".join(claimants))
