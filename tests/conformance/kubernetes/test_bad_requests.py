"""Requests that make no sense get an answer that says so, and the server goes on."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conformance.kubernetes.calls import apply, core, created, pod, policies, policy

JSON = {"Content-Type": "application/json"}
LANGUAGES = ("application/json", "application/yaml")
NO_OBJECTS = (b"{", b"[]", b'"text"', b"[" * 100_000)


@pytest.mark.parametrize(
    ("language", "body", "status"),
    [
        *(("application/json", body, 400) for body in (b"", b"\xff\xfe")),
        *((language, body, 400) for body in NO_OBJECTS for language in LANGUAGES),
        # Null is an object without fields, and so is an empty document.
        *((language, b"null", 422) for language in LANGUAGES),
        *(("application/yaml", body, 422) for body in (b"", b"\xff\xfe")),
    ],
)
async def test_a_body_that_is_no_object_is_refused(
    http: httpx.AsyncClient, namespace: str, language: str, body: bytes, status: int
) -> None:
    answer = await http.post(
        core(namespace, "pods"), content=body, headers={"Content-Type": language}
    )

    assert answer.status_code == status, answer.text
    assert answer.json()["kind"] == "Status"


@pytest.mark.parametrize(
    ("body", "language"),
    [
        (b'{"a": NaN}', "application/json"),
        (b'{"a": 1} {"a": 2}', "application/json"),
        (b"a: .nan", "application/yaml"),
        (b"a: &a [*a]", "application/yaml"),
        (b"a: !!binary x", "application/yaml"),
    ],
)
async def test_what_json_cannot_say_is_refused(
    http: httpx.AsyncClient, namespace: str, body: bytes, language: str
) -> None:
    answer = await http.post(
        core(namespace, "pods"), content=body, headers={"Content-Type": language}
    )

    assert answer.status_code == 400, answer.text


async def test_a_tag_nobody_knows_is_as_if_not_there(
    http: httpx.AsyncClient, namespace: str
) -> None:
    tagged = "metadata: {name: x}\ndata: !!python/dict {a: !!python/none x, b: !own [1]}"

    answer = await http.post(
        core(namespace, "configmaps"), content=tagged, headers={"Content-Type": "application/yaml"}
    )

    assert answer.status_code == 400
    assert "cannot unmarshal array into Go struct field" in answer.json()["message"]


async def test_a_body_too_deep_to_store_is_refused(http: httpx.AsyncClient, namespace: str) -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    body = pod()

    answer = await http.post(core(namespace, "pods"), json=body | {"spec": body["spec"] | deep})

    assert answer.status_code in {201, 400}
    assert (await http.get(core(namespace, "pods"))).status_code == 200


async def test_a_body_larger_than_3_mib_is_refused(http: httpx.AsyncClient, namespace: str) -> None:
    body = b'{"a": "' + b"x" * (3 * 1024 * 1024) + b'"}'

    answer = await http.post(core(namespace, "pods"), content=body, headers=JSON)

    assert answer.status_code == 413
    assert answer.json()["reason"] == "RequestEntityTooLarge"
    assert "Request entity too large: limit is 3145728" in answer.json()["message"]


async def test_a_body_in_an_unknown_language_is_refused(
    http: httpx.AsyncClient, namespace: str
) -> None:
    answer = await http.post(
        core(namespace, "pods"), content=b"<pod/>", headers={"Content-Type": "text/xml"}
    )

    assert answer.status_code == 415


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api/v2/pods",
        "/api/v1/nothing",
        "/apis/none.example.com/v1/things",
        "/apis/networking.k8s.io/v2/networkpolicies",
        "/api/v1/namespaces/default/nothing",
        "/api/v1/namespaces/default/pods/a/nothing",
    ],
)
async def test_what_is_not_served_is_not_found(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/v1/namespaces/default/pods"),
        ("PATCH", "/api/v1/namespaces/default/pods"),
        ("POST", "/api/v1/namespaces/default/pods/a"),
        ("POST", "/api/v1/pods"),
        ("DELETE", "/api/v1/namespaces/default/pods/a/status"),
    ],
)
async def test_a_verb_that_does_not_exist_is_not_allowed(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await http.request(method, path, json={})

    assert answer.status_code == 405


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=many", 400),
        ("limit=" + "9" * 5000, 400),
        ("limit=-1", 200),
        ("limit=2&continue=%00", 400),
        ("labelSelector=%00", 200),
        ("labelSelector=a%3D%3D%3D", 400),
        ("fieldSelector=a", 400),
        ("fieldSelector=spec%3D1", 400),
        ("resourceVersion=abc", 400),
        ("resourceVersion=" + "9" * 5000, 400),
        ("watch=1&timeoutSeconds=soon", 400),
        ("watch=1&timeoutSeconds=" + "9" * 400, 400),
        ("watch=1&labelSelector=a%20b", 400),
        ("nonsense=1&&&=&%zz=%", 200),
    ],
)
async def test_an_odd_query_gets_a_plain_answer(
    http: httpx.AsyncClient, namespace: str, query: str, status: int
) -> None:
    answer = await http.get(httpx.URL(f"{core(namespace, 'pods')}?{query}"))

    assert answer.status_code == status, answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": 5},
        {"metadata": {"name": 5}},
        {"metadata": {"name": "x", "labels": []}},
        {"metadata": {"name": "x", "labels": {"a": 5}}},
        {"metadata": {"name": "x", "annotations": {"a": {}}}},
        {"metadata": {"name": "x"}, "spec": 5},
        {"metadata": {"name": "x"}, "spec": {"containers": 5}},
        {"metadata": {"name": "x"}, "spec": {"containers": ["x"]}},
        {"metadata": {"name": "x"}, "spec": {"nodeName": 5}},
        {"metadata": {"name": "x"}, "status": "x"},
        {"metadata": {"name": "x"}, "spec": {"terminationGracePeriodSeconds": "x"}},
        {"metadata": {"name": "x"}, "kind": 5},
        {"metadata": {"name": "x"}, "apiVersion": []},
        {"metadata": {"name": "x"}, "kind": "Service"},
    ],
)
async def test_an_object_of_another_shape_is_refused(
    http: httpx.AsyncClient, namespace: str, body: dict[str, Any]
) -> None:
    answer = await http.post(core(namespace, "pods"), json=body)

    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "spec",
    [
        {"ingress": [None]},
        {"ingress": [{"ports": [None]}]},
        {"policyTypes": ["Ingress"], "egress": None},
        {"podSelector": {"matchLabels": {"a": None}}},
        {"podSelector": None},
        None,
    ],
)
async def test_null_is_nothing(http: httpx.AsyncClient, namespace: str, spec: Any) -> None:
    answer = await http.post(policies(namespace), json=policy() | {"spec": spec})

    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "spec",
    [
        {"ingress": [{"from": [None]}]},
        {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": [None]}}]}]},
        {"podSelector": {"matchExpressions": [None]}},
        {"policyTypes": [None]},
    ],
)
async def test_nothing_where_something_must_be_is_refused(
    http: httpx.AsyncClient, namespace: str, spec: Any
) -> None:
    answer = await http.post(policies(namespace), json=policy() | {"spec": spec})

    assert answer.status_code == 422, answer.text


async def test_a_strange_field_name_does_not_break_the_warning(
    http: httpx.AsyncClient, namespace: str
) -> None:
    answer = await http.post(policies(namespace), json=policy() | {"a\r\nb\u2028": 1})

    assert answer.status_code == 201
    assert "\n" not in answer.headers.get("Warning", "")


async def test_a_manager_has_a_short_name(http: httpx.AsyncClient, namespace: str) -> None:
    answer = await apply(http, policies(namespace, "web"), policy(), manager="m" * 129)

    assert answer.status_code == 422


async def test_an_unknown_severity_is_refused(http: httpx.AsyncClient, namespace: str) -> None:
    query = {"fieldValidation": "Sometimes"}

    answer = await http.post(policies(namespace), json=policy(), params=query)

    assert answer.status_code == 422


async def test_a_new_object_has_no_version(http: httpx.AsyncClient, namespace: str) -> None:
    body = {"metadata": {"name": "web", "resourceVersion": "7"}}

    answer = await http.post(policies(namespace), json=policy() | body)

    assert answer.status_code == 500
    assert "resourceVersion should not be set" in answer.json()["message"]


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
async def test_the_server_is_well(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)

    assert (answer.status_code, answer.text) == (200, "ok")


async def test_what_has_been_refused_leaves_no_trace(
    http: httpx.AsyncClient, namespace: str
) -> None:
    await http.post(core(namespace, "pods"), content=b"{", headers=JSON)
    await http.post(core(namespace, "pods"), json={"metadata": {"name": "x"}, "spec": 5})

    await created(http, core(namespace, "pods"), pod())

    assert len((await http.get(core(namespace, "pods"))).json()["items"]) == 1
