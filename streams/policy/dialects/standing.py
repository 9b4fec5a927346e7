"""Write the policies of a whole namespace: what closes it, and what is allowed all the same."""

from __future__ import annotations

from typing import Any

from streams.policy.dialects.kubernetes import MANAGED_BY

Json = dict[str, Any]

NAME = "vereflow-isolation"
DNS = "vereflow-allow-dns"
PROMETHEUS = "vereflow-allow-prometheus"
INGRESS = "vereflow-allow-ingress"
WEBHOOKS = "vereflow-allow-webhooks"
# Not the label of the pods' policies: those are removed where nobody wants them, this one never is.
STANDING = "vereflow.io/standing"
_REASONS = {
    NAME: "pods are closed from birth; delete it only to open them",
    DNS: "without DNS no pod finds another by name; allowances.dns says so",
    PROMETHEUS: "pods that ask for it by annotation are scraped; allowances.prometheus says so",
    INGRESS: "an Ingress sends to the pods behind this Service; allowances.ingress says so",
    WEBHOOKS: "the API server calls the pods behind this Service; allowances.webhooks says so",
}


def closing() -> Json:
    """Return a spec that selects every pod and allows nothing.

    Policies only add (Kubernetes docs, "The two sorts of pod isolation"), so a pod's own policy
    still opens what its rules say.
    """
    return {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def kind_of(name: str) -> str:
    """Return the allowance that a policy of this name belongs to: one may have a policy a Service.

    No Service's name has a dot in it.
    """
    return name.partition(".")[0]


def render(namespace: str, instance: str, name: str = NAME, spec: Json | None = None) -> Json:
    """Return the manifest of one; of what closes the namespace, if no other is named."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {MANAGED_BY: "vereflow", STANDING: instance},
            "annotations": {"vereflow.io/reason": _REASONS[kind_of(name)]},
        },
        "spec": closing() if spec is None else spec,
    }
