"""The cluster's pods, policies, leases and events, as plain dicts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from agents.clients import paths
from agents.clients.api_answers import error_of
from agents.clients.api_server import (
    APPLY,
    DEADLINE_SECONDS,
    MERGE,
    STEPS,
    ApiServer,
    Json,
    credentials,
)
from agents.clients.errors import Gone, NotThere, TryLater
from streams.records.pods import FINISHED

FIELD_MANAGER = "vereflow"
PAGE = 250
# A server says nothing for minutes where nothing changes: a bookmark that would only repeat the
# version we began with is not sent. So each watch ends before this much silence, on its own.
SILENCE_SECONDS = 50.0
_WATCHED = 0.8
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_NAMESPACES = "/api/v1/namespaces"
_LISTINGS = 3
_CHANGES = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK")
# The items of a listing do not say themselves what they are.
_API_VERSIONS = {"Pod": "v1", "NetworkPolicy": "networking.k8s.io/v1"}


class Listing(NamedTuple):
    """All objects of one moment, and the version from which a watch goes on."""

    items: list[Json]
    version: str


class Cluster:
    """
    An async client of one cluster's API server.

    Every failure is one of agents.clients.errors; a write whose answer is
    TryLater may or may not have been done.
    """

    def __init__(self, api: ApiServer, silence: float = SILENCE_SECONDS) -> None:
        self._api = api
        self._silence = silence

    @classmethod
    def of(
        cls, kubeconfig: Path | None, context: str | None = None, deadline: float = DEADLINE_SECONDS
    ) -> Cluster:
        """Return the cluster a kubeconfig names, or without one that in which we run."""
        return cls(ApiServer(credentials(kubeconfig, context), deadline))

    async def close(self) -> None:
        """Close every connection."""
        await self._api.close()

    async def version(self) -> str:
        """Return the server's version: it can be reached."""
        return str((await self._api.ask("GET", "/version")).get("gitVersion", ""))

    async def may(self, verb: str, resource: str, namespace: str, group: str = "") -> bool:
        """Tell whether our account has this right; raise NotThere if the server does not say."""
        asked = {"verb": verb, "resource": resource, "namespace": namespace, "group": group}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        told = await self._api.ask("POST", _REVIEWS, body=body)
        return _part(told, "status").get("allowed") is True

    async def list_pods(self, namespace: str) -> Listing:
        """Return all pods of a namespace."""
        return await self._list(paths.pods(namespace))

    def watch_pods(self, namespace: str, version: str) -> Watch:
        """Follow the pods of a namespace from a version on."""
        return Watch(self._api, paths.pods(namespace), version, silence=self._silence)

    async def pod_lives(self, namespace: str, name: str) -> bool:
        """Tell whether a pod of this name exists and has not finished."""
        try:
            pod = await self._api.ask("GET", paths.pods(namespace, name))
        except NotThere:
            return False
        return _part(pod, "status").get("phase") not in FINISHED

    async def any_lives(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Tell whether some pod with these labels exists and has not finished."""
        query = {
            "limit": "1",
            "labelSelector": ",".join(f"{label}={value}" for label, value in labels.items()),
            "fieldSelector": ",".join(f"status.phase!={phase}" for phase in FINISHED),
        }
        page = await self._api.ask("GET", paths.pods(namespace), query)
        # A page without any and with more behind it does not say that there is none.
        return bool(page.get("items") or _part(page, "metadata").get("continue"))

    async def labels_of_living(
        self, namespace: str, labels: Mapping[str, str]
    ) -> list[Mapping[str, str]]:
        """Return what each pod wears that wears these labels, has not finished, and can be held.

        No policy holds for a pod on its host's network.
        """
        selector = ",".join(f"{label}={value}" for label, value in labels.items())
        found = (await self._list(paths.pods(namespace), selector)).items
        living = (pod for pod in found if _part(pod, "status").get("phase") not in FINISHED)
        held = (pod for pod in living if not _part(pod, "spec").get("hostNetwork"))
        return [_part(_part(pod, "metadata"), "labels") for pod in held]

    async def label_pod(self, namespace: str, name: str, uid: str, labels: dict[str, str]) -> None:
        """Set labels of the very pod that was seen; raise Conflict if it is another now."""
        body = {"metadata": {"uid": uid, "labels": labels}}
        query = {"fieldManager": FIELD_MANAGER}
        await self._api.ask("PATCH", paths.pods(namespace, name), query, body, MERGE)

    async def list_namespaces(self, selector: str) -> Listing:
        """Return the namespaces with these labels."""
        return await self._list(_NAMESPACES, selector)

    def watch_namespaces(self, selector: str, version: str) -> Watch:
        """Follow the namespaces with these labels from a version on."""
        return Watch(self._api, _NAMESPACES, version, selector, self._silence)

    async def namespace_labels(self, namespace: str) -> dict[str, str]:
        """Return the labels of a namespace; raise NotThere if there is none of this name."""
        found = _object(
            await self._api.ask("GET", f"/api/v1/namespaces/{paths.checked(namespace)}")
        )
        return dict(_part(found["metadata"], "labels"))

    async def list_services(self, namespace: str) -> Listing:
        """Return all Services of a namespace."""
        return await self._list(paths.services(namespace))

    def watch_services(self, namespace: str, version: str) -> Watch:
        """Follow the Services of a namespace from a version on."""
        return Watch(self._api, paths.services(namespace), version, silence=self._silence)

    async def get_service(self, namespace: str, name: str) -> Json:
        """Return a service; raise NotThere if there is none."""
        return _object(await self._api.ask("GET", paths.services(namespace, name)))

    async def list_ingresses(self, namespace: str) -> Listing:
        """Return all Ingresses of a namespace."""
        return await self._list(
            paths.path("/apis/networking.k8s.io/v1", namespace, "ingresses", "")
        )

    async def list_webhooks(self) -> list[Json]:
        """Return all admission webhook configurations of the cluster."""
        kinds = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")
        listings = [await self._list(f"{_ADMISSION}/{kind}") for kind in kinds]
        return [each for listing in listings for each in listing.items]

    async def resources(self, api_version: str) -> list[Json]:
        """Return the resources of an API version; raise NotThere if it is not served."""
        path = paths.group(api_version)
        listed = (await self._api.ask("GET", path)).get("resources")
        if not isinstance(listed, list) or not all(map(_is_resource, listed)):
            raise TryLater(f"GET {path}: answered without a list of resources")
        return listed

    async def get_object(self, path: str) -> Json:
        """Return the object of any kind that lies there; raise NotThere if there is none."""
        return _object(await self._api.ask("GET", path))

    async def list_policies(self, namespace: str, selector: str) -> Listing:
        """Return the policies of a namespace with these labels."""
        return await self._list(paths.policies(namespace), selector)

    async def list_policies_anywhere(self, selector: str) -> Listing:
        """Return the policies with these labels in every namespace."""
        return await self._list("/apis/networking.k8s.io/v1/networkpolicies", selector)

    def watch_policies(self, namespace: str, selector: str, version: str) -> Watch:
        """Follow the policies of a namespace with these labels from a version on."""
        return Watch(self._api, paths.policies(namespace), version, selector, self._silence)

    async def get_policy(self, namespace: str, name: str) -> Json:
        """Return one policy; raise NotThere if there is none."""
        return _object(await self._api.ask("GET", paths.policies(namespace, name)))

    async def create_policy(self, manifest: Json) -> Json:
        """Create a policy; raise AlreadyThere if there is one of this name, whosever it is.

        Not by applying: that would take over what is there.
        """
        path = paths.policies(manifest["metadata"]["namespace"])
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        return _object(await self._api.ask("POST", path, query, manifest))

    async def apply_policy(
        self, manifest: Json, uid: str, resource_version: str, force: bool = False
    ) -> Json:
        """Apply a policy over the very object that was read; raise Conflict if it is another now.

        Raise Owned if others have set some of our fields, unless we may take them by force.
        """
        read = {"uid": uid, "resourceVersion": resource_version}
        body = {**manifest, "metadata": {**manifest["metadata"], **read}}
        path = paths.policies(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
        return _object(await self._api.ask("PATCH", path, query, body, APPLY))

    async def replace_spec(self, read: Json, spec: Json) -> Json:
        """Replace all of a policy's spec; raise Conflict if it is not the one that was read.

        Not by applying: that leaves what others added.
        """
        meta = read["metadata"]
        version = {"op": "replace", "path": "/metadata/resourceVersion"}
        steps = [
            {**version, "value": meta["resourceVersion"]},
            {"op": "replace", "path": "/spec", "value": spec},
        ]
        path = paths.policies(meta["namespace"], meta["name"])
        query = {"fieldManager": FIELD_MANAGER}
        return _object(await self._api.ask("PATCH", path, query, steps, STEPS))

    async def delete_policy(
        self, namespace: str, name: str, uid: str, resource_version: str
    ) -> None:
        """Delete the very object that was read; raise Conflict if it is another now."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid, "resourceVersion": resource_version},
        }
        await self._api.ask("DELETE", paths.policies(namespace, name), body=options)

    async def get_lease(self, namespace: str, name: str) -> Json:
        """Return a lease; raise NotThere if there is none."""
        return _object(await self._api.ask("GET", paths.leases(namespace, name)))

    async def create_lease(self, namespace: str, name: str, spec: Json) -> Json:
        """Create a lease; raise AlreadyThere if there is one."""
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": namespace},
            "spec": spec,
        }
        return _object(await self._api.ask("POST", paths.leases(namespace), body=body))

    async def update_lease(self, lease: Json) -> Json:
        """Replace a lease; raise Conflict if it is not the one that was read."""
        where = lease["metadata"]
        path = paths.leases(where["namespace"], where["name"])
        return _object(await self._api.ask("PUT", path, body=lease))

    async def create_event(
        self, kind: str, about: Json, reason: str, message: str, warning: bool = False
    ) -> None:
        """Say something about a Pod or NetworkPolicy, where kubectl describe shows it."""
        meta = about["metadata"]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta['name'][:200]}.{uuid4().hex[:16]}",
                "namespace": meta["namespace"],
            },
            "involvedObject": {
                "apiVersion": _API_VERSIONS[kind],
                "kind": kind,
                "namespace": meta["namespace"],
                "name": meta["name"],
                **({"uid": meta["uid"]} if "uid" in meta else {}),
            },
            "reason": reason,
            "message": message[:1000],
            "type": "Warning" if warning else "Normal",
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        path = f"/api/v1/namespaces/{paths.checked(meta['namespace'])}/events"
        await self._api.ask("POST", path, body=body)

    async def _list(self, path: str, selector: str = "") -> Listing:
        for _ in range(_LISTINGS):
            try:
                return await self._pages(path, selector)
            except Gone as expired:
                # Two halves of two moments would not be a listing.
                last = expired
        raise TryLater(str(last))

    async def _pages(self, path: str, selector: str) -> Listing:
        # Without a resourceVersion: never older than what was written before we ask.
        query = {"limit": str(PAGE)}
        if selector:
            query["labelSelector"] = selector
        items: list[Json] = []
        while True:
            page = await self._api.ask("GET", path, query)
            meta, found = _object(page)["metadata"], page.get("items")
            if not isinstance(found, list):
                raise TryLater(f"GET {path}: answered without a list")
            items += [_object(item) for item in found]
            following = meta.get("continue")
            if not following:
                return Listing(items, meta["resourceVersion"])
            if following == query.get("continue"):
                raise TryLater(f"GET {path}: the pages do not go on")
            query["continue"] = following


class Watch:
    """
    The changes from a version on; iterate again after a break, and it goes on where it was.

    Ends when the server ends it; raises TryLater when it broke, Gone when its
    version is forgotten. A change that was not handled to its end comes again.
    A BOOKMARK says only that all is well.
    """

    def __init__(
        self,
        api: ApiServer,
        path: str,
        version: str,
        selector: str = "",
        silence: float = SILENCE_SECONDS,
    ) -> None:
        self.version = version
        self._api = api
        self._path = path
        self._selector = selector
        self._silence = silence

    async def __aiter__(self) -> AsyncIterator[tuple[str, Json]]:
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self.version,
            "timeoutSeconds": str(max(1, int(self._silence * _WATCHED))),
        }
        if self._selector:
            query["labelSelector"] = self._selector
        async for line in self._api.lines(self._path, query, self._silence):
            change, found = self._read(line)
            yield change, found
            self.version = found["metadata"]["resourceVersion"]

    def _read(self, line: bytes) -> tuple[str, Json]:
        tried = f"watch {self._path}"
        try:
            event = json.loads(line)
            change, found = event["type"], event["object"]
        except (ValueError, LookupError, TypeError, RecursionError) as fault:
            raise TryLater(f"{tried}: not an event: {line[:100]!r}") from fault
        if change == "ERROR":
            code = found.get("code") if isinstance(found, dict) else None
            status = code if isinstance(code, int) else 500
            raise error_of(tried, status, json.dumps(found).encode(), {})
        if change not in _CHANGES:
            raise TryLater(f"{tried}: an event of an unknown type: {str(change)[:40]!r}")
        return change, _object(found)


def _object(found: Any) -> Json:
    meta = found.get("metadata") if isinstance(found, dict) else None
    version = meta.get("resourceVersion") if isinstance(meta, dict) else None
    # From an empty one a watch would begin anew, and what ended before would be missed.
    if not isinstance(version, str) or not version:
        raise TryLater("the API server answered with something that is no object")
    answer: Json = found
    return answer


def _is_resource(found: Any) -> bool:
    wanted = {"kind": str, "name": str, "namespaced": bool}
    return isinstance(found, dict) and all(isinstance(found.get(n), t) for n, t in wanted.items())


def _part(found: Json, name: str) -> Json:
    part = found.get(name)
    return part if isinstance(part, dict) else {}
