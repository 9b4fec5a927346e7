"""Make the account under which workers run in a cluster of our own, with the rights we ship."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import yaml

MANIFESTS = Path(__file__).parent / "manifests"
RBAC = MANIFESTS / "rbac.yaml"
NAME = "vereflow"
# A local world may run for long, and its account dies with it.
TOKEN_SECONDS = 365 * 24 * 3600
_PLURALS = {
    "Namespace": "namespaces",
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ClusterRole": "clusterroles",
}
_APPLY = {"Content-Type": "application/apply-patch+yaml"}


def manifests() -> list[dict[str, Any]]:
    """Return what rbac.yaml says, in its order."""
    return list(yaml.safe_load_all(RBAC.read_text()))


async def make_account(admin: httpx.AsyncClient, seconds: int = TOKEN_SECONDS) -> str:
    """Apply rbac.yaml and return a token of its account; raise httpx.HTTPStatusError."""
    for manifest in manifests():
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
