"""Whatever is sent, the answer is an object or a refusal, and what is stored can be shown."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.kubernetes import bodies, columns, protobuf
from deploy.local.kubernetes.deletion import delete
from deploy.local.kubernetes.errors import ApiError
from deploy.local.kubernetes.kinds import (
    CONFIG_MAPS,
    CRON_JOBS,
    DEPLOYMENTS,
    EVENTS,
    JOBS,
    LEASES,
    NETWORK_POLICIES,
    PODS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Json,
    Kind,
)
from deploy.local.kubernetes.options import DeleteOptions, WriteOptions
from deploy.local.kubernetes.patches import json_patch, merge_patch, strategic_patch
from deploy.local.kubernetes.paths import Target, parse_path
from deploy.local.kubernetes.queries import delete_options, list_request, watch_request
from tests.unit.local.kubernetes.objects import ANYTHING, new_api, refusal

PORT = {"port": 80, "endPort": 90, "protocol": "TCP"}
SELECTOR = {
    "matchLabels": {"a": "1"},
    "matchExpressions": [{"key": "b", "operator": "In", "values": ["1"]}],
}
BLOCK = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}
TEMPLATE = {
    "metadata": {"labels": {"a": "1", "b": "1"}},
    "spec": {"containers": [{"name": "a", "image": "b"}]},
}
ONCE = TEMPLATE | {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}
WHOLE: dict[Kind, Json] = {
    NETWORK_POLICIES: {
        "spec": {
            "podSelector": SELECTOR,
            "ingress": [{"from": [{"podSelector": SELECTOR}, BLOCK], "ports": [PORT]}],
            "policyTypes": ["Ingress"],
        }
    },
    PODS: {
        "spec": {"containers": [{"name": "a", "image": "b"}], "nodeName": "n"},
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": "10.0.0.1"}],
            "conditions": [{"type": "Ready"}],
        },
    },
    SERVICES: {"spec": {"ports": [{"port": 80}], "selector": {"a": "1"}, "type": "ClusterIP"}},
    EVENTS: {
        "involvedObject": {"kind": "Pod", "name": "a", "namespace": "default"},
        "type": "Normal",
    },
    LEASES: {"spec": {"holderIdentity": "a", "leaseDurationSeconds": 5}},
    CONFIG_MAPS: {"data": {"a": "1"}},
    SERVICE_ACCOUNTS: {"secrets": [{"name": "a"}], "automountServiceAccountToken": True},
    DEPLOYMENTS: {"spec": {"selector": SELECTOR, "template": TEMPLATE, "replicas": 2}},
    JOBS: {"spec": {"selector": SELECTOR, "template": ONCE, "manualSelector": True}},
    CRON_JOBS: {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": ONCE}}}},
}
RELEASED = {"metadata": {"finalizers": None}}
OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b", "controller": True}
METADATA = {
    "name": "x",
    "labels": {"a": "1"},
    "annotations": {"b": "2"},
    "finalizers": ["a/b"],
    "ownerReferences": [OWNER],
}


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[Kind, Json]:
    """Draw a good object with one part replaced by anything."""
    kind = draw(st.sampled_from(list(WHOLE)))
    body = copy.deepcopy(
        {"apiVersion": kind.api_version, "kind": kind.name, "metadata": METADATA} | WHOLE[kind]
    )
    holder: Any = body
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = draw(st.sampled_from(keys))
        below = holder[key]
        if not isinstance(below, dict | list) or not below or draw(st.booleans()):
            holder[key] = draw(ANYTHING)
            return kind, body
        holder = below


@given(spoilt(), st.sampled_from(["create", "apply", "merge", "strategic", "replace"]))
def test_a_spoilt_object_is_stored_whole_or_refused(drawn: tuple[Kind, Json], verb: str) -> None:
    kind, body = drawn
    api = new_api()
    place = (kind, "default", "x")
    good = {"metadata": {"name": "x"}} | WHOLE[kind]
    options = WriteOptions("m1")

    try:
        if verb == "create":
            api.create(kind, "default", body, options)
        elif verb == "apply":
            api.apply(*place, body, options)
        else:
            api.create(kind, "default", copy.deepcopy(good), options)
            if verb == "replace":
                api.replace(*place, body, options)
            elif verb == "merge":
                api.patch(*place, lambda live: merge_patch(live, body), options)
            else:
                api.patch(*place, lambda live: strategic_patch(kind, live, body), options)
    except ApiError as error:
        orjson.dumps(error.body)

    for stored in api.store.all(kind):
        orjson.dumps(columns.render(kind, stored, "Object"))
        name = stored["metadata"]["name"]
        delete(api, kind, "default", name, DeleteOptions(grace_period=0, propagation="Background"))
        if stored["metadata"].get("finalizers"):
            api.patch(kind, "default", name, lambda live: merge_patch(live, RELEASED), options)
    assert api.store.all(kind) == []


@given(st.lists(st.dictionaries(st.sampled_from(["op", "path", "from", "value"]), ANYTHING)))
def test_any_steps_are_done_or_refused(steps: list[Json]) -> None:
    assert refusal(lambda: json_patch({"a": [{"b": 1}], "": {"c": "d"}}, steps)) in {0, 400, 422}


@given(st.binary(max_size=60), st.sampled_from(["application/json", "application/yaml"]))
def test_any_bytes_are_an_object_or_refused(raw: bytes, language: str) -> None:
    assert refusal(lambda: bodies.decode_object(language, raw) | {}) in {0, 400}


@given(st.text(alphabet="ab:[]{}&*!-.0123456789 \n'\"#|>", max_size=40))
def test_any_yaml_can_be_said_in_json(text: str) -> None:
    def read() -> None:
        found = bodies.decode_patch(bodies.APPLY, text.encode())
        assert orjson.loads(orjson.dumps(found)) == found

    assert refusal(read) in {0, 400}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 2026-01-02", "2026-01-02"),
        ("a: {1: x, no: y}", {"1": "x", "false": "y"}),
        ("a: [1, 1.5, yes, ~, 'no']", [1, 1.5, True, None, "no"]),
        ("a: 123456789012345678901234567890", 123456789012345678901234567890.0),
    ],
)
def test_yaml_is_read_as_json(text: str, value: Any) -> None:
    assert bodies.decode_patch(bodies.APPLY, text.encode()) == {"a": value}


@given(st.binary(max_size=60))
def test_any_protobuf_is_an_object_or_refused(raw: bytes) -> None:
    assert refusal(lambda: protobuf.decode(b"k8s\0" + raw)) in {0, 400, 415}


def field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


def test_a_configmap_is_read_from_protobuf() -> None:
    type_ = field(1, b"v1") + field(2, b"ConfigMap")
    entry = field(1, b"key") + field(2, b"value")
    metadata = field(1, b"c") + field(11, field(1, b"a") + field(2, b"1"))
    raw = b"k8s\0" + field(1, type_) + field(2, field(1, metadata) + field(2, entry))

    assert protobuf.decode(raw) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "labels": {"a": "1"}},
        "data": {"key": "value"},
    }


QUERIES = st.dictionaries(
    st.sampled_from(["limit", "continue", "resourceVersion", "timeoutSeconds", "dryRun"]),
    st.text(max_size=5) | st.integers().map(str) | st.just("9" * 5000),
)


@given(QUERIES, ANYTHING)
def test_any_query_is_understood_or_refused(query: dict[str, str], body: Any) -> None:
    options = body if isinstance(body, dict) else {"preconditions": body, "dryRun": body}
    for read in (
        lambda: list_request(Target(PODS), query),
        lambda: watch_request(Target(PODS), query),
        lambda: delete_options(query, options),
    ):
        assert refusal(read) in {0, 400, 422}


@given(st.lists(st.sampled_from(["api", "apis", "v1", "namespaces", "pods", "x", "status", ""])))
def test_any_path_means_something_or_nothing(parts: list[str]) -> None:
    target = parse_path("/" + "/".join(parts))

    assert target is None or target.kind.plural in parts
