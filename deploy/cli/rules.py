"""vereflow rules: what the firewalls say, and which pods each rule is bound to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from agents.asking.workers import Kinds
from deploy.cli.answers import plain_errors
from deploy.cli.endpoints import ask_all, find
from deploy.cli.options import EndpointsFile, Output, Watch, WebUrls
from deploy.cli.showing import Column, Format, Shown, listing, table
from deploy.cli.watching import answer
from deploy.judging import judging_of
from streams.flow.graph_rows import End, GraphRow, PodsRow, RuleRow, binding_key
from streams.records.addresses import is_exact
from streams.rules.spaces import NOWHERE, Space, around, minus
from streams.rules.wording import one_line

Json = dict[str, Any]

TABLES: Kinds = {"graph-rules": GraphRow, "graph-pods": PodsRow}

_FIREWALL_HEADERS = ("GRAPH", "FIREWALL", "DEFAULT", "ORDER", "RULES")
_RULE_COLUMNS = (
    Column("GRAPH", lambda rule: rule["graph"], wide=True),
    Column("FIREWALL", lambda rule: rule["firewall"]),
    Column("PLACE", lambda rule: rule["place"], wide=True),
    Column("RULE", lambda rule: rule["text"]),
    Column("SOURCE", lambda rule: _end(rule["source"])),
    Column("DESTINATION", lambda rule: _end(rule["destination"])),
)


def rules(
    watch: Watch = False,
    output: Output = Format.TABLE,
    endpoints: EndpointsFile = None,
    web: WebUrls = None,
) -> None:
    """List the firewalls' rules, and the pods each is bound to; parked: nobody holds it.

    Disputed: several identities are seen under that address, so that it is nobody's.

    Example: vereflow rules -o yaml
    """
    with plain_errors():
        running = find(endpoints, web)

    def ask() -> Shown:
        answers = asyncio.run(ask_all(running, TABLES))
        rows = answers.rows("graph-rules", GraphRow)
        content = {
            "firewalls": list_firewalls(rows),
            "rules": list_rules(
                rows, answers.rows("graph-pods", PodsRow), judging_of(running.settings).outside
            ),
        }
        drawn = (
            table(_FIREWALL_HEADERS, map(_firewall_cells, content["firewalls"])),
            "",
            listing(_RULE_COLUMNS, content["rules"], output),
        )
        return Shown(content, lambda: drawn, answers.gaps())

    answer(ask, output, watch)


def list_firewalls(rows: Mapping[str, GraphRow]) -> list[Json]:
    """Return every firewall as plain data: its default, and whether the first match decides."""
    counted = Counter(
        (_graph(key), row.rule.firewall)
        for key, row in rows.items()
        if row.rule is not None and not row.rule.dropped
    )
    return [
        {
            "graph": _graph(key),
            "firewall": row.firewall.firewall,
            "defaultAction": str(row.firewall.default_action),
            "ordered": row.firewall.ordered,
            "rules": counted[_graph(key), row.firewall.firewall],
        }
        for key, row in rows.items()
        if row.firewall is not None
    ]


def list_rules(
    rows: Mapping[str, GraphRow], pods: Mapping[str, PodsRow], outside: Space = NOWHERE
) -> list[Json]:
    """Return every rule in force as plain data, with whom its ends are bound to."""
    living = {key: row.pod.pod for key, row in pods.items() if row.pod and row.pod.live}
    by_uid = {pod.uid: pod.key for pod in living.values()}
    claimed = Counter((_graph(key), alias) for key, pod in living.items() for alias in pod.aliases)

    def ends(key: str, rule: RuleRow) -> Json:
        graph, _, name = key.partition("|")
        rows = {end: pods.get(f"{graph}|{binding_key(name, rule.at, end)}") for end in End}
        uids = {end: row.binding.uid if row and row.binding else None for end, row in rows.items()}
        return {
            str(end): _bound(name, uids[end], by_uid, outside, claimed[graph, name])
            for end, name in rule.ends()
        }

    return [
        {
            "graph": _graph(key),
            "firewall": row.rule.firewall,
            "place": row.rule.place,
            "text": one_line(row.rule.rule),
            "rule": row.rule.rule.model_dump(mode="json", by_alias=True),
            **ends(key, row.rule),
        }
        for key, row in rows.items()
        if row.rule is not None and not row.rule.dropped
    ]


def _bound(
    pattern: str, uid: str | None, by_uid: Mapping[str, str], outside: Space, claimants: int
) -> Json:
    if not is_exact(pattern):
        return {"state": "range", "pod": "", "uid": ""}
    if uid is None:
        strange = not minus(around(pattern), outside)
        nobodys = "disputed" if claimants > 1 else "parked"
        return {"state": "outside" if strange else nobodys, "pod": "", "uid": ""}
    pod = by_uid.get(uid, "")
    return {"state": "bound" if pod else "gone", "pod": pod, "uid": uid}


def _graph(key: str) -> str:
    return key.partition("|")[0]


def _firewall_cells(firewall: Json) -> tuple[object, ...]:
    order = "first match" if firewall["ordered"] else "none"
    name, default = firewall["firewall"], firewall["defaultAction"]
    return (firewall["graph"], name, default, order, firewall["rules"])


def _end(end: Mapping[str, str]) -> str:
    words = {"range": "whoever matches", "gone": f"pod {end['uid'][:8]} (gone)"}
    # A graph's pods are nearly always of one cluster, and rules are long.
    return (
        end["pod"].partition("/")[2]
        if end["state"] == "bound"
        else words.get(end["state"], end["state"])
    )
