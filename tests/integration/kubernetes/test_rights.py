"""No right that is shipped is too much: without it something a worker does fails, and says so."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from deploy.account import (
    ALLOWANCES,
    LABELS,
    NAMESPACES,
    OWNERS,
    RBAC,
    make_account,
    manifests,
)
from deploy.local.kubernetes.apiserver.server import ApiServer
from deploy.local.kubernetes.kubeconfig import write_kubeconfig
from tests.e2e.acting import until_true
from tests.integration.kubernetes import needs
from tests.integration.kubernetes.needs import Need
from tests.integration.kubernetes.servers import Real, client
from tests.integration.kubernetes.world import World
from tests.real import needs_go

SHIPPED = (RBAC, LABELS, NAMESPACES, ALLOWANCES, OWNERS)
ROLES = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
ACCOUNT = "system:serviceaccount:vereflow:vereflow"
# What would change what other tests of this server see.
LEFT = (
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/vereflow-labels",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/vereflow-labels",
    *(f"{ROLES}/clusterrolebindings/vereflow{each}" for each in ("", "-namespaces", "-webhooks")),
    *(
        f"{ROLES}/namespaces/default/rolebindings/vereflow-{each}"
        for each in ("labels", "allowances", "owners")
    ),
)


class Right(NamedTuple):
    """One verb on one kind of thing, in the role that gives it."""

    role: str
    namespace: str
    group: str
    resource: str
    verb: str
    names: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        where = f"/namespaces/{self.namespace}/roles" if self.namespace else "/clusterroles"
        return f"{ROLES}{where}/{self.role}"

    def attributes(self) -> dict[str, str]:
        asked = {"group": self.group, "resource": self.resource, "verb": self.verb}
        return asked | {
            "namespace": self.namespace or "default",
            "name": self.names[0] if self.names else "",
        }


def shipped() -> Iterator[Right]:
    """Yield every right of every manifest."""
    for each in manifests(*SHIPPED):
        for rule in each.get("rules", ()):
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield Right(
                        each["metadata"]["name"],
                        each["metadata"].get("namespace", ""),
                        rule["apiGroups"][0],
                        resource,
                        verb,
                        tuple(rule.get("resourceNames", ())),
                    )


RIGHTS = tuple(shipped())
NEEDED: dict[tuple[str, str], Need] = {
    ("vereflow", "leases"): needs.follow_pods,
    ("vereflow", "pods"): needs.follow_pods,
    ("vereflow", "services"): needs.follow_pods,
    ("vereflow", "networkpolicies"): needs.write_policies,
    ("vereflow", "events"): needs.write_policies,
    ("vereflow-labels", "pods"): needs.label_pods,
    ("vereflow-namespaces", "namespaces"): needs.follow_namespaces,
    ("vereflow-allowances", "services"): needs.allow_ingresses,
    ("vereflow-allowances", "ingresses"): needs.allow_ingresses,
    ("vereflow-webhooks", "validatingwebhookconfigurations"): needs.allow_webhooks,
    ("vereflow-webhooks", "mutatingwebhookconfigurations"): needs.allow_webhooks,
}


def need_of(right: Right) -> Need:
    """Return what needs a right."""
    if right.namespace == "kube-system":
        return needs.allow_dns
    if (right.resource, right.verb) == ("pods", "get"):
        return needs.write_policies
    if right.role == "vereflow-owners":
        return needs.look_at_owners
    return NEEDED[right.role, right.resource]


@pytest.fixture(params=[pytest.param("apiserver", marks=needs_go)])
async def server(request: pytest.FixtureRequest) -> Real:
    real = Real(request.getfixturevalue(request.param))
    await real.start()
    await real.empty()
    return real


@pytest.fixture
async def admin(server: Real) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as http:
        yield http
        for path in LEFT:
            (await http.delete(path)).raise_for_status()


@pytest.fixture
async def account(admin: httpx.AsyncClient, apiserver: ApiServer, tmp_path: Path) -> Path:
    """Return the way in for a worker with every right we ship."""
    token = await make_account(admin, *SHIPPED[1:])
    return write_kubeconfig(tmp_path / "account", apiserver.url, token, apiserver.authority)


@pytest.mark.threat("T8")
@pytest.mark.parametrize(
    "right", RIGHTS, ids=lambda right: f"{right.verb}-{right.resource}-by-{right.role}"
)
async def test_without_a_right_somebody_says_so(
    right: Right, account: Path, admin: httpx.AsyncClient, world: World
) -> None:
    await take_away(admin, right)
    async with client(account) as cluster:
        said = await need_of(right)(cluster, world)

    assert "403 Forbidden" in said
    assert f'cannot {right.verb} resource "{right.resource}"' in said


@pytest.mark.threat("T8")
@pytest.mark.parametrize(
    "need", dict.fromkeys(map(need_of, RIGHTS)), ids=lambda need: need.__name__
)
async def test_with_the_rights_we_ship_all_is_done(
    need: Need, account: Path, admin: httpx.AsyncClient, world: World
) -> None:
    for right in RIGHTS:
        assert await allowed(admin, right)
    async with client(account) as cluster:
        assert await need(cluster, world) == ""


async def take_away(admin: httpx.AsyncClient, right: Right) -> None:
    """Leave one verb out of a role, and return once that counts."""
    role: dict[str, Any] = (await admin.get(right.path)).raise_for_status().json()
    lesser = copy.deepcopy(role)
    for rule in lesser["rules"]:
        if right.resource in rule["resources"]:
            split = {**rule, "resources": [right.resource]}
            split["verbs"] = [each for each in rule["verbs"] if each != right.verb]
            rule["resources"].remove(right.resource)
            lesser["rules"].append(split)
            break
    lesser["rules"] = [each for each in lesser["rules"] if each["resources"] and each["verbs"]]
    (await admin.put(right.path, json=lesser)).raise_for_status()

    async def gone() -> bool:
        return not await allowed(admin, right)

    await until_true(gone)


async def allowed(admin: httpx.AsyncClient, right: Right) -> bool:
    """Ask the server whether a worker has a right by now."""
    spec = {"user": ACCOUNT, "resourceAttributes": right.attributes()}
    answer = await admin.post(REVIEWS, json={"spec": spec})
    return bool(answer.raise_for_status().json()["status"]["allowed"])
