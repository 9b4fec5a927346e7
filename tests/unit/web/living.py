"""Three pods, a rule between two, and what came of it: as tables, cluster and topics have it.

Wherever somebody else chooses a text it is the one that is given.
"""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

from agents.asking.explained import Said
from agents.asking.newest import Newest
from agents.asking.stored import Stored
from agents.asking.turns import Course, Turn, Turns
from agents.web.recalled import Question
from streams.flow.graph_rows import (
    BindingRow,
    End,
    FirewallRow,
    GraphPodRow,
    GraphRow,
    PodsRow,
    RuleRow,
)
from streams.flow.output import DEAD_LETTERS, PATCH_OUTCOMES, POD_RULES, POLICY_PATCHES
from streams.flow.tracker import PodRow
from streams.records.base import Record
from streams.records.cause import Cause
from streams.records.policies import (
    DeadLetter,
    Outcome,
    PatchOutcome,
    PodRules,
    PolicyPatch,
    Revision,
)
from streams.records.rules import Action, Rule
from streams.records.views import Errs, Inexactness, PodRef
from tests.unit.web.site import Site, opened

NAMES = {"pod-a": "10.0.0.1", "pod-b": "10.0.0.2", "pod-c": "10.0.0.3"}
RULE = "ALLOW TCP 10.0.0.1:80 -> 10.0.0.2:80"
RULE_KEY = "10.0.0.9|00000|r"
CAUSE = Cause(topic="firewall-changes", partition=7, offset=2, at=100.0)
REVISION = Revision(epoch=1, incarnation=1, offset=5)
WIDER = Inexactness(rule=RULE, errs=Errs.WIDER, reason="source-port", example="TCP 1 -> 2")


def live(site: Site, text: str = "fine") -> None:
    """Let the pods live on a site; ``text`` is a label, a reason, a namespace and more."""
    for table in ("pods", "graph-pods", "graph-rules", "wanted", "policies"):
        opened(site, table)
    site.put("pods", [(key(name), PodRow(pod=ref(name, text), live=True, rev=1)) for name in NAMES])
    site.put("wanted", [(key(name), patch(name, text)) for name in NAMES])
    site.put("policies", [(key(name), outcome(name, text)) for name in NAMES])
    graph = site.held["graph-rules"].place("main")
    for at, row in graph_pods(text).items():
        site.put_at(graph, "graph-pods", f"main|{at}", row)
    for at, said in graph_rules(text).items():
        site.put_at(graph, "graph-rules", f"main|{at}", said)
    site.stored = stored(text)
    site.newest = newest(text)

    async def recall(question: Question) -> bytes:
        return turned(text) if isinstance(question, Course) else replayed(text)

    site.recall = recall


def key(name: str) -> str:
    return f"local/default/{name}"


def ref(name: str, text: str) -> PodRef:
    return PodRef(
        cluster="local",
        namespace="default",
        name=name,
        uid=f"uid-of-{name}",
        address=NAMES[name],
        labels={"app": name, "note": text},
    )


def manifest(name: str, text: str) -> dict[str, Any]:
    """Return a policy that isolates, but for the one flow that the rule allows."""
    port = [{"protocol": "TCP", "port": 80}]
    ingress = [{"from": [_peer("pod-a")], "ports": port}] if name == "pod-b" else []
    egress = [{"to": [_peer("pod-b")], "ports": port}] if name == "pod-a" else []
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {"vereflow.io/instance": "main"},
            "annotations": {"vereflow.io/revision": REVISION.text, "note": text},
        },
        "spec": {
            "podSelector": {"matchLabels": {"app": name}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }


def patch(name: str, text: str) -> PolicyPatch:
    return PolicyPatch(
        key=key(name),
        revision=REVISION,
        manifest=manifest(name, text),
        pod_uid=f"uid-of-{name}",
        digest=text,
        inexact=(WIDER,) if name in ("pod-a", "pod-b") else (),
        cause=CAUSE,
    )


def outcome(name: str, text: str) -> PatchOutcome:
    what = Outcome.REFUSED if name == "pod-c" else Outcome.APPLIED
    return PatchOutcome(
        key=key(name), outcome=what, revision=REVISION, reason=text, at=100.5, cause=CAUSE
    )


def graph_pods(text: str) -> dict[str, PodsRow]:
    pods = {
        key(name): PodsRow(pod=GraphPodRow(pod=ref(name, text), live=True, rev=1)) for name in NAMES
    }
    ends = {End.SOURCE: "uid-of-pod-a", End.DESTINATION: "uid-of-pod-b"}
    bound = [BindingRow(rule=RULE_KEY, said=4, end=end, uid=ends[end], at=4) for end in ends]
    return pods | {row.key: PodsRow(binding=row) for row in bound}


def graph_rules(text: str) -> dict[str, GraphRow]:
    rule = Rule(
        action=Action.ALLOW,
        source=NAMES["pod-a"],
        destination=NAMES["pod-b"],
        protocol="TCP",
        src_port="80",
        dst_port="80",
    )
    return {
        RULE_KEY: GraphRow(rule=RuleRow(firewall="10.0.0.9", rule=rule, at=4)),
        "firewall|10.0.0.9": GraphRow(firewall=FirewallRow(firewall="10.0.0.9", owner=text)),
    }


def stored(text: str) -> Stored:
    pods = {f"default/{name}": pod(name, text) for name in NAMES}
    policies = [_as_stored(name, text) for name in NAMES]
    foreign = _as_stored("pod-c", text)
    foreign["metadata"] |= {"name": f"of others {text}", "labels": {}}
    return Stored(pods, [*policies, foreign], {"default": {}}, notes=(f"note: {text}",))


def pod(name: str, text: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-of-{name}",
            "labels": {"app": name, "note": text},
        },
        "spec": {},
        "status": {"podIP": NAMES[name]},
    }


def newest(text: str) -> dict[str, Newest]:
    letter = DeadLetter(
        topic="pod-events",
        partition=1,
        offset=7,
        reason=text,
        detail=text,
        raw=base64.b64encode(text.encode()).decode(),
        at=99.0,
    )
    views = [PodRules(graph="main", subject=ref(name, text), revision=4) for name in NAMES]
    patches = [patch(name, text) for name in NAMES]
    outcomes = [outcome(name, text) for name in NAMES]
    return {
        DEAD_LETTERS: _told([letter], 99_000),
        POD_RULES: _told(views, 100_100, REVISION.offset),
        POLICY_PATCHES: _told(patches, 100_300),
        PATCH_OUTCOMES: _told(outcomes, 100_500),
    }


def replayed(text: str, fact: int = 3) -> bytes:
    """Return a moment when pod-b reached pod-c, and nobody anybody else."""
    policies = {name: manifest(name, text) for name in NAMES}
    for policy in policies.values():
        policy["spec"] |= {"ingress": [], "egress": []}
    policies["pod-b"]["spec"]["egress"] = [
        {"to": [{"podSelector": {"matchLabels": {"app": "pod-c"}}}]}
    ]
    policies["pod-c"]["spec"]["ingress"] = [{"from": [{"podSelector": {}}]}]
    content = {
        "replay": {"frame": None, "facts": 4, "fact": fact, "at": "1970-01-01T00:01:40.200+00:00"},
        "pods": [{"name": f"default/{name}", "manifest": pod(name, text)} for name in NAMES],
        "rules": [{"firewall": "10.0.0.9", "text": f"ALLOW TCP b -> c {text}", "place": 0}],
        "policies": [
            {"name": f"default/{name}", "manifest": each, "cause": CAUSE.model_dump(mode="json")}
            for name, each in policies.items()
        ],
    }
    return json.dumps(content).encode()


def turned(text: str) -> bytes:
    """Return that a rule opened the way from pod-a to pod-b."""
    said = Said(
        graph="main",
        key=RULE_KEY,
        firewall="10.0.0.9",
        text=f"{RULE} {text}",
        action="ALLOW",
        order="",
        said=text,
        decides=True,
    )
    opened_it = Turn(
        at="1970-01-01T00:01:40.200+00:00",
        fact=4,
        cause=CAUSE.text,
        said=text,
        turn="opened",
        allowed=True,
        why=f"Rule {RULE} allows it. {text}",
        rules=(said,),
        before=(said.model_copy(update={"decides": False}),),
    )
    found = Turns(
        source=key("pod-a"),
        to=key("pod-b"),
        port="TCP 80",
        begins=f"key frame {text}",
        facts=4,
        turns=(opened_it,),
        more=True,
    )
    return found.model_dump_json(by_alias=True).encode()


def _told(records: list[Any], timestamp: int, offset: int = 0) -> Newest:
    return Newest([_record(each, timestamp, offset) for each in records], more=False)


def _record(told: Record, timestamp: int, offset: int) -> Any:
    return SimpleNamespace(
        key=None, topic="t", partition=0, offset=offset, timestamp=timestamp, value=told.to_bytes()
    )


def _as_stored(name: str, text: str) -> dict[str, Any]:
    told = manifest(name, text)
    told["metadata"] |= {"uid": "u", "resourceVersion": "1", "managedFields": [{"manager": "m"}]}
    return told


def _peer(name: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {"app": name}}}
