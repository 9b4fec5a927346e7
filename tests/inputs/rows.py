"""Bad and odd records, each under the id of its row in the checklist of inputs."""

from __future__ import annotations

import gzip
import json
import pickle
from base64 import b64encode
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest


class Input(NamedTuple):
    """One record, and the reason of its dead letter; None where it must have none."""

    row: str
    value: bytes | None
    reason: str | None


POD = {
    "podName": "pod-x",
    "podIP": "10.244.120.99",
    "hostname": "gabuscemaw",
    "event": "ADDED",
    "eventCode": 0,
}
FULL = POD | {"namespace": "default", "uid": "uid-x", "labels": {"app": "pod-x"}}
RULE = {
    "action": "ALLOW",
    "source": "10.244.120.90",
    "destination": "10.244.120.91",
    "protocol": "TCP",
    "srcPort": "*",
    "dstPort": "80",
    "directional": True,
}


def raw(told: Any) -> bytes:
    """Return a value as it would travel."""
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _pod(**changes: Any) -> bytes:
    return raw(POD | changes)


def _without(told: dict[str, Any], *names: str) -> bytes:
    return raw({name: value for name, value in told.items() if name not in names})


def _text(text: str) -> bytes:
    return text.encode()


_NAMES = ["", " ", "a" * 254, "Pod-A", "..", "a/b", "../../secrets/x"]
_CONTROLS = ["pod\nx", "pod\rx", "pod\x1b[2Jx", "pod\u202ex", "pod\x00x"]
_ADDRESSES = ["999.1.1.1", "10.0.0", "010.0.0.1", "10.0.0.1/0", "0x0a000001", "10.0.0.1 "]
_SPECIAL = ["0.0.0.0", "255.255.255.255", "127.0.0.1", "169.254.169.254", "224.0.0.1"]
_OTHER_FAMILY = ["fd00::1", "::ffff:10.0.0.1", "fe80::1%eth0"]

_VERSIONS = ["", "abc", "-1", str(2**70)]
_REQUEST = {"__faust": {"ns": "faust.agents.models.ReqRepRequest"}, "reply_to": "pod-events"}
_PICKLE = pickle.dumps(print)

_E27 = {"podName": "pod-e27", "podIP": "10.244.120.27"}
_LATE_END = {"uid": "uid-old", "event": "DELETED", "eventCode": 2}

POD_EVENTS = [
    Input("E01", b"", "empty"),
    Input("E02", None, "tombstone"),
    Input("E03", b'{"podName":', "not-json"),
    Input("E04", b"\xff\xfe\x00", "not-utf8"),
    Input("E05", b"\xef\xbb\xbf" + _pod(), "not-json"),
    *[Input("E06", raw(told), "not-an-object") for told in ([], 1, "text", None, True)],
    Input("E07", b"[" * 100_000, "too-deep"),
    Input("E08", b'{"podName": "' + b"x" * (10 << 20) + b'"}', "too-large"),
    Input("E09", b'{"podIP":"10.0.0.8","podIP":"10.0.0.9"}', "duplicate-key"),
    Input("E10", _text('{"podName":"p","event":"ADDED","eventCode":NaN}'), "not-json"),
    Input("E10", _text('{"podName":"p","event":"ADDED","eventCode":Infinity}'), "not-json"),
    Input("E10", _text('{"podName":"p","event":"ADDED","eventCode":1e999}'), "number-too-big"),
    Input("E11", _text('{"eventCode":' + "9" * 5000 + "}"), "number-too-big"),
    Input("E12", _without(POD, "podName"), "missing-field"),
    Input("E13", _without(POD, "event"), "missing-field"),
    Input("E13", _without(FULL, "uid"), "missing-field"),
    Input("E14", _pod(podName="pod-e14", podIP="10.244.120.14", colour="blue"), None),
    *[Input("E15", _pod(podName=name), "bad-field") for name in _NAMES],
    *[Input("E16", _pod(podName=name), "bad-field") for name in _CONTROLS],
    Input("E17", _pod(podName="p" * 200, podIP="10.244.120.17"), None),
    Input("E18", _pod(podName="p\u043ed"), "bad-field"),
    Input("E18", _pod(podIP="10.244.120.\uff19"), "bad-field"),
    Input("E19", _pod(podName="pod-e19", podIP=""), None),
    Input("E19", raw({"podName": "pod-e19", "event": "ADDED"}), None),
    *[Input("E20", _pod(podIP=address), "bad-field") for address in _ADDRESSES],
    *[Input("E21", _pod(podIP=address), "bad-field") for address in _SPECIAL],
    *[Input("E22", _pod(podIP=address), "bad-field") for address in _OTHER_FAMILY],
    Input("E23", _pod(podIP=["10.244.120.9", "fd00::9"]), "bad-field"),
    Input("E24", _pod(podIP="10.0.0.1"), "reserved-address"),
    Input("E25", _pod(podName="pod-e25", podIP="10.244.120.91"), None),
    *[Input("E26", _pod(event=event), "bad-field") for event in ("added", "ADDEDX", "", True)],
    Input("E26", _pod(eventCode=2), "bad-field"),
    Input("E27", _pod(hostname="h" * 4096), "bad-field"),
    Input("E27", _pod(hostname="h/../x"), "bad-field"),
    Input("E27", _without(POD | _E27, "hostname"), None),
    Input("E28", _pod(podName="pod-e28", event="DELETED", eventCode=2), None),
    Input("E29", raw(FULL | {"podName": "pod-a"} | _LATE_END), None),
    *[Input("E31", _pod(event=event), "bad-field") for event in ("BOOKMARK", "ERROR")],
    Input("E31", raw({"kind": "Status", "code": 410, "metadata": {}}), "missing-field"),
    *[Input("E32", raw(FULL | {"namespace": each}), None) for each in ("kube-system", "vereflow")],
    *[
        Input("E37", raw(FULL | {"uid": f"uid-{each}", "resourceVersion": each}), None)
        for each in _VERSIONS
    ],
    Input("E37", raw(FULL | {"resourceVersion": 2**70}), "number-too-big"),
    Input("E37", raw(FULL | {"resourceVersion": -1}), "bad-field"),
    Input("E41", raw(_REQUEST), "missing-field"),
    Input("E41", _pod(podName="pod-e41", podIP="10.244.120.41", **_REQUEST), None),
    Input("E42", _PICKLE, "not-utf8"),
    Input("E42", b64encode(_PICKLE), "not-json"),
    Input("E42", gzip.compress(b" " * (1 << 20), mtime=0), "not-utf8"),
    Input("E43", _text('{"podName":"p","event":"ADDED","hostname":"\\ud800"}'), "lone-surrogate"),
    Input("E43", _pod(podName="p\ud800"), "not-utf8"),
]


def change(*rules: Any, **said: Any) -> bytes:
    """Return a whole list of rules for the firewall."""
    return raw({"graph": "main", "firewall": "10.0.0.1", "elements": list(rules)} | said)


def _rule(row: str, reason: str | None, **changes: Any) -> Input:
    return Input(row, change(RULE | changes), reason)


def _rule_without(row: str, reason: str | None, *names: str) -> Input:
    rule = {name: value for name, value in RULE.items() if name not in names}
    return Input(row, change(rule), reason)


_BAD_PORTS = ["0", "-1", "65536", "80-79", "80-", "http", " 80", "8e1", "0x50", "080", "80,443"]
_NO_PROTOCOLS = ["ICMP", "tcp ", 6]
_YAML = ["!!python/object/apply:os.system [id]", "&a *a", "yes", "0o17", "1_000", "~"]
_TEMPLATES = ["{{ 7*7 }}", "{% include '/etc/passwd' %}", "${HOME}", "$(id)", "`id`"]

FIREWALL_CHANGES = [
    *[_rule("X01", "bad-field", action=action) for action in ("allow", "PERMIT", "")],
    _rule_without("X01", "missing-field", "action"),
    _rule("X02", None, action="DENY"),
    Input("X03", change(RULE, defaultAction="ALLOW"), "default-allow"),
    _rule_without("X04", "missing-field", "source"),
    _rule_without("X04", "missing-field", "destination"),
    *[_rule("X05", "bad-field", source=source) for source in ("-1", "0.0.0.0/0")],
    *[_rule("X05", None, source=source) for source in ("*", "10.0.0.-1")],
    _rule("X06", None, source="10.9.9.9"),
    _rule("X07", None, destination=RULE["source"]),
    *[_rule("X08", "bad-field", protocol=protocol) for protocol in _NO_PROTOCOLS],
    *[_rule("X08", None, protocol=protocol) for protocol in ("ANY", "OTHER", "SCTP")],
    _rule("X09", None, dstPort="*"),
    *[_rule("X09", "bad-field", dstPort=port) for port in (*_BAD_PORTS, 80, [80])],
    _rule("X10", None, dstPort="0-65535"),
    _rule("X11", None, dstPort="80-90"),
    _rule("X12", None, srcPort="80"),
    _rule("X13", "bad-field", directional="true"),
    _rule("X13", None, directional=False),
    _rule_without("X13", None, "directional"),
    Input("X14", change(RULE, RULE, RULE | {"action": "DENY"}, RULE | {"dstPort": "70-90"}), None),
    Input("X15", change(*[RULE] * 2001), "bad-field"),
    Input("X15", change(*[RULE] * 100_000), "too-large"),
    Input("X16", raw({"firewall": "10.0.0.1", "elements": {}}), "bad-field"),
    Input("X16", raw({"firewall": "10.0.0.1", "elements": None}), "bad-field"),
    Input("X16", change(None), "bad-field"),
    Input("X17", raw({"firewall": "10.0.0.1", "configuration": None}), "bad-field"),
    _rule("X18", None, source="10.244.120.77"),
    Input("X19", change(RULE, firewall="10.9.9.9"), "unknown-firewall"),
    Input("X19", change(RULE, graph="elsewhere"), "unknown-graph"),
    Input("X20", change(RULE, firewall="pod-a"), "unknown-firewall"),
    Input("X21", change(RULE), None),
    Input("X22", change(), None),
    Input("X23", change(), None),
    *[
        _rule("X24", "bad-field", **{field: text})
        for text in _YAML
        for field in ("action", "source", "protocol", "dstPort")
    ],
    *[
        _rule("X25", "bad-field", **{field: text})
        for text in _TEMPLATES
        for field in ("destination", "srcPort")
    ],
    *[Input("X25", change(RULE, firewall=text), "unknown-firewall") for text in _TEMPLATES],
]


def each_of(inputs: Iterable[Input]) -> list[Any]:
    """Return inputs as a test takes them, each bearing the id of its row."""
    return [
        pytest.param(
            each,
            id=f"{each.row}-{each.reason or 'accepted'}",
            marks=pytest.mark.row(each.row),
        )
        for each in inputs
    ]
