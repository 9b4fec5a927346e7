"""One trace goes from a pod, and from a rule, to the policy that the API server acknowledged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.acting import acting, until_true
from tests.e2e.collecting import Collector, collecting

POD, PEER = ("pod-a", "10.244.7.11"), ("pod-b", "10.244.7.12")
TO_THE_CLUSTER = [
    *("process graph-facts", "send pod-rules", "process pod-rules"),
    *("send policy-patches.local", "process policy-patches.local", "apply policy"),
]
FROM_A_POD = ["send pod-events", "process pod-events", "send graph-facts", *TO_THE_CLUSTER]
FROM_A_RULE = [
    *("send firewall-changes", "process firewall-changes", "send graph-facts"),
    *TO_THE_CLUSTER,
]
OUTCOME = ["send patch-outcomes", "process patch-outcomes"]
TO_THE_GRAPH = [
    *("send pod-events", "process pod-events", "send graph-edits", "process graph-edits"),
    *("align graph", "POST verefoo"),
]


def said(span: Any) -> dict[str, Any]:
    """Return a span's attributes."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes
    }


def rule(source: str, destination: str) -> dict[str, Any]:
    return {
        "action": "ALLOW",
        "source": source,
        "destination": destination,
        "protocol": "TCP",
        "srcPort": "*",
        "dstPort": "80",
        "directional": True,
    }


def check(collector: Collector, way: list[Any], write: str) -> None:
    """Check that a way is one trace, in time, to a policy that was written and recorded."""
    apply = way[-1]
    assert {span.trace_id for span in way} == {way[0].trace_id}
    assert [span.start_time_unix_nano for span in way] == sorted(
        span.start_time_unix_nano for span in way
    )
    (key,) = {said(span)["messaging.kafka.message.key"] for span in way if "rules" in span.name}
    assert said(apply)["vereflow.policy"] == key
    assert apply.status.code == 0
    (call,) = [span for span in collector.under(apply) if span.name == f"{write} kubernetes"]
    assert "/networkpolicies" in said(call)["url.path"]
    assert call.status.code == 0
    (told,) = [span for span in collector.under(apply) if span.name == OUTCOME[0]]
    (recorded,) = collector.under(told)
    assert recorded.name == OUTCOME[1]
    assert said(recorded)["vereflow.outcome"] == "APPLIED"
    assert said(recorded)["vereflow.cause"] == said(way[1])["vereflow.cause"]


async def test_one_trace_goes_from_what_happened_to_the_write_of_the_policy(tmp_path: Path) -> None:
    async with collecting() as collector:
        told = {"VEREFLOW_TRACES__ENDPOINT": collector.url}
        async with acting(tmp_path, 1, environment=told) as actor:
            # What comes before a first listing is whole follows from its mark, and so from nothing.
            await actor.settled()
            await actor.create_pods(dict([POD, PEER]))
            await until_true(lambda: found(collector, [*FROM_A_POD, *OUTCOME]))
            await actor.write_rules([rule(POD[1], PEER[1])])
            await until_true(lambda: found(collector, [*FROM_A_RULE, *OUTCOME]))
            await until_true(lambda: found(collector, TO_THE_GRAPH))
            assert (await actor.policies()).keys() == {POD[0], PEER[0]}

        pod, change = collector.way(FROM_A_POD), collector.way(FROM_A_RULE)
        check(collector, pod, "POST")
        check(collector, change, "PATCH")
        assert pod[0].trace_id != change[0].trace_id
        assert said(pod[1])["messaging.destination.name"] == "pod-events"


async def found(collector: Collector, names: list[str]) -> bool:
    return bool(collector.way(names))
