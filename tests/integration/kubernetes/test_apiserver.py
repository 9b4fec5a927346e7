"""What only a real API server does: its rights, its tokens, its limits, its restarts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.clients import kubernetes
from agents.clients.errors import Owned, Refused, TryLater
from agents.clients.kubernetes import Cluster
from deploy.account import LABELS, make_account, manifests
from deploy.account import RBAC as RIGHTS
from deploy.cli.rights import (
    RIGHTS_AT_HOME,
    RIGHTS_ON_PODS,
    RIGHTS_ON_POLICIES,
    RIGHTS_TO_LABEL,
    Wrong,
    require_rights,
)
from deploy.local.kubernetes.apiserver.server import ApiServer
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from streams.policy.selection import OWN_LABEL
from tests.e2e.acting import until_true
from tests.integration.kubernetes.policies import manifest, patch
from tests.integration.kubernetes.servers import Real, client
from tests.integration.kubernetes.test_apply_queue import working
from tests.integration.kubernetes.tokens import expiring
from tests.integration.kubernetes.watching import complete, events, names, watching
from tests.integration.kubernetes.world import Records, World, until

CROWD = 10_000
RBAC = "/apis/rbac.authorization.k8s.io/v1"
FLOWS = "/apis/flowcontrol.apiserver.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingadmission"
PODS = "/api/v1/namespaces/default/pods"
STRATEGIC = "application/strategic-merge-patch+json"
ACCOUNT = "/api/v1/namespaces/vereflow/serviceaccounts/vereflow"

# The fixtures are those of both servers; here there is one.
pytestmark = pytest.mark.parametrize("server", ["apiserver"], indirect=True)


@pytest.fixture
async def admin(server: Real) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as http:
        yield http


@pytest.fixture
async def account(admin: httpx.AsyncClient, apiserver: ApiServer, tmp_path: Path) -> Path:
    """Return the way in for a worker, with the rights we ship and no others."""
    token = await make_account(admin)
    return write_kubeconfig(tmp_path / "account", apiserver.url, token, apiserver.authority)


@pytest.mark.threat("T8")
async def test_the_rights_we_ship_are_what_the_doctor_asks_for(account: Path) -> None:
    async with client(account) as cluster:
        await require_rights(cluster, RIGHTS_AT_HOME, ["vereflow"])
        await require_rights(cluster, (*RIGHTS_ON_PODS, *RIGHTS_ON_POLICIES), ["default"])

        with pytest.raises(Wrong, match="list pods in kube-system"):
            await require_rights(cluster, RIGHTS_ON_PODS, ["kube-system"])
        for verb, kind in (("delete", "pods"), ("patch", "pods"), ("list", "secrets")):
            assert not await cluster.may(verb, kind, "default")


async def test_one_verb_that_lacks_is_named(account: Path, admin: httpx.AsyncClient) -> None:
    role = next(each for each in manifests(RIGHTS) if each["kind"] == "ClusterRole")
    for rule in role["rules"]:
        if rule["resources"] == ["networkpolicies"]:
            rule["verbs"].remove("patch")
    path = f"{RBAC}/clusterroles/vereflow"
    (await admin.put(path, json=role)).raise_for_status()

    async with client(account) as cluster:
        stored = await cluster.create_policy(manifest("a"))
        meta = stored["metadata"]
        with pytest.raises(Refused, match=r'403 Forbidden.*cannot patch resource "networkpol'):
            await cluster.apply_policy(manifest("a"), meta["uid"], meta["resourceVersion"])
        with pytest.raises(Wrong, match="may not patch networkpolicies in default"):
            await require_rights(cluster, RIGHTS_ON_POLICIES, ["default"])


@pytest.fixture
async def guarded(admin: httpx.AsyncClient, server: Real) -> AsyncIterator[httpx.AsyncClient]:
    """Have what keeps tenants from our label in force, for one test only."""
    await make_account(admin, LABELS)
    yield admin
    for kind in ("policybindings", "policies"):
        (await admin.delete(f"{ADMISSION}{kind}/vereflow-labels")).raise_for_status()


@pytest.mark.threat("T7")
async def test_whoever_may_label_pods_may_give_each_its_own_label_only(
    guarded: httpx.AsyncClient, account: Path, world: World
) -> None:
    uid = (await world.add_pod("web"))["metadata"]["uid"]
    await until_true(lambda: forbidden(guarded, "db"))

    async with client(account) as cluster:
        await require_rights(cluster, RIGHTS_TO_LABEL, ["default"])
        await cluster.label_pod("default", "web", uid, {OWN_LABEL: uid})
        for labels in ({OWN_LABEL: "another"}, {OWN_LABEL: uid[:-1]}):
            with pytest.raises(Refused, match="says the uid of its pod"):
                await cluster.label_pod("default", "web", uid, labels)
        (found,) = await world.pods()
        assert found["metadata"]["labels"] == {"app": "web", OWN_LABEL: uid}
        image = {"spec": {"containers": [{"name": "main", "image": "other"}]}}
        with pytest.raises(Refused, match="vereflow changes what no pod runs"):
            await cluster._api.ask("PATCH", f"{PODS}/web", body=image, content_type=STRATEGIC)


async def forbidden(admin: httpx.AsyncClient, name: str) -> bool:
    """Tell whether a pod that wears our label from birth is refused by now."""
    body = {
        "metadata": {"name": name, "labels": {OWN_LABEL: "u"}},
        "spec": {"containers": [{"name": "main", "image": "none"}]},
    }
    answer = await admin.post(PODS, json=body, params={"dryRun": "All"})
    return answer.status_code == 403 and "is set by vereflow" in answer.text


@pytest.mark.fault("F58")
async def test_a_token_that_is_revoked_is_replaced_while_we_run(
    account: Path, admin: httpx.AsyncClient, apiserver: ApiServer, world: World
) -> None:
    records = Records()
    async with (
        client(account) as cluster,
        client(Path(apiserver.kubeconfig)) as other,
        watching(other, records),
    ):
        await cluster.list_pods("default")
        # Its tokens die with an account, but for what the server remembers for ten seconds.
        (await admin.delete(ACCOUNT)).raise_for_status()
        assert "401 Unauthorized" in str(await until_declined(cluster))
        token = await make_account(admin)
        write_kubeconfig(account, apiserver.url, token, apiserver.authority)

        await world.add_pod("pod-a", "10.1.0.1")
        assert [each["metadata"]["name"] for each in (await cluster.list_pods("default")).items]
        await until(lambda: "ADDED pod-a" in names(records))


@pytest.mark.fault("F10", "F58")
async def test_a_token_that_expired_is_declined_until_there_is_a_new_one(
    account: Path, admin: httpx.AsyncClient, apiserver: ApiServer
) -> None:
    fresh = await make_account(admin)
    key = apiserver.kubeconfig.with_name("tokens.key")

    def show(token: str) -> None:
        write_kubeconfig(account, apiserver.url, token, apiserver.authority)

    show(expiring(fresh, key, 600))
    async with client(account) as cluster:
        await cluster.list_pods("default")
    show(expiring(fresh, key, -60))
    async with client(account) as cluster:
        with pytest.raises(TryLater, match="401 Unauthorized"):
            await cluster.list_pods("default")
        show(fresh)
        await cluster.list_pods("default")


async def test_an_unknown_authority_is_said(
    account: Path, server: Real, tmp_path: Path, apiserver: ApiServer
) -> None:
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(server.url)
    # Without its authority nothing but the system's own are believed.
    path = write_kubeconfig(tmp_path / "unknown", server.url, apiserver.token)

    async with client(path) as cluster:
        with pytest.raises(TryLater, match="certificate verify failed"):
            await cluster.version()


@pytest.mark.fault("F10", "F44")
async def test_a_server_that_asks_us_to_slow_down_is_waited_for(
    account: Path, admin: httpx.AsyncClient, server: Real, world: World
) -> None:
    wanted = {f"p{number}": f"10.1.0.{number + 1}" for number in range(20)}
    for name, address in wanted.items():
        await world.add_pod(name, address)
    async with client(account) as cluster, one_seat(admin):
        asked = await until_declined(cluster, at_once=20)
        # Sixteen at one seat: most wait several times, each time longer.
        async with working(cluster, *map(patch, wanted), concurrency=16, within=240) as bench:
            await world.becomes({name: manifest(name)["spec"] for name in wanted})

    assert asked.retry_after == 1.0
    assert "429 Too Many Requests" in str(asked)
    assert 429 in {write.status for write in server.writes("networkpolicies")}
    assert sorted(bench.said) == sorted((name, "APPLIED") for name in wanted)


@asynccontextmanager
async def one_seat(admin: httpx.AsyncClient) -> AsyncIterator[None]:
    """Serve our account one request at a time, and decline with 429 what comes meanwhile."""
    level = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": "narrow"},
        "spec": {
            "type": "Limited",
            "limited": {
                "nominalConcurrencyShares": 0,
                "borrowingLimitPercent": 0,
                "limitResponse": {"type": "Reject"},
            },
        },
    }
    who = {"name": "vereflow", "namespace": "vereflow"}
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
    schema = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": "ours"},
        "spec": {
            "matchingPrecedence": 2,
            "priorityLevelConfiguration": {"name": "narrow"},
            "rules": [
                {
                    "subjects": [{"kind": "ServiceAccount", "serviceAccount": who}],
                    "resourceRules": [everything],
                }
            ],
        },
    }
    (await admin.post(f"{FLOWS}/prioritylevelconfigurations", json=level)).raise_for_status()
    (await admin.post(f"{FLOWS}/flowschemas", json=schema)).raise_for_status()
    try:
        yield
    finally:
        await admin.delete(f"{FLOWS}/flowschemas/ours")
        await admin.delete(f"{FLOWS}/prioritylevelconfigurations/narrow")


async def until_declined(cluster: Cluster, at_once: int = 1) -> TryLater:
    """Return the first answer that is not yes, asking again and again, so many times at once."""
    for _ in range(600):
        listings = (cluster.list_pods("default") for _ in range(at_once))
        for answer in await asyncio.gather(*listings, return_exceptions=True):
            if isinstance(answer, TryLater):
                return answer
        await asyncio.sleep(0.1)
    raise AssertionError("nothing was declined")


@pytest.mark.fault("F43")
async def test_fields_of_another_manager_are_not_taken_in_silence(
    account: Path, world: World
) -> None:
    async with client(account) as cluster:
        await cluster.create_policy(manifest("a"))
        theirs = await world.apply_policy(manifest("a", port=22), "another")
        meta = theirs["metadata"]

        with pytest.raises(Owned) as refused:
            await cluster.apply_policy(manifest("a"), meta["uid"], meta["resourceVersion"])
        assert refused.value.managers == {"another"}
        taken = await cluster.apply_policy(
            manifest("a"), meta["uid"], meta["resourceVersion"], force=True
        )
        assert taken["spec"] == manifest("a")["spec"]


@pytest.mark.fault("F46")
async def test_a_namespace_that_is_going_takes_no_policy_and_holds_nothing_up(
    cluster: Cluster, admin: httpx.AsyncClient, world: World
) -> None:
    await admin.post("/api/v1/namespaces", json={"metadata": {"name": "going"}})
    await world.add_pod("a", "10.1.0.1", "going")
    await world.add_pod("b", "10.1.0.2")
    async with working(cluster, namespaces=("default", "going")) as bench:
        going = (await admin.delete("/api/v1/namespaces/going")).json()
        bench.want(patch("a", namespace="going"), patch("b"))
        await bench.settled()

        assert sorted(bench.said) == [("a", "REFUSED"), ("b", "APPLIED")]
        refused = next(each for each in bench.outcomes if each.outcome == "REFUSED")
        assert "being terminated" in refused.reason
    going["spec"]["finalizers"] = []
    (await admin.put("/api/v1/namespaces/going/finalize", json=going)).raise_for_status()


@pytest.mark.long
async def test_ten_thousand_pods_are_one_listing(
    account: Path, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with crowd(admin), client(account) as cluster:
        pages = counted(cluster, monkeypatch)

        listed = await cluster.list_pods("default")

        assert len({pod["metadata"]["uid"] for pod in listed.items}) == CROWD
        assert len(pages) == CROWD / kubernetes.PAGE
        # A watch goes on from there.
        version = listed.version
        name = listed.items[17]["metadata"]["name"]
        body = {"metadata": {"labels": {"new": "1"}}}
        await admin.patch(
            f"/api/v1/namespaces/default/pods/{name}",
            content=json.dumps(body),
            headers={"Content-Type": "application/merge-patch+json"},
        )
        async with asyncio.timeout(60):
            async for change, pod in cluster.watch_pods("default", version):
                if change != "BOOKMARK":
                    assert (change, pod["metadata"]["name"]) == ("MODIFIED", name)
                    break


@asynccontextmanager
async def crowd(admin: httpx.AsyncClient) -> AsyncIterator[None]:
    """Have ten thousand pods."""
    gate = asyncio.Semaphore(32)

    async def add(number: int) -> None:
        body = {
            "metadata": {"name": f"pod-{number}", "labels": {"app": f"pod-{number}"}},
            "spec": {"containers": [{"name": "main", "image": "narrow"}]},
        }
        async with gate:
            (await admin.post("/api/v1/namespaces/default/pods", json=body)).raise_for_status()

    await asyncio.gather(*map(add, range(CROWD)))
    yield


def counted(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every request of a cluster's client from now on."""
    asked: list[str] = []
    ask = cluster._api.ask

    async def noted(method: str, path: str, *more: Any, **named: Any) -> Any:
        asked.append(path)
        return await ask(method, path, *more, **named)

    monkeypatch.setattr(cluster._api, "ask", noted)
    return asked


@pytest.mark.parametrize("part", ["apiserver", "etcd"])
async def test_pods_are_followed_through_a_crash_of(
    cluster: Cluster, apiserver: ApiServer, world: World, part: str
) -> None:
    records = Records()
    await world.add_pod("a", "10.1.0.1")
    await world.add_pod("b", "10.1.0.2")
    async with working(cluster, patch("a")) as bench, watching(cluster, records) as watcher:
        await until(lambda: complete(records))
        await asyncio.to_thread(getattr(apiserver, part).kill)
        bench.want(patch("a", port=80, offset=2))
        if part == "apiserver":
            await until(lambda: watcher.last_error)
            await apiserver.start()
        else:
            await asyncio.sleep(2.0)
            apiserver.start_etcd()
        await until_ready(apiserver)
        await world.add_pod("c", "10.1.0.3")
        await world.delete_pod("b")

        await until(lambda: "ADDED c" in names(records))
        await until(lambda: "DELETED b" in names(records) or complete(records, 2))
        await bench.settled()
        await world.becomes({"a": manifest("a", port=80)["spec"]})
        await until(lambda: not watcher.last_error)
    order = [each.stamp.order for each in events(records) if each.stamp]
    assert order == sorted(set(order))


async def until_ready(apiserver: ApiServer) -> None:
    for _ in range(600):
        if await apiserver.ready():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it never served again")
