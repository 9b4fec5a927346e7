"""What a server-side apply is refused for, and with which answer; some are surprising."""

from __future__ import annotations

import httpx
import pytest

from tests.conformance.kubernetes.calls import (
    APPLY,
    Json,
    apply,
    created,
    merge,
    policies,
    policy,
    with_metadata,
)


@pytest.fixture
def path(namespace: str) -> str:
    """Return the path of a policy that is not there yet."""
    return policies(namespace, "web")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (policy(foo=1), ".spec.foo: field not declared in schema"),
        (policy(ingress=[{"foo": 1}]), ".spec.ingress[0].foo: field not declared in schema"),
        (policy(ingress=[{"ports": 80}]), ".spec.ingress[0].ports: expected list, got &{80}"),
        (policy(podSelector={"matchLabels": {"app": 5}}), ".spec.podSelector.matchLabels.app"),
        (policy(ingress=[{"ports": [{"port": 80.5}]}]), "cannot unmarshal number 80.5"),
        (policy() | {"extra": 1}, ".extra: field not declared in schema"),
    ],
)
@pytest.mark.parametrize("validation", ["", "Strict", "Ignore"])
async def test_what_the_schema_does_not_know_is_a_500_without_a_reason(
    http: httpx.AsyncClient, path: str, body: Json, message: str, validation: str
) -> None:
    query = {"fieldValidation": validation} if validation else {}

    answer = await apply(http, path, body, **query)

    assert answer.status_code == 500
    assert not answer.json().get("reason")
    assert message in answer.json()["message"]
    assert (await http.get(path)).status_code == 404


async def test_an_apply_says_who_it_is(http: httpx.AsyncClient, path: str) -> None:
    answer = await apply(http, path, policy(), manager="")

    assert answer.status_code == 422
    assert answer.json()["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: '
        "fieldManager: Required value: is required for apply patch"
    )


async def test_ownership_is_not_declared(http: httpx.AsyncClient, path: str) -> None:
    body = with_metadata(policy(), managedFields=[{"manager": "m1", "operation": "Apply"}])

    answer = await apply(http, path, body)

    assert answer.status_code == 400
    assert answer.json()["message"] == "metadata.managedFields must be nil"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"apiVersion": None, "kind": None}, "invalid object type: /, Kind="),
        ({"kind": "Foo"}, "invalid object type: networking.k8s.io/v1, Kind=Foo"),
        ({"apiVersion": "v1"}, "invalid object type: /v1, Kind=NetworkPolicy"),
    ],
)
async def test_an_apply_says_its_type(
    http: httpx.AsyncClient, path: str, change: Json, message: str
) -> None:
    body = {key: value for key, value in (policy() | change).items() if value is not None}

    answer = await apply(http, path, body)

    assert answer.status_code == 400
    assert message in answer.json()["message"]


async def test_a_stale_version_is_a_conflict(http: httpx.AsyncClient, path: str) -> None:
    stored = (await apply(http, path, policy())).json()
    await merge(http, path, {"metadata": {"labels": {"a": "b"}}})
    seen = stored["metadata"]["resourceVersion"]

    answer = await apply(http, path, with_metadata(policy(egress=[{}]), resourceVersion=seen))

    assert answer.status_code == 409
    assert answer.json()["message"].startswith(
        'Operation cannot be fulfilled on networkpolicies.networking.k8s.io "web": '
        "the object has been modified"
    )
    assert "egress" not in (await http.get(path)).json()["spec"]


async def test_a_stale_version_is_a_conflict_even_with_force(
    http: httpx.AsyncClient, path: str
) -> None:
    stored = (await apply(http, path, policy())).json()
    await merge(http, path, {"metadata": {"labels": {"a": "b"}}})
    body = with_metadata(policy(egress=[{}]), resourceVersion=stored["metadata"]["resourceVersion"])

    assert (await apply(http, path, body, force="true")).status_code == 409


async def test_the_newest_version_is_accepted(http: httpx.AsyncClient, path: str) -> None:
    stored = (await apply(http, path, policy())).json()
    seen = stored["metadata"]["resourceVersion"]

    answer = await apply(http, path, with_metadata(policy(egress=[{}]), resourceVersion=seen))

    assert answer.status_code == 200


async def test_a_version_of_what_is_gone_creates_it_again(
    http: httpx.AsyncClient, path: str
) -> None:
    stored = (await apply(http, path, policy())).json()
    await http.delete(path)
    seen = stored["metadata"]["resourceVersion"]

    answer = await apply(http, path, with_metadata(policy(), resourceVersion=seen))

    assert answer.status_code == 201


async def test_another_uid_is_immutable(http: httpx.AsyncClient, path: str) -> None:
    await apply(http, path, policy())

    answer = await apply(http, path, with_metadata(policy(egress=[{}]), uid="another"))

    assert answer.status_code == 422
    assert "metadata.uid: Invalid value" in answer.json()["message"]
    assert "field is immutable" in answer.json()["message"]


async def test_the_uid_of_what_is_gone_creates_nothing(http: httpx.AsyncClient, path: str) -> None:
    uid = (await apply(http, path, policy())).json()["metadata"]["uid"]
    await http.delete(path)

    answer = await apply(http, path, with_metadata(policy(), uid=uid))

    assert answer.status_code == 409
    assert "uid mismatch: the provided object specified uid" in answer.json()["message"]
    assert (await http.get(path)).status_code == 404


async def test_a_namespace_that_is_not_there_is_not_found(http: httpx.AsyncClient) -> None:
    answer = await apply(http, policies("test-nowhere", "web"), policy())

    assert answer.status_code == 404
    assert answer.json()["message"] == 'namespaces "test-nowhere" not found'


async def test_another_namespace_in_the_body_is_refused(http: httpx.AsyncClient, path: str) -> None:
    answer = await apply(http, path, with_metadata(policy(), namespace="other"))

    assert answer.status_code == 400
    assert "does not match the namespace" in answer.json()["message"]


async def test_no_name_in_the_body_is_refused(http: httpx.AsyncClient, path: str) -> None:
    answer = await apply(http, path, policy() | {"metadata": {}})

    assert answer.status_code == 400
    assert "the name of the object" in answer.json()["message"]


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("a: [b", "error encoding patch: yaml: "),
        ("{", "error decoding patch: error converting YAML to JSON: yaml: "),
        ("", "invalid object type: /, Kind="),
        ("null", "invalid object type: /, Kind="),
    ],
)
async def test_yaml_that_is_none_is_refused(
    http: httpx.AsyncClient, path: str, text: str, begins: str
) -> None:
    answer = await http.patch(path, content=text, params={"fieldManager": "m1"}, headers=APPLY)

    assert answer.status_code == 400
    assert answer.json()["message"].startswith(begins)


@pytest.mark.parametrize(("field", "status", "warns"), [("foo", 201, True), ("Strict", 400, False)])
async def test_a_create_is_milder_about_unknown_fields(
    http: httpx.AsyncClient, namespace: str, field: str, status: int, warns: bool
) -> None:
    query = {"fieldValidation": field} if field == "Strict" else {}

    answer = await http.post(policies(namespace), json=policy(foo=1), params=query)

    assert answer.status_code == status
    assert ("Warning" in answer.headers) is warns
    if warns:
        assert 'unknown field \\"spec.foo\\"' in answer.headers["Warning"]
        assert "foo" not in answer.json()["spec"]


async def test_a_wrong_json_type_is_a_400_for_a_create(
    http: httpx.AsyncClient, namespace: str
) -> None:
    for spec in (
        {"podSelector": {"matchLabels": {"app": 5}}},
        {"ingress": [{"ports": "80"}]},
        {"ingress": [{"ports": [{"port": 80.5}]}]},
    ):
        answer = await http.post(policies(namespace), json=policy(**spec))

        assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


async def test_an_apply_over_a_created_object_shares_it(
    http: httpx.AsyncClient, namespace: str
) -> None:
    made = await created(http, policies(namespace), policy())

    answer = await apply(http, policies(namespace, "web"), policy())

    assert answer.status_code == 200
    assert answer.json()["spec"] == made["spec"]
    operations = {one["operation"] for one in answer.json()["metadata"]["managedFields"]}
    assert operations == {"Update", "Apply"}
