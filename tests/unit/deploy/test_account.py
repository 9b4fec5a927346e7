"""The rights we ship are the rights we use: no more, no less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deploy.account import ALLOWANCES, LABELS, NAMESPACES, OWNERS, RBAC, manifests
from deploy.cli.rights import (
    RIGHTS_AT_HOME,
    RIGHTS_ON_OWNERS,
    RIGHTS_ON_PODS,
    RIGHTS_ON_POLICIES,
    RIGHTS_TO_LABEL,
    Right,
)
from streams.settings import AllowanceSettings, ClusterSettings


def granted(kind: str, namespace: str | None = None, path: Path = RBAC) -> set[Right]:
    (role,) = (
        each
        for each in manifests(path)
        if (each["kind"], each["metadata"].get("namespace")) == (kind, namespace)
    )
    return {
        Right(verb, resource, group)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def bindings() -> dict[str, dict[str, Any]]:
    """Return the bindings by their namespace."""
    found = (each for each in manifests(RBAC) if each["kind"] == "RoleBinding")
    return {each["metadata"]["namespace"]: each for each in found}


def test_in_followed_namespaces_exactly_what_doctor_asks_for_is_granted() -> None:
    assert granted("ClusterRole") == {*RIGHTS_ON_PODS, *RIGHTS_ON_POLICIES}


def test_whoever_labels_pods_is_granted_exactly_that() -> None:
    assert granted("ClusterRole", path=LABELS) == set(RIGHTS_TO_LABEL)


def test_whoever_looks_at_owners_is_granted_exactly_that() -> None:
    assert granted("ClusterRole", path=OWNERS) == set(RIGHTS_ON_OWNERS)


def test_whoever_follows_namespaces_may_look_at_them_and_has_no_other_right() -> None:
    looking = {Right(verb, "namespaces") for verb in ("list", "watch")}
    assert granted("ClusterRole", path=NAMESPACES) == looking
    bound = [each for each in manifests(NAMESPACES) if each["kind"] == "ClusterRoleBinding"]
    assert {each["roleRef"]["name"] for each in bound} == {"vereflow", "vereflow-namespaces"}


def test_what_allowances_are_granted_is_to_look_and_nothing_else() -> None:
    roles = [each for each in manifests(ALLOWANCES) if each["kind"] == "ClusterRole"]
    granted = {
        (resource, verb)
        for role in roles
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert granted == {
        ("services", "get"),
        ("ingresses", "list"),
        ("validatingwebhookconfigurations", "list"),
        ("mutatingwebhookconfigurations", "list"),
    }


def test_at_home_exactly_the_lease_is_granted() -> None:
    assert granted("Role", "vereflow") == set(RIGHTS_AT_HOME)


def test_of_the_system_only_the_dns_service_may_be_read() -> None:
    (rule,) = (
        rule
        for each in manifests(RBAC)
        if each["kind"] == "Role" and each["metadata"]["namespace"] == "kube-system"
        for rule in each["rules"]
    )
    _, _, name = AllowanceSettings().dns_service.partition("/")
    assert (rule["resources"], rule["resourceNames"], rule["verbs"]) == (
        ["services"],
        [name],
        ["get"],
    )


def test_what_is_bound_is_what_a_default_installation_follows() -> None:
    cluster = ClusterSettings()

    bound = bindings()

    assert bound.keys() == {cluster.own_namespace, "kube-system", *cluster.namespaces}
    assert bound[cluster.own_namespace]["roleRef"]["kind"] == "Role"
    assert {bound[each]["roleRef"]["kind"] for each in cluster.namespaces} == {"ClusterRole"}


def test_nothing_is_granted_in_every_namespace_at_once() -> None:
    assert "ClusterRoleBinding" not in {each["kind"] for each in manifests(RBAC)}
    assert not any(
        "*" in each.values()
        for each in map(Right._asdict, granted("ClusterRole") | granted("Role", "vereflow"))
    )
