"""Ask what our account may do, so that a right that lacks shows before it is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from agents.clients.errors import NotThere
from agents.clients.kubernetes import Cluster

AT_ONCE = 16


class Wrong(Exception):
    """Something is not as it must be; the second argument says what to do."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.todo = todo


class Right(NamedTuple):
    """What one role rule would allow."""

    verb: str
    resource: str
    group: str = ""


RIGHTS_AT_HOME = tuple(
    Right(verb, "leases", "coordination.k8s.io") for verb in ("get", "create", "update")
)
RIGHTS_ON_PODS = (
    *(Right(verb, "pods") for verb in ("get", "list", "watch")),
    *(Right(verb, "services") for verb in ("list", "watch")),
    Right("create", "events"),
)
RIGHTS_ON_OWNERS = (
    Right("get", "replicasets", "apps"),
    Right("get", "deployments", "apps"),
    Right("get", "statefulsets", "apps"),
    Right("get", "daemonsets", "apps"),
    Right("get", "jobs", "batch"),
    Right("get", "cronjobs", "batch"),
)
RIGHTS_TO_LABEL = (Right("patch", "pods"),)
RIGHTS_ON_POLICIES = tuple(
    Right(verb, "networkpolicies", "networking.k8s.io")
    for verb in ("get", "list", "watch", "create", "patch", "delete")
)


async def require_rights(
    cluster: Cluster, rights: Iterable[Right], namespaces: Iterable[str]
) -> None:
    """Raise Wrong unless our account has every right in every namespace."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def lacks(right: Right, namespace: str) -> bool:
        async with gate:
            return not await cluster.may(right.verb, right.resource, namespace, right.group)

    asked = [(right, namespace) for namespace in namespaces for right in rights]
    try:
        answers = await asyncio.gather(*(lacks(*each) for each in asked))
    except NotThere:
        # Not every server answers this question, and those that do not refuse nothing.
        return
    lacking = [
        f"{right.verb} {right.resource} in {namespace}"
        for (right, namespace), lacked in zip(asked, answers, strict=True)
        if lacked
    ]
    if lacking:
        raise Wrong(f"our account may not {', '.join(lacking)}", "give it these rights")
