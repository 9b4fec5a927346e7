"""A pod, as the API server tells it, as the record that travels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from streams.records.addresses import check_pod_address
from streams.records.marks import Stamp
from streams.records.pods import EVENT_CODES, ContainerPort, Owner, PodEvent, PodEventType
from streams.records.views import Service, ServicePort

_HASH = "pod-template-hash"


def pod_event(pod: dict[str, Any], change: str, cluster: str, stamp: Stamp) -> PodEvent:
    """Return the record of one pod; raise ValueError for a pod that no record can express."""
    try:
        return _event(pod, PodEventType(change), cluster, stamp)
    except (AttributeError, LookupError, TypeError) as odd:
        raise ValueError(f"not a pod: {type(odd).__name__}: {odd}") from odd


def _event(pod: dict[str, Any], change: PodEventType, cluster: str, stamp: Stamp) -> PodEvent:
    meta, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    labels = meta.get("labels") or {}
    return PodEvent(
        pod_name=meta["name"],
        pod_ip=_address(status),
        hostname=spec.get("hostname") or "",
        event=change,
        event_code=EVENT_CODES[change],
        cluster=cluster,
        namespace=meta["namespace"],
        uid=meta["uid"],
        labels=labels,
        service_account=spec.get("serviceAccountName") or "",
        owner=_owner(meta.get("ownerReferences") or (), labels),
        node=spec.get("nodeName") or "",
        phase=status.get("phase") or "Pending",
        container_ports=tuple(_ports(spec.get("containers") or ())),
        host_network=bool(spec.get("hostNetwork")),
        # It still runs, and keeps its rules, until it is gone.
        terminating=meta.get("deletionTimestamp") is not None,
        resource_version=meta["resourceVersion"],
        stamp=stamp,
    )


def service_event(
    service: dict[str, Any], change: str, cluster: str, stamp: Stamp
) -> PodEvent | None:
    """Return the record of one Service, or None for one without an address of its own.

    Raise ValueError for one that no record can express.
    """
    try:
        return _service(service, PodEventType(change), cluster, stamp)
    except (AttributeError, LookupError, TypeError) as odd:
        raise ValueError(f"not a Service: {type(odd).__name__}: {odd}") from odd


def _service(
    service: dict[str, Any], change: PodEventType, cluster: str, stamp: Stamp
) -> PodEvent | None:
    meta, spec = service["metadata"], service.get("spec") or {}
    told = [spec.get("clusterIP"), *(spec.get("clusterIPs") or ())]
    address = next((each for each in told if each and each != "None" and ":" not in each), None)
    if address is None:
        # It has no address that a rule could name.
        return None
    return PodEvent(
        pod_name=meta["name"],
        pod_ip=address,
        event=change,
        event_code=EVENT_CODES[change],
        cluster=cluster,
        namespace=meta["namespace"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        service=Service(
            selector=spec.get("selector") or {},
            ports=tuple(
                ServicePort(
                    protocol=port.get("protocol") or "TCP",
                    port=port["port"],
                    target=port.get("targetPort") or port["port"],
                )
                for port in spec.get("ports") or ()
            ),
            **_further(service, address),
        ),
        stamp=stamp,
    )


def _further(service: dict[str, Any], own: str) -> dict[str, Any]:
    """Return the other addresses of a Service, and whether who comes through them is translated.

    A node translates whom it may send on to another node; a balancer that is no mere address
    takes the packet out of the cluster and brings it back as its own.
    """
    spec, status = service.get("spec") or {}, service.get("status") or {}
    balancers = (status.get("loadBalancer") or {}).get("ingress") or ()
    told = [*(spec.get("externalIPs") or ()), *(each.get("ip") for each in balancers)]
    further = sorted({each for each in told if each and _may_be_named(each)} - {own})
    stays = spec.get("externalTrafficPolicy") == "Local"
    proxied = any(each.get("ipMode") == "Proxy" for each in balancers)
    return {"further": further, "translated": bool(further) and (proxied or not stays)}


def _may_be_named(address: str) -> bool:
    """Tell whether a rule could name the address; of a link or a loopback no pod ever sees any."""
    with suppress(ValueError):
        return bool(check_pod_address(address))
    return False


def _address(status: dict[str, Any]) -> str | None:
    """Return the pod's IPv4 address, wherever in the list it stands."""
    told = [status.get("podIP"), *(each.get("ip") for each in status.get("podIPs") or ())]
    return next((address for address in told if address and ":" not in address), None)


def _owner(references: Iterable[dict[str, Any]], labels: dict[str, str]) -> Owner | None:
    found = next((each for each in references if each.get("controller")), None)
    return folded(found["kind"], found["name"], labels) if found else None


def folded(kind: str, name: str, labels: dict[str, str]) -> Owner:
    """Return the owner that a pod with these labels names, or the Deployment above it."""
    ending = f"-{labels.get(_HASH, '')}"
    if kind == "ReplicaSet" and len(ending) > 1 and name.endswith(ending):
        # A Deployment names its replica sets after itself; asking for each of them would cost
        # one request a pod, and a right more.
        return Owner(kind="Deployment", name=name.removesuffix(ending))
    return Owner(kind=kind, name=name)


def _ports(containers: Iterable[dict[str, Any]]) -> Iterator[ContainerPort]:
    for container in containers:
        for port in container.get("ports") or ():
            yield ContainerPort(
                port=port["containerPort"],
                protocol=port.get("protocol") or "TCP",
                name=port.get("name") or "",
            )
