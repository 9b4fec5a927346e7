"""What kubectl shows of each kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.local.kubernetes.columns import render
from deploy.local.kubernetes.kinds import EVENTS, NETWORK_POLICIES, PODS, SERVICES, Json, Kind


def cells(kind: Kind, age: float = 5, **parts: Any) -> dict[str, Any]:
    made = (datetime.now(UTC) - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata: Json = {"name": "x", "creationTimestamp": made, "resourceVersion": "7"}
    table = render(kind, {"metadata": metadata | parts.pop("metadata", {})} | parts, "None")
    (row,) = table["rows"]
    names = (column["name"] for column in table["columnDefinitions"])
    return dict(zip(names, row["cells"], strict=True))


def pod(status: Json, **metadata: Any) -> dict[str, Any]:
    spec = {"containers": [{}, {}], "nodeName": "n1"}
    return cells(PODS, spec=spec, status=status, metadata=metadata)


def test_a_pods_ready_containers_are_counted() -> None:
    half = {"containerStatuses": [{"ready": True}, {"ready": False}], "phase": "Running"}

    assert pod(half)["Ready"] == "1/2"
    assert pod({"phase": "Pending"})["Ready"] == "0/2"


def test_a_pod_that_must_go_is_terminating() -> None:
    assert pod({"phase": "Running"})["Status"] == "Running"
    assert (
        pod({"phase": "Running"}, deletionTimestamp="2026-01-02T03:04:05Z")["Status"]
        == "Terminating"
    )


def test_what_is_not_there_is_shown_as_none() -> None:
    assert pod({"phase": "Pending"})["IP"] == "<none>"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (119, "119s"), (121, "2m"), (7199, "119m"), (7201, "2h"), (172_801, "2d")],
)
def test_age_is_told_in_its_largest_unit(seconds: int, shown: str) -> None:
    told = cells(PODS, age=seconds, spec={}, status={})["Age"]

    assert told == shown or told == f"{int(shown[:-1]) + 1}{shown[-1]}"


def test_a_selector_is_shown_as_it_is_typed() -> None:
    terms = [
        {"key": "a", "operator": "In", "values": ["1", "2"]},
        {"key": "b", "operator": "NotIn", "values": ["1"]},
        {"key": "c", "operator": "Exists"},
        {"key": "d", "operator": "DoesNotExist"},
    ]
    selector = {"matchLabels": {"z": "1", "y": "2"}, "matchExpressions": terms}

    shown = cells(NETWORK_POLICIES, spec={"podSelector": selector})["Pod-Selector"]

    assert shown == "y=2,z=1,a in (1,2),b notin (1),c,!d"
    assert cells(NETWORK_POLICIES, spec={"podSelector": {}})["Pod-Selector"] == "<none>"


def test_a_service_shows_its_ports() -> None:
    ports = [{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]

    assert cells(SERVICES, spec={"ports": ports})["Port(s)"] == "80/TCP,53/UDP"


def test_an_event_shows_what_it_is_about() -> None:
    assert cells(EVENTS, involvedObject={"kind": "Pod", "name": "a"})["Object"] == "pod/a"


def test_a_bookmark_is_no_row() -> None:
    bookmark = {"metadata": {"resourceVersion": "7", "creationTimestamp": None}}

    table = render(PODS, bookmark, "Metadata")

    assert table["rows"] == []
    assert table["metadata"]["resourceVersion"] == "7"
