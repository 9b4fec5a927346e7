"""Who may do what was meant for another, because both are met at one address."""

from __future__ import annotations

from deploy.cli.policies import show_policy
from streams.flow.graph_rows import GraphPodRow, PodsRow
from streams.records.policies import PolicyPatch
from streams.records.reasons import InexactReason
from streams.records.views import Errs, Inexactness, PodRef, Service


def row(cluster: str, name: str, live: bool = True, service: Service | None = None) -> PodsRow:
    pod = PodRef(cluster=cluster, namespace="shop", name=name, uid=name, service=service)
    return PodsRow(pod=GraphPodRow(pod=pod, live=live, rev=0))


ROWS = {
    each.pod.pod.key: each
    for each in (
        *(row("one", name) for name in "abc"),
        row("one", "gone", live=False),
        row("one", "before-a", service=Service()),
        row("two", "d"),
    )
    if each.pod is not None
}


def met(peer: str, ports: str = "TCP 80", **changes: object) -> Inexactness:
    found = Inexactness(
        rule=f"ingress one/shop/{peer}",
        errs=Errs.WIDER,
        reason=InexactReason.SHARED_ADDRESS,
        example=f"{ports} 172.18.0.1/32 -> two/shop/d",
    )
    return found.model_copy(update=changes)


def shared(*inexact: Inexactness) -> list[list[str] | None]:
    patch = PolicyPatch(key="two/shop/d", inexact=inexact)
    return [each.get("sharedBy") for each in show_policy(patch.key, patch, None, ROWS)["inexact"]]


def test_the_other_pods_of_the_cluster_share_the_address() -> None:
    assert shared(met("a")) == [["one/shop/b", "one/shop/c"]]


def test_who_may_do_the_same_by_the_rules_is_not_named() -> None:
    both = [["one/shop/c"], ["one/shop/c"]]
    apart = [["one/shop/b", "one/shop/c"], ["one/shop/a", "one/shop/c"]]

    assert shared(met("a"), met("b")) == both
    assert shared(met("a"), met("b", "TCP 443")) == apart


def test_where_nothing_is_wider_nobody_is_named() -> None:
    narrower = met("a", errs=Errs.NARROWER)
    other = met("a", reason=InexactReason.SOURCE_PORT)

    assert shared(narrower, other) == [None, None]
