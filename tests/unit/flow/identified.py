"""Short words for graphs whose nodes are identities."""

from __future__ import annotations

from collections.abc import Sequence

from streams.records.facts import GraphFact, PodClaim
from streams.records.marks import Stamp
from streams.records.views import Identity, PodRef
from tests.unit.flow.records import CLUSTER, GRAPH


def canonical(name: str) -> str:
    return f"198.18.0.{ord(name) - ord('a') + 11}"


def key(name: str) -> str:
    return f"{CLUSTER}/default/deployment.{name}"


def identity(
    name: str,
    rev: int,
    *aliases: str,
    live: bool = True,
    uid: str = "",
    address: str = "",
    shared_with: str = "",
    selector: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    on_hosts: bool = False,
    stray: str = "",
) -> GraphFact:
    """Claim an address for the Deployment of this name, seen under these aliases as well."""
    said = Identity(
        kind="Deployment",
        name=name,
        selector={"app": name, "part": "web"} if selector is None else selector,
        aliases=tuple(sorted(aliases)),
        shared_with=shared_with,
        on_hosts=on_hosts,
        stray=stray,
    )
    pod = PodRef(
        cluster=CLUSTER,
        namespace="default",
        name=f"deployment.{name}",
        uid=uid or f"identity-1-{name}",
        address=address or canonical(name),
        labels={"app": name, "part": "web"} if labels is None else labels,
        identity=said,
    )
    since = Stamp(lease=1, n=0)
    return GraphFact(graph=GRAPH, claim=PodClaim(pod=pod, live=live, rev=rev, since=since))


def living(names: Sequence[str] = "abc") -> list[GraphFact]:
    """Claim an identity for each name, with one pod each: that of ``a`` is at 10.0.0.11."""
    return [
        identity(name, rev, f"10.0.0.{ord(name) - ord('a') + 11}") for rev, name in enumerate(names)
    ]
