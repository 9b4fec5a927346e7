"""Read a rule about a Service's address as rules about the pods behind it.

A packet to such an address is sent on to a pod's own port before any policy judges it (Kubernetes
docs, "Virtual IPs and Service Proxies").
"""

from __future__ import annotations

from collections.abc import Iterator

from streams.records.ports import parse_ports
from streams.records.rules import Protocol, Rule
from streams.records.views import PodRef, ServicePort


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


def _target(port: ServicePort, pod: PodRef) -> int | None:
    if isinstance(port.target, int):
        return port.target
    return pod.named_ports.get(f"{port.protocol}/{port.target}")
