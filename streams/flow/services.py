"""Read a rule about a Service's address as rules about the pods behind it.

A packet to such an address is sent on to a pod's own port before any policy judges it (Kubernetes
docs, "Virtual IPs and Service Proxies").
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from streams.records.ports import parse_ports
from streams.records.reasons import InexactReason
from streams.records.rules import Action, Protocol, Rule
from streams.records.views import Errs, Inexactness, PodRef, ServicePort
from streams.rules.wording import one_line


def at_pod(rule: Rule, service: PodRef, pod: PodRef) -> Iterator[Rule]:
    """Yield what the rule says of one pod behind the Service, port by port of the Service.

    What the rule says of ports that the Service does not have reaches nobody.
    """
    assert service.service is not None
    asked = parse_ports(rule.dst_port)
    for port in service.service.ports:
        matching = rule.protocol in (Protocol.ANY, port.protocol)
        target = _target(port, pod)
        if matching and target and asked.first <= port.port <= asked.last:
            yield rule.model_copy(
                update={
                    "destination": str(pod.address),
                    "protocol": Protocol(port.protocol),
                    "dst_port": str(target),
                }
            )


def translated(rule: Rule, source: str, service: PodRef, pod: PodRef) -> Iterator[Inexactness]:
    """Yield that by this rule the source may come to the pod under another address than its own."""
    assert service.service is not None
    if service.service.translated and rule.destination in service.aliases:
        yield from _narrower(rule, InexactReason.SOURCE_NAT, source, service, pod)


def undialled(rule: Rule, source: str, service: PodRef, pod: PodRef) -> Iterator[Inexactness]:
    """Yield that the source is let out to the pod, and not to the address that the rule names."""
    if rule.destination in (str(service.address), *service.aliases):
        yield from _narrower(rule, InexactReason.SERVICE_ABROAD, source, service, pod)


def _narrower(
    rule: Rule, reason: InexactReason, source: str, service: PodRef, pod: PodRef
) -> Iterator[Inexactness]:
    if rule.action is Action.ALLOW:
        # One port is example enough.
        for each in islice(at_pod(rule, service, pod), 1):
            flow = f"{each.protocol} {each.dst_port} {source} -> {pod.key}"
            yield Inexactness(
                rule=one_line(rule),
                errs=Errs.NARROWER,
                reason=reason,
                example=f"{flow} by way of {rule.destination}",
            )


def _target(port: ServicePort, pod: PodRef) -> int | None:
    if isinstance(port.target, int):
        return port.target
    return pod.named_ports.get(f"{port.protocol}/{port.target}")
