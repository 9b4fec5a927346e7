"""Owners as an API server keeps them, and pods that name them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from agents.clients.errors import ClientError, NotThere
from agents.clients.owners import Reference

Json = dict[str, Any]
PLURALS = {
    "v1": {"Pod": "pods", "Node": "nodes"},
    "apps/v1": {
        "Deployment": "deployments",
        "ReplicaSet": "replicasets",
        "StatefulSet": "statefulsets",
    },
    "batch/v1": {"Job": "jobs", "CronJob": "cronjobs"},
    "example.com/v1": {"Rollout": "rollouts", "Fleet": "fleets"},
}
OF_NO_NAMESPACE = {"Node", "Fleet"}


def reference(kind: str, name: str, uid: str = "", version: str = "apps/v1") -> Reference:
    return Reference(version, kind, name, uid or f"uid-{name}")


def owned(name: str, owner: Reference | None, **labels: str) -> Json:
    """Return a pod."""
    return {"metadata": {"name": name, "namespace": "shop", "labels": labels} | owned_by(owner)}


def owned_by(owner: Reference | None) -> Json:
    if owner is None:
        return {}
    names = ("apiVersion", "kind", "name", "uid")
    told = dict(zip(names, owner, strict=True)) | {"controller": True}
    return {"ownerReferences": [{"kind": "Odd", "name": "beside"}, told]}


class Keeper:
    """A cluster of owners alone: how often each was asked for, and what is in the way."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.trouble: dict[str, ClientError] = {}
        self.busiest = 0
        self._kept: dict[str, Json] = {}
        self._under_way = 0

    def keep(
        self, kept: Reference, owner: Reference | None = None, selector: Json | None = None
    ) -> Reference:
        """Have an owner; return how others name it."""
        meta = {"name": kept.name, "uid": kept.uid} | owned_by(owner)
        self._kept[self.path(kept)] = {"metadata": meta, "spec": {"selector": selector}}
        return kept

    def lose(self, lost: Reference) -> None:
        del self._kept[self.path(lost)]

    def path(self, kept: Reference) -> str:
        root = (
            f"/apis/{kept.api_version}" if "/" in kept.api_version else f"/api/{kept.api_version}"
        )
        where = "" if kept.kind in OF_NO_NAMESPACE else "/namespaces/shop"
        return f"{root}{where}/{PLURALS[kept.api_version][kept.kind]}/{kept.name}"

    async def resources(self, api_version: str) -> list[Json]:
        await self._ask(api_version)
        if api_version not in PLURALS:
            raise NotThere(api_version)
        return [
            {"kind": kind, "name": f"{plural}{part}", "namespaced": kind not in OF_NO_NAMESPACE}
            for kind, plural in PLURALS[api_version].items()
            for part in ("", "/status")
        ]

    async def get_object(self, path: str) -> Json:
        await self._ask(path)
        if path not in self._kept:
            raise NotThere(path)
        return self._kept[path]

    async def _ask(self, what: str) -> None:
        self.asked[what] += 1
        self._under_way += 1
        self.busiest = max(self.busiest, self._under_way)
        await asyncio.sleep(0)
        self._under_way -= 1
        if what in self.trouble:
            raise self.trouble[what]
