"""Odd pods, as the API server tells them: read by the watcher's client, and run to the policies."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from agents.clients.pod_events import pod_event
from streams.flow.output import FIREWALL_CHANGES, POD_EVENTS
from streams.records.marks import Stamp
from tests.inputs.pipeline import CLUSTER, GRAPH, Pipeline
from tests.inputs.rows import RULE, change
from tests.inputs.three_pods import A, B, C, reaches

NODE, NEW = "192.168.1.10", "10.244.120.99"
STAMPS = count()


def watch(
    pipeline: Pipeline,
    name: str,
    address: str | None,
    change: str = "ADDED",
    *,
    meta: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
    phase: str = "Running",
) -> None:
    """Let the watcher see one change of a pod; no record of it may be refused."""
    known = {"name": name, "namespace": "default", "uid": f"uid-{name}", "resourceVersion": "7"}
    pod = {
        "metadata": known | {"labels": {"app": name}} | (meta or {}),
        "spec": spec or {},
        "status": {"phase": phase, "podIP": address},
    }
    event = pod_event(pod, change, CLUSTER, Stamp(lease=2, n=next(STAMPS)))
    assert pipeline.feed(POD_EVENTS, event.to_bytes(), event.key(CLUSTER)) == []


def allow(pipeline: Pipeline, *rules: dict[str, str]) -> None:
    given = change(RULE, *(RULE | each for each in rules))
    assert pipeline.feed(FIREWALL_CHANGES, given, GRAPH) == []


@pytest.mark.row("E32", "X27")
@pytest.mark.parametrize("namespace", ["kube-system", "vereflow"])
def test_a_pod_that_is_never_managed_gets_no_policy_and_no_rule_means_it(
    pipeline: Pipeline, namespace: str
) -> None:
    before = pipeline.policies()

    watch(pipeline, "broker", NEW, meta={"namespace": namespace})
    allow(pipeline, {"destination": NEW}, {"source": NEW})

    assert pipeline.policies() == before


@pytest.mark.row("E33")
def test_no_rule_means_a_pod_on_its_nodes_network(pipeline: Pipeline) -> None:
    watch(pipeline, "agent", NODE, spec={"hostNetwork": True})
    before = pipeline.policies()

    allow(pipeline, {"destination": NODE}, {"source": NODE})

    assert pipeline.policies() == before


@pytest.mark.row("E34")
@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_finished_leaves_its_address_and_its_rules(
    pipeline: Pipeline, phase: str
) -> None:
    watch(pipeline, "pod-b", B, "MODIFIED", meta={"uid": "uid-1"}, phase=phase)
    watch(pipeline, "pod-d", B)

    assert pipeline.newest["local/default/pod-b"].manifest is None
    assert "ports" not in str(pipeline.policies())


@pytest.mark.row("E35")
def test_a_pod_that_is_to_go_keeps_its_rules_until_it_is_gone(pipeline: Pipeline) -> None:
    going = {"uid": "uid-1", "deletionTimestamp": "2026-01-01T00:00:00Z"}

    watch(pipeline, "pod-b", B, "MODIFIED", meta=going)
    assert reaches(pipeline, A, B)

    watch(pipeline, "pod-b", B, "DELETED", meta=going)
    assert "ports" not in str(pipeline.policies())


@pytest.mark.row("E36")
def test_a_pod_without_the_label_is_reported_and_opens_nothing(pipeline: Pipeline) -> None:
    watch(pipeline, "pod-d", NEW, meta={"labels": {}})
    allow(pipeline, {"source": NEW})

    patch = pipeline.newest["local/default/pod-d"]
    assert patch.manifest is None
    assert "does not pick out" in patch.unprotected
    assert not reaches(pipeline, C, B)


@pytest.mark.row("E36")
def test_a_pod_with_a_victims_label_is_reported_to_whoever_owns_it(pipeline: Pipeline) -> None:
    watch(pipeline, "thief", NEW, meta={"labels": {"app": "pod-a"}})

    owner, peer = (pipeline.newest[f"local/default/{name}"] for name in ("pod-a", "pod-b"))
    assert "thief" in str(owner.inexact) + str(peer.inexact)
    assert pipeline.newest["local/default/thief"].unprotected


@pytest.mark.row("E37")
@pytest.mark.parametrize("version", ["1", "", "abc", "-1", str(2**70)])
def test_what_is_told_later_is_newer_whatever_its_version(pipeline: Pipeline, version: str) -> None:
    watch(pipeline, "pod-d", NEW, meta={"resourceVersion": "9"})
    assert pipeline.newest["local/default/pod-d"].manifest is not None

    relabelled = {"resourceVersion": version, "labels": {}}
    watch(pipeline, "pod-d", NEW, "MODIFIED", meta=relabelled)

    assert pipeline.newest["local/default/pod-d"].manifest is None
