"""Rows as the tables hold them, saying only what a test is about."""

from __future__ import annotations

from typing import Any

from agents.asking.workers import Answers, Told
from streams.flow.graph_rows import (
    BindingRow,
    End,
    FirewallRow,
    GraphPodRow,
    GraphRow,
    PodsRow,
    RuleRow,
)
from streams.flow.tracker import PodRow
from streams.records.base import Record
from streams.records.policies import Outcome, PatchOutcome, PolicyPatch, Revision
from streams.records.rules import Action, Rule
from streams.records.views import Errs, Inexactness, PodRef

Rows = dict[str, dict[str, Record]]

URL = "http://127.0.0.1:6066"
MANIFEST = {"kind": "NetworkPolicy", "metadata": {"name": "pod-a"}, "spec": {}}
WIDER = Inexactness(
    rule="ALLOW TCP 10.0.0.1:80 -> 10.0.0.2:80",
    errs=Errs.WIDER,
    reason="source-port",
    example="TCP 10.0.0.1:9 -> 10.0.0.2:80",
)


def key(name: str) -> str:
    return f"local/default/{name}"


def ref(name: str, address: str | None = "10.0.0.1") -> PodRef:
    return PodRef(
        cluster="local", namespace="default", name=name, uid=f"uid-of-{name}", address=address
    )


def pod(name: str, *, live: bool = True, address: str | None = "10.0.0.1") -> PodRow:
    return PodRow(pod=ref(name, address), live=live, rev=1)


def graph_pod(name: str, *, live: bool = True) -> PodsRow:
    return PodsRow(pod=GraphPodRow(pod=ref(name), live=live, rev=1))


def bindings(key: str, **uids: str) -> dict[str, PodsRow]:
    """Return the rows that bind the ends of the rule under this key."""
    graph, _, rule = key.partition("|")
    rows = [BindingRow(rule=rule, said=-1, end=End(end), uid=uids[end], at=-1) for end in uids]
    return {f"{graph}|{row.key}": PodsRow(binding=row) for row in rows}


def patch(name: str, *, offset: int = 1, **said: Any) -> PolicyPatch:
    known = {"manifest": MANIFEST, "pod_uid": f"uid-of-{name}"}
    return PolicyPatch(key=key(name), revision=revision(offset), **(known | said))


def outcome(
    name: str, what: Outcome = Outcome.APPLIED, *, offset: int = 1, reason: str = ""
) -> PatchOutcome:
    return PatchOutcome(key=key(name), outcome=what, revision=revision(offset), reason=reason)


def revision(offset: int) -> Revision:
    return Revision(epoch=1, incarnation=1, offset=offset)


def firewall(name: str = "10.0.0.9", *, ordered: bool = False) -> GraphRow:
    row = FirewallRow(firewall=name, default_action=Action.DENY, ordered=ordered)
    return GraphRow(firewall=row)


def rule(source: str, destination: str, **said: Any) -> GraphRow:
    allow = Rule(
        action=Action.ALLOW, source=source, destination=destination, protocol="TCP", dst_port="80"
    )
    return GraphRow(rule=RuleRow(firewall="10.0.0.9", rule=allow, **said))


def told(rows: Rows | None = None, *, complete: bool = True, **status: Any) -> Told:
    known = {"worker": "worker-0", "ready": True, "reasons": [], "hands": {}}
    return Told(known | status, rows or {}, complete)


def answers(rows: Rows | None = None, **status: Any) -> Answers:
    return Answers({URL: told(rows, **status)}, {})
