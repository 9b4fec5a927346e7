"""What our policies say of themselves in labels, as an unmodified kubectl shows it."""

from __future__ import annotations

from pathlib import Path

from agents.clients.kubernetes import Cluster
from streams.flow import compiler
from streams.flow.output import Send
from streams.policy.labels import EXACTNESS, GRAPH, SELECTS
from streams.records.policies import Outcome, PodRules, PolicyPatch
from streams.records.views import Errs, Identity, Inexactness, PodRef
from tests.conformance.kubernetes.kubectl import Kubectl
from tests.integration.kubernetes.servers import Server
from tests.integration.kubernetes.test_apply_queue import working
from tests.integration.kubernetes.world import World
from tests.unit.flow.records import at

COMPILING = compiler.Compiling("main", 1, ("local",))
WIDER = Inexactness(rule="r", errs=Errs.WIDER, reason="source-port")
SHOP = Identity(kind="Deployment", name="shop", selector={"app": "shop"})


class Compiled:
    """Policies as the compiler asks for them."""

    def __init__(self) -> None:
        self.rows: dict[str, compiler.PodRulesRow] = {}
        self.told = 0

    def patch(self, pod: PodRef, *inexact: Inexactness) -> PolicyPatch:
        self.told += 1
        view = PodRules(graph="main", subject=pod, revision=self.told, epoch=1, inexact=inexact)
        (sent,) = compiler.handle(self.rows, view, pod.key, at(self.told), COMPILING)
        assert isinstance(sent, Send)
        assert isinstance(sent.value, PolicyPatch)
        return sent.value


def ref(name: str, uid: str, identity: Identity | None = None) -> PodRef:
    labels = {"app": name}
    known = {"cluster": "local", "namespace": "default", "name": name, "labels": labels}
    return PodRef(uid=uid, identity=identity, **known)


async def test_kubectl_lists_and_finds_policies_by_what_their_labels_say(
    server: Server, cluster: Cluster, world: World, tmp_path: Path
) -> None:
    uid = (await world.add_pod("web", "10.244.0.9"))["metadata"]["uid"]
    web, shop = ref("web", uid), ref("deployment.shop", "u", SHOP)
    compiled = Compiled()
    kubectl = Kubectl(server.kubeconfig(tmp_path / "told"), "default", tmp_path / "cache")

    async def table() -> list[list[str]]:
        columns = ",".join((SELECTS, GRAPH, EXACTNESS))
        told = await kubectl("get", "netpol", "-L", columns)
        return [line.split() for line in told.splitlines()]

    async with working(cluster, compiled.patch(web), compiled.patch(shop, WIDER)) as bench:
        header, *rows = await table()
        assert header[-3:] == ["SELECTS", "GRAPH", "EXACTNESS"]
        assert {each[0]: each[-3:] for each in rows} == {
            "web": ["pod", "main", "exact"],
            "deployment.shop": ["identity", "main", "wider"],
        }
        found = await kubectl("get", "netpol", "-l", f"{EXACTNESS}!=exact", "-o", "name")
        assert found.split() == ["networkpolicy.networking.k8s.io/deployment.shop"]

        # They are ours: taken away, they come back.
        await kubectl("label", "netpol", "web", f"{EXACTNESS}-")
        bench.queue.reassigned()
        await bench.settled()
        assert {each[0]: each[-1] for each in (await table())[1:]}["web"] == "exact"
    assert Outcome.REFUSED not in bench.last.values()
