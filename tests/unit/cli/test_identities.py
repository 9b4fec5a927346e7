"""What is listed of identities, from the rows that the workers hold."""

from __future__ import annotations

from typing import Any

import pytest

from agents.asking.condition import Letters, condition
from agents.asking.identities import list_identities
from deploy.cli.identities import _cells
from deploy.cli.pods import list_pods
from streams.flow.graph_rows import GraphPodRow, PodsRow
from streams.flow.identity_rows import IdentitiesRow, Member, Standing, Synced, Version
from streams.flow.tracker import PodRow
from streams.records.views import Identity, PodRef, Workload
from tests.unit.cli.rows import answers, graph_pod, key, patch

PODS = ("web-2", "web-1", "web-3")
WEB = Workload(kind="Deployment", name="web", selector={"app": "web"})


def identity(**said: Any) -> PodRef:
    told = Identity(kind="Deployment", name="web", selector={"app": "web"}, **said.pop("told", {}))
    known = {"name": "deployment.web", "uid": "identity-1-7", "address": "198.18.0.1", **said}
    return PodRef(cluster="local", namespace="default", identity=told, **known)


def standing(pod: PodRef, **said: Any) -> IdentitiesRow:
    row = Standing(pod=pod, began=7, **said)
    return IdentitiesRow(versions=(Version(at=3, identity=row), Version(at=7, identity=row)))


def told(pod: PodRef) -> dict[str, PodsRow]:
    """Return the rows of a graph that was told of an identity, and of a Service."""
    row = PodsRow(pod=GraphPodRow(pod=pod, live=True, rev=1))
    return {f"main|{pod.key}": row, f"main|{key('other')}": graph_pod("other")}


def member(name: str, live: bool = True) -> IdentitiesRow:
    row = Member(pod=pod(name), live=live, rev=1, partition=0)
    older = row.model_copy(update={"live": True})
    return IdentitiesRow(versions=(Version(at=1, pod=older), Version(at=2, pod=row)))


def pod(name: str) -> PodRef:
    labels = {"app": "web"}
    known = {"name": name, "uid": f"uid-{name}", "address": "10.244.0.7"}
    return PodRef(cluster="local", namespace="default", labels=labels, workload=WEB, **known)


def test_an_identity_is_listed_with_all_that_it_stands_for() -> None:
    web = identity(told={"aliases": ("10.244.0.7",), "shared_with": key("odd")})
    rows = {
        "main|synced": IdentitiesRow(versions=(Version(at=0, synced=Synced()),)),
        "main|freed|198.18.0.9": IdentitiesRow(versions=(Version(at=0, freed="198.18.0.9"),)),
        "main|identity|web": standing(web),
        **{f"main|pod|{name}": member(name, name != "web-3") for name in PODS},
    }
    wanted = {key("deployment.web"): patch("deployment.web")}

    (listed,) = list_identities(told(web), rows, wanted)

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
    rows = {"main|identity|web": standing(identity(), empty=1_700_000_000.0)}

    (listed,) = list_identities(told(identity()), rows, {})

    assert (listed["pods"], listed["policy"]) == ([], "")
    assert listed["emptySince"] == "2023-11-14T22:13:20.000Z"


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
    (said,) = list_identities(told(identity(told={"on_hosts": True})), {}, wanted)
    assert "no policy holds those" in str(_cells(said))


def test_the_status_counts_them_and_names_whom_no_address_is_left_for() -> None:
    web, other = identity(), identity(address=None)
    rows = {"a": standing(web), "b": standing(other), "c": standing(other, live=False)}

    found = condition(answers({"identities": rows}), Letters([]))

    assert found["counts"]["identities"] == 2
    assert [each["kind"] for each in found["wrong"]] == ["no address"]


def test_where_nodes_are_pods_the_status_says_nothing_of_identities() -> None:
    assert "identities" not in condition(answers({}), Letters([]))["counts"]
