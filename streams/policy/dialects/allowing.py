"""Write what pods may do beside their rules, from what the cluster says of itself.

Ports are always those of the pods: a packet is judged after a Service's address was replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from streams.policy.selection import NAMESPACE_LABEL

Json = dict[str, Any]
Port = int | str

DNS_PORT = 53
WEBHOOK_PORT = 443
# Of one policy: whoever names more of them is refused with a word.
MOST_PORTS = 100
_SCRAPE, _SCRAPE_PORT = "prometheus.io/scrape", "prometheus.io/port"


class Backend(NamedTuple):
    """A port of a Service that somebody sends to."""

    namespace: str
    service: str
    port: Port


def labelled(text: str) -> Json:
    """Return the pods that ``NAMESPACE/KEY=VALUE`` names, as a peer."""
    namespace, _, label = text.partition("/")
    key, _, value = label.rpartition("=")
    return _peer(namespace, {key: value})


def asking_dns(service: Mapping[str, Any]) -> Json:
    """Return a spec that lets every pod ask the pods behind the cluster's DNS service.

    Raise ValueError for a service that selects no pods, or has no port 53.
    """
    ports = _behind(service, {DNS_PORT})
    peer = _peer(service["metadata"]["namespace"], _selector(service))
    return {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"to": [peer], "ports": ports}],
    }


def scraped(pods: Iterable[Mapping[str, Any]], caller: Json) -> Json | None:
    """Return a spec that lets a caller scrape what the pods of a namespace offer, if they do.

    Annotations cannot be selected by, so each port is open on every pod; to this caller alone.
    Raise ValueError for more ports than a policy should have.
    """
    ports = sorted({port for pod in pods for port in _offered(pod)})
    if not ports:
        return None
    _bounded(ports)
    told = [{"protocol": "TCP", "port": port} for port in ports]
    return _admitting({}, [caller], told)


def served(service: Mapping[str, Any], ports: set[Port], callers: list[Json]) -> Json:
    """Return a spec that lets callers reach the pods behind those of the ports that there are.

    Raise ValueError for a service that selects no pods, or has none of the ports.
    """
    return _admitting(_selector(service), callers, _behind(service, ports))


def missing(service: Mapping[str, Any], ports: set[Port]) -> set[Port]:
    """Return which ports a service has neither by number nor by name."""
    told = (service.get("spec") or {}).get("ports") or ()
    return ports - {name for port in told for name in (port.get("port"), port.get("name"))}


def ingress_backends(ingress: Mapping[str, Any]) -> Iterator[Backend]:
    """Yield what an Ingress sends to; other kinds of backends are no pods."""
    spec = ingress.get("spec") or {}
    paths = (
        path
        for rule in spec.get("rules") or ()
        for path in (rule.get("http") or {}).get("paths") or ()
    )
    found = [spec.get("defaultBackend"), *(path.get("backend") for path in paths)]
    for backend in found:
        service = (backend or {}).get("service")
        if service:
            port = service.get("port") or {}
            told = port.get("number") or port.get("name")
            if told:
                yield Backend(ingress["metadata"]["namespace"], service["name"], told)


def webhook_backends(configuration: Mapping[str, Any]) -> Iterator[Backend]:
    """Yield what the API server calls by one webhook configuration; URLs are no pods."""
    for webhook in configuration.get("webhooks") or ():
        service = (webhook.get("clientConfig") or {}).get("service")
        if service:
            port = service.get("port") or WEBHOOK_PORT
            yield Backend(service["namespace"], service["name"], port)


def _offered(pod: Mapping[str, Any]) -> Iterator[int]:
    """Yield the ports at which a pod asks to be scraped: the one it names, else all it has."""
    notes = pod["metadata"].get("annotations") or {}
    if notes.get(_SCRAPE) != "true" or (pod.get("spec") or {}).get("hostNetwork"):
        return
    told = notes.get(_SCRAPE_PORT)
    if told is not None:
        if told.isascii() and told.isdecimal() and 1 <= int(told[:6]) <= 65535:
            yield int(told[:6])
        return
    for container in (pod.get("spec") or {}).get("containers") or ():
        for port in container.get("ports") or ():
            if (port.get("protocol") or "TCP") == "TCP":
                yield int(port["containerPort"])


def _behind(service: Mapping[str, Any], wanted: set[Port]) -> list[Json]:
    """Return the pods' ports behind these ports of a service, named by number or by name."""
    told = (service.get("spec") or {}).get("ports") or ()
    found = [port for port in told if wanted & {port.get("port"), port.get("name")}]
    if not found:
        raise ValueError(f"the service has no port {', '.join(sorted(map(str, wanted)))}")
    _bounded(found)
    ports = {
        (port.get("protocol") or "TCP", port.get("targetPort") or port["port"]) for port in found
    }
    ordered = sorted(ports, key=lambda each: (each[0], str(each[1])))
    return [{"protocol": protocol, "port": port} for protocol, port in ordered]


def _selector(service: Mapping[str, Any]) -> dict[str, str]:
    selector = (service.get("spec") or {}).get("selector")
    if not selector:
        raise ValueError("the service selects no pods")
    return dict(selector)


def _bounded(ports: list[Any]) -> None:
    if len(ports) > MOST_PORTS:
        raise ValueError(f"{len(ports)} ports are more than {MOST_PORTS}")


def _admitting(selector: dict[str, str], callers: list[Json], ports: list[Json]) -> Json:
    return {
        "podSelector": {"matchLabels": selector} if selector else {},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": callers, "ports": ports}],
    }


def _peer(namespace: str, labels: Mapping[str, str]) -> Json:
    return {
        "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: namespace}},
        "podSelector": {"matchLabels": dict(labels)},
    }
