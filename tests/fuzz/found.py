"""Inputs that once broke a promise, by target: each is tried again with every run."""

from __future__ import annotations

import json

from tests.fuzz.answers import KUBE_POD, PAGE, told
from tests.fuzz.embedded import VERBS, bodies
from tests.fuzz.said import BEFORE, OTHER, POLICY

_APPLY, _YAML = VERBS.index(bodies.APPLY), 6
_BOMB = [
    b"a: &a [" + b"x," * 9 + b"x]",
    *(b"%c: &%c [" % (each, each) + b"*%c," % (each - 1) * 10 + b"]" for each in b"bcdefghij"),
]


def _picture(**policy: object) -> bytes:
    manifest = POLICY | {"spec": POLICY["spec"] | policy}
    told = OTHER | {"policies": [{"name": "default/a", "manifest": manifest}]}
    return json.dumps(told).encode()


FOUND = {
    "revision": [b"1.0.--1", b"1.0." + b"9" * 5000],
    "kubernetes": [
        told(0, 0, body=PAGE),
        told(7, 0, body={"details": {"causes": 1}}),
        *(told(0, call, body=KUBE_POD | {"status": ["Running"]}) for call in (3, 4)),
        told(0, 5, body={"metadata": {"resourceVersion": "1", "labels": [5]}}),
    ],
    "api-body": [
        bytes([_YAML]) + b'a: "\\ud800"',
        bytes([_YAML]) + b'"\\ud800": a',
        bytes([_YAML]) + b"a: " + b"9" * 400,
        bytes([_YAML]) + b'{"a":' * 200 + b"1" + b"}" * 200,
        bytes([_YAML]) + b"\n".join(_BOMB),
        bytes([_YAML]) + b"a: &a [*a, *a]",
        bytes([_YAML]) + b'{"a":' * 3000,
    ],
    "environment": [b"LOG=" + b'{"a":' * 1100],
    "settings-file": [b"".join(b"%x:\n" % number for number in range(10_000))],
    "picture": [
        json.dumps(
            BEFORE | {"pods": [{"name": "default/a", "manifest": {"metadata": {}}}]}
        ).encode(),
        _picture(ingress=[5]),
        _picture(ingress=5),
        _picture(policyTypes=[[]]),
        _picture(podSelector={"matchLabels": {"app": []}}),
        _picture(egress=[{"to": [{"ipBlock": {"cidr": "x"}}]}]),
        _picture(egress=[{"ports": [{"port": {}}]}]),
    ],
}
