"""Name the pods of another cluster that share the address at which a peer is met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streams.flow.graph_rows import PodsRow
from streams.records.policies import PolicyPatch
from streams.records.reasons import InexactReason
from streams.records.views import Errs, Inexactness


def sharers(rows: Mapping[str, PodsRow], patch: PolicyPatch, one: Inexactness) -> list[str]:
    """Return whom a policy lets do something because of whose address they have.

    Those are the pods in the graph; whoever else is in that cluster has it as well.
    """
    if not _is_wider(one):
        return []
    alike = {_peer(each) for each in patch.inexact if _is_wider(each) and _same(each, one)}
    cluster = _peer(one).partition("/")[0]
    return sorted({key for key in _living(rows) if key.startswith(f"{cluster}/")} - alike)


def _is_wider(one: Inexactness) -> bool:
    return one.reason == InexactReason.SHARED_ADDRESS and one.errs is Errs.WIDER


def _same(one: Inexactness, other: Inexactness) -> bool:
    """Tell whether two may do the same: in one direction, at the same ports."""
    sides = (each.rule.partition(" ")[0] for each in (one, other))
    return len({*sides}) == 1 and one.example == other.example


def _peer(one: Inexactness) -> str:
    return one.rule.partition(" ")[2]


def _living(rows: Mapping[str, PodsRow]) -> Iterable[str]:
    pods = (row.pod for row in rows.values() if row.pod is not None and row.pod.live)
    return (each.pod.key for each in pods if each.pod.service is None)
