"""vereflow pods: which pods are known, and whether each is protected."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from agents.asking.identities import policy_key
from agents.asking.workers import Kinds
from deploy.cli.answers import plain_errors
from deploy.cli.endpoints import ask_all, find
from deploy.cli.options import EndpointsFile, Everything, Output, Watch, WebUrls
from deploy.cli.showing import Column, Format, Shown, listing
from deploy.cli.watching import answer
from streams.flow.tracker import PodRow
from streams.records.policies import PolicyPatch

TABLES: Kinds = {"pods": PodRow, "wanted": PolicyPatch}
_COLUMNS = (
    Column("POD", lambda pod: pod["key"]),
    Column("ADDRESS", lambda pod: pod["address"] or "-"),
    Column("UID", lambda pod: pod["uid"][:8]),
    Column("WHOLE UID", lambda pod: pod["uid"], wide=True),
    Column("INCARNATION", lambda pod: pod["incarnation"]),
    Column("STATE", lambda pod: "live" if pod["live"] else "gone"),
    Column("POLICY", lambda pod: pod["policy"] or "-", wide=True),
    Column("UNPROTECTED", lambda pod: pod["unprotected"]),
)


def pods(
    everything: Everything = False,
    watch: Watch = False,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
) -> None:
    """List the pods that are known, and why one is unprotected.

    Example: vereflow pods --all -o json
    """
    with plain_errors():
        running = find(endpoints, web)

    def ask() -> Shown:
        answers = asyncio.run(ask_all(running, TABLES))
        listed = list_pods(answers.rows("pods", PodRow), answers.rows("wanted", PolicyPatch))
        shown = [pod for pod in listed if everything or pod["live"]]
        drawn = [listing(_COLUMNS, shown, output)]
        return Shown({"pods": shown}, lambda: drawn, answers.gaps())

    answer(ask, output, watch)


def list_pods(
    rows: Mapping[str, PodRow], wanted: Mapping[str, PolicyPatch]
) -> list[dict[str, Any]]:
    """Return every pod as plain data."""
    return [
        {
            "key": key,
            "address": row.pod.address,
            "uid": row.pod.uid,
            "incarnation": row.pod.incarnation,
            "live": row.live,
            "policy": selecting if (selecting := policy_key(row.pod)) in wanted else "",
            "unprotected": _unprotected(row, wanted.get(policy_key(row.pod))),
        }
        for key, row in rows.items()
        # What the tracker notes of whole partitions is no pod.
        if row.pod.name and row.pod.service is None
    ]


def _unprotected(row: PodRow, patch: PolicyPatch | None) -> str:
    if row.live and row.pod.host_network:
        return "on the network of its node: no policy holds it"
    return patch.unprotected if patch is not None and row.live else ""
