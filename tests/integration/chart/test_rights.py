"""The chart gives the very rights that are shipped beside it, and only where they are needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.account import ALLOWANCES, LABELS, NAMESPACES, OWNERS, RBAC, manifests, needed
from streams.settings import load
from tests.integration.chart.cases import AT_A_CLUSTER, BASE, CORE, SETTINGS, over
from tests.integration.chart.rendering import ROOT, Rendered, needs_helm, rendered

Json = dict[str, Any]

pytestmark = [needs_helm, pytest.mark.threat("T8")]

GROUPS = ("rbac.authorization.k8s.io/v1", "admissionregistration.k8s.io/v1")
DNS = {"dns": True}
CLOSED = {"isolation": "namespace"}
# What settings need besides rbac.yaml.
NEEDING: dict[str, tuple[Json, tuple[Path, ...]]] = {
    "nothing": ({}, ()),
    "labels": ({"cluster": {"selection": "label"}}, (LABELS,)),
    "namespaces": ({"cluster": {"namespace_selector": "a=b"}}, (NAMESPACES,)),
    "owners": ({"cluster": {"identity": "workload"}}, (OWNERS,)),
    "ingress": ({"cluster": CLOSED, "allowances": {"ingress": "edge/app=x"}}, (ALLOWANCES,)),
    "webhooks": ({"cluster": CLOSED, "allowances": {"webhooks": ["10.0.0.1/32"]}}, (ALLOWANCES,)),
    "both": (
        {
            "cluster": CLOSED | {"selection": "label"},
            "allowances": {"webhooks": ["10.0.0.1/32"]},
        },
        (LABELS, ALLOWANCES),
    ),
}


@pytest.mark.parametrize("name", NEEDING)
def test_the_rights_are_those_that_are_shipped(name: str) -> None:
    settings, files = NEEDING[name]
    with_dns = over(settings, {"cluster": CLOSED, "allowances": DNS})

    assert set(needed(load(**settings))) == set(files)
    assert rights(rendered(over(BASE, {"settings": with_dns}))) == shipped(*files)


def test_who_does_not_ask_for_dns_may_not_read_about_it() -> None:
    found = rights(rendered(BASE))

    assert found == {
        key: each
        for key, each in shipped().items()
        if each["metadata"].get("namespace") != "kube-system"
    }
    assert found != shipped()


def test_near_verefoo_nobody_has_any_and_no_token() -> None:
    found = rendered(over(BASE, CORE))

    assert rights(found) == {}
    assert (
        found.one("StatefulSet")["spec"]["template"]["spec"]["automountServiceAccountToken"]
        is False
    )


def test_at_a_cluster_they_are_those_of_the_whole() -> None:
    assert rights(rendered(over(BASE, AT_A_CLUSTER))) == rights(rendered(BASE))


def test_another_release_gives_them_to_its_own_account_where_its_pods_are() -> None:
    found = rendered(over(BASE, SETTINGS), release="second", namespace="elsewhere")

    account = {"kind": "ServiceAccount", "name": "second-vereflow", "namespace": "elsewhere"}
    bound = [
        each for each in found.objects if each["kind"].endswith("Binding") and "subjects" in each
    ]
    assert all(each["subjects"] == [account] for each in bound)
    places = {each["metadata"].get("namespace", "") for each in bound}
    assert places == {"", "elsewhere", "shop", "bank", "kube-system"}
    assert found.one("ServiceAccount")["metadata"]["name"] == account["name"]
    (policy,) = found.of("ValidatingAdmissionPolicy")
    assert "system:serviceaccount:elsewhere:second-vereflow" in str(policy)


def test_the_service_behind_which_dns_is_may_be_another() -> None:
    told = {"cluster": CLOSED, "allowances": DNS | {"dns_service": "dns/coredns"}}
    found = rendered(over(BASE, {"settings": told}))

    (role,) = (each for each in found.of("Role") if each["metadata"]["namespace"] == "dns")
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["services"],
            "resourceNames": ["coredns"],
            "verbs": ["get"],
        }
    ]


def test_with_labels_of_namespaces_every_right_is_for_all_of_them() -> None:
    found = rendered(over(BASE, SETTINGS))

    roles = {each["roleRef"]["name"] for each in found.of("ClusterRoleBinding")}
    assert roles == {each["metadata"]["name"] for each in found.of("ClusterRole")}


def rights(found: Rendered) -> dict[tuple[str, str], Json]:
    """Return what is about rights, without what Helm adds."""
    return by_place(each for each in found.objects if each["apiVersion"] in GROUPS)


def shipped(*files: Path) -> dict[tuple[str, str], Json]:
    return by_place(each for each in manifests(RBAC, *files) if each["apiVersion"] in GROUPS)


def by_place(objects: Any) -> dict[tuple[str, str], Json]:
    found = {}
    for each in objects:
        metadata = {k: v for k, v in each["metadata"].items() if k in ("name", "namespace")}
        place = f"{metadata.get('namespace', '')}/{metadata['name']}"
        found[each["kind"], place] = each | {"metadata": metadata}
    return found


def test_there_is_no_manifest_of_rights_that_the_chart_does_not_know() -> None:
    files = set((ROOT / "deploy/manifests").glob("*.yaml"))

    assert files == {RBAC, LABELS, NAMESPACES, OWNERS, ALLOWANCES}
