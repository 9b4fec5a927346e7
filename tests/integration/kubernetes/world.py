"""What happens in a cluster besides us: pods, people with kubectl, and lines that break."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from streams.flow.output import Send
from tests.integration.kubernetes.servers import Server

_MERGE = {"Content-Type": "application/merge-patch+json"}
_APPLY = {"Content-Type": "application/apply-patch+yaml"}
PODS = "/api/v1/namespaces/{}/pods"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"

Fault = Callable[[web.Request, Callable[[], Awaitable[web.StreamResponse]]], Awaitable[Any]]


class World:
    """Somebody else with all rights, by HTTP."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._http = server.client()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def add_pod(
        self,
        name: str,
        address: str | None = None,
        namespace: str = "default",
        labels: dict[str, str] | None = None,
        **spec: Any,
    ) -> dict[str, Any]:
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name} if labels is None else labels},
            "spec": {"containers": [{"name": "main", "image": "none"}], **spec},
        }
        path = PODS.format(namespace)
        pod = await self._ask("POST", path, body)
        if address is None:
            return pod
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        return await self.set_status(name, status, namespace)

    async def set_status(
        self, name: str, status: dict[str, Any], namespace: str = "default"
    ) -> dict[str, Any]:
        path = f"{PODS.format(namespace)}/{name}/status"
        return await self._ask("PATCH", path, {"status": status}, _MERGE)

    async def label_pod(self, name: str, **labels: str | None) -> dict[str, Any]:
        path = f"{PODS.format('default')}/{name}"
        return await self._ask("PATCH", path, {"metadata": {"labels": labels}}, _MERGE)

    async def pods(self) -> list[dict[str, Any]]:
        return list((await self.listed_pods())["items"])

    async def listed_pods(self) -> dict[str, Any]:
        """Return the pods with the version at which they were these."""
        return await self._ask("GET", PODS.format("default"))

    async def annotate_pod(self, name: str, **notes: str) -> dict[str, Any]:
        path = f"{PODS.format('default')}/{name}"
        return await self._ask("PATCH", path, {"metadata": {"annotations": notes}}, _MERGE)

    async def delete_pod(self, name: str, namespace: str = "default") -> None:
        await self._ask("DELETE", f"{PODS.format(namespace)}/{name}")

    async def add_policy(self, manifest: dict[str, Any]) -> dict[str, Any]:
        return await self._ask("POST", POLICIES.format(manifest["metadata"]["namespace"]), manifest)

    async def policy(self, name: str, namespace: str = "default") -> dict[str, Any]:
        return await self._ask("GET", f"{POLICIES.format(namespace)}/{name}")

    async def policies(self, namespace: str = "default") -> dict[str, dict[str, Any]]:
        listed = await self._ask("GET", POLICIES.format(namespace))
        return {item["metadata"]["name"]: item for item in listed["items"]}

    async def edit_policy(self, name: str, change: dict[str, Any]) -> dict[str, Any]:
        return await self._ask("PATCH", f"{POLICIES.format('default')}/{name}", change, _MERGE)

    async def apply_policy(self, manifest: dict[str, Any], manager: str) -> dict[str, Any]:
        where = manifest["metadata"]
        path = f"{POLICIES.format(where['namespace'])}/{where['name']}"
        query = f"?fieldManager={manager}&force=true"
        return await self._ask("PATCH", path + query, manifest, _APPLY)

    async def delete_policy(self, name: str) -> None:
        await self._ask("DELETE", f"{POLICIES.format('default')}/{name}")

    async def put_service(self, name: str, spec: dict[str, Any]) -> None:
        """Have a service of this kind, or change what there is."""
        meta = {"name": name, "namespace": "default"}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}
        await self.put(f"/api/v1/namespaces/default/services/{name}", body)

    async def put(self, path: str, body: dict[str, Any]) -> None:
        """Have an object of any kind, or change what there is."""
        await self._ask("PATCH", f"{path}?fieldManager=world&force=true", body, _APPLY)

    async def delete(self, path: str) -> None:
        """Have no such object."""
        await self._http.delete(path)

    async def delete_service(self, name: str) -> None:
        """Have no service of this name."""
        await self.delete(f"/api/v1/namespaces/default/services/{name}")

    async def delete_lease(self, name: str) -> None:
        path = f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{name}"
        await self._ask("DELETE", path)

    async def lease(self, name: str, namespace: str = "default") -> dict[str, Any]:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}"
        return await self._ask("GET", path)

    async def becomes(self, specs: dict[str, Any], within: float = 60) -> None:
        """Return once exactly these specs are stored; fail if they are not in so many seconds."""
        deadline = time.monotonic() + within
        while (found := {n: p["spec"] for n, p in (await self.policies()).items()}) != specs:
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.02)

    async def add_namespace(self, name: str) -> None:
        """Have a namespace; it stays."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await self.put(f"/api/v1/namespaces/{name}", body)

    async def label_namespace(self, name: str, **labels: str | None) -> None:
        await self._ask(
            "PATCH", f"/api/v1/namespaces/{name}", {"metadata": {"labels": labels}}, _MERGE
        )

    async def empty_namespace(self, name: str) -> None:
        """Have no pods and no policies there."""
        for path in (PODS, POLICIES):
            for each in (await self._ask("GET", path.format(name)))["items"]:
                query = "?gracePeriodSeconds=0"
                await self._ask("DELETE", f"{path.format(name)}/{each['metadata']['name']}{query}")

    async def events(self) -> list[dict[str, Any]]:
        return list((await self._ask("GET", "/api/v1/namespaces/default/events"))["items"])

    async def _ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        content = None if body is None else json.dumps(body)
        told = headers or {"Content-Type": "application/json"}
        answer = await self._http.request(method, path, content=content, headers=told)
        if answer.is_error:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        found: dict[str, Any] = answer.json()
        return found


class Proxy:
    """A line to the server on which a fault can be laid, request by request."""

    def __init__(self, upstream: Server) -> None:
        self.fault: Fault | None = None
        self.requests: list[tuple[str, str]] = []
        self._upstream = upstream
        self._session = ClientSession(timeout=ClientTimeout(total=None))
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)

    @property
    def url(self) -> str:
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs))

        async def go_on() -> web.StreamResponse:
            return await self._forward(request)

        if self.fault is None:
            return await go_on()
        answer: web.StreamResponse = await self.fault(request, go_on)
        return answer

    def ask(self, request: web.Request, content: bytes) -> Any:
        """Ask the server what was asked of us, with all rights."""
        kept = ("Content-Type", "Accept")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        if self._upstream.token:
            headers["Authorization"] = f"Bearer {self._upstream.token}"
        url = self._upstream.url + request.path_qs
        return self._session.request(
            request.method, url, data=content, headers=headers, ssl=self._upstream.trust
        )

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        async with self.ask(request, await request.read()) as answer:
            response = web.StreamResponse(status=answer.status)
            response.content_type = answer.content_type
            await response.prepare(request)
            try:
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
            except (ClientError, ConnectionError):
                pass
            return response


class Records:
    """A broker's place: what was emitted, in order; each emission takes a turn of the loop."""

    def __init__(self) -> None:
        self.sent: list[Send] = []

    async def emit(self, output: Send) -> None:
        await asyncio.sleep(0)
        self.sent.append(output)


@asynccontextmanager
async def running(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have these run for a while, whatever becomes of them."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Return once the condition holds; fail if that takes too long."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    assert condition()
