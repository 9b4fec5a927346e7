"""Make the account under which workers run in a cluster of our own, with the rights we ship."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import yaml

from streams.settings import Settings

MANIFESTS = Path(__file__).parent / "manifests"
RBAC = MANIFESTS / "rbac.yaml"
ALLOWANCES = MANIFESTS / "allowances.yaml"
NAMESPACES = MANIFESTS / "namespaces.yaml"
LABELS = MANIFESTS / "labels.yaml"
OWNERS = MANIFESTS / "owners.yaml"
NAME = "vereflow"
# A local world may run for long, and its account dies with it.
TOKEN_SECONDS = 365 * 24 * 3600
_PLURALS = {
    "Namespace": "namespaces",
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}
_APPLY = {"Content-Type": "application/apply-patch+yaml"}


def manifests(*paths: Path) -> list[dict[str, Any]]:
    """Return what these files say, in their order."""
    return [each for path in paths for each in yaml.safe_load_all(path.read_text())]


def needed(settings: Settings) -> list[Path]:
    """Return what the settings need besides rbac.yaml."""
    allowances = settings.allowances
    found = {
        LABELS: settings.cluster.selection == "label",
        NAMESPACES: bool(settings.cluster.namespace_selector),
        OWNERS: settings.cluster.identity == "workload",
        ALLOWANCES: bool(allowances.ingress or allowances.webhooks),
    }
    return [path for path, wanted in found.items() if wanted]


async def make_account(admin: httpx.AsyncClient, *more: Path, seconds: int = TOKEN_SECONDS) -> str:
    """Apply rbac.yaml and more manifests; return a token of the account they are for.

    Raise httpx.HTTPStatusError.
    """
    for manifest in manifests(RBAC, *more):
        answer = await admin.patch(
            _path(manifest),
            content=json.dumps(manifest),
            params={"fieldManager": "vereflow-up", "force": "true"},
            headers=_APPLY,
        )
        answer.raise_for_status()
    request = {"spec": {"expirationSeconds": seconds}}
    path = f"/api/v1/namespaces/{NAME}/serviceaccounts/{NAME}/token"
    granted = (await admin.post(path, json=request)).raise_for_status().json()
    return str(granted["status"]["token"])


def _path(manifest: dict[str, Any]) -> str:
    version, metadata = manifest["apiVersion"], manifest["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    if "namespace" in metadata:
        root += f"/namespaces/{metadata['namespace']}"
    return f"{root}/{_PLURALS[manifest['kind']]}/{metadata['name']}"
