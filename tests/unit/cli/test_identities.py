"""What is listed of identities, from the rows that the workers hold."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.cli.condition import Letters, condition
from deploy.cli.identities import _cells, list_identities
from deploy.cli.pods import list_pods
from streams.flow.identity_rows import (
    FreedRow,
    IdentitiesRow,
    IdentityRow,
    KnownRow,
    MemberRow,
)
from streams.flow.tracker import PodRow
from streams.records.views import Identity, PodRef, Workload
from tests.unit.cli.rows import answers, key, patch

WEB = Workload(kind="Deployment", name="web", selector={"app": "web"})


def identity(**said: Any) -> IdentitiesRow:
    told = Identity(kind="Deployment", name="web", selector={"app": "web"}, **said.pop("told", {}))
    known = {"name": "deployment.web", "uid": "identity-1-7", "address": "198.18.0.1"}
    pod = PodRef(cluster="local", namespace="default", identity=told, **known)
    pod = pod.model_copy(update={"address": said.pop("address", pod.address)})
    known = {"pod": pod, "live": True, "began": 7, "rev": 7, "at": 7, **said}
    return IdentitiesRow(identity=IdentityRow(**known))


def member(name: str, live: bool = True) -> IdentitiesRow:
    return IdentitiesRow(pod=MemberRow(pod=pod(name), live=live, rev=1, partition=0, at=1))


def pod(name: str) -> PodRef:
    labels = {"app": "web"}
    known = {"name": name, "uid": f"uid-{name}", "address": "10.244.0.7"}
    return PodRef(cluster="local", namespace="default", labels=labels, workload=WEB, **known)


def test_an_identity_is_listed_with_all_that_it_stands_for() -> None:
    rows = {
        "main|": IdentitiesRow(known=KnownRow()),
        "main|freed|198.18.0.9": IdentitiesRow(freed=FreedRow(address="198.18.0.9", at=3)),
        "main|identity|x": identity(told={"aliases": ("10.244.0.7",), "shared_with": key("odd")}),
        **{
            f"main|pod|{name}": member(name, name != "web-3")
            for name in ("web-2", "web-1", "web-3")
        },
    }

    (listed,) = list_identities(rows, {key("deployment.web"): patch("deployment.web")})

    assert listed == {
        "key": key("deployment.web"),
        "namespace": "default",
        "kind": "Deployment",
        "name": "web",
        "address": "198.18.0.1",
        "uid": "identity-1-7",
        "live": True,
        "pods": ["web-1", "web-2"],
        "emptySince": "",
        "selector": {"app": "web"},
        "sharedWith": key("odd"),
        "aliases": ["10.244.0.7"],
        "onHosts": False,
        "policy": "deployment.web",
        "unprotected": "",
    }


def test_since_when_it_has_no_pods_is_said() -> None:
    (listed,) = list_identities({"main|identity|x": identity(empty=1_700_000_000.0)}, {})

    assert (listed["pods"], listed["policy"]) == ([], "")
    assert listed["emptySince"] == "2023-11-14T22:13:20.000+00:00"


def test_a_pod_is_unprotected_if_its_identity_is() -> None:
    rows = {key("web-1"): PodRow(pod=pod("web-1"), live=True, rev=1)}
    wanted = {key("deployment.web"): patch("deployment.web", unprotected="no labels")}

    (listed,) = list_pods(rows, wanted)

    assert (listed["key"], listed["unprotected"]) == (key("web-1"), "no labels")


@pytest.mark.row("E33")
def test_a_pod_on_its_nodes_network_is_unprotected_and_its_identity_says_so() -> None:
    held = pod("web-1").model_copy(update={"host_network": True, "address": None})
    rows = {key("web-1"): PodRow(pod=held, live=True, rev=1)}
    wanted = {key("deployment.web"): patch("deployment.web")}

    (listed,) = list_pods(rows, wanted)
    assert listed["unprotected"] == "on the network of its node: no policy holds it"
    (said,) = list_identities({"main|identity|x": identity(told={"on_hosts": True})}, wanted)
    assert "no policy holds those" in str(_cells(said))


def test_the_status_counts_them_and_names_whom_no_address_is_left_for() -> None:
    rows = {"identities": {"a": identity(), "b": identity(address=None), "c": identity(live=False)}}

    found = condition(answers(rows), Letters([]))

    assert found["counts"]["identities"] == 2
    assert [each["kind"] for each in found["wrong"]] == ["no address"]


def test_where_nodes_are_pods_the_status_says_nothing_of_identities() -> None:
    assert "identities" not in condition(answers({}), Letters([]))["counts"]
