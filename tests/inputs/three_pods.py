"""Three pods, and a rule that lets pod-a talk to pod-b on TCP 80."""

from __future__ import annotations

from streams.flow.output import FIREWALL_CHANGES
from tests.inputs.pipeline import GRAPH, Pipeline
from tests.inputs.rows import RULE, change
from tests.reading import connects

A, B, C = "10.244.120.90", "10.244.120.91", "10.244.120.92"
PODS = {"pod-a": A, "pod-b": B, "pod-c": C}
ENDPOINTS = [
    {"namespace": "default", "name": pod, "labels": {"app": pod}, "ip": address}
    for pod, address in PODS.items()
]


def three_pods() -> Pipeline:
    """Return the pipeline that has heard of them and of the rule."""
    pipeline = Pipeline()
    for number, (pod, address) in enumerate(PODS.items()):
        pipeline.pod(pod, address, f"uid-{number}")
    pipeline.begin()
    pipeline.feed(FIREWALL_CHANGES, change(RULE), GRAPH)
    assert pipeline.refusals == []
    return pipeline


def reaches(pipeline: Pipeline, one: str, two: str, protocol: str = "TCP", port: int = 80) -> bool:
    """Tell whether the manifests let one address reach another."""
    return connects(pipeline.policies(), ENDPOINTS, one, two, protocol, port)
