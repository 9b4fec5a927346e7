"""Targets: what Verefoo and the API server answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import httpx

from agents.clients.api_answers import LONGEST_MESSAGE, error_of, retry_after
from agents.clients.api_server import ApiServer
from agents.clients.errors import ClientError
from agents.clients.kubernetes import Cluster
from agents.clients.owners import owner_of
from agents.clients.pod_events import pod_event, service_event
from agents.clients.verefoo import Verefoo
from streams.codec import decode, encode
from streams.flow.differences import differences, firewall_in, holders_in, read, read_rule
from streams.graph.alignment import align
from streams.graph.model import GraphState
from streams.graph.star import Star
from streams.graph.wanted import Owner, WantedNode
from streams.records.marks import Stamp
from streams.records.pods import PodEvent
from streams.records.policies import Revision, parse_revision
from streams.records.views import Workload
from tests.fuzz.target import Target, chosen
from tests.inputs.rows import RULE
from tests.unit.local.verefoo.in_process import client_that

LONGEST_SAID = 1000
STATUSES = (200, 201, 204, 302, 304, 400, 404, 409, 410, 422, 424, 429, 500, 503)
STAR = Star("10.0.0.1")
PODS = {"10.244.120.90": Owner("local/default/pod-a", "uid-a")}
POD = WantedNode("10.244.120.90", "ENDHOST", ("10.0.0.1",), {"name": "c/n/p", "description": "u"})
ELEMENT = RULE | {"id": 3, "priority": "*"}
FIREWALL = {
    "id": 1,
    "name": "10.0.0.1",
    "functionalType": "FIREWALL",
    "neighbour": [{"id": 2, "name": "10.244.120.90"}],
    "configuration": {
        "id": 4,
        "name": "conf",
        "description": "star",
        "firewall": {"elements": [ELEMENT], "defaultAction": "DENY"},
    },
}
HOST = {
    "id": 5,
    "name": "10.244.120.91",
    "functionalType": "ENDHOST",
    "neighbour": None,
    "configuration": {"id": 6, "name": "local/default/pod-b", "description": "uid-b"},
}
GRAPH = {"id": 1, "serviceGraph": False, "node": [FIREWALL, HOST]}
FAILURE = {"status": 404, "error": "Not Found", "message": "The graph 1 doesn't exist."}


def told(*head: int, body: Any) -> bytes:
    """Return an input: the bytes that choose, and JSON."""
    return bytes(head) + json.dumps(body).encode()


def embedded(key: str, value: Any) -> dict[str, Any]:
    return {"_embedded": {key: [value]}, "_links": {}}


VEREFOO: list[Callable[[Verefoo], Awaitable[Any]]] = [
    lambda verefoo: verefoo.graph(1),
    lambda verefoo: verefoo.graphs(),
    lambda verefoo: verefoo.create_graph([POD]),
    lambda verefoo: verefoo.delete_node(1, 2),
    lambda verefoo: verefoo.put_configuration(1, 1, 4, {}),
]


def take_verefoo(raw: bytes) -> None:
    """Check that an answer is what was asked for or a ClientError, and that a graph can be read."""
    status, call = chosen(STATUSES, raw, 0), chosen(VEREFOO, raw, 1)
    verefoo = Verefoo(client_that(lambda _: httpx.Response(status, content=raw[2:])))
    found = _answer(call(verefoo))
    for state in found if isinstance(found, tuple) else (found,):
        if isinstance(state, GraphState):
            _read(state)


def _read(state: GraphState) -> None:
    node = firewall_in(state, STAR.firewall)
    if node is not None:
        now = read(node, holders_in(state), default_allow=False)
        differences({}, now.said.rules)
        for each in now.unreadable:
            json.dumps(each, sort_keys=True)
    for edit in align(state, STAR.wanted(PODS, {})):
        read_rule(getattr(edit, "configuration", {}))


def _answer(asked: Awaitable[Any]) -> Any:
    async def awaited() -> Any:
        return await asked

    try:
        return asyncio.run(awaited())
    except ClientError as error:
        said = str(error)
    assert len(said) < LONGEST_SAID
    return None


class Answer:
    """One HTTP answer of an API server, as its client's library hands it out."""

    history = ()

    def __init__(self, status: int, content: bytes) -> None:
        self.status = status
        self.headers: dict[str, str] = {}
        self.content = self
        self._content = content

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self._content

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def close(self) -> None:
        return None


def cluster_that_says(status: int, content: bytes) -> Cluster:
    """Return a cluster that has the same answer to everything."""

    async def request(*_: Any, **__: Any) -> Any:
        return SimpleNamespace(response=Answer(status, content))

    async def nothing(*_: Any, **__: Any) -> None:
        return None

    async def load() -> Any:
        return SimpleNamespace(
            update_params_for_auth=nothing,
            rest_client=SimpleNamespace(request=request),
            configuration=SimpleNamespace(host="http://127.0.0.1:1"),
            close=nothing,
        )

    return Cluster(ApiServer(load))


async def _watched(cluster: Cluster) -> list[dict[str, Any]]:
    return [found async for _, found in cluster.watch_pods("default", "1")]


async def _listed(cluster: Cluster) -> list[dict[str, Any]]:
    return (await cluster.list_pods("default")).items


KUBERNETES: list[Callable[[Cluster], Awaitable[Any]]] = [
    _listed,
    _watched,
    lambda cluster: cluster.get_policy("default", "x"),
    lambda cluster: cluster.may("get", "pods", "default"),
    lambda cluster: cluster.pod_lives("default", "x"),
    lambda cluster: cluster.any_lives("default", {"app": "x"}),
    lambda cluster: cluster.namespace_labels("default"),
    lambda cluster: cluster.version(),
    lambda cluster: cluster.delete_policy("default", "x", "u", "1"),
    lambda cluster: cluster.resources("apps/v1"),
    lambda cluster: cluster.get_object("/apis/apps/v1/namespaces/default/deployments/x"),
]


def take_kubernetes(raw: bytes) -> None:
    """Check that an answer is what was asked for or a ClientError, whatever it says."""
    status, call = chosen(STATUSES, raw, 0), chosen(KUBERNETES, raw, 1)
    _answer(call(cluster_that_says(status, raw[2:])))


def take_refusal(raw: bytes) -> None:
    """Check that every answer that is not yes has its meaning, on one bounded line."""
    status = chosen(STATUSES, raw, 0)
    asked = raw[1:9].decode("latin-1")
    message = str(error_of("GET /x", status, raw[1:], {"Retry-After": asked}))
    assert len(message) <= LONGEST_MESSAGE
    assert "\n" not in message
    assert 0.0 <= (retry_after(asked) or 0.0) <= 60.0


def take_object(raw: bytes) -> None:
    """Check that a pod or a Service is a record that travels, or a ValueError."""
    make = chosen((pod_event, service_event), raw, 0)
    try:
        found = json.loads(raw[1:])
    except (ValueError, RecursionError):
        return
    if not isinstance(found, dict):
        return
    try:
        event = make(found, "ADDED", "local", Stamp(lease=1, n=1))
    except ValueError:
        return
    if event is not None:
        assert decode(encode(event), PodEvent) == event


def take_owner(raw: bytes) -> None:
    """Check that whatever an owner says can be carried by a record."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict) and isinstance(found.get("metadata"), dict):
        controller, selector = owner_of(found)
        kind, name = (controller.kind, controller.name) if controller else ("Deployment", "web")
        workload = Workload(kind=kind, name=name, selector=selector)
        assert decode(encode(workload), Workload) == workload


def take_revision(raw: bytes) -> None:
    """Check that what stands in an annotation is a revision, or older than all."""
    revision = parse_revision(raw.decode("utf-8", "surrogateescape"))
    assert revision == Revision(epoch=-1) or parse_revision(revision.text) == revision


META = {"name": "pod-a", "namespace": "default", "uid": "u", "resourceVersion": "7",
        "labels": {"app": "pod-a", "pod-template-hash": "x"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-x", "controller": True}],
        "deletionTimestamp": None}  # fmt: skip
KUBE_POD = {
    "metadata": META,
    "spec": {"hostname": "h", "serviceAccountName": "s", "nodeName": "n", "hostNetwork": False,
             "containers": [{"ports": [{"containerPort": 80, "protocol": "TCP", "name": "http"}]}]},
    "status": {"phase": "Running", "podIP": "10.0.0.9", "podIPs": [{"ip": "10.0.0.9"}]},
}  # fmt: skip
SERVICE = {
    "metadata": META,
    "spec": {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"], "selector": {"app": "a"},
             "ports": [{"port": 80, "protocol": "TCP", "targetPort": "http"}]},
}  # fmt: skip
DEPLOYMENT = {
    "metadata": {"resourceVersion": "7", "uid": "u", "ownerReferences": [
        {"apiVersion": "a/v1", "kind": "App", "name": "web", "uid": "v", "controller": True}]},
    "spec": {"selector": {"matchLabels": {"app": "web"}, "matchExpressions": []}},
}  # fmt: skip
RESOURCES = {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]}
LISTING = {"metadata": {"resourceVersion": "9"}, "items": [KUBE_POD]}
PAGE = {"metadata": {"resourceVersion": "9", "continue": "more"}, "items": [KUBE_POD]}
CHANGE = {"type": "MODIFIED", "object": KUBE_POD}
OVER = {"type": "ERROR", "object": {"code": 410, "message": "too old"}}
REFUSAL = {"kind": "Status", "reason": "Conflict", "message": "no", "code": 409, "details": {
    "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "m1"', "field": "x"},
               {"reason": "ResourceVersionTooLarge"}, {"field": "metadata.uid"}]}}  # fmt: skip

TARGETS = [
    Target(
        "verefoo",
        take_verefoo,
        [
            told(0, 0, body=embedded("graphList", GRAPH)),
            told(0, 0, body=GRAPH),
            told(0, 1, body=embedded("graphsList", {"graph": [GRAPH]})),
            told(1, 2, body=embedded("longList", 7)),
            told(0, 3, body={"_links": {}}),
            told(6, 1, body=FAILURE),
        ],
        head=2,
        quick=300,
    ),
    Target(
        "kubernetes",
        take_kubernetes,
        [
            told(0, 0, body=LISTING),
            told(0, 0, body=PAGE),
            told(0, 1, body=CHANGE) + b"\n" + told(body=OVER) + b"\n",
            told(0, 2, body=KUBE_POD),
            told(0, 3, body={"status": {"allowed": True}}),
            told(0, 4, body=KUBE_POD),
            told(0, 5, body=KUBE_POD),
            told(0, 6, body={"gitVersion": "v1"}),
            told(7, 7, body=REFUSAL),
            told(0, 8, body=RESOURCES),
            told(0, 9, body=DEPLOYMENT),
        ],
        head=2,
    ),
    Target("refusal", take_refusal, [told(7, body=REFUSAL), b"\x0b30", b"\x0c<html>"], head=1),
    Target("object", take_object, [told(0, body=KUBE_POD), told(1, body=SERVICE)], head=1),
    Target("owner", take_owner, [told(body=DEPLOYMENT)]),
    Target("revision", take_revision, [b"1.2.3", b"1.0.-1", b""]),
]
