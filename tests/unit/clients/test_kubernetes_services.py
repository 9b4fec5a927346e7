"""What of a Service, as the API server tells it, becomes of its record."""

from __future__ import annotations

from typing import Any

import pytest

from agents.clients.pod_events import service_event
from streams.codec import decode
from streams.records.marks import Stamp
from streams.records.pods import PodEvent
from streams.records.views import Service

ADDRESS, OTHER, BALANCER = "10.96.0.7", "198.51.100.3", "203.0.113.9"


def service(spec: dict[str, Any] | None = None, *balancers: dict[str, Any]) -> dict[str, Any]:
    known = {"clusterIP": ADDRESS, "selector": {"tier": "web"}, "ports": [{"port": 80}]}
    return {
        "metadata": {"name": "shop", "namespace": "web", "uid": "u1", "resourceVersion": "17"},
        "spec": known | (spec or {}),
        "status": {"loadBalancer": {"ingress": list(balancers)}},
    }


def told(found: dict[str, Any]) -> Service:
    event = service_event(found, "ADDED", "local", Stamp(lease=1, n=1))
    assert event is not None
    assert decode(event.to_bytes(), PodEvent) == event
    assert event.service is not None
    return event.service


def test_addresses_of_load_balancers_and_external_ones_are_further_addresses() -> None:
    said = told(service({"externalIPs": [OTHER, ADDRESS]}, {"ip": BALANCER}, {"hostname": "a.b"}))

    assert said.further == (OTHER, BALANCER)
    assert said.translated


@pytest.mark.parametrize(
    ("spec", "balancer", "translated"),
    [
        ({"externalTrafficPolicy": "Cluster"}, {"ip": BALANCER}, True),
        ({"externalTrafficPolicy": "Local"}, {"ip": BALANCER}, False),
        ({"externalTrafficPolicy": "Local"}, {"ip": BALANCER, "ipMode": "VIP"}, False),
        ({"externalTrafficPolicy": "Local"}, {"ip": BALANCER, "ipMode": "Proxy"}, True),
        ({"externalTrafficPolicy": "Cluster"}, {"hostname": "a.b"}, False),
    ],
)
def test_whether_who_comes_that_way_keeps_his_address(
    spec: dict[str, Any], balancer: dict[str, Any], translated: bool
) -> None:
    assert told(service(spec, balancer)).translated is translated


@pytest.mark.parametrize("odd", ["127.0.0.1", "169.254.1.1", "fd00::7", "none", ""])
def test_what_no_rule_can_name_is_left_out_and_the_rest_is_told(odd: str) -> None:
    said = told(service({"externalIPs": [odd, OTHER]}, {"ip": odd}))

    assert said.further == (OTHER,)


def test_a_service_with_one_address_is_told_as_ever() -> None:
    said = told(service())

    assert said.model_dump(mode="json").keys() == {"selector", "ports"}


@pytest.mark.parametrize(
    "spec",
    [
        {"clusterIP": "None", "clusterIPs": ["None"]},
        {"clusterIP": "", "type": "ExternalName", "externalName": "example.org"},
        {"clusterIP": "fd00::7", "clusterIPs": ["fd00::7"]},
    ],
    ids=["headless", "external-name", "other-family"],
)
def test_a_service_without_an_address_of_its_own_is_not_told(spec: dict[str, Any]) -> None:
    # Nobody sends on what is sent to its external addresses either.
    found = service({**spec, "externalIPs": [OTHER]})

    assert service_event(found, "ADDED", "local", Stamp(lease=1, n=1)) is None


def test_before_a_service_without_a_selector_stands_nobody() -> None:
    assert told(service({"selector": None})).selector == {}
