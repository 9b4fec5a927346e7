"""Read a rule about a Service's address as rules about the pods behind it.

A packet to such an address is sent on to a pod's own port before any policy judges it (Kubernetes
docs, "Virtual IPs and Service Proxies").
"""

from __future__ import annotations

from collections.abc import Iterator

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
    names_another = rule.destination in service.aliases
    if service.service.translated and names_another and rule.action is Action.ALLOW:
        for each in at_pod(rule, service, pod):
            flow = f"{each.protocol} {each.dst_port} {source} -> {pod.key}"
            yield Inexactness(
                rule=one_line(rule),
                errs=Errs.NARROWER,
                reason=InexactReason.SOURCE_NAT,
                example=f"{flow} by way of {rule.destination}",
            )
            return


def _target(port: ServicePort, pod: PodRef) -> int | None:
    if isinstance(port.target, int):
        return port.target
    return pod.named_ports.get(f"{port.protocol}/{port.target}")
