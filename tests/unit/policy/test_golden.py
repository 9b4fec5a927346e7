"""The manifests of the story, word for word."""

from __future__ import annotations

import pytest

from tests.unit.policy.pods import compiled, pod, wall

A, B, C = "10.244.120.90", "10.244.120.91", "10.244.120.92"
PODS = [pod("pod-a", A), pod("pod-b", B), pod("pod-c", C)]
STORIES = {
    "isolation": [],
    "a-to-b-tcp-80": [f"ALLOW TCP {A}:80 -> {B}:80"],
    "range": ["ALLOW TCP 10.244.120.-1 -> 10.244.120.92:8000-8080"],
    "udp": [f"ALLOW UDP {A} -> {B}:53"],
    "whole-protocol": [f"ALLOW SCTP {A} -> {B}"],
    "everything": [f"ALLOW ANY {A} -> {B}"],
    "everything-but-ssh": [f"DENY TCP {A} -> {B}:22", f"ALLOW ANY {A} -> {B}"],
}


@pytest.mark.parametrize("story", STORIES)
def test_a_story_compiles_to_its_golden_manifests(story, golden):
    manifests, _ = compiled(PODS, [wall(*STORIES[story])])

    golden(story, manifests)


def test_a_peer_elsewhere_is_named_with_its_namespace(golden):
    pods = [pod("web", A, "front"), pod("db", B, "back")]

    manifests, _ = compiled(pods, [wall(f"ALLOW TCP {A} -> {B}:5432")])

    golden("two-namespaces", manifests)


def test_a_pod_without_rules_keeps_its_policy_when_others_get_some():
    before, _ = compiled(PODS, [wall()])
    after, _ = compiled(PODS, [wall(*STORIES["a-to-b-tcp-80"])])

    assert after[2] == before[2]
    assert after[0]["spec"]["ingress"] == before[0]["spec"]["ingress"]
    assert after[1]["spec"]["egress"] == before[1]["spec"]["egress"]
