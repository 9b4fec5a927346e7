"""A small world after its rules were carried out: rows of a real router, and what it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.asking.ends import Known
from agents.asking.explained import Explained
from agents.asking.explaining import explain
from agents.asking.reaching import parse_port
from agents.asking.rows import Rows
from agents.asking.seen import Picture, Recent, Seen
from agents.asking.stored import Stored
from agents.asking.why import Why, why_of
from agents.asking.workers import Answers, Told
from streams.flow.judging import Judging
from streams.flow.router import Routing
from streams.flow.tracker import PodRow
from streams.records.facts import GraphFact
from streams.records.policies import Outcome, PatchOutcome, PolicyPatch
from streams.records.views import PodRef
from tests.unit.flow.records import CLUSTER, ROUTING, Routed, address_of, claim, opening

Json = dict[str, Any]


class World:
    """Pods that are named by one letter, and everything that explanations are made of."""

    def __init__(self, names: str, routing: Routing = ROUTING) -> None:
        self.routed = Routed(routing)
        self.judging: Judging = routing.judging
        self.wanted: dict[str, PolicyPatch] = {}
        self.tracked: dict[str, PodRow] = {}
        self.outcomes: dict[str, PatchOutcome] = {}
        self.policies: dict[str, Json] = {}
        self.on_host: tuple[str, ...] = ()
        self.apart: tuple[str, ...] = ()
        self.pods = {f"default/{name}": pod(name) for name in names}
        self.tell(*opening(), *(claim(name, rev) for rev, name in enumerate(names, 1)))

    def tell(self, *facts: Any, outcome: Outcome = Outcome.APPLIED, reason: str = "") -> None:
        """Tell the graph something; what follows is written, or whatever else becomes of it."""
        for patch in self.routed.tell(*facts):
            self.wanted[patch.key] = patch
            self.outcomes[patch.key] = PatchOutcome(
                key=patch.key, outcome=outcome, revision=patch.revision, reason=reason
            )
            if outcome is Outcome.APPLIED and patch.manifest:
                self.policies[patch.key] = patch.manifest

    @property
    def known(self) -> Known:
        rows: Mapping[str, Any] = {
            "pods": self.tracked,
            "graph-pods": self.routed.pods,
            "graph-rules": self.routed.rows,
            "wanted": self.wanted,
            "policies": self.outcomes,
        }
        held = {name: each for name, each in rows.items() if name not in self.apart}
        answers = Answers({"w": Told({}, held, complete=True)}, {})
        stored = Stored(self.pods, [*self.policies.values()], {"default": {}}, on_host=self.on_host)
        return Known(Rows(answers, CLUSTER, self.apart), stored, self.judging)

    @property
    def seen(self) -> Seen:
        known = self.known
        return Seen(known.rows, known.judging, Picture(known.stored), Recent({}), Recent({}), ())

    def why(self, name: str) -> Why:
        return why_of(self.seen, f"{CLUSTER}/default/{name}")

    def explain(self, source: str, to: str, port: str = "") -> Explained:
        return explain(self.known, source, to, parse_port(port) if port else None)


def claimed(letter: str, rev: int, **changes: Any) -> GraphFact:
    """Claim an address for a pod that is more than its name, or for whoever else is known."""
    fact = claim(letter, rev)
    assert fact.claim is not None
    pod = PodRef.model_validate(fact.claim.pod.model_dump() | changes)
    return fact.model_copy(update={"claim": fact.claim.model_copy(update={"pod": pod})})


def pod(name: str) -> Json:
    meta = {
        "name": name,
        "namespace": "default",
        "uid": f"uid-{name}",
        "labels": {"app": name},
    }
    return {"metadata": meta, "spec": {}, "status": {"podIP": address_of(name)}}
