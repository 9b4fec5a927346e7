"""Policies as the compiler writes them, and the patches that carry them."""

from __future__ import annotations

from typing import Any

from streams.records.policies import PolicyPatch, Revision


def isolated(name: str) -> dict[str, Any]:
    itself = {"podSelector": {"matchLabels": {"app": name}}}
    return {
        "podSelector": itself["podSelector"],
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [itself]}],
        "egress": [{"to": [itself]}],
    }


def manifest(
    name: str,
    *,
    port: int | None = None,
    offset: int = 1,
    uid: str = "u",
    instance: str = "main",
    namespace: str = "default",
) -> dict[str, Any]:
    """Return the isolation of a pod, or with a port what lets everybody named b come in."""
    spec = isolated(name)
    if port is not None:
        peer = {"podSelector": {"matchLabels": {"app": "b"}}}
        spec["ingress"] = [{"from": [peer], "ports": [{"protocol": "TCP", "port": port}]}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/managed-by": "vereflow",
                "vereflow.io/instance": instance,
            },
            "annotations": {
                "vereflow.io/graph": "main",
                "vereflow.io/pod-uid": uid,
                "vereflow.io/rules-digest": f"{port}",
                "vereflow.io/revision": f"1.0.{offset}",
            },
        },
        "spec": spec,
    }


def patch(
    name: str,
    *,
    port: int | None = None,
    offset: int = 1,
    uid: str = "u",
    gone: bool = False,
    namespace: str = "default",
) -> PolicyPatch:
    content = manifest(name, port=port, offset=offset, uid=uid, namespace=namespace)
    return PolicyPatch(
        key=f"local/{namespace}/{name}",
        revision=Revision(epoch=1, offset=offset),
        manifest=None if gone else content,
        pod_uid=uid,
        digest=f"{port}",
    )
