"""What it takes for nodes to stand for workloads is told beforehand: rules, policies and flows."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from agents.asking.stored import Stored
from agents.clients.verefoo import Verefoo
from deploy.cli import foreseeing, migration, remembered
from deploy.cli.foreseeing import Seen, surroundings
from deploy.cli.migration import CannotMigrate, Migration, plan
from deploy.cli.remembered import Remembered
from streams.codec import Poison
from streams.flow.aligner import Said
from streams.flow.foresight import Foresight
from streams.graph.model import GraphState
from streams.records.facts import FirewallChange, GraphFact
from streams.records.marks import Mark, MarkKind
from streams.records.pods import PodEvent
from streams.records.reasons import LetterReason
from streams.records.rules import Action, Rule
from streams.settings import Settings, load
from tests.unit.flow.test_migrating import FIREWALL, LIVING, OF_PODS, PODS, allow, event, graph

Json = dict[str, Any]
WEB = [allow(PODS[web], PODS["db-1"]) for web in ("web-1", "web-2")]
TO_WEB = [allow(PODS["db-1"], PODS[web]) for web in ("web-1", "web-2")]
TOGETHER = ["default/web-1 -> default/web-2", "default/web-2 -> default/web-1"]


def labelled(number: int, name: str) -> PodEvent:
    told = event(number, name)
    return told.model_copy(update={"labels": {**told.labels, "vereflow.io/pod": told.uid}})


EVENTS = [labelled(number, name) for number, name in enumerate(PODS, 1)]


def settings(identity: str, selection: str, **of_graph: Any) -> Settings:
    return load(cluster={"identity": identity, "selection": selection}, graph=of_graph)


def pod(told: PodEvent, **labels: str) -> Json:
    meta = {"name": told.pod_name, "namespace": "default", "labels": {**told.labels, **labels}}
    return {"metadata": meta, "spec": {}, "status": {"podIP": told.pod_ip}}


class Before:
    """An installation whose nodes stand for pods, with rules in its graph and by topic."""

    def __init__(self, written: list[Rule], spoken: list[Rule], events: list[PodEvent]) -> None:
        of_pods = Foresight(surroundings(settings("pod", "label"), 1))
        for each in EVENTS:
            of_pods.hear(each)
        for rule in (*written, *spoken):
            of_pods.say(FirewallChange(graph="main", firewall=FIREWALL, added=(rule,)))
        policies = [patch.manifest for patch in of_pods.policies().values() if patch.manifest]
        said = {FIREWALL: Said(Action.DENY, {rule: {} for rule in written})}
        self.state = graph(written, *OF_PODS)
        self.remembered = Remembered("main", of_pods.graph.index, said)
        stored = {f"default/{each.pod_name}": pod(each) for each in EVENTS}
        homes = {key: each.homes for key, each in LIVING.items()}
        self.seen = Seen(events, homes, Stored(stored, policies, {"default": {}}))


def planned(
    monkeypatch: pytest.MonkeyPatch,
    written: list[Rule],
    spoken: list[Rule],
    events: list[PodEvent] = EVENTS,
) -> Migration:
    before = Before(written, spoken, events)

    async def look(_: Settings) -> Seen:
        return before.seen

    async def find(*_: object) -> GraphState:
        return before.state

    monkeypatch.setattr(migration, "look", look)
    monkeypatch.setattr(migration, "find", find)
    nobody = cast(Verefoo, None)
    return asyncio.run(plan(settings("workload", "app"), nobody, before.remembered, 1))


def flows(found: Migration) -> dict[str, list[str]]:
    return {
        each["opens"] or each["closes"]: sorted(each["pairs"]) for each in found.difference.flows
    }


def test_rules_for_all_pods_become_one_and_only_pods_of_one_workload_are_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = planned(monkeypatch, WEB, TO_WEB)
    at = {owner.name.rpartition("/")[2]: address for address, owner in found.hosts.items()}

    assert found.lists[FIREWALL].rules == (allow(at["web"], at["db"]),)
    (said,) = found.spoken
    assert said.added == (allow(at["db"], at["web"]),)
    assert said.holders.keys() == set(at.values())
    assert flows(found) == {"everything": TOGETHER}
    assert found.partial == []
    assert found.difference.create == ["default/deployment.db", "default/deployment.web"]
    assert found.difference.delete == [f"default/{name}" for name in sorted(PODS)]
    assert found.bare == ()


def test_a_rule_for_one_of_two_pods_opens_the_other_and_that_has_another_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, found = planned(monkeypatch, WEB, []), planned(monkeypatch, WEB[:1], [])

    assert flows(found)["TCP 80"] == ["default/web-2 -> default/db-1"]
    assert ["said of 1 of 2" in each.text for each in found.partial] == [True]
    assert found.code != whole.code
    assert not found.nothing


def test_pods_that_would_be_unprotected_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lonely = [each.model_copy(update={"labels": {"vereflow.io/pod": each.uid}}) for each in EVENTS]

    assert planned(monkeypatch, [], [], lonely).bare == tuple(f"default/{name}" for name in PODS)


def test_pods_are_taken_to_wear_the_label_that_they_will_be_given() -> None:
    bare = [event(number, name) for number, name in enumerate(PODS, 1)]
    stored = {f"default/{each.pod_name}": pod(each) for each in bare}
    found = foreseeing._labelled(
        Seen(bare, {}, Stored(stored, [], {"default": {}})), settings("pod", "label").cluster
    )

    assert found.events == EVENTS
    assert found.stored.pods == {f"default/{each.pod_name}": pod(each) for each in EVENTS}
    assert [each.name for each in found.unlabelled] == list(PODS)


@pytest.mark.parametrize(
    ("told", "lost"),
    [
        (FirewallChange(graph="main", firewall=FIREWALL, added=(WEB[0],)), True),
        (FirewallChange(firewall=FIREWALL, added=(WEB[0],), polled=True), False),
        (FirewallChange(mark=Mark(kind=MarkKind.BARRIER, id="b")), False),
        (GraphFact(graph="main", change=FirewallChange(firewall=FIREWALL, gone=True)), True),
        (GraphFact(graph="main", mark=Mark(kind=MarkKind.BARRIER, id="b")), False),
        (Poison(b"", LetterReason.EMPTY), True),
    ],
)
def test_what_verefoo_cannot_say_again_is_to_be_taken_in_first(told: object, lost: bool) -> None:
    assert remembered._is_somebodys(told) is lost


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ({"placement": "distributed"}, "placement to star"),
        ({"clusters": ("local", "other")}, "several clusters"),
        ({"clusters": ("local",), "subnets": {"local": "10.244.-1.-1"}}, "one node"),
        ({"aliases": {"203.0.113.9": "local/default/Deployment/web"}}, "aliases when it is done"),
    ],
)
def test_what_cannot_be_carried_over_is_refused(graph: Json, said: str) -> None:
    told = settings("pod" if "subnets" in graph else "workload", "app", **graph)

    with pytest.raises(CannotMigrate, match=said):
        asyncio.run(plan(told, cast(Verefoo, None), cast(Remembered, None), 1))
