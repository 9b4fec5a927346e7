"""A kubelet stand-in: pods get an address and run, though nothing runs them."""

import asyncio
import json
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from itertools import chain
from typing import Any, Protocol

import httpx

from deploy.local.kubernetes.kinds import Json

#: A pod that wants a certain address says so here.
ADDRESS_ANNOTATION = "vereflow.io/pod-ip"
_FINISHED = {"Succeeded", "Failed"}
_SETTLED = {"Running", *_FINISHED}
#: The first addresses of a range belong to the network itself.
_RESERVED = 10
_MERGE = {"Content-Type": "application/merge-patch+json"}
_WATCH_SECONDS = 300


class Sandboxes(Protocol):
    """Where pods live, if they live anywhere."""

    async def start(self, pod: Json, address: str) -> None:
        """Make a pod's place, once; raise ValueError or RuntimeError if that is not possible."""

    async def stop(self, uid: str) -> None:
        """Remove a pod's place, if there is one."""


class Kubelet:
    """Watches all pods of an API server and makes the new ones look Running."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        pod_range: str = "10.244.0.0/16",
        host_ip: str = "127.0.0.1",
        retry_seconds: float = 0.5,
        sandboxes: Sandboxes | None = None,
    ) -> None:
        """Take a client whose `base_url` is the server's; closing it is the caller's affair."""
        self._sandboxes = sandboxes
        self._client = client
        self._range = IPv4Network(pod_range)
        self._host_ip = host_ip
        self._retry_seconds = retry_seconds
        self._holders: dict[str, str] = {}
        self._held: dict[str, str] = {}
        self._waiting: dict[str, Json] = {}
        self._last = _RESERVED - 1

    async def run(self) -> None:
        """Serve until cancelled; after any break begin again with a list."""
        while True:
            try:
                version = await self.list_once()
                await self.watch_once(version)
            except (httpx.HTTPError, json.JSONDecodeError):
                await asyncio.sleep(self._retry_seconds)

    async def list_once(self) -> str:
        """Serve every pod there is; return the version to watch from."""
        answer = (await self._client.get("/api/v1/pods")).raise_for_status().json()
        for uid in self._held.keys() - {pod["metadata"]["uid"] for pod in answer["items"]}:
            await self._stop(uid)
        self._held, self._holders, self._waiting = {}, {}, {}
        for pod in answer["items"]:
            if address := pod.get("status", {}).get("podIP"):
                self._hold(pod["metadata"]["uid"], address)
        for pod in answer["items"]:
            await self.serve("ADDED", pod)
        return str(answer["metadata"]["resourceVersion"])

    async def watch_once(self, version: str) -> None:
        """Serve pods as they change, until the server ends the watch."""
        query: dict[str, str | int] = {
            "watch": 1,
            "resourceVersion": version,
            "timeoutSeconds": _WATCH_SECONDS,
        }
        timeout = httpx.Timeout(10.0, read=_WATCH_SECONDS + 10)
        async with self._client.stream(
            "GET", "/api/v1/pods", params=query, timeout=timeout
        ) as stream:
            async for line in stream.raise_for_status().aiter_lines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                await self.serve(event["type"], event["object"])

    async def serve(self, change: str, pod: Json) -> None:
        """Do for one pod what its state asks for."""
        metadata, status = pod["metadata"], pod.get("status", {})
        if change == "DELETED":
            self._waiting.pop(metadata["uid"], None)
            await self._release(metadata["uid"])
        elif metadata.get("deletionTimestamp"):
            await self._finish(metadata)
        elif not status.get("podIP") and status.get("phase") not in _SETTLED:
            await self._start(pod)
        elif status.get("podIP"):
            self._hold(metadata["uid"], status["podIP"])
            if status.get("phase") in _FINISHED:
                await self._stop(metadata["uid"])
            else:
                await self._lodge(pod, status["podIP"])

    async def _start(self, pod: Json) -> None:
        metadata = pod["metadata"]
        uid = metadata["uid"]
        if uid in self._held:
            return
        wished = (metadata.get("annotations") or {}).get(ADDRESS_ANNOTATION)
        address = wished or self._free_address()
        if address is None or address in self._holders:
            self._waiting[uid] = pod
            return
        self._hold(uid, address)
        if not await self._lodge(pod, address):
            return
        answer = await self._client.patch(
            f"{_path(metadata)}/status",
            # The uid keeps a pod reborn under this name from getting its predecessor's address.
            content=json.dumps(
                {"metadata": {"uid": metadata["uid"]}, "status": self._running(pod, address)}
            ),
            params={"fieldManager": "kubelet"},
            headers=_MERGE,
        )
        if answer.is_error:
            await self._release(uid)
        _raise_if_passing(answer)

    def _hold(self, uid: str, address: str) -> None:
        self._held[uid] = address
        self._holders[address] = uid

    async def _release(self, uid: str) -> None:
        """Free a pod's place and address, and start who waits for one."""
        await self._stop(uid)
        address = self._held.pop(uid, None)
        if address is None or self._holders.get(address) != uid:
            return
        del self._holders[address]
        waiting, self._waiting = self._waiting, {}
        for pod in waiting.values():
            await self._start(pod)

    async def _lodge(self, pod: Json, address: str) -> bool:
        """Give a pod its place; if there is none for it, it stays as it is, and says why."""
        if self._sandboxes is None:
            return True
        try:
            await self._sandboxes.start(pod, address)
        except (ValueError, RuntimeError, OSError) as error:
            await self._complain(pod["metadata"], str(error))
            return False
        return True

    async def _stop(self, uid: str) -> None:
        if self._sandboxes is not None:
            await self._sandboxes.stop(uid)

    async def _complain(self, metadata: Json, why: str) -> None:
        about = {key: metadata[key] for key in ("namespace", "name", "uid")}
        event = {
            "metadata": {"generateName": f"{metadata['name']}."},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", **about},
            "type": "Warning",
            "reason": "FailedCreatePodSandBox",
            "message": why,
            "source": {"component": "kubelet"},
        }
        answer = await self._client.post(
            f"/api/v1/namespaces/{metadata['namespace']}/events", json=event
        )
        _raise_if_passing(answer)

    def _running(self, pod: Json, address: str) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        containers = [
            {
                "name": each["name"],
                "image": each.get("image", ""),
                "imageID": "",
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": now}},
            }
            for each in pod["spec"].get("containers") or ()
        ]
        return {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "hostIP": self._host_ip,
            "hostIPs": [{"ip": self._host_ip}],
            "startTime": now,
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": containers,
        }

    async def _finish(self, metadata: Json) -> None:
        """Remove a pod that is going, unless somebody was faster."""
        now = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
        headers = {"Content-Type": "application/json"}
        path = _path(metadata)
        answer = await self._client.request(
            "DELETE", path, content=json.dumps(now), headers=headers
        )
        _raise_if_passing(answer)

    def _free_address(self) -> str | None:
        """Return the next address of the range, past every one in use; None if all are."""
        first, end = self._range.network_address, self._range.num_addresses - 1
        for offset in chain(range(self._last + 1, end), range(_RESERVED, self._last + 1)):
            address = str(IPv4Address(first + offset))
            if address not in self._holders:
                self._last = offset
                return address
        return None


def _raise_if_passing(answer: httpx.Response) -> None:
    """Let trouble that passes begin everything again; a refusal stands."""
    if answer.status_code >= 500 or answer.status_code == 429:
        answer.raise_for_status()


def _path(metadata: Json) -> str:
    return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
