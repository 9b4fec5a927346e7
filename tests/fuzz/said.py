"""Targets: what people write: settings, files and moments for commands, addresses and ports."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pydantic import ValidationError

from agents.asking.moments import parse_moment, time_text
from deploy.cli.endpoints import Endpoints, read_endpoints
from deploy.cli.past import Picture, compare, read_picture
from deploy.cli.replay import try_on
from streams.records.addresses import check_pattern, check_pod_address, is_exact, matches
from streams.records.ports import parse_ports
from streams.rules.spaces import around, blocks, inside, space_of
from streams.settings import Settings, load, names
from streams.settings_values import check_url, host_ports
from tests.fuzz.target import Target
from tests.unit.cli.test_past import PODS, replayed
from tests.unit.cli.test_past import RULE as RULED

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
PLAIN = Settings()
ADDRESSES = ("10.0.0.1", "10.244.120.90", "0.0.0.0", "255.255.255.255")


def without_ours() -> dict[str, str]:
    """Return the environment less all settings."""
    return {name: told for name, told in os.environ.items() if not name.lower().startswith("vere")}


def written(raw: bytes, ending: str, read: Callable[[Path], Any]) -> Any:
    """Return what is read from a file with these bytes."""
    with tempfile.NamedTemporaryFile(suffix=ending) as file:
        file.write(raw)
        file.flush()
        return read(Path(file.name))


def take_settings_file(raw: bytes) -> None:
    """Check that a file is settings which can be given again, or a ValueError."""

    def read(path: Path) -> None:
        with patch.dict(os.environ, without_ours() | {"VEREFLOW_CONFIG": str(path)}, clear=True):
            _check(load())
        with patch.dict(os.environ, without_ours(), clear=True):
            try_on(PLAIN, path)

    with suppress(ValueError):
        written(raw, ".yaml", read)


def take_environment(raw: bytes) -> None:
    """Check that variables are settings which can be given again, or a ValueError."""
    lines = [line.partition(b"=") for line in raw.replace(b"\0", b"").split(b"\n")]
    told = {
        "VEREFLOW_" + os.fsdecode(name): os.fsdecode(value)
        for name, _, value in lines
        if name and name.upper() != b"CONFIG"
    }
    with patch.dict(os.environ, without_ours() | told, clear=True), suppress(ValueError):
        _check(load())


def _check(settings: Settings) -> None:
    assert Settings(**settings.model_dump()) == settings
    assert host_ports(settings.kafka.broker)


def take_moment(raw: bytes) -> None:
    """Check that a moment can be said again, or a ValueError."""
    try:
        moment = parse_moment(raw.decode("utf-8", "surrogateescape"), NOON)
    except ValueError:
        return
    if moment.time is not None:
        again = parse_moment(time_text(moment.time), NOON)
        assert again.time is not None
        assert abs(again.time - moment.time) <= 0.001


def take_picture(raw: bytes) -> None:
    """Check that a file can be compared in every way, or a ValueError."""
    try:
        found = written(raw, ".json", read_picture)
    except ValueError:
        return
    assert isinstance(found, Picture)
    for settings in (PLAIN, OUTSIDE):
        json.dumps(compare(found, NOW, settings).as_data())


def take_endpoints(raw: bytes) -> None:
    """Check that a file says where everything is, or a ValueError."""
    try:
        found = written(raw, ".json", read_endpoints)
    except ValidationError as error:
        raise AssertionError("people would be shown a setting that is none") from error
    except ValueError:
        return
    assert Endpoints.model_validate_json(found.model_dump_json(by_alias=True)) == found


def take_text(raw: bytes) -> None:
    """Check that a text is an address, ports or a URL in one spelling, or a ValueError."""
    text = raw.decode("utf-8", "surrogateescape")
    with suppress(ValueError):
        pattern = check_pattern(text)
        assert check_pattern(pattern) == pattern
        space, near = space_of(pattern), around(pattern)
        covered = [each for each in ADDRESSES if matches(pattern, each)]
        for each in map(int, map(IPv4Address, covered)):
            assert any(first <= each <= last for first, last in near)
        if space is not None:
            assert inside(blocks(space)) == space == near
        assert is_exact(pattern) == (near[0].first == near[0].last)
    with suppress(ValueError):
        assert str(IPv4Address(check_pod_address(text))) == text
    with suppress(ValueError):
        first, last = parse_ports(text)
        assert parse_ports(f"{first}-{last}") == (first, last)
        assert 0 <= first <= last <= 65535
    with suppress(ValueError):
        url = check_url(text)
        assert check_url(url) == url


FILE = {
    "instance": "main",
    "kafka": {"broker": "127.0.0.1:9092", "prefix": "p.", "tls": False, "session_timeout": 10},
    "cluster": {"name": "local", "namespaces": ["default"], "pod_ranges": ["10.244.0.0/16"],
                "namespace_selector": "a=b", "shadow": ["*"], "isolation": "namespace"},
    "verefoo": {"url": "http://127.0.0.1:8085/verefoo", "poll_seconds": 1.5},
    "graph": {"id": 0, "firewall": "10.0.0.1", "placement": "star"},
    "rules": {"exactness": "strict", "reading": "any-end"},
    "allowances": {"dns": True, "dns_service": "kube-system/kube-dns", "prometheus": "a/b=c",
                   "webhooks": ["10.0.0.0/8"]},
    "web": {"port": 6066, "host": "::1"},
    "log": {"level": "info"},
}  # fmt: skip
VARIABLES = [
    *(f"{group}__{name}={value}" for group, inner in FILE.items() if isinstance(inner, dict)
      for name, value in inner.items()),
    'KAFKA={"broker": "a:1"}', 'CLUSTER__NAMESPACES=["a"]', "INSTANCE=b", "NO_SUCH=1",
]  # fmt: skip
ENDPOINTS = {
    "kube": {"server": "http://127.0.0.1:1", "kubeconfig": "/k"},
    "broker": "127.0.0.1:9092",
    "verefoo": {"url": "http://127.0.0.1:8085/verefoo", "graph": 1},
    "web": ["http://127.0.0.1:6066"],
    "brokerHook": "",
    "login": {"prefix": "p", "tls": True, "ca": "/c", "user": "u", "passwordFile": "/p",
              "mechanism": "PLAIN"},
}  # fmt: skip
POLICY = {
    "metadata": {"name": "a", "namespace": "default", "labels": {"a": "b"}, "annotations": {}},
    "spec": {
        "podSelector": {"matchLabels": {"app": "a"}, "matchExpressions": [
            {"key": "app", "operator": "In", "values": ["a"]}]},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": {}, "namespaceSelector": {"matchLabels": {}}}],
                     "ports": [{"port": 80, "endPort": 90, "protocol": "TCP"}]}],
        "egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.7/32"]}}],
                    "ports": [{"port": "http"}]}],
    },
}  # fmt: skip
TOLD = replayed(*PODS, RULED)
NOW = TOLD.picture
OUTSIDE = Settings(cluster={"pod_ranges": ["10.0.0.0/24"]})
BEFORE = TOLD.as_data()
OTHER = BEFORE | {"policies": [{"name": "default/a", "manifest": POLICY}]}

TARGETS = [
    Target(
        "settings-file",
        take_settings_file,
        [json.dumps(FILE).encode(), b"instance: a\nkafka:\n  broker: b:1\n", b"a: &b [*b]\n", b""],
        quick=100,
    ),
    Target(
        "environment",
        take_environment,
        ["\n".join(VARIABLES).encode(), *(each.encode() for each in VARIABLES), b"=",
         *(f"{name.upper()}=1".encode() for name in names())],
        quick=300,
    ),
    Target(
        "moment",
        take_moment,
        [b"now", b"15m", b"2026-11-27T08:00:00Z", b"2026-11-27", b"12", b"1-W01", b"90d"],
    ),
    Target("picture", take_picture, [json.dumps(each).encode() for each in (BEFORE, OTHER)]),
    Target("endpoints", take_endpoints, [json.dumps(ENDPOINTS).encode(), b"{}"]),
    Target(
        "text",
        take_text,
        [b"10.0.0.-1", b"-1.-1.-1.-1", b"*", b"10.0.0.1", b"80", b"80-90", b"0-65535",
         b"http://a:1/b", b"https://[::1]:1", b"10.-1.0.1"],
    ),
]  # fmt: skip
