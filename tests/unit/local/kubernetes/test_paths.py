"""Paths mean what the API conventions say."""

from __future__ import annotations

import pytest

from deploy.local.kubernetes.kinds import NAMESPACES, NETWORK_POLICIES, PODS
from deploy.local.kubernetes.paths import Target, parse_path
from deploy.local.kubernetes.queries import truth

NETWORKING = "/apis/networking.k8s.io/v1"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/pods", Target(PODS)),
        ("/api/v1/namespaces", Target(NAMESPACES)),
        ("/api/v1/namespaces/a", Target(NAMESPACES, "", "a")),
        ("/api/v1/namespaces/a/status", Target(NAMESPACES, "", "a", "status")),
        ("/api/v1/namespaces/a/pods", Target(PODS, "a")),
        ("/api/v1/namespaces/a/pods/b", Target(PODS, "a", "b")),
        ("/api/v1/namespaces/a/pods/b/status", Target(PODS, "a", "b", "status")),
        ("/api/v1/namespaces/a/pods/status", Target(PODS, "a", "status")),
        (f"{NETWORKING}/networkpolicies", Target(NETWORK_POLICIES)),
        (f"{NETWORKING}/namespaces/a/networkpolicies/b", Target(NETWORK_POLICIES, "a", "b")),
    ],
)
def test_a_path_names_its_objects(path: str, target: Target) -> None:
    assert parse_path(path) == target


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/api",
        "/api/v1",
        "/api/v1/nodes",
        "/api/v1/pods/a",
        "/api/v1/namespaces/a/pods/b/log",
        "/api/v1/namespaces/a/pods/b/status/c",
        "/api/v1/networkpolicies",
        "/apis/networking.k8s.io/v1/pods",
        f"{NETWORKING}/namespaces/a/networkpolicies/b/status",
    ],
)
def test_other_paths_name_nothing(path: str) -> None:
    assert parse_path(path) is None


@pytest.mark.parametrize(
    ("query", "on"),
    [
        ({}, False),
        ({"watch": "false"}, False),
        ({"watch": "0"}, False),
        ({"watch": "1"}, True),
        ({"watch": "true"}, True),
        ({"watch": ""}, True),
    ],
)
def test_a_switch_is_on_unless_it_says_off(query: dict[str, str], on: bool) -> None:
    assert truth(query, "watch") is on
