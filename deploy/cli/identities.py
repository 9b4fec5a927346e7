"""vereflow identities: for which pods each node of the graph stands, where nodes are no pods."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from agents.asking.aliases import list_aliases
from agents.asking.identities import newest
from agents.asking.workers import Kinds, ask_workers
from deploy.cli.answers import NO, errors, plain_errors, warn
from deploy.cli.endpoints import find
from deploy.cli.moments import time_text
from deploy.cli.options import EndpointsFile, Everything, Output, WebUrls
from deploy.cli.showing import Format, show, table
from streams.flow.graph_rows import GraphPodRow, PodsRow
from streams.flow.identity_rows import IdentitiesRow
from streams.flow.workloads import identity_key
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
        answers = asyncio.run(ask_workers(running.web, TABLES))
        warn(answers.gaps())
    told, rows = answers.rows("graph-pods", PodsRow), answers.rows("identities", IdentitiesRow)
    listed = list_identities(told, rows, answers.rows("wanted", PolicyPatch))
    shown = [
        each
        for each in listed
        if (everything or each["live"])
        and (name is None or f"/{each['kind']}/{each['name']}".endswith(f"/{name}"))
    ]
    if name is not None and not shown:
        errors.print(f"vereflow: no identity {name!r}", markup=False, soft_wrap=True)
        raise typer.Exit(NO)
    aliases = list_aliases(rows, told) if name is None else []
    drawn: list[str | Table] = [table(_HEADERS, map(_cells, shown))]
    if aliases:
        drawn += ["", table(_ALIAS_HEADERS, map(_alias_cells, aliases))]
    show({"identities": shown, "aliases": aliases}, output, lambda: drawn)


def list_identities(
    told: Mapping[str, PodsRow],
    rows: Mapping[str, IdentitiesRow],
    wanted: Mapping[str, PolicyPatch],
) -> list[Json]:
    """Return every identity as plain data, as its graph was told of it."""
    pods, empty = defaultdict[str, list[str]](list), dict[str, float]()
    for version in newest(rows):
        if version.pod is not None and version.pod.live:
            pods[identity_key(version.pod.pod)].append(version.pod.pod.name)
        if version.identity is not None and version.identity.empty is not None:
            empty[version.identity.pod.key] = version.identity.empty
    found = (row.pod for row in told.values() if row.pod and row.pod.pod.identity)
    return [
        _said(each, pods[key], empty.get(key), wanted.get(key))
        for each in found
        if (key := each.pod.key)
    ]


def _said(
    row: GraphPodRow, pods: list[str], empty: float | None, patch: PolicyPatch | None
) -> Json:
    pod, identity = row.pod, row.pod.identity
    assert identity is not None
    return {
        "key": pod.key,
        "namespace": pod.namespace,
        "kind": identity.kind,
        "name": identity.name,
        "address": pod.address,
        "uid": pod.uid,
        "live": row.live,
        "pods": sorted(pods),
        "emptySince": time_text(empty) if empty is not None else "",
        "selector": dict(identity.selector),
        "sharedWith": identity.shared_with,
        "aliases": list(identity.aliases),
        "onHosts": identity.on_hosts,
        "policy": pod.name if patch is not None and patch.manifest is not None else "",
        "unprotected": patch.unprotected if patch is not None and row.live else "",
    }


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
