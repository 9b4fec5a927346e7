"""Which addresses that are meant for identities somebody has already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

Json = dict[str, Any]


def taken(network: IPv4Network, pods: Iterable[Json], services: Iterable[Json]) -> list[str]:
    """Return every address of a network that a pod, its node or a Service has, and who has it."""
    named = [*_of_pods(pods), *_of_services(services)]
    found = {f"{address} is {whose}" for address, whose in named if _is_in(address, network)}
    return sorted(found)


def _of_pods(pods: Iterable[Json]) -> Iterator[tuple[object, str]]:
    for pod in pods:
        status = pod.get("status") or {}
        yield status.get("podIP"), f"pod {_name(pod)}'s"
        yield status.get("hostIP"), f"the node's of pod {_name(pod)}"


def _of_services(services: Iterable[Json]) -> Iterator[tuple[object, str]]:
    for service in services:
        spec, status = service.get("spec") or {}, service.get("status") or {}
        balancers = (status.get("loadBalancer") or {}).get("ingress") or ()
        further = [*(spec.get("externalIPs") or ()), *(each.get("ip") for each in balancers)]
        for address in (spec.get("clusterIP"), *further):
            yield address, f"Service {_name(service)}'s"


def _name(found: Json) -> str:
    return f"{found['metadata']['namespace']}/{found['metadata']['name']}"


def _is_in(address: object, network: IPv4Network) -> bool:
    try:
        return isinstance(address, str) and IPv4Address(address) in network
    except ValueError:
        # Of a headless Service, or of another family.
        return False
