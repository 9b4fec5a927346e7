"""What somebody with kubectl and curl could do and see, for the story to do and see."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

NAMESPACE = "default"
# A star's.
FIREWALL = "10.0.0.1"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
WITHIN = 30.0
LOOK_EVERY = 0.02

Json = dict[str, Any]


class Stage:
    """An API server and a Verefoo, seen from outside."""

    def __init__(self, kube: httpx.AsyncClient, verefoo: httpx.AsyncClient, graph: int) -> None:
        self._kube = kube
        self._verefoo = verefoo
        self._graph = f"/adp/graphs/{graph}"

    async def create_pod(self, name: str, address: str) -> None:
        """Create a pod as the story has it: label app, container port 80."""
        body = {
            "metadata": {
                "name": name,
                "labels": {"app": name},
                "annotations": {"vereflow.io/pod-ip": address},
            },
            "spec": {
                "containers": [{"name": "main", "image": "nginx", "ports": [{"containerPort": 80}]}]
            },
        }
        (await self._kube.post(PODS, json=body)).raise_for_status()

    async def delete_pod(self, name: str) -> None:
        """Delete a pod."""
        (await self._kube.delete(f"{PODS}/{name}")).raise_for_status()

    async def pods(self) -> list[Json]:
        """Return the pods, by name."""
        return await self._listed(PODS)

    async def policies(self) -> dict[str, Json]:
        """Return the stored policies by name."""
        return {each["metadata"]["name"]: each for each in await self._listed(POLICIES)}

    async def graph(self) -> Json:
        """Return the graph as Verefoo tells it."""
        answer = (await self._verefoo.get(self._graph)).raise_for_status().json()
        told: Json = answer["_embedded"]["graphList"][0]
        return told

    async def neighbours(self) -> dict[str, list[str]]:
        """Return node name → names of its neighbours."""
        return {
            node["name"]: sorted(each["name"] for each in node["neighbour"])
            for node in (await self.graph())["node"]
        }

    async def rules(self, firewall: str = FIREWALL) -> list[Json]:
        """Return a firewall's rules as Verefoo tells them."""
        node = await self._node(firewall)
        elements: list[Json] = node["configuration"]["firewall"]["elements"]
        return elements

    async def write_rules(self, elements: list[Json], firewall: str = FIREWALL) -> None:
        """Replace a firewall's rules, as a person with curl would."""
        node = await self._node(firewall)
        configuration = node["configuration"]
        path = f"{self._graph}/nodes/{node['id']}/configuration/{configuration['id']}"
        body = {
            "name": configuration["name"],
            "description": configuration["description"],
            "firewall": {"defaultAction": "DENY", "elements": elements},
        }
        (await self._verefoo.put(path, json=body)).raise_for_status()

    async def _node(self, name: str) -> Json:
        nodes = (await self.graph())["node"]
        return next(node for node in nodes if node["name"] == name)

    async def _listed(self, path: str) -> list[Json]:
        items = (await self._kube.get(path)).raise_for_status().json()["items"]
        return sorted(items, key=lambda item: str(item["metadata"]["name"]))


async def until(holds: Callable[[], Awaitable[bool]], within: float = WITHIN) -> float | None:
    """Look again and again; return the seconds it took to hold, or None if it never did."""
    began = time.monotonic()
    while time.monotonic() - began < within:
        if await holds():
            return time.monotonic() - began
        await asyncio.sleep(LOOK_EVERY)
    return None


def same(one: Any, two: Any) -> bool:
    """Tell whether two JSON values are equal."""
    return json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
