"""Write the policies of a whole namespace: what closes it, and what is allowed all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.policy.dialects.kubernetes import MANAGED_BY
from streams.policy.selection import NAMESPACE_LABEL

Json = dict[str, Any]

NAME = "vereflow-isolation"
DNS = "vereflow-allow-dns"
DNS_PORT = 53
# Not the label of the pods' policies: those are removed where nobody wants them, this one never is.
STANDING = "vereflow.io/standing"
_REASONS = {
    NAME: "pods are closed from birth; delete it only to open them",
    DNS: "without DNS no pod finds another by name; allowances.dns says so",
}


def closing() -> Json:
    """Return a spec that selects every pod and allows nothing.

    Policies only add (Kubernetes docs, "The two sorts of pod isolation"), so a pod's own policy
    still opens what its rules say.
    """
    return {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def asking_dns(service: Mapping[str, Any]) -> Json:
    """Return a spec that lets every pod ask the pods behind the cluster's DNS service.

    Not the service's own ports: a packet is judged after its address was replaced by a pod's.
    Raise ValueError for a service that selects no pods, or has no port 53.
    """
    spec, namespace = service.get("spec") or {}, service["metadata"]["namespace"]
    selector = spec.get("selector")
    if not selector:
        raise ValueError("the service selects no pods")
    ports = [
        {"protocol": port.get("protocol") or "TCP", "port": port.get("targetPort") or DNS_PORT}
        for port in spec.get("ports") or ()
        if port.get("port") == DNS_PORT
    ]
    if not ports:
        raise ValueError(f"the service has no port {DNS_PORT}")
    peer = {
        "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: namespace}},
        "podSelector": {"matchLabels": dict(selector)},
    }
    ports.sort(key=lambda port: str(port["protocol"]))
    return {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"to": [peer], "ports": ports}],
    }


def render(namespace: str, instance: str, name: str = NAME, spec: Json | None = None) -> Json:
    """Return the manifest of one; of what closes the namespace, if no other is named."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {MANAGED_BY: "vereflow", STANDING: instance},
            "annotations": {"vereflow.io/reason": _REASONS[name]},
        },
        "spec": closing() if spec is None else spec,
    }
