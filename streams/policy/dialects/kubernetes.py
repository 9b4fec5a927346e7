"""Write a policy as a Kubernetes NetworkPolicy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.policy.model import Peer, PodPolicy, PolicyRule
from streams.policy.selection import NAMESPACE_LABEL, Selector
from streams.records.ports import ANY_PORT
from streams.records.views import Block, PortSpan

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "vereflow.io/instance"
# Says whose the policy of an identity is, as ``Kind/name``; the policy of a pod has no such note.
IDENTITY = "vereflow.io/identity"


def render(policy: PodPolicy, instance: str, annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return the manifest; what is absent in it closes, what is empty would open."""
    subject = policy.subject
    metadata: dict[str, Any] = {
        "name": subject.name,
        "namespace": subject.namespace,
        "labels": {MANAGED_BY: "vereflow", INSTANCE: instance},
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {
            "podSelector": _selecting(policy.selector),
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [_rule("from", rule, subject.namespace) for rule in policy.ingress],
            "egress": [_rule("to", rule, subject.namespace) for rule in policy.egress],
        },
    }


def is_identitys(manifest: Mapping[str, Any]) -> bool:
    """Tell whether a policy is for an identity, which outlives its pods."""
    return IDENTITY in (manifest["metadata"].get("annotations") or {})


def _rule(side: str, rule: PolicyRule, namespace: str) -> dict[str, Any]:
    pods = [_peer(peer, namespace) for peer in rule.peers]
    written: dict[str, Any] = {side: [*pods, *map(_block, rule.blocks)]}
    if not rule.everything:
        written["ports"] = [_port(span) for span in rule.ports]
    return written


def _peer(peer: Peer, namespace: str) -> dict[str, Any]:
    written = {"podSelector": _selecting(peer.selector)}
    if peer.namespace != namespace:
        written["namespaceSelector"] = {"matchLabels": {NAMESPACE_LABEL: peer.namespace}}
    return written


def _block(block: Block) -> dict[str, Any]:
    excepted = {"except": list(block.excepted)} if block.excepted else {}
    return {"ipBlock": {"cidr": block.cidr, **excepted}}


def _selecting(selector: Selector) -> dict[str, Any]:
    return {"matchLabels": dict(selector.labels)}


def _port(span: PortSpan) -> dict[str, Any]:
    if (span.first, span.last) == ANY_PORT:
        return {"protocol": span.protocol}
    written: dict[str, Any] = {"protocol": span.protocol, "port": span.first}
    if span.last > span.first:
        written["endPort"] = span.last
    return written
