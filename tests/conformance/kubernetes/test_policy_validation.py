"""Which NetworkPolicies are refused, where and why; created and applied alike."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conformance.kubernetes.calls import Json, apply, core, policies, policy, with_metadata

PORT = "spec.ingress[0].ports[0]"
BLOCK = "spec.ingress[0].from[0].ipBlock"
TERM = "spec.podSelector.matchExpressions[0]"
NO_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
RANGE = "must be between 1 and 65535, inclusive"
SUBSET = "must be a strict subset of `cidr`"


def labelled(key: str, value: str) -> Json:
    return policy(podSelector={"matchLabels": {key: value}})


def port(**fields: Any) -> Json:
    return policy(ingress=[{"ports": [fields]}])


def peer(**fields: Any) -> Json:
    return policy(ingress=[{"from": [fields]}])


def block(cidr: str, *holes: str) -> Json:
    return peer(ipBlock={"cidr": cidr} | ({"except": list(holes)} if holes else {}))


def term(**fields: Any) -> Json:
    return policy(podSelector={"matchExpressions": [{"key": "app"} | fields]})


LABELS = "spec.podSelector.matchLabels"
ROWS: dict[str, tuple[Json, str, str]] = {
    "long label": (labelled("app", "a" * 64), LABELS, "must be no more than 63 bytes"),
    "label with a space": (
        labelled("app", "a b"),
        LABELS,
        'Invalid value: "a b": a valid label must be an empty string or consist of',
    ),
    "label key": (labelled("-app", "a"), LABELS, "name part must consist of alphanumeric"),
    "label prefix": (
        labelled("a" * 254 + "/app", "a"),
        LABELS,
        "prefix part must be no more than 253 bytes",
    ),
    "own label": (
        with_metadata(policy(), labels={"a": "b" * 64}),
        "metadata.labels",
        "must be no more than 63 bytes",
    ),
    "annotations": (
        with_metadata(policy(), annotations={"a": "b" * 262_145}),
        "metadata.annotations",
        "Too long: may not be more than 262144 bytes",
    ),
    "port 0": (port(port=0), f"{PORT}.port", f"Invalid value: 0: {RANGE}"),
    "port 65536": (port(port=65536), f"{PORT}.port", f"Invalid value: 65536: {RANGE}"),
    "port -1": (port(port=-1), f"{PORT}.port", f"Invalid value: -1: {RANGE}"),
    "port as text": (
        port(port="80"),
        f"{PORT}.port",
        'Invalid value: "80": must contain at least one letter (a-z)',
    ),
    "long port name": (port(port="a" * 16), f"{PORT}.port", "must be no more than 15 characters"),
    "port name": (
        port(port="my_port"),
        f"{PORT}.port",
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    ),
    "end below port": (
        port(port=90, endPort=80),
        f"{PORT}.endPort",
        "Invalid value: 80: must be greater than or equal to `port`",
    ),
    "end too high": (port(port=90, endPort=70000), f"{PORT}.endPort", RANGE),
    "end alone": (
        port(endPort=80),
        f"{PORT}.endPort",
        "may not be specified when `port` is not specified",
    ),
    "end of a name": (
        port(port="http", endPort=80),
        f"{PORT}.endPort",
        "may not be specified when `port` is non-numeric",
    ),
    "ICMP": (
        port(protocol="ICMP"),
        f"{PORT}.protocol",
        'Unsupported value: "ICMP": supported values: ',
    ),
    "tcp": (port(protocol="tcp"), f"{PORT}.protocol", 'Unsupported value: "tcp"'),
    "prefix 33": (block("10.0.0.0/33"), f"{BLOCK}.cidr", NO_CIDR),
    "no prefix": (block("10.0.0.1"), f"{BLOCK}.cidr", NO_CIDR),
    "netmask": (block("10.0.0.0/255.0.0.0"), f"{BLOCK}.cidr", NO_CIDR),
    "host bits": (
        block("10.0.0.1/8"),
        f"{BLOCK}.cidr",
        "must not have bits set beyond the prefix length",
    ),
    "leading zero": (
        block("010.0.0.0/8"),
        f"{BLOCK}.cidr",
        "must not have leading 0s",
    ),
    "mapped": (
        block("::ffff:10.0.0.0/104"),
        f"{BLOCK}.cidr",
        "must not have an IPv4-mapped IPv6 address",
    ),
    "empty block": (peer(ipBlock={}), f"{BLOCK}.cidr", "Required value"),
    "hole outside": (block("10.0.0.0/8", "11.0.0.0/9"), f"{BLOCK}.except[0]", SUBSET),
    "hole as large": (block("10.0.0.0/8", "10.0.0.0/8"), f"{BLOCK}.except[0]", SUBSET),
    "hole wider": (block("10.0.0.0/8", "10.0.0.0/7"), f"{BLOCK}.except[0]", SUBSET),
    "hole elsewhere": (block("10.0.0.0/8", "2001:db8::/64"), f"{BLOCK}.except[0]", SUBSET),
    "no hole": (block("10.0.0.0/8", "foo"), f"{BLOCK}.except[0]", NO_CIDR),
    "hole with host bits": (
        block("10.0.0.0/8", "10.0.0.1/9"),
        f"{BLOCK}.except[0]",
        "must not have bits set beyond the prefix length",
    ),
    "block and pods": (
        peer(ipBlock={"cidr": "10.0.0.0/8"}, podSelector={}),
        "spec.ingress[0].from[0]",
        "Forbidden: may not specify both ipBlock and another peer",
    ),
    "block and namespaces": (
        peer(ipBlock={"cidr": "10.0.0.0/8"}, namespaceSelector={}),
        "spec.ingress[0].from[0]",
        "Forbidden: may not specify both ipBlock and another peer",
    ),
    "empty peer": (
        peer(),
        "spec.ingress[0].from[0]",
        "Required value: must specify a peer",
    ),
    "policy type": (
        policy(policyTypes=["Foo"]),
        "spec.policyTypes[0]",
        'Unsupported value: "Foo": supported values: ',
    ),
    "three types": (
        policy(policyTypes=["Ingress", "Egress", "Ingress"]),
        "spec.policyTypes",
        "may not specify more than two policyTypes",
    ),
    "operator": (
        term(operator="Equals", values=["a"]),
        f"{TERM}.operator",
        'Invalid value: "Equals": not a valid selector operator',
    ),
    "In without values": (
        term(operator="In"),
        f"{TERM}.values",
        "Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ),
    "Exists with values": (
        term(operator="Exists", values=["a"]),
        f"{TERM}.values",
        "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ),
}


@pytest.fixture(params=["create", "apply"])
def verb(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def written(http: httpx.AsyncClient, namespace: str, verb: str, body: Json) -> httpx.Response:
    if verb == "create":
        return await http.post(policies(namespace), json=body)
    return await apply(http, policies(namespace, body["metadata"]["name"]), body)


@pytest.mark.parametrize("row", ROWS)
async def test_a_policy_that_breaks_a_rule_is_refused(
    http: httpx.AsyncClient, namespace: str, verb: str, row: str
) -> None:
    body, field, message = ROWS[row]

    answer = await written(http, namespace, verb, body)

    assert answer.status_code == 422, answer.text
    status = answer.json()
    assert status["reason"] == "Invalid"
    assert status["message"].startswith('NetworkPolicy.networking.k8s.io "web" is invalid: ')
    found = [(cause["field"], cause["message"]) for cause in status["details"]["causes"]]
    assert any(where == field and message in why for where, why in found), found
    assert (await http.get(policies(namespace, "web"))).status_code == 404


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Bad_Name", 'Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of'),
        ("a" * 254, "must be no more than 253"),
    ],
)
async def test_a_name_that_is_none_is_refused(
    http: httpx.AsyncClient, namespace: str, verb: str, name: str, message: str
) -> None:
    answer = await written(http, namespace, verb, with_metadata(policy(), name=name))

    assert answer.status_code == 422
    (cause, *_) = answer.json()["details"]["causes"]
    assert cause["field"] == "metadata.name"
    assert message in answer.json()["message"]


async def test_an_object_has_a_name(http: httpx.AsyncClient, namespace: str) -> None:
    answer = await http.post(policies(namespace), json=policy() | {"metadata": {}})

    assert answer.status_code == 422
    assert "name or generateName is required" in answer.json()["message"]


async def test_an_object_lies_where_its_url_says(http: httpx.AsyncClient, namespace: str) -> None:
    body = with_metadata(policy(), namespace="other")

    answer = await http.post(policies(namespace), json=body)

    assert answer.status_code == 400
    assert "the namespace of the provided object does not match" in answer.json()["message"]


async def test_every_mistake_is_told_at_once(
    http: httpx.AsyncClient, namespace: str, verb: str
) -> None:
    body = policy(policyTypes=["Foo"], egress=[{"ports": [{"port": 0, "protocol": "ICMP"}]}])

    answer = await written(http, namespace, verb, body)

    fields = {cause["field"] for cause in answer.json()["details"]["causes"]}
    at = "spec.egress[0].ports[0]"
    assert fields == {"spec.policyTypes[0]", f"{at}.port", f"{at}.protocol"}


ACCEPTED: dict[str, tuple[Json, Json]] = {
    "no spec": ({}, {"podSelector": {}, "policyTypes": ["Ingress"]}),
    "no selector": (
        {"policyTypes": ["Egress"]},
        {"podSelector": {}, "policyTypes": ["Egress"]},
    ),
    "from nobody is from everybody": (
        {"ingress": [{"from": []}]},
        {"podSelector": {}, "ingress": [{}], "policyTypes": ["Ingress"]},
    ),
    "no types": (
        {"policyTypes": [], "egress": [{}]},
        {"podSelector": {}, "egress": [{}], "policyTypes": ["Ingress", "Egress"]},
    ),
    "types twice": (
        {"policyTypes": ["Ingress", "Ingress"]},
        {"podSelector": {}, "policyTypes": ["Ingress", "Ingress"]},
    ),
    "a port is TCP": (
        {"ingress": [{"ports": [{"port": 80}, {}]}]},
        {
            "podSelector": {},
            "ingress": [{"ports": [{"port": 80, "protocol": "TCP"}, {"protocol": "TCP"}]}],
            "policyTypes": ["Ingress"],
        },
    ),
}


@pytest.mark.parametrize("row", ACCEPTED)
async def test_what_is_left_out_is_filled_in(
    http: httpx.AsyncClient, namespace: str, verb: str, row: str
) -> None:
    spec, stored = ACCEPTED[row]

    answer = await written(http, namespace, verb, policy() | {"spec": spec})

    assert answer.status_code == 201, answer.text
    assert answer.json()["spec"] == stored


async def test_a_large_policy_is_accepted(http: httpx.AsyncClient, namespace: str) -> None:
    peers = [{"ipBlock": {"cidr": f"10.{n >> 8}.{n & 255}.0/24"}} for n in range(20_000)]

    answer = await http.post(policies(namespace), json=policy(ingress=[{"from": peers}]))

    assert answer.status_code == 201


async def test_a_pod_has_containers(http: httpx.AsyncClient, namespace: str) -> None:
    body = {"metadata": {"name": "p"}, "spec": {"containers": []}}

    answer = await http.post(core(namespace, "pods"), json=body)

    assert answer.status_code == 422
    assert "spec.containers: Required value" in answer.json()["message"]
