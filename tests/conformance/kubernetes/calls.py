"""Objects to write, and short words for the requests the tests make."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx

Json = dict[str, Any]

APPLY = {"Content-Type": "application/apply-patch+yaml"}
MERGE = {"Content-Type": "application/merge-patch+json"}
STEPS = {"Content-Type": "application/json-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
SECONDS = 90.0

POLICY_TYPE = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}


def policies(namespace: str, name: str = "") -> str:
    """Return the path of a namespace's policies, or of one."""
    path = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"
    return f"{path}/{name}" if name else path


def core(namespace: str, plural: str, name: str = "") -> str:
    """Return the path of a namespace's objects of a core kind, or of one."""
    path = f"/api/v1/namespaces/{namespace}/{plural}"
    return f"{path}/{name}" if name else path


def leases(namespace: str, name: str = "") -> str:
    """Return the path of a namespace's leases, or of one."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    return f"{path}/{name}" if name else path


def policy(name: str = "web", **spec: Any) -> Json:
    """Return a policy that selects the pods of an app called like itself."""
    selects = {"podSelector": {"matchLabels": {"app": name}}, "policyTypes": ["Ingress"]}
    return POLICY_TYPE | {"metadata": {"name": name}, "spec": selects | spec}


def pod(name: str = "pod-a", **metadata: Any) -> Json:
    """Return a pod with one container."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}} | metadata,
        "spec": {"containers": [{"name": "main", "image": "busybox"}]},
    }


def with_metadata(body: Json, **metadata: Any) -> Json:
    """Return the object with more metadata."""
    return body | {"metadata": body["metadata"] | metadata}


async def created(http: httpx.AsyncClient, path: str, body: Json) -> Json:
    """Create an object that must be accepted; return it as it is stored."""
    answer = await http.post(path, json=body)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


async def apply(
    http: httpx.AsyncClient, path: str, body: Json, manager: str = "m1", **params: Any
) -> httpx.Response:
    """Apply an object on the server's side."""
    query = ({"fieldManager": manager} if manager else {}) | params
    return await http.patch(path, content=json.dumps(body), params=query, headers=APPLY)


async def merge(http: httpx.AsyncClient, path: str, body: Json, **params: Any) -> httpx.Response:
    """Send a merge patch."""
    return await http.patch(path, content=json.dumps(body), params=params, headers=MERGE)


async def events(http: httpx.AsyncClient, path: str, **params: Any) -> AsyncGenerator[Json]:
    """Yield the events of a watch until its end."""
    query = {"watch": "1"} | params
    # kube-apiserver 1.37 compresses a watch that begins with a list, and ends the gzip member at
    # each flush; httpx reads the first member only.
    plain = {"Accept-Encoding": "identity"}
    async with http.stream("GET", path, params=query, headers=plain, timeout=90) as stream:
        assert stream.status_code == 200, await stream.aread()
        async for line in stream.aiter_lines():
            yield json.loads(line)


async def watched(http: httpx.AsyncClient, path: str, count: int, **params: Any) -> list[Json]:
    """Return the first events of a watch."""
    found: list[Json] = []
    async with asyncio.timeout(SECONDS), aclosing(events(http, path, **params)) as stream:
        async for event in stream:
            found.append(event)
            if len(found) == count:
                return found
    return found


def told(seen: list[Json]) -> list[tuple[str, str]]:
    """Return what happened to whom."""
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in seen]


async def version(http: httpx.AsyncClient, path: str) -> str:
    """Return the version a list of this path has now."""
    return str((await http.get(path)).raise_for_status().json()["metadata"]["resourceVersion"])
