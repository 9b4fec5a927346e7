"""Targets: what the embedded API server and the embedded Verefoo are sent."""

from __future__ import annotations

from typing import Any

import orjson

from deploy.local.kubernetes import bodies, columns, protobuf
from deploy.local.kubernetes.api import Api
from deploy.local.kubernetes.errors import ApiError
from deploy.local.kubernetes.kinds import CONFIG_MAPS, PODS, Kind
from deploy.local.kubernetes.listing import Lister
from deploy.local.kubernetes.options import WriteOptions
from deploy.local.kubernetes.patches import json_patch, merge_patch, strategic_patch
from deploy.local.kubernetes.paths import Target as Place
from deploy.local.kubernetes.queries import (
    delete_options,
    list_request,
    watch_request,
    write_options,
)
from deploy.local.verefoo.routes import ROUTES, Asked, answer
from deploy.local.verefoo.store import Store
from tests.fuzz.answers import ELEMENT, FIREWALL, GRAPH, told
from tests.fuzz.target import Target, chosen
from tests.unit.local.kubernetes.objects import new_api
from tests.unit.local.kubernetes.test_strange_bodies import METADATA, WHOLE, field
from tests.unit.local.verefoo.in_process import ask

KINDS = list(WHOLE)
VERBS = ("create", "replace", *bodies.PATCHES)
LANGUAGES = ("application/json", "application/yaml", protobuf.PROTOBUF)
OPTIONS = (WriteOptions("m1"), WriteOptions("m1", field_validation="Strict"))


def whole(kind: Kind) -> dict[str, Any]:
    """Return a good object of a kind."""
    type_ = {"apiVersion": kind.api_version, "kind": kind.name}
    return type_ | {"metadata": METADATA} | WHOLE[kind]


def take_object(raw: bytes) -> None:
    """Check that a body is stored as what can be shown and told again, or refused."""
    kind, verb, options = chosen(KINDS, raw, 0), chosen(VERBS, raw, 1), chosen(OPTIONS, raw, 2)
    api = new_api()
    if verb != "create":
        api.create(kind, "default", whole(kind), WriteOptions("m2"))
    try:
        _write(api, kind, verb, raw[3:], options)
    except ApiError as error:
        orjson.dumps(error.body)
    for stored in api.store.all(kind):
        assert orjson.loads(orjson.dumps(stored)) == stored
        orjson.dumps(columns.render(kind, stored, "Object"))


def _write(api: Api, kind: Kind, verb: str, body: bytes, options: WriteOptions) -> None:
    place = (kind, "default", "x")
    if verb == "create":
        api.create(kind, "default", bodies.decode_object(LANGUAGES[0], body), options)
    elif verb == "replace":
        api.replace(*place, bodies.decode_object(LANGUAGES[1], body), options)
    elif verb == bodies.APPLY:
        api.apply(*place, bodies.decode_patch(verb, body), options)
    else:
        patch = bodies.decode_patch(verb, body)
        change = {
            bodies.STEPS: lambda live: json_patch(live, patch),
            bodies.MERGE: lambda live: merge_patch(live, patch),
            bodies.STRATEGIC: lambda live: strategic_patch(kind, live, patch),
        }[verb]
        api.patch(*place, change, options)


def take_body(raw: bytes) -> None:
    """Check that a body in any language is JSON that can be told again, or refused."""
    language = chosen((*LANGUAGES, *bodies.PATCHES), raw, 0)
    decode = bodies.decode_patch if language in bodies.PATCHES else bodies.decode_object
    try:
        found = decode(language, raw[1:])
    except ApiError as error:
        orjson.dumps(error.body)
        return
    assert orjson.loads(orjson.dumps(found)) == found


def take_query(raw: bytes) -> None:
    """Check that selectors and numbers of a query mean something, or are refused."""
    kind = chosen(KINDS, raw, 0)
    texts = raw[1:].decode("utf-8", "replace").split("&")
    query = {name: value for name, _, value in (each.partition("=") for each in texts)}
    api, place = new_api(), Place(kind, "default")
    api.create(kind, "default", whole(kind), WriteOptions("m2"))
    try:
        found = Lister(api.store).answer(list_request(place, query))
        orjson.dumps(found)
        watch_request(place, query)
        write_options(place, query, "curl/8")
        delete_options(query, {})
    except ApiError as error:
        orjson.dumps(error.body)


def take_verefoo(raw: bytes) -> None:
    """Check that a call is answered, and that what it left behind can be shown."""
    path, methods = chosen(list(ROUTES.items()), raw, 0)
    method, number = chosen(list(methods), raw, 1), chosen("0123", raw, 2)
    store = Store()
    ask(store, "POST", "/adp/graphs", {"graph": [GRAPH]})
    ask(store, "POST", "/adp/requirements", {"property": []})
    said = path.replace("{}", "0", 1).replace("{}", number)
    asked = Asked(method, f"/verefoo{said}", raw[3:], "application/json")
    statuses = [answer(store, asked).status]
    for shown in ("/adp/graphs", "/adp/requirements", "/adp/graphs/0", "/adp/graphs/0/constraints"):
        reply = ask(store, "GET", shown)
        orjson.dumps(reply.body)
        statuses.append(reply.status)
    assert set(statuses) <= {200, 201, 204, 304, 400, 404, 405, 409, 415, 424, 500}


STEPS = [{"op": "replace", "path": "/metadata/labels/a", "value": "2"},
         {"op": "test", "path": "/kind", "value": "Pod"}, {"op": "remove", "path": "/spec"},
         {"op": "move", "from": "/metadata/labels", "path": "/metadata/annotations"},
         {"op": "add", "path": "/metadata/finalizers/-", "value": "a/b"}]  # fmt: skip
YAML = b"""\
apiVersion: v1
kind: ConfigMap
metadata: {name: &x y, labels: {a: *x}}
data:
  a: |
    b
"""
CONFIG_MAP = (
    b"k8s\0"
    + field(1, field(1, b"v1") + field(2, b"ConfigMap"))
    + field(2, field(1, field(1, b"c") + field(11, field(1, b"a") + field(2, b"1"))))
)
QUERIES = [
    b"labelSelector=a=1,b in (c,d),!e,f!=g,h>1&limit=1&resourceVersion=0",
    b"fieldSelector=metadata.name=x,status.phase!=Running&continue=abc&timeoutSeconds=3",
    b"fieldManager=m&force=true&dryRun=All&fieldValidation=Strict&gracePeriodSeconds=0",
    b"sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=1",
]
PROPERTY = {"name": "ISOLATION_PROPERTY", "graph": 0, "src": "a", "dst": "b", "lv4Proto": "TCP"}
CONSTRAINTS = {"nodeConstraints": {"nodeMetrics": [{"node": "a", "nrOfOperations": 1}]},
               "allocationConstraints": {"allocationConstraint": [{"type": "FORCED"}]}}  # fmt: skip
SAID = {
    "/adp/graphs": {"graph": [GRAPH]},
    "/adp/graphs/{}": GRAPH,
    "/adp/graphs/{}/nodes": FIREWALL,
    "/adp/graphs/{}/nodes/{}": FIREWALL,
    "/adp/graphs/{}/nodes/{}/neighbours": {"name": "10.0.0.9"},
    "/adp/graphs/{}/nodes/{}/configuration/{}": FIREWALL["configuration"],
    "/adp/graphs/{}/constraints": CONSTRAINTS,
    "/adp/requirements": {"property": [PROPERTY]},
    "/adp/requirements/{}": {"property": [PROPERTY]},
    "/adp/requirements/{}/properties": PROPERTY,
    "/adp/requirements/{}/properties/{}": PROPERTY,
}


def _calls() -> list[bytes]:
    return [
        told(place, way, number, body=SAID.get(path, ELEMENT))
        for place, (path, methods) in enumerate(ROUTES.items())
        for way, method in enumerate(methods)
        if method in ("POST", "PUT")
        for number in (1, 2)
    ]


TARGETS = [
    Target(
        "api-object",
        take_object,
        [
            *(told(place, verb, verb % 2, body=whole(kind))
              for place, kind in enumerate(KINDS) for verb in range(len(VERBS))),
            *(told(place, VERBS.index(bodies.STEPS), 0, body=STEPS) for place in range(len(KINDS))),
        ],
        head=3,
        quick=100,
    ),
    Target(
        "api-body",
        take_body,
        [told(0, body=whole(PODS)), b"\1" + YAML, b"\2" + CONFIG_MAP, told(3, body=STEPS),
         told(4, body=whole(CONFIG_MAPS)), b"\6" + YAML, b"\6a: !x [1e3, 0x1f, ~, 2026-01-02]"],
        head=1,
        quick=50,
    ),
    Target("api-query", take_query, [bytes([n]) + each for n, each in enumerate(QUERIES)], head=1),
    Target("verefoo-calls", take_verefoo, _calls(), head=3),
]  # fmt: skip
