"""The three pods again, two of them of one Deployment, for which a node of the graph stands."""

from __future__ import annotations

from streams.flow.graph_rows import (
    BindingRow,
    End,
    FirewallRow,
    GraphPodRow,
    GraphRow,
    PodsRow,
    RuleRow,
)
from streams.flow.identity_rows import IdentitiesRow, Member, Standing, Version
from streams.flow.tracker import PodRow
from streams.records.policies import PatchOutcome, PolicyPatch
from streams.records.rules import Action, Rule
from streams.records.views import Identity, PodRef, Workload
from tests.unit.web.living import NAMES, REVISION, RULE_KEY, key, manifest, newest, stored
from tests.unit.web.site import Site, opened

WEB = Workload(kind="Deployment", name="web", selector={"tier": "web"})
ALONE = Workload(kind="Pod", name="pod-c")
WEB_KEY, ALONE_KEY = key("deployment.web"), key("pod.pod-c")
ADDRESSES = {WEB_KEY: "198.18.0.1", ALONE_KEY: "198.18.0.2"}
RULE = "ALLOW TCP 198.18.0.1:80 -> 198.18.0.2:80"
PODS = {
    name: PodRef(
        cluster="local",
        namespace="default",
        name=name,
        uid=f"uid-of-{name}",
        address=address,
        labels={"app": name} if name == "pod-c" else {"app": name, "tier": "web"},
        workload=ALONE if name == "pod-c" else WEB,
    )
    for name, address in NAMES.items()
}


def live_in_workloads(site: Site) -> None:
    """Let the pods live on a site whose graph knows their identities instead."""
    for table in ("pods", "identities", "graph-pods", "graph-rules", "wanted", "policies"):
        opened(site, table)
    site.put("pods", [(key(name), PodRow(pod=pod, live=True, rev=1)) for name, pod in PODS.items()])
    site.put("wanted", [(each, _patch(each)) for each in ADDRESSES])
    site.put("policies", [(each, _outcome(each)) for each in ADDRESSES])
    site.put("identities", [(f"main|{each}", row) for each, row in _rows().items()])
    site.put("graph-pods", [(f"main|{each}", row) for each, row in _told().items()])
    rule = Rule(
        action=Action.ALLOW,
        source=ADDRESSES[WEB_KEY],
        destination=ADDRESSES[ALONE_KEY],
        protocol="TCP",
        src_port="80",
        dst_port="80",
    )
    said = {
        RULE_KEY: GraphRow(rule=RuleRow(firewall="10.0.0.9", rule=rule, at=4)),
        "firewall|10.0.0.9": GraphRow(firewall=FirewallRow(firewall="10.0.0.9")),
    }
    site.put("graph-rules", [(f"main|{each}", row) for each, row in said.items()])
    site.stored, site.newest = stored("fine"), newest("fine")


def identity(at: str) -> PodRef:
    workload = WEB if at == WEB_KEY else ALONE
    aliases = tuple(str(pod.address) for pod in PODS.values() if pod.workload == workload)
    return PodRef(
        cluster="local",
        namespace="default",
        name=at.rpartition("/")[2],
        uid=f"uid-of-{at}",
        address=ADDRESSES[at],
        identity=Identity(
            kind=workload.kind,
            name=workload.name,
            selector=workload.selector or {"app": "pod-c"},
            aliases=aliases,
        ),
    )


def _told() -> dict[str, PodsRow]:
    pods = {at: PodsRow(pod=GraphPodRow(pod=identity(at), live=True, rev=1)) for at in ADDRESSES}
    ends = {End.SOURCE: WEB_KEY, End.DESTINATION: ALONE_KEY}
    bound = [
        BindingRow(rule=RULE_KEY, said=4, end=end, uid=f"uid-of-{at}", at=4)
        for end, at in ends.items()
    ]
    return pods | {row.key: PodsRow(binding=row) for row in bound}


def _rows() -> dict[str, IdentitiesRow]:
    members = {
        f"pod|{pod.key}": Version(at=1, pod=Member(pod=pod, live=True, rev=1, partition=0))
        for pod in PODS.values()
    }
    standing = {
        f"identity|{at}": Version(at=2, identity=Standing(pod=identity(at), began=2))
        for at in ADDRESSES
    }
    every = members | standing
    return {each: IdentitiesRow(versions=(version,)) for each, version in every.items()}


def _patch(at: str) -> PolicyPatch:
    written = manifest("pod-a", "fine")
    written["metadata"]["name"] = at.rpartition("/")[2]
    return PolicyPatch(key=at, revision=REVISION, manifest=written, pod_uid=f"uid-of-{at}")


def _outcome(at: str) -> PatchOutcome:
    return PatchOutcome(key=at, revision=REVISION)
