"""Pods, as far as NetworkPolicies can speak about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import AddressValueError, IPv4Address
from typing import Any, NamedTuple

Json = Mapping[str, Any]
Labels = Mapping[str, str]

DEFAULT_PROTOCOL = "TCP"
_FINISHED = ("Succeeded", "Failed")


class ContainerPort(NamedTuple):
    """A port that a container says it listens on."""

    protocol: str
    number: int
    name: str = ""


class Pod(NamedTuple):
    """A pod that sends and receives under its own address."""

    namespace: str
    name: str
    labels: Labels
    address: IPv4Address
    ports: tuple[ContainerPort, ...] = ()


def read_pod(told: Json) -> Pod | None:
    """Return the pod the API server tells of; None if policies do not concern it (yet)."""
    status, spec = told.get("status") or {}, told.get("spec") or {}
    # A finished pod still shows its address, which may be another's by now.
    if spec.get("hostNetwork") or status.get("phase") in _FINISHED:
        return None
    try:
        address = IPv4Address(status.get("podIP") or "")
    except AddressValueError:
        return None
    about = told["metadata"]
    labels = about.get("labels") or {}
    return Pod(about["namespace"], about["name"], labels, address, tuple(container_ports(spec)))


def container_ports(spec: Json) -> Iterator[ContainerPort]:
    """Yield the ports of all containers of a pod."""
    for container in spec.get("containers") or []:
        for port in container.get("ports") or []:
            protocol = port.get("protocol") or DEFAULT_PROTOCOL
            yield ContainerPort(protocol, port["containerPort"], port.get("name") or "")
