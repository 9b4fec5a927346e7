"""Write the one policy that closes a whole namespace, for as long as nobody says more."""

from __future__ import annotations

from typing import Any

from streams.policy.dialects.kubernetes import MANAGED_BY

NAME = "vereflow-isolation"
# Not the label of the pods' policies: those are removed where nobody wants them, this one never is.
STANDING = "vereflow.io/standing"


def closing() -> dict[str, Any]:
    """Return a spec that selects every pod and allows nothing.

    Policies only add (Kubernetes docs, "The two sorts of pod isolation"), so a pod's own policy
    still opens what its rules say.
    """
    return {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def render(namespace: str, instance: str) -> dict[str, Any]:
    """Return the manifest."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": NAME,
            "namespace": namespace,
            "labels": {MANAGED_BY: "vereflow", STANDING: instance},
            "annotations": {
                "vereflow.io/reason": "pods are closed from birth; delete it only to open them"
            },
        },
        "spec": closing(),
    }
